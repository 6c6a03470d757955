"""Those who write to a worker's inputs: requests, their labels, commands, and records nobody can read, from one seed.

Requests come twice under one id, or with a clock that lies by a year; labels come early, late, twice, against each
other, or for nobody. Two worlds are fed from here: the simulated one and that of real processes.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any, NamedTuple, Protocol

from streams.commands import CommandRecord, Verb, encode
from streams.log_port import Entry

START_MS = 1_700_000_000_000
TRACE_PARENT = b"00-0af7651916cd43dd8448eb211c80319c-%016x-01"
MINUTE = 60_000
COMMANDS = [
    (Verb.PROMOTE, "bayes"),
    (Verb.PROMOTE, "steady"),
    (Verb.PROMOTE, "linear"),
    (Verb.ROLLBACK, None),
    (Verb.BENCH, "bayes"),
    (Verb.BENCH, "linear"),
    (Verb.RESTORE, "bayes"),
    (Verb.RESTORE, "linear"),
    (Verb.PROMOTE, "nobody"),
]
POISON = [b"", b"{", b"\xff\xfe", b"[1]", b'{"id": "x"}', b'{"id": "x", "ts": "soon", "a": 1, "b": 2}', b'{"a": NaN}']

SECTIONS: dict[str, Any] = {
    "input": {"target": "y", "id": "id", "time": "ts", "drop": ["ts"], "task": "binary", "positive": 1},
    "labels": {"time": "at"},
    "schema": {"columns": {"a": "numeric", "b": "numeric", "c": "category"}},
    "contenders": {
        "champion": "linear=river.linear_model.LogisticRegression()",
        "challengers": [
            "bayes=river.naive_bayes.GaussianNB()",
            'steady=rules("a > 0.5 -> 0.9; otherwise 0.1")',
        ],
    },
}
"""The settings of a worker that can make something of it."""


class Sent(NamedTuple):
    """One record, and the topic it is for. The key of a request is its feature `b`, where it can be read."""

    topic: str
    entry: Entry


class Sender(Protocol):
    """Somebody who writes."""

    random: Random

    def send(self, now_ms: int) -> Sent:
        """Return the next record; `now_ms` is the time of day."""
        ...


class Senders:
    """Everybody who writes.

    Parameters
    ----------
    random
        What they write, and in which order.
    command_share
        How much of it is commands.
    """

    def __init__(self, random: Random, command_share: float = 0.06) -> None:
        self.random = random
        self._command_share = command_share
        self._event_ms = START_MS
        self._ids: list[str] = []

    def send(self, now_ms: int) -> Sent:
        """Return the next record; `now_ms` is the time of day that a command says."""
        draw = self.random.random()
        if draw < self._command_share:
            return Sent("commands", Entry(None, self._command(now_ms)))
        if draw < 0.55 or not self._ids:
            return Sent("requests", self._request())
        return Sent("labels", Entry(None, self._label()))

    def _command(self, now_ms: int) -> bytes:
        if self.random.random() < 0.15:
            return self.random.choice([b"", b"{}", b'{"verb": "start"}'])
        verb, contender = self.random.choice(COMMANDS)
        return encode(CommandRecord(verb, contender, "a person", now_ms, "because"))

    def _request(self) -> Entry:
        random = self.random
        if random.random() < 0.08:
            return Entry(None, random.choice(POISON))
        self._event_ms += random.randrange(40 * MINUTE)
        again = self._ids and random.random() < 0.06
        event_id = random.choice(self._ids) if again else f"e{len(self._ids)}"
        self._ids.append(event_id)
        wild = 400 * 86_400_000 if random.random() < 0.02 else 0
        values = {"id": event_id, "ts": self._event_ms + wild, "a": random.gauss(0, 1), "b": random.randrange(4)}
        values["c"] = random.choice(["x", "y", None, f"new{random.randrange(99)}"])
        headers = (("traceparent", TRACE_PARENT % len(self._ids)),) if len(self._ids) % 3 else ()
        return Entry(b"%d" % values["b"], json.dumps(values).encode(), headers)

    def _label(self) -> bytes:
        random = self.random
        if random.random() < 0.06:
            return random.choice([*POISON, b'{"id": "e0", "y": null, "at": 1700000000000}'])
        event_id = random.choice([random.choice(self._ids), f"e{len(self._ids)}", "nobody"])
        at = self._event_ms + random.choice([0, 0, MINUTE, 90 * MINUTE, 300 * MINUTE])
        return json.dumps({"id": event_id, "y": random.choice([0, 1, 1, "?"]), "at": at}).encode()

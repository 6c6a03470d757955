"""A log with a past: the real worker lived on it, several lives long, and a hand that knows the file can alter it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from streams.commands import CommandRecord, Verb
from streams.commands import encode as encode_command
from streams.embedded_log import EmbeddedLog
from streams.ground import Ground, ground_of
from streams.log_file import LOG_FILE, Durability
from streams.log_port import Entry, Log
from streams.partition_row import find_partition, move_partition
from streams.run import Service
from streams.settings import load_settings
from streams.stored_batch import checksum, encode

START_MS = 1_700_000_000_000
MINUTE = 60_000
JOURNAL = "__journal"

POISON = [b"", b"{", b"\xff\xfe", b"[1]", b'{"id": "x"}', b'{"id": "x", "ts": "soon", "a": 1}', b'{"a": NaN}']

BINARY: dict[str, dict[str, Any]] = {
    "input": {"target": "y", "id": "id", "time": "ts", "task": "binary", "positive": True},
    "labels": {"time": "at", "policy": "wait(4h)"},
    "schema": {"columns": {"a": "numeric", "b": "numeric", "c": "category"}},
    "contenders": {
        "champion": "linear=river.linear_model.LogisticRegression()",
        "challengers": [
            "bayes=river.naive_bayes.GaussianNB()",
            'steady=rules("a > 0.5 -> 0.9; otherwise 0.1")',
        ],
    },
    "limits": {"category_count_max": 4, "window_count": 20},
    "run": {"slice": 7, "checkpoint_every": 25},
}
"""A binary stream with late labels; tests change a section at a time."""


class Desk:
    """Whoever starts a worker, its clocks, its observer, and its wish to stop: never before all is answered."""

    by = "ann@desk"

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_ms(self) -> int:
        return START_MS

    def seconds(self) -> float:
        self._now_s += 0.0005
        return self._now_s

    def recovering(self, done: int, end: int) -> None:
        """Hear of it."""

    def begin(self, ground: object, recovered: object, seconds: float) -> None:
        """Hear of it."""

    def end(self, status: object) -> None:
        """Hear of it."""

    def working(self, status: object) -> None:
        """Hear of it."""

    def asked(self) -> bool:
        return False

    def wait(self, seconds: float) -> None:
        raise AssertionError("a worker that runs once never waits")


class Past:
    """One log, and the lives of its workers.

    Parameters
    ----------
    directory
        Of the log.
    changes
        Settings that differ from `BINARY`, by section.
    partition_count
        Of the topic of requests.
    """

    def __init__(self, directory: Path, changes: dict[str, dict[str, Any]] | None = None, *, partition_count: int = 1):
        self.directory = directory
        changes = changes or {}
        self.given = {name: {**BINARY.get(name, {}), **changes.get(name, {})} for name in {**BINARY, **changes}}
        self.given["log"] = {"dir": str(directory), "durability": "process"}
        self.partition_count = partition_count
        with self.log(create=True) as log:
            for topic, count in (("requests", partition_count), ("labels", 1), ("commands", 1)):
                log.create_topic(topic, count)

    @contextmanager
    def log(self, *, create: bool = False) -> Iterator[EmbeddedLog]:
        with EmbeddedLog(str(self.directory), durability=Durability.PROCESS, create=create) as log:
            yield log

    @contextmanager
    def ground(self) -> Iterator[Ground]:
        with self.log() as log:
            yield ground_of(log, str(self.directory), None)

    def append(self, topic: str, *values: bytes | dict[str, Any], partition: int = 0) -> None:
        entries = [Entry(None, each if isinstance(each, bytes) else json.dumps(each).encode()) for each in values]
        with self.log() as log:
            log.append(topic, partition, entries)

    def command(self, verb: Verb, contender: str | None = None) -> None:
        self.append("commands", encode_command(CommandRecord(verb, contender, "ann", START_MS, "because")))

    def live(self) -> None:
        """Let a worker answer everything that is there, and stop cleanly."""
        with self.log() as log:
            self.service(log).run()

    def service(self, log: Log, desk: Desk | None = None) -> Service:
        desk = desk or Desk()
        settings = load_settings(None, self.given, {})
        return Service(settings=settings, log=log, key=None, world=desk, observer=desk, stop=desk, once=True)

    def values(self, topic: str, partition: int = 0) -> list[bytes]:
        with self.log() as log:
            return [record.value for record in read_all(log, topic, partition)]

    def lines(self, topic: str, partition: int = 0) -> list[dict[str, Any]]:
        return [json.loads(value) for value in self.values(topic, partition)]

    def answers(self) -> list[dict[str, Any]]:
        """Return every answer, of all partitions."""
        return [line for number in range(self.partition_count) for line in self.lines("predictions", number)]

    def alter(self, topic: str, change: Callable[[list[Entry]], Sequence[Entry]], partition: int = 0) -> None:
        """Write a partition anew, with right checksums, as somebody would who knows the file."""
        rewrite(self.directory, topic, change, partition)


def read_all(log: Log, topic: str, partition: int = 0) -> Iterator[Any]:
    offset = log.begin(topic, partition)
    while records := (span := log.read(topic, partition, offset)).records:
        yield from records
        offset = span.next_offset


def rewrite(directory: Path, topic: str, change: Callable[[list[Entry]], Sequence[Entry]], partition: int = 0) -> None:
    """Replace what a partition holds, the journal under its own name among them."""
    db = sqlite3.connect(directory / LOG_FILE, isolation_level=None)
    try:
        db.execute("BEGIN")
        row = find_partition(db, topic, partition)
        with EmbeddedLog(str(directory)) as log:
            if topic == JOURNAL:
                held = [Entry(b"%d" % record.term, record.data) for record in log.journal(0)]
            else:
                held = [Entry(record.key, record.value) for record in read_all(log, topic, partition)]
        entries = list(change(held))
        db.execute("DELETE FROM batch WHERE partition_id = ?", (row.partition_id,))
        for offset, entry in enumerate(entries):
            blob = encode([entry])
            crc = checksum(topic, partition, offset, 1, blob)
            db.execute("INSERT INTO batch VALUES (?, ?, ?, ?, ?)", (row.partition_id, offset, 1, crc, blob))
        move_partition(db, row._replace(begin=0, end=len(entries)))
        db.execute("COMMIT")
    finally:
        db.close()


class Stream:
    """Seeded requests and labels: late, doubled, unknown, unusable, of a clock that lies now and then."""

    def __init__(self, seed: int, *, in_record: bool = False, named: bool = True) -> None:
        self.random = Random(seed)
        self._in_record = in_record
        self._named = named
        self._event_ms = START_MS
        self.ids: list[str] = []

    def send(self, past: Past, count: int) -> None:
        """Append so many records, in the order in which they happen."""
        random = self.random
        for _ in range(count):
            if self._in_record or random.random() < 0.55 or not self.ids:
                past.append("requests", self.request(), partition=random.randrange(past.partition_count))
            else:
                past.append("labels", self.label())

    def request(self) -> bytes | dict[str, Any]:
        random = self.random
        if random.random() < 0.06:
            return random.choice(POISON)
        self._event_ms += random.randrange(20 * MINUTE)
        again = self.ids and random.random() < 0.08
        event_id = random.choice(self.ids) if again else self._next_id()
        self.ids.append(event_id)
        wild = 400 * 86_400_000 if random.random() < 0.02 else 0
        values: dict[str, Any] = {"ts": self._event_ms + wild, "a": random.gauss(0, 1), "b": random.randrange(4)}
        values["c"] = random.choice(["x", "y", None, f"new{random.randrange(99)}"])
        if self._named:
            values["id"] = event_id
        if self._in_record:
            values["y"] = random.choice([None, self._truth()])
        return values

    def label(self) -> bytes | dict[str, Any]:
        random = self.random
        if random.random() < 0.06:
            return random.choice(POISON)
        event_id = random.choice(
            [random.choice(self.ids), random.choice(self.ids[-9:]), f'é"{len(self.ids)}', "nobody"]
        )
        at = self._event_ms + random.choice([0, 0, 0, 0, 0, MINUTE, 30 * MINUTE, 300 * MINUTE])
        return {"id": event_id, "y": self._truth(), "at": at}

    def _next_id(self) -> str:
        return f'é"{len(self.ids)}'

    def _truth(self) -> object:
        """Return a target; not before the task could be inferred an unusable one."""
        return self.random.choice([0, 1, 1, "?"] if len(self.ids) > 40 else [0, 1])

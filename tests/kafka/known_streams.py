"""Streams that are known, on their way to a worker: Elec2, whose truth comes half an hour later, and card payments, of
which the frauds are reported days later, and the others never.
"""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from heapq import heappop, heappush
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from engine.event_time import parse_event_time
from streams.log_port import Entry
from streams.synthetic import COLUMNS, CardPayments
from tests.replays import real
from tests.senders import START_MS, Sent

HALF_AN_HOUR_MS = 1_800_000


class Row(NamedTuple):
    """One event: its features with id and time, what it is about, and its label with the time at which it is known."""

    values: dict[str, Any]
    key: str
    label: dict[str, Any] | None


class KnownStream:
    """Sends the rows of a stream, and each label once the next request is later than it.

    Parameters
    ----------
    rows
        In order of time.
    random
        Draws for whoever asks; nothing of what is sent.

    Attributes
    ----------
    requests
        How many requests were sent.
    """

    def __init__(self, rows: Iterator[Row], random: Random) -> None:
        self.random = random
        self.requests = 0
        self._rows = rows
        self._next = next(rows)
        self._waiting: list[tuple[int, int, dict[str, Any]]] = []

    def send(self, now_ms: int) -> Sent:
        """Return the next record."""
        row = self._next
        if self._waiting and self._waiting[0][0] < parse_event_time(row.values["ts"]):
            return Sent("labels", Entry(None, json.dumps(heappop(self._waiting)[2]).encode()))
        if row.label is not None:
            heappush(self._waiting, (parse_event_time(row.label["at"]), self.requests, row.label))
        self._next = next(self._rows)
        self.requests += 1
        return Sent("requests", Entry(row.key.encode(), json.dumps(row.values).encode()))


def elec2(path: Path) -> Iterator[Row]:
    """Yield the electricity market, half-hour by half-hour."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file)):
            truth, at = row.pop("class"), START_MS + number * HALF_AN_HOUR_MS
            values = {"id": f"e{number}", "ts": at, "day": int(row.pop("day")), **{n: float(x) for n, x in row.items()}}
            yield Row(values, str(values["day"]), {"id": f"e{number}", "y": truth, "at": at + HALF_AN_HOUR_MS})


def payments(seed: int) -> Iterator[Row]:
    """Yield card payments; only frauds are reported."""
    for fields in CardPayments(seed).rows():
        row: dict[str, Any] = dict(zip(COLUMNS, fields, strict=True))
        truth, reported = row.pop("fraud"), row.pop("reported_at")
        values = {"id": row.pop("id"), "ts": row.pop("at"), **row}
        label = {"id": values["id"], "y": int(truth), "at": reported} if reported else None
        yield Row(values, values["card"], label)


def _sections(
    directory: Path, classes: tuple[object, object], key: str, policy: str, columns: dict[str, str]
) -> dict[str, dict[str, Any]]:
    sample = directory / "classes.jsonl"
    directory.mkdir(parents=True, exist_ok=True)
    rows = [{"id": f"s{n}", "ts": 0, **dict.fromkeys(columns, 0), "y": y} for n, y in enumerate(classes)]
    sample.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {
        "input": {"key": key, "positive": classes[1], "paths": [str(sample)]},
        "labels": {"policy": policy},
        "schema": {"columns": columns},
        "contenders": {
            "champion": "tree=hoeffding_tree()",
            "challengers": ["bayes=naive_bayes()", "linear=logistic()"],
        },
        "run": {"slice": 200, "checkpoint_every": 1_000},
    }


def elec2_sections(directory: Path) -> dict[str, dict[str, Any]]:
    """Return the settings for `elec2`."""
    columns = dict.fromkeys(
        ("date", "day", "period", "nswprice", "nswdemand", "vicprice", "vicdemand", "transfer"), "numeric"
    )
    return _sections(directory, ("DOWN", "UP"), "day", "wait(2d)", columns)


def payments_sections(directory: Path) -> dict[str, dict[str, Any]]:
    """Return the settings for `payments`."""
    numbers = dict.fromkeys(("hour", "amount", "times_usual", "last_hour"), "numeric")
    columns = {"card": "category", "merchant": "category", "country": "category", **numbers}
    return _sections(directory, (0, 1), "card", "negative_after(5d)", columns)


def known_stream(name: str, directory: Path) -> tuple[Iterator[Row], dict[str, dict[str, Any]]]:
    """Return a stream by its name, and its settings, for which there is a file in the directory."""
    if name == "Elec2":
        return elec2(real("elec2/elec2.csv.gz")), elec2_sections(directory)
    return payments(seed=7), payments_sections(directory)

"""The events of `benchmarks.kafka`, the same for everybody, and when each is meant to be produced.

Event n of a course is meant to be produced at `begin + offset_s(n)`, by the clock that all processes of a machine
share. So whoever sees an answer knows from its id alone how long it took, and a producer that is held up makes nobody
look faster. A request carries its truth as well: who joins no labels learns from it at once. The label of its own comes
`LABEL_DELAY_S` later, on another topic.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from random import Random
from typing import Final

FEATURES: Final = tuple(f"f{place}" for place in range(8))
ROW_COUNT: Final = 2_048
"""Rows that differ; events go round among them."""

LABEL_DELAY_S: Final = 1.0
BEGIN_MS: Final = 1_700_000_000_000
"""Event time of event 0; each further one is a millisecond later, whatever the rate."""

_ID: Final = re.compile(rb'"id": ?"?([0-9]+)')


@dataclass(frozen=True, slots=True)
class Course:
    """Events of consecutive numbers.

    Parameters
    ----------
    first, count
        Their numbers.
    rate
        Events per second.
    """

    first: int
    count: int
    rate: float

    @property
    def end(self) -> int:
        """The number after the last."""
        return self.first + self.count

    @property
    def span_s(self) -> float:
        """How long producing it takes."""
        return self.count / self.rate

    def offset_s(self, number: int) -> float:
        """Return how long after the course's begin an event is meant to be produced."""
        return (number - self.first) / self.rate

    def due(self, elapsed_s: float) -> int:
        """Return the number after the last event that is meant to be produced by then."""
        return min(self.end, self.first + int(elapsed_s * self.rate) + 1) if elapsed_s >= 0.0 else self.first


class Records:
    """The records of events, put together from parts as fast as can be."""

    def __init__(self) -> None:
        table = rows()
        self._requests = [json.dumps({**x, "y": y})[1:].encode() for x, y in table]
        self._targets = [y for _, y in table]

    def request(self, number: int) -> bytes:
        """Return the record of a request."""
        return b'{"id":%d,"ts":%d,%s' % (number, BEGIN_MS + number, self._requests[number % ROW_COUNT])

    def label(self, number: int, rate: float) -> bytes:
        """Return the record of a label; it is known `LABEL_DELAY_S` after its request, where so many come a second."""
        known_ms = BEGIN_MS + number + int(LABEL_DELAY_S * rate)
        return b'{"id":%d,"known":%d,"y":%d}' % (number, known_ms, self._targets[number % ROW_COUNT])


def rows(seed: int = 1) -> list[tuple[dict[str, float], int]]:
    """Return features and target of the rows: a linear rule with a tenth of the targets turned."""
    random = Random(seed)
    found = []
    for _ in range(ROW_COUNT):
        x = {name: round(random.random(), 4) for name in FEATURES}
        is_turned = random.random() < 0.1
        found.append((x, int((x["f0"] + x["f1"] > 1.1) != is_turned)))
    return found


def numbers_in(answers: Iterable[bytes]) -> list[int]:
    """Return which events answers are about.

    >>> numbers_in([b'{"index": 0, "id": "17", "model": "m"}', b'{"id":4}'])
    [17, 4]
    """
    return [int(found[1]) for found in map(_ID.search, answers) if found is not None]


def told_s() -> float:
    """Say on standard output that all is ready, and return the time that standard input then names."""
    print("ready", flush=True)
    return float(sys.stdin.readline())

"""What a detector is worth on streams whose changes are known: how often it cries at none, how soon it hears one.

The measuring alone, shared by `benchmarks.detectors` and `choose-detector`: where streams come from is not known here.

- false: alarms in 10,000 values without a change.
- delay: from the onset to the first alarm after it, median and 90th percentile over the streams where one came.
- missed: streams in which none came while it was listened for.
- by chance: the median delay of a detector that looks at nothing and alarms at regular intervals, as often as this one
  does falsely. A delay that is not far below it is worth nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from statistics import median
from typing import TypeAlias

from engine.drift.detector import Verdict
from engine.models.spec import OWN_DETECTORS, parse_detector

OWN = (*(f"{name}()" for name in OWN_DETECTORS if name != "vote"), "adwin(clock=1)", "vote(adwin(), page_hinkley())")
"""Our detectors as they come, and two that are set otherwise."""

Alarmed: TypeAlias = Callable[[float], bool]
"""Takes a value, and says whether it is an alarm."""

Make: TypeAlias = Callable[[], Alarmed]
"""Returns a detector that has seen nothing."""


def of_spec(text: str) -> Make:
    """Return a maker of the detector that a spec describes."""

    def make() -> Alarmed:
        detector = parse_detector(text, seed=1, name="benchmark").detector
        return lambda value: detector.update(value) is Verdict.DRIFT

    return make


def periodic(period: int) -> Make:
    """Return a maker of a detector that looks at nothing, and alarms at every so many values."""

    def make() -> Alarmed:
        count = 0

        def alarmed(value: float) -> bool:  # noqa: ARG001 - it looks at nothing
            nonlocal count
            count += 1
            return count % period == 0

        return alarmed

    return make


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """Alarms among values without a change."""

    alarms: int
    values: int

    @property
    def per_10_000(self) -> float:
        """Return how many there are in 10,000 values."""
        return self.alarms / self.values * 10_000

    @property
    def by_chance(self) -> float | None:
        """Return the median delay of as many alarms at regular intervals; None where there were none."""
        return self.values / self.alarms / 2 if self.alarms else None


@dataclass(frozen=True, slots=True)
class Delays:
    """How soon the streams' change was heard: `heard` has a delay for each stream where it was, in order of size."""

    heard: tuple[int, ...]
    stream_count: int

    @property
    def median(self) -> float | None:
        """Return the median; None where nothing was heard."""
        return median(self.heard) if self.heard else None

    @property
    def p90(self) -> int | None:
        """Return the 90th percentile; None where nothing was heard."""
        return self.heard[ceil(0.9 * len(self.heard)) - 1] if self.heard else None

    @property
    def missed(self) -> int:
        """Return in how many streams nothing was heard."""
        return self.stream_count - len(self.heard)

    def shown(self) -> str:
        """Return it for eyes: median, 90th percentile, and how many were missed."""
        if not self.heard:
            return "-"
        missed = f" ({self.missed} missed)" if self.missed else ""
        return f"{self.median:,.0f} / {self.p90:,}{missed}"


def false_alarms(make: Make, streams: Iterable[Sequence[float]]) -> FalseAlarms:
    """Count the alarms in streams without a change, a fresh detector on each."""
    alarms = values = 0
    for stream in streams:
        alarmed = make()
        alarms += sum(map(alarmed, stream))
        values += len(stream)
    return FalseAlarms(alarms, values)


def delays(make: Make, streams: Iterable[Sequence[float]], onset: int, heard_within: int) -> Delays:
    """Return the delays of the first alarms within so many values of the onset, a fresh detector on each stream."""
    found: list[int] = []
    stream_count = 0
    for stream in streams:
        stream_count += 1
        alarmed = make()
        for value in stream[:onset]:
            alarmed(value)
        listened = enumerate(stream[onset : onset + heard_within])
        first = next((at for at, value in listened if alarmed(value)), None)
        if first is not None:
            found.append(first)
    return Delays(tuple(sorted(found)), stream_count)

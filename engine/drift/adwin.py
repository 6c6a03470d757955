"""`adwin()`: a window that grows while the mean is steady and drops its old part when it is not. The usual choice."""

from __future__ import annotations

from math import log, sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import DIRECTIONS, Direction, check_choice, check_share, check_whole

BUCKETS_A_ROW = 5
"""How many buckets of one size stay apart; the next one merges the two oldest (M in the paper)."""

PART_MIN = 5
"""The fewest values on either side of a cut, as in MOA and River."""

WARNING_FACTOR = 10.0
"""A warning is a cut at this many times delta."""

VALUE_MAX = 1e100
"""Values beyond this count as this: their squares must not overflow."""


class Adwin(CheckedDetector):
    """ADWIN2: drops the oldest values while any cut of the window has two means too far apart.

    A cut into n0 old and n1 new values holds when |mean1 - mean0| > sqrt(2 m v d) + 2/3 m d, with v the variance of the
    window of W values, m = 1/(n0 - 4) + 1/(n1 - 4) and d = ln(2 ln(W) / delta).

    Parameters
    ----------
    delta
        Confidence: the smaller, the fewer false alarms.
    direction
        Which changes are alarms: "worse" (the mean rises), "better" (it falls) or "both". The window drops what is old
        after any change, so that a model which has improved is held to what it can do now.
    clock
        Cuts are looked for at every so many values: 1 is slowest and finds soonest.
    grace
        No cut before the window holds more values than this.

    Notes
    -----
    WARNING is a cut at 10 times delta in an alarm's direction; it stays until the next look. About 5 log2(W) buckets,
    and as many cuts a look. As published, the window keeps what is new after an alarm, so one change may raise several
    alarms while the last of the old is dropped. River's drops the whole window instead, and alarms at improvement too;
    with direction="both" the first alarm comes where River's does. Values beyond 1e100 count as 1e100.

    References
    ----------
    Bifet and Gavalda 2007, doi 10.1137/1.9781611972771.42; variance of buckets: Babcock et al. 2003,
    doi 10.1145/773153.773176.

    Examples
    --------
    >>> detector = Adwin()
    >>> verdicts = [detector.update(value) for value in [0.0] * 200 + [1.0] * 200]
    >>> verdicts.index(Verdict.DRIFT), detector.width
    (223, 200)
    """

    name = "adwin"
    _KEPT: ClassVar[tuple[str, ...]] = ("_totals", "_squares", "_ticks", "_warned")

    def __init__(self, delta: float = 0.002, direction: Direction = "worse", clock: int = 32, grace: int = 10) -> None:
        check_share(self.name, delta=delta)
        check_choice(self.name, DIRECTIONS, direction=direction)
        check_whole(self.name, 1, clock=clock)
        check_whole(self.name, 2, grace=grace)
        self._delta = delta
        self._warning_delta = min(WARNING_FACTOR * delta, 1.0)
        self._direction = direction
        self._clock = clock
        self._grace = grace
        self._totals: list[list[float]] = [[]]
        """A row for each size of bucket, 2**row values each, the oldest bucket first: the sums of their values."""
        self._squares: list[list[float]] = [[]]
        """The same buckets: the sums of squared distances from their own means."""
        self._ticks = 0
        self._warned = False

    @property
    def width(self) -> int:
        """How many values the window holds."""
        return sum(len(row) << index for index, row in enumerate(self._totals))

    @property
    def mean(self) -> float:
        """The mean of the window; 0.0 while it is empty."""
        return sum(map(sum, self._totals)) / (self.width or 1)

    def _take(self, value: float) -> Verdict:
        self._totals[0].append(min(max(value, -VALUE_MAX), VALUE_MAX))
        self._squares[0].append(0.0)
        if len(self._totals[0]) > BUCKETS_A_ROW:
            self._merge()
        self._ticks += 1
        if self._ticks % self._clock == 0 and self.width > self._grace and self._shrink():
            return Verdict.DRIFT
        return Verdict.WARNING if self._warned else Verdict.STABLE

    def _merge(self) -> None:
        """Join the two oldest buckets of every row that has one too many."""
        row = 0
        while len(self._totals[row]) > BUCKETS_A_ROW:
            if row + 1 == len(self._totals):
                self._totals.append([])
                self._squares.append([])
            totals, squares = self._totals[row], self._squares[row]
            apart = totals[0] - totals[1]
            self._totals[row + 1].append(totals[0] + totals[1])
            self._squares[row + 1].append(squares[0] + squares[1] + apart * apart / (2 << row))
            del totals[:2], squares[:2]
            row += 1

    def _shrink(self) -> bool:
        """Drop the oldest buckets while any cut holds, and say whether one was in an alarm's direction."""
        alarmed = False
        while (cut := self._cut()) is not None:
            alarmed = alarmed or self._is_alarm(cut)
            self._drop_oldest()
        return alarmed

    def _cut(self) -> float | None:
        """Return how far the new mean is above the old one at the first cut that holds; None where none does."""
        self._warned = False
        width, total = self.width, sum(map(sum, self._totals))
        variance = self._variance(width, total / width)
        spent = log(2.0 * log(width) / self._delta)
        spent_warning = log(2.0 * log(width) / self._warning_delta)
        old_count, old_total = 0, 0.0
        for row in range(len(self._totals) - 1, -1, -1):
            for bucket in self._totals[row]:
                old_count += 1 << row
                old_total += bucket
                new_count = width - old_count
                if new_count < PART_MIN:
                    return None
                if old_count < PART_MIN:
                    continue
                rise = (total - old_total) / new_count - old_total / old_count
                m = 1.0 / (old_count - PART_MIN + 1) + 1.0 / (new_count - PART_MIN + 1)
                far = abs(rise)
                if far > _bound(m, variance, spent_warning):
                    if far > _bound(m, variance, spent):
                        return rise
                    self._warned = self._warned or self._is_alarm(rise)
        return None

    def _variance(self, width: int, mean: float) -> float:
        """Return the variance of the window, from its buckets."""
        squares = 0.0
        for row, (totals, within) in enumerate(zip(self._totals, self._squares, strict=True)):
            size = 1 << row
            for total, square in zip(totals, within, strict=True):
                apart = total / size - mean
                squares += square + size * apart * apart
        return squares / width

    def _is_alarm(self, rise: float) -> bool:
        return self._direction == "both" or (rise > 0.0) is (self._direction == "worse")

    def _drop_oldest(self) -> None:
        del self._totals[-1][0], self._squares[-1][0]
        while len(self._totals) > 1 and not self._totals[-1]:
            self._totals.pop()
            self._squares.pop()


def _bound(m: float, variance: float, spent: float) -> float:
    """Return how far apart two means may be."""
    return sqrt(2.0 * m * variance * spent) + 2.0 / 3.0 * m * spent

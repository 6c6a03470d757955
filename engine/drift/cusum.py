"""`cusum()`: adds up how far values lie above the mean of a warm-up that does not move any more."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import DIRECTIONS, Direction, check_choice, check_not_negative, check_positive, check_whole

VALUE_MAX = 1e100
"""Values beyond this count as this: their squares must not overflow."""


class Cusum(CheckedDetector):
    """The tabular cumulative sum: S <- max(0, S + (x - mean) / spread - slack), an alarm at S > threshold.

    Parameters
    ----------
    threshold
        In standard deviations of the warm-up.
    slack
        The tolerated change, in the same unit; about half of the change to be found.
    warm_up
        Values from which mean and spread are learned; it goes on while they are all equal.
    direction
        Which changes are alarms: "worse" (the mean rises), "better" or "both".

    Notes
    -----
    O(1). A new warm-up follows an alarm. It never warns. The mean is that of the warm-up for good: a model that goes on
    learning leaves it behind, where `page_hinkley` follows. On rare events the warm-up should hold some tens of them.
    River has none.

    References
    ----------
    Page 1954, doi 10.1093/biomet/41.1-2.100.
    """

    name = "cusum"
    _KEPT: ClassVar[tuple[str, ...]] = ("_count", "_mean", "_squares", "_rise", "_fall")

    def __init__(
        self, threshold: float = 40.0, slack: float = 0.1, warm_up: int = 1_000, direction: Direction = "worse"
    ) -> None:
        check_positive(self.name, threshold=threshold)
        check_not_negative(self.name, slack=slack)
        check_whole(self.name, 2, warm_up=warm_up)
        check_choice(self.name, DIRECTIONS, direction=direction)
        self._threshold = threshold
        self._slack = slack
        self._warm_up = warm_up
        self._direction = direction
        self._start()

    def _start(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0
        self._rise = 0.0
        self._fall = 0.0

    def _take(self, value: float) -> Verdict:
        value = min(max(value, -VALUE_MAX), VALUE_MAX)
        if self._count < self._warm_up or self._squares <= 0.0:
            self._learn(value)
            return Verdict.STABLE
        distance = (value - self._mean) / sqrt(self._squares / self._count)
        self._rise = max(0.0, self._rise + distance - self._slack)
        self._fall = max(0.0, self._fall - distance - self._slack)
        risen = self._direction != "better" and self._rise > self._threshold
        if risen or (self._direction != "worse" and self._fall > self._threshold):
            self._start()
            return Verdict.DRIFT
        return Verdict.STABLE

    def _learn(self, value: float) -> None:
        self._count += 1
        before = value - self._mean
        self._mean += before / self._count
        self._squares += before * (value - self._mean)

"""`page_hinkley()`: adds up how far values lie above their mean, and alarms when the sum has climbed too far."""

from __future__ import annotations

from math import inf, sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import (
    DIRECTIONS,
    Direction,
    check_choice,
    check_not_negative,
    check_positive,
    check_whole,
)

FADING = 0.9999
"""What a sum keeps of itself from value to value."""

VALUE_MAX = 1e100
"""Values beyond this count as this: their squares must not overflow."""


class PageHinkley(CheckedDetector):
    """Page's test in Hinkley's form: alarms when S - min S > threshold, S <- .9999 S + (x - mean) - delta.

    Parameters
    ----------
    threshold, delta
        How far the sum may climb, and the change that is tolerated: in standard deviations of what was seen since the
        last alarm where `scale` is "spread", in the values' own unit where it is "fixed".
    scale
        "spread" or "fixed". A fixed threshold of 50 is 125 standard deviations of an error rate of .2, and 500 of one
        of .01.
    direction
        Which changes are alarms: "worse" (the mean rises), "better" or "both".
    warm_up
        Values before anything is judged.

    Notes
    -----
    O(1). Starts anew after an alarm. It never warns. With `scale="fixed"` and River's parameters
    (`threshold=50, delta=.005, warm_up=30`) it alarms where River's does, whose modes are up, down and both.

    References
    ----------
    Page 1954, doi 10.1093/biomet/41.1-2.100; Hinkley 1971, doi 10.1093/biomet/58.3.509.
    """

    name = "page_hinkley"
    _KEPT: ClassVar[tuple[str, ...]] = (*("_count", "_mean", "_squares", "_rise", "_rise_min", "_fall", "_fall_max"),)

    def __init__(
        self,
        threshold: float = 40.0,
        delta: float = 0.1,
        scale: str = "spread",
        direction: Direction = "worse",
        warm_up: int = 100,
    ) -> None:
        check_positive(self.name, threshold=threshold)
        check_not_negative(self.name, delta=delta)
        check_choice(self.name, ("spread", "fixed"), scale=scale)
        check_choice(self.name, DIRECTIONS, direction=direction)
        check_whole(self.name, 1, warm_up=warm_up)
        self._threshold = threshold
        self._delta = delta
        self._scaled = scale == "spread"
        self._direction = direction
        self._warm_up = warm_up
        self._start()

    def _start(self) -> None:
        self._count = 0
        self._mean = 0.0
        self._squares = 0.0
        self._rise = 0.0
        self._rise_min = inf
        self._fall = 0.0
        self._fall_max = -inf

    def _take(self, value: float) -> Verdict:
        value = min(max(value, -VALUE_MAX), VALUE_MAX)
        self._count += 1
        before = value - self._mean
        self._mean += before / self._count
        distance = value - self._mean
        self._squares += before * distance
        if self._scaled:
            spread = sqrt(self._squares / self._count)
            distance = distance / spread if spread > 0.0 else 0.0
        self._rise = FADING * self._rise + distance - self._delta
        self._fall = FADING * self._fall + distance + self._delta
        self._rise_min = min(self._rise_min, self._rise)
        self._fall_max = max(self._fall_max, self._fall)
        if self._count < self._warm_up:
            return Verdict.STABLE
        risen = self._direction != "better" and self._rise - self._rise_min > self._threshold
        if risen or (self._direction != "worse" and self._fall_max - self._fall > self._threshold):
            self._start()
            return Verdict.DRIFT
        return Verdict.STABLE

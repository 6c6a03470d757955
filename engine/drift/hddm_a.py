"""`hddm_a()`: compares the mean so far with the lowest it was, by Hoeffding's bound."""

from __future__ import annotations

from math import log, sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import DIRECTIONS, Direction, check_choice, check_order, check_share


class HddmA(CheckedDetector):
    """HDDM with averages: alarms when the mean of all n values exceeds that of the first k by Hoeffding's bound.

    k is where the mean plus its bound was lowest; alarm at mean_n - mean_k >= sqrt((n - k) / (k n) / 2 ln(2 / delta)).

    Parameters
    ----------
    drift_confidence, warning_confidence
        Delta for an alarm and for a warning.
    direction
        Which changes are alarms: "worse" (the mean rises), "better" or "both".

    Notes
    -----
    O(1). Starts anew after an alarm. Alarms where River's does, "both" being its `two_sided_test`.

    References
    ----------
    Frias-Blanco et al. 2015, doi 10.1109/TKDE.2014.2345382.
    """

    name = "hddm_a"
    binary_only = True
    _KEPT: ClassVar[tuple[str, ...]] = (
        *("_count", "_errors", "_low_count", "_low_errors", "_high_count", "_high_errors"),
    )

    def __init__(
        self, drift_confidence: float = 0.001, warning_confidence: float = 0.005, direction: Direction = "worse"
    ) -> None:
        check_share(self.name, drift_confidence=drift_confidence, warning_confidence=warning_confidence)
        check_order(self.name, drift_confidence=drift_confidence, warning_confidence=warning_confidence)
        check_choice(self.name, DIRECTIONS, direction=direction)
        self._drift_confidence = drift_confidence
        self._warning_confidence = warning_confidence
        self._direction = direction
        self._start()

    def _start(self) -> None:
        self._count = 0
        self._errors = 0
        self._low_count = 0
        self._low_errors = 0
        self._high_count = 0
        self._high_errors = 0

    def _take(self, value: float) -> Verdict:
        self._count += 1
        self._errors += value == 1.0
        mean, bound = self._errors / self._count, self._bound(self._count)
        if not self._low_count or self._low_mean + self._bound(self._low_count) >= mean + bound:
            self._low_count, self._low_errors = self._count, self._errors
        if not self._high_count or self._high_mean - self._bound(self._high_count) <= mean - bound:
            self._high_count, self._high_errors = self._count, self._errors
        if self._has_changed(self._drift_confidence):
            self._start()
            return Verdict.DRIFT
        return Verdict.WARNING if self._has_changed(self._warning_confidence) else Verdict.STABLE

    @property
    def _low_mean(self) -> float:
        return self._low_errors / self._low_count

    @property
    def _high_mean(self) -> float:
        return self._high_errors / self._high_count

    def _bound(self, count: int) -> float:
        return sqrt(log(1.0 / self._drift_confidence) / (2 * count))

    def _has_changed(self, confidence: float) -> bool:
        mean = self._errors / self._count
        rise = self._direction != "better" and self._is_far(mean - self._low_mean, self._low_count, confidence)
        return rise or (
            self._direction != "worse" and self._is_far(self._high_mean - mean, self._high_count, confidence)
        )

    def _is_far(self, distance: float, then: int, confidence: float) -> bool:
        since = self._count - then
        return since > 0 and distance >= sqrt(since / then / self._count / 2.0 * log(2.0 / confidence))

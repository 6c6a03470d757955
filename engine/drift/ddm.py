"""`ddm()`: alarms when the error rate is three standard deviations above its lowest."""

from __future__ import annotations

from math import inf, sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import check_order, check_positive, check_whole


class Ddm(CheckedDetector):
    """The Drift Detection Method: s = sqrt(p (1 - p) / n); warns at p + s > p_min + 2 s_min, alarms at 3 s_min.

    Parameters
    ----------
    warm_up
        Values before anything is judged.
    errors_min
        Errors before anything is judged, so that a rare error is not news. 0 is the published rule.
    warning_level, drift_level
        How many standard deviations above the lowest rate.

    Notes
    -----
    O(1). Starts anew after an alarm. With `errors_min=0` it alarms where River's does; then, on rare events, the first
    error after 30 values without one is an alarm, since p_min and s_min are 0.

    References
    ----------
    Gama et al. 2004, doi 10.1007/978-3-540-28645-5_29.
    """

    name = "ddm"
    binary_only = True
    _KEPT: ClassVar[tuple[str, ...]] = ("_count", "_errors", "_p_min", "_s_min")

    def __init__(
        self, warm_up: int = 30, errors_min: int = 30, warning_level: float = 2.0, drift_level: float = 3.0
    ) -> None:
        check_whole(self.name, 1, warm_up=warm_up)
        check_whole(self.name, 0, errors_min=errors_min)
        check_positive(self.name, warning_level=warning_level, drift_level=drift_level)
        check_order(self.name, warning_level=warning_level, drift_level=drift_level)
        self._warm_up = warm_up
        self._errors_min = errors_min
        self._warning_level = warning_level
        self._drift_level = drift_level
        self._start()

    def _start(self) -> None:
        self._count = 0
        self._errors = 0
        self._p_min = inf
        self._s_min = inf

    def _take(self, value: float) -> Verdict:
        self._count += 1
        self._errors += value == 1.0
        if self._count <= self._warm_up or self._errors < self._errors_min:
            return Verdict.STABLE
        p = self._errors / self._count
        s = sqrt(p * (1.0 - p) / self._count)
        if p + s <= self._p_min + self._s_min:
            self._p_min, self._s_min = p, s
        if p + s > self._p_min + self._drift_level * self._s_min:
            self._start()
            return Verdict.DRIFT
        if p + s > self._p_min + self._warning_level * self._s_min:
            return Verdict.WARNING
        return Verdict.STABLE

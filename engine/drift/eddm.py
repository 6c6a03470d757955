"""`eddm()`: alarms when errors come closer together than they once did."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import check_order, check_share, check_whole


class Eddm(CheckedDetector):
    """The Early Drift Detection Method: p' + 2 s' of the distance between errors, compared with its largest.

    Parameters
    ----------
    warm_up
        Values, and errors, before anything is judged.
    errors_min
        Errors before the largest p' + 2 s' is looked for. 0 looks from the end of the warm-up on, as published: then
        the largest is that of a few distances, and on a steady stream nothing later reaches it.
    warning_level, drift_level
        Shares of the largest below which to warn and to alarm (alpha and beta in the paper).

    Notes
    -----
    O(1). Starts anew after an alarm. A warning stays until an error takes it back. With `errors_min=0` it alarms where
    River's does. It alarms often on a steady stream: kept for comparison.

    References
    ----------
    Baena-Garcia et al. 2006, "Early drift detection method", Fourth International Workshop on Knowledge Discovery from
    Data Streams (no DOI).
    """

    name = "eddm"
    binary_only = True
    _KEPT: ClassVar[tuple[str, ...]] = (
        *("_count", "_errors", "_last_error", "_mean", "_squares", "_largest", "_warned"),
    )

    def __init__(
        self, warm_up: int = 30, errors_min: int = 30, warning_level: float = 0.95, drift_level: float = 0.9
    ) -> None:
        check_whole(self.name, 1, warm_up=warm_up)
        check_whole(self.name, 0, errors_min=errors_min)
        check_share(self.name, warning_level=warning_level, drift_level=drift_level)
        check_order(self.name, drift_level=drift_level, warning_level=warning_level)
        self._warm_up = warm_up
        self._errors_min = errors_min
        self._warning_level = warning_level
        self._drift_level = drift_level
        self._start()

    def _start(self) -> None:
        self._count = 0
        self._errors = 0
        self._last_error = 0
        self._mean = 0.0
        self._squares = 0.0
        self._largest = -1.0
        self._warned = False

    def _take(self, value: float) -> Verdict:
        self._count += 1
        if value == 1.0 and self._is_drift():
            self._start()
            return Verdict.DRIFT
        return Verdict.WARNING if self._warned else Verdict.STABLE

    def _is_drift(self) -> bool:
        """Take the distance of an error from the one before."""
        self._errors += 1
        distance = self._count - self._last_error
        self._last_error = self._count
        from_mean = distance - self._mean
        self._mean += from_mean / self._errors
        self._squares += from_mean * (distance - self._mean)
        if self._count <= self._warm_up or self._errors < self._errors_min:
            return False
        spread = sqrt(self._squares / (self._errors - 1)) if self._errors > 1 else 0.0
        reach = self._mean + 2.0 * spread
        if reach > self._largest:
            self._largest = reach
            return False
        if self._errors <= self._warm_up:
            return False
        self._warned = reach / self._largest < self._warning_level
        return reach / self._largest < self._drift_level

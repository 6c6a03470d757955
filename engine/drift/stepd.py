"""`stepd()`: tests whether the newest values and all older ones have equal proportions of errors."""

from __future__ import annotations

from collections import deque
from math import erfc, sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import check_order, check_share, check_whole


class Stepd(CheckedDetector):
    """The Statistical Test of Equal Proportions: the newest w values against all older ones since the last alarm.

    T = (|r1 - r0| - c/2) / sqrt(p (1 - p) c), c = 1/n0 + 1/n1, is taken as normal; the two-sided p-value decides, and
    only a rise of errors counts.

    Parameters
    ----------
    window
        The newest values (w).
    drift_alpha, warning_alpha
        P-values below which to alarm and to warn.
    errors_min
        Errors among the older values before anything is judged. 0 is the published rule.

    Notes
    -----
    O(1) in time, O(window) in memory. Starts anew after an alarm. Every value is a test: on a steady stream it alarms a
    few times in 10,000 values. River has none.

    References
    ----------
    Nishida and Yamauchi 2007, doi 10.1007/978-3-540-75488-6_27.
    """

    name = "stepd"
    binary_only = True
    _KEPT: ClassVar[tuple[str, ...]] = ("_recent", "_recent_errors", "_older", "_older_errors")

    def __init__(
        self, window: int = 30, drift_alpha: float = 0.003, warning_alpha: float = 0.05, errors_min: int = 30
    ) -> None:
        check_whole(self.name, 1, window=window)
        check_share(self.name, drift_alpha=drift_alpha, warning_alpha=warning_alpha)
        check_order(self.name, drift_alpha=drift_alpha, warning_alpha=warning_alpha)
        check_whole(self.name, 0, errors_min=errors_min)
        self._window = window
        self._drift_alpha = drift_alpha
        self._warning_alpha = warning_alpha
        self._errors_min = errors_min
        self._start()

    def _start(self) -> None:
        self._recent: deque[float] = deque()
        self._recent_errors = 0.0
        self._older = 0
        self._older_errors = 0.0

    def _take(self, value: float) -> Verdict:
        self._recent.append(value)
        self._recent_errors += value
        if len(self._recent) > self._window:
            oldest = self._recent.popleft()
            self._recent_errors -= oldest
            self._older += 1
            self._older_errors += oldest
        if self._older < self._window or self._older_errors < self._errors_min:
            return Verdict.STABLE
        p = self.p_value()
        if p < self._drift_alpha:
            self._start()
            return Verdict.DRIFT
        return Verdict.WARNING if p < self._warning_alpha else Verdict.STABLE

    def p_value(self) -> float:
        """Return the p-value of a rise as it stands; 1.0 where errors have not become more frequent."""
        older, recent = self._older, len(self._recent)
        rise = self._recent_errors / recent - self._older_errors / older
        p = (self._recent_errors + self._older_errors) / (recent + older)
        each = 1.0 / older + 1.0 / recent
        if rise <= 0.5 * each:
            return 1.0
        return erfc((rise - 0.5 * each) / sqrt(p * (1.0 - p) * each) / sqrt(2.0))

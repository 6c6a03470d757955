"""`rddm()`: DDM that forgets the far past of a long concept, and does not warn for ever."""

from __future__ import annotations

from collections import deque
from math import inf, sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import check_order, check_positive, check_whole

CONCEPT_KEPT = 7_000
"""How many of its last values a concept that grew too long is cut to."""

WARNING_MAX = 1_400
"""How many values a warning may last before it is an alarm."""


class Rddm(CheckedDetector):
    """The Reactive Drift Detection Method: DDM's rule at other levels, and three cures for long concepts.

    A concept of more than `concept_max` values is cut to its last 7,000 as soon as there is no warning. A warning that
    lasts 1,400 values is an alarm. After an alarm out of a warning, the values since the warning began are the
    beginning of the new concept.

    Parameters
    ----------
    warm_up, errors_min
        Values, and errors, before anything is judged. `errors_min=0` is the published rule.
    warning_level, drift_level
        How many standard deviations above the lowest rate.
    concept_max
        In values; see above.

    Notes
    -----
    Memory: 7,000 values at most. A cut takes 7,000 steps, once in `concept_max - 7,000` values at most. River has none.

    References
    ----------
    Barros et al. 2017, doi 10.1016/j.eswa.2017.08.023.
    """

    name = "rddm"
    binary_only = True
    _KEPT: ClassVar[tuple[str, ...]] = ("_recent", "_count", "_errors", "_p_min", "_s_min", "_warned_count")

    def __init__(
        self,
        warm_up: int = 129,
        errors_min: int = 30,
        warning_level: float = 1.773,
        drift_level: float = 2.258,
        concept_max: int = 40_000,
    ) -> None:
        check_whole(self.name, 1, warm_up=warm_up)
        check_whole(self.name, 0, errors_min=errors_min)
        check_whole(self.name, CONCEPT_KEPT + 1, concept_max=concept_max)
        check_positive(self.name, warning_level=warning_level, drift_level=drift_level)
        check_order(self.name, warning_level=warning_level, drift_level=drift_level)
        self._warm_up = warm_up
        self._errors_min = errors_min
        self._warning_level = warning_level
        self._drift_level = drift_level
        self._concept_max = concept_max
        self._recent: deque[float] = deque()
        self._count = 0
        self._errors = 0
        self._p_min = inf
        self._s_min = inf
        self._warned_count = 0

    def _take(self, value: float) -> Verdict:
        self._recent.append(value)
        if len(self._recent) > CONCEPT_KEPT:
            self._recent.popleft()
        self._add(value)
        if self._above(self._drift_level):
            self._begin_anew()
            return Verdict.DRIFT
        if self._above(self._warning_level):
            self._warned_count += 1
            if self._warned_count > WARNING_MAX:
                self._warned_count = 0
                self._begin_anew()
                return Verdict.DRIFT
            return Verdict.WARNING
        self._warned_count = 0
        if self._count >= self._concept_max:
            self._count = len(self._recent)
            self._errors = int(sum(self._recent))
        return Verdict.STABLE

    @property
    def _is_judged(self) -> bool:
        return self._count >= self._warm_up and self._errors >= self._errors_min

    def _add(self, value: float) -> None:
        """Count a value, and keep the lowest rate."""
        self._count += 1
        self._errors += value == 1.0
        if self._is_judged:
            p, s = self._rate()
            if p + s < self._p_min + self._s_min:
                self._p_min, self._s_min = p, s

    def _rate(self) -> tuple[float, float]:
        p = self._errors / self._count
        return p, sqrt(p * (1.0 - p) / self._count)

    def _above(self, level: float) -> bool:
        p, s = self._rate()
        return self._is_judged and p + s > self._p_min + level * self._s_min

    def _begin_anew(self) -> None:
        """Begin a concept with the values since the warning, or with the last one where there was no warning."""
        since = min(self._warned_count + 1, len(self._recent))
        values = [self._recent[index] for index in range(len(self._recent) - since, len(self._recent))]
        self._recent = deque()
        self._count = 0
        self._errors = 0
        self._p_min = inf
        self._s_min = inf
        self._warned_count = 0
        for value in values:
            self._recent.append(value)
            self._add(value)

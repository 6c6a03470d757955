"""`hddm_w()`: compares two weighted means, before and after a cut, by McDiarmid's bound. Fast on common errors."""

from __future__ import annotations

from math import inf, log, sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import DIRECTIONS, Direction, check_choice, check_order, check_share


class HddmW(CheckedDetector):
    """HDDM with exponentially weighted means: alarms when the mean after a cut exceeds that before it by the bound.

    The cut is where mean + bound was lowest. With weight w, b <- w^2 + (1 - w)^2 b from 1 on is a mean's bound factor,
    and the alarm is mean2 - mean1 > sqrt((b1 + b2) ln(1 / delta) / 2).

    Parameters
    ----------
    drift_confidence, warning_confidence
        Delta for an alarm and for a warning.
    weight
        Of the newest value (lambda in the paper).
    direction
        Which changes are alarms: "worse" (the mean rises), "better" or "both".

    Notes
    -----
    O(1). Starts anew after an alarm. Alarms where River's does, "both" being its `two_sided_test`. With the default
    weight the bound is about .45: a rise to less than that is never heard, so it is not for rare events.

    References
    ----------
    Frias-Blanco et al. 2015, doi 10.1109/TKDE.2014.2345382.
    """

    name = "hddm_w"
    binary_only = True
    _KEPT: ClassVar[tuple[str, ...]] = (
        *("_total", "_rise_cut", "_before_rise", "_after_rise", "_fall_cut", "_before_fall", "_after_fall"),
    )

    def __init__(
        self,
        drift_confidence: float = 0.001,
        warning_confidence: float = 0.005,
        weight: float = 0.05,
        direction: Direction = "worse",
    ) -> None:
        check_share(self.name, drift_confidence=drift_confidence, warning_confidence=warning_confidence, weight=weight)
        check_order(self.name, drift_confidence=drift_confidence, warning_confidence=warning_confidence)
        check_choice(self.name, DIRECTIONS, direction=direction)
        self._drift_spent = log(1.0 / drift_confidence)
        self._warning_spent = log(1.0 / warning_confidence)
        self._weight = weight
        self._direction = direction
        self._start()

    def _start(self) -> None:
        """Begin with empty means; a mean is [value, bound factor], and [] before its first value."""
        self._total: list[float] = []
        self._rise_cut = inf
        self._before_rise: list[float] = []
        self._after_rise: list[float] = []
        self._fall_cut = -inf
        self._before_fall: list[float] = []
        self._after_fall: list[float] = []

    def _take(self, value: float) -> Verdict:
        self._weigh(self._total, value)
        mean, factor = self._total
        bound = sqrt(factor * self._drift_spent / 2.0)
        if mean + bound < self._rise_cut:
            self._rise_cut = mean + bound
            self._before_rise, self._after_rise = [mean, factor], []
        else:
            self._weigh(self._after_rise, value)
        if mean - bound > self._fall_cut:
            self._fall_cut = mean - bound
            self._before_fall, self._after_fall = [mean, factor], []
        else:
            self._weigh(self._after_fall, value)
        if self._has_changed(self._drift_spent):
            self._start()
            return Verdict.DRIFT
        return Verdict.WARNING if self._has_changed(self._warning_spent) else Verdict.STABLE

    def _weigh(self, mean: list[float], value: float) -> None:
        if not mean:
            mean += [value, 1.0]
        else:
            mean[0] = self._weight * value + (1.0 - self._weight) * mean[0]
        mean[1] = self._weight * self._weight + (1.0 - self._weight) ** 2 * mean[1]

    def _has_changed(self, spent: float) -> bool:
        rise = self._direction != "better" and _is_above(self._after_rise, self._before_rise, spent)
        return rise or (self._direction != "worse" and _is_above(self._before_fall, self._after_fall, spent))


def _is_above(high: list[float], low: list[float], spent: float) -> bool:
    return bool(high and low) and high[0] - low[0] > sqrt((high[1] + low[1]) * spent / 2.0)

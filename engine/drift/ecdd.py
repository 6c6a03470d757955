"""`ecdd()`: a control chart of the exponentially weighted error rate."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import check_choice, check_positive, check_share, check_whole

LIMITS = {
    100: (2.76, -6.23, 18.12, -312.45, 1002.18),
    400: (3.97, -6.56, 48.73, -330.13, 848.18),
}
"""Run length -> coefficients of 1, p, p^3, p^5, p^7 in the paper's control limit, for a weight of .2."""


class Ecdd(CheckedDetector):
    """EWMA for Concept Drift Detection: z <- z + weight (x - z) alarms at z > p + L s, and warns at p + L s / 2.

    p is the mean since the last alarm, s = sqrt(p (1 - p) weight / (2 - weight) (1 - (1 - weight)^(2 t))), and L a
    polynomial in p.

    Parameters
    ----------
    run_length
        100 or 400: values between false alarms, as the paper promises them.
    limit
        L itself, in place of the polynomial; None takes the polynomial. A larger one is quieter.
    weight
        Of the newest value (lambda); the polynomials are for .2.
    warm_up, errors_min
        Values, and errors, before anything is judged. `errors_min=0` is the published rule.

    Notes
    -----
    O(1). Starts anew after an alarm. The polynomial for 1,000 lies below that for 400 and is left out. At a rate below
    about .05 one error passes the limit, whatever the run length. River has none.

    References
    ----------
    Ross et al. 2012, doi 10.1016/j.patrec.2011.08.019.
    """

    name = "ecdd"
    binary_only = True
    _KEPT: ClassVar[tuple[str, ...]] = ("_count", "_errors", "_weighted")

    def __init__(
        self,
        run_length: int = 400,
        limit: float | None = None,
        weight: float = 0.2,
        warm_up: int = 30,
        errors_min: int = 30,
    ) -> None:
        check_choice(self.name, tuple(LIMITS), run_length=run_length)
        if limit is not None:
            check_positive(self.name, limit=limit)
        check_share(self.name, weight=weight)
        check_whole(self.name, 1, warm_up=warm_up)
        check_whole(self.name, 0, errors_min=errors_min)
        self._coefficients = LIMITS[run_length]
        self._limit = limit
        self._weight = weight
        self._warm_up = warm_up
        self._errors_min = errors_min
        self._start()

    def _start(self) -> None:
        self._count = 0
        self._errors = 0
        self._weighted = 0.0

    def _take(self, value: float) -> Verdict:
        self._count += 1
        self._errors += value == 1.0
        self._weighted += self._weight * (value - self._weighted)
        if self._count <= self._warm_up or self._errors < self._errors_min:
            return Verdict.STABLE
        p = self._errors / self._count
        settled = 1.0 - (1.0 - self._weight) ** (2 * self._count)
        s = sqrt(p * (1.0 - p) * self._weight / (2.0 - self._weight) * settled)
        limit = self._limit_at(p)
        if self._weighted > p + limit * s:
            self._start()
            return Verdict.DRIFT
        return Verdict.WARNING if self._weighted > p + 0.5 * limit * s else Verdict.STABLE

    def _limit_at(self, p: float) -> float:
        if self._limit is not None:
            return self._limit
        c0, c1, c3, c5, c7 = self._coefficients
        square = p * p
        return c0 + p * (c1 + square * (c3 + square * (c5 + square * c7)))

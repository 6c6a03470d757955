"""Two arms compared: at a horizon that was planned, or at any time.

A fixed-horizon test keeps its level where it is read once, at a count that was named before. So each arm has two
tallies: all its events, for the any-time test, and the first `planned_count` of them, for the others, which say nothing
before both are full and the same ever after. This file knows losses, and no contender.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log, sqrt
from typing import Any

from engine.routing.moments import Moments
from engine.routing.tails import chi_square_tail, student_tail

LOOKED_FROM = 100
"""Events of each arm before the any-time test looks: its variances are estimates."""


class ArmTally:
    """The losses of what one arm served.

    Parameters
    ----------
    planned_count
        So many of the first are tallied apart; None tallies none.
    """

    def __init__(self, planned_count: int | None) -> None:
        self.planned_count = planned_count
        self.all = Moments()
        self.first = Moments()
        self.wrong = 0

    def add(self, loss: float, *, wrong: bool) -> None:
        """Take the loss of one answer, and whether its decision was wrong."""
        self.all.add(loss)
        if self.planned_count is not None and self.first.count < self.planned_count:
            self.first.add(loss)
            self.wrong += wrong

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.all.snapshot(), self.first.snapshot(), self.wrong]

    def restore(self, state: Sequence[Any]) -> None:
        """Take back what `snapshot` returned."""
        self.all.restore(state[0])
        self.first.restore(state[1])
        self.wrong = state[2]


def welch(control: Moments, arm: Moments) -> tuple[float, float, float]:
    """Return Welch's t of two means, its degrees of freedom, and the two-sided p-value.

    Two arms that never vary differ surely or not at all: p is 0 or 1, and the degrees of freedom are those of equal
    variances.

    References
    ----------
    Welch (1947), doi:10.1093/biomet/34.1-2.28
    """
    a, b = control.variance / control.count, arm.variance / arm.count
    difference = arm.mean - control.mean
    if a + b == 0.0:
        sure = difference != 0.0
        return (inf if sure else 0.0), control.count + arm.count - 2.0, 0.0 if sure else 1.0
    t = difference / sqrt(a + b)
    df = (a + b) ** 2 / (a * a / (control.count - 1) + b * b / (arm.count - 1))
    return t, df, student_tail(t, df)


def chi_square(control: tuple[int, int], arm: tuple[int, int]) -> tuple[float, float]:
    """Return Pearson's chi-square of two (count, wrong) pairs, without a continuity correction, and its p-value.

    Where all answers are right, or all wrong, nothing differs: 0 and 1.
    """
    (n, x), (m, y) = control, arm
    wrong, whole = x + y, n + m
    if wrong in {0, whole}:
        return 0.0, 1.0
    statistic = whole * (x * (m - y) - y * (n - x)) ** 2 / (n * m * wrong * (whole - wrong))
    return statistic, chi_square_tail(statistic)


class AnyTime:
    """The mixture sequential probability ratio test of one arm against the control.

    log L = (log(V / (V + t^2)) + t^2 d^2 / (V (V + t^2))) / 2, where d is the difference of the mean losses, V its
    variance s^2/n + s'^2/n', and t the effect that matters. The p-value is the least 1 / L so far, so it may be looked
    at after every event: under no difference it ever comes below alpha with a chance of about alpha at most.

    Notes
    -----
    The variances are estimates, and the promise is asymptotic. One unit is added to each sum of squares, of which
    little is left after some thousand events, so that an arm that has had no loss yet is not taken as certain; and
    nothing is looked at before each arm has 100 events.

    References
    ----------
    Johari, Koomen, Pekelis and Walsh (2022), Always valid inference. doi:10.1287/opre.2021.2135
    """

    def __init__(self, effect: float) -> None:
        self._mixed = effect * effect
        self.log_max = 0.0

    def look(self, control: Moments, arm: Moments) -> None:
        """Look at the arms as they stand."""
        if control.count < LOOKED_FROM or arm.count < LOOKED_FROM:
            return
        variance = (control.squares + 1.0) / control.count**2 + (arm.squares + 1.0) / arm.count**2
        difference = arm.mean - control.mean
        whole = variance + self._mixed
        found = 0.5 * (log(variance / whole) + self._mixed * difference * difference / (variance * whole))
        self.log_max = max(self.log_max, found)

    @property
    def p(self) -> float:
        """The always-valid p-value."""
        return exp(-self.log_max)

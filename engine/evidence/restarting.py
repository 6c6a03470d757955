"""Evidence that starts anew at every event, so that a bad past does not hide a good present.

What a threshold promises is a run length, not a level: it is said in `engine.evidence.rules`.
"""

from __future__ import annotations

from math import exp, inf, log1p
from typing import Any

from engine.evidence.betting import BETS
from engine.evidence.evidence import log_mean_exp, refuse_difference


class Restarting:
    """Shiryaev-Roberts over bets: the mean over `BETS` of M, with M <- (M + 1)(1 + l d) from 0.

    M is the sum of the wealths of bettors of whom one begins at each event. As long as a difference is not above 0 in
    expectation, given the past, M less the count is a supermartingale, so that the mean number of events until M first
    reaches N is at least N, whatever the dependence.

    Notes
    -----
    Adding costs two logarithms and an exponential per bet, nothing for a tie; memory is one number per bet. Nobody
    begins at a tie: M is then no larger, so the promise holds, and a challenger that always does as the champion does
    has no evidence, however long.

    References
    ----------
    Shin, Ramdas and Rinaldo 2024, E-detectors, doi 10.51387/23-NEJSDS51

    Examples
    --------
    >>> evidence = Restarting()
    >>> for d in (1.0, 1.0, -1.0):
    ...     evidence.add(d)
    >>> round(exp(evidence.log_e), 3)
    2.696
    """

    __slots__ = ("_count", "_logs")

    _logs: list[float]

    def __init__(self) -> None:
        self.restart()

    @property
    def count(self) -> int:
        """How many differences were taken since the last restart."""
        return self._count

    @property
    def log_e(self) -> float:
        """The logarithm of the mean M; minus infinity before the first that is not 0."""
        return log_mean_exp(self._logs)

    def add(self, d: float) -> None:
        """Take one difference in [-1, 1], or raise `ValueError` and change nothing."""
        refuse_difference(d)
        self._count += 1
        if not d:
            return
        self._logs = [
            (wealth if wealth > 0.0 else 0.0) + log1p(exp(-abs(wealth))) + log1p(bet * d)
            for wealth, bet in zip(self._logs, BETS, strict=True)
        ]

    def restart(self) -> None:
        """Forget everything."""
        self._count = 0
        self._logs = [-inf] * len(BETS)

    def snapshot(self) -> list[Any]:
        """Return the count and the logarithm of each M."""
        return [self._count, list(self._logs)]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        self._count, logs = state
        self._logs = list(logs)

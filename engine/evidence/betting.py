"""Evidence by betting: bounded differences of any kind, one start.

Only the bets live here; what a threshold promises is said in `engine.evidence.rules`.
"""

from __future__ import annotations

from math import log1p
from typing import Any

from engine.evidence.evidence import log_mean_exp, refuse_difference

BETS = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7)
"""Shares of the wealth that are staked on the challenger. Small ones win slowly and on small gains."""


class Betting:
    """Stakes fixed shares of its wealth on every event: the mean over `BETS` of prod(1 + l d).

    As long as a difference is not above 0 in expectation, given the past, each product is a supermartingale that starts
    at 1: the chance that the mean ever reaches 1/alpha is at most alpha (Ville). No independence is asked for.

    Notes
    -----
    Adding costs one logarithm per bet, nothing for a tie; memory is one number per bet.

    References
    ----------
    Waudby-Smith and Ramdas 2024, Estimating means of bounded random variables by betting, doi 10.1093/jrsssb/qkad009

    Examples
    --------
    >>> evidence = Betting()
    >>> for _ in range(20):
    ...     evidence.add(1.0)
    >>> evidence.log_e > 8.0
    True
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
        """The logarithm of the mean wealth."""
        return log_mean_exp(self._logs)

    def add(self, d: float) -> None:
        """Take one difference in [-1, 1], or raise `ValueError` and change nothing."""
        refuse_difference(d)
        if d:
            self._logs = [wealth + log1p(bet * d) for wealth, bet in zip(self._logs, BETS, strict=True)]
        self._count += 1

    def restart(self) -> None:
        """Forget everything."""
        self._count = 0
        self._logs = [0.0] * len(BETS)

    def snapshot(self) -> list[Any]:
        """Return the count and the logarithm of each bet's wealth."""
        return [self._count, list(self._logs)]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        self._count, logs = state
        self._logs = list(logs)

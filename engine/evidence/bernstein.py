"""Evidence by an empirical Bernstein bound: for a gain that comes and goes.

Betting and McNemar doubt that the challenger is better *on any event*; this doubts that it was better *on average so
far*. It holds where the gain drifts, and is slower.
"""

from __future__ import annotations

from math import log

from engine.evidence.evidence import log_mean_exp, refuse_difference

RATES = (0.01, 0.025, 0.05, 0.1, 0.2, 0.4)
"""The l of the exponents that are mixed, below 1/_SPAN."""

_SPAN = 2.0
"""c: how far a difference can lie from its centre, both being in [-1, 1]."""

_PENALTIES = tuple((-log(1.0 - _SPAN * rate) - _SPAN * rate) / _SPAN**2 for rate in RATES)


class Bernstein:
    """The mean over `RATES` of exp(l S - psi(l) V), psi(l) = (-ln(1 - c l) - c l) / c^2, with c = 2.

    S is the sum of the differences, V that of their squared distances from the mean of those before. Whatever the
    expectations do, the chance that this ever reaches 1/alpha while their average up to then is not above 0 is at most
    alpha.

    Notes
    -----
    O(1) per event, three numbers of memory. The mixture is over a grid where the paper integrates over a gamma density.

    References
    ----------
    Choe and Ramdas 2024, Comparing sequential forecasters, doi 10.1287/opre.2021.0792

    Examples
    --------
    >>> evidence = Bernstein()
    >>> for _ in range(40):
    ...     evidence.add(1.0)
    >>> evidence.log_e > 10.0
    True
    """

    __slots__ = ("_count", "_gain", "_spread")

    def __init__(self) -> None:
        self.restart()

    @property
    def count(self) -> int:
        """How many differences were taken since the last restart."""
        return self._count

    @property
    def log_e(self) -> float:
        """The logarithm of the evidence."""
        return log_mean_exp(
            [rate * self._gain - penalty * self._spread for rate, penalty in zip(RATES, _PENALTIES, strict=True)]
        )

    def add(self, d: float) -> None:
        """Take one difference in [-1, 1], or raise `ValueError` and change nothing."""
        refuse_difference(d)
        centre = self._gain / self._count if self._count else 0.0
        self._spread += (d - centre) ** 2
        self._gain += d
        self._count += 1

    def restart(self) -> None:
        """Forget everything."""
        self._count = 0
        self._gain = self._spread = 0.0

    def snapshot(self) -> list[float]:
        """Return the count, S and V."""
        return [self._count, self._gain, self._spread]

    def restore(self, state: list[float]) -> None:
        """Take back what `snapshot` returned."""
        count, self._gain, self._spread = state
        self._count = int(count)

"""How large the gain is: a confidence sequence, an interval that may be read at any time.

Evidence says that there is a gain; this says how much of one. It decides nothing.
"""

from __future__ import annotations

from math import log, log1p, sqrt

from engine.errors import ConfigError
from engine.evidence.evidence import refuse_difference

_RATE_MAX = 0.5


class ConfidenceSequence:
    """An interval around the mean difference that holds at all times at once with probability at least 1 - alpha.

    The predictable plug-in empirical Bernstein interval, on x = (d + 1) / 2 in [0, 1]: with

        l_t = min(1/2, sqrt(2 ln(2/alpha) / (s2_{t-1} t ln(1 + t)))),    psi(l) = -ln(1 - l) - l

    it is sum(l x) / sum(l) +- (ln(2/alpha) + sum(psi(l) (x - mu_{t-1})^2)) / sum(l). Bounds only tighten: each is the
    best so far. Two intervals that do not meet cannot both hold one constant mean: then the gain has moved, the
    sequence starts anew behind that event, and `moved_count` says so.

    Parameters
    ----------
    alpha
        The share of sequences that may be wrong somewhere, between 0 and 1.

    Raises
    ------
    ConfigError
        Where alpha is not between 0 and 1.

    Notes
    -----
    O(1) per event. Between two moves the level holds for a mean that is constant given the past; across moves it holds
    for each stretch by itself.

    References
    ----------
    Waudby-Smith and Ramdas 2024, theorem 2, doi 10.1093/jrsssb/qkad009

    Examples
    --------
    >>> gain = ConfidenceSequence(0.05)
    >>> for _ in range(200):
    ...     gain.add(0.5)
    >>> 0.4 < gain.lower < 0.5 < gain.upper < 0.6
    True
    """

    __slots__ = (
        *("_alpha", "_bet_sum", "_count", "_lean", "_penalty", "_sum", "_variation"),
        *("lower", "moved_count", "upper"),
    )

    _count: int
    moved_count: int
    _sum: float
    _variation: float
    _bet_sum: float
    _lean: float
    _penalty: float
    lower: float
    upper: float

    def __init__(self, alpha: float) -> None:
        if not 0.0 < alpha < 1.0:
            msg = f"alpha must be between 0 and 1, got {alpha!r}"
            raise ConfigError(msg)
        self._alpha = alpha
        self.restart()

    @property
    def count(self) -> int:
        """How many differences the interval rests on."""
        return self._count

    @property
    def centre(self) -> float:
        """The estimate of the mean difference; 0 before the first."""
        return 2.0 * self._lean / self._bet_sum - 1.0 if self._count else 0.0

    def add(self, d: float) -> None:
        """Take one difference in [-1, 1], or raise `ValueError` and change nothing."""
        refuse_difference(d)
        x = (d + 1.0) / 2.0
        before = self._count
        t = before + 1
        # The mean and the variance of those before, each with half an event at the middle of its range.
        mean = (0.5 + self._sum) / t
        variance = (0.25 + self._variation) / t
        bet = min(_RATE_MAX, sqrt(2.0 * log(2.0 / self._alpha) / (variance * t * log1p(t))))
        self._bet_sum += bet
        self._lean += bet * x
        self._penalty += (-log1p(-bet) - bet) * (x - mean) ** 2
        self._sum += x
        self._variation += (x - (0.5 + self._sum) / (t + 1)) ** 2
        self._count = t
        centre = self.centre
        half_width = 2.0 * (log(2.0 / self._alpha) + self._penalty) / self._bet_sum
        self.lower = max(self.lower, centre - half_width)
        self.upper = min(self.upper, centre + half_width)
        if self.lower > self.upper:
            moved_count = self.moved_count + 1
            self.restart()
            self.moved_count = moved_count

    def restart(self) -> None:
        """Forget everything."""
        self._count = self.moved_count = 0
        self._sum = self._variation = self._bet_sum = self._lean = self._penalty = 0.0
        self.lower, self.upper = -1.0, 1.0

    def snapshot(self) -> list[float]:
        """Return the counts, the sums and the bounds."""
        sums = [self._sum, self._variation, self._bet_sum, self._lean, self._penalty]
        return [self._count, self.moved_count, *sums, self.lower, self.upper]

    def restore(self, state: list[float]) -> None:
        """Take back what `snapshot` returned."""
        count, moved_count, self._sum, self._variation, self._bet_sum, self._lean, self._penalty, *bounds = state
        self._count, self.moved_count = int(count), int(moved_count)
        self.lower, self.upper = bounds

"""What an A/B test will take: events per arm, and days, before it starts.

Losses lie in [0, 1], and none with this mean varies more than one that is 0 or 1, so the counts are enough for any.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf, log, sqrt
from statistics import NormalDist

from engine.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Power:
    """What is planned for.

    Parameters
    ----------
    baseline
        The control's mean loss.
    effect
        By how much the other arm's is lower, or higher where the baseline leaves no room below.
    alpha
        The chance to find a difference where there is none, two-sided.
    power
        The chance to find this one.
    """

    baseline: float
    effect: float
    alpha: float = 0.05
    power: float = 0.8

    def __post_init__(self) -> None:
        """Refuse what cannot be planned for."""
        for name in ("baseline", "effect", "alpha", "power"):
            if not 0.0 < getattr(self, name) < 1.0:
                msg = f"{name} must be between 0 and 1, got {getattr(self, name)!r}"
                raise ConfigError(msg)
        if self.effect > self.baseline and self.baseline + self.effect > 1.0:
            msg = f"an effect of {self.effect!r} from a baseline of {self.baseline!r} leaves [0, 1]; give a smaller one"
            raise ConfigError(msg)
        if self.power <= self.alpha / 2.0:
            msg = f"power must be above alpha / 2, got {self.power!r} with alpha {self.alpha!r}"
            raise ConfigError(msg)

    @property
    def other(self) -> float:
        """The other arm's mean loss."""
        return self.baseline - self.effect if self.effect <= self.baseline else self.baseline + self.effect

    @property
    def _variance(self) -> float:
        """The variance of a difference of one loss of each arm."""
        return self.baseline * (1.0 - self.baseline) + self.other * (1.0 - self.other)

    def fixed_count(self) -> int:
        """Return the events per arm that a t-test or a chi-square test needs.

        n = (z(1 - alpha/2) sqrt(2 m (1 - m)) + z(power) sqrt(p (1 - p) + p' (1 - p')))^2 / effect^2, m the mean of the
        two. Both tests need the same number, to a few events.

        References
        ----------
        Fleiss, Levin and Paik (2003), Statistical methods for rates and proportions, 4.1.

        >>> Power(0.05, 0.01).fixed_count()
        6745
        """
        normal = NormalDist()
        middle = (self.baseline + self.other) / 2.0
        under_none = normal.inv_cdf(1.0 - self.alpha / 2.0) * sqrt(2.0 * middle * (1.0 - middle))
        found = under_none + normal.inv_cdf(self.power) * sqrt(self._variance)
        return ceil((found / self.effect) ** 2)

    def any_time_count(self) -> int:
        """Return the events per arm at which the any-time test is expected to stop, if the effect is there.

        By formula: where the expectation of log L, mixed over the effect itself, comes to log(1 / alpha). A little
        more than half of all tests stop before, and the mean is about a tenth above.
        """
        low, high = 1, 2
        while self._expected_log(high) < log(1.0 / self.alpha):
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            if self._expected_log(middle) < log(1.0 / self.alpha):
                low = middle
            else:
                high = middle
        return high

    def _expected_log(self, count: int) -> float:
        variance, mixed = self._variance / count, self.effect * self.effect
        if variance == 0.0:
            return inf
        whole = variance + mixed
        return 0.5 * (log(variance / whole) + mixed * (mixed + variance) / (variance * whole))


def days(count: int, share: float, per_day: float) -> float:
    """Return how long it takes until the smaller of two arms has so many events, of which one has this share.

    >>> days(6_745, 0.5, 10_000)
    1.349
    """
    if not 0.0 < share < 1.0:
        msg = f"share must be between 0 and 1, got {share!r}"
        raise ConfigError(msg)
    if not 0.0 < per_day < inf:
        msg = f"per_day must be a positive number of events, got {per_day!r}"
        raise ConfigError(msg)
    return count / (per_day * min(share, 1.0 - share))

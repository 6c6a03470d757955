"""Count, mean and variance of numbers as they come, one by one.

Welford's recurrence, event by event, so that how many came at once changes no bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt


class Moments:
    """The count, the mean, and the sum of squared distances from it.

    References
    ----------
    Welford (1962), doi:10.1080/00401706.1962.10490022
    """

    __slots__ = ("count", "mean", "squares")

    def __init__(self) -> None:
        self.count = 0
        self.mean = 0.0
        self.squares = 0.0

    def add(self, value: float) -> None:
        """Take one number."""
        self.count += 1
        distance = value - self.mean
        self.mean += distance / self.count
        self.squares += distance * (value - self.mean)

    @property
    def variance(self) -> float:
        """The unbiased variance; 0 of fewer than two."""
        return self.squares / (self.count - 1) if self.count > 1 else 0.0

    @property
    def error(self) -> float | None:
        """The standard error of the mean; None of fewer than two."""
        return sqrt(self.variance / self.count) if self.count > 1 else None

    def snapshot(self) -> list[float]:
        """Return the state as plain data."""
        return [self.count, self.mean, self.squares]

    def restore(self, state: Sequence[float]) -> None:
        """Take back what `snapshot` returned."""
        self.count, self.mean, self.squares = int(state[0]), state[1], state[2]

"""The mean that is no news: an upper bound, learned from the stream itself and lowered as the stream allows.

Only the bound lives here; who bets against it is not known.
"""

from __future__ import annotations

from math import exp, log, log1p, sqrt
from typing import Any

ONES_A_BLOCK = 30
ZEROS_A_BLOCK = 10_000
"""The first block of 0/1 values ends with so many ones, or after so many values."""

NUMBERS_A_BLOCK = 200
"""The first block of other values ends after so many."""

DOUBLINGS_ONES = 4
DOUBLINGS_NUMBERS = 7
"""Every block is twice as long as the one before, but no more often than this. So long ones make the bound of a rate
about 15 % higher than the rate: a smaller rise is never news."""


class Baseline:
    """The lowest of the upper confidence bounds of the blocks so far; None until the first block ends.

    Parameters
    ----------
    doubt
        The probability that any of the bounds, of however many blocks, is below a mean that does not change.

    Notes
    -----
    Block j of 0, 1, 2, ... gets doubt / ((j + 1) (j + 2)). For 0/1 values the bound is Chernoff's, the larger q with
    n kl(mean, q) = ln(2 / doubt): it holds for a block that ends at a number of ones as for one that ends at a number
    of values, and each gets half. For others it is the empirical Bernstein bound with the largest value seen as the
    range, which is no proof where larger ones may come. O(1) a value. What gets better lowers the bound; what gets
    worse never raises it, which is for the one who restarts it after an alarm.

    References
    ----------
    Maurer and Pontil 2009, arXiv:0907.3740; Hoeffding 1963, doi 10.1080/01621459.1963.10500830.
    """

    __slots__ = ("_block", "_count", "_doubt", "_fractional", "_largest", "_squares", "_sum", "m")

    def __init__(self, doubt: float) -> None:
        self._doubt = doubt
        self.m: float | None = None
        self._block = 0
        self._begin()

    def _begin(self) -> None:
        self._count = 0
        self._sum = self._squares = self._largest = 0.0
        self._fractional = False

    def learn(self, value: float) -> None:
        """Take one value, of at least 0."""
        self._count += 1
        self._sum += value
        self._squares += value * value
        self._largest = max(self._largest, value)
        if value not in {0.0, 1.0}:
            self._fractional = True
        if self._fractional:
            if self._count < NUMBERS_A_BLOCK << min(self._block, DOUBLINGS_NUMBERS):
                return
        elif self._sum < (most := ONES_A_BLOCK << min(self._block, DOUBLINGS_ONES)) and self._count < (
            ZEROS_A_BLOCK * most // ONES_A_BLOCK
        ):
            return
        spent = log(2.0 * (self._block + 1) * (self._block + 2) / self._doubt)
        mean = self._sum / self._count
        bound = self._bernstein(mean, spent) if self._fractional else upper_mean(mean, spent / self._count)
        self.m = bound if self.m is None else min(self.m, bound)
        self._block += 1
        self._begin()

    def _bernstein(self, mean: float, spent: float) -> float:
        count = self._count
        variance = max(0.0, (self._squares - count * mean * mean) / (count - 1))
        return mean + sqrt(2.0 * variance * spent / count) + 7.0 * self._largest * spent / (3.0 * (count - 1))

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        sums = [self._count, self._sum, self._squares, self._largest, self._fractional]
        return [self.m, self._block, *sums]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        self.m, self._block, self._count, self._sum, self._squares, self._largest, self._fractional = state


def upper_mean(mean: float, spent: float) -> float:
    """Return the larger q at which kl(mean, q), the divergence of a coin of `q` from one of `mean`, is `spent`.

    >>> round(upper_mean(0.01, 0.003), 5), upper_mean(1.0, 0.003)
    (0.01924, 1.0)
    """
    if mean >= 1.0:
        return 1.0
    if mean <= 0.0:
        return 1.0 - exp(-spent)
    low, high = mean, 1.0
    for _ in range(60):
        q = 0.5 * (low + high)
        if q >= 1.0:
            return 1.0
        if mean * log(mean / q) + (1.0 - mean) * (log1p(-mean) - log1p(-q)) < spent:
            low = q
        else:
            high = q
    return high

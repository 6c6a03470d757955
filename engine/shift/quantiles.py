"""How large a distance is by chance: quantiles of chi-squared and of Kolmogorov, and tails of counts.

Scalar arithmetic, exact to about ten digits. This file knows nothing of what is compared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import erfc, exp, lgamma, log, log1p, pi, sqrt

BOUND_COUNT = 30
"""Slopes that Chernoff's bound is tried at."""

_STEPS = 200
_TINY = 1e-300


@lru_cache(maxsize=1_024)
def chi2_quantile(freedom: int, tail: float) -> float:
    """Return what a chi-squared variable of so many degrees of freedom exceeds with probability `tail`.

    >>> round(chi2_quantile(9, 0.05), 4)
    16.919
    """
    return _where_tail_falls(lambda x: _gamma_tail(freedom / 2.0, x / 2.0), tail, start=freedom + 10.0)


@lru_cache(maxsize=1_024)
def kolmogorov_quantile(tail: float) -> float:
    """Return what sqrt(nm/(n+m)) times the largest gap of two empirical distributions exceeds with probability `tail`.

    The limit for many values; for few, and for ties, it is exceeded less often.

    >>> round(kolmogorov_quantile(0.05), 4)
    1.3581
    """
    return _where_tail_falls(kolmogorov_tail, tail, start=1.0)


@lru_cache(maxsize=1_024)
def normal_quantile(tail: float) -> float:
    """Return what a standard normal variable exceeds with probability `tail`, at most 0.5.

    >>> round(normal_quantile(0.025), 4)
    1.96
    """
    return _where_tail_falls(lambda x: 0.5 * erfc(x / sqrt(2.0)), tail, start=1.0)


def kolmogorov_tail(x: float) -> float:
    """Return the probability that Kolmogorov's variable exceeds x."""
    if x < 0.2:
        return 1.0
    if x < 1.0:
        total = 0.0
        for k in range(1, 20, 2):
            total += exp(-k * k * pi * pi / (8.0 * x * x))
        return 1.0 - sqrt(2.0 * pi) / x * total
    total, sign = 0.0, 1.0
    for k in range(1, 30):
        total += sign * exp(-2.0 * k * k * x * x)
        sign = -sign
    return 2.0 * total


def counts_tail(found: int, count: int, found_before: int, count_before: int) -> float:
    """Return the chance of at least `found` of `count` where both samples are of one kind: Fisher's exact tail.

    Given how many there are in both samples together, the number in one is hypergeometric. O(their number).

    >>> round(counts_tail(3, 5, 1, 5), 6)
    0.261905
    """
    together = found + found_before
    highest = min(together, count)
    if found <= max(0, together - count_before):
        return 1.0
    whole = _log_choose(count + count_before, together)
    total = 0.0
    for number in range(highest, found - 1, -1):
        total += exp(_log_choose(count, number) + _log_choose(count_before, together - number) - whole)
    return min(1.0, total)


def outside_tail(found: int, count: int, count_before: int) -> float:
    """Return a bound on the chance that so many of `count` values lie outside the range of `count_before` like them.

    Of values in random order, the k highest all belong to the new sample with probability at most r^k, with
    r = count / (count + count_before); so the highest and lowest together number `found` or more with probability at
    most r^k (1 + k (1 - r)).
    """
    share = count / (count + count_before)
    return min(1.0, share**found * (1.0 + found * (1.0 - share)))


def unseen_tail(found: int, together: Sequence[int], share: float) -> float:
    """Return a bound on the chance that the new sample holds `found` values, or more, of kinds the old one lacks.

    Parameters
    ----------
    together
        How many values of each kind the two samples hold together.
    share
        The new sample's share of all values.

    Notes
    -----
    A kind of c values lies in the new sample alone with probability at most share^c. Chernoff's bound over all kinds,
    the best of `BOUND_COUNT`; the places of values are negatively dependent, which only makes large sums rarer.
    """
    if not found:
        return 1.0
    kinds = Counter(int(count) for count in together)
    steepest = -log(share)
    lowest = 0.0
    for number in range(1, BOUND_COUNT + 1):
        slope = steepest * number / (BOUND_COUNT + 1.0)
        bound = -slope * found
        for count, of in sorted(kinds.items()):
            bound += of * log1p(exp(count * (slope - steepest)) - exp(-count * steepest))
        lowest = min(lowest, bound)
    return exp(lowest)


def _log_choose(count: int, of: int) -> float:
    return lgamma(count + 1.0) - lgamma(of + 1.0) - lgamma(count - of + 1.0)


def _where_tail_falls(tail_at: Callable[[float], float], tail: float, *, start: float) -> float:
    """Return where a falling tail passes a probability, by bisection."""
    low, high = 0.0, start
    while tail_at(high) > tail:
        low, high = high, 2.0 * high
    for _ in range(_STEPS):
        middle = 0.5 * (low + high)
        if middle in {low, high}:
            break
        if tail_at(middle) > tail:
            low = middle
        else:
            high = middle
    return high


def _gamma_tail(shape: float, x: float) -> float:
    """Return the upper regularised incomplete gamma function: a series below the mean, a continued fraction above."""
    if x <= 0.0:
        return 1.0
    front = exp(shape * log(x) - x - lgamma(shape))
    if x < shape + 1.0:
        term = total = 1.0 / shape
        for step in range(1, 1_000):
            term *= x / (shape + step)
            total += term
            if term < total * 1e-17:
                break
        return 1.0 - front * total
    b = x + 1.0 - shape
    c, d = 1.0 / _TINY, 1.0 / b
    fraction = d
    for step in range(1, 1_000):
        a = -step * (step - shape)
        b += 2.0
        d = 1.0 / _away_from_zero(a * d + b)
        c = _away_from_zero(b + a / c)
        change = d * c
        fraction *= change
        if abs(change - 1.0) < 1e-16:
            break
    return front * fraction


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY

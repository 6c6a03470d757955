"""Tails of distributions: how likely a statistic as large as this is where there is no difference.

Plain functions of numbers, in floats of the standard library.
"""

from __future__ import annotations

from math import erfc, exp, inf, lgamma, log, log1p, sqrt

_STEPS_MAX = 300
_TINY = 1e-300
_PRECISION = 1e-15


def chi_square_tail(x: float) -> float:
    """Return P(X > x) of the chi-square distribution with one degree of freedom.

    >>> round(chi_square_tail(3.841458820694124), 12)
    0.05
    """
    return erfc(sqrt(x / 2.0)) if x > 0.0 else 1.0


def student_tail(t: float, df: float) -> float:
    """Return P(|T| > |t|) of Student's distribution with `df` degrees of freedom, above 0.

    >>> round(student_tail(2.2281388519649385, 10.0), 12)
    0.05
    """
    if abs(t) == inf:
        return 0.0
    return beta_share(df / 2.0, 0.5, df / (df + t * t), t * t / (df + t * t))


def beta_share(a: float, b: float, x: float, rest: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b); `rest` is 1 - x, exact where x is close to 1.

    By its continued fraction, with Lentz's method: some tens of steps, and more where a and b are large.

    References
    ----------
    DLMF 8.17.22; Lentz (1976), doi:10.1364/AO.15.000668.
    """
    if x <= 0.0 or rest <= 0.0:
        return 0.0 if x <= 0.0 else 1.0
    log_x, log_rest = (log(x), log1p(-x)) if x < 0.5 else (log1p(-rest), log(rest))
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log_x + b * log_rest)
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _fraction(a, b, x) / a
    return 1.0 - front * _fraction(b, a, rest) / b


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, _STEPS_MAX):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + term * d)
            c = _away_from_zero(1.0 + term / c)
            value *= c * d
        if abs(c * d - 1.0) < _PRECISION:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY

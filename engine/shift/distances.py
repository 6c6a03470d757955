"""How far two samples are apart: PSI and Jensen-Shannon on counts, Kolmogorov-Smirnov and Wasserstein on values.

Elementwise operations and running sums only, so equal input gives equal bits. This file knows nothing of features,
windows or what counts as far.
"""

from __future__ import annotations

from typing import Any

import numpy as np

PSEUDO_COUNT = 0.5
"""What every bin is given beforehand, so that an empty one has a logarithm."""


def psi(before: Any, after: Any) -> float:
    """Return the population stability index of two rows of counts: the sum of (q - p) ln(q / p).

    p and q are shares, each bin with half a count more. Where nothing changed its mean is about
    (1/n + 1/m) (bins - 1), and it is distributed as that factor times chi-squared.
    """
    p, q = _shares(before, PSEUDO_COUNT), _shares(after, PSEUDO_COUNT)
    return _total((q - p) * np.log(q / p))


def jensen_shannon(before: Any, after: Any) -> float:
    """Return the Jensen-Shannon divergence of two rows of counts, in nats: from 0 to ln 2.

    Its square root is a metric. Where nothing changed it is distributed about as (1/n + 1/m) / 8 times chi-squared.

    References
    ----------
    Lin 1991, doi 10.1109/18.61115.
    """
    p, q = _shares(before, 0.0), _shares(after, 0.0)
    middle = 0.5 * (p + q)
    return max(0.0, 0.5 * (_relative(p, middle) + _relative(q, middle)))


def ks_and_wasserstein(before: Any, after: Any) -> tuple[float, float]:
    """Return the largest gap between two empirical distributions, and the area between them.

    Parameters
    ----------
    before, after
        Values in ascending order, at least one each.

    Notes
    -----
    O((n + m) log(n + m)). The second is the Wasserstein distance of order 1, in the unit of the values.
    """
    values = np.concatenate([before, after])
    values.sort()
    below_before = np.searchsorted(before, values, side="right") / len(before)
    below_after = np.searchsorted(after, values, side="right") / len(after)
    gap = np.abs(below_before - below_after)
    area = np.cumsum(gap[:-1] * (values[1:] - values[:-1]))
    return float(gap.max()), float(area[-1])


def binned_ks(before: Any, after: Any) -> float:
    """Return the largest gap between two distributions given as counts in ordered bins."""
    p, q = _shares(before, 0.0), _shares(after, 0.0)
    return float(np.abs(np.cumsum(p) - np.cumsum(q)).max())


def _shares(counts: Any, more: float) -> Any:
    given = np.asarray(counts) + more
    return given / np.cumsum(given)[-1]


def _relative(p: Any, middle: Any) -> float:
    there = p > 0.0
    return _total(np.where(there, p * np.log(np.where(there, p, 1.0) / np.where(there, middle, 1.0)), 0.0))


def _total(terms: Any) -> float:
    return float(np.cumsum(terms)[-1])

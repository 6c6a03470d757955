"""D3: can a classifier tell the reference from the window? If it can, many features together have moved.

The discriminative detector of Goezuaecik et al. 2019, doi 10.1145/3357384.3358144, with a logistic classifier of our
own. Elementwise operations and running sums only, so equal input gives equal bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

ROWS_MAX = 500
"""Rows of either side that are looked at, evenly spread."""

NUMBERS_MAX = 64
"""Columns that are looked at, the first ones."""

STEPS = 20
"""Steps of the fit."""


def old_or_new_auc(before: Any, after: Any) -> float:
    """Return the chance that a row of the window looks newer than one of the reference, to a classifier.

    Parameters
    ----------
    before, after
        Numbers, (rows, columns), NaN for missing: it counts as the mean.

    Notes
    -----
    Every second row trains, the others are judged, and the other way round; the AUC is the mean of the two, and near
    0.5 where nothing moved. Cost: at most 20 steps over 1,000 rows of 64 numbers, about 4 ms for 20.
    """
    old, new = _thinned(before[:, :NUMBERS_MAX]), _thinned(after[:, :NUMBERS_MAX])
    if not old.shape[1] or len(old) < 4 or len(new) < 4:
        return 0.5
    rows = _standardised(np.concatenate([old, new]))
    is_new = np.concatenate([np.zeros(len(old)), np.ones(len(new))])
    aucs = []
    for first in (0, 1):
        trained = np.concatenate([np.arange(first, len(old), 2), np.arange(len(old) + first, len(rows), 2)])
        judged = np.concatenate([np.arange(1 - first, len(old), 2), np.arange(len(old) + 1 - first, len(rows), 2)])
        weights = _fit(rows[trained], is_new[trained])
        aucs.append(auc(_scores(rows[judged], weights), is_new[judged] > 0.0))
    return 0.5 * (aucs[0] + aucs[1])


def auc(scores: Any, is_new: Any) -> float:
    """Return the chance that a new row scores higher than an old one, a tie counting half."""
    old, new = np.sort(scores[~is_new]), scores[is_new]
    below = np.searchsorted(old, new, side="left")
    upto = np.searchsorted(old, new, side="right")
    return int((below + upto).sum()) / (2.0 * len(old) * len(new))


def _thinned(rows: Any) -> Any:
    count = len(rows)
    return rows if count <= ROWS_MAX else rows[np.arange(ROWS_MAX) * count // ROWS_MAX]


def _standardised(rows: Any) -> Any:
    """Return columns of mean 0 and variance 1; what is missing is 0, a constant column is 0."""
    there = ~np.isnan(rows)
    count = np.maximum(there.sum(axis=0), 1)
    filled = np.where(there, rows, 0.0)
    largest = np.maximum(np.abs(filled).max(axis=0), 1e-300)
    filled = filled / largest
    centred = np.where(there, filled - np.cumsum(filled, axis=0)[-1] / count, 0.0)
    deviation = np.sqrt(np.cumsum(centred * centred, axis=0)[-1] / count)
    return np.where(deviation > 1e-9, centred / np.maximum(deviation, 1e-9), 0.0)


def _scores(rows: Any, weights: Any) -> Any:
    return np.cumsum(rows * weights, axis=1)[:, -1]


def _fit(rows: Any, is_new: Any) -> Any:
    """Return the weights of a logistic classifier after a few accelerated gradient steps from 0."""
    count, width = rows.shape
    share = float(is_new.sum()) / count
    bias = np.log(share / (1.0 - share))
    # The curvature of the mean loss is at most a quarter of the largest eigenvalue, and that at most the width.
    step = 4.0 / width
    weights = before = np.zeros(width)
    for number in range(STEPS):
        ahead = weights + number / (number + 3.0) * (weights - before)
        surprise = is_new - 1.0 / (1.0 + np.exp(-np.clip(_scores(rows, ahead) + bias, -30.0, 30.0)))
        before, weights = weights, ahead + step * np.cumsum(rows * surprise[:, None], axis=0)[-1] / count
    return weights

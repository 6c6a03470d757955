"""Naive Bayes: a Gaussian for each class and column of numbers, frequencies for each class and column of texts.

Arrays, K classes, D columns, C numbers for texts over all columns:

- `weights` (K, 1 + C): what was learned of each class, then of each text in it, its column's from `columns[d, OFFSET]`
  on.
- `cells` (K, D, 4): weight, mean and sum of squared deviations of the numbers, and 1 / their standard deviation; for
  texts the weight alone.
- `columns` (D, 2): where a column's texts begin in `weights`, -1 for numbers; how many texts it has been shown.

An answer is the probability of each class. Sums run over columns in order, so equal steps give equal bits.
"""

from __future__ import annotations

from math import exp, log, pi, sqrt
from typing import Any, Final

from engine.kernels.ground import LEARN, OP, PREDICT, TARGET, WEIGHT, X, kernel, part

WEIGHT_OF: Final = 0
MEAN: Final = 1
SQUARES: Final = 2
SCALE: Final = 3
OFFSET: Final = 0
SHOWN: Final = 1

DENSITY_MIN: Final = 10e-10
"""Added to each density, as River does: no single number can exclude a class."""

FAR: Final = 1490.0
"""The square of a distance, in deviations, from which on a density is 0 in float64."""

PRODUCT_MIN: Final = 1e-200
PRODUCT_MAX: Final = 1e200
"""Densities are multiplied, and the logarithm is taken where the product leaves these bounds."""

SCALE_1: Final = 1.0 / sqrt(2.0 * pi)


@part
def density(cell: Any, value: float) -> float:
    """Return the density of a number, never 0; one value alone has no spread, and says as little as it can."""
    scale = cell[SCALE]
    away = (value - cell[MEAN]) * scale
    square = away * away
    if scale == 0.0 or square > FAR:
        return DENSITY_MIN
    return DENSITY_MIN + exp(-0.5 * square) * SCALE_1 * scale


@part
def share(weights: Any, column: Any, weight: float, number: int) -> float:
    """Return the share of a text in its class: each of those shown, and one unknown, begin with a weight of 1."""
    known = weights[column[OFFSET] + number] if number >= 0 else 0.0
    return (known + 1.0) / (weight + column[SHOWN] + 1.0)


@part
def likelihood(weights: Any, cells: Any, columns: Any, value: float, c: int, d: int) -> float:
    """Return how likely a value of one column is in a class; 1 where it is missing."""
    if value != value:
        return 1.0
    if columns[d, OFFSET] < 0:
        return density(cells[c, d], value)
    return share(weights[c], columns[d], cells[c, d, WEIGHT_OF], int(value))


@part
def predict(weights: Any, cells: Any, columns: Any, row: Any, answer: Any) -> None:
    """Fill the probabilities of the classes."""
    total = 0.0
    for c in range(weights.shape[0]):
        total += weights[c, 0]
    if total == 0.0:
        for c in range(weights.shape[0]):
            answer[c] = 0.0
        return
    best = -1e308
    for c in range(weights.shape[0]):
        if weights[c, 0] > 0.0:
            said = log(weights[c, 0] / total)
            product = 1.0
            for d in range(columns.shape[0]):
                product *= likelihood(weights, cells, columns, row[X + d], c, d)
                if not PRODUCT_MIN < product < PRODUCT_MAX:
                    said += log(product)
                    product = 1.0
            said += log(product)
            answer[c] = said
            best = max(best, said)
    whole = 0.0
    for c in range(weights.shape[0]):
        answer[c] = exp(answer[c] - best) if weights[c, 0] > 0.0 else 0.0
        whole += answer[c]
    for c in range(weights.shape[0]):
        answer[c] /= whole


@part
def learn(weights: Any, cells: Any, columns: Any, row: Any) -> None:
    """Add one example: Welford's update of mean and squares, each with the example's weight."""
    c = int(row[TARGET])
    weight = row[WEIGHT]
    weights[c, 0] += weight
    for d in range(columns.shape[0]):
        value = row[X + d]
        if value != value:
            continue
        cell = cells[c, d]
        cell[WEIGHT_OF] += weight
        if columns[d, OFFSET] < 0:
            away = value - cell[MEAN]
            cell[MEAN] += weight / cell[WEIGHT_OF] * away
            cell[SQUARES] += weight * away * (value - cell[MEAN])
            if cell[SQUARES] > 0.0:
                cell[SCALE] = 1.0 / sqrt(cell[SQUARES] / cell[WEIGHT_OF])
        else:
            number = int(value)
            weights[c, columns[d, OFFSET] + number] += weight
            columns[d, SHOWN] = max(columns[d, SHOWN], number + 1)


@kernel("int64(float64[:,::1], float64[:,:,::1], int64[:,::1], float64[:,::1], float64[:,::1], int64)")
def take(weights: Any, cells: Any, columns: Any, rows: Any, answers: Any, begin: int) -> int:
    """Take the steps from `begin` on; return how many there are."""
    for i in range(begin, rows.shape[0]):
        if rows[i, OP] != LEARN:
            predict(weights, cells, columns, rows[i], answers[i])
        if rows[i, OP] != PREDICT:
            learn(weights, cells, columns, rows[i])
    return rows.shape[0]

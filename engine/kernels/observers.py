"""What a leaf knows of its features: a Gaussian for each class and number, a weight for each class and text.

A cell of a number: weight, mean, sum of squared deviations, least and greatest value, and the two terms of its log
density, (x - mean)^2 * `SCALE` + `LEVEL`, kept ready because they are asked for more often than they change. Both are 0
while there is no spread, so that it says nothing. A cell of a text has its weight alone. `RANK` is the class's place
among those the feature was seen with, from 1 on.
"""

from __future__ import annotations

from math import erf, exp, inf, log, pi, sqrt
from typing import Any, Final

from engine.kernels.ground import X, inlined, part
from engine.kernels.slab import (
    AS_RIVER,
    CLASS,
    CLASSES,
    CLASSES_MET,
    COLUMN_ROOM,
    FEATURES,
    OFFSET,
    ROOM,
    SLOT,
    WATCHED,
    Slab,
    total,
)

WEIGHT_OF: Final = 0
MEAN: Final = 1
SQUARES: Final = 2
LOW: Final = 3
HIGH: Final = 4
LEVEL: Final = 5
SCALE: Final = 6
RANK: Final = 7
CELL: Final = 8

HALF_LOG_TAU: Final = 0.5 * log(2.0 * pi)
SQRT_2: Final = sqrt(2.0)

BY_MAJORITY: Final = 0
BY_BAYES: Final = 1
BY_BETTER: Final = 2
"""How a leaf answers: its shares, naive Bayes, or whichever was right more often."""


@inlined
def watch_all(slab: Slab, slot: int) -> None:
    """Have a slot watch every column there is; a forest fills `lists` with a draw of its own instead."""
    for feature in range(slab.lists[slot, WATCHED], slab.header[COLUMN_ROOM]):
        slab.lists[slot, FEATURES + feature] = feature
    slab.lists[slot, WATCHED] = slab.header[COLUMN_ROOM]


@part
def rank(cells: Any, c: int, j: int) -> None:
    """Have a class be the next one that a feature was seen with, unless it was seen already."""
    if cells[c, j, RANK] == 0.0:
        seen = 1
        for other in range(cells.shape[0]):
            if cells[other, j, RANK] > 0.0:
                seen += 1
        cells[c, j, RANK] = seen


@inlined
def learn_number(cells: Any, c: int, j: int, value: float, weight: float) -> None:
    """Add one number: Welford's update, with the example's weight."""
    if cells[c, j, WEIGHT_OF] == 0.0:
        rank(cells, c, j)
        cells[c, j, LOW] = value
        cells[c, j, HIGH] = value
    elif value < cells[c, j, LOW]:
        cells[c, j, LOW] = value
    elif value > cells[c, j, HIGH]:
        cells[c, j, HIGH] = value
    n = cells[c, j, WEIGHT_OF] + weight
    before = cells[c, j, MEAN]
    mean = before + weight / n * (value - before)
    squares = cells[c, j, SQUARES] + weight * (value - before) * (value - mean)
    cells[c, j, WEIGHT_OF] = n
    cells[c, j, MEAN] = mean
    cells[c, j, SQUARES] = squares
    variance = squares / (n - 1.0) if n > 1.0 else 0.0
    if variance > 0.0:
        cells[c, j, LEVEL] = -HALF_LOG_TAU - 0.5 * log(variance)
        cells[c, j, SCALE] = -0.5 / variance


@inlined
def observe(slab: Slab, slot: int, row: Any, c: int, weight: float) -> None:
    """Show a slot the features of one example that it watches; what is missing shows nothing."""
    cells, counts, listed, columns = slab.cells[slot], slab.counts[slot], slab.lists[slot], slab.columns
    for j in range(listed[WATCHED]):
        feature = listed[FEATURES + j]
        value = row[X + feature]
        if value != value:
            continue
        if columns[feature, OFFSET] < 0:
            learn_number(cells, c, j, value, weight)
        elif 0.0 <= value < columns[feature, ROOM]:
            rank(cells, c, j)
            cells[c, j, WEIGHT_OF] += weight
            counts[c, columns[feature, OFFSET] + int(value)] += weight


@part
def rank_answered(slab: Slab, leaf: int, row: Any) -> None:
    """Rank a leaf's classes at the texts of an example, as River does by asking: it settles later ties alone."""
    slot = slab.nodes[leaf, SLOT]
    cells, listed = slab.cells[slot], slab.lists[slot]
    for j in range(listed[WATCHED]):
        feature = listed[FEATURES + j]
        if slab.columns[feature, OFFSET] >= 0 and row[X + feature] == row[X + feature]:
            seen = False
            for c in range(cells.shape[0]):
                seen = seen or cells[c, j, RANK] > 0.0
            if seen:
                for place in range(slab.nodes[leaf, CLASSES_MET]):
                    c = slab.nodes[leaf, CLASSES + place]
                    if slab.weights[leaf, CLASS + c] > 0.0:
                        rank(cells, c, j)


@inlined
def likelihood(cells: Any, counts: Any, listed: Any, columns: Any, row: Any, c: int) -> float:
    """Return the log likelihood of an example's features in a class; what a class never saw says nothing."""
    said = 0.0
    for j in range(listed[WATCHED]):
        feature = listed[FEATURES + j]
        value = row[X + feature]
        if value != value:
            continue
        if columns[feature, OFFSET] < 0:
            away = value - cells[c, j, MEAN]
            density = away * away * cells[c, j, SCALE] + cells[c, j, LEVEL]
            if density > -inf:
                said += density
        elif 0.0 <= value < columns[feature, ROOM]:
            count = counts[c, columns[feature, OFFSET] + int(value)]
            if count > 0.0:
                said += log(count / cells[c, j, WEIGHT_OF])
    return said


@inlined
def vote(slab: Slab, leaf: int, row: Any, c: int, whole: float) -> float:
    """Return the log of a class's share times its likelihood; River has a class of no weight at log 1."""
    weight = slab.weights[leaf, CLASS + c]
    if weight <= 0.0:
        return 0.0 if slab.header[AS_RIVER] == 1 else -inf
    slot = slab.nodes[leaf, SLOT]
    said = log(weight / whole)
    if slot >= 0:
        said += likelihood(slab.cells[slot], slab.counts[slot], slab.lists[slot], slab.columns, row, c)
    return said


@inlined
def bayes_best(slab: Slab, leaf: int, row: Any) -> int:
    """Return the class that naive Bayes says, the first the leaf met of equals; -1 where it says none."""
    whole = total(slab.nodes, slab.weights, leaf)
    best = -1
    most = -inf
    if whole > 0.0:
        for place in range(slab.nodes[leaf, CLASSES_MET]):
            c = slab.nodes[leaf, CLASSES + place]
            said = vote(slab, leaf, row, c, whole)
            if best < 0 or said > most:
                best, most = c, said
    return best


@inlined
def answer_bayes(slab: Slab, leaf: int, row: Any, answer: Any) -> int:
    """Fill the probabilities of a leaf's classes by naive Bayes; return the best."""
    whole = total(slab.nodes, slab.weights, leaf)
    if whole <= 0.0:
        return -1
    best = -1
    most = -inf
    for place in range(slab.nodes[leaf, CLASSES_MET]):
        c = slab.nodes[leaf, CLASSES + place]
        answer[c] = vote(slab, leaf, row, c, whole)
        if best < 0 or answer[c] > most:
            best, most = c, answer[c]
    said = 0.0
    for place in range(slab.nodes[leaf, CLASSES_MET]):
        c = slab.nodes[leaf, CLASSES + place]
        answer[c] = exp(answer[c] - most)
        said += answer[c]
    for place in range(slab.nodes[leaf, CLASSES_MET]):
        answer[slab.nodes[leaf, CLASSES + place]] /= said
    return best


@inlined
def answer_shares(slab: Slab, leaf: int, answer: Any) -> None:
    """Fill the shares of a leaf's classes."""
    whole = total(slab.nodes, slab.weights, leaf)
    if whole > 0.0:
        scale = 1.0 / whole
        for place in range(slab.nodes[leaf, CLASSES_MET]):
            c = slab.nodes[leaf, CLASSES + place]
            answer[c] = slab.weights[leaf, CLASS + c] * scale


@inlined
def below(cells: Any, c: int, j: int, point: float) -> float:
    """Return the share of a class's numbers that are at most `point`; 0 where there is no spread, as River has it."""
    n = cells[c, j, WEIGHT_OF]
    variance = cells[c, j, SQUARES] / (n - 1.0) if n > 1.0 else 0.0
    if variance <= 0.0:
        return 0.0
    return 0.5 * (1.0 + erf((point - cells[c, j, MEAN]) / sqrt(variance) / SQRT_2))

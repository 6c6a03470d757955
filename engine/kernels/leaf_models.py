"""Models in leaves of numbers: a line through what a leaf has seen, beside the mean of its targets.

A leaf answers with its mean (`BY_MEAN`), with its line (`BY_MODEL`), or with the one of both whose squared errors were
less (`BY_LESS_WRONG`), those of late counting most: before an error is added, what was is multiplied by `LEAF_DECAY`.
Numbers alone are in a line; the tree splits at texts. What is missing adds nothing and moves nothing.

A node's model stands in its `weights` from `MODEL` on: the four numbers of `SEEN` to `MODEL_ERROR`, then `CELL` numbers
for each column. A leaf's children begin with its model, and with its errors.

**As River.** Stochastic gradient descent on numbers as they come, at a rate of 0.01.

**Else** numbers are scaled by the mean and deviation that the leaf has seen, and the step is a share of what would have
made the answer right (normalized least mean squares): no feature's unit, and no target's, can make it diverge.

References: Nagumo and Noda 1967, doi 10.1109/TAC.1967.1098599; Ikonomovska, Gama and Dzeroski 2011, doi
10.1007/s10618-010-0201-y, for lines in leaves.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final

from engine.kernels.ground import TARGET, X, inlined, part
from engine.kernels.scaling import is_there
from engine.kernels.slab import (
    AS_RIVER,
    CLASS,
    LEAF_ANSWER,
    LEAF_DECAY,
    MODEL,
    OFFSET,
    T_MEAN,
    Slab,
)

BY_MEAN: Final = 0
BY_MODEL: Final = 1
BY_LESS_WRONG: Final = 2
"""How a leaf answers."""

SEEN: Final = MODEL
INTERCEPT: Final = MODEL + 1
MEAN_ERROR: Final = MODEL + 2
MODEL_ERROR: Final = MODEL + 3
CELLS: Final = MODEL + 4
"""Where a model's numbers stand in a node's row; the columns begin at `CELLS`."""

W: Final = 0
COUNT: Final = 1
MEAN: Final = 2
SQUARES: Final = 3
SCALE: Final = 4
CELL: Final = 5
"""Of a column: its weight; weight, mean and squared deviations of its numbers, and 1 / their deviation or 0."""

RIVERS_RATE: Final = 0.01
RIVERS_STEP_MAX: Final = 1e12

RATE: Final = 0.1
FAR: Final = 3.0
"""No number counts as further from its mean than this, in deviations."""
ERROR_MAX: Final = 1e150
"""No error counts as larger, so that its square is finite."""


@inlined
def feature(slab: Slab, known: Any, row: Any, f: int) -> float:
    """Return what a column's weight is multiplied by; 0 where it holds texts, or nothing."""
    value = row[X + f]
    if not is_there(value) or slab.columns[f, OFFSET] >= 0:
        return 0.0
    if slab.header[AS_RIVER] == 1:
        return value
    at = CELLS + f * CELL
    return min(max((value - known[at + MEAN]) * known[at + SCALE], -FAR), FAR)


@part
def line(slab: Slab, leaf: int, row: Any) -> float:
    """Return what a leaf's line says."""
    known = slab.weights[leaf]
    said = known[INTERCEPT]
    for f in range(slab.columns.shape[0]):
        said += known[CELLS + f * CELL + W] * feature(slab, known, row, f)
    return said


@inlined
def answer_number(slab: Slab, leaf: int, row: Any) -> float:
    """Return what a leaf says."""
    known, way = slab.weights[leaf], slab.header[LEAF_ANSWER]
    if way == BY_MEAN or (way == BY_LESS_WRONG and known[MEAN_ERROR] < known[MODEL_ERROR]):
        return known[CLASS + T_MEAN]
    return line(slab, leaf, row)


@part
def scale(slab: Slab, known: Any, row: Any, weight: float) -> None:
    """Move mean and deviation of the numbers that are there: Welford's update, with the example's weight."""
    for f in range(slab.columns.shape[0]):
        value = row[X + f]
        if is_there(value) and slab.columns[f, OFFSET] < 0:
            at = CELLS + f * CELL
            before = value - known[at + MEAN]
            known[at + COUNT] += weight
            known[at + MEAN] += weight / known[at + COUNT] * before
            known[at + SQUARES] += weight * before * (value - known[at + MEAN])
            if known[at + SQUARES] > 0.0:
                known[at + SCALE] = sqrt(known[at + COUNT] / known[at + SQUARES])


@part
def learn_line(slab: Slab, leaf: int, row: Any, weight: float) -> None:
    """Move a leaf's line towards an example; an example of weight k moves it as k of weight 1 would."""
    known = slab.weights[leaf]
    known[SEEN] += weight
    if slab.header[AS_RIVER] == 1:
        step = weight * 2.0 * (row[TARGET] - line(slab, leaf, row))
        step = RIVERS_RATE * min(max(step, -RIVERS_STEP_MAX), RIVERS_STEP_MAX)
    else:
        scale(slab, known, row, weight)
        if known[SEEN] == weight:
            known[INTERCEPT] = row[TARGET]
        length = 1.0
        for f in range(slab.columns.shape[0]):
            length += feature(slab, known, row, f) ** 2
        step = (1.0 - (1.0 - RATE) ** weight) * (row[TARGET] - line(slab, leaf, row)) / length
    known[INTERCEPT] += step
    for f in range(slab.columns.shape[0]):
        known[CELLS + f * CELL + W] += step * feature(slab, known, row, f)


@part
def learn_model(slab: Slab, leaf: int, row: Any, weight: float) -> None:
    """Have a leaf judge its mean and its line by an example, before either learns it, and have the line learn it."""
    known = slab.weights[leaf]
    for place, said in ((MEAN_ERROR, known[CLASS + T_MEAN]), (MODEL_ERROR, line(slab, leaf, row))):
        error = min(abs(row[TARGET] - said), ERROR_MAX)
        known[place] = slab.settings[LEAF_DECAY] * known[place] + error * error
    learn_line(slab, leaf, row, weight)


@inlined
def begin_with_model_of(slab: Slab, leaf: int, parent: int) -> None:
    """Have a new leaf begin with the model of another."""
    for place in range(MODEL, slab.weights.shape[1]):
        slab.weights[leaf, place] = slab.weights[parent, place]

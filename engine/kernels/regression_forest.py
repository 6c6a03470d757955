"""The adaptive random forest for numbers: each tree answers with what a leaf says, the forest with their median.

What `trees` holds, `engine.kernels.grove` says, and `engine.kernels.forest` what becomes of an example. The detectors
look at how far the tree's errors are from 0, in their deviations.

References: Gomes et al. 2018, Adaptive random forests for data stream regression, ESANN.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final

import numpy as np

from engine.kernels import adwin, draws
from engine.kernels.buckets import learn_target
from engine.kernels.ground import LEARN, OP, PREDICT, TARGET, WEIGHT, kernel, part
from engine.kernels.grove import (
    DICE,
    DRIFT,
    DRIFT_DELTA,
    DRIFTS,
    FLOATS,
    MEAN_COUNT,
    PLAIN,
    ROOT,
    WAITING,
    WARNING,
    WARNING_DELTA,
    WARNINGS,
    draw_features,
    is_worse,
    let_wait,
    replace,
)
from engine.kernels.leaf_models import answer_number
from engine.kernels.nodes import fits, plant, reach, walk
from engine.kernels.number_leaves import grow_number, learn_number_at
from engine.kernels.slab import AS_RIVER, NONE, T_SQUARES, T_WEIGHT, WATCHED, Slab, cut
from engine.kernels.slots import find_slot

ERRORS: Final = 0
SAID: Final = 3
"""Of a tree: weight, mean and squares of its errors, all of them; a note pad for its answer, 0 between two steps."""

DEVIATIONS: Final = 3.0


@part
def learn(slab: Slab, root: int, dice: Any, row: Any, weight: float) -> None:
    """Have one tree learn an example."""
    leaf = reach(slab, root, row)
    slot = find_slot(slab, leaf)
    if slot >= 0 and slab.lists[slot, WATCHED] == 0:
        draw_features(slab, slot, dice, row)
    learn_number_at(slab, leaf, slot, row, weight)
    grow_number(slab, root, leaf, row)


@part
def scaled(slab: Slab, floats: Any, error: float) -> float:
    """Add an error to those of a tree; return how far from 0 it is, from 0 to 1 at three deviations.

    River keeps the sign, and has an error of 0 in the middle: to a change that biases no answer it is blind.
    """
    learn_target(floats, ERRORS, error, 1.0)
    count = floats[ERRORS + T_WEIGHT]
    far = DEVIATIONS * sqrt(floats[ERRORS + T_SQUARES] / (count - 1.0)) if count > 1.0 else 0.0
    if slab.header[AS_RIVER] == 1:
        return (error + far) / (2.0 * far) if far > 0.0 else 0.5
    return min(1.0, abs(error) / far) if far > 0.0 else 0.0


@part
def watch(slab: Slab, tree: Any, floats: Any, settings: Any, error: float) -> None:
    """Show the detectors an error, and do what follows."""
    value = scaled(slab, floats, error)
    if is_worse(slab, floats[WARNING:DRIFT], value, settings[WARNING_DELTA]):
        let_wait(slab, tree)
        adwin.begin_anew(floats[WARNING:DRIFT])
        tree[WARNINGS] += 1
    if is_worse(slab, floats[DRIFT:], value, settings[DRIFT_DELTA]):
        replace(slab, tree, floats)
        tree[DRIFTS] += 1


@part
def learn_all(slab: Slab, trees: Any, row: Any) -> None:
    """Have all trees learn an example that they have answered."""
    settings = trees[0, FLOATS:DICE].view(np.float64)
    for t in range(1, trees.shape[0]):
        tree = trees[t]
        floats, dice = tree[FLOATS:DICE].view(np.float64), tree[DICE:]
        count = draws.poisson(dice, settings[MEAN_COUNT])
        if count > 0:
            error = row[TARGET] - floats[SAID]
            if tree[WAITING] != NONE:
                learn(slab, tree[WAITING], dice, row, row[WEIGHT] * count)
            learn(slab, tree[ROOT], dice, row, row[WEIGHT] * count)
            watch(slab, tree, floats, settings, error)


@part
def middle(said: Any) -> float:
    """Return the median of what the trees said, of an even number the mean of the two in the middle."""
    count = said.shape[0]
    found = 0.0
    for t in range(count):
        place = 0
        for other in range(count):
            if said[other] < said[t] or (said[other] == said[t] and other < t):
                place += 1
        if place == (count - 1) // 2:
            found += said[t]
        if place == count // 2:
            found += said[t]
    return found / 2.0


@part
def average(said: Any) -> float:
    """Return the mean of what the trees said."""
    found = 0.0
    for t in range(said.shape[0]):
        found += said[t]
    return found / said.shape[0]


@kernel("int64(int64[::1], float64[::1], int64[:,::1], float64[:,::1], float64[:,::1], int64)")
def take(ints: Any, floats: Any, trees: Any, rows: Any, answers: Any, begin: int) -> int:
    """Take steps from `begin` on; return how far it came: where an example may not fit, the arrays have to grow."""
    slab = cut(ints, floats)
    settings = trees[0, FLOATS:DICE].view(np.float64)
    said = trees.view(np.float64)[1:, FLOATS + SAID]
    for i in range(begin, rows.shape[0]):
        row = rows[i]
        if row[OP] != PREDICT:
            if not fits(slab, 2 * (trees.shape[0] - 1)):
                return i
            if trees[1, ROOT] == NONE:
                for t in range(1, trees.shape[0]):
                    trees[t, ROOT] = plant(slab, NONE, 0)
        if row[OP] != LEARN:
            answers[i, 0] = 0.0
        if trees[1, ROOT] != NONE:
            for t in range(1, trees.shape[0]):
                said[t - 1] = answer_number(slab, walk(slab.nodes, slab.weights, trees[t, ROOT], row), row)
            if row[OP] != LEARN:
                answers[i, 0] = average(said) if settings[PLAIN] != 0.0 else middle(said)
            if row[OP] != PREDICT:
                learn_all(slab, trees, row)
            said[:] = 0.0
    return rows.shape[0]

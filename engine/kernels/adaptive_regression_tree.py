"""The Hoeffding adaptive tree for numbers: each node watches how far off the answers below it are.

How the tree grows, `engine.kernels.number_leaves` says, and what waits beside its nodes, `engine.kernels.alternates`.
Where an inner node's ADWIN rings because errors are larger than before, an alternate is planted: a leaf that learns
what comes to the node. It takes the node's place as soon as it splits, or once its errors are surely smaller, by a test
of the means of two samples; it goes once they are surely larger. While it lives, an answer is the mean of all that is
said on the way.

ADWIN is for values from 0 to 1. In River it is shown how far off an answer is, in the target's unit; else what share
that is of three times the root of the node's mean squared error, 1 at most. The arithmetic and the order of draws are
River's, and so is that who is missing a value hears an alternate twice.

References: Bifet and Gavalda 2009, doi 10.1007/978-3-642-03915-7_22.
"""

from __future__ import annotations

from math import erfc, sqrt
from typing import Any, Final

import numpy as np

from engine.kernels.alternates import (
    ALTERNATE,
    AT_ONCE,
    DICE,
    ERROR,
    ERROR_COUNT,
    ERROR_SQUARES,
    FLOATS,
    REPLACED,
    begin_watch,
    begin_watches_at,
    clear_away,
    drop_alternate,
    drop_alternates,
    next_child,
    plant_alternate,
    replace,
    watch,
)
from engine.kernels.buckets import variance
from engine.kernels.draws import poisson
from engine.kernels.ground import LEARN, OP, PREDICT, TARGET, WEIGHT, X, inlined, kernel, part
from engine.kernels.leaf_models import answer_number
from engine.kernels.nodes import branch, fits, heaviest, plant, walk
from engine.kernels.number_leaves import attempt_number, learn_number_at
from engine.kernels.observers import watch_all
from engine.kernels.slab import (
    AS_RIVER,
    BOOTSTRAP,
    DEPTH,
    DEPTH_MAX,
    FEATURE,
    GIVEN_UP,
    GRACE,
    KIND,
    LEAF,
    NONE,
    PARENT,
    ROOT,
    SWITCH_COUNT,
    SWITCH_DELTA,
    TOTAL,
    TRIED_AT,
    Slab,
    cut,
)
from engine.kernels.slots import drop_slot, find_slot

ROOTS_FAR: Final = 3.0
"""An error of so many times the root of the mean squared error is shown as 1."""


@part
def answer(slab: Slab, watches: Any, row: Any) -> float:
    """Return the mean of what the leaf says, and each alternate on the way."""
    nodes, weights = slab.nodes, slab.weights
    node, said, count, times = slab.header[ROOT], 0.0, 0.0, 1.0
    while nodes[node, KIND] != LEAF:
        alternate = watches[1 + node, ALTERNATE] - 1
        if alternate != NONE:
            said += times * answer_number(slab, alternate, row)
            count += times
        value = row[X + nodes[node, FEATURE]]
        child = branch(nodes, weights, node, value) if value == value else NONE
        times = 2.0 if child == NONE and slab.header[AS_RIVER] == 1 else 1.0
        node = child if child != NONE else heaviest(nodes, weights, node)
    return (said + answer_number(slab, node, row)) / (count + 1.0)


@part
def watch_error(slab: Slab, floats: Any, error: float) -> bool:
    """Show a node how far off an answer was; say whether it became worse."""
    shown = error
    if slab.header[AS_RIVER] == 0:
        count = floats[ERROR_COUNT]
        square = (floats[ERROR_SQUARES] + count * floats[ERROR] * floats[ERROR] + error * error) / (count + 1.0)
        shown = min(1.0, error / (ROOTS_FAR * sqrt(square))) if square > 0.0 else 0.0
    return watch(slab, floats, error, shown)


@part
def learn_leaf(slab: Slab, watches: Any, leaf: int, row: Any, place: int) -> bool:
    """Have a leaf learn an example; say whether it split. `place` is the leaf, or the node whose alternate it is."""
    nodes, weights = slab.nodes, slab.weights
    error = abs(row[TARGET] - answer_number(slab, leaf, row))
    weight = row[WEIGHT]
    if slab.header[BOOTSTRAP] == 1:
        weight *= max(1, poisson(watches[0, DICE:], 1.0))
    watch_error(slab, watches[1 + leaf, FLOATS:DICE].view(np.float64), error)
    slot = find_slot(slab, leaf)
    if slot >= 0:
        watch_all(slab, slot)
    learn_number_at(slab, leaf, slot, row, weight)
    if slot < 0 or weights[leaf, TOTAL] - weights[leaf, TRIED_AT] < slab.settings[GRACE]:
        return False
    if nodes[leaf, DEPTH] >= slab.header[DEPTH_MAX]:
        drop_slot(slab, leaf, GIVEN_UP)
        return False
    weights[leaf, TRIED_AT] = weights[leaf, TOTAL]
    if not attempt_number(slab, leaf, place):
        return False
    begin_watches_at(slab, watches, leaf)
    return True


@inlined
def verdict(slab: Slab, floats: Any, others: Any) -> int:
    """Return 1 where the alternate's errors are surely smaller than the node's, -1 where surely larger, else 0."""
    count_min = slab.settings[SWITCH_COUNT]
    n, n_other = floats[ERROR_COUNT], others[ERROR_COUNT]
    apart = others[ERROR] - floats[ERROR]
    spread = sqrt(variance(others, ERROR_COUNT) / n_other + variance(floats, ERROR_COUNT) / n)
    if not (n > count_min and n_other > count_min and spread > 0.0):
        return 0
    if erfc(abs(apart / spread) / sqrt(2.0)) > slab.settings[SWITCH_DELTA]:
        return 0
    return 1 if apart < 0.0 else -1


@part
def learn_inner(slab: Slab, watches: Any, node: int, row: Any, error: float) -> bool:
    """Have an inner node watch an example, and its alternate learn it; say whether the alternate took its place.

    An alternate that is better by its errors learns the example in the root's place alone, as in River.
    """
    is_roots = slab.nodes[node, PARENT] == NONE
    floats = watches[1 + node, FLOATS:DICE].view(np.float64)
    worse = watch_error(slab, floats, error)
    alternate = watches[1 + node, ALTERNATE] - 1
    is_replaced = False
    if worse and alternate == NONE:
        alternate = plant_alternate(slab, watches, node)
    elif alternate != NONE:
        found = verdict(slab, floats, watches[1 + alternate, FLOATS:DICE].view(np.float64))
        if found == 1:
            replace(slab, watches, node, alternate)
            drop_alternates(slab, watches, node)
            is_replaced = True
            if not is_roots:
                return True
        elif found == -1:
            drop_alternate(slab, watches, node)
            alternate = NONE
    if alternate != NONE and learn_leaf(slab, watches, alternate, row, node) and not is_replaced:
        replace(slab, watches, node, alternate)
        is_replaced = True
    return is_replaced


@part
def learn(slab: Slab, watches: Any, row: Any) -> None:
    """Have the tree learn an example: each inner node on the way watches it, then the leaf learns it.

    What is replaced on the way still learns, as in River, and is given back afterwards.
    """
    nodes = slab.nodes
    node, replaced = slab.header[ROOT], NONE
    error = 0.0
    if nodes[node, KIND] != LEAF:
        error = abs(row[TARGET] - answer_number(slab, walk(nodes, slab.weights, node, row), row))
    while nodes[node, KIND] != LEAF:
        if learn_inner(slab, watches, node, row, error):
            watches[1 + node, REPLACED] = replaced + 1
            replaced = node
        node = next_child(slab, watches, node, row)
    learn_leaf(slab, watches, node, row, node)
    clear_away(slab, watches, replaced)


@kernel("int64(int64[::1], float64[::1], int64[:,::1], float64[:,::1], float64[:,::1], int64)")
def take(ints: Any, floats: Any, watches: Any, rows: Any, answers: Any, begin: int) -> int:
    """Take steps from `begin` on; return how far it came: where an example may not fit, the arrays have to grow."""
    slab = cut(ints, floats)
    header = slab.header
    for i in range(begin, rows.shape[0]):
        row = rows[i]
        if row[OP] != PREDICT and not fits(slab, AT_ONCE):
            return i
        if row[OP] != LEARN:
            answers[i, 0] = answer(slab, watches, row) if header[ROOT] != NONE else 0.0
        if row[OP] != PREDICT:
            if header[ROOT] == NONE:
                header[ROOT] = plant(slab, NONE, 0)
                begin_watch(watches, header[ROOT])
            learn(slab, watches, row)
    return rows.shape[0]

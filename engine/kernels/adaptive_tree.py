"""The Hoeffding adaptive tree: each node watches how often it is wrong, and what drifts is begun anew beside it.

How the tree grows, `engine.kernels.leaves` says. Each node has an ADWIN over whether the answer below it was right.
Where an inner node's rings because there are more errors than before, an alternate is planted: a leaf that learns what
comes to the node. It takes the node's place as soon as it splits, or once it is surely better; it goes once it is
surely worse. While it lives, both answer, each with the weight 1 / error^2.

What `watches` holds, `engine.kernels.alternates` says.

Each leaf takes an example as often as a Poisson draw of mean 1 says, at least once, as weight. The arithmetic and the
order of draws are River's. `sides[0]` is a note pad too, and is left 0, so that a question leaves no trace.

References: Bifet and Gavalda 2009, doi 10.1007/978-3-642-03915-7_22.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from engine.kernels.alternates import (
    ALTERNATE,
    AT_ONCE,
    DICE,
    ERROR,
    ERROR_COUNT,
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
from engine.kernels.draws import poisson
from engine.kernels.ground import LEARN, OP, PREDICT, TARGET, WEIGHT, X, inlined, kernel, part
from engine.kernels.leaves import answer_at, learn_at
from engine.kernels.nodes import branch, fits, heaviest, plant, walk
from engine.kernels.observers import watch_all
from engine.kernels.slab import (
    AS_RIVER,
    BOOTSTRAP,
    CLASSES,
    CLASSES_MET,
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
    SWITCH_CONFIDENCE,
    SWITCH_COUNT,
    TOTAL,
    TRIED_AT,
    Slab,
    cut,
)
from engine.kernels.slots import drop_slot, find_slot
from engine.kernels.splitting import CLEARED, SPLIT, attempt


@part
def say(slab: Slab, watches: Any, leaf: int, row: Any, said: Any) -> int:
    """Fill a leaf's shares times the weight of its vote, `said` being 0; return what naive Bayes says."""
    best = answer_at(slab, leaf, row, said)
    error = watches[1 + leaf, FLOATS:DICE].view(np.float64)[ERROR]
    whole = 0.0
    for place in range(slab.nodes[leaf, CLASSES_MET]):
        whole += said[slab.nodes[leaf, CLASSES + place]]
    factor = whole * error * error
    if factor > 0.0:
        for place in range(slab.nodes[leaf, CLASSES_MET]):
            said[slab.nodes[leaf, CLASSES + place]] *= 1.0 / factor
    return best


@inlined
def decided(slab: Slab, leaf: int, said: Any) -> int:
    """Return the class with the greatest share, the first the leaf met of equals; -1 where it met none."""
    best = -1
    for place in range(slab.nodes[leaf, CLASSES_MET]):
        c = slab.nodes[leaf, CLASSES + place]
        if best < 0 or said[c] > said[best]:
            best = c
    return best


@part
def answer(slab: Slab, watches: Any, row: Any, said: Any) -> None:
    """Fill the probabilities of the classes: of the leaf, and of each alternate on the way, by the weight of each.

    In River an alternate is heard twice where the value that leads to its node was missing.
    """
    nodes, weights, pad = slab.nodes, slab.weights, slab.sides[0]
    said[:] = 0.0
    node, times = slab.header[ROOT], 1.0
    while True:
        asked = node if nodes[node, KIND] == LEAF else watches[1 + node, ALTERNATE] - 1
        if asked == node:
            times = 1.0
        if asked != NONE:
            say(slab, watches, asked, row, pad)
            for c in range(said.shape[0]):
                said[c] += times * pad[c]
                pad[c] = 0.0
        if asked == node:
            break
        value = row[X + nodes[node, FEATURE]]
        child = branch(nodes, weights, node, value) if value == value else NONE
        times = 2.0 if child == NONE and slab.header[AS_RIVER] == 1 else 1.0
        node = child if child != NONE else heaviest(nodes, weights, node)
    whole = 0.0
    for c in range(said.shape[0]):
        whole += said[c]
    if whole > 0.0:
        for c in range(said.shape[0]):
            said[c] *= 1.0 / whole


@part
def error_at(slab: Slab, watches: Any, leaf: int, row: Any) -> tuple[float, int]:
    """Return whether a leaf is wrong about an example, and what naive Bayes says."""
    pad = slab.sides[0]
    best = say(slab, watches, leaf, row, pad)
    error = 0.0 if decided(slab, leaf, pad) == int(row[TARGET]) else 1.0
    for c in range(pad.shape[0]):
        pad[c] = 0.0
    return error, best


@part
def learn_leaf(slab: Slab, watches: Any, leaf: int, row: Any, place: int) -> bool:
    """Have a leaf learn an example; say whether it split. `place` is the leaf, or the node whose alternate it is."""
    nodes, weights = slab.nodes, slab.weights
    weight = row[WEIGHT]
    if slab.header[BOOTSTRAP] == 1:
        weight *= max(1, poisson(watches[0, DICE:], 1.0))
    error, best = error_at(slab, watches, leaf, row)
    watch(slab, watches[1 + leaf, FLOATS:DICE].view(np.float64), error, error)
    slot = find_slot(slab, leaf)
    if slot >= 0:
        watch_all(slab, slot)
    learn_at(slab, leaf, slot, row, weight, best)
    seen = weights[leaf, TOTAL]
    if slot < 0 or seen - weights[leaf, TRIED_AT] < slab.settings[GRACE]:
        return False
    if nodes[leaf, DEPTH] >= slab.header[DEPTH_MAX]:
        drop_slot(slab, leaf, GIVEN_UP)
        return False
    weights[leaf, TRIED_AT] = seen
    found = attempt(slab, leaf, place)
    for c in range(slab.sides.shape[1]):
        slab.sides[0, c] = 0.0
    if found == CLEARED and place != leaf and nodes[place, PARENT] == NONE:
        drop_slot(slab, leaf, GIVEN_UP)
    if found != SPLIT:
        return False
    begin_watches_at(slab, watches, leaf)
    return True


@inlined
def verdict(slab: Slab, floats: Any, others: Any) -> int:
    """Return 1 where the alternate's error is surely less than the node's, -1 where it is surely more, else 0."""
    count_min = slab.settings[SWITCH_COUNT]
    n, n_other = floats[ERROR_COUNT], others[ERROR_COUNT]
    if not (n > count_min and n_other > count_min):
        return 0
    error = floats[ERROR]
    bound = sqrt(2.0 * error * (1.0 - error) * slab.settings[SWITCH_CONFIDENCE] * (1.0 / n_other + 1.0 / n))
    if bound < error - others[ERROR]:
        return 1
    return -1 if bound < others[ERROR] - error else 0


@part
def learn_inner(slab: Slab, watches: Any, node: int, row: Any, error: float) -> bool:
    """Have an inner node watch an example, and its alternate learn it; say whether the alternate took its place.

    An alternate that is better by its errors learns the example in the root's place alone, as in River.
    """
    nodes = slab.nodes
    floats = watches[1 + node, FLOATS:DICE].view(np.float64)
    is_roots = 1 if nodes[node, PARENT] == NONE else 0
    worse = watch(slab, floats, error, error)
    alternate = watches[1 + node, ALTERNATE] - 1
    is_replaced = False
    if worse:
        if alternate != NONE:
            drop_alternate(slab, watches, node)
        alternate = plant_alternate(slab, watches, node)
    elif alternate != NONE:
        found = verdict(slab, floats, watches[1 + alternate, FLOATS:DICE].view(np.float64))
        if found == 1:
            replace(slab, watches, node, alternate)
            drop_alternates(slab, watches, node)
            is_replaced = True
            if is_roots == 0:
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
    nodes, header = slab.nodes, slab.header
    node, replaced = header[ROOT], NONE
    error = 0.0
    if nodes[node, KIND] != LEAF:
        error, _ = error_at(slab, watches, walk(nodes, slab.weights, node, row), row)
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
            if header[ROOT] == NONE:
                answers[i] = 0.0
            else:
                answer(slab, watches, row, answers[i])
        if row[OP] != PREDICT:
            if header[ROOT] == NONE:
                header[ROOT] = plant(slab, NONE, 0)
                begin_watch(watches, header[ROOT])
            learn(slab, watches, row)
    return rows.shape[0]

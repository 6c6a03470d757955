"""The Hoeffding adaptive tree: each node watches how often it is wrong, and what drifts is begun anew beside it.

How the tree grows, `engine.kernels.leaves` says. Each node has an ADWIN over whether the answer below it was right.
Where an inner node's rings because there are more errors than before, an alternate is planted: a leaf that learns what
comes to the node. It takes the node's place as soon as it splits, or once it is surely better; it goes once it is
surely worse. While it lives, both answer, each with the weight 1 / error^2.

`watches` (1 + nodes, DICE + ...) holds whole numbers. Of each node, in the row behind its number: `ALTERNATE`, the root
that waits to take its place, as its number + 1, and a link for those that were replaced; from `FLOATS` on, as floats,
count and mean of its errors since it is trusted, and the detector. Of row 0 only the dice count, from `DICE` on.

Each leaf takes an example as often as a Poisson draw of mean 1 says, at least once, as weight. The arithmetic and the
order of draws are River's. `sides[0]` is a note pad too, and is left 0, so that a question leaves no trace.

References: Bifet and Gavalda 2009, doi 10.1007/978-3-642-03915-7_22.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final

import numpy as np

from engine.kernels import adwin
from engine.kernels.draws import poisson
from engine.kernels.ground import LEARN, OP, PREDICT, TARGET, WEIGHT, X, inlined, kernel, part
from engine.kernels.leaves import answer_at, learn_at
from engine.kernels.nodes import branch, fits, heaviest, plant, sprout, uproot, walk
from engine.kernels.observers import watch_all
from engine.kernels.slab import (
    BOOTSTRAP,
    CLASSES,
    CLASSES_MET,
    DEPTH,
    DEPTH_MAX,
    FEATURE,
    FORK,
    GIVEN_UP,
    GRACE,
    KIND,
    LEAF,
    LEFT,
    NEXT,
    NODES_LEFT,
    NONE,
    PARENT,
    RIGHT,
    ROOM,
    ROOT,
    SWITCH_CONFIDENCE,
    SWITCH_COUNT,
    TOTAL,
    TRIED_AT,
    VALUE,
    WATCH_DELTA,
    Slab,
    cut,
)
from engine.kernels.slots import drop_slot, find_slot
from engine.kernels.splitting import CLEARED, SPLIT, attempt

ALTERNATE: Final = 0
REPLACED: Final = 1
FLOATS: Final = 2

ERROR_COUNT: Final = 0
ERROR: Final = 1
DETECTOR: Final = 2
FLOAT_COUNT: Final = DETECTOR + adwin.SIZE

DICE: Final = FLOATS + FLOAT_COUNT
DICE_COUNT: Final = 2

AT_ONCE: Final = 8
"""Nodes of one path that can be begun or split at one example without asking for more room."""


@inlined
def begin_watch(watches: Any, node: int) -> None:
    """Have a node have watched nothing."""
    watches[1 + node, :DICE] = 0


@part
def watch(slab: Slab, floats: Any, error: float) -> bool:
    """Show a node whether it was wrong; say whether it became worse. One that became better is trusted anew."""
    before = floats[ERROR]
    rings = adwin.update(floats[DETECTOR:], error, slab.settings[WATCH_DELTA])
    floats[ERROR_COUNT] += 1.0
    floats[ERROR] += 1.0 / floats[ERROR_COUNT] * (error - floats[ERROR])
    if rings and before > floats[ERROR]:
        floats[ERROR_COUNT] = 0.0
        floats[ERROR] = 0.0
        return False
    return rings


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
    """Fill the probabilities of the classes: of the leaf, and of each alternate on the way, by the weight of each."""
    nodes, weights, pad = slab.nodes, slab.weights, slab.sides[0]
    said[:] = 0.0
    node = slab.header[ROOT]
    while True:
        asked = node if nodes[node, KIND] == LEAF else watches[1 + node, ALTERNATE] - 1
        if asked != NONE:
            say(slab, watches, asked, row, pad)
            for c in range(said.shape[0]):
                said[c] += pad[c]
                pad[c] = 0.0
        if asked == node:
            break
        value = row[X + nodes[node, FEATURE]]
        child = branch(nodes, weights, node, value) if value == value else NONE
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
def learn_leaf(slab: Slab, watches: Any, leaf: int, row: Any, is_roots: int) -> bool:
    """Have a leaf learn an example; say whether it split. `is_roots` is 1 for the alternate of the root."""
    nodes, weights = slab.nodes, slab.weights
    weight = row[WEIGHT]
    if slab.header[BOOTSTRAP] == 1:
        weight *= max(1, poisson(watches[0, DICE:], 1.0))
    error, best = error_at(slab, watches, leaf, row)
    watch(slab, watches[1 + leaf, FLOATS:DICE].view(np.float64), error)
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
    found = attempt(slab, leaf)
    for c in range(slab.sides.shape[1]):
        slab.sides[0, c] = 0.0
    if found == CLEARED and is_roots == 1:
        drop_slot(slab, leaf, GIVEN_UP)
    if found != SPLIT:
        return False
    begin_watch(watches, leaf)
    child = nodes[leaf, LEFT]
    while child != NONE:
        begin_watch(watches, child)
        child = nodes[child, NEXT]
    return True


@part
def replace(slab: Slab, watches: Any, node: int, other: int) -> None:
    """Put another tree in a node's place, and let the node go with all below it."""
    nodes, weights = slab.nodes, slab.weights
    parent = nodes[node, PARENT]
    watches[1 + node, ALTERNATE] = 0
    if parent == NONE:
        if slab.header[ROOT] == node:
            slab.header[ROOT] = other
        return
    nodes[other, PARENT] = parent
    nodes[other, NEXT] = nodes[node, NEXT]
    nodes[other, VALUE] = nodes[node, VALUE]
    if nodes[parent, RIGHT] == node:
        nodes[parent, RIGHT] = other
    if nodes[parent, LEFT] == node:
        nodes[parent, LEFT] = other
    else:
        before = nodes[parent, LEFT]
        while nodes[before, NEXT] != node:
            before = nodes[before, NEXT]
        nodes[before, NEXT] = other
    nodes[node, NEXT] = NONE
    nodes[node, PARENT] = NONE
    more = weights[other, TOTAL] - weights[node, TOTAL]
    while parent != NONE:
        weights[parent, TOTAL] += more
        parent = nodes[parent, PARENT]


@part
def drop_alternates(slab: Slab, watches: Any, root: int) -> None:
    """Give back every alternate in a tree."""
    nodes = slab.nodes
    node = root
    while True:
        if watches[1 + node, ALTERNATE] > 0:
            uproot(slab, watches[1 + node, ALTERNATE] - 1)
            watches[1 + node, ALTERNATE] = 0
        if nodes[node, KIND] != LEAF:
            node = nodes[node, LEFT]
            continue
        while node != root and nodes[node, NEXT] == NONE:
            node = nodes[node, PARENT]
        if node == root:
            return
        node = nodes[node, NEXT]


@part
def clear_away(slab: Slab, watches: Any, replaced: int) -> None:
    """Give back the trees that were replaced, linked by `REPLACED`, and the alternates in them."""
    while replaced != NONE:
        following = watches[1 + replaced, REPLACED] - 1
        drop_alternates(slab, watches, replaced)
        uproot(slab, replaced)
        replaced = following


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
    nodes, header = slab.nodes, slab.header
    floats = watches[1 + node, FLOATS:DICE].view(np.float64)
    is_roots = 1 if nodes[node, PARENT] == NONE else 0
    worse = watch(slab, floats, error)
    alternate = watches[1 + node, ALTERNATE] - 1
    is_replaced = False
    if worse:
        floats[ERROR_COUNT] = 0.0
        floats[ERROR] = 0.0
        if alternate != NONE:
            uproot(slab, alternate)
            alternate = NONE
        if header[NODES_LEFT] > 0:
            alternate = plant(slab, NONE, nodes[node, DEPTH])
            begin_watch(watches, alternate)
        watches[1 + node, ALTERNATE] = alternate + 1
    elif alternate != NONE:
        found = verdict(slab, floats, watches[1 + alternate, FLOATS:DICE].view(np.float64))
        if found == 1:
            replace(slab, watches, node, alternate)
            drop_alternates(slab, watches, node)
            is_replaced = True
            if is_roots == 0:
                return True
        elif found == -1:
            uproot(slab, alternate)
            watches[1 + node, ALTERNATE] = 0
            alternate = NONE
    if alternate != NONE and learn_leaf(slab, watches, alternate, row, is_roots) and not is_replaced:
        replace(slab, watches, node, alternate)
        is_replaced = True
    return is_replaced


@part
def next_child(slab: Slab, watches: Any, node: int, row: Any) -> int:
    """Return where an example goes; a text that has no branch yet where each has one gets a leaf of its own."""
    nodes, weights = slab.nodes, slab.weights
    feature = nodes[node, FEATURE]
    value = row[X + feature]
    child = branch(nodes, weights, node, value) if value == value else NONE
    if child == NONE and nodes[node, KIND] == FORK and 0.0 <= value < slab.columns[feature, ROOM]:
        child = sprout(slab, node, int(value))
        if child != NONE:
            begin_watch(watches, child)
    return child if child != NONE else heaviest(nodes, weights, node)


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
    learn_leaf(slab, watches, node, row, 0)
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

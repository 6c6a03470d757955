"""What waits beside the nodes of an adaptive tree: alternates, and how one takes a node's place.

`watches` (1 + nodes, DICE + ...) holds whole numbers. Of each node, in the row behind its number: `ALTERNATE`, the root
that waits to take its place, as its number + 1, and a link for those that were replaced; from `FLOATS` on, as floats,
count, mean and squared deviations of its errors since it is trusted, and the detector. Of row 0 only the dice count,
from `DICE` on.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from engine.kernels import adwin
from engine.kernels.buckets import learn_target
from engine.kernels.ground import X, inlined, part
from engine.kernels.nodes import add_leaves, branch, heaviest, plant, sprout, uproot
from engine.kernels.slab import (
    DEPTH,
    FEATURE,
    FORK,
    KIND,
    LEAF,
    LEAVES,
    LEFT,
    NEXT,
    NODES_LEFT,
    NONE,
    PARENT,
    RIGHT,
    ROOM,
    ROOT,
    TOTAL,
    VALUE,
    WATCH_DELTA,
    Slab,
)

ALTERNATE: Final = 0
REPLACED: Final = 1
FLOATS: Final = 2

ERROR_COUNT: Final = 0
ERROR: Final = 1
ERROR_SQUARES: Final = 2
DETECTOR: Final = 3
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
def trust_anew(floats: Any) -> None:
    """Forget a node's errors."""
    floats[ERROR_COUNT:DETECTOR] = 0.0


@part
def watch(slab: Slab, floats: Any, error: float, shown: float) -> bool:
    """Count a node's error, and show it to the detector as `shown`; say whether the node became worse.

    One that became better is trusted anew.
    """
    before = floats[ERROR]
    rings = adwin.update(floats[DETECTOR:], shown, slab.settings[WATCH_DELTA])
    learn_target(floats, ERROR_COUNT, error, 1.0)
    if rings and before > floats[ERROR]:
        trust_anew(floats)
        return False
    return rings


@part
def plant_alternate(slab: Slab, watches: Any, node: int) -> int:
    """Begin an alternate beside a node, which is trusted anew; NONE where no node is left."""
    trust_anew(watches[1 + node, FLOATS:DICE].view(np.float64))
    alternate = NONE
    if slab.header[NODES_LEFT] > 0:
        alternate = plant(slab, NONE, slab.nodes[node, DEPTH])
        begin_watch(watches, alternate)
    watches[1 + node, ALTERNATE] = alternate + 1
    return alternate


@part
def drop_alternate(slab: Slab, watches: Any, node: int) -> None:
    """Give a node's alternate back."""
    uproot(slab, watches[1 + node, ALTERNATE] - 1)
    watches[1 + node, ALTERNATE] = 0


@part
def begin_watches_at(slab: Slab, watches: Any, node: int) -> None:
    """Have a node that was split, and its children, have watched nothing."""
    begin_watch(watches, node)
    child = slab.nodes[node, LEFT]
    while child != NONE:
        begin_watch(watches, child)
        child = slab.nodes[child, NEXT]


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
    add_leaves(slab, parent, nodes[other, LEAVES] - nodes[node, LEAVES])
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

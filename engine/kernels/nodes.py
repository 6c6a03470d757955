"""The nodes of a slab: how they are planted and uprooted, and the ways down to a leaf.

A tree is the number of its root. Nodes that are given back are used again.
"""

from __future__ import annotations

from typing import Any, Final

from engine.kernels.ground import X, inlined, part
from engine.kernels.slab import (
    AT_MOST,
    BRANCH_ROOM,
    CLASS,
    DEPTH,
    EQUAL,
    FEATURE,
    FORK,
    KIND,
    LEAF,
    LEAF_COUNT_MAX,
    LEAVES,
    LEFT,
    NEXT,
    NODE_FREE,
    NODES_LEFT,
    NODES_MAY_GROW,
    NONE,
    PARENT,
    POINT,
    RIGHT,
    ROOM,
    SLOT,
    SLOTS_LEFT,
    SLOTS_MAY_GROW,
    TOTAL,
    VALUE,
    Slab,
)
from engine.kernels.slots import drop_slot

NO_BOUND: Final = 1 << 40
"""More leaves than any slab has nodes."""


@inlined
def fits(slab: Slab, tree_count: int) -> bool:
    """Say whether each of the trees can learn one example, or have what room there will ever be."""
    header = slab.header
    if header[NODES_MAY_GROW] == 1 and header[NODES_LEFT] < tree_count * header[BRANCH_ROOM]:
        return False
    return not (header[SLOTS_MAY_GROW] == 1 and header[SLOTS_LEFT] < tree_count)


@part
def plant(slab: Slab, parent: int, depth: int) -> int:
    """Return a new leaf that has learned nothing; a free node must be left."""
    node = slab.header[NODE_FREE]
    nodes = slab.nodes
    slab.header[NODE_FREE] = nodes[node, NEXT]
    slab.header[NODES_LEFT] -= 1
    nodes[node] = 0
    slab.weights[node] = 0.0
    nodes[node, LEFT] = NONE
    nodes[node, RIGHT] = NONE
    nodes[node, NEXT] = NONE
    nodes[node, PARENT] = parent
    nodes[node, DEPTH] = depth
    nodes[node, SLOT] = NONE
    nodes[node, LEAVES] = 1
    return node


@part
def add_leaves(slab: Slab, node: int, more: int) -> None:
    """Count leaves that are new at a node, and above."""
    while node != NONE:
        slab.nodes[node, LEAVES] += more
        node = slab.nodes[node, PARENT]


@part
def leaf_room(slab: Slab, node: int) -> int:
    """Return how many leaves there may be in a node's place, those that are there now included."""
    nodes = slab.nodes
    if slab.header[LEAF_COUNT_MAX] == 0:
        return NO_BOUND
    root = node
    while nodes[root, PARENT] != NONE:
        root = nodes[root, PARENT]
    return slab.header[LEAF_COUNT_MAX] - nodes[root, LEAVES] + nodes[node, LEAVES]


@part
def uproot(slab: Slab, root: int) -> None:
    """Give back a node and all below it. Whoever pointed to it has to let go first."""
    nodes = slab.nodes
    node = root
    while True:
        while nodes[node, KIND] != LEAF and nodes[node, LEFT] != NONE:
            node = nodes[node, LEFT]
        parent, following = nodes[node, PARENT], nodes[node, NEXT]
        drop_slot(slab, node, NONE)
        nodes[node, KIND] = LEAF
        nodes[node, NEXT] = slab.header[NODE_FREE]
        slab.header[NODE_FREE] = node
        slab.header[NODES_LEFT] += 1
        if node == root:
            return
        nodes[parent, LEFT] = following
        node = parent


@inlined
def branch(nodes: Any, weights: Any, node: int, value: float) -> int:
    """Return the child that a value leads to, NONE where none is."""
    kind = nodes[node, KIND]
    if kind == AT_MOST:
        return nodes[node, LEFT] if value <= weights[node, POINT] else nodes[node, RIGHT]
    if kind == EQUAL:
        return nodes[node, LEFT] if value == weights[node, POINT] else nodes[node, RIGHT]
    child = nodes[node, LEFT]
    while child != NONE and nodes[child, VALUE] != value:
        child = nodes[child, NEXT]
    return child


@part
def heaviest(nodes: Any, weights: Any, node: int) -> int:
    """Return the child with the most weight, the first of equals: where what is missing goes."""
    best = nodes[node, LEFT]
    child = nodes[best, NEXT]
    while child != NONE:
        if weights[child, TOTAL] > weights[best, TOTAL]:
            best = child
        child = nodes[child, NEXT]
    return best


@inlined
def walk(nodes: Any, weights: Any, root: int, row: Any) -> int:
    """Return the leaf of a question."""
    node = root
    while nodes[node, KIND] != LEAF:
        value = row[X + nodes[node, FEATURE]]
        child = branch(nodes, weights, node, value) if value == value else NONE
        node = child if child != NONE else heaviest(nodes, weights, node)
    return node


@inlined
def is_plain(nodes: Any, weights: Any, root: int, row: Any) -> bool:
    """Say whether a value and its branch are there all the way down."""
    node = root
    while nodes[node, KIND] != LEAF:
        value = row[X + nodes[node, FEATURE]]
        node = branch(nodes, weights, node, value) if value == value else NONE
        if node == NONE:
            return False
    return True


@inlined
def reach(slab: Slab, root: int, row: Any) -> int:
    """Return the leaf of an example; a text that has no branch yet where each has one gets a leaf of its own."""
    nodes, weights = slab.nodes, slab.weights
    node = root
    while nodes[node, KIND] != LEAF:
        feature = nodes[node, FEATURE]
        value = row[X + feature]
        child = branch(nodes, weights, node, value) if value == value else NONE
        if child == NONE and nodes[node, KIND] == FORK and 0.0 <= value < slab.columns[feature, ROOM]:
            child = sprout(slab, node, int(value))
        node = child if child != NONE else heaviest(nodes, weights, node)
    return node


@part
def sprout(slab: Slab, node: int, value: int) -> int:
    """Return a new last child for a text; NONE where no node is left, or the tree has all the leaves it may have."""
    nodes = slab.nodes
    if slab.header[NODES_LEFT] == 0 or leaf_room(slab, node) <= nodes[node, LEAVES]:
        return NONE
    last = nodes[node, LEFT]
    while nodes[last, NEXT] != NONE:
        last = nodes[last, NEXT]
    child = plant(slab, node, nodes[node, DEPTH] + 1)
    nodes[last, NEXT] = child
    nodes[child, VALUE] = value
    add_leaves(slab, node, 1)
    return child


@inlined
def add_above(slab: Slab, leaf: int, weight: float, c: int) -> None:
    """Count an example at all nodes above its leaf."""
    nodes, weights = slab.nodes, slab.weights
    node = nodes[leaf, PARENT]
    while node != NONE:
        weights[node, TOTAL] += weight
        weights[node, CLASS + c] += weight
        node = nodes[node, PARENT]

"""A slab: the nodes and the leaves' statistics of one tree or of many, in one array of whole numbers and one of floats.

`cut` shows the two as views with names, the `Slab`. N nodes, S slots, D columns, K classes, M features watched by a
leaf, T numbers for texts over all columns.

Of whole numbers:

- `header`: the sizes, the free lists, what the Python side allows, and the settings that are whole numbers.
- `columns` (D, 2): where a column's texts begin, -1 for a column of numbers; how many of its texts have room.
- `texts` (T,): each column's texts in alphabetical order, as numbers; what is not known yet is -1 and stands last.
- `labels` (K,): the classes in alphabetical order, as numbers.
- `order` (K,): a note pad.
- `nodes` (N, CLASSES + K): `KIND`, `FEATURE`, the children, the parent, `DEPTH`, `SLOT`, the branch's `VALUE`, and the
  classes in the order in which the node has met them.
- `lists` (S, FEATURES + M): the node a slot belongs to, how many features it watches, and which.

Of floats:

- `settings`: the settings that are not whole.
- `sides` (max(2, branches), K): a note pad for the classes on each side of a split.
- `weights` (N, CLASS + K): a node's total weight, what its leaf needs to judge itself, its threshold, and what the node
  has learned of each class. Inner nodes go on counting, so each node knows the share of each class below it.
- `cells` (S, K, M, CELL): what a slot knows of a class and a watched feature, see `engine.kernels.observers`.
- `buckets` (S, M, K * CELL): the same numbers, as trees of numbers use them, see `engine.kernels.buckets`.
- `counts` (S, K, T): the weight of each text.

A leaf gets its slot when it first learns; it may have none where room is short. Whatever is given back (`uproot`) goes
to the free lists and is used again, so a slab only grows with what lives in it at the same time.

A tree of numbers stands in the same slab. It has no classes but keeps three numbers of a target instead, so K is 3:
`T_WEIGHT`, `T_MEAN` and `T_SQUARES`, the sum of squared deviations.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from engine.kernels.ground import X, inlined, part

NODE_ROOM: Final = 0
SLOT_ROOM: Final = 1
COLUMN_ROOM: Final = 2
CLASS_ROOM: Final = 3
WATCHED_ROOM: Final = 4
TEXT_ROOM: Final = 5
BRANCH_ROOM: Final = 6
NODE_FREE: Final = 7
NODES_LEFT: Final = 8
SLOT_FREE: Final = 9
SLOTS_LEFT: Final = 10
NODES_MAY_GROW: Final = 11
SLOTS_MAY_GROW: Final = 12
ROOT: Final = 13
CRITERION: Final = 14
LEAF_ANSWER: Final = 15
DEPTH_MAX: Final = 16
BINARY_SPLITS: Final = 17
AS_RIVER: Final = 18
POINTS: Final = 19
CELL_WIDTH: Final = 20
BOOTSTRAP: Final = 21
HEADER_COUNT: Final = 24
"""The header. `BRANCH_ROOM` is how many children a split can have at most; `ROOT` the tree's, where there is one."""

GRACE: Final = 0
CONFIDENCE: Final = 1
TAU: Final = 2
BRANCH_SHARE_MIN: Final = 3
MAJORITY_SHARE_MAX: Final = 4
BRANCH_WEIGHT_MIN: Final = 5
RADIUS: Final = 6
WATCH_DELTA: Final = 7
SWITCH_COUNT: Final = 8
SWITCH_CONFIDENCE: Final = 9
SETTING_COUNT: Final = 12
"""The settings; `CONFIDENCE` is ln(1 / delta)."""

KIND: Final = 0
FEATURE: Final = 1
LEFT: Final = 2
RIGHT: Final = 3
NEXT: Final = 4
PARENT: Final = 5
DEPTH: Final = 6
SLOT: Final = 7
VALUE: Final = 8
CLASSES_MET: Final = 9
CLASSES: Final = 10
"""A node. Children are a chain from `LEFT` by `NEXT`; where there are two, `RIGHT` is the second."""

LEAF: Final = 0
AT_MOST: Final = 1
EQUAL: Final = 2
FORK: Final = 3
"""The kinds: a leaf, `x <= point`, `x == point`, and a branch for each text."""

NONE: Final = -1
"""No node; no slot yet."""
GIVEN_UP: Final = -2
"""No slot, and none wanted: the leaf is as deep as a leaf can be."""

TOTAL: Final = 0
TRIED_AT: Final = 1
MAJORITY_RIGHT: Final = 2
BAYES_RIGHT: Final = 3
POINT: Final = 4
CLASS: Final = 5
"""A node's floats. `TOTAL` of an inner node is what its leaves have; `TRIED_AT` the total at the last attempt."""

T_WEIGHT: Final = 0
T_MEAN: Final = 1
T_SQUARES: Final = 2
T_COUNT: Final = 3
"""What is kept of a target that is a number, in the place of classes."""

VARIANCE: Final = 3
"""The criterion of trees of numbers; those of classes are in `engine.kernels.merits`."""

OWNER: Final = 0
WATCHED: Final = 1
FEATURES: Final = 2
"""A slot's list. In a free slot `OWNER` is the next free one."""

OFFSET: Final = 0
ROOM: Final = 1


class Slab(NamedTuple):
    """Views of the two arrays, by name."""

    header: Any
    columns: Any
    texts: Any
    labels: Any
    order: Any
    nodes: Any
    lists: Any
    settings: Any
    sides: Any
    weights: Any
    cells: Any
    buckets: Any
    counts: Any


@inlined
def cut(ints: Any, floats: Any) -> Slab:
    """Return the views of a slab."""
    header = ints[:HEADER_COUNT]
    n, s, d, k = header[NODE_ROOM], header[SLOT_ROOM], header[COLUMN_ROOM], header[CLASS_ROOM]
    m, t, b, c = header[WATCHED_ROOM], header[TEXT_ROOM], header[BRANCH_ROOM], header[CELL_WIDTH]
    columns = HEADER_COUNT
    texts = columns + 2 * d
    labels = texts + t
    order = labels + k
    nodes = order + k
    lists = nodes + n * (CLASSES + k)
    sides = SETTING_COUNT
    weights = sides + b * k
    cells = weights + n * (CLASS + k)
    counts = cells + s * k * m * c
    return Slab(
        header,
        ints[columns:texts].reshape((d, 2)),
        ints[texts:labels],
        ints[labels:order],
        ints[order:nodes],
        ints[nodes:lists].reshape((n, CLASSES + k)),
        ints[lists : lists + s * (FEATURES + m)].reshape((s, FEATURES + m)),
        floats[:SETTING_COUNT],
        floats[sides:weights].reshape((b, k)),
        floats[weights:cells].reshape((n, CLASS + k)),
        floats[cells:counts].reshape((s, k, m, c)),
        floats[cells:counts].reshape((s, m, k * c)),
        floats[counts : counts + s * k * t].reshape((s, k, t)),
    )


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
    return node


@part
def drop_slot(slab: Slab, node: int, mark: int) -> None:
    """Take a leaf's slot away; what it knew is forgotten."""
    slot = slab.nodes[node, SLOT]
    slab.nodes[node, SLOT] = mark
    if slot >= 0:
        slab.lists[slot, OWNER] = slab.header[SLOT_FREE]
        slab.header[SLOT_FREE] = slot
        slab.header[SLOTS_LEFT] += 1


@part
def clear(slab: Slab, slot: int) -> None:
    """Have a slot know nothing; which features it watches stays."""
    slab.cells[slot] = 0.0
    slab.counts[slot] = 0.0


@part
def take_slot(slab: Slab, node: int) -> None:
    """Give a leaf a free slot that knows and watches nothing."""
    slot = slab.header[SLOT_FREE]
    slab.header[SLOT_FREE] = slab.lists[slot, OWNER]
    slab.header[SLOTS_LEFT] -= 1
    slab.lists[slot, OWNER] = node
    slab.lists[slot, WATCHED] = 0
    slab.nodes[node, SLOT] = slot
    clear(slab, slot)


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
    """Return a new last child for a text; NONE where no node is left."""
    if slab.header[NODES_LEFT] == 0:
        return NONE
    nodes = slab.nodes
    last = nodes[node, LEFT]
    while nodes[last, NEXT] != NONE:
        last = nodes[last, NEXT]
    child = plant(slab, node, nodes[node, DEPTH] + 1)
    nodes[last, NEXT] = child
    nodes[child, VALUE] = value
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


@inlined
def total(nodes: Any, weights: Any, node: int) -> float:
    """Return the weight of a leaf's classes, in the order in which it met them."""
    found = 0.0
    for place in range(nodes[node, CLASSES_MET]):
        found += weights[node, CLASS + nodes[node, CLASSES + place]]
    return found


@inlined
def majority(nodes: Any, weights: Any, node: int) -> int:
    """Return the class with the most weight in a leaf, the first it met of equals; -1 where it met none."""
    best = -1
    for place in range(nodes[node, CLASSES_MET]):
        c = nodes[node, CLASSES + place]
        if best < 0 or weights[node, CLASS + c] > weights[node, CLASS + best]:
            best = c
    return best


@inlined
def meet(nodes: Any, node: int, c: int) -> None:
    """Have a node know that a class is there."""
    met = nodes[node, CLASSES_MET]
    for place in range(met):
        if nodes[node, CLASSES + place] == c:
            return
    nodes[node, CLASSES + met] = c
    nodes[node, CLASSES_MET] = met + 1


@part
def promise(slab: Slab, leaf: int) -> float:
    """Return what a split could still set right: the weight beside the greatest class, the squares of numbers."""
    if slab.header[CRITERION] == VARIANCE:
        return slab.weights[leaf, CLASS + T_SQUARES]
    best = majority(slab.nodes, slab.weights, leaf)
    return 0.0 if best < 0 else slab.weights[leaf, TOTAL] - slab.weights[leaf, CLASS + best]


@part
def seek_slot(slab: Slab, leaf: int) -> int:
    """Return a slot for a leaf that has none yet; below 0 where it has to do without.

    Where none is left, once in a grace period the leaf may take that of the least promising one.
    """
    header, weights = slab.header, slab.weights
    if header[SLOTS_LEFT] == 0:
        if weights[leaf, TOTAL] - weights[leaf, TRIED_AT] < slab.settings[GRACE]:
            return NONE
        weights[leaf, TRIED_AT] = weights[leaf, TOTAL]
        least = NONE
        for slot in range(header[SLOT_ROOM]):
            owner = slab.lists[slot, OWNER]
            if least == NONE or promise(slab, owner) < promise(slab, least):
                least = owner
        if least == NONE or promise(slab, least) >= promise(slab, leaf):
            return NONE
        drop_slot(slab, least, NONE)
    take_slot(slab, leaf)
    return slab.nodes[leaf, SLOT]


@inlined
def find_slot(slab: Slab, leaf: int) -> int:
    """Return a leaf's slot, a new one if need be; below 0 where it has to do without."""
    slot = slab.nodes[leaf, SLOT]
    return seek_slot(slab, leaf) if slot == NONE else slot

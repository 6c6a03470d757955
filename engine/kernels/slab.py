"""A slab: the nodes and the leaves' statistics of one tree or of many, in one array of whole numbers and one of floats.

`cut` shows the two as views with names, the `Slab`. N nodes, S slots, D columns, K classes, M features watched by a
leaf, T numbers for texts over all columns.

Of whole numbers:

- `header`: the sizes, the free lists, what the Python side allows, and the settings that are whole numbers.
- `columns` (D, 2): where a column's texts begin, -1 for a column of numbers; how many of its texts have room.
- `texts` (T,): each column's texts in alphabetical order, as numbers; what is not known yet is -1 and stands last.
- `labels` (K,): the classes in alphabetical order, as numbers.
- `order` (K,): a note pad.
- `nodes` (N, CLASSES + K): `KIND`, `FEATURE`, the children, the parent, `DEPTH`, `SLOT`, the branch's `VALUE`, how
  many `LEAVES` are at the node or below it, and the classes in the order in which it has met them.
- `lists` (S, FEATURES + M): the node a slot belongs to, how many features it watches, and which.

Of floats:

- `settings`: the settings that are not whole.
- `sides` (max(2, branches), K): a note pad for the classes on each side of a split.
- `weights` (N, CLASS + K + model): a node's total weight, what its leaf needs to judge itself, its threshold, and what
  the node has learned of each class. Inner nodes go on counting, so each node knows the share of each class below it.
  Behind that trees of numbers may have a leaf's model, see `engine.kernels.leaf_models`.
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

from engine.kernels.ground import inlined

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
LEAF_COUNT_MAX: Final = 22
MODEL_ROOM: Final = 23
HEADER_COUNT: Final = 26
"""The header. `BRANCH_ROOM` is how many children a split can have at most; `ROOT` the tree's, where there is one;
`LEAF_COUNT_MAX` the most leaves of a tree, 0 for no bound."""

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
LEAF_DECAY: Final = 10
SWITCH_DELTA: Final = 11
SETTING_COUNT: Final = 14
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
LEAVES: Final = 9
CLASSES_MET: Final = 10
CLASSES: Final = 11
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

MODEL: Final = CLASS + T_COUNT
"""Where a leaf's model begins in a node of numbers."""

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
    width = CLASS + k + header[MODEL_ROOM]
    columns = HEADER_COUNT
    texts = columns + 2 * d
    labels = texts + t
    order = labels + k
    nodes = order + k
    lists = nodes + n * (CLASSES + k)
    sides = SETTING_COUNT
    weights = sides + b * k
    cells = weights + n * width
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
        floats[weights:cells].reshape((n, width)),
        floats[cells:counts].reshape((s, k, m, c)),
        floats[cells:counts].reshape((s, m, k * c)),
        floats[counts : counts + s * k * t].reshape((s, k, t)),
    )


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

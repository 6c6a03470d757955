"""When a leaf splits, and into what: the search over its features, Hoeffding's bound, and the split itself.

A leaf asks once in each grace period. Numbers are tried at evenly spaced points between the least and the greatest
value, texts one against the rest and, where more than two branches may be, each on its own.
"""

from __future__ import annotations

from math import inf, log2, sqrt
from typing import Any, Final

from engine.kernels.ground import inlined, part
from engine.kernels.merits import GINI, entropy, gini, merit, side_total
from engine.kernels.nodes import add_leaves, leaf_room, plant
from engine.kernels.observers import HIGH, LOW, RANK, WEIGHT_OF, below
from engine.kernels.slab import (
    AS_RIVER,
    AT_MOST,
    BINARY_SPLITS,
    BRANCH_SHARE_MIN,
    CLASS,
    CLASSES,
    CLASSES_MET,
    CONFIDENCE,
    CRITERION,
    DEPTH,
    DEPTH_MAX,
    EQUAL,
    FEATURE,
    FEATURES,
    FORK,
    GIVEN_UP,
    GRACE,
    KIND,
    LEFT,
    MAJORITY_SHARE_MAX,
    NEXT,
    NODES_LEFT,
    NONE,
    OFFSET,
    PARENT,
    POINT,
    POINTS,
    RIGHT,
    ROOM,
    SLOT,
    TAU,
    TOTAL,
    TRIED_AT,
    VALUE,
    WATCHED,
    Slab,
    majority,
    meet,
    total,
)
from engine.kernels.slots import clear, drop_slot


@inlined
def seen_classes(slab: Slab, cells: Any, j: int) -> int:
    """Note the classes a feature was seen with in `order`, in the order in which it was; return how many."""
    found = 0
    for c in range(cells.shape[0]):
        if cells[c, j, RANK] > 0.0:
            slab.order[int(cells[c, j, RANK]) - 1] = c
            found += 1
    return found


@inlined
def sides_of_point(slab: Slab, cells: Any, j: int, point: float, width: int) -> None:
    """Fill the two sides of `x <= point`."""
    sides = slab.sides
    for place in range(width):
        c = slab.order[place]
        n = cells[c, j, WEIGHT_OF]
        if point < cells[c, j, LOW]:
            sides[0, place], sides[1, place] = -1.0, n
        elif point >= cells[c, j, HIGH]:
            sides[0, place], sides[1, place] = n, -1.0
        else:
            sides[0, place] = below(cells, c, j, point) * n
            sides[1, place] = n - sides[0, place]


@part
def sides_of_text(slab: Slab, cells: Any, counts: Any, j: int, text: int, width: int) -> None:
    """Fill the two sides of `x == text`; `text` counts over all columns."""
    for place in range(width):
        c = slab.order[place]
        n, n_equal = cells[c, j, WEIGHT_OF], counts[c, text]
        slab.sides[0, place] = n_equal if n_equal > 0.0 else -1.0
        slab.sides[1, place] = n - n_equal if n > n_equal else -1.0


@part
def sides_of_fork(slab: Slab, counts: Any, feature: int) -> int:
    """Fill a side for each text seen, in alphabetical order, classes so too; return how many."""
    offset = slab.columns[feature, OFFSET]
    found = 0
    for place in range(slab.columns[feature, ROOM]):
        text = slab.texts[offset + place]
        if text < 0:
            break
        seen = False
        for c in range(counts.shape[0]):
            weight = counts[slab.labels[c], offset + text]
            slab.sides[found, c] = weight if weight > 0.0 else -1.0
            seen = seen or weight > 0.0
        if seen:
            found += 1
    return found


@inlined
def merit_of(slab: Slab, count: int, width: int, before: float) -> float:
    """Return the merit of the sides that are filled."""
    header = slab.header
    share_min = slab.settings[BRANCH_SHARE_MIN]
    return merit(header[CRITERION], share_min, slab.sides, count, width, before, header[AS_RIVER])


@inlined
def best_point(slab: Slab, cells: Any, j: int, before: float) -> tuple[float, float]:
    """Return the merit and the place of the best point to split a number at, -inf where none is."""
    width = seen_classes(slab, cells, j)
    low, high = inf, -inf
    for place in range(width):
        low = min(low, cells[slab.order[place], j, LOW])
        high = max(high, cells[slab.order[place], j, HIGH])
    best, best_at = -inf, 0.0
    points = slab.header[POINTS]
    step = (high - low) / (points + 1.0)
    for i in range(points):
        point = low + step * (i + 1)
        if low < point < high:
            sides_of_point(slab, cells, j, point, width)
            found = merit_of(slab, 2, width, before)
            if found > best:
                best, best_at = found, point
    return best, best_at


@part
def best_text(slab: Slab, slot: int, j: int, before: float, room: int) -> tuple[float, int, float]:
    """Return the merit, kind and text of the best split of a text; the kind is -1 where none is."""
    cells, counts = slab.cells[slot], slab.counts[slot]
    feature = slab.lists[slot, FEATURES + j]
    offset = slab.columns[feature, OFFSET]
    best, kind, at = -inf, -1, 0.0
    if slab.header[BINARY_SPLITS] == 0:
        count = sides_of_fork(slab, counts, feature)
        if count <= room:
            best, kind = merit_of(slab, count, counts.shape[0], before), FORK
    width = seen_classes(slab, cells, j)
    for place in range(slab.columns[feature, ROOM]):
        text = slab.texts[offset + place]
        if text < 0:
            break
        sides_of_text(slab, cells, counts, j, offset + text, width)
        if side_total(slab.sides[0], width) > 0.0:
            found = merit_of(slab, 2, width, before)
            if found > best:
                best, kind, at = found, EQUAL, float(text)
    return best, kind, at


@part
def search(slab: Slab, leaf: int, before: float, room: int) -> tuple[float, float, int, int, float]:
    """Return the best merit and the second best, and of the best its place in the list, kind and point.

    Of equals the last is best. Where nothing can be split the kind is -1. River lets no split at all compete with a
    merit of -inf; it counts here as second best to whatever is first.
    """
    slot = slab.nodes[leaf, SLOT]
    cells, listed = slab.cells[slot], slab.lists[slot]
    best, second, best_j, best_kind, best_at = -inf, -inf, -1, -1, 0.0
    for j in range(listed[WATCHED]):
        if seen_classes(slab, cells, j) == 0:
            continue
        if slab.columns[listed[FEATURES + j], OFFSET] < 0:
            found, at = best_point(slab, cells, j, before)
            kind = AT_MOST if found > -inf else -1
        else:
            found, kind, at = best_text(slab, slot, j, before, room)
        if found >= best:
            second, best, best_j, best_kind, best_at = best, found, j, kind, at
        elif found > second:
            second = found
    return best, second, best_j, best_kind, best_at


@part
def fill_sides(slab: Slab, slot: int, j: int, kind: int, at: float) -> tuple[int, int]:
    """Fill the sides of a split, with `order` saying which class each place is; return how many sides and places."""
    cells, counts = slab.cells[slot], slab.counts[slot]
    feature = slab.lists[slot, FEATURES + j]
    if kind == FORK:
        count = sides_of_fork(slab, counts, feature)
        for c in range(counts.shape[0]):
            slab.order[c] = slab.labels[c]
        return count, counts.shape[0]
    width = seen_classes(slab, cells, j)
    if kind == AT_MOST:
        sides_of_point(slab, cells, j, at, width)
    else:
        sides_of_text(slab, cells, counts, j, slab.columns[feature, OFFSET] + int(at), width)
    return 2, width


@part
def next_text(slab: Slab, slot: int, feature: int, place: int) -> int:
    """Return the place in `texts` of the next text from `place` on that a slot has seen."""
    offset = slab.columns[feature, OFFSET]
    while True:
        for c in range(slab.counts.shape[1]):
            if slab.counts[slot, c, offset + slab.texts[offset + place]] > 0.0:
                return place
        place += 1


@part
def split(slab: Slab, leaf: int, j: int, kind: int, at: float) -> None:
    """Have a leaf become an inner node with new leaves, which begin with what the split says of their classes."""
    nodes, weights = slab.nodes, slab.weights
    slot = nodes[leaf, SLOT]
    feature = slab.lists[slot, FEATURES + j]
    count, width = fill_sides(slab, slot, j, kind, at)
    last, place, whole = NONE, 0, 0.0
    for side in range(count):
        child = plant(slab, leaf, nodes[leaf, DEPTH] + 1)
        if last == NONE:
            nodes[leaf, LEFT] = child
        else:
            nodes[last, NEXT] = child
        last = child
        for c in range(width):
            if slab.sides[side, c] >= 0.0:
                meet(nodes, child, slab.order[c])
                weights[child, CLASS + slab.order[c]] = slab.sides[side, c]
        weights[child, TOTAL] = total(nodes, weights, child)
        weights[child, TRIED_AT] = weights[child, TOTAL]
        whole += weights[child, TOTAL]
        if kind == FORK:
            place = next_text(slab, slot, feature, place)
            nodes[child, VALUE] = slab.texts[slab.columns[feature, OFFSET] + place]
            place += 1
    nodes[leaf, KIND] = kind
    nodes[leaf, FEATURE] = feature
    nodes[leaf, RIGHT] = last
    add_leaves(slab, leaf, count - 1)
    weights[leaf, POINT] = at
    drop_slot(slab, leaf, NONE)
    more = whole - weights[leaf, TOTAL]
    node = leaf
    while node != NONE:
        weights[node, TOTAL] += more
        node = nodes[node, PARENT]


@part
def range_of_merit(slab: Slab, leaf: int) -> float:
    """Return how far two merits can be apart."""
    if slab.header[CRITERION] == GINI:
        return 1.0
    return log2(float(max(2, slab.nodes[leaf, CLASSES_MET])))


@part
def is_pure(slab: Slab, leaf: int) -> bool:
    """Say whether a leaf knows of one class at most."""
    found = 0
    for place in range(slab.nodes[leaf, CLASSES_MET]):
        if slab.weights[leaf, CLASS + slab.nodes[leaf, CLASSES + place]] != 0.0:
            found += 1
    return found < 2


@part
def impurity(slab: Slab, leaf: int) -> tuple[float, float]:
    """Return the entropy of a leaf's classes, and the merit of not splitting it at all."""
    width = slab.nodes[leaf, CLASSES_MET]
    side = slab.sides[0]
    for place in range(width):
        side[place] = slab.weights[leaf, CLASS + slab.nodes[leaf, CLASSES + place]]
    before = entropy(side, width)
    if slab.header[CRITERION] == GINI:
        return before, 1.0 - gini(side, width, side_total(side, width))
    return before, 0.0


KEPT: Final = 0
SPLIT: Final = 1
CLEARED: Final = 2
"""What an attempt can come to: nothing, a split, or, as in River, a leaf that forgets what it knows of features."""


@part
def attempt(slab: Slab, leaf: int, place: int) -> int:
    """Split a leaf if the best split is surely better than the next, or if the two can hardly be told apart.

    `place` is the leaf, or the node whose place it would take: there has to be room for its leaves.
    """
    header, settings = slab.header, slab.settings
    nodes, weights = slab.nodes, slab.weights
    as_river = header[AS_RIVER] == 1
    room = leaf_room(slab, place)
    if room < 2 or is_pure(slab, leaf):
        return KEPT
    whole = weights[leaf, TOTAL]
    if weights[leaf, CLASS + majority(nodes, weights, leaf)] / whole > settings[MAJORITY_SHARE_MAX]:
        if not as_river:
            return KEPT
        clear(slab, nodes[leaf, SLOT])
        return CLEARED
    before, nothing = impurity(slab, leaf)
    best, second, j, kind, at = search(slab, leaf, before, room)
    reach = range_of_merit(slab, leaf)
    bound = sqrt(reach * reach * settings[CONFIDENCE] / (2.0 * whole))
    if as_river:
        if j >= 0 and not (best - second > bound or bound < settings[TAU]):
            return KEPT
        if kind < 0:
            clear(slab, nodes[leaf, SLOT])
            return CLEARED
    else:
        second = max(second, nothing)
        if kind < 0 or best <= nothing or not (best - second > bound or bound < settings[TAU]):
            return KEPT
    if header[NODES_LEFT] < slab.sides.shape[0]:
        return KEPT
    split(slab, leaf, j, kind, at)
    return SPLIT


@inlined
def attempt_in_turn(slab: Slab, leaf: int) -> bool:
    """Attempt to split a leaf whose grace period is over; say whether it did."""
    nodes, weights = slab.nodes, slab.weights
    if nodes[leaf, SLOT] < 0:
        return False
    if nodes[leaf, DEPTH] >= slab.header[DEPTH_MAX]:
        drop_slot(slab, leaf, GIVEN_UP)
        return False
    weight = weights[leaf, TOTAL]
    if weight - weights[leaf, TRIED_AT] < slab.settings[GRACE]:
        return False
    if attempt(slab, leaf, leaf) == SPLIT:
        return True
    weights[leaf, TRIED_AT] = weight
    return False

"""What a leaf of numbers does: it answers with the mean of its targets or a line, and splits where they vary.

What `engine.kernels.leaves` is for classes. A forest calls `fits`, `plant`, `uproot` and `reach` as there, `find_slot`,
then `learn_number_at(slab, leaf, slot, row, weight)` and `grow_number(slab, root, leaf, row)`. An answer is that of
`answer_number(slab, leaf, row)` for the leaf that `walk` finds.

River's observer has two quirks that `AS_RIVER` keeps: a point lies before the last bucket of its left side instead of
behind it, and the left child begins with the targets of all buckets.
"""

from __future__ import annotations

from math import inf, sqrt
from typing import Any

from engine.kernels.buckets import (
    AT,
    BUCKET,
    COUNT,
    HEAD,
    add_targets,
    learn_target,
    observe_target,
    variance,
    without_targets,
)
from engine.kernels.ground import TARGET, inlined, part
from engine.kernels.leaf_models import BY_MEAN, begin_with_model_of, learn_model
from engine.kernels.nodes import add_leaves, is_plain, leaf_room, plant
from engine.kernels.slab import (
    AS_RIVER,
    AT_MOST,
    BINARY_SPLITS,
    BRANCH_WEIGHT_MIN,
    CLASS,
    CONFIDENCE,
    DEPTH,
    DEPTH_MAX,
    EQUAL,
    FEATURE,
    FEATURES,
    FORK,
    GIVEN_UP,
    GRACE,
    KIND,
    LEAF_ANSWER,
    LEFT,
    NEXT,
    NODES_LEFT,
    NONE,
    OFFSET,
    PARENT,
    POINT,
    RIGHT,
    ROOM,
    SLOT,
    T_COUNT,
    T_WEIGHT,
    TAU,
    TOTAL,
    TRIED_AT,
    VALUE,
    WATCHED,
    Slab,
)
from engine.kernels.slots import drop_slot


@inlined
def gain(slab: Slab, leaf: int, count: int) -> float:
    """Return how much less the targets vary on the sides that are filled; 0 where a side is too light."""
    known = slab.weights[leaf]
    found = variance(known, CLASS)
    for side in range(count):
        if slab.sides[side, T_WEIGHT] < slab.settings[BRANCH_WEIGHT_MIN]:
            return 0.0
        found -= slab.sides[side, T_WEIGHT] / known[CLASS + T_WEIGHT] * variance(slab.sides[side], 0)
    return found


@part
def fill_point(slab: Slab, leaf: int, buckets: Any, count: int) -> None:
    """Fill the sides of a point behind the first `count` buckets."""
    slab.sides[0] = 0.0
    for place in range(count):
        add_targets(slab.sides[0], 0, buckets, HEAD + place * BUCKET)
    without_targets(slab.sides[1], slab.weights[leaf], CLASS, slab.sides[0], 0)


@part
def best_point_of(slab: Slab, leaf: int, buckets: Any) -> tuple[float, float, int]:
    """Return the gain of the best point, the point, and how many buckets are on its left; -inf where there is none."""
    sides, known = slab.sides, slab.weights[leaf]
    sides[0] = 0.0
    best, best_at, best_count = -inf, 0.0, 0
    last = int(buckets[COUNT]) - 1
    late = 1 if slab.header[AS_RIVER] == 1 else 0
    for place in range(last + late):
        at = HEAD + place * BUCKET
        add_targets(sides[0], 0, buckets, at)
        if place < late:
            continue
        without_targets(sides[1], known, CLASS, sides[0], 0)
        found = gain(slab, leaf, 2)
        if found > best:
            before = at - late * BUCKET
            best, best_count = found, place + 1
            best_at = (buckets[before + AT] + buckets[before + BUCKET + AT]) / 2.0
    return best, best_at, best_count


@inlined
def fill_side(slab: Slab, side: int, counts: Any, text: int) -> None:
    """Fill a side with the targets of a text."""
    for number in range(T_COUNT):
        slab.sides[side, number] = counts[number, text]


@part
def fill_text(slab: Slab, leaf: int, counts: Any, text: int) -> None:
    """Fill the sides of `x == text`; `text` counts over all columns."""
    fill_side(slab, 0, counts, text)
    without_targets(slab.sides[1], slab.weights[leaf], CLASS, slab.sides[0], 0)


@part
def fill_fork(slab: Slab, counts: Any, feature: int) -> int:
    """Fill a side for each text seen, in alphabetical order; return how many."""
    offset = slab.columns[feature, OFFSET]
    found = 0
    for place in range(slab.columns[feature, ROOM]):
        text = slab.texts[offset + place]
        if text >= 0 and counts[T_WEIGHT, offset + text] > 0.0:
            fill_side(slab, found, counts, offset + text)
            found += 1
    return found


@part
def best_text_of(slab: Slab, leaf: int, counts: Any, feature: int, room: int) -> tuple[float, int, int]:
    """Return the gain, kind and text of the best split of a text; -inf where no text was seen."""
    offset = slab.columns[feature, OFFSET]
    best, kind, best_text = -inf, -1, 0
    if slab.header[BINARY_SPLITS] == 0:
        count = fill_fork(slab, counts, feature)
        if 2 < count <= room:
            best, kind = gain(slab, leaf, count), FORK
    for place in range(slab.columns[feature, ROOM]):
        text = slab.texts[offset + place]
        if text >= 0 and counts[T_WEIGHT, offset + text] > 0.0:
            fill_text(slab, leaf, counts, offset + text)
            found = gain(slab, leaf, 2)
            if found > best:
                best, kind, best_text = found, EQUAL, text
    return best, kind, best_text


@part
def split_number(slab: Slab, leaf: int, j: int, kind: int, at: float, count: int) -> None:
    """Have a leaf become an inner node; `count` is how many buckets are on the left of `at`, or which text it is."""
    nodes, weights, sides = slab.nodes, slab.weights, slab.sides
    slot = nodes[leaf, SLOT]
    feature = slab.lists[slot, FEATURES + j]
    counts, offset = slab.counts[slot], slab.columns[feature, OFFSET]
    branches, place, last, whole = 2, 0, NONE, 0.0
    if kind == FORK:
        branches = fill_fork(slab, counts, feature)
    elif kind == EQUAL:
        fill_text(slab, leaf, counts, offset + count)
    else:
        buckets = slab.buckets[slot, j]
        fill_point(slab, leaf, buckets, count)
        if slab.header[AS_RIVER] == 1:
            for more in range(count, int(buckets[COUNT])):
                add_targets(sides[0], 0, buckets, HEAD + more * BUCKET)
    for side in range(branches):
        child = plant(slab, leaf, nodes[leaf, DEPTH] + 1)
        if last == NONE:
            nodes[leaf, LEFT] = child
        else:
            nodes[last, NEXT] = child
        last = child
        for number in range(T_COUNT):
            weights[child, CLASS + number] = sides[side, number]
        weights[child, TOTAL] = weights[child, TRIED_AT] = sides[side, T_WEIGHT]
        begin_with_model_of(slab, child, leaf)
        whole += sides[side, T_WEIGHT]
        if kind == FORK:
            while slab.texts[offset + place] < 0 or counts[T_WEIGHT, offset + slab.texts[offset + place]] == 0.0:
                place += 1
            nodes[child, VALUE] = slab.texts[offset + place]
            place += 1
    nodes[leaf, KIND] = kind
    nodes[leaf, FEATURE] = feature
    nodes[leaf, RIGHT] = last
    add_leaves(slab, leaf, branches - 1)
    weights[leaf, POINT] = at if kind == AT_MOST else float(count)
    drop_slot(slab, leaf, NONE)
    more_weight = whole - weights[leaf, TOTAL]
    node = leaf
    while node != NONE:
        weights[node, TOTAL] += more_weight
        node = nodes[node, PARENT]


@part
def attempt_number(slab: Slab, leaf: int, place: int) -> bool:
    """Split a leaf if its best split is surely better than the next, or if the two can hardly be told apart.

    `place` is the leaf, or the node whose place it would take: there has to be room for its leaves.
    """
    room = leaf_room(slab, place)
    if room < 2:
        return False
    slot = slab.nodes[leaf, SLOT]
    listed = slab.lists[slot]
    best, second, best_j, best_kind, best_at, best_count = -inf, -inf, -1, -1, 0.0, 0
    for j in range(listed[WATCHED]):
        feature = listed[FEATURES + j]
        if slab.columns[feature, OFFSET] < 0:
            found, at, count = best_point_of(slab, leaf, slab.buckets[slot, j])
            kind = AT_MOST
        else:
            found, kind, count = best_text_of(slab, leaf, slab.counts[slot], feature, room)
            at = 0.0
        if found >= best:
            second, best, best_j, best_kind, best_at, best_count = best, found, j, kind, at, count
        elif found > second:
            second = found
    bound = sqrt(slab.settings[CONFIDENCE] / (2.0 * slab.weights[leaf, TOTAL]))
    if not best > 0.0 or not (second / best < 1.0 - bound or bound < slab.settings[TAU]):
        return False
    if slab.header[NODES_LEFT] < slab.sides.shape[0]:
        return False
    split_number(slab, leaf, best_j, best_kind, best_at, best_count)
    return True


@inlined
def grow_number(slab: Slab, root: int, leaf: int, row: Any) -> bool:
    """Split the leaf that has learned an example if it is its turn; say whether it did."""
    nodes, weights = slab.nodes, slab.weights
    if nodes[leaf, SLOT] < 0 or not is_plain(nodes, weights, root, row):
        return False
    if nodes[leaf, DEPTH] >= slab.header[DEPTH_MAX]:
        drop_slot(slab, leaf, GIVEN_UP)
        return False
    weight = weights[leaf, TOTAL]
    if weight - weights[leaf, TRIED_AT] < slab.settings[GRACE]:
        return False
    weights[leaf, TRIED_AT] = weight
    return attempt_number(slab, leaf, leaf)


@inlined
def learn_number_at(slab: Slab, leaf: int, slot: int, row: Any, weight: float) -> None:
    """Have a leaf learn an example, in the slot it has, and the nodes above it count it."""
    nodes, weights = slab.nodes, slab.weights
    target = row[TARGET]
    if slab.header[LEAF_ANSWER] != BY_MEAN:
        learn_model(slab, leaf, row, weight)
    learn_target(weights[leaf], CLASS, target, weight)
    weights[leaf, TOTAL] = weights[leaf, CLASS + T_WEIGHT]
    node = nodes[leaf, PARENT]
    while node != NONE:
        weights[node, TOTAL] += weight
        learn_target(weights[node], CLASS, target, weight)
        node = nodes[node, PARENT]
    if slot >= 0:
        observe_target(slab, slot, row, target, weight)

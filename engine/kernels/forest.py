"""The adaptive random forest: trees in one slab, each with its own dice, its own two detectors and a tree in waiting.

How the trees grow, `engine.kernels.leaves` says. Here is what makes them differ, and what replaces one that has become
wrong. Each tree takes an example as often as a Poisson draw says (as weight, all at once), and each new leaf watches a
draw of the columns. Two ADWIN look at whether the tree's answers were right: the sensitive one begins a tree in waiting
(`WAITING`) that learns beside it, the other puts that tree in its place.

`trees` (1 + trees, DICE + ...) holds whole numbers. Row 0 is the forest's: from `FLOATS` on, as floats, its settings.
Of each tree: its root and that of the tree in waiting, how many warnings and drifts there were; from `FLOATS` on, as
floats, the weight of what it answered and of that what was right, then the two detectors; from `DICE` on its dice.

Trees know nothing of each other, so an example is taken tree by tree, each in one pass: the leaf answers, the answer is
judged, the leaf learns.

References: Gomes et al. 2017, doi 10.1007/s10994-017-5642-8.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from engine.kernels import adwin, draws
from engine.kernels.ground import LEARN, OP, PREDICT, TARGET, WEIGHT, X, inlined, kernel, part
from engine.kernels.leaves import UNASKED, answer_at, grow, learn_at
from engine.kernels.slab import (
    AS_RIVER,
    FEATURES,
    NODES_LEFT,
    NONE,
    WATCHED,
    WATCHED_ROOM,
    Slab,
    cut,
    find_slot,
    fits,
    plant,
    reach,
    uproot,
    walk,
)

ROOT: Final = 0
WAITING: Final = 1
WARNINGS: Final = 2
DRIFTS: Final = 3
FLOATS: Final = 4

SEEN: Final = 0
RIGHT: Final = 1
WARNING: Final = 2
DRIFT: Final = WARNING + adwin.SIZE
FLOAT_COUNT: Final = DRIFT + adwin.SIZE
"""A tree's floats."""

DICE: Final = FLOATS + FLOAT_COUNT
DICE_COUNT: Final = draws.HEAD_COUNT

MEAN_COUNT: Final = 0
WARNING_DELTA: Final = 1
DRIFT_DELTA: Final = 2
EQUAL_VOTES: Final = 3
SETTING_COUNT: Final = 4
"""The forest's own floats: the mean of the draws; the detectors' deltas, 0 for none; 1 where votes count the same."""


@part
def draw_features(slab: Slab, slot: int, dice: Any, row: Any) -> None:
    """Have a slot watch a draw of the columns whose values are there, or all of these if they are no more than it may.

    A script names columns, in its own order.
    """
    listed = slab.lists[slot]
    room = slab.header[WATCHED_ROOM]
    present = 0
    for column in range(row.shape[0] - X):
        if row[X + column] == row[X + column]:
            present += 1
    count = min(present, room)
    listed[WATCHED] = count
    chosen = listed[FEATURES : FEATURES + count]
    if present >= room and draws.is_scripted(dice):
        draws.sample(dice, chosen, count, present)
        return
    if present > room:
        draws.sample(dice, chosen, count, present)
    else:
        for place in range(count):
            chosen[place] = place
    place, nth = 0, 0
    for column in range(row.shape[0] - X):
        if row[X + column] == row[X + column]:
            if place < count and chosen[place] == nth:
                chosen[place] = column
                place += 1
            nth += 1


@part
def learn(slab: Slab, root: int, dice: Any, row: Any, weight: float, asked: int, best: int) -> None:
    """Have one tree learn an example; `best` is what naive Bayes said of it in the leaf `asked`."""
    leaf = reach(slab, root, row)
    slot = find_slot(slab, leaf)
    if slot >= 0 and slab.lists[slot, WATCHED] == 0:
        draw_features(slab, slot, dice, row)
    learn_at(slab, leaf, slot, row, weight, best if leaf == asked else UNASKED)
    grow(slab, root, leaf, row)


@inlined
def decided(slab: Slab, said: Any) -> int:
    """Return the class with the greatest share, the first in alphabetical order of equals; -1 where all are 0."""
    best, most = -1, 0.0
    for place in range(said.shape[0]):
        c = slab.labels[place]
        if said[c] > most:
            best, most = c, said[c]
    return best


@inlined
def trust(floats: Any, settings: Any) -> float:
    """Return how much a tree's vote counts: its accuracy; in full until it is right for the first time."""
    if floats[RIGHT] == 0.0 or settings[EQUAL_VOTES] != 0.0:
        return 1.0
    return floats[RIGHT] / floats[SEEN]


@inlined
def divide(answer: Any) -> None:
    """Have the shares add up to 1, where there are any."""
    whole = 0.0
    for c in range(answer.shape[0]):
        whole += answer[c]
    if whole > 0.0:
        for c in range(answer.shape[0]):
            answer[c] /= whole


@part
def let_wait(slab: Slab, tree: Any) -> None:
    """Begin a tree in waiting, in place of the one that there may be."""
    if tree[WAITING] != NONE:
        uproot(slab, tree[WAITING])
        tree[WAITING] = NONE
    if slab.header[NODES_LEFT] > 0:
        tree[WAITING] = plant(slab, NONE, 0)


@part
def replace(slab: Slab, tree: Any, floats: Any) -> None:
    """Put the tree in waiting in place, or a new one, and have it begin without a past."""
    uproot(slab, tree[ROOT])
    if tree[WAITING] != NONE:
        tree[ROOT] = tree[WAITING]
        tree[WAITING] = NONE
        adwin.begin_anew(floats[WARNING:DRIFT])
    else:
        tree[ROOT] = plant(slab, NONE, 0)
    adwin.begin_anew(floats[DRIFT:])
    floats[SEEN] = 0.0
    floats[RIGHT] = 0.0


@part
def is_worse(slab: Slab, window: Any, wrong: float, delta: float) -> bool:
    """Show a detector whether an answer was wrong; say whether it alarms at a rise, as River does also at a fall."""
    if delta == 0.0:
        return False
    before = adwin.mean_of(window)
    return adwin.update(window, wrong, delta) and (slab.header[AS_RIVER] == 1 or adwin.mean_of(window) > before)


@part
def watch(slab: Slab, tree: Any, floats: Any, settings: Any, wrong: float) -> None:
    """Show the detectors whether the tree's answer was wrong, and do what follows."""
    if is_worse(slab, floats[WARNING:DRIFT], wrong, settings[WARNING_DELTA]):
        let_wait(slab, tree)
        adwin.begin_anew(floats[WARNING:DRIFT])
        tree[WARNINGS] += 1
    if is_worse(slab, floats[DRIFT:], wrong, settings[DRIFT_DELTA]):
        replace(slab, tree, floats)
        tree[DRIFTS] += 1


@part
def take_one(slab: Slab, trees: Any, t: int, row: Any, said: Any, answer: Any) -> None:
    """Have one tree take a step; `said` is a note pad, all 0 before and after."""
    tree = trees[t]
    floats = tree[FLOATS:DICE].view(np.float64)
    settings = trees[0, FLOATS:DICE].view(np.float64)
    leaf = walk(slab.nodes, slab.weights, tree[ROOT], row)
    best = answer_at(slab, leaf, row, said)
    if row[OP] != LEARN:
        weight = trust(floats, settings)
        for c in range(answer.shape[0]):
            answer[c] += weight * said[c]
    answered = decided(slab, said)
    said[:] = 0.0
    if row[OP] == PREDICT:
        return
    wrong = 0.0 if answered == int(row[TARGET]) else 1.0
    floats[SEEN] += row[WEIGHT]
    floats[RIGHT] += (1.0 - wrong) * row[WEIGHT]
    dice = tree[DICE:]
    count = draws.poisson(dice, settings[MEAN_COUNT])
    if count > 0:
        weight = row[WEIGHT] * count
        if tree[WAITING] != NONE:
            learn(slab, tree[WAITING], dice, row, weight, leaf, best)
        learn(slab, tree[ROOT], dice, row, weight, leaf, best)
        said[:] = 0.0
        watch(slab, tree, floats, settings, wrong)


@kernel("int64(int64[::1], float64[::1], int64[:,::1], float64[:,::1], float64[:,::1], int64)")
def take(ints: Any, floats: Any, trees: Any, rows: Any, answers: Any, begin: int) -> int:
    """Take steps from `begin` on; return how far it came: where an example may not fit, the arrays have to grow."""
    slab = cut(ints, floats)
    said = slab.sides[1]
    tree_count = trees.shape[0] - 1
    for i in range(begin, rows.shape[0]):
        row, answer = rows[i], answers[i]
        if row[OP] != PREDICT:
            if not fits(slab, 2 * tree_count):
                return i
            if trees[1, ROOT] == NONE:
                for t in range(1, tree_count + 1):
                    trees[t, ROOT] = plant(slab, NONE, 0)
        if row[OP] != LEARN:
            answer[:] = 0.0
        if trees[1, ROOT] != NONE:
            for t in range(1, tree_count + 1):
                take_one(slab, trees, t, row, said, answer)
        if row[OP] != LEARN:
            divide(answer)
    return rows.shape[0]

"""The adaptive random forest: trees in one slab, each with its own dice, its own two detectors and a tree in waiting.

How the trees grow, `engine.kernels.leaves` says. Here is what makes them differ, and what replaces one that has become
wrong. Each tree takes an example as often as a Poisson draw says (as weight, all at once), and each new leaf watches a
draw of the columns. Two ADWIN look at whether the tree's answers were right: the sensitive one begins a tree in waiting
(`WAITING`) that learns beside it, the other puts that tree in its place.

What `trees` holds, `engine.kernels.grove` says. Trees know nothing of each other, so an example is taken tree by tree,
each in one pass: the leaf answers, the answer is judged, the leaf learns.

References: Gomes et al. 2017, doi 10.1007/s10994-017-5642-8.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from engine.kernels import adwin, draws
from engine.kernels.ground import LEARN, OP, PREDICT, TARGET, WEIGHT, inlined, kernel, part
from engine.kernels.grove import (
    DICE,
    DRIFT,
    DRIFT_DELTA,
    DRIFTS,
    FLOATS,
    MEAN_COUNT,
    PLAIN,
    ROOT,
    WAITING,
    WARNING,
    WARNING_DELTA,
    WARNINGS,
    draw_features,
    is_worse,
    let_wait,
    replace,
)
from engine.kernels.leaves import UNASKED, answer_at, grow, learn_at
from engine.kernels.nodes import fits, plant, reach, walk
from engine.kernels.slab import NONE, WATCHED, Slab, cut
from engine.kernels.slots import find_slot

SEEN: Final = 0
RIGHT: Final = 1
"""Of a tree: the weight of what it answered since it is in place, and of that what was right."""


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
    if floats[RIGHT] == 0.0 or settings[PLAIN] != 0.0:
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
def watch(slab: Slab, tree: Any, floats: Any, settings: Any, wrong: float) -> None:
    """Show the detectors whether the tree's answer was wrong, and do what follows."""
    if is_worse(slab, floats[WARNING:DRIFT], wrong, settings[WARNING_DELTA]):
        let_wait(slab, tree)
        adwin.begin_anew(floats[WARNING:DRIFT])
        tree[WARNINGS] += 1
    if is_worse(slab, floats[DRIFT:], wrong, settings[DRIFT_DELTA]):
        replace(slab, tree, floats)
        floats[SEEN] = 0.0
        floats[RIGHT] = 0.0
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

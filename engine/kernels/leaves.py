"""What a leaf of classes does: it answers, learns an example, and has its turn to split.

How a slab is laid out, `engine.kernels.slab` says; its nodes and slots are those of `engine.kernels.nodes` and
`engine.kernels.slots`. A tree is the number of its root in it, which stays the same however the tree grows. A forest
keeps its roots itself and calls, with `slab = cut(ints, floats)`:

- `fits(slab, tree_count)` before an example, once for all its trees, and returns from its own `take` if it is false;
- `plant(slab, NONE, 0)` for a new tree, `uproot(slab, root)` for one it gives up;
- `walk(nodes, weights, root, row)` for the leaf of a question, then `answer_at(slab, leaf, row, said)`, which fills
  `said` with the probabilities of the classes where the leaf has learned something;
- `reach(slab, root, row)` for the leaf of an example, then `find_slot(slab, leaf)`: below 0 the leaf has none. A slot
  whose `lists[slot, WATCHED]` is 0 watches nothing yet: the forest sets it, and writes its draw from
  `lists[slot, FEATURES]` on (`watch_all` is the draw of a tree alone);
- `learn_at(slab, leaf, slot, row, weight, best)` with the weight it has drawn; `best` is what naive Bayes says of the
  row in this leaf, `UNASKED` where nobody asked;
- `grow(slab, root, leaf, row)` afterwards, which splits the leaf if it is its turn.

`engine.kernels.tree` has those five together, for a tree that watches every column.
"""

from __future__ import annotations

from typing import Any, Final

from engine.kernels.ground import TARGET, inlined
from engine.kernels.nodes import add_above, is_plain
from engine.kernels.observers import (
    BY_BAYES,
    BY_BETTER,
    answer_bayes,
    answer_shares,
    bayes_best,
    observe,
    rank_answered,
)
from engine.kernels.slab import (
    AS_RIVER,
    BAYES_RIGHT,
    CLASS,
    GIVEN_UP,
    LEAF_ANSWER,
    MAJORITY_RIGHT,
    SLOT,
    TOTAL,
    Slab,
    majority,
    meet,
    total,
)
from engine.kernels.splitting import attempt_in_turn

UNASKED: Final = -2
"""Naive Bayes was not asked."""


@inlined
def answer_at(slab: Slab, leaf: int, row: Any, said: Any) -> int:
    """Fill the probabilities of a leaf's classes; return what naive Bayes says, `UNASKED` where it was not asked."""
    way = slab.header[LEAF_ANSWER]
    weights = slab.weights
    if slab.nodes[leaf, SLOT] != GIVEN_UP and (
        way == BY_BAYES or (way == BY_BETTER and weights[leaf, BAYES_RIGHT] >= weights[leaf, MAJORITY_RIGHT])
    ):
        return answer_bayes(slab, leaf, row, said)
    answer_shares(slab, leaf, said)
    return UNASKED


@inlined
def judge(slab: Slab, leaf: int, row: Any, weight: float, best: int) -> None:
    """Count whether the leaf's majority and its naive Bayes would have been right."""
    c = int(row[TARGET])
    most = majority(slab.nodes, slab.weights, leaf)
    if most < 0 or most == c:
        slab.weights[leaf, MAJORITY_RIGHT] += weight
    if best == UNASKED:
        best = bayes_best(slab, leaf, row)
    if best == c:
        slab.weights[leaf, BAYES_RIGHT] += weight
    if slab.header[AS_RIVER] == 1:
        rank_answered(slab, leaf, row)


@inlined
def learn_at(slab: Slab, leaf: int, slot: int, row: Any, weight: float, best: int) -> None:
    """Have a leaf learn an example, in the slot it has."""
    c = int(row[TARGET])
    if slot >= 0 and slab.header[LEAF_ANSWER] == BY_BETTER:
        judge(slab, leaf, row, weight, best)
    meet(slab.nodes, leaf, c)
    slab.weights[leaf, CLASS + c] += weight
    slab.weights[leaf, TOTAL] = total(slab.nodes, slab.weights, leaf)
    add_above(slab, leaf, weight, c)
    if slot >= 0:
        observe(slab, slot, row, c, weight)


@inlined
def grow(slab: Slab, root: int, leaf: int, row: Any) -> bool:
    """Split the leaf that has learned an example if it is its turn; say whether it did.

    An example on whose way something was missing gives no leaf its turn, as in River.
    """
    return is_plain(slab.nodes, slab.weights, root, row) and attempt_in_turn(slab, leaf)

"""A single Hoeffding tree for classes, which watches every column; its leaves are `engine.kernels.leaves`'s."""

from __future__ import annotations

from typing import Any

from engine.kernels.ground import LEARN, OP, PREDICT, WEIGHT, inlined, kernel
from engine.kernels.leaves import UNASKED, answer_at, grow, learn_at
from engine.kernels.nodes import fits, plant, reach, walk
from engine.kernels.observers import (
    watch_all,
)
from engine.kernels.slab import NONE, ROOT, Slab, cut
from engine.kernels.slots import find_slot


@inlined
def learn(slab: Slab, root: int, row: Any, asked: int, best: int) -> None:
    """Have a tree learn an example; `best` is what naive Bayes says of it in the leaf `asked`."""
    leaf = reach(slab, root, row)
    slot = find_slot(slab, leaf)
    if slot >= 0:
        watch_all(slab, slot)
    learn_at(slab, leaf, slot, row, row[WEIGHT], best if leaf == asked else UNASKED)
    grow(slab, root, leaf, row)


@kernel("int64(int64[::1], float64[::1], float64[:,::1], float64[:,::1], int64)")
def take(ints: Any, floats: Any, rows: Any, answers: Any, begin: int) -> int:
    """Take steps from `begin` on; return how far it came: where an example may not fit, the arrays have to grow."""
    slab = cut(ints, floats)
    header = slab.header
    for i in range(begin, rows.shape[0]):
        row = rows[i]
        leaf, best = NONE, UNASKED
        if row[OP] != PREDICT and not fits(slab, 1):
            return i
        if row[OP] != LEARN:
            answers[i] = 0.0
            if header[ROOT] != NONE:
                leaf = walk(slab.nodes, slab.weights, header[ROOT], row)
                best = answer_at(slab, leaf, row, answers[i])
        if row[OP] != PREDICT:
            if header[ROOT] == NONE:
                header[ROOT] = plant(slab, NONE, 0)
            learn(slab, header[ROOT], row, leaf, best)
    return rows.shape[0]

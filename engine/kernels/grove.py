"""What the trees of a forest share, whatever they predict: draws of columns, and a tree in waiting for each.

`trees` (1 + trees, DICE + ...) holds whole numbers. Row 0 is the forest's: from `FLOATS` on, as floats, its settings.
Of each tree: its root and that of the tree in waiting, how many warnings and drifts there were; from `FLOATS` on, as
floats, what its own kind keeps of its answers, then its two detectors; from `DICE` on its dice.
"""

from __future__ import annotations

from typing import Any, Final

from engine.kernels import adwin, draws
from engine.kernels.ground import X, part
from engine.kernels.nodes import plant, uproot
from engine.kernels.slab import AS_RIVER, FEATURES, NODES_LEFT, NONE, WATCHED, WATCHED_ROOM, Slab

ROOT: Final = 0
WAITING: Final = 1
WARNINGS: Final = 2
DRIFTS: Final = 3
FLOATS: Final = 4

WARNING: Final = 4
DRIFT: Final = WARNING + adwin.SIZE
FLOAT_COUNT: Final = DRIFT + adwin.SIZE
"""A tree's floats; the first four are its kind's."""

DICE: Final = FLOATS + FLOAT_COUNT
DICE_COUNT: Final = draws.HEAD_COUNT

MEAN_COUNT: Final = 0
WARNING_DELTA: Final = 1
DRIFT_DELTA: Final = 2
PLAIN: Final = 3
"""The forest's own floats: the mean of the draws; the detectors' deltas, 0 for none; 1 where votes all count the same,
or answers that are numbers are averaged."""


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
def is_worse(slab: Slab, window: Any, wrong: float, delta: float) -> bool:
    """Show a detector how wrong an answer was; say whether it alarms at a rise, in River at a fall as well."""
    if delta == 0.0:
        return False
    before = adwin.mean_of(window)
    return adwin.update(window, wrong, delta) and (slab.header[AS_RIVER] == 1 or adwin.mean_of(window) > before)


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

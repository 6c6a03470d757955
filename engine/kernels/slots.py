"""What leaves know of their features: slots of a slab, taken when a leaf first learns and given back when it splits.

Where no slot is left, a leaf that promises more takes that of the one that promises least, which then only counts.
"""

from __future__ import annotations

from engine.kernels.ground import inlined, part
from engine.kernels.slab import (
    CLASS,
    CRITERION,
    GRACE,
    NONE,
    OWNER,
    SLOT,
    SLOT_FREE,
    SLOT_ROOM,
    SLOTS_LEFT,
    T_SQUARES,
    TOTAL,
    TRIED_AT,
    VARIANCE,
    WATCHED,
    Slab,
    majority,
)


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

"""The arrays of a slab of trees as Python sees them: their first state, and how they get more room.

How they are laid out, `engine.kernels.slab` says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from engine.messages import Target
from engine.models.compiled.model import Array
from engine.models.compiled.tree_settings import BUCKETS_COUNT, LEAVES, TreeSettings
from engine.models.compiled.vectors import Vectors

NODES_SHARE: Final = 0.25
"""Of the bytes a model may take, what its nodes may; the rest is for what the leaves know."""

BRANCHES_COUNT_MAX: Final = 256
"""Texts of a feature that a tree tells apart, the first learned; further ones are as texts it never saw."""

Arrays = tuple[Array, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a slab has to have room for, beside nodes and slots."""

    class_order: Sequence[int]
    """The numbers of the classes, in alphabetical order."""
    text_orders: Sequence[Sequence[int] | None]
    """For each column the numbers of its texts in alphabetical order, None for a column of numbers."""
    watched_count: int
    """Features that a leaf watches."""
    tree_count: int = 1
    model_room: int = 0
    """Floats of a leaf's model."""


def all_wanted(vectors: Vectors, classes: Sequence[Target], *, watched_count: int, tree_count: int = 1) -> Wanted:
    """Return what a slab has to have room for to hold all that was learned so far."""
    text_orders = [
        sorted(range(len(texts)), key=texts.__getitem__) if is_text else None
        for is_text, texts in zip(vectors.is_text, vectors.texts(), strict=True)
    ]
    class_order = sorted(range(len(classes)), key=lambda c: (type(classes[c]).__name__, classes[c]))
    return Wanted(class_order, text_orders, watched_count, tree_count)


@dataclass(frozen=True, slots=True)
class SlabRoom:
    """Makes slabs, and larger ones of them.

    Nodes get twice the room, slots half as much again, whenever one more example might not fit, until the arrays take
    what they may. From then on trees split no more once the nodes are used up, and leaves without a slot only count
    their classes.

    Parameters
    ----------
    layout
        `engine.kernels.slab`.
    cell_width
        Floats of a cell.
    bytes_max
        What all arrays may take. Kept but for two cases: one slot for each tree there always is, and nodes that are in
        use stay when classes are added.
    node_bytes_more
        What a node takes in arrays beside the slab.
    has_models
        Whether leaves have models.
    """

    layout: Any
    cell_width: int
    bytes_max: int
    node_bytes_more: int = 0
    has_models: bool = False

    def cut(self, arrays: Arrays) -> Any:
        """Return the views of a slab, which is the first two arrays."""
        return self.layout.cut.py_func(*arrays[:2])

    def begin(self, whole: Mapping[int, int], settings: Mapping[int, float]) -> Arrays:
        """Return a slab without a node, with the settings that are whole numbers and those that are not."""
        layout = self.layout
        ints = np.zeros(layout.HEADER_COUNT, dtype=np.int64)
        floats = np.zeros(layout.SETTING_COUNT)
        ints[[layout.NODE_FREE, layout.SLOT_FREE, layout.ROOT]] = layout.NONE
        ints[[layout.NODES_MAY_GROW, layout.SLOTS_MAY_GROW]] = 1
        ints[layout.BRANCH_ROOM] = 2
        ints[layout.CELL_WIDTH] = self.cell_width
        ints[list(whole)] = list(whole.values())
        floats[list(settings)] = list(settings.values())
        return ints, floats

    def of_numbers(self, wanted: Wanted) -> Wanted:
        """Return what a slab has to have room for where it keeps of targets what trees of numbers do, not classes."""
        from engine.kernels import leaf_models as models

        layout = self.layout
        room = models.CELLS - layout.MODEL + models.CELL * len(wanted.text_orders) if self.has_models else 0
        return replace(wanted, class_order=range(layout.T_COUNT), model_room=room)

    def grow(self, arrays: Arrays, wanted: Wanted) -> Arrays:
        """Return a slab with room for what is wanted and for one more example, and all that was in it."""
        layout, before = self.layout, self.cut(arrays)
        header = before.header.copy()
        columns = self._columns(wanted)
        header[layout.COLUMN_ROOM] = len(columns)
        header[layout.CLASS_ROOM] = len(wanted.class_order)
        header[layout.WATCHED_ROOM] = wanted.watched_count
        header[layout.MODEL_ROOM] = wanted.model_room
        header[layout.TEXT_ROOM] = columns[:, layout.ROOM].sum()
        if not header[layout.BINARY_SPLITS]:
            header[layout.BRANCH_ROOM] = max(2, columns[:, layout.ROOM].max(initial=0))
        kept = self._slots_kept(before, self._measure(header, wanted.tree_count))
        after = self._empty(header)
        slab = self.cut(after)
        slab.columns[:] = columns
        slab.labels[:] = wanted.class_order
        slab.texts[:] = layout.NONE
        for (offset, room), order in zip(columns, wanted.text_orders, strict=True):
            if order is not None:
                known = [text for text in order if text < room]
                slab.texts[offset : offset + len(known)] = known
        self._move(before, slab, kept)
        after[1][: layout.SETTING_COUNT] = before.settings
        return after

    def _columns(self, wanted: Wanted) -> Array:
        """Return where each column's texts begin, and how many there is room for: the next power of two."""
        columns = np.full((len(wanted.text_orders), 2), (self.layout.NONE, 0), dtype=np.int64)
        end = 0
        for column, order in enumerate(wanted.text_orders):
            if order is not None:
                room = min(BRANCHES_COUNT_MAX, 1 << max(0, len(order) - 1).bit_length())
                columns[column] = end, room
                end += room
        return columns

    def _measure(self, header: Array, tree_count: int) -> int:
        """Set how many nodes and slots there are to be, and whether that can become more; return the most slots."""
        layout = self.layout
        class_count, text_count, watched_count = header[[layout.CLASS_ROOM, layout.TEXT_ROOM, layout.WATCHED_ROOM]]
        node_bytes = 8 * (layout.CLASSES + layout.CLASS + 2 * class_count + header[layout.MODEL_ROOM])
        node_bytes += self.node_bytes_more
        known_count = class_count * (watched_count * self.cell_width + text_count)
        slot_bytes = 8 * (layout.FEATURES + watched_count + known_count)
        needed = tree_count * header[layout.BRANCH_ROOM]
        nodes_max = max(int(self.bytes_max * NODES_SHARE) // node_bytes, tree_count + needed)
        slots_max = max(int(self.bytes_max * (1.0 - NODES_SHARE)) // slot_bytes, tree_count)
        room, left = header[layout.NODE_ROOM], header[layout.NODES_LEFT]
        if left < needed:
            room = max(room, min(nodes_max, max(2 * room, room - left + needed + tree_count)))
        header[layout.NODE_ROOM], header[layout.NODES_MAY_GROW] = room, room < nodes_max
        room, left = header[layout.SLOT_ROOM], header[layout.SLOTS_LEFT]
        if left < tree_count:
            room = max(room + room // 2, room - left + tree_count)
        room = min(slots_max, room)
        header[layout.SLOT_ROOM], header[layout.SLOTS_MAY_GROW] = room, room < slots_max
        return int(slots_max)

    def _slots_kept(self, before: Any, slots_max: int) -> Array:
        """Return the slots in use, the most promising where not all can stay; the others' leaves lose theirs."""
        layout = self.layout
        owners = np.flatnonzero(before.nodes[:, layout.SLOT] >= 0)
        if len(owners) > slots_max:
            weights = before.weights[owners, layout.CLASS :]
            promise = weights.sum(axis=1) - weights.max(axis=1, initial=0.0)
            if before.header[layout.CRITERION] == layout.VARIANCE:
                promise = weights[:, layout.T_SQUARES]
            order = np.argsort(promise, kind="stable")
            before.nodes[owners[order[:-slots_max]], layout.SLOT] = layout.NONE
            owners = owners[order[-slots_max:]]
        return np.sort(before.nodes[owners, layout.SLOT])

    def _empty(self, header: Array) -> Arrays:
        """Return arrays of the sizes that a header says, and nothing but the header in them."""
        layout = self.layout
        sizes = (layout.NODE_ROOM, layout.SLOT_ROOM, layout.COLUMN_ROOM, layout.CLASS_ROOM)
        nodes, slots, columns, classes = header[list(sizes)]
        watched, texts, branches = header[[layout.WATCHED_ROOM, layout.TEXT_ROOM, layout.BRANCH_ROOM]]
        listed = slots * (layout.FEATURES + watched)
        ints = layout.HEADER_COUNT + 2 * columns + texts + 2 * classes + nodes * (layout.CLASSES + classes) + listed
        known = slots * classes * (watched * self.cell_width + texts)
        node = layout.CLASS + classes + header[layout.MODEL_ROOM]
        floats = layout.SETTING_COUNT + branches * classes + nodes * node + known
        after = np.zeros(ints, dtype=np.int64), np.zeros(floats)
        after[0][: layout.HEADER_COUNT] = header
        return after

    def _move(self, before: Any, after: Any, kept: Array) -> None:
        """Copy nodes and slots, and link what is free."""
        layout = self.layout
        for name in ("nodes", "weights"):
            source = getattr(before, name)
            getattr(after, name)[: source.shape[0], : source.shape[1]] = source
        fresh = np.arange(len(before.nodes), len(after.nodes))
        after.header[layout.NODES_LEFT] += len(fresh)
        after.nodes[fresh, layout.SLOT] = layout.NONE
        after.header[layout.NODE_FREE] = self._link(after.nodes[:, layout.NEXT], fresh, before.header[layout.NODE_FREE])

        places = kept if len(before.lists) <= len(after.lists) else np.arange(len(kept))
        after.nodes[before.lists[kept, layout.OWNER], layout.SLOT] = places
        after.lists[places, : before.lists.shape[1]] = before.lists[kept]
        classes, watched = before.cells.shape[1:3]
        if before.header[layout.CRITERION] == layout.VARIANCE:
            after.buckets[places, :watched, : before.buckets.shape[2]] = before.buckets[kept]
        else:
            after.cells[places, :classes, :watched] = before.cells[kept]
        for (begin, room), (begin_after, _) in zip(before.columns, after.columns, strict=False):
            if begin >= 0:
                texts = before.counts[kept, :, begin : begin + room]
                after.counts[places, :classes, begin_after : begin_after + room] = texts
        free = np.setdiff1d(np.arange(len(after.lists)), places)
        after.header[layout.SLOTS_LEFT] = len(free)
        after.header[layout.SLOT_FREE] = self._link(after.lists[:, layout.OWNER], free, layout.NONE)

    @staticmethod
    def _link(following: Array, free: Array, last: int) -> int:
        """Chain what is free, in order, and then what `last` begins; return where the chain begins."""
        if not len(free):
            return int(last)
        following[free] = np.append(free[1:], last)
        return int(free[0])


def begin_of_numbers(settings: TreeSettings) -> tuple[SlabRoom, Arrays]:
    """Return the slab of trees of numbers, and its first arrays."""
    from engine.kernels import slab
    from engine.kernels.buckets import BUCKET, HEAD

    cell_width = (HEAD + BUCKETS_COUNT * BUCKET) // slab.T_COUNT
    room = SlabRoom(slab, cell_width, settings.bytes_max, has_models=settings.leaf != "mean")
    whole = {slab.CRITERION: slab.VARIANCE, slab.LEAF_ANSWER: LEAVES.index(settings.leaf)}
    return room, room.begin({**settings.whole(slab), **whole}, settings.broken(slab))

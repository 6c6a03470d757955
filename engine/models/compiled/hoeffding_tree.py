"""`hoeffding_tree()`: a decision tree that splits a leaf once the best split is surely the best, compiled."""

from __future__ import annotations

from typing import Any

from engine.models.compiled.model import Array, Compiled
from engine.models.compiled.tree_settings import TreeSettings, read_settings, signature_of
from engine.models.compiled.tree_slab import SlabRoom, Wanted
from engine.targets import Task


class HoeffdingTree(Compiled):
    """A decision tree that learns each example once, in the leaf it falls into.

    A leaf splits when Hoeffding's bound says that the best split found is better than the next, whatever comes:
    sqrt(R^2 ln(1/delta) / 2n) after n examples, for merits that lie at most R apart.
    """

    kernel = "tree"
    tasks = frozenset({Task.BINARY, Task.MULTICLASS})
    __signature__ = signature_of(TreeSettings)

    def __init__(self, task: Task, **settings: Any) -> None:
        self._settings = read_settings(settings, TreeSettings)
        super().__init__(task)

    def _begin(self) -> tuple[Array, ...]:
        from engine.kernels import slab
        from engine.kernels.observers import CELL

        self._slab = SlabRoom(slab, CELL, self._settings.bytes_max)
        return self._slab.begin(self._settings.whole(slab), self._settings.broken(slab))

    def _room(self) -> tuple[Array, ...]:
        vectors = self._vectors
        orders = [
            sorted(range(len(texts)), key=texts.__getitem__) if is_text else None
            for is_text, texts in zip(vectors.is_text, vectors.texts(), strict=True)
        ]
        classes = sorted(range(len(self._classes)), key=lambda c: (type(self._classes[c]).__name__, self._classes[c]))
        return self._slab.grow(self._arrays, Wanted(classes, orders, vectors.width))

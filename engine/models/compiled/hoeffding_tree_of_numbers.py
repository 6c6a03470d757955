"""`hoeffding_tree()` where the target is a number."""

from __future__ import annotations

from engine.models.compiled.hoeffding_tree import HoeffdingTree
from engine.models.compiled.model import Array, CompiledNumber
from engine.models.compiled.tree_slab import SlabRoom, Wanted, begin_of_numbers


class HoeffdingTreeOfNumbers(CompiledNumber, HoeffdingTree):
    """The Hoeffding tree of a regression task: see `HoeffdingTree`."""

    kernel = "regression_tree"

    def _begin_slab(self) -> tuple[SlabRoom, tuple[Array, ...]]:
        return begin_of_numbers(self._settings)

    def _wanted(self, tree_count: int = 1) -> Wanted:
        return self._slab.of_numbers(super()._wanted(tree_count))

    def _number_explained(self) -> int | None:
        return int(self._slab.layout.T_MEAN)

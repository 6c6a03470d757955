"""`hoeffding_tree()` where the target is a number."""

from __future__ import annotations

from engine.models.compiled.hoeffding_tree import HoeffdingTree
from engine.models.compiled.model import Array, CompiledNumber
from engine.models.compiled.tree_slab import all_wanted, begin_of_numbers


class HoeffdingTreeOfNumbers(CompiledNumber, HoeffdingTree):
    """The Hoeffding tree of a regression task: see `HoeffdingTree`."""

    kernel = "regression_tree"

    def _begin(self) -> tuple[Array, ...]:
        self._slab, arrays = begin_of_numbers(self._settings)
        return arrays

    def _room(self) -> tuple[Array, ...]:
        wanted = all_wanted(self._vectors, (), watched_count=self._vectors.width)
        return self._slab.grow(self._arrays, self._slab.of_numbers(wanted))

    def _number_explained(self) -> int | None:
        return int(self._slab.layout.T_MEAN)

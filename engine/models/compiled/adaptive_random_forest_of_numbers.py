"""`adaptive_random_forest()` where the target is a number."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.models.compiled.model import Array, CompiledNumber, Floats
from engine.models.compiled.tree_slab import Wanted, begin_of_numbers

if TYPE_CHECKING:
    from engine.models.compiled.tree_reasons import Reasons


class AdaptiveRandomForestOfNumbers(CompiledNumber, AdaptiveRandomForest):
    """The adaptive random forest of a regression task: see `AdaptiveRandomForest`."""

    kernel = "regression_forest"

    def _begin(self) -> tuple[Array, ...]:
        self._slab, arrays = begin_of_numbers(self._settings)
        return *arrays, self._trees()

    def _is_plain(self) -> bool:
        return self._settings.aggregation == "mean"

    def _wanted(self) -> Wanted:
        return self._slab.of_numbers(super()._wanted())

    def _number_explained(self) -> int | None:
        return int(self._slab.layout.T_MEAN)

    def _voters(self, slab: Any, roots: list[int], row: Floats, number: int) -> Iterable[tuple[float, Reasons]]:
        from engine.models.compiled.tree_reasons import of_tree

        found = [of_tree(slab, root, row, number) for root in roots]
        if not self._is_plain():
            found.sort(key=lambda reasons: reasons.base + sum(reasons.parts.values()))
            found = [found[(len(found) - 1) // 2], found[len(found) // 2]]
        return [(1.0, reasons) for reasons in found]

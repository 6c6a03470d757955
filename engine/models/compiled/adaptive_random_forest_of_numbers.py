"""`adaptive_random_forest()` where the target is a number."""

from __future__ import annotations

from engine.messages import Features
from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.models.compiled.model import Array, CompiledNumber
from engine.models.compiled.tree_slab import Wanted, begin_of_numbers


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

    def _number_explained(self, x: Features) -> int | None:
        self.predict(x)
        return int(self._slab.layout.T_MEAN)

    def _trust(self, tree: int) -> float:  # noqa: ARG002 - all trees' answers count the same
        return 1.0

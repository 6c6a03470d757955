"""`adaptive_random_forest()` where the target is a number."""

from __future__ import annotations

from engine.messages import Features
from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.models.compiled.model import Array, CompiledNumber
from engine.models.compiled.tree_settings import BUCKETS_COUNT
from engine.models.compiled.tree_slab import SlabRoom, Wanted


class AdaptiveRandomForestOfNumbers(CompiledNumber, AdaptiveRandomForest):
    """The adaptive random forest of a regression task: see `AdaptiveRandomForest`."""

    kernel = "regression_forest"

    def _begin(self) -> tuple[Array, ...]:
        from engine.kernels import slab
        from engine.kernels.buckets import BUCKET, HEAD

        self._slab = SlabRoom(slab, (HEAD + BUCKETS_COUNT * BUCKET) // slab.T_COUNT, self._settings.bytes_max)
        whole = {**self._settings.whole(slab), slab.CRITERION: slab.VARIANCE}
        return *self._slab.begin(whole, self._settings.broken(slab)), self._trees()

    def _is_plain(self) -> bool:
        return self._settings.aggregation == "mean"

    def _wanted(self) -> Wanted:
        wanted = super()._wanted()
        kept = range(self._slab.layout.T_COUNT)
        return Wanted(kept, wanted.text_orders, wanted.watched_count, wanted.tree_count)

    def _number_explained(self, x: Features) -> int | None:
        self.predict(x)
        return int(self._slab.layout.T_MEAN)

    def _trust(self, tree: int) -> float:  # noqa: ARG002 - all trees' answers count the same
        return 1.0

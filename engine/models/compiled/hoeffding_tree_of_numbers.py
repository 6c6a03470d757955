"""`hoeffding_tree()` where the target is a number."""

from __future__ import annotations

from engine.models.compiled.hoeffding_tree import HoeffdingTree
from engine.models.compiled.model import Array, CompiledNumber
from engine.models.compiled.tree_settings import BUCKETS_COUNT
from engine.models.compiled.tree_slab import SlabRoom, Wanted, all_wanted


class HoeffdingTreeOfNumbers(CompiledNumber, HoeffdingTree):
    """The Hoeffding tree of a regression task: see `HoeffdingTree`."""

    kernel = "regression_tree"

    def _begin(self) -> tuple[Array, ...]:
        from engine.kernels import slab
        from engine.kernels.buckets import BUCKET, HEAD

        self._slab = SlabRoom(slab, (HEAD + BUCKETS_COUNT * BUCKET) // slab.T_COUNT, self._settings.bytes_max)
        whole = {**self._settings.whole(slab), slab.CRITERION: slab.VARIANCE}
        return self._slab.begin(whole, self._settings.broken(slab))

    def _room(self) -> tuple[Array, ...]:
        wanted = all_wanted(self._vectors, (), watched_count=self._vectors.width)
        kept = range(self._slab.layout.T_COUNT)
        return self._slab.grow(self._arrays, Wanted(kept, wanted.text_orders, wanted.watched_count))

    def _number_explained(self) -> int | None:
        return int(self._slab.layout.T_MEAN)

"""`hoeffding_adaptive_tree()` where the target is a number."""

from __future__ import annotations

from typing import Any

import numpy as np

from engine.models.compiled.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from engine.models.compiled.hoeffding_tree_of_numbers import HoeffdingTreeOfNumbers
from engine.models.compiled.model import Floats


class HoeffdingAdaptiveTreeOfNumbers(HoeffdingTreeOfNumbers, HoeffdingAdaptiveTree):
    """The Hoeffding adaptive tree of a regression task: see `HoeffdingAdaptiveTree`."""

    kernel = "adaptive_regression_tree"

    def _trust(self, slab: Any, leaf: int) -> float:  # noqa: ARG002 - all answers count the same
        return 1.0

    def _hearings(self, slab: Any, node: int, row: Floats) -> float:
        """Return how often the kernel's `answer` hears a node's alternate: twice, in River, if a value was missing."""
        from engine.models.compiled.tree_reasons import WAYS

        layout, parent = self._slab.layout, int(slab.nodes[node, self._slab.layout.PARENT])
        if slab.header[layout.AS_RIVER] == 0 or parent < 0:
            return 1.0
        value = row[slab.nodes[parent, layout.FEATURE]]
        is_plain = not np.isnan(value) and WAYS.branch.py_func(slab.nodes, slab.weights, parent, value) >= 0
        return 1.0 if is_plain else 2.0

"""`hoeffding_adaptive_tree()` where the target is a number."""

from __future__ import annotations

from typing import Any

from engine.models.compiled.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from engine.models.compiled.hoeffding_tree_of_numbers import HoeffdingTreeOfNumbers


class HoeffdingAdaptiveTreeOfNumbers(HoeffdingTreeOfNumbers, HoeffdingAdaptiveTree):
    """The Hoeffding adaptive tree of a regression task: see `HoeffdingAdaptiveTree`."""

    kernel = "adaptive_regression_tree"

    def _trust(self, slab: Any, leaf: int) -> float:  # noqa: ARG002 - all answers count the same
        return 1.0

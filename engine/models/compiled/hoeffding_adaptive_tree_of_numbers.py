"""`hoeffding_adaptive_tree()` where the target is a number."""

from __future__ import annotations

from engine.models.compiled.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from engine.models.compiled.hoeffding_tree_of_numbers import HoeffdingTreeOfNumbers


class HoeffdingAdaptiveTreeOfNumbers(HoeffdingTreeOfNumbers, HoeffdingAdaptiveTree):
    """The Hoeffding adaptive tree of a regression task: see `HoeffdingAdaptiveTree`."""

    kernel = "adaptive_regression_tree"

"""`hoeffding_adaptive_tree()`: a Hoeffding tree that begins anew, branch by branch, where it has become wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from engine.models.compiled.hoeffding_tree import HoeffdingTree
from engine.models.compiled.model import Array, Floats
from engine.models.compiled.tree_settings import TreeSettings, read_settings, signature_of
from engine.targets import Task

if TYPE_CHECKING:
    from engine.models.compiled.tree_reasons import Reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveTreeSettings(TreeSettings):
    """The settings of an adaptive tree; `HoeffdingAdaptiveTree` says what each means."""

    drift_delta: float = 0.002
    switch_count: int = 300
    switch_delta: float = 0.05
    bootstrap: bool = True
    seed: int | None = None

    name: ClassVar[str] = "hoeffding_adaptive_tree"

    def __post_init__(self) -> None:
        """Refuse what is out of its range."""
        TreeSettings.__post_init__(self)
        self._check("drift_delta", 0.0 < self.drift_delta < 1.0, "in (0, 1)")
        self._check("switch_count", self.switch_count >= 1, "at least 1")
        self._check("switch_delta", 0.0 < self.switch_delta < 1.0, "in (0, 1)")

    def whole(self, layout: Any) -> dict[int, int]:
        """Return the settings that are whole numbers, by their place in a slab's header."""
        return {**TreeSettings.whole(self, layout), layout.BOOTSTRAP: int(self.bootstrap)}

    def broken(self, layout: Any) -> dict[int, float]:
        """Return the settings that are not, by their place among a slab's settings."""
        return {
            **TreeSettings.broken(self, layout),
            layout.WATCH_DELTA: self.drift_delta,
            layout.SWITCH_COUNT: float(self.switch_count),
            layout.SWITCH_CONFIDENCE: log(2.0 / self.switch_delta),
            layout.SWITCH_DELTA: self.switch_delta,
        }


class HoeffdingAdaptiveTree(HoeffdingTree):
    """A Hoeffding tree whose nodes watch their errors, and that begins anew below one that has become worse.

    Each inner node has an ADWIN over whether the answer below it was right, or how far off it was. When it rings, a
    leaf begins to learn what comes to the node, beside it. It takes the node's place as soon as it splits, or when its
    errors are surely fewer, or smaller; when they are surely more it goes. Until then both answer: of classes with the
    weight 1 / error^2 each, of numbers with the mean of both.

    Parameters
    ----------
    task
        Any task.
    drift_delta
        How readily a node's ADWIN rings, in (0, 1).
    switch_count
        Examples that a node and the one beside it must have seen before their errors are compared.
    switch_delta
        Chance of a wrong choice that this comparison may have, in (0, 1).
    bootstrap
        Whether a leaf takes each example k times at once, k drawn from a Poisson distribution of mean 1; a draw of 0
        counts as 1.
    seed
        Of these draws; None is 0.

    The other parameters are those of `HoeffdingTree`; a leaf that learns beside a node is none of the tree's before it
    takes its place.

    Raises
    ------
    ConfigError
        A setting out of its range.

    Notes
    -----
    A node takes 2.6 KB for its detector, and an ADWIN more for each inner node on an example's way.

    With `river_compat`, and with River's draws, the splits, switches and answers of River's
    `HoeffdingAdaptiveTreeClassifier`, and of its `HoeffdingAdaptiveTreeRegressor`. An ADWIN is for values from 0 to 1;
    River's regressor shows it errors in the target's unit. Where `river_compat` is off it sees them as a share of three
    times the root of the node's mean squared error, so that no unit decides how readily it rings.

    In the published algorithm the tree beside a node grows as large as it may before it is compared; here, as in River,
    it takes over with its first split.

    References
    ----------
    Bifet and Gavalda (2009), Adaptive learning from evolving data streams, doi 10.1007/978-3-642-03915-7_22.

    Examples
    --------
    >>> model = HoeffdingAdaptiveTree(Task.BINARY, grace_count=50, seed=1)
    >>> for step in range(4_000):
    ...     model.learn({"amount": float(step % 10)}, (step % 10 > 6) is (step < 2_000), 1.0)
    >>> model.predict({"amount": 8.0})[0], model.predict({"amount": 2.0})[0]
    (False, True)
    """

    kernel = "adaptive_tree"
    tasks = frozenset(Task)
    __signature__ = signature_of(AdaptiveTreeSettings)

    _settings: AdaptiveTreeSettings

    def __new__(cls, task: Task, **settings: Any) -> HoeffdingAdaptiveTree:  # noqa: ARG004 - __init__ takes them
        """Return a tree for the task."""
        from engine.models.compiled.hoeffding_adaptive_tree_of_numbers import HoeffdingAdaptiveTreeOfNumbers

        return object.__new__(HoeffdingAdaptiveTreeOfNumbers if task is Task.REGRESSION else cls)

    def _read(self, task: Task, settings: dict[str, Any]) -> AdaptiveTreeSettings:
        return read_settings(task, settings, AdaptiveTreeSettings)

    def _begin(self) -> tuple[Array, ...]:
        from engine.kernels import alternates, draws

        watches = np.zeros((1, alternates.DICE + draws.HEAD_COUNT), dtype=np.int64)
        watches[0, alternates.DICE :] = self._settings.seed or 0, draws.HEAD_COUNT
        slab = super()._begin()
        self._slab = replace(self._slab, node_bytes_more=watches[0].nbytes)
        return *slab, watches

    def _room(self) -> tuple[Array, ...]:
        from engine.kernels.alternates import AT_ONCE

        ints, floats, watches = self._arrays
        ints, floats = self._slab.grow((ints, floats), self._wanted(AT_ONCE))
        grown = np.zeros((1 + ints[self._slab.layout.NODE_ROOM], watches.shape[1]), dtype=np.int64)
        grown[: len(watches)] = watches
        return ints, floats, grown

    def _reasons(self, row: Floats, number: int) -> Reasons:
        from engine.kernels.alternates import ALTERNATE
        from engine.models.compiled import tree_reasons

        slab, watches = self._slab.cut(self._arrays), self._arrays[2]
        root = int(slab.header[self._slab.layout.ROOT])
        if root < 0:
            return tree_reasons.Reasons(0.0, {})
        *inner, leaf = tree_reasons.way(slab, root, row)
        voters = [(self._trust(slab, leaf), tree_reasons.of_tree(slab, root, row, number))]
        for node in inner:
            alternate = int(watches[1 + node, ALTERNATE]) - 1
            if alternate >= 0:
                trust = self._trust(slab, alternate) * self._hearings(slab, node, row)
                voters.append((trust, tree_reasons.of_leaf(slab, alternate, row, number)))
        return tree_reasons.mixed(voters)

    def _trust(self, slab: Any, leaf: int) -> float:
        """Return the weight of a leaf's vote, as the kernel's `say` has it."""
        from engine.kernels.alternates import DICE, ERROR, FLOATS
        from engine.models.compiled.tree_reasons import has_learned

        error = float(self._arrays[2][1 + leaf, FLOATS:DICE].view(np.float64)[ERROR])
        if not has_learned(slab, leaf):
            return 0.0
        return 1.0 / (error * error) if error > 0.0 else 1.0

    def _hearings(self, slab: Any, node: int, row: Floats) -> float:
        """Return how often a node's alternate is heard: twice, in River, where the value before it is missing."""
        from engine.models.compiled.tree_reasons import WAYS

        layout, parent = self._slab.layout, int(slab.nodes[node, self._slab.layout.PARENT])
        if slab.header[layout.AS_RIVER] == 0 or parent < 0:
            return 1.0
        value = row[slab.nodes[parent, layout.FEATURE]]
        is_plain = not np.isnan(value) and WAYS.branch.py_func(slab.nodes, slab.weights, parent, value) >= 0
        return 1.0 if is_plain else 2.0

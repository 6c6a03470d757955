"""`adaptive_random_forest()`: trees of different columns and weights, each replaced when it drifts, compiled."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from engine.messages import Answer
from engine.models.answers import untrained
from engine.models.compiled.explained_trees import ExplainedTrees
from engine.models.compiled.forest_settings import RIVERS_FOREST, ForestSettings
from engine.models.compiled.model import Array, Floats
from engine.models.compiled.tree_settings import read_settings, signature_of
from engine.models.compiled.tree_slab import SlabRoom, Wanted, all_wanted
from engine.targets import Task

if TYPE_CHECKING:
    from engine.models.compiled.tree_reasons import Reasons


class AdaptiveRandomForest(ExplainedTrees):
    """Trees that each see other columns and other weights, and vote; one that drifts is replaced by its successor.

    Each tree takes an example k times, k drawn from a Poisson distribution, and each of its leaves watches a few
    columns, drawn when the leaf learns first. A tree votes with the probabilities of its leaf, times its accuracy since
    it is in place. Two ADWIN look at whether its answers are right: the sensitive one begins a successor that learns
    beside it, the other puts it in place.

    Parameters
    ----------
    task
        Any task.
    n_models
        Trees, from 1 to 1,000. Cost grows with them.
    max_features
        Columns a leaf watches, of d: "sqrt" or "log2" of d, rounded; "sqrt+1", one more, as published; a count; a share
        of d as a fraction; or None for all.
    lambda_value
        How often a tree takes an example on average, up to 100; an example taken k times has k times its weight.
    warning_delta, drift_delta
        How readily the two ADWIN raise an alarm, in (0, 1); None for no successors, and for no replacements.
    weighted_vote
        Of classes: whether trees vote by their accuracy; otherwise all votes count the same.
    aggregation
        Of numbers: whether the answer is the `median` or the `mean` of the trees' answers.
    seed
        Of all draws. Each tree has dice of its own, which a snapshot keeps.
    grace_count, delta, tau, leaf_answer, criterion, branch_share_min, majority_share_max, depth_max, leaf_count_max,
    binary_splits, points_count, branch_weight_min, radius, leaf, leaf_decay, memory_mb_max, preset, river_compat
        Of the trees: see `HoeffdingTree`. Trees of a forest try a split after 50 examples' weight and with a delta of
        0.01; `memory_mb_max` is of the whole forest, `leaf_count_max` of each tree.

    Notes
    -----
    Of ten columns and two classes, with ten trees: some 10 us to answer and learn an event. Memory is that of the
    leaves, `memory_mb_max` at most; once it is reached the most promising leaves alone go on growing.

    With `river_compat` and River's draws all splits, alarms and answers are those of its `ARFClassifier`, to 1e-9.
    Where it is off, beside what `HoeffdingTree` says, an alarm counts where errors have become more alone, as in MOA:
    River also replaces a tree because it has become better (20,000 events of 50 features that hardly move: 2 are
    replaced instead of 156, and 98.7 % of the answers are right instead of 95.3). In either case example weights
    count; how many columns a leaf watches follows the columns there are, which River counts at its first example alone;
    and there is one bound of memory for the forest, in River one for each tree.

    Of numbers the same holds for River's `ARFRegressor` with a `QOSplitter`. Its detectors look at errors with their
    sign, and miss a change that biases no answer; without `river_compat` they look at how large the errors are.

    References
    ----------
    Gomes et al. (2017), Adaptive random forests for evolving data stream classification, doi 10.1007/s10994-017-5642-8.
    Gomes et al. (2018), Adaptive random forests for data stream regression, ESANN.

    Examples
    --------
    >>> model = AdaptiveRandomForest(Task.BINARY, n_models=3, seed=7)
    >>> for i in range(400):
    ...     model.learn({"amount": float(i % 20), "hour": float(i % 24)}, i % 20 > 14, 1.0)
    >>> model.predict({"amount": 18.0, "hour": 3.0})[0], model.predict({"amount": 2.0, "hour": 3.0})[0]
    (True, False)
    """

    kernel = "forest"
    tasks = frozenset(Task)
    __signature__ = signature_of(ForestSettings)

    def __new__(cls, task: Task, **settings: Any) -> AdaptiveRandomForest:  # noqa: ARG004 - __init__ takes them
        """Return a forest for the task."""
        from engine.models.compiled.adaptive_random_forest_of_numbers import AdaptiveRandomForestOfNumbers

        return super().__new__(AdaptiveRandomForestOfNumbers if task is Task.REGRESSION else cls)

    def __init__(self, task: Task, **settings: Any) -> None:
        rivers = RIVERS_FOREST if settings.get("river_compat") else {}
        self._settings = read_settings(task, {**rivers, **settings}, ForestSettings)
        super().__init__(task)

    def _begin(self) -> tuple[Array, ...]:
        from engine.kernels import slab
        from engine.kernels.observers import CELL

        settings = self._settings
        self._slab = SlabRoom(slab, CELL, settings.bytes_max)
        return *self._slab.begin(settings.whole(slab), settings.broken(slab)), self._trees()

    def _trees(self) -> Array:
        """Return the trees' array before anything was learned."""
        from engine.kernels import grove as layout

        settings = self._settings
        trees = np.zeros((1 + settings.n_models, layout.DICE + layout.DICE_COUNT), dtype=np.int64)
        own = trees[0, layout.FLOATS : layout.DICE].view(np.float64)
        own[layout.MEAN_COUNT] = settings.lambda_value
        own[layout.WARNING_DELTA] = settings.warning_delta or 0.0
        own[layout.DRIFT_DELTA] = settings.drift_delta or 0.0
        own[layout.PLAIN] = self._is_plain()
        trees[1:, [layout.ROOT, layout.WAITING]] = -1
        for tree in range(1, len(trees)):
            word = blake2b(f"{settings.seed}:{tree}".encode(), digest_size=8).digest()
            trees[tree, layout.DICE :] = int.from_bytes(word, "little", signed=True), layout.DICE_COUNT
        return trees

    def _is_plain(self) -> bool:
        """Say whether all trees' answers count the same."""
        return not self._settings.weighted_vote

    def _room(self) -> tuple[Array, ...]:
        ints, floats, trees = self._arrays
        return *self._slab.grow((ints, floats), self._wanted()), trees

    def _wanted(self) -> Wanted:
        """Return what the slab has to have room for."""
        return all_wanted(
            self._vectors,
            self._classes,
            watched_count=self._settings.watched_count(self._vectors.width),
            tree_count=2 * (len(self._arrays[2]) - 1),
        )

    def _answer(self, row: Floats) -> Answer:
        # Where every tree has just been replaced by one that has learned nothing, there is no share.
        return super()._answer(row) if row.any() else untrained(self._task)

    def _reasons(self, row: Floats, number: int) -> Reasons:
        from engine.models.compiled.tree_reasons import mixed

        roots = self._arrays[2][1:, self._kernel.ROOT].tolist()
        if roots[0] < 0:
            return mixed([])
        return mixed(self._voters(self._slab.cut(self._arrays), roots, row, number))

    def _voters(self, slab: Any, roots: list[int], row: Floats, number: int) -> Iterable[tuple[float, Reasons]]:
        """Return the reasons of each tree whose leaf says anything, and how much it counts."""
        from engine.models.compiled.tree_reasons import has_learned, of_tree, way

        for tree, root in enumerate(roots, 1):
            if has_learned(slab, way(slab, root, row)[-1]):
                yield self._trust(tree), of_tree(slab, root, row, number)

    def _trust(self, tree: int) -> float:
        """Return what the kernel's `trust` does."""
        layout = self._kernel
        floats = self._arrays[2][:, layout.FLOATS : layout.DICE].view(np.float64)
        if floats[tree, layout.RIGHT] == 0.0 or floats[0, layout.PLAIN] != 0.0:
            return 1.0
        return float(floats[tree, layout.RIGHT] / floats[tree, layout.SEEN])

    @property
    def warning_counts(self) -> tuple[int, ...]:
        """How many warnings each tree had."""
        return tuple(self._arrays[2][1:, self._kernel.WARNINGS].tolist())

    @property
    def drift_counts(self) -> tuple[int, ...]:
        """How often each tree was replaced."""
        return tuple(self._arrays[2][1:, self._kernel.DRIFTS].tolist())

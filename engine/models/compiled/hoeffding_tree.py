"""`hoeffding_tree()`: a decision tree that splits a leaf once the best split is surely the best, compiled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.models.compiled.explained_trees import ExplainedTrees
from engine.models.compiled.model import Array, Floats
from engine.models.compiled.tree_settings import TreeSettings, read_settings, signature_of
from engine.models.compiled.tree_slab import SlabRoom, Wanted, all_wanted
from engine.targets import Task

if TYPE_CHECKING:
    from engine.models.compiled.tree_reasons import Reasons


class HoeffdingTree(ExplainedTrees):
    """A decision tree that learns each example once, in the leaf it falls into.

    After n examples a leaf splits if the best split found has a merit that lies more than
    sqrt(R^2 ln(1/delta) / 2n) above the next best, merits being at most R apart: then it is the best one, whatever
    comes, with probability 1 - delta. Numbers are split at a point, texts into one branch for each or one against the
    rest. What is missing at a split goes where most examples went.

    Parameters
    ----------
    task
        Any task.
    grace_count
        Weight of examples a leaf learns between two attempts to split, at least 1.
    delta
        Chance of a wrong choice that a split may have, in (0, 1); .001, as in MOA today.
    tau
        A leaf also splits once the bound is below this, whichever of two equals is best.
    leaf_answer
        Of classes: `majority` answers with the leaf's shares, `nb` with naive Bayes over what the leaf has seen, `nba`
        with the one of both that was right more often in this leaf.
    criterion
        Of classes: `info_gain`, `gini`, or `hellinger`, which is for two classes and blind to how rare one is.
    branch_share_min
        Of classes: the share of the weight that two sides of a split must exceed, in [0, 0.5).
    majority_share_max
        Of classes: a leaf whose greatest class has a larger share does not try to split.
    depth_max
        Depth of the tree, at most 1,000; the root has 0.
    leaf_count_max
        Leaves of the tree; None for no bound but that of memory. A tree that has them all goes on learning in them.
    binary_splits
        Whether texts are split into two branches alone.
    points_count
        Of classes: points at which a number is tried, evenly spaced.
    branch_weight_min
        Of numbers: the weight each side of a split must have.
    radius
        Of numbers: the width of the buckets in which a leaf keeps what it has seen of a feature, in the feature's unit.
        None begins with one value each, and doubles the width when 64 are full.
    leaf
        Of numbers: `mean` answers with the mean of the leaf's targets, `model` with a line through what the leaf has
        seen, `adaptive` with the one of both whose errors were less. Texts are not in the line.
    leaf_decay
        Of numbers, for `adaptive`: what is left of a squared error with each further example, in [0, 1].
    memory_mb_max
        What the arrays may take, in MiB. When it is reached, the least promising leaves only count their classes.
    preset
        `fraud`: `leaf_answer="majority", branch_share_min=0`, for classes that are rare: naive Bayes is seldom right
        more often than "never", but far from sure where it is wrong, and half a per cent may be worth a branch.
    river_compat
        Whether to split and answer as River's trees do, which changes some defaults as well.

    Raises
    ------
    ConfigError
        A setting out of its range, or one that says nothing for this task.

    Notes
    -----
    O(depth + features x classes) for an answer and for an example; each attempt to split costs some 10 us per feature.
    Memory: 64 bytes for each leaf, feature and class; 3 KB for each leaf and feature of a regression tree, and 40 bytes
    for each node and feature where leaves have lines. Of a feature the first 256 texts are told apart. No random
    numbers.

    With `river_compat`, River's `HoeffdingTreeClassifier`, and its `HoeffdingTreeRegressor` with a `QOSplitter`: the
    same splits at the same events, answers to 1e-9. River's lines in leaves take no texts; here they leave them out.
    Where it is off:

    - `delta` is .001, not 1e-7, by which a leaf with two features that are equally good waits for 3,200 examples before
      `tau` settles it. On the average of twelve streams 83.3 % are right instead of 82.2, with seven of them better.
    - `majority_share_max` is 1, not .99, and such a leaf forgets nothing. River's leaves forget all they know of their
      features whenever they decline to split, so that it learns nothing at 1 % positives.
    - Not to split is a choice with the merit of no split, not one with a merit of minus infinity: one feature alone
      has to pass the bound as well.
    - A class that has no weight left in a leaf gets no vote in naive Bayes; River gives it a likelihood of 1.
    - Buckets of numbers adapt to the feature, the point lies between the sides it parts, and each child begins with the
      targets of its side; in River's the point lies one bucket before, and the left child begins with those of both.
    - A leaf's line scales its numbers, by what the leaf itself has seen and no further than three deviations, and moves
      by a tenth of what would have made the answer right. River's takes numbers as they come, at a rate of .01. On
      20,000 events of Friedman's function the root of the squared error is .44 of the targets' deviation, River's .50;
      with the ten features in units from .001 to 10,000 it is .45 here, and .66 there, which is the mean's.

    References
    ----------
    Domingos and Hulten (2000), Mining high-speed data streams, doi 10.1145/347090.347107.
    Hulten, Spencer and Domingos (2001), doi 10.1145/502512.502529.

    Examples
    --------
    >>> model = HoeffdingTree(Task.BINARY, grace_count=50)
    >>> for step in range(600):
    ...     model.learn({"amount": float(step % 10), "hour": float(step % 7)}, step % 10 > 6, 1.0)
    >>> model.predict({"amount": 8.0, "hour": 1.0})[0], model.predict({"amount": 2.0, "hour": 1.0})[0]
    (True, False)
    """

    kernel = "tree"
    tasks = frozenset(Task)
    __signature__ = signature_of(TreeSettings)

    def __new__(cls, task: Task, **settings: Any) -> HoeffdingTree:  # noqa: ARG004 - __init__ takes them
        """Return a tree for the task."""
        from engine.models.compiled.hoeffding_tree_of_numbers import HoeffdingTreeOfNumbers

        return super().__new__(HoeffdingTreeOfNumbers if cls is HoeffdingTree and task is Task.REGRESSION else cls)

    def __init__(self, task: Task, **settings: Any) -> None:
        self._settings = self._read(task, settings)
        super().__init__(task)

    def _read(self, task: Task, settings: dict[str, Any]) -> TreeSettings:
        return read_settings(task, settings, TreeSettings)

    def _begin(self) -> tuple[Array, ...]:
        self._slab, arrays = self._begin_slab()
        return arrays

    def _begin_slab(self) -> tuple[SlabRoom, tuple[Array, ...]]:
        """Return the slab, and its first arrays."""
        from engine.kernels import slab
        from engine.kernels.observers import CELL

        room = SlabRoom(slab, CELL, self._settings.bytes_max)
        return room, room.begin(self._settings.whole(slab), self._settings.broken(slab))

    def _room(self) -> tuple[Array, ...]:
        return self._slab.grow(self._arrays, self._wanted())

    def _wanted(self, tree_count: int = 1) -> Wanted:
        """Return what the slab has to have room for."""
        return all_wanted(self._vectors, self._classes, watched_count=self._vectors.width, tree_count=tree_count)

    def _reasons(self, row: Floats, number: int) -> Reasons:
        from engine.models.compiled.tree_reasons import Reasons, of_tree

        slab = self._slab.cut(self._arrays)
        root = int(slab.header[self._slab.layout.ROOT])
        return of_tree(slab, root, row, number) if root >= 0 else Reasons(0.0, {})

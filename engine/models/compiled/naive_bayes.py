"""`naive_bayes()`: Gaussians for numbers and frequencies for texts, compiled."""

from __future__ import annotations

from math import exp, isnan, log, pi, sqrt
from typing import Final

import numpy as np

from engine.messages import Features
from engine.models.compiled.model import Array, Compiled
from engine.models.compiled.vectors import HEAD_COUNT
from engine.targets import Task

DENSITY_MIN: Final = 10e-10
"""The kernel's: no single number can exclude a class."""


class NaiveBayes(Compiled):
    """Naive Bayes over numbers and texts together, with nothing to set.

    Each number is Gaussian within its class, each text a category with one pseudo-count for every value learned and one
    for all others. What is missing says nothing.

    Parameters
    ----------
    task
        Binary or multiclass.

    Notes
    -----
    O(classes x features) for an answer, O(features) for an example, the same in memory, with one number more for each
    class and text. Numbers alone, at weight 1, give River's `GaussianNB` to 1e-12; its floor under densities (1e-9)
    is kept. Example weights count, which River's do not.

    Examples
    --------
    >>> model = NaiveBayes(Task.MULTICLASS)
    >>> for size, kind in ((1.0, "cat"), (1.4, "cat"), (8.0, "cow"), (9.0, "cow")):
    ...     model.learn({"size": size}, kind, 1.0)
    >>> model.predict({"size": 1.2})[0]
    'cat'
    """

    kernel = "bayes"
    tasks = frozenset({Task.BINARY, Task.MULTICLASS})

    def __init__(self, task: Task) -> None:
        super().__init__(task)

    def _begin(self) -> tuple[Array, ...]:
        return np.zeros((0, 1)), np.zeros((0, 0, 4)), np.zeros((0, 2), dtype=np.int64)

    def _room(self) -> tuple[Array, ...]:
        weights, cells, columns = self._arrays
        class_count, column_count = len(self._classes), self._vectors.width
        laid = np.zeros((column_count, 2), dtype=np.int64)
        laid[: len(columns), 1] = columns[:, 1]
        end = 1
        for column, (is_text, count) in enumerate(zip(self._vectors.is_text, self._vectors.text_counts(), strict=True)):
            laid[column, 0] = end if is_text else -1
            end += _room_for(count)
        moved = np.zeros((class_count, end))
        moved[: len(weights), 0] = weights[:, 0]
        for before, after in zip(columns, laid, strict=False):
            if before[0] >= 0:
                moved[: len(weights), after[0] : after[0] + before[1]] = weights[:, before[0] : before[0] + before[1]]
        return moved, _within(np.zeros((class_count, column_count, 4)), cells), laid

    def explain(self, x: Features) -> dict[str, float]:
        """Return what each feature adds to the log of the odds: the difference of its log likelihoods.

        The odds are those of True against False, in a multiclass task of the decision against the next best class.
        With `explain_base` the values add up to the log of the odds. Empty before two classes were learned. Cost: some
        10 us per feature.
        """
        weights, cells, columns = self._arrays
        if len(self._classes) < 2:
            return {}
        best, other = self._two(x)
        row = self._one_row[0, HEAD_COUNT:]
        said: dict[str, float] = {}
        for column, name in enumerate(self._vectors.names):
            of = [_likelihood(weights[c], cells[c, column], columns[column], float(row[column])) for c in (best, other)]
            said[name] = said.get(name, 0.0) + log(of[0] / of[1])
        return said

    def explain_base(self, x: Features) -> float:
        """Return what the values of `explain` are added to: the log ratio of what the two classes weigh."""
        if len(self._classes) < 2:
            return 0.0
        best, other = self._two(x)
        return log(self._arrays[0][best, 0] / self._arrays[0][other, 0])


def _likelihood(weights: Array, cell: Array, column: Array, value: float) -> float:
    """Return what the kernel's `likelihood` does."""
    if isnan(value):
        return 1.0
    if column[0] >= 0:
        known = weights[column[0] + int(value)] if value >= 0.0 else 0.0
        return float((known + 1.0) / (cell[0] + column[1] + 1.0))
    scale = float(cell[3])
    away = (value - float(cell[1])) * scale
    spread = exp(-0.5 * away * away) * scale / sqrt(2.0 * pi) if scale > 0.0 else 0.0
    return DENSITY_MIN + spread


def _room_for(count: int) -> int:
    """Return the next power of two: room is made seldom."""
    return 1 << (count - 1).bit_length() if count else 0


def _within(larger: Array, smaller: Array) -> Array:
    larger[tuple(slice(0, length) for length in smaller.shape)] = smaller
    return larger

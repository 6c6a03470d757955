"""`naive_bayes()`: Gaussians for numbers and frequencies for texts, compiled."""

from __future__ import annotations

import numpy as np

from engine.messages import Features
from engine.models.compiled.model import Array, Compiled
from engine.targets import Task


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
        return np.zeros(0), np.zeros((0, 0, 4)), np.zeros((0, 0)), np.zeros((0, 2), dtype=np.int64)

    def _room(self) -> tuple[Array, ...]:
        weights, cells, texts, columns = self._arrays
        class_count, column_count = len(self._classes), self._vectors.width
        laid = np.zeros((column_count, 2), dtype=np.int64)
        laid[: len(columns), 1] = columns[:, 1]
        end = 0
        for column, (is_text, count) in enumerate(zip(self._vectors.is_text, self._vectors.text_counts(), strict=True)):
            laid[column, 0] = end if is_text else -1
            end += _room_for(count)
        moved = np.zeros((class_count, end))
        for before, after in zip(columns, laid, strict=False):
            if before[0] >= 0:
                moved[: len(texts), after[0] : after[0] + before[1]] = texts[:, before[0] : before[0] + before[1]]
        return (
            _within(np.zeros(class_count), weights),
            _within(np.zeros((class_count, column_count, 4)), cells),
            moved,
            laid,
        )

    def explain(self, x: Features) -> dict[str, float]:
        """Return what each feature says for the decision and against the runner-up: the difference of log likelihoods.

        Of a binary task it is always for True and against False. The sum, with the log ratio of the classes' weights,
        is the log ratio of the two probabilities.
        """
        raise NotImplementedError


def _room_for(count: int) -> int:
    """Return the next power of two: room is made seldom."""
    return 1 << (count - 1).bit_length() if count else 0


def _within(larger: Array, smaller: Array) -> Array:
    larger[tuple(slice(0, length) for length in smaller.shape)] = smaller
    return larger

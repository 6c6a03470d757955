"""`majority()`: class frequencies. The line every classifier has to beat on an unbalanced stream."""

from __future__ import annotations

from engine.errors import SnapshotError
from engine.messages import Answer, Features, Target
from engine.models.answers import argmax, untrained
from engine.models.feature_view import Need
from engine.targets import Task


class Majority:
    """Predicts the class with the most weight learned; the scores are the classes' shares.

    Parameters
    ----------
    task
        Binary or multiclass. For regression see `Mean`.

    Notes
    -----
    O(classes) per answer, O(1) per example. Of equally frequent classes the one seen first is decided.

    Examples
    --------
    >>> model = Majority(Task.MULTICLASS)
    >>> for target in ("ham", "spam", "ham", "ham"):
    ...     model.learn({}, target, 1.0)
    >>> model.predict({})
    ('ham', {'ham': 0.75, 'spam': 0.25})
    """

    tasks = frozenset({Task.BINARY, Task.MULTICLASS})
    need: Need = "either"

    def __init__(self, task: Task) -> None:
        self._task = task
        self._weights: dict[Target, float] = {}

    def predict(self, x: Features) -> Answer:  # noqa: ARG002  (the protocol's signature)
        """Return the most frequent class and every class's share."""
        total = sum(self._weights.values())
        if not total:
            return untrained(self._task)
        if self._task is Task.BINARY:
            return argmax(self._weights), self._weights.get(True, 0.0) / total
        return argmax(self._weights), {name: weight / total for name, weight in self._weights.items()}

    def learn(self, x: Features, target: Target, weight: float) -> None:  # noqa: ARG002
        """Add the weight to its class."""
        self._weights[target] = self._weights.get(target, 0.0) + weight

    def forget(self, keep: float) -> None:
        """Have what was learned so far weigh `keep` times as much."""
        self._weights = {name: weight * keep for name, weight in self._weights.items()}

    def snapshot(self) -> object:
        """Return (class, weight) pairs in the order the classes were first seen."""
        return {"weights": list(self._weights.items())}

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        if not isinstance(state, dict) or state.keys() != {"weights"}:
            msg = f"majority keeps (class, weight) pairs, got {state!r:.80}"
            raise SnapshotError(msg)
        self._weights = {name: weight for name, weight in state["weights"]}  # noqa: C416  (pairs may be lists)

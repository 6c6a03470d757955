"""`no_change()`: says what was last learned. The line every model has to beat on an autocorrelated stream."""

from __future__ import annotations

from engine.errors import SnapshotError
from engine.messages import Answer, Features, Target
from engine.models.answers import certain, untrained
from engine.models.feature_view import Need
from engine.targets import Task


class NoChange:
    """Predicts the last target it learned, with certainty.

    Parameters
    ----------
    task
        Any task. Before the first target the answer is the untrained one.

    Notes
    -----
    O(1) in time and memory. Features and weights are ignored. Under late labels "last" is the last target *learned*.

    Examples
    --------
    >>> model = NoChange(task=Task.BINARY)
    >>> model.predict({})
    (False, 0.5)
    >>> model.learn({}, True, 1.0)
    >>> model.predict({})
    (True, 1.0)
    """

    tasks = frozenset(Task)
    need: Need = "either"

    def __init__(self, *, task: Task) -> None:
        self._task = task
        self._last: Target | None = None
        self._answer = untrained(task)

    def predict(self, x: Features) -> Answer:  # noqa: ARG002  (the protocol's signature)
        """Return the last target, or the untrained answer."""
        return self._answer

    def learn(self, x: Features, target: Target, weight: float) -> None:  # noqa: ARG002
        """Remember the target."""
        self._last = target
        self._answer = certain(self._task, target)

    def snapshot(self) -> object:
        """Return the last target; None before the first."""
        return {"last": self._last}

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        if not isinstance(state, dict) or state.keys() != {"last"}:
            msg = f"no_change keeps one target, got {state!r:.80}"
            raise SnapshotError(msg)
        self._last = state["last"]
        self._answer = untrained(self._task) if self._last is None else certain(self._task, self._last)

"""`mean()`: the mean target so far. The line every regressor has to beat."""

from __future__ import annotations

from engine.errors import SnapshotError
from engine.messages import Answer, Features, Target
from engine.models.feature_view import Need
from engine.targets import Task


class Mean:
    """Predicts the weighted mean of the targets learned; 0.0 before the first.

    Notes
    -----
    For regression; for classes see `Majority`. O(1) in time and memory. The running form m += (y - m) w / W is stable
    over long streams (West 1979, doi 10.1145/359146.359153).

    Examples
    --------
    >>> model = Mean()
    >>> for target in (1.0, 2.0, 6.0):
    ...     model.learn({}, target, 1.0)
    >>> model.predict({})
    (3.0, 3.0)
    """

    tasks = frozenset({Task.REGRESSION})
    need: Need = "either"

    def __init__(self) -> None:
        self._weight = 0.0
        self._mean = 0.0

    def predict(self, x: Features) -> Answer:  # noqa: ARG002  (the protocol's signature)
        """Return the mean so far."""
        return self._mean, self._mean

    def learn(self, x: Features, target: Target, weight: float) -> None:  # noqa: ARG002
        """Move the mean towards the target by the example's share of all weight."""
        value = float(target)
        self._weight += weight
        self._mean += (value - self._mean) * (weight / self._weight)

    def forget(self, keep: float) -> None:
        """Have what was learned so far weigh `keep` times as much."""
        self._weight *= keep

    def snapshot(self) -> object:
        """Return the total weight and the mean."""
        return {"weight": self._weight, "mean": self._mean}

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        if not isinstance(state, dict) or state.keys() != {"weight", "mean"}:
            msg = f"mean keeps a weight and a mean, got {state!r:.80}"
            raise SnapshotError(msg)
        self._weight = state["weight"]
        self._mean = state["mean"]

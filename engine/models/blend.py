"""`blend(a, b, ...)`: several models answer as one, each weighted by how well it has done lately.

The blend knows its members only through the model protocol; it owns them and their state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import exp, log
from typing import TypeAlias, cast

from engine.errors import ConfigError, SnapshotError
from engine.messages import Answer, Features, Score, Target
from engine.models.answers import argmax
from engine.models.feature_view import Need
from engine.models.model import Model
from engine.targets import Task

PROBABILITY_MIN = 1e-6
"""A member's probability for the truth is taken as at least this: one confident miss costs 13.8, not infinity."""

SQUARED_ERROR_MAX = 1e150
"""A member's squared error is taken as at most this, so that sums of losses stay finite."""

_Loss: TypeAlias = Callable[[Score, Target], float]
_Mix: TypeAlias = Callable[[Sequence[Answer], Sequence[float]], Answer]


class Blend:
    """Exponentially weighted average of its members, with fading memory.

    A member's faded loss is L <- fading L + loss, its share w is proportional to exp(-eta L), computed from the
    differences to the smallest L so that nothing underflows. The loss is log loss for classes. For numbers it is
    squared error in units of the members' average squared error, which makes `eta` mean the same on every scale.
    A loss is that of the answer the member gives just before it learns the example.

    Parameters
    ----------
    *members
        At least two models for the same task. The blend owns them.
    task
        Any task.
    eta
        Learning rate, > 0. At 1.0 and without fading, log loss makes this Bayesian model averaging.
    fading
        Share of the past that is kept per event, in (0, 1]. 0.999 remembers about a thousand events; at 1.0 it
        never forgets, and the regret to the best member is at most ln(members) under log loss.

    Raises
    ------
    ConfigError
        Fewer than two members, or a parameter out of its range.

    Notes
    -----
    An answer costs one answer of each member; an example costs one answer and one learning step of each. A member
    that raises while answering leaves the blend as it was; one that raises while learning leaves the members before
    it one example ahead.

    River's `EWARegressor` fades nothing and does not scale its loss; its classifier ensembles do not weigh by
    probability.

    References
    ----------
    Littlestone and Warmuth (1994), The weighted majority algorithm, doi 10.1006/inco.1994.1009.
    Cesa-Bianchi and Lugosi (2006), Prediction, Learning, and Games, doi 10.1017/CBO9780511546921.

    Examples
    --------
    >>> from engine.models.majority import Majority
    >>> from engine.models.no_change import NoChange
    >>> model = Blend(NoChange(task=Task.BINARY), Majority(task=Task.BINARY), task=Task.BINARY)
    >>> for step in range(40):
    ...     model.learn({}, step % 2 == 0, 1.0)
    >>> [round(share, 3) for share in model.shares]
    [0.0, 1.0]
    """

    tasks = frozenset(Task)
    need: Need = "either"

    def __init__(self, *members: Model, task: Task, eta: float = 1.0, fading: float = 0.999) -> None:
        if len(members) < 2:
            msg = f"blend needs at least two models, got {len(members)}"
            raise ConfigError(msg)
        if not (_is_number(eta) and 0.0 < eta < float("inf")):
            msg = f"blend's eta must be a positive number, got {eta!r}"
            raise ConfigError(msg)
        if not (_is_number(fading) and 0.0 < fading <= 1.0):
            msg = f"blend's fading must lie in (0, 1], got {fading!r}"
            raise ConfigError(msg)
        self.members = members
        self._eta = float(eta)
        self._fading = float(fading)
        self._relative = task is Task.REGRESSION
        self._mix, self._loss = _BY_TASK[task]
        self._losses = [0.0] * len(members)
        self._count = 0.0
        self._shares = self._weigh()

    @property
    def shares(self) -> list[float]:
        """Each member's share in the answer, in order; they sum to 1."""
        return list(self._shares)

    def predict(self, x: Features) -> Answer:
        """Return the members' answers, averaged by their shares."""
        return self._mix([member.predict(x) for member in self.members], self._shares)

    def learn(self, x: Features, target: Target, weight: float) -> None:
        """Score every member on the example, let each learn it, then weigh them anew."""
        losses = [weight * self._loss(member.predict(x)[1], target) for member in self.members]
        for member in self.members:
            member.learn(x, target, weight)
        self._losses = [self._fading * old + new for old, new in zip(self._losses, losses, strict=True)]
        self._count = self._fading * self._count + weight
        self._shares = self._weigh()

    def snapshot(self) -> object:
        """Return the faded losses and the members' own snapshots."""
        return {
            "losses": list(self._losses),
            "count": self._count,
            "members": [member.snapshot() for member in self.members],
        }

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        if not isinstance(state, dict) or state.keys() != {"losses", "count", "members"}:
            msg = f"blend keeps losses, a count and members, got {state!r:.80}"
            raise SnapshotError(msg)
        if not len(state["losses"]) == len(state["members"]) == len(self.members):
            msg = f"the snapshot blends {len(state['members'])} models, this spec {len(self.members)}"
            raise SnapshotError(msg)
        for member, own in zip(self.members, state["members"], strict=True):
            member.restore(own)
        self._losses = list(state["losses"])
        self._count = state["count"]
        self._shares = self._weigh()

    def _weigh(self) -> list[float]:
        unit = sum(self._losses) / len(self._losses) / self._count if self._relative and self._count else 1.0
        least = min(self._losses)
        raw = [exp(-self._eta * (loss - least) / unit) if loss > least else 1.0 for loss in self._losses]
        total = sum(raw)
        return [value / total for value in raw]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _log_loss(probability: float) -> float:
    return -log(max(probability, PROBABILITY_MIN))


def _binary_loss(score: Score, target: Target) -> float:
    probability = cast("float", score)
    return _log_loss(probability if target else 1.0 - probability)


def _multiclass_loss(score: Score, target: Target) -> float:
    return _log_loss(cast("dict[Target, float]", score).get(target, 0.0))


def _squared_loss(score: Score, target: Target) -> float:
    error = cast("float", score) - float(target)
    return min(error * error, SQUARED_ERROR_MAX)


def _mix_binary(answers: Sequence[Answer], shares: Sequence[float]) -> Answer:
    score = _average(answers, shares)
    return score > 0.5, min(score, 1.0)


def _mix_multiclass(answers: Sequence[Answer], shares: Sequence[float]) -> Answer:
    """Average over the members that have something to say."""
    mixed: dict[Target, float] = {}
    said = 0.0
    for (_, score), share in zip(answers, shares, strict=True):
        by_class = cast("dict[Target, float]", score)
        if by_class:
            said += share
        for name, probability in by_class.items():
            mixed[name] = mixed.get(name, 0.0) + share * probability
    if said > 0.0:
        mixed = {name: min(value / said, 1.0) for name, value in mixed.items()}
    return argmax(mixed), mixed


def _mix_regression(answers: Sequence[Answer], shares: Sequence[float]) -> Answer:
    value = _average(answers, shares)
    return value, value


def _average(answers: Sequence[Answer], shares: Sequence[float]) -> float:
    return sum(cast("float", score) * share for (_, score), share in zip(answers, shares, strict=True))


_BY_TASK: dict[Task, tuple[_Mix, _Loss]] = {
    Task.BINARY: (_mix_binary, _binary_loss),
    Task.MULTICLASS: (_mix_multiclass, _multiclass_loss),
    Task.REGRESSION: (_mix_regression, _squared_loss),
}

"""A contender takes steps and is judged by them, whatever its model does."""

from __future__ import annotations

from engine import Engine, Label, Plan, Request
from engine.targets import Task


class RunsAway:
    """A regression that answers at the edge of what a float can hold."""

    def predict_one(self, x: dict[str, float]) -> float:
        return 1.7e308

    def learn_one(self, x: dict[str, float], y: float) -> None:
        pass


def test_a_loss_beyond_all_floats_reaches_the_detectors_as_the_largest_one() -> None:
    plan = Plan(
        task=Task.REGRESSION, classes=(), positive=None, champion=RunsAway(), detectors=("river.drift.ADWIN()",)
    )
    engine = Engine(plan)
    for i in range(50):
        out = engine.process([Request(i, {"a": 1.0}), Label(i, -1.7e308)])
        assert len(out.predictions) == 1
    assert engine.learner.champion.benched is None

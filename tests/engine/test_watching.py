"""What detectors are shown: a loss is a number, whatever a model answers."""

from __future__ import annotations

from math import inf, nan

import pytest

from engine import Engine, Label, Plan, Request, Task
from engine.watching import LOSS_MAX, loss


@pytest.mark.parametrize("answer", [nan, inf, -inf, 1.7e308])
def test_the_loss_of_an_answer_that_is_no_number_or_too_far_is_the_largest_there_is(answer: float) -> None:
    assert loss((answer, answer), -1.7e308) == LOSS_MAX


def test_a_mean_of_targets_that_overflow_costs_no_stream() -> None:
    """Infinity less infinity is no number, and a detector takes none."""
    plan = Plan(task=Task.REGRESSION, classes=(), positive=None, champion="mean()", detectors=("adwin()",))
    engine = Engine(plan)
    for index, y in enumerate([1e308, -1e308, 1e308] + [5.0] * 100):
        engine.process([Request(index, {"x": 1.0}), Label(index, y)])
    assert engine.summary().data["labels"]["learned"] == 103

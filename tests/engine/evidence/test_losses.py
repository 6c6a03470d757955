"""Losses for evidence lie between 0 and 1, and say which of two answers was better as their names do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.evidence.losses import absolute_clipped, brier, cost_weighted, evidence_loss, zero_one

binary = st.tuples(st.booleans(), st.floats(0.0, 1.0))
costs = st.floats(0.0, 1e6)
numbers = st.floats(-1e300, 1e300)


@given(answer=binary, target=st.booleans(), false_positive=costs, false_negative=st.floats(1e-6, 1e6))
def test_binary_losses_lie_between_0_and_1(
    answer: tuple[bool, float], target: bool, false_positive: float, false_negative: float
) -> None:
    for loss in (zero_one, brier, cost_weighted(false_positive, false_negative)):
        assert 0.0 <= loss(answer, target) <= 1.0


@given(said=numbers, target=numbers, loss_max=st.floats(1e-3, 1e9))
def test_an_absolute_error_is_a_share_of_its_bound(said: float, target: float, loss_max: float) -> None:
    loss = absolute_clipped(loss_max)((said, said), target)
    assert loss == min(abs(said - target) / loss_max, 1.0)


@given(answer=binary, target=st.booleans())
def test_costs_that_are_equal_are_no_costs(answer: tuple[bool, float], target: bool) -> None:
    assert cost_weighted(3.0, 3.0)(answer, target) == zero_one(answer, target)


@given(answer=binary, target=st.booleans(), false_positive=st.floats(0.1, 10.0), false_negative=st.floats(0.1, 10.0))
def test_weighted_losses_stand_to_each_other_as_the_costs_do(
    answer: tuple[bool, float], target: bool, false_positive: float, false_negative: float
) -> None:
    loss = cost_weighted(false_positive, false_negative)(answer, target)
    cost = 0.0 if answer[0] == target else false_negative if target else false_positive
    assert loss * max(false_positive, false_negative) == pytest.approx(cost)


def test_a_model_without_a_decision_is_wrong() -> None:
    assert zero_one((None, {}), "spam") == 1.0


def test_each_name_gives_its_loss() -> None:
    assert evidence_loss("zero_one") is zero_one
    assert evidence_loss("brier") is brier
    assert evidence_loss("cost_weighted", costs=(1.0, 4.0))((True, 0.6), False) == 0.25
    assert evidence_loss("absolute_clipped", loss_max=10.0)((4.0, 4.0), 1.5) == 0.25


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("log_loss", {}, "one of zero_one, brier, cost_weighted, absolute_clipped, got 'log_loss'"),
        ("cost_weighted", {}, "costs belong to cost_weighted and it needs them"),
        ("zero_one", {"costs": (1.0, 2.0)}, "costs belong to cost_weighted"),
        ("absolute_clipped", {}, "loss_max belongs to absolute_clipped and it needs it"),
        ("brier", {"loss_max": 2.0}, "loss_max belongs to absolute_clipped"),
        ("cost_weighted", {"costs": (0.0, 0.0)}, "not both 0, got 0.0 and 0.0"),
        ("cost_weighted", {"costs": (-1.0, 2.0)}, "0 or more"),
        ("cost_weighted", {"costs": (1.0, float("inf"))}, "finite"),
        ("cost_weighted", {"costs": (float("nan"), 1.0)}, "finite"),
        ("absolute_clipped", {"loss_max": 0.0}, "loss_max must be positive and finite"),
        ("absolute_clipped", {"loss_max": float("inf")}, "loss_max must be positive and finite"),
    ],
)
def test_what_a_loss_lacks_or_does_not_take_is_refused(name: str, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        evidence_loss(name, **given)

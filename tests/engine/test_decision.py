"""A probability becomes a decision: by threshold, by cost, by alert rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import ConfigError, DecisionRules, Engine, Label, Plan, Request
from engine.decision import AlertRate, Threshold
from engine.targets import Task

probabilities = st.floats(0.0, 1.0)


@given(probabilities, st.floats(0.01, 100.0), st.floats(0.01, 100.0))
def test_costs_alert_exactly_where_the_expected_cost_of_silence_is_not_less(p: float, fp: float, fn: float) -> None:
    silence, alarm = p * fn, (1.0 - p) * fp
    if abs(silence - alarm) > 1e-9 * (silence + alarm):
        assert Threshold.from_costs(fp, fn)(p) is (silence > alarm)


@given(st.lists(probabilities, min_size=1, max_size=300), st.floats(0.01, 0.5))
def test_an_alert_is_above_the_quantile_of_the_scores_before_it(scores: list[float], rate: float) -> None:
    decide = AlertRate(rate, window_count=100)
    for i, score in enumerate(scores):
        before = sorted(scores[max(0, i - 100) : i])
        alert = decide(score)
        if not before:
            assert not alert
        else:
            assert alert is (score > before[min(len(before) - 1, int(len(before) * (1.0 - rate)))])


@given(st.lists(probabilities, max_size=150), st.lists(probabilities, max_size=150))
def test_a_restored_alert_rate_goes_on_identically(before: list[float], after: list[float]) -> None:
    first, second = AlertRate(0.1, 50), AlertRate(0.1, 50)
    for score in before:
        first(score)
    second.restore(first.snapshot())
    assert [first(score) for score in after] == [second(score) for score in after]


def test_about_the_asked_share_is_alerted_on_scores_that_do_not_drift() -> None:
    decide, state, alerts = AlertRate(0.02), 1, 0
    for _ in range(20_000):
        state = (1103515245 * state + 12345) % 2**31
        alerts += decide(state / 2**31)
    assert 0.015 < alerts / 20_000 < 0.025


@pytest.mark.parametrize("bad", [-0.1, 1.1, float("nan")])
def test_what_is_no_threshold_is_refused(bad: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        Threshold(bad)


def test_rules_that_contradict_each_other_or_the_task_are_refused() -> None:
    with pytest.raises(ConfigError, match="not both"):
        Engine(Plan(decision=DecisionRules(threshold=0.5, alert_rate=0.1)))
    with pytest.raises(ConfigError, match="binary tasks"):
        Engine(Plan(task=Task.MULTICLASS, classes=(), positive=None, decision=DecisionRules(threshold=0.5)))
    with pytest.raises(ConfigError, match="not both 0"):
        Engine(Plan(decision=DecisionRules(costs=(0.0, 0.0))))


def test_the_decision_that_is_served_is_the_one_that_is_scored() -> None:
    engine = Engine(Plan(champion="rules('a > 0 -> 0.3; otherwise 0.1')", decision=DecisionRules(threshold=0.2)))
    out = engine.process([Request(0, {"a": 1.0}), Label(0, True), Request(1, {"a": -1.0}), Label(1, True)])
    assert [prediction.answer for prediction in out.predictions] == [(True, 0.3), (False, 0.1)]
    confusion = engine.summary().data["models"]["rules"]["metrics"]["confusion"]
    assert confusion == {"tp": 1, "fp": 0, "fn": 1, "tn": 0}

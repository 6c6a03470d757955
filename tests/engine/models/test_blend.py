"""The blend: its shares follow the members' losses, on every scale and back again after a change."""

from __future__ import annotations

from math import exp, log, log1p

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, SnapshotError
from engine.messages import Answer, Features, Target
from engine.models.blend import Blend
from engine.models.majority import Majority
from engine.models.mean import Mean
from engine.models.no_change import NoChange
from engine.targets import Task


class Says:
    """A model that always answers the same and learns nothing."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def predict(self, x: Features) -> Answer:
        return self.answer

    def learn(self, x: Features, target: Target, weight: float) -> None:
        return None

    def snapshot(self) -> object:
        return None

    def restore(self, state: object) -> None:
        return None


def probability(p: float) -> Says:
    return Says((p > 0.5, p))


def test_before_any_label_the_members_count_alike() -> None:
    model = Blend(probability(0.2), probability(0.6), task=Task.BINARY)
    assert model.predict({}) == (False, pytest.approx(0.4))
    assert model.shares == [0.5, 0.5]


@given(
    st.lists(st.floats(0.01, 0.99), min_size=2, max_size=5),
    st.lists(st.booleans(), min_size=1, max_size=60),
)
def test_without_fading_and_at_eta_one_it_is_the_bayesian_mixture(chances: list[float], targets: list[bool]) -> None:
    model = Blend(*map(probability, chances), task=Task.BINARY, fading=1.0)
    total = 0.0
    for target in targets:
        score = model.predict({})[1]
        assert isinstance(score, float)
        total -= log(score if target else 1.0 - score)
        model.learn({}, target, 1.0)
    likelihoods = [exp(sum(log(p) if target else log1p(-p) for target in targets)) for p in chances]
    assert total == pytest.approx(-log(sum(likelihoods) / len(chances)), rel=1e-9)
    assert model.shares == pytest.approx([value / sum(likelihoods) for value in likelihoods])


def test_after_a_change_a_fading_blend_follows_the_member_that_is_right_now() -> None:
    forgets = Blend(probability(0.9), probability(0.1), task=Task.BINARY, fading=0.95)
    never = Blend(probability(0.9), probability(0.1), task=Task.BINARY, fading=1.0)
    for model in (forgets, never):
        for step in range(600):
            model.learn({}, step < 500, 1.0)
    assert forgets.shares[1] > 0.99
    assert never.shares[1] < 0.01


@given(st.floats(1e-6, 1e6), st.lists(st.floats(-1, 1), min_size=5, max_size=20))
def test_the_unit_of_a_regression_target_does_not_matter(unit: float, targets: list[float]) -> None:
    plain = Blend(Says((0.1, 0.1)), Says((0.5, 0.5)), task=Task.REGRESSION)
    scaled = Blend(Says((0.1 * unit, 0.1 * unit)), Says((0.5 * unit, 0.5 * unit)), task=Task.REGRESSION)
    for target in targets:
        plain.learn({}, target, 1.0)
        scaled.learn({}, target * unit, 1.0)
    assert scaled.shares == pytest.approx(plain.shares, rel=1e-6)


def test_hopeless_members_and_huge_errors_leave_the_shares_finite() -> None:
    model = Blend(Says((1e200, 1e200)), Says((0.0, 0.0)), task=Task.REGRESSION, fading=1.0)
    for _ in range(1000):
        model.learn({}, 1.0, 1.0)
    assert sum(model.shares) == pytest.approx(1.0)
    assert model.shares[1] > model.shares[0]
    sure = Blend(probability(0.0), probability(1.0), task=Task.BINARY)
    for _ in range(5000):
        sure.learn({}, True, 1.0)
    assert sure.predict({}) == (True, 1.0)


def test_a_member_with_nothing_to_say_leaves_the_answer_to_the_others() -> None:
    model = Blend(Says((None, {})), Says(("a", {"a": 0.75, "b": 0.25})), task=Task.MULTICLASS)
    assert model.predict({}) == ("a", {"a": 0.75, "b": 0.25})
    assert Blend(Says((None, {})), Says((None, {})), task=Task.MULTICLASS).predict({}) == (None, {})


def test_a_member_is_scored_on_what_it_said_before_it_learned() -> None:
    model = Blend(NoChange(Task.BINARY), Majority(Task.BINARY), task=Task.BINARY)
    for step in range(100):
        model.learn({}, step % 2 == 0, 1.0)
    assert model.shares[0] < 1e-6


def test_a_member_that_raises_while_answering_leaves_the_blend_as_it_was() -> None:
    class Broken(Says):
        def predict(self, x: Features) -> Answer:
            if x:
                raise RuntimeError("broken")
            return self.answer

    model = Blend(Mean(), Broken((0.0, 0.0)), task=Task.REGRESSION)
    before = model.snapshot()
    with pytest.raises(RuntimeError):
        model.learn({"a": 1.0}, 5.0, 1.0)
    assert model.snapshot() == before


@pytest.mark.parametrize("eta", [0, -1.0, float("nan"), float("inf"), "1", True, None])
def test_an_eta_out_of_range_is_refused(eta: object) -> None:
    with pytest.raises(ConfigError, match="eta"):
        Blend(Mean(), Mean(), task=Task.REGRESSION, eta=eta)  # type: ignore[arg-type]


@pytest.mark.parametrize("fading", [0, 1.5, float("nan"), "1", True, None])
def test_a_fading_out_of_range_is_refused(fading: object) -> None:
    with pytest.raises(ConfigError, match="fading"):
        Blend(Mean(), Mean(), task=Task.REGRESSION, fading=fading)  # type: ignore[arg-type]


def test_one_model_is_no_blend_and_the_state_of_another_blend_is_refused() -> None:
    with pytest.raises(ConfigError, match="at least two"):
        Blend(Mean(), task=Task.REGRESSION)
    two, three = (Blend(*[Mean() for _ in range(count)], task=Task.REGRESSION) for count in (2, 3))
    with pytest.raises(SnapshotError, match="3 models, this spec 2"):
        two.restore(three.snapshot())
    for model, state in ((two, None), (Mean(), {}), (Majority(Task.BINARY), 3), (NoChange(Task.BINARY), {"a": 1})):
        with pytest.raises(SnapshotError, match="got"):
            model.restore(state)

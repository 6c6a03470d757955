"""Arms on a live engine: who answers whom, what a command means, and when an experiment may be read."""

from __future__ import annotations

from collections import Counter
from math import sqrt
from random import Random
from typing import Any

import pytest
from scipy.stats import binom

from engine import Command, ConfigError, Engine, Label, LabelRules, Plan, Request, Verb, parse_policy
from engine.messages import Message, Outcomes
from engine.promotion_rules import PromotionMode, PromotionRules
from engine.routing.moments import Moments
from engine.routing.rules import RoutingMode, RoutingRules
from engine.targets import Task


class Reads:
    """Answers what a feature says, and fails once when told to."""

    def __init__(self, name: str, *, fails_at: int | None = None) -> None:
        self.name = name
        self.fails_at = fails_at
        self.calls = 0

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        self.calls += 1
        if self.calls == self.fails_at:
            msg = "out of order"
            raise RuntimeError(msg)
        return {True: x.get(self.name, 0.5), False: 1.0 - x.get(self.name, 0.5)}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        """Learn nothing."""


HALVES = (("a", 0.5), ("b", 0.5))


def routed(rules: RoutingRules, champion: object = None, **challengers: object) -> Engine:
    others = challengers or {"b": Reads("b"), "c": Reads("c")}
    plan = Plan(
        champion=champion or Reads("a"),
        champion_name="a",
        challengers=others,
        baseline=False,
        detectors=(),
        routing=rules,
    )
    return Engine(plan)


def ab(arms: tuple[tuple[str, float], ...] = HALVES, **more: Any) -> RoutingRules:
    return RoutingRules(RoutingMode.AB, arms, **more)


def asked(engine: Engine, numbers: range, *, key: str = "card {}") -> Outcomes:
    return engine.process([Request(number, {"a": 0.1, "b": 0.9}, None, key.format(number)) for number in numbers])


def who(out: Outcomes) -> list[str]:
    return [prediction.model for prediction in out.predictions]


def test_a_key_always_meets_the_same_arm_and_an_id_stands_for_a_missing_key() -> None:
    engine, other = routed(ab()), routed(ab())
    first = who(asked(engine, range(200)))
    again = who(engine.process([Request(1_000 + n, {"a": 0.1}, None, f"card {n}") for n in range(200)]))
    assert again == first
    assert who(other.process([Request(f"card {number}", {}) for number in range(200)])) == first
    anew = routed(ab(experiment="another"))
    assert 60 < sum(one != two for one, two in zip(who(asked(anew, range(200))), first, strict=True)) < 140


def test_shares_of_requests_are_within_the_binomial_band() -> None:
    arms = (("b", 0.1), ("c", 0.3), ("a", 0.6))
    counts = Counter(who(asked(routed(ab(arms)), range(4_000))))
    for name, share in arms:
        assert binom.ppf(1e-5, 4_000, share) <= counts[name] <= binom.ppf(1 - 1e-5, 4_000, share)


def test_without_routing_nothing_is_said_of_chances() -> None:
    engine = Engine(Plan(challengers={"b": "no_change()"}))
    out = asked(engine, range(5))
    assert {prediction.propensities for prediction in out.predictions} == {None}
    assert engine.summary().data["experiment"] is None
    assert "routing" not in engine.snapshot()


def test_a_duplicate_is_answered_as_the_first_time_though_the_key_is_another() -> None:
    engine = routed(ab())
    first = asked(engine, range(50)).predictions
    again = asked(engine, range(50), key="other {}").predictions
    assert [(each.model, each.answer) for each in again] == [(each.model, each.answer) for each in first]
    assert all(each.propensities is None for each in again)
    assert sum(arm["routed"] for arm in engine.summary().data["experiment"]["arms"].values()) == 50


def test_the_keys_of_a_benched_arm_go_to_the_champion_and_come_back_with_it() -> None:
    engine = routed(ab((("b", 0.3), ("c", 0.2), ("a", 0.5))))
    before = who(asked(engine, range(200)))
    engine.command(Command(Verb.BENCH, "b"))
    out = asked(engine, range(200, 400), key="card {}")
    out = engine.process([Request(2_000 + n, {"a": 0.1}, None, f"card {n}") for n in range(200)])
    assert who(out) == ["a" if name == "b" else name for name in before]
    assert out.predictions[0].propensities == pytest.approx({"b": 0.0, "c": 0.2, "a": 0.8})
    engine.command(Command(Verb.RESTORE, "b"))
    out = engine.process([Request(3_000 + n, {"a": 0.1}, None, f"card {n}") for n in range(200)])
    assert who(out) == before


def test_an_arm_that_fails_leaves_the_request_and_its_chance_to_the_champion() -> None:
    engine = routed(ab((("b", 0.4), ("a", 0.6))), b=Reads("b", fails_at=3))
    out = asked(engine, range(100))
    (benched,) = out.benched
    answer = out.predictions[benched.request_index]
    assert answer.model == "a"
    assert answer.rung is None
    assert set(who(out)[benched.request_index :]) == {"a"}
    later = out.predictions[-1]
    assert later.propensities == pytest.approx({"b": 0.0, "a": 1.0})
    assert not out.promotions


def test_a_promotion_ends_it_for_as_long_as_it_lasts() -> None:
    engine = routed(ab())
    before = who(asked(engine, range(100)))
    engine.command(Command(Verb.PROMOTE, "b"))
    assert engine.summary().data["experiment"]["resting"] is True
    out = asked(engine, range(100, 200), key="card {}")
    assert set(who(out)) == {"b"}
    assert {each.propensities for each in out.predictions} == {None}
    engine.command(Command(Verb.ROLLBACK))
    out = engine.process([Request(2_000 + n, {"a": 0.1}, None, f"card {n}") for n in range(100)])
    assert who(out) == before
    assert engine.summary().data["experiment"]["resting"] is False


def test_where_the_control_is_benched_the_ladder_answers_alone() -> None:
    engine = routed(ab())
    engine.command(Command(Verb.BENCH, "a"))
    out = asked(engine, range(50))
    assert {(each.model, each.rung, each.propensities) for each in out.predictions} == {("b", "challenger", None)}


def test_a_late_reward_is_credited_to_the_arm_that_answered() -> None:
    plan = Plan(
        champion=Reads("a"),
        champion_name="a",
        challengers={"b": Reads("b")},
        baseline=False,
        detectors=(),
        labels=LabelRules(parse_policy("wait(1h)"), delayed=True),
        routing=RoutingRules(RoutingMode.THOMPSON, (("a", None), ("b", None)), epsilon=0.1),
    )
    engine = Engine(plan)
    minute = 60_000
    out = engine.process([Request(n, {"a": 0.9, "b": 0.1}, n * minute) for n in range(50)])
    assert {each.propensities["a"] for each in out.predictions if each.propensities} == {0.5}, "no reward yet"
    engine.process([Label(n, True, (50 + n) * minute) for n in range(50)])
    engine.process([Request("later", {}, 500 * minute), Request("last", {}, 501 * minute)])
    arms = engine.summary().data["experiment"]["arms"]
    answered = Counter(who(out))
    assert {name: arm["matured"] for name, arm in arms.items()} == dict(answered)
    assert (arms["a"]["mean_loss"], arms["b"]["mean_loss"]) == (0.0, 1.0)
    assert arms["a"]["propensity"] > 0.94


def stream(seed: int, rates: tuple[float, float], count: int) -> list[Message]:
    """Return labelled requests of which each arm gets its own share wrong, independently."""
    random, messages = Random(seed), list[Message]()
    for number in range(count):
        truth = random.random() < 0.5
        values = {name: float(truth != (random.random() < rate)) for name, rate in zip(("a", "b"), rates, strict=True)}
        messages += [Request(f"{seed}/{number}", values), Label(f"{seed}/{number}", truth)]
    return messages


def test_a_fixed_horizon_is_refused_before_it_is_reached_and_stays_what_it_is_after() -> None:
    engine = routed(ab(planned_count=100), b=Reads("b"))
    engine.process(stream(1, (0.2, 0.4), 120))
    early = engine.summary().data["experiment"]["comparisons"]["b"]
    assert early["refused"].startswith("not before 100 matured events per arm: ")
    assert early["t_test"] is early["chi_square"] is None
    engine.process(stream(2, (0.2, 0.4), 200))
    read = engine.summary().data["experiment"]["comparisons"]["b"]
    assert read["refused"] is None
    assert read["t_test"]["p"] < 0.05
    assert read["chi_square"]["p"] < 0.05
    engine.process(stream(3, (0.4, 0.2), 200))
    later = engine.summary().data["experiment"]["comparisons"]["b"]
    assert (later["t_test"], later["chi_square"]) == (read["t_test"], read["chi_square"])
    assert later["difference"] != read["difference"]


def test_events_at_which_an_arm_could_not_answer_are_not_compared() -> None:
    engine = routed(ab(), b=Reads("b"))
    engine.process(stream(1, (0.2, 0.2), 50))
    counted = engine.summary().data["experiment"]["arms"]["a"]["matured"]
    engine.command(Command(Verb.BENCH, "b"))
    engine.process(stream(2, (0.2, 0.2), 50))
    assert engine.summary().data["experiment"]["arms"]["a"]["matured"] == counted


def test_through_the_engine_arms_that_are_alike_are_seldom_told_apart_and_unlike_ones_are() -> None:
    """Whoever peeks with a t-test at the same answers of the arms that are alike finds a difference far too often."""
    alike = unlike = peeked = 0
    for seed in range(20):
        for rates in ((0.2, 0.2), (0.1, 0.3)):
            engine, messages = routed(ab(effect=0.1), b=Reads("b")), stream(seed, rates, 700)
            out = engine.process(messages)
            found = engine.summary().data["experiment"]["comparisons"]["b"]["msprt"]["significant"]
            alike += found and rates[0] == rates[1]
            unlike += found and rates[0] != rates[1]
            peeked += rates[0] == rates[1] and peeking(out, messages)
    most = binom.ppf(0.999, 20, 0.05)
    assert alike <= most < peeked
    assert unlike >= 19


def peeking(out: Outcomes, messages: list[Message]) -> bool:
    """Return whether a t-test that is read after every answer, from the 30th of each arm on, is ever significant."""
    losses = {"a": Moments(), "b": Moments()}
    truths = [message.target for message in messages if isinstance(message, Label)]
    for prediction, truth in zip(out.predictions, truths, strict=True):
        losses[prediction.model].add(float(prediction.answer[0] != truth))
        one, other = losses.values()
        if min(one.count, other.count) >= 30:
            spread = sqrt(one.variance / one.count + other.variance / other.count)
            if abs(one.mean - other.mean) > 1.96 * spread:
                return True
    return False


@pytest.mark.parametrize(
    ("arms", "mode", "problem"),
    [
        ((("a", 0.5), ("nobody", 0.5)), RoutingMode.AB, "the arm 'nobody' is no contender; there are a, b, c"),
        ((("b", 0.5), ("c", 0.5)), RoutingMode.AB, "the champion 'a' must be an arm"),
        ((("a", 0.5),), RoutingMode.AB, "two or more different arms"),
        ((("a", 0.5), ("a", 0.5)), RoutingMode.AB, "two or more different arms"),
        ((("a", 0.5), ("b", 0.6)), RoutingMode.AB, "they sum to 1"),
        ((("a", 0.5), ("b", None)), RoutingMode.AB, "a share above 0"),
        ((("a", 0.5), ("b", 0.5)), RoutingMode.THOMPSON, "thompson finds the shares of its arms"),
    ],
)
def test_arms_that_are_none_are_refused(
    arms: tuple[tuple[str, float | None], ...], mode: RoutingMode, problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        routed(RoutingRules(mode, arms))


def test_what_does_not_go_with_routing_is_refused_before_anything_starts() -> None:
    with pytest.raises(ConfigError, match="both change who answers"):
        Engine(
            Plan(routing=ab((("majority", 0.5), ("no_change", 0.5))), promotion=PromotionRules(PromotionMode.AUTOMATIC))
        )
    late = LabelRules(delayed=True)
    with pytest.raises(ConfigError, match="no label window closes"):
        Engine(Plan(routing=ab((("majority", 0.5), ("no_change", 0.5))), labels=late))
    numbers = Plan(
        task=Task.REGRESSION,
        champion="mean()",
        classes=(),
        positive=None,
        routing=ab((("mean", 0.5), ("no_change", 0.5))),
    )
    with pytest.raises(ConfigError, match="loss_max"):
        Engine(numbers)

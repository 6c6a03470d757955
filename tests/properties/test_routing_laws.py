"""What holds wherever requests are shared out: commands at random positions, arms that fail, and nothing is lost."""

from __future__ import annotations

from itertools import chain
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Engine, Plan, Verb
from engine.messages import Message, Outcomes
from engine.promotion_rules import PromotionRules
from engine.routing.rules import RoutingMode, RoutingRules
from engine.snapshot import decode, encode
from engine.targets import Task
from tests.successions import NAMES, commands_at, fickle_plan, run
from tests.worlds import told, world

SEEDS = st.integers(0, 2**32)
ARMS = ("second", "first", "rules")
cases = pytest.mark.parametrize(
    ("mode", "policy", "task"),
    [
        (RoutingMode.AB, "wait(2d)", Task.BINARY),
        (RoutingMode.EPSILON_GREEDY, "wait(2d)", Task.REGRESSION),
        (RoutingMode.THOMPSON, "negative_after(1d)", Task.BINARY),
    ],
)


def routed_plan(seed: int, mode: RoutingMode, policy: str, task: Task) -> Plan:
    shares = (0.3, 0.5, 0.2) if mode is RoutingMode.AB else (None, None, None)
    return fickle_plan(
        seed,
        policy,
        task,
        detectors=(),
        promotion=PromotionRules(loss_max=3.0 if task is Task.REGRESSION else None),
        routing=RoutingRules(mode, tuple(zip(ARMS, shares, strict=True)), memory_count=30, planned_count=5),
    )


def all_of(said: list[Outcomes], name: str) -> list[Any]:
    return list(chain.from_iterable(getattr(out, name) for out in said))


@cases
@given(seed=SEEDS)
@settings(max_examples=6, deadline=None)
def test_slices_lag_and_commands_leave_the_same_bits(mode: RoutingMode, policy: str, task: Task, seed: int) -> None:
    messages, commands, random = world(seed, 120, task), commands_at(seed, 200), Random(seed)
    results = set()
    for size in (1, 7, 500):
        engine = Engine(routed_plan(seed % 1_000, mode, policy, task))
        said = run(engine, messages, commands, size)
        results.add((told(said), repr(engine.summary().data), engine.state_digest()))
    assert len(results) == 1
    # Who is shed leaves what waits: there a lag does matter, and the journal says how far it came.
    commands = {at: [each for each in asked if each.verb != Verb.SHED] for at, asked in commands.items()}
    engine = Engine(routed_plan(seed % 1_000, mode, policy, task))
    said = run(engine, messages, commands, 500)
    lagging, found = Engine(routed_plan(seed % 1_000, mode, policy, task)), list[Outcomes]()
    for at, message in enumerate(messages):
        found += [lagging.command(command) for command in commands.get(at, ())]
        found += [lagging.answer([message]), lagging.catch_up(step_count_max=random.randrange(4))]
    found.append(lagging.catch_up())
    assert all_of(found, "predictions") == all_of(said, "predictions")
    assert all_of(found, "shadow") == all_of(said, "shadow")
    assert lagging.state_digest() == engine.state_digest()


@cases
@given(seed=SEEDS, cut=st.integers(0, 250))
@settings(max_examples=6, deadline=None)
def test_a_snapshot_anywhere_goes_on(mode: RoutingMode, policy: str, task: Task, seed: int, cut: int) -> None:
    messages, commands = world(seed, 120, task), commands_at(seed, 200)
    cut = min(cut, len(messages))
    whole, before, after = (Engine(routed_plan(seed % 1_000, mode, policy, task)) for _ in range(3))
    expected = run(whole, messages, commands, 9)
    said = run(before, messages[:cut], commands, 9)
    half = before.answer(messages[cut : cut + 3])
    after.restore(decode(encode(before.snapshot())))
    assert after.state_digest() == before.state_digest()
    if not any(cut < at < cut + 3 or at == cut for at in commands):
        said += [half, after.catch_up(), *run(after, messages, commands, 9, min(cut + 3, len(messages)))]
        assert all_of(said, "predictions") == all_of(expected, "predictions")
        assert all_of(said, "shadow") == all_of(expected, "shadow")
        assert repr(after.summary().data) == repr(whole.summary().data)
        assert after.state_digest() == whole.state_digest()


@cases
@given(seed=SEEDS)
@settings(max_examples=8, deadline=None)
def test_every_answer_says_by_which_chances_it_came_and_everybody_answers_beside_it(
    mode: RoutingMode, policy: str, task: Task, seed: int
) -> None:
    messages, commands = world(seed, 120, task), commands_at(seed, 200, tuple(n for n in NAMES if n != "no_change"))
    engine = Engine(routed_plan(seed % 1_000, mode, policy, task))
    champion = "first"
    for at, message in enumerate(messages):
        before = [engine.command(command) for command in commands.get(at, ())]
        champion = [champion, *(change.after for change in all_of(before, "promotions"))][-1]
        out = engine.process([message])
        answered = {each.model for each in out.shadow}
        for answer in out.predictions:
            if answer.duplicate_of is not None:
                assert answer.propensities is None
                continue
            assert answer.model not in answered
            assert "no_change" in answered, "who never fails answers every request, in front or beside"
            # Routing rests while another than the plan's champion is the champion, and it alone answers then.
            if champion != "first" or answer.rung is not None:
                assert answer.propensities is None
                continue
            assert answer.propensities is not None
            assert list(answer.propensities) == list(ARMS)
            assert answer.propensities[answer.model] > 0.0
            assert sum(answer.propensities.values()) == pytest.approx(1.0)
        champion = [champion, *(change.after for change in out.promotions)][-1]
    data = engine.summary().data
    assert data["experiment"]["resting"] is (champion != "first")
    assert data["predictions"] == data["events"] - data["requests"]["dead"] - data["duplicates"]


def test_arms_answer_as_they_stand_so_shadow_and_service_agree() -> None:
    """Whoever answers, each model's answers are those it gives when it only follows: routing changes no model."""
    plan = fickle_plan(2, champion="majority()", challengers={"nb": "river.naive_bayes.GaussianNB()"})
    messages: list[Message] = world(5, 200)
    rules = RoutingRules(RoutingMode.AB, (("first", 0.5), ("nb", 0.5)))
    alone = Engine(plan)
    shared = Engine(fickle_plan(2, champion="majority()", challengers=dict(plan.challengers), routing=rules))
    by_model: list[dict[tuple[str, int], Any]] = []
    for engine in (alone, shared):
        out = engine.process(messages)
        given_by = {(each.model, each.request_index): each.answer for each in out.shadow}
        given_by |= {(p.model, p.request_index): p.answer for p in out.predictions if p.duplicate_of is None}
        by_model.append(given_by)
    assert by_model[0] == by_model[1]
    served = shared.summary().data["experiment"]["arms"]
    assert served["first"]["routed"] > 50
    assert served["nb"]["routed"] > 50


@given(seed=SEEDS, cut=st.integers(0, 200))
@settings(max_examples=8, deadline=None)
def test_a_contender_grafted_on_beside_the_arms_changes_no_answer(seed: int, cut: int) -> None:
    messages = world(seed, 100)
    cut = min(cut, len(messages))
    rules = RoutingRules(RoutingMode.THOMPSON, (("first", None), ("nb", None)), memory_count=30)
    alike: dict[str, Any] = {"champion": "majority()", "champion_name": "first", "routing": rules, "detectors": ()}
    few = {"nb": 'blend(majority(), rules("a > 0.7 -> 0.9; otherwise 0.1"))'}
    more = {"new": "rules('otherwise 0.5')", **few}
    engine, same, other = (Engine(fickle_plan(0, challengers=names, **alike)) for names in (few, few, more))
    engine.process(messages[:cut])
    for grafted in (same, other):
        grafted.graft(decode(encode(engine.snapshot())))
    assert same.state_digest() == engine.state_digest()
    expected = engine.process(messages[cut:])
    assert other.process(messages[cut:]).predictions == expected.predictions
    arms = [each.summary().data["experiment"]["arms"] for each in (engine, other)]
    assert arms[0] == arms[1]

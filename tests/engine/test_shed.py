"""Challengers that are shed to save time: who can be, what becomes of them, and who brings them back."""

from __future__ import annotations

from typing import Any

import pytest

from engine import Command, Engine, Plan, Verb
from engine.evidence.rules import EvidenceRules
from engine.messages import Benched, Label, Request
from engine.promotion_rules import PromotionMode, PromotionRules
from engine.routing.rules import RoutingMode, RoutingRules
from engine.snapshot import decode, encode
from tests.engine.test_succession import RULES, Counting, Stub, ask, told_to, who


def made(champion: object = "majority()", **challengers: object) -> Engine:
    return Engine(Plan(champion=champion, champion_name="a", challengers=challengers, detectors=()))


def benched(engine: Engine, name: str) -> str | None:
    (found,) = [each.benched for each in engine.learner.contenders if each.name == name]
    return found


def test_a_shed_challenger_takes_no_steps_until_it_is_resumed_with_its_state_as_it_was() -> None:
    engine = made(b=(counting := Counting(0.0)))
    ask(engine, 0, target=True)
    out = engine.command(Command(Verb.SHED, "b"))
    assert out.commanded[0].refused is None
    assert out.benched == [Benched(2, 0, "b", "shed")]
    assert [each.model for each in ask(engine, 1, target=True).shadow] == ["no_change"]
    assert counting.learned == 1
    assert told_to(engine, Verb.RESUME, "b").refused is None
    answers = {each.model: each.answer for each in ask(engine, 2, target=True).shadow}
    assert answers["b"] == (False, 0.01), "what it missed stays missed"
    assert counting.learned == 2


def test_whoever_is_shed_takes_none_of_the_steps_that_wait_and_the_others_take_them_all() -> None:
    slow, other = Counting(0.0), Counting(0.0)
    engine = made(b=slow, c=other)
    for number in range(3):
        engine.answer([Request(number, {"x": 1.0}), Label(number, target=True)])
    engine.catch_up(step_count_max=len(engine.learner.tape) // 3)
    engine.command(Command(Verb.SHED, "b"))
    assert (slow.learned, other.learned) == (1, 1), "nobody is made to catch up for it"
    shadow = engine.catch_up().shadow
    assert (slow.learned, other.learned) == (1, 3)
    assert [(each.request_index, each.model) for each in shadow if each.model != "no_change"] == [(1, "c"), (2, "c")]


def test_what_was_answered_before_a_shedding_is_scored_after_it() -> None:
    engine = made(b=Stub(0.9))
    engine.process([Request(0, {"x": 1.0})])
    engine.command(Command(Verb.SHED, "b"))
    engine.process([Label(0, target=True)])
    assert engine.summary().data["models"]["b"]["metrics"]["count"] == 1


@pytest.mark.parametrize(
    ("verb", "name", "says"),
    [
        (Verb.SHED, "nobody", "there is no contender 'nobody'"),
        (Verb.SHED, "a", "'a' answers requests, and only who answers none can be shed"),
        (Verb.SHED, "b", "'b' is benched already (by command)"),
        (Verb.SHED, "c", "'c' is benched already (shed)"),
        (Verb.RESUME, "nobody", "there is no contender 'nobody'"),
        (Verb.RESUME, "a", "'a' is not benched"),
        (Verb.RESUME, "b", "'b' was not shed but benched (by command); restore it instead"),
    ],
)
def test_what_load_has_no_business_with_is_refused_and_changes_nothing(verb: Verb, name: str, says: str) -> None:
    engine = made(b="no_change()", c=RULES)
    ask(engine, 0, target=True)
    told_to(engine, Verb.BENCH, "b")
    told_to(engine, Verb.SHED, "c")
    before = engine.state_digest()
    refused = told_to(engine, verb, name).refused
    assert refused is not None
    assert refused.startswith(says)
    assert engine.state_digest() == before


def test_an_arm_of_an_experiment_answers_and_cannot_be_shed() -> None:
    routing = RoutingRules(mode=RoutingMode.AB, arms=(("a", 0.5), ("b", 0.5)))
    plan = Plan(champion="majority()", champion_name="a", challengers={"b": RULES}, detectors=(), routing=routing)
    assert told_to(Engine(plan), Verb.SHED, "b").refused is not None


def test_a_challenger_that_failed_is_not_resumed() -> None:
    engine = made(b=Stub(0.5, fails_at=1))
    ask(engine, 0)
    assert told_to(engine, Verb.RESUME, "b").refused is not None


def test_a_person_may_bench_or_restore_whom_the_worker_shed_and_has_the_last_word() -> None:
    engine = made(b=RULES)
    told_to(engine, Verb.SHED, "b")
    assert told_to(engine, Verb.BENCH, "b").refused is None
    assert told_to(engine, Verb.RESUME, "b").refused is not None
    assert benched(engine, "b") == "by command"
    told_to(engine, Verb.RESTORE, "b")
    told_to(engine, Verb.SHED, "b")
    assert told_to(engine, Verb.RESTORE, "b").refused is None
    assert benched(engine, "b") is None


def test_before_the_understudy_answers_whoever_was_shed_comes_back() -> None:
    engine = made(Stub(0.1, fails_at=2), b=Counting(0.0), c=Stub(0.7))
    ask(engine, 0, target=True)
    told_to(engine, Verb.BENCH, "c")
    told_to(engine, Verb.SHED, "b")
    assert who(ask(engine, 1)) == [("b", "challenger")]
    assert benched(engine, "b") is None


def test_who_is_healthy_and_not_shed_goes_before_who_is_shed() -> None:
    engine = made(Stub(0.1, fails_at=1), b=Stub(0.6), c=RULES)
    told_to(engine, Verb.SHED, "b")
    assert who(ask(engine, 0)) == [("c", "rules")]
    assert benched(engine, "b") == "shed"


def test_a_snapshot_remembers_who_was_shed() -> None:
    engine, again = made(b=RULES), made(b=RULES)
    told_to(engine, Verb.SHED, "b")
    again.restore(decode(encode(engine.snapshot())))
    assert again.state_digest() == engine.state_digest()
    assert told_to(again, Verb.RESUME, "b").refused is None


def test_the_evidence_for_whoever_is_shed_begins_anew() -> None:
    rules = PromotionRules(
        mode=PromotionMode.RECOMMEND, evidence=EvidenceRules("fixed", alpha=0.05), matured_count_min=0, epoch_inputs=8
    )
    fields: dict[str, Any] = {"champion": Stub(0.4), "champion_name": "a", "challengers": {"b": Stub(0.9)}}
    engine = Engine(Plan(**fields, detectors=(), baseline=False, promotion=rules))
    for number in range(20):
        engine.process([Request(number, {"x": 1.0}), Label(number, target=True)])
    promotion = engine.promotion
    assert promotion is not None
    assert promotion.standings()["b"]["matured"] > 10
    told_to(engine, Verb.SHED, "b")
    assert promotion.standings()["b"]["because"] == "benched (shed)"
    told_to(engine, Verb.RESUME, "b")
    ask(engine, 20, target=True)
    assert promotion.standings()["b"]["matured"] <= 1

"""Who answers: each command and each rung of the ladder, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from engine import Command, ConfigError, DecisionRules, Engine, Label, LabelRules, Plan, Request, Verb, parse_policy
from engine.messages import Benched, Commanded, Outcomes, Promoted
from engine.targets import Task


class Stub:
    """Answers one probability, and fails when told to."""

    def __init__(self, share: float, *, fails_at: int | None = None, learns_until: int | None = None) -> None:
        self.share = share
        self.fails_at = fails_at
        self.learns_until = learns_until
        self.calls = 0
        self.learned = 0

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        self.calls += 1
        if self.calls == self.fails_at:
            msg = "out of order"
            raise RuntimeError(msg)
        return {True: self.share, False: 1.0 - self.share}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.learned += 1
        if self.learned == self.learns_until:
            msg = "had enough"
            raise RuntimeError(msg)


class Counting(Stub):
    """Answers how much it has learned, so that an answer tells the state it came from."""

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        share = self.learned / 100
        return {True: share, False: 1.0 - share}


RULES = "rules('otherwise 0.25')"


def made(champion: object = "majority()", baseline: bool = True, **challengers: object) -> Engine:
    return Engine(Plan(champion=champion, champion_name="a", challengers=challengers, baseline=baseline, detectors=()))


def ask(engine: Engine, event_id: int | str, *, target: bool | None = None) -> Outcomes:
    messages: list[Any] = [Request(event_id, {"x": 1.0})]
    return engine.process(messages if target is None else [*messages, Label(event_id, target)])


def who(out: Outcomes) -> list[tuple[str, str | None]]:
    return [(prediction.model, prediction.rung) for prediction in out.predictions]


def told_to(engine: Engine, verb: Verb, name: str | None = None) -> Commanded:
    (commanded,) = engine.command(Command(verb, name)).commanded
    return commanded


def roles(engine: Engine) -> dict[str, str]:
    return {name: model["role"] for name, model in engine.summary().data["models"].items()}


def test_a_promoted_challenger_answers_from_there_and_the_old_champion_stays_in_the_shadow() -> None:
    engine = made(Stub(0.1), b=Stub(0.9))
    assert who(ask(engine, 0)) == [("a", None)]
    out = engine.command(Command(Verb.PROMOTE, "b"))
    assert out.commanded == [Commanded(1, 0, "promote", "b", "b", None)]
    assert out.promotions == [Promoted(1, 0, "a", "b", "command", "promoted")]
    out = ask(engine, 1)
    assert [(p.model, p.answer) for p in out.predictions] == [("b", (True, 0.9))]
    assert [(s.model, s.answer) for s in out.shadow if s.model == "a"] == [("a", (False, 0.1))]
    assert roles(engine) == {"a": "challenger", "b": "champion", "no_change": "baseline"}


def test_a_promoted_baseline_goes_back_to_being_the_baseline() -> None:
    engine = made(Stub(0.1))
    told_to(engine, Verb.PROMOTE, "no_change")
    assert roles(engine) == {"a": "challenger", "no_change": "champion"}
    told_to(engine, Verb.ROLLBACK)
    assert roles(engine) == {"a": "champion", "no_change": "baseline"}


@pytest.mark.parametrize(
    ("verb", "name", "says"),
    [
        (Verb.PROMOTE, "nobody", "there is no contender 'nobody'; there are a, b, c"),
        (Verb.PROMOTE, None, "there is no contender None"),
        (Verb.PROMOTE, "understudy", "there is no contender 'understudy'"),
        (Verb.PROMOTE, "a", "'a' is the champion already"),
        (Verb.PROMOTE, "b", "'b' is benched (by command); restore it first"),
        (Verb.ROLLBACK, None, "there was no champion before 'a'"),
        (Verb.BENCH, "nobody", "there is no contender 'nobody'"),
        (Verb.BENCH, "b", "'b' is benched already (by command)"),
        (Verb.RESTORE, "nobody", "there is no contender 'nobody'"),
        (Verb.RESTORE, "c", "'c' is not benched"),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence_and_changes_nothing(
    verb: Verb, name: str | None, says: str
) -> None:
    engine = made("majority()", b="no_change()", c=RULES)
    ask(engine, 0, target=True)
    told_to(engine, Verb.BENCH, "b")
    before = engine.state_digest()
    commanded = told_to(engine, verb, name)
    assert commanded.refused is not None
    assert commanded.refused.startswith(says)
    assert commanded.champion == "a"
    assert engine.state_digest() == before


def test_a_verb_there_is_not_is_the_callers_mistake() -> None:
    with pytest.raises(ConfigError, match=r"a command is promote, .*, allow, shed, resume, got 'abdicate'"):
        made().command(Command("abdicate", "a"))  # type: ignore[arg-type]


def test_a_command_may_be_spelled_as_text() -> None:
    engine = made(b=Stub(0.5))
    assert engine.command(Command("promote", "b")).commanded[0].refused is None  # type: ignore[arg-type]


def test_rollbacks_go_back_one_champion_after_another() -> None:
    engine = made(b=Stub(0.5), c=Stub(0.6))
    told_to(engine, Verb.PROMOTE, "b")
    told_to(engine, Verb.PROMOTE, "c")
    assert [told_to(engine, Verb.ROLLBACK).champion for _ in range(2)] == ["b", "a"]
    assert told_to(engine, Verb.ROLLBACK).refused == "there was no champion before 'a'"


def test_no_rollback_to_a_benched_champion() -> None:
    engine = made(b=Stub(0.5))
    told_to(engine, Verb.PROMOTE, "b")
    told_to(engine, Verb.BENCH, "a")
    assert (
        told_to(engine, Verb.ROLLBACK).refused == "'a', the champion before, is benched (by command); restore it first"
    )
    told_to(engine, Verb.RESTORE, "a")
    assert told_to(engine, Verb.ROLLBACK).champion == "a"


def test_a_champion_that_raises_is_replaced_within_the_very_request_by_a_challenger_as_it_stood_there() -> None:
    engine = made(Stub(0.1, fails_at=4), baseline=False, b=Counting(0.0), rules=RULES)
    messages: list[Any] = []
    for i in range(5):
        messages += [Request(i, {"x": 1.0}), Label(i, True)]
    out = engine.process(messages)
    assert who(out) == [("a", None)] * 3 + [("b", "challenger")] * 2
    assert [p.answer[1] for p in out.predictions[3:]] == [0.03, 0.04], "three labels had been learned, then four"
    assert out.benched == [Benched(6, 3, "a", "RuntimeError: out of order")]
    assert out.promotions == [Promoted(6, 3, "a", "b", "ladder", "a was benched: RuntimeError: out of order")]
    assert [s.request_index for s in out.shadow if s.model == "b"] == [0, 1, 2]
    assert [s.request_index for s in out.shadow] == sorted(s.request_index for s in out.shadow)


def test_a_champion_that_fails_while_it_learns_is_replaced_before_the_next_request() -> None:
    engine = made(Stub(0.1, learns_until=2), baseline=False, b=Counting(0.0))
    messages: list[Any] = []
    for i in range(3):
        messages += [Request(i, {"x": 1.0}), Label(i, True)]
    out = engine.process(messages)
    assert who(out) == [("a", None), ("a", None), ("b", "challenger")]
    assert out.predictions[2].answer[1] == 0.02
    assert [(p.position, p.after) for p in out.promotions] == [(3, "b")]


def test_the_ladder_is_the_champion_before_then_challengers_in_order_then_rules_then_the_understudy() -> None:
    engine = made(Stub(0.1), rules=RULES, b=Stub(0.2), c=Stub(0.3), d=Stub(0.4))
    told_to(engine, Verb.PROMOTE, "d")
    told_to(engine, Verb.PROMOTE, "c")
    seen = []
    for i in range(6):
        (prediction,) = ask(engine, i, target=True).predictions
        seen.append((prediction.model, prediction.rung))
        told_to(engine, Verb.BENCH, prediction.model)
    assert seen == [
        ("c", None),
        ("d", "challenger"),
        ("a", "challenger"),
        ("b", "challenger"),
        ("rules", "rules"),
        ("understudy", "understudy"),
    ]
    assert ask(engine, 6).predictions[0].answer == (True, 1.0), "it has learned six labels, all of them true"
    assert "champion" not in roles(engine).values()
    assert engine.summary().data["champion"] == "understudy"


def test_every_rung_may_break_within_one_request_and_it_is_answered() -> None:
    engine = made(Stub(0.1, fails_at=3), b=Stub(0.2, fails_at=3), c=Stub(0.3, fails_at=3))
    out = [ask(engine, i, target=True) for i in range(3)][-1]
    assert who(out) == [("understudy", "understudy")]
    assert [entry.contender for entry in out.benched] == ["a", "b", "c"]
    assert [(p.before, p.after) for p in out.promotions] == [("a", "b"), ("b", "c"), ("c", "understudy")]


@pytest.mark.parametrize("spec", ["no_change()", None])
def test_no_change_is_never_a_rung(spec: str | None) -> None:
    engine = made(Stub(0.1), **({"b": spec} if spec else {}))
    name = "b" if spec else "no_change"
    told_to(engine, Verb.PROMOTE, name)
    told_to(engine, Verb.ROLLBACK)
    told_to(engine, Verb.BENCH, "a")
    assert who(ask(engine, 0)) == [("understudy", "understudy")]


def test_a_restored_champion_waits_to_be_promoted_while_a_challenger_answers() -> None:
    engine = made(Stub(0.1), b=Stub(0.2))
    told_to(engine, Verb.BENCH, "a")
    assert told_to(engine, Verb.RESTORE, "a").champion == "b"
    assert who(ask(engine, 0)) == [("b", "challenger")]
    assert told_to(engine, Verb.ROLLBACK).champion == "a"
    assert who(ask(engine, 1)) == [("a", None)]


def test_a_restored_champion_answers_again_at_once_while_the_understudy_does() -> None:
    engine = made(Stub(0.1))
    told_to(engine, Verb.BENCH, "a")
    assert who(ask(engine, 0)) == [("understudy", "understudy")]
    out = engine.command(Command(Verb.RESTORE, "a"))
    assert [(p.before, p.after, p.rule) for p in out.promotions] == [("understudy", "a", "command")]
    assert who(ask(engine, 1)) == [("a", None)]
    assert told_to(engine, Verb.ROLLBACK).refused == "there was no champion before 'a'", "nobody goes back to oneself"


def test_a_command_ends_the_ladders_stamp() -> None:
    engine = made(Stub(0.1), b=Stub(0.2), c=Stub(0.3))
    told_to(engine, Verb.BENCH, "a")
    assert who(ask(engine, 0)) == [("b", "challenger")]
    told_to(engine, Verb.PROMOTE, "c")
    assert who(ask(engine, 1)) == [("c", None)]


def test_a_benched_contender_misses_its_steps_and_goes_on_from_its_state() -> None:
    engine = made("majority()", baseline=False, b=Counting(0.0))
    shadow = []
    for i in range(6):
        if i == 2:
            told_to(engine, Verb.BENCH, "b")
        if i == 4:
            told_to(engine, Verb.RESTORE, "b")
        shadow += ask(engine, i, target=True).shadow
    assert [(s.request_index, s.answer[1]) for s in shadow] == [(0, 0.0), (1, 0.01), (4, 0.02), (5, 0.03)]
    model = engine.summary().data["models"]["b"]
    assert (model["learned_count"], model["metrics"]["count"], model["benched"]) == (4, 4, None)


def test_a_duplicate_is_stamped_with_who_gave_the_first_answer() -> None:
    engine = made(Stub(0.1), b=Stub(0.9))
    ask(engine, "first", target=True)
    told_to(engine, Verb.BENCH, "a")
    ask(engine, "second")
    told_to(engine, Verb.RESTORE, "a")
    told_to(engine, Verb.PROMOTE, "a")
    again = [*ask(engine, "first").predictions, *ask(engine, "second").predictions]
    assert [(p.model, p.rung, p.answer[1], p.duplicate_of) for p in again] == [
        ("a", None, 0.1, 0),
        ("b", "challenger", 0.9, 1),
    ]


def test_the_understudy_decides_by_the_plans_rule() -> None:
    plan = Plan(champion=Stub(0.1), champion_name="a", decision=DecisionRules(threshold=0.2), baseline=False)
    engine = Engine(plan)
    for i in range(4):
        ask(engine, i, target=i == 0)
    told_to(engine, Verb.BENCH, "a")
    assert ask(engine, 4).predictions[0].answer == (True, 0.25)


def test_in_a_regression_the_understudy_is_the_mean() -> None:
    engine = Engine(Plan(task=Task.REGRESSION, classes=(), positive=None, champion="no_change()", champion_name="a"))
    for i, target in enumerate((1.0, 3.0)):
        engine.process([Request(i, {"x": 1.0}), Label(i, target)])
    told_to(engine, Verb.BENCH, "a")
    assert ask(engine, 2).predictions[0].answer == (2.0, 2.0)


def test_nobody_may_be_called_the_understudy() -> None:
    with pytest.raises(ConfigError, match="'understudy' is the name of who answers when no contender can"):
        made(understudy="majority()")


def test_as_long_as_the_champion_stays_what_was_served_counts_as_its_own() -> None:
    engine = made(Stub(0.1), b=Stub(0.9))
    ask(engine, 0, target=True)
    data = engine.summary().data
    assert data["served"] == {view: data["models"]["a"][view] for view in ("metrics", "matured")}
    assert engine.learner.served is engine.learner.contenders[0].judges


def test_an_answer_counts_as_served_whoever_is_champion_when_its_label_comes() -> None:
    rules = LabelRules(parse_policy("wait"), delayed=True)
    plan = Plan(champion=Stub(0.9), champion_name="a", challengers={"b": Stub(0.1)}, labels=rules, detectors=())
    engine = Engine(plan)
    ask(engine, 0)
    told_to(engine, Verb.PROMOTE, "b")
    ask(engine, 1)
    engine.process([Label(0, True), Label(1, True)])
    data = engine.summary().data
    assert data["served"]["metrics"]["confusion"] == {"tp": 1, "fp": 0, "fn": 1, "tn": 0}
    assert data["models"]["a"]["metrics"]["confusion"]["tp"] == 2
    assert data["models"]["b"]["metrics"]["confusion"]["fn"] == 2
    assert [row[0] for row in engine.summary().figures()[1]] == ["a", "b", "no_change", "as served"]

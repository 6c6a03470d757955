"""Versions of models: in one stream, one contender and one version mean one state of its model."""

from __future__ import annotations

from typing import Any

import pytest

from engine import Engine, LabelRules, Plan, Request, parse_policy
from engine.messages import Command, Verb
from engine.models.model import fingerprint_of
from engine.snapshot import digest
from tests.worlds import world

CONTENDERS: dict[str, Any] = {
    "champion": "river.naive_bayes.GaussianNB()",
    "challengers": {"tree": "hoeffding_tree(grace_count=10)", "majority": "majority()"},
}
RULES = LabelRules(parse_policy("wait(2d)"), delayed=True, relearn=True)
REACTIONS = ["none", "reset()", "gated()", "standby(every_count=5, life_count=10)"]


def plan_of(reaction: str = "none", **more: Any) -> Plan:
    fields = {**CONTENDERS, "labels": RULES, "detectors": ("river.drift.binary.DDM(warm_start=5)",), **more}
    return Plan(**fields, reactions=((None, reaction),))


class Seen:
    """Which state of its model each contender had in which version."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, int], str] = {}

    def look(self, engine: Engine) -> None:
        for contender in engine.learner.contenders:
            state = digest(fingerprint_of(contender.model))
            assert self.states.setdefault((contender.name, contender.version), state) == state, contender.name


@pytest.mark.parametrize("reaction", REACTIONS)
def test_one_version_means_one_state(reaction: str) -> None:
    engine, seen = Engine(plan_of(reaction)), Seen()
    for number, message in enumerate(world(5, 120)):
        versions = {each.name: each.version for each in engine.learner.contenders}
        out = engine.process([message])
        for prediction in out.predictions:
            if prediction.duplicate_of is None:
                assert prediction.version == versions[prediction.model]
        assert all(shadow.version == versions[shadow.model] for shadow in out.shadow)
        seen.look(engine)
        if number in {60, 90}:
            engine.command(Command(Verb.BENCH if number == 60 else Verb.RESTORE, "tree"))
    assert len(seen.states) > 60


def test_a_lag_changes_no_version_and_a_snapshot_keeps_them() -> None:
    messages = list(world(5, 120))
    whole, lagging = Engine(plan_of()), Engine(plan_of())
    expected = [(each.event_id, each.model, each.version) for each in whole.process(messages).shadow]
    found = []
    for number, message in enumerate(messages):
        lagging.answer([message])
        if number % 7 == 0:
            found += lagging.catch_up(None, 3).shadow
        if number % 50 == 0:
            state, lagging = lagging.snapshot(), Engine(plan_of())
            lagging.restore(state)
    found += lagging.catch_up().shadow
    assert [(each.event_id, each.model, each.version) for each in found] == expected
    assert lagging.state_digest() == whole.state_digest()


def test_a_new_contender_under_an_old_name_has_versions_of_its_own() -> None:
    messages = list(world(5, 80))
    engine, seen = Engine(plan_of()), Seen()
    seen.look(engine)
    for message in messages[:60]:
        engine.process([message])
        seen.look(engine)
    other = Engine(plan_of(challengers={"tree": "hoeffding_tree(grace_count=50)"}))
    other.graft(engine.snapshot())
    for message in messages[60:]:
        other.process([message])
        seen.look(other)
    assert min(version for name, version in seen.states if name == "tree" and version > 59) >= 60


def test_the_understudys_answers_have_a_version_too() -> None:
    engine = Engine(Plan(champion="majority()", challengers={}, detectors=()))
    engine.process(list(world(5, 40)))
    for name in [each.name for each in engine.learner.contenders]:
        engine.command(Command(Verb.BENCH, name))
    out = engine.process([Request("more", {"a": 1.0, "b": 2, "c": "x"})])
    assert out.predictions[0].model == "understudy"
    assert out.predictions[0].version == engine.learner.understudy.version > 0

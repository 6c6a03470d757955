"""Reactions where they live: in an engine, with detectors, episodes, promotion, slices and snapshots around them."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from engine import Command, DecisionRules, Engine, Label, LabelRules, Plan, Request, Verb, parse_policy
from engine.drift.episode_rules import EpisodeRules
from engine.errors import ConfigError
from engine.messages import Message, Outcomes
from engine.models.estimator import EstimatorModel
from engine.promotion_rules import PromotionMode, PromotionRules
from engine.snapshot import decode, encode
from engine.targets import Task

FAST = ("adwin(clock=1, delta=0.05)",)
HOUR = 3_600_000


def plan(champion: object = "majority()", **changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "champion": champion,
        "champion_name": "model",
        "baseline": False,
        "detectors": FAST,
        "episodes": EpisodeRules(settle_count=60, quiet_count=120, length_count_max=400),
    }
    return Plan(**(fields | changes))


def events(targets: Iterable[bool], begin: int = 0) -> list[Message]:
    """Return requests, each with its label behind it, an hour apart."""
    found: list[Message] = []
    for index, target in enumerate(targets, begin):
        found.append(Request(index, {"a": float(target), "b": index % 3}, index * HOUR))
        found.append(Label(index, target, index * HOUR))
    return found


def phases(*pairs: tuple[int, bool], noise: float = 0.05, seed: int = 1) -> list[bool]:
    """Return so many targets of each kind in turn, a share of them the other way."""
    random = Random(seed)
    return [target is not (random.random() < noise) for count, target in pairs for _ in range(count)]


def steps(outs: Iterable[Outcomes]) -> list[tuple[str, str]]:
    return [(reaction.contender, reaction.step) for out in outs for reaction in out.reactions]


def test_each_contender_does_what_its_own_reaction_says_and_nobody_else_anything() -> None:
    engine = Engine(
        plan(
            challengers={"g": "majority()", "p": "majority()", "f": "majority()", "n": "majority()"},
            reactions=((None, "reset()"), ("g", "gated()"), ("p", "pool()"), ("f", "forget(keep=0.0)"), ("n", "none")),
        )
    )
    out = engine.process(events(phases((300, False), (300, True))))
    found = steps([out])
    assert ("model", "reset") in found
    assert ("g", "swapped") in found
    assert ("p", "reset") in found
    assert ("f", "forgot") in found
    assert "n" not in {name for name, _ in found}
    named = {reaction.contender: reaction.episode for reaction in out.reactions if reaction.step != "forked"}
    assert all(episode is not None and episode.startswith(f"{name}#") for name, episode in named.items())
    assert {alarm.watched.partition(".")[0] for alarm in out.alarms} >= {"model", "g", "p", "f", "n"}


def test_a_pool_reinstates_what_it_knew_and_the_episode_is_then_recurring() -> None:
    engine = Engine(plan(reactions=((None, "pool()"),)))
    outs = [engine.process(events(phases((300, False), (300, True), (300, False))))]
    assert [step for _, step in steps(outs)] == ["forked", "reset", "forked", "reinstated"]
    reinstated = outs[0].reactions[-1]
    kinds = {state.episode: state.kind for state in outs[0].episodes}
    assert kinds[reinstated.episode] == "recurring"
    first = outs[0].reactions[0].episode
    assert kinds[first] != "recurring"


def test_no_swap_without_an_alarm_before_it() -> None:
    """A gated model, whatever was forked, is the first one until a detector has said drift."""
    for seed in range(6):
        engine = Engine(plan(reactions=((None, "gated(alpha=0.9, trial_count=60)"),), detectors=("adwin()",)))
        out = engine.process(events(phases((400, False), (100, True), (200, False), noise=0.2, seed=seed)))
        swaps = [reaction.position for reaction in out.reactions if reaction.step == "swapped"]
        assert all(any(alarm.position <= swap for alarm in out.alarms) for swap in swaps)


class FailsLater:
    """Predicts False, and raises when told to."""

    fails = False

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        if self.fails:
            msg = "no more"
            raise RuntimeError(msg)
        return {True: 0.2, False: 0.8}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        """Learn nothing."""


def test_nothing_is_done_about_a_drift_of_a_benched_contender_and_its_state_is_kept() -> None:
    """Its answers from before still mature, and their loss rises: that is told, and nothing more."""
    labels = LabelRules(parse_policy("wait(400h)"), delayed=True)
    engine = Engine(plan(labels=labels, challengers={"b": "majority()"}, reactions=((None, "reset()"),)))
    targets = phases((150, False), (150, True))
    asked = [message for message in events(targets) if isinstance(message, Request)]
    engine.process(asked)
    engine.process([Label(index, target, 300 * HOUR) for index, target in enumerate(targets)])
    engine.command(Command(Verb.BENCH, "model"))
    model = engine.learner.contenders[0].model
    known = model.snapshot()
    out = engine.process([Request(300 + n, {"a": 0.0, "b": 0}, (500 + 3 * n) * HOUR) for n in range(80)])
    assert "model.loss" in {alarm.watched for alarm in out.alarms}
    assert [reaction for reaction in out.reactions if reaction.contender == "model"] == []
    assert engine.learner.contenders[0].model is model
    assert model.snapshot() == known


@pytest.mark.parametrize(
    ("reaction", "said"),
    [("gated(alpha=0.001)", ("dropped", "the contender was benched")), ("standby()", None), ("reset()", None)],
)
def test_a_contender_that_is_benched_lets_go_of_who_was_on_trial(reaction: str, said: tuple[str, str] | None) -> None:
    engine = Engine(plan(challengers={"b": "majority()"}, reactions=(("model", reaction),)))
    out = engine.process(events(phases((300, False), (14, True), noise=0.0)))
    engine.command(Command(Verb.BENCH, "model"), out)
    told = [(each.step, each.reason) for each in out.reactions if each.reason == "the contender was benched"]
    assert told == ([] if said is None else [said])
    engine.command(Command(Verb.RESTORE, "model"))
    engine.process(events(phases((200, True)), 314))
    assert engine.learner.contenders[0].benched is None


def test_where_no_evidence_is_gathered_nobody_writes_down_what_was_replaced() -> None:
    engine = Engine(plan(reactions=((None, "reset()"),)))
    engine.process(events(phases((200, False), (200, True), (200, False))))
    assert engine.learner.contenders[0].replaced is None


def test_evidence_for_promotion_begins_anew_where_a_reaction_replaced_the_model() -> None:
    rules = PromotionRules(mode=PromotionMode.RECOMMEND, matured_count_min=10_000, epoch_inputs=8)
    engine = Engine(plan(challengers={"b": "majority()"}, reactions=(("b", "reset()"),), promotion=rules))
    targets = phases((300, False), (200, True))
    out = engine.process(events(targets))
    (last,) = [reaction for reaction in out.reactions if reaction.step == "reset"][-1:]
    promotion = engine.promotion
    assert promotion is not None
    assert promotion.standings()["b"]["matured"] == len(targets) - 1 - last.request_index


def mixed(**changes: Any) -> Plan:
    """Return a plan in which every reaction has something under way nearly all the time."""
    return plan(
        "river.naive_bayes.GaussianNB()",
        challengers={"s": "river.naive_bayes.GaussianNB()", "p": "majority()", "f": "majority()"},
        reactions=(
            (None, "gated(alpha=0.9, lookback_count=20, trial_count=60, rival_count=3)"),
            ("s", "standby(every_count=10, life_count=40, alpha=0.9)"),
            ("p", "pool(lead=3, audition_count=20, lookback_count=10)"),
            ("f", "forget()"),
        ),
        **changes,
    )


def said(outs: Iterable[Outcomes]) -> list[Any]:
    """Return what happened, in order of position, however the slices were."""
    found = [*outs]
    names = ("predictions", "alarms", "episodes", "reactions", "benched")
    return [sorted(repr(each) for out in found for each in getattr(out, name)) for name in names]


PLANS = {
    "at once": mixed(),
    "matured": mixed(labels=LabelRules(parse_policy("negative_after(30h)"), delayed=True)),
    "alerts on the highest": mixed(decision=DecisionRules(alert_rate=0.3)),
    "brier": mixed(promotion=PromotionRules(loss="brier")),
}
plans = pytest.mark.parametrize("made", PLANS.values(), ids=PLANS.keys())


@plans
def test_slices_of_any_length_react_alike(made: Plan) -> None:
    messages = events(phases((120, False), (120, True), (120, False), noise=0.15))
    results = []
    for size in (1, 37, 1_000):
        engine = Engine(made)
        outs = [engine.process(messages[at : at + size]) for at in range(0, len(messages), size)]
        results.append((said(outs), engine.state_digest()))
    assert results[0] == results[1] == results[2]
    assert {step for _, step in steps(outs)} >= {"forked", "swapped"}


@plans
@pytest.mark.parametrize("cut", [1, 267, 388, 600])
def test_an_engine_restored_in_the_midst_of_trials_goes_on_as_if_nothing_had_happened(made: Plan, cut: int) -> None:
    messages = events(phases((120, False), (120, True), (120, False), noise=0.15))
    whole, after = Engine(made), Engine(made)
    whole.process(messages[:cut])
    # Into an engine that has lived through something else: nothing of that may be left.
    after.process(messages[-90:])
    after.restore(decode(encode(whole.snapshot())))
    assert after.state_digest() == whole.state_digest()
    assert said([after.process(messages[cut:])]) == said([whole.process(messages[cut:])])
    assert after.state_digest() == whole.state_digest()


def test_an_object_cannot_be_made_anew_and_one_that_cannot_forget_is_not_told_to() -> None:
    with pytest.raises(ConfigError, match="a reaction makes model anew, and it is an object; give it as a spec"):
        Engine(plan(FailsLater(), reactions=((None, "gated()"),)))
    with pytest.raises(ConfigError, match="model cannot forget a part of what it has learned"):
        Engine(plan("river.naive_bayes.GaussianNB()", reactions=((None, "forget()"),)))
    with pytest.raises(ConfigError, match="there is a reaction for nobody, and no such contender"):
        Engine(plan(reactions=(("nobody", "reset()"),)))


def test_a_regression_reacts_by_its_error_up_to_loss_max() -> None:
    made = plan(
        "mean()",
        task=Task.REGRESSION,
        classes=(),
        positive=None,
        reactions=((None, "gated()"),),
        promotion=PromotionRules(loss_max=20.0),
    )
    engine = Engine(made)
    random = Random(4)
    levels = [5.0] * 400 + [12.0] * 300
    messages: list[Message] = []
    for index, level in enumerate(levels):
        messages += [Request(index, {"a": 1.0}), Label(index, level + random.gauss(0.0, 1.0))]
    out = engine.process(messages)
    assert [step for _, step in steps([out])][:2] == ["forked", "swapped"]
    champion = engine.learner.champion
    assert champion is not None
    assert not isinstance(champion.model, EstimatorModel)
    assert champion.model.predict({})[1] == pytest.approx(12.0, abs=0.5)

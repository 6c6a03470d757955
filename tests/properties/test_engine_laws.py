"""What holds for every stream, whatever is in it: conservation, slice invariance, lag, restoration."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import DecisionRules, Engine, LabelRules, Limits, Plan, parse_policy
from engine.drift.budget import parse_budget
from engine.drift.episode_rules import EpisodeRules
from engine.evidence.rules import EvidenceRules
from engine.label_join import LabelJoin
from engine.messages import Message, Outcomes
from engine.promotion_rules import PromotionMode, PromotionRules
from engine.routing.rules import RoutingMode, RoutingRules
from engine.shift.rules import TESTS, ShiftRules
from engine.snapshot import decode, encode
from engine.targets import Task
from tests.worlds import told, world

SMALL = Limits(pending_count_max=60, held_count_max=5, dedup_count_max=50, category_count_max=2, window_count=50)
SCALER = "river.preprocessing.StandardScaler()"
SEEDS = st.integers(0, 2**32)


def binary_plan(policy: str = "wait(2d)", **changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "champion": f"{SCALER} | river.linear_model.LogisticRegression()",
        "challengers": {
            "nb": "river.naive_bayes.GaussianNB()",
            "rules": "rules(\"a > 0.7 -> 0.9; c == 'x' -> 0.2; otherwise 0.1\")",
            "blend": "blend(majority(), river.tree.HoeffdingTreeClassifier(grace_period=20))",
        },
        "detectors": ("river.drift.ADWIN(clock=1, grace_period=5)", "river.drift.binary.DDM(warm_start=10)"),
        "labels": LabelRules(parse_policy(policy), delayed=True, relearn=policy != "wait"),
        "limits": SMALL,
    }
    return Plan(**(fields | changes))


EAGER = PromotionRules(
    mode=PromotionMode.AUTOMATIC,
    evidence=EvidenceRules(run_length=1.0),
    matured_count_min=3,
    positive_count_min=0,
    span_ms_min=0,
    margin=-0.2,
    harm_run_length=5.0,
    epoch_inputs=8,
)
"""Promotes on next to nothing, so that much happens in a short stream."""

WATCHFUL = ShiftRules(
    watch="all",
    reference_count=40,
    window_count=30,
    alpha=0.9,
    tests=TESTS,
    psi_min=0.0,
    wasserstein_min=0.0,
    share_min=0.0,
    d3_auc_min=0.5,
    block_count=5,
)
"""Finds something in next to everything."""

PLANS: dict[str, Plan] = {
    "wait": binary_plan("wait"),
    "wait with a horizon": binary_plan("wait(2d)"),
    "negative after": binary_plan("negative_after(1d)", decision=DecisionRules(alert_rate=0.1, costs=(1.0, 9.0))),
    "threshold": binary_plan("wait(2d)", decision=DecisionRules(threshold=0.3), limits=Limits()),
    "multiclass": binary_plan(
        "wait(2d)",
        task=Task.MULTICLASS,
        classes=(),
        positive=None,
        champion="river.forest.ARFClassifier(n_models=2, grace_period=20)",
        challengers={"ht": "river.tree.HoeffdingAdaptiveTreeClassifier(grace_period=20)"},
    ),
    "regression": binary_plan(
        "wait(2d)",
        task=Task.REGRESSION,
        classes=(),
        positive=None,
        champion="mean()",
        challengers={"lr": f"{SCALER} | river.linear_model.LinearRegression()", "blend": "blend(mean(), no_change())"},
        detectors=("river.drift.PageHinkley()",),
    ),
    "judged": binary_plan(
        "negative_after(1d)",
        detectors=(
            "adwin(clock=1, delta=0.9)",
            "misses=hddm_w(drift_confidence=0.5, warning_confidence=0.6)",
            "alert_rate=cusum()",
            "calibration=adwin()",
        ),
        reactions=(
            (None, "standby(every_count=4, life_count=20, alpha=0.9)"),
            ("nb", "gated(alpha=0.9, lookback_count=5, trial_count=5, buffer_count=20)"),
            ("blend", "pool(audition_count=3, lookback_count=3, buffer_count=20)"),
        ),
        promotion=EAGER,
        episodes=EpisodeRules(settle_count=5, quiet_count=10),
    ),
    "watched without labels": binary_plan(
        "negative_after(1d)",
        detectors=(
            "adwin(clock=1, delta=0.9)",
            "estimate_gap=adwin(clock=1, delta=0.9)",
            "feature.a=adwin(clock=1, delta=0.9, direction='both')",
            "feature.b=e_sr(run_length=5)",
        ),
        shift=WATCHFUL,
        episodes=EpisodeRules(settle_count=5, quiet_count=10),
    ),
    "watched without labels under a budget": binary_plan(
        "negative_after(1d)",
        detectors=("e_sr(run_length=2, m=0.1)",),
        budget=parse_budget("100 per 10 events"),
        shift=WATCHFUL,
        episodes=EpisodeRules(settle_count=5, quiet_count=10),
    ),
    "watched against the window before": binary_plan(
        "wait(2d)",
        labels=LabelRules(parse_policy("wait(2d)"), delayed=True),
        task=Task.MULTICLASS,
        classes=(),
        positive=None,
        champion="river.naive_bayes.GaussianNB()",
        challengers={"ht": "river.tree.HoeffdingTreeClassifier(grace_period=20)"},
        detectors=("adwin(clock=1, delta=0.9)",),
        shift=replace(WATCHFUL, watch=("a", "c"), reference="rolling"),
    ),
    "judged at once": binary_plan(
        "wait",
        labels=LabelRules(),
        detectors=("adwin(clock=1, delta=0.9)", "false_alerts=fhddm(window=5)"),
        reactions=(("rules", "reset()"), ("nb", "pool(audition_count=3, lookback_count=3, buffer_count=20)")),
        promotion=replace(EAGER, evidence=EvidenceRules("fixed", "bernstein", alpha=0.9)),
    ),
    "a budget of time": binary_plan(
        "negative_after(1d)",
        detectors=(
            "river.drift.ADWIN(clock=1, grace_period=5)",
            "misses=stepd(window=5, errors_min=0)",
            "alert_rate=hddm_w(drift_confidence=0.9, warning_confidence=0.95)",
            "calibration=kswin(alpha=0.9, window=10, sample=5)",
        ),
        budget=parse_budget("50 per 1d"),
        decision=DecisionRules(threshold=0.3),
        reactions=((None, "gated(alpha=0.9, lookback_count=5, trial_count=5, buffer_count=20)"),),
        episodes=EpisodeRules(settle_count=5, quiet_count=10),
    ),
    "a budget of events": binary_plan(
        "wait",
        labels=LabelRules(),
        detectors=("loss=kswin(alpha=0.9, window=10, sample=5)", "false_alerts=ddm(warm_up=1, errors_min=0)"),
        budget=parse_budget("10 per 10 events"),
        reactions=(("nb", "reset()"),),
    ),
    "an A/B test": binary_plan(
        "negative_after(1d)",
        promotion=replace(EAGER, mode=PromotionMode.RECOMMEND),
        routing=RoutingRules(RoutingMode.AB, (("nb", 0.3), ("logistic_regression", 0.7)), planned_count=9),
    ),
    "a bandit of three": binary_plan(
        "wait",
        labels=LabelRules(),
        detectors=("adwin(clock=1, delta=0.9)",),
        reactions=(("nb", "pool(audition_count=3, lookback_count=3, buffer_count=20)"),),
        routing=RoutingRules(
            RoutingMode.THOMPSON,
            tuple((name, None) for name in ("logistic_regression", "nb", "rules")),
            memory_count=50,
        ),
    ),
    "a bandit of classes": binary_plan(
        "wait(2d)",
        task=Task.MULTICLASS,
        classes=(),
        positive=None,
        champion="majority()",
        challengers={"ht": "river.tree.HoeffdingTreeClassifier(grace_period=20)"},
        routing=RoutingRules(RoutingMode.EPSILON_GREEDY, (("majority", None), ("ht", None))),
    ),
    "a judged regression": binary_plan(
        "wait(2d)",
        task=Task.REGRESSION,
        classes=(),
        positive=None,
        champion="mean()",
        challengers={"lr": f"{SCALER} | river.linear_model.LinearRegression()"},
        detectors=("page_hinkley()",),
        reactions=((None, "gated(alpha=0.9, lookback_count=5, trial_count=5, buffer_count=20)"), ("mean", "forget()")),
        promotion=replace(EAGER, loss_max=2.0),
    ),
}
plans = pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS.keys())


def sliced(messages: list[Message], size: int) -> list[list[Message]]:
    rest = iter(messages)
    return list(iter(lambda: list(islice(rest, size)), []))


def assert_conserved(join: LabelJoin) -> None:
    ledger = join.ledger
    ended = ledger.labelled + ledger.expired + ledger.negative_by_policy + ledger.requests_dead + ledger.duplicates
    assert ledger.requests == join.pending_count + ended
    turned = ledger.superseded + ledger.label_duplicates + ledger.late + ledger.unmatched + ledger.labels_dead
    assert ledger.labels == join.held_count + ledger.learned + turned


@plans
@given(seed=SEEDS)
@settings(max_examples=6, deadline=None)
def test_both_sums_hold_after_every_message_and_every_outcome_is_counted(plan: Plan, seed: int) -> None:
    engine = Engine(plan)
    outcomes = []
    for message in world(seed, 150, plan.task):
        outcomes.append(engine.process([message]))
        assert_conserved(engine.scorer.join)
    data = engine.summary().data
    ends = [end for out in outcomes for end in out.label_ends]
    for name in ("learned", "superseded", "duplicate", "late", "unmatched"):
        assert data["labels"][name] == sum(end.end == name for end in ends)
    request_ends = [end for out in outcomes for end in out.request_ends]
    for name in ("expired", "negative_by_policy"):
        assert data["requests"][name] == sum(end.end == name for end in request_ends)
    predictions = [prediction for out in outcomes for prediction in out.predictions]
    assert data["duplicates"] == sum(p.duplicate_of is not None for p in predictions)
    assert data["predictions"] == sum(p.duplicate_of is None for p in predictions)
    assert data["dead_letters"] == sum(len(out.dead_letters) for out in outcomes)
    assert data["dead_letters"] == data["requests"]["dead"] + data["labels"]["dead"]


@plans
@given(seed=SEEDS)
@settings(max_examples=4, deadline=None)
def test_slices_of_1_7_and_500_say_the_same_bits_and_leave_the_same_state(plan: Plan, seed: int) -> None:
    messages = world(seed, 150, plan.task)
    results = set()
    for size in (1, 7, 500):
        engine = Engine(plan)
        said = told([engine.process(part) for part in sliced(messages, size)])
        results.add((said, repr(engine.summary().data), engine.state_digest()))
    assert len(results) == 1


@plans
@given(seed=SEEDS, cut=st.integers(0, 300))
@settings(max_examples=4, deadline=None)
def test_a_restored_engine_goes_on_as_if_nothing_had_happened(plan: Plan, seed: int, cut: int) -> None:
    messages = world(seed, 150, plan.task)
    whole, before, after = Engine(plan), Engine(plan), Engine(plan)
    whole.process(messages[:cut])
    before.answer(messages[:cut])
    after.restore(decode(encode(before.snapshot())))
    assert after.state_digest() == before.state_digest()
    after.catch_up()
    assert after.state_digest() == whole.state_digest()
    assert told([after.process(messages[cut:])]) == told([whole.process(messages[cut:])])
    assert after.state_digest() == whole.state_digest()
    assert repr(after.summary().data) == repr(whole.summary().data)


def gathered(outcomes: list[Outcomes], kind: str) -> list[Any]:
    """Return all outcomes of one kind, by position."""
    said = [each for out in outcomes for each in getattr(out, kind)]
    return sorted(said, key=lambda each: (each.position, repr(each)))


@plans
@given(seed=SEEDS)
@settings(max_examples=4, deadline=None)
def test_a_lagging_challenger_is_late_never_wrong(plan: Plan, seed: int) -> None:
    messages, random = world(seed, 150, plan.task), Random(seed)
    prompt, lagging = Engine(plan), Engine(plan)
    expected = [prompt.process(part) for part in sliced(messages, 5)]
    found: list[Outcomes] = []
    for part in sliced(messages, 5):
        found.append(lagging.answer(part))
        found.append(lagging.catch_up(step_count_max=random.randrange(9)))
    found.append(lagging.catch_up())
    for kind in ("alarms", "episodes", "reactions"):
        # What a challenger does at one position is said after what the champion does at a later one.
        assert gathered(found, kind) == gathered(expected, kind)
        for out in (*expected, *found):
            getattr(out, kind).clear()
    assert told(found) == told(expected)
    assert lagging.state_digest() == prompt.state_digest()


@given(seed=SEEDS)
@settings(max_examples=5, deadline=None)
def test_challengers_change_nothing_about_the_champion(seed: int) -> None:
    messages = world(seed, 150)
    alone = Engine(binary_plan(challengers={}))
    accompanied = Engine(binary_plan())
    for part in sliced(messages, 20):
        assert accompanied.process(part).predictions == alone.process(part).predictions


class Trouble:
    """A challenger that behaves for a while, then does not."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.calls = 0

    def predict_proba_one(self, x: dict[str, float]) -> Any:
        self.calls += 1
        x.clear()
        if self.calls < 40:
            return {True: 0.5, False: 0.5}
        if self.kind == "raises":
            msg = "out of order"
            raise RuntimeError(msg)
        return {"nan": {True: float("nan")}, "text": "yes", "above one": {True: 1.5}, "none": None}.get(self.kind)

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        x["a"] = 1e9
        if self.kind == "raises on learning" and self.calls > 30:
            raise ValueError(self.kind)

    def snapshot(self) -> int:
        return self.calls

    def restore(self, state: int) -> None:
        self.calls = state


@pytest.mark.parametrize("kind", ["raises", "nan", "text", "above one", "none", "raises on learning"])
def test_a_broken_challenger_is_benched_and_the_champion_never_notices(kind: str) -> None:
    messages = world(3, 200)
    alone, troubled = Engine(binary_plan(challengers={})), Engine(binary_plan(challengers={"t": Trouble(kind)}))
    benched = []
    for part in sliced(messages, 20):
        out = troubled.process(part)
        benched += out.benched
        assert out.predictions == alone.process(part).predictions
    assert [entry.contender for entry in benched] == ["t"]
    assert troubled.summary().data["models"]["t"]["benched"] == benched[0].reason


@pytest.mark.parametrize("kind", ["raises", "nan", "raises on learning"])
def test_a_broken_champion_is_replaced_by_its_understudy_and_every_request_is_answered(kind: str) -> None:
    engine = Engine(binary_plan(champion=Trouble(kind), champion_name="t", challengers={}))
    outcomes = [engine.process(part) for part in sliced(world(4, 200), 10)]
    predictions = [prediction for out in outcomes for prediction in out.predictions]
    assert len(predictions) == engine.summary().data["predictions"] + engine.summary().data["duplicates"]
    assert {prediction.model for prediction in predictions} == {"t", "understudy"}
    assert all(prediction.answer is not None for prediction in predictions)
    assert sum(len(out.benched) for out in outcomes) == 1


@given(seed=SEEDS)
@settings(max_examples=5, deadline=None)
def test_reading_a_summary_changes_nothing(seed: int) -> None:
    messages = world(seed, 100)
    read, unread = Engine(binary_plan()), Engine(binary_plan())
    for part in sliced(messages, 3):
        read.process(part)
        read.summary()
        read.state_digest()
        unread.process(part)
    assert read.state_digest() == unread.state_digest()

"""Watches under a budget: fed in any pieces, kept and restored anywhere, renewed in between, they say the same."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import ConfigError, Engine, Label, LabelRules, Plan, Request, parse_budget
from engine.drift.detector import Verdict
from engine.judges import Judges
from engine.messages import Answer
from engine.shift.rules import ShiftRules
from engine.snapshot import decode, encode
from engine.tape import Moment
from engine.watching import Timing

BUDGETS = ("1 per 2d", "1 per 1000 events")
COUNT, CHANGE = 2_400, 1_500
SPECS = ("hddm_w()", "misses=stepd(errors_min=10)", "alert_rate=adwin(clock=1)", "calibration=page_hinkley()")


def plan_of(budget: str | None, **changes: object) -> Plan:
    given = None if budget is None else parse_budget(budget)
    return Plan(detectors=SPECS, budget=given, labels=LabelRules(), **changes)  # type: ignore[arg-type]


@cache
def events() -> tuple[tuple[Answer, bool, Moment], ...]:
    """Return answers that get worse, with their targets, a few a minute with pauses and a wild clock."""
    random, now, found = Random(5), 10**12, []
    for index in range(COUNT):
        now += random.randrange(20_000) + (3_600_000 if random.random() < 0.01 else 0)
        target = random.random() < 0.3
        right = random.random() < (0.9 if index < CHANGE else 0.4)
        answer = (target if right else not target, 0.3)
        found.append((answer, target, Moment(2 * index, index, 10**15 if index == 100 else now)))
    return tuple(found)


def drive(judges: Judges, start: int, end: int) -> list[tuple[int, str, Verdict]]:
    """Show some of the events, and return what was said."""
    said = []
    for answer, target, when in events()[start:end]:
        found = judges.show(Timing.ANSWERED, answer, target=False, when=when)
        found += judges.show(Timing.LABELLED, answer, target, when)
        found += judges.show(Timing.MATURED, answer, target, when)
        said += [(when.request_index, watch.signal.value, verdict) for watch, verdict in found]
    return said


@cache
def whole(budget: str) -> tuple[list[tuple[int, str, Verdict]], bytes]:
    judges = plan_of(budget).judges("majority")
    return drive(judges, 0, COUNT), encode(judges.snapshot())


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_change_is_an_alarm_on_loss_and_misses_and_what_came_before_is_none(budget: str) -> None:
    alarms = [(index, signal) for index, signal, verdict in whole(budget)[0] if verdict is Verdict.DRIFT]
    assert {signal for _, signal in alarms} >= {"loss", "misses"}
    assert min(index for index, _ in alarms) > CHANGE


@pytest.mark.parametrize("budget", BUDGETS)
@given(cuts=st.lists(st.integers(0, COUNT), max_size=4).map(sorted))
@settings(max_examples=8, deadline=None)
def test_cut_and_restored_anywhere_the_same_is_said(budget: str, cuts: list[int]) -> None:
    judges, said = plan_of(budget).judges("majority"), []
    for start, end in zip([0, *cuts], [*cuts, COUNT], strict=True):
        fresh = plan_of(budget).judges("majority")
        fresh.restore(decode(encode(judges.snapshot())))
        judges = fresh
        said += drive(judges, start, end)
    assert (said, encode(judges.snapshot())) == whole(budget)


def test_renewed_watches_learn_anew_and_go_on_counting() -> None:
    judges = plan_of(BUDGETS[0]).judges("majority")
    drive(judges, 0, 1_000)
    before = [watch.warrant.ledger.snapshot() for watch in judges.watches if watch.warrant]
    judges.renew()
    assert [watch.warrant.m for watch in judges.watches if watch.warrant] == [None] * len(SPECS)
    assert [watch.warrant.ledger.snapshot() for watch in judges.watches if watch.warrant] == before


def test_without_a_budget_watches_have_no_warrant_and_keep_what_they_kept() -> None:
    judges = plan_of(None).judges("majority")
    assert [watch.warrant for watch in judges.watches] == [None] * len(SPECS)
    assert "clock" not in judges.snapshot()


def test_the_baseline_is_not_watched_under_a_budget_and_a_contender_like_it_is() -> None:
    budget = parse_budget(BUDGETS[0])
    assert plan_of(BUDGETS[0]).judges("no_change").watches == ()
    assert plan_of(None).judges("no_change").watches != ()
    named = Plan(budget=budget, challengers={"no_change": "no_change()"})
    assert named.judges("no_change").watches != ()
    assert named.budget_share == 0.5


def test_every_detector_on_every_contender_gets_an_equal_share() -> None:
    plan = plan_of(BUDGETS[0], challengers={"a": "majority()", "b": "majority()"})
    assert plan.budget_share == pytest.approx(1 / 12)
    shares = [watch.warrant.promised for watch in plan.judges("a").watches if watch.warrant]
    assert shares == pytest.approx([12 * 2 * 86_400_000.0] * 4)


@pytest.mark.parametrize("text", ["adwin(direction='better')", "vote(adwin(), cusum(direction='better'))"])
def test_what_hears_only_improvement_is_refused_under_a_budget(text: str) -> None:
    with pytest.raises(ConfigError, match="budget is about what rises"):
        Plan(detectors=(text,), budget=parse_budget(BUDGETS[0])).judges("majority")
    assert Plan(detectors=(text,)).judges("majority").watches


def test_the_summary_tells_what_was_promised_allowed_and_raised() -> None:
    engine = Engine(plan_of(BUDGETS[1], schema=None, challengers={"no": 'rules("otherwise 0.1")'}))
    random = Random(1)
    for index in range(1_200):
        target = random.random() < (0.1 if index < 800 else 0.9)
        engine.process([Request(index, {"a": 1.0}, None), Label(index, target, None)])
    data = engine.summary().data["alarm_budget"]
    assert (data["budget"], data["unit"]) == (BUDGETS[1], "events")
    assert [watch["watched"].partition(".")[0] for watch in data["watches"]] == ["majority"] * 4 + ["no"] * 4
    assert data["alarms"] == sum(watch["alarms"] for watch in data["watches"]) == engine.alarm_count > 0
    assert data["allowed"] == pytest.approx(sum(watch["elapsed"] for watch in data["watches"]) / 8_000)
    for watch in data["watches"]:
        assert watch["run_length_promised"] == 8_000
        assert watch["alarms"] <= watch["drifts"]
        if watch["alarms"]:
            assert watch["run_length"] == watch["elapsed"] / watch["alarms"]
            assert watch["values_per_alarm"] == watch["values"] / watch["alarms"]
        else:
            assert watch["run_length"] is watch["values_per_alarm"] is None


def test_looks_without_labels_take_their_share_of_the_budget_and_no_more() -> None:
    """However large `alpha` is; and what a look may take is what was earned since the one before."""
    shift = ShiftRules(watch="all", reference_count=200, window_count=100, block_count=100, alpha=0.5)
    plan = plan_of("1 per 1000 events", schema=None, shift=shift)
    engine = Engine(plan)
    random = Random(1)
    for index in range(2_000):
        shifted = 3.0 if index >= 1_000 else 0.0
        engine.process([Request(index, {"a": random.gauss(shifted, 1.0)}, None), Label(index, random.random() < 0.3)])
    data = engine.summary().data["alarm_budget"]
    requests, labels = data["looks"]
    assert plan.budget_share == pytest.approx(1 / 6)
    assert requests["run_length_promised"] == labels["run_length_promised"] == pytest.approx(6_000)
    # Eighteen looks of a hundred requests each, and what came before the first: a silence earns a tenth at most.
    assert requests["looks"] == 18
    assert requests["allowed"] == pytest.approx(18 * 0.1 / 6)
    assert requests["alarms"] > 0
    assert data["alarms"] == engine.alarm_count


def test_a_detector_on_a_feature_is_refused_under_a_budget() -> None:
    with pytest.raises(ConfigError, match=r"holds no detector on a feature, got 'feature.a=adwin\(\)'; name it in"):
        Engine(Plan(detectors=("adwin()", "feature.a=adwin()"), budget=parse_budget("1 per 1000 events")))

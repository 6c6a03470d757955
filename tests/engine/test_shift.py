"""Watching without labels: what is found, what is not, and what is expected of contenders before labels come."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from scipy import stats

from engine import ConfigError, Engine, Label, LabelRules, Plan, Request, Schema, parse_policy
from engine.messages import Alarm, Episode, Message, Outcomes
from engine.schema import Column, Kind
from engine.shift.baseline import Names, Table
from engine.shift.rules import TESTS, ShiftRules
from engine.shift.windows import Windows
from engine.snapshot import decode, encode

HOUR = 3_600_000
WATCHING = ShiftRules(watch="all", reference_count=500, window_count=200)

STEADY = "rules('amount > 1000 -> 0.9; otherwise 0.1')"
"""A model that does not learn: the scores of one that does move by themselves."""


def plan_of(**changes: Any) -> Plan:
    fields: dict[str, Any] = {
        "champion": STEADY,
        "champion_name": "steady",
        "baseline": False,
        "detectors": (),
        "shift": WATCHING,
    }
    return Plan(**(fields | changes))


def values_of(random: Random) -> dict[str, object]:
    return {
        "amount": random.gauss(50, 10),
        "speed": random.random(),
        "sensor": random.gauss(0, 1),
        "city": random.choice(["Bern", "Basel", "Chur"]),
    }


def shifted(random: Random, what: str) -> dict[str, object]:
    values = values_of(random)
    if what == "amount":
        values["amount"] = random.gauss(58, 10)
    elif what == "city" and random.random() < 0.1:
        values["city"] = "Zug"
    elif what == "sensor":
        del values["sensor"]
    elif what == "together":
        # Each alone is as it was; only together they are not.
        values["sensor"] = values["amount"] / 10 - 5  # type: ignore[operator]
    return values


def fed(engine: Engine, values: list[dict[str, object]], first: int = 0) -> Outcomes:
    return engine.process([Request(first + i, each, (first + i) * HOUR) for i, each in enumerate(values)])


def changed(what: str, rules: ShiftRules = WATCHING, *, after: int = 1_000) -> tuple[Engine, list[Alarm]]:
    """Return an engine that was fed 1,300 requests before a change and some after it, and all alarms."""
    random = Random(4)
    engine = Engine(plan_of(shift=rules))
    before = fed(engine, [values_of(random) for _ in range(1_300)])
    out = fed(engine, [shifted(random, what) for _ in range(after)], 1_300)
    return engine, before.alarms + out.alarms


@pytest.mark.parametrize(
    ("what", "watched", "tests"),
    [
        ("amount", "feature.amount", {"psi", "ks", "wasserstein"}),
        ("city", "feature.city", {"js", "unseen"}),
        ("sensor", "feature.sensor", {"missing"}),
    ],
)
def test_a_change_is_found_at_the_first_look_after_it_where_it_is_and_said_once(
    what: str, watched: str, tests: set[str]
) -> None:
    rules = ShiftRules(watch="all", reference_count=500, window_count=200, tests=TESTS)
    engine, alarms = changed(what, rules)
    assert {alarm.detector for alarm in alarms if alarm.watched == watched} == tests
    assert {alarm.watched for alarm in alarms} <= {watched, "features"}
    assert all(alarm.request_index == 1_499 for alarm in alarms if alarm.watched == watched)
    assert len(alarms) == len({(alarm.watched, alarm.detector) for alarm in alarms})
    assert {alarm.signal for alarm in alarms} == {"shift"}
    data = engine.summary().data["shift"]
    assert {f"{watched}:{test}" for test in tests} <= set(data["found"])
    assert data["looks"] == 9


def test_a_rolling_reference_comes_to_rest_where_a_frozen_one_goes_on_to_differ() -> None:
    rolling = ShiftRules(watch="all", reference="rolling", reference_count=500, window_count=200)
    for rules, rests in ((rolling, True), (WATCHING, False)):
        engine, alarms = changed("amount", rules, after=2_000)
        assert "feature.amount" in {alarm.watched for alarm in alarms}
        assert ("feature.amount:psi" not in engine.summary().data["shift"]["found"]) is rests


def test_only_what_is_asked_for_is_watched() -> None:
    engine, alarms = changed("amount", ShiftRules(watch=("city",), reference_count=500, window_count=200))
    assert alarms == []
    assert set(engine.summary().data["shift"]["standing"]) == {"feature.city", "score.steady"}
    engine, alarms = changed("amount", ShiftRules())
    assert alarms == []
    assert engine.summary().data["shift"] is None
    assert engine.learner.watcher is None


def test_many_small_shifts_that_no_feature_shows_alone_are_found_together() -> None:
    random = np.random.default_rng(3)
    rules = ShiftRules(watch="all", tests=("psi", "d3"))
    names = [f"f{i}" for i in range(30)]
    engine = Engine(plan_of(shift=rules))

    def rows(shift: float, count: int) -> list[dict[str, object]]:
        return [dict(zip(names, row, strict=True)) for row in (random.normal(size=(count, 30)) + shift).tolist()]

    assert fed(engine, rows(0.0, 4_000)).alarms == []
    found = fed(engine, rows(0.2, 1_000), 4_000).alarms
    assert [(alarm.watched, alarm.detector) for alarm in found] == [("features", "d3")]


def test_a_stream_that_does_not_change_is_called_changed_no_oftener_than_alpha_says() -> None:
    rng = np.random.default_rng(11)
    # Without any floor, so that chance alone decides.
    rules = ShiftRules(
        watch="all",
        reference_count=500,
        window_count=300,
        alpha=0.2,
        tests=TESTS,
        psi_min=0.0,
        wasserstein_min=0.0,
        share_min=0.0,
        d3_auc_min=0.5,
    )
    names = Names([(0, "normal"), (1, "skewed"), (2, "whole"), (3, "gone")], [(0, "few"), (1, "many")], [])

    def table(count: int) -> Table:
        gone = np.where(rng.random(count) < 0.05, np.nan, rng.normal(size=count))
        whole = rng.integers(0, 6, count).astype(float)
        numbers = np.column_stack([rng.normal(size=count), rng.exponential(size=count), whole, gone])
        codes = np.column_stack([rng.integers(-1, 4, count), np.minimum(rng.zipf(1.4, count), 900)]).astype(np.int32)
        return Table(numbers, codes, np.zeros((count, 0)))

    runs = 300
    looks = 0
    for _ in range(runs):
        windows = Windows(rules, names)
        windows.add(table(500))
        assert windows.add(table(300))
        looks += bool(windows.look(rules.alpha / windows.test_count))
    assert 0 < looks <= stats.binom.ppf(0.999, runs, rules.alpha)


class Calibrated:
    """Answers with the probability that the world uses."""

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        return {True: x["p"], False: 1.0 - x["p"]}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        """It knows already."""


def probable(count: int, seed: int, *, p_min: float = 0.0, wrong: float = 0.0, first: int = 0) -> list[Message]:
    """Return requests whose truth has the probability they name, less what is wrong."""
    random = Random(seed)
    messages: list[Message] = []
    for i in range(first, first + count):
        p = random.uniform(p_min, 1.0)
        messages += [Request(i, {"p": p}), Label(i, random.random() < p - wrong)]
    return messages


def test_what_is_expected_without_labels_is_what_comes_where_probabilities_mean_what_they_say() -> None:
    engine = Engine(plan_of(champion=Calibrated(), champion_name="c"))
    engine.process(probable(20_000, 6))
    data = engine.summary().data
    estimate, realised = data["shift"]["estimates"]["c"], data["models"]["c"]["matured"]
    for figure in ("accuracy", "precision", "recall", "f1"):
        # Four standard errors of a share of about 10,000.
        assert estimate[figure] == pytest.approx(realised[figure], abs=4 * 0.5 / 100)
    assert abs(estimate["matured"]["gap"]) < 4 * 0.5 / 141
    assert estimate["matured"]["count"] == 20_000
    assert estimate["matured"]["realised_loss"] == pytest.approx(1.0 - realised["accuracy"], abs=1e-12)


def test_the_gap_between_what_was_expected_and_what_came_is_a_signal_for_any_detector() -> None:
    detectors = ("estimate_gap=adwin()",)
    for wrong, heard in ((0.0, False), (0.25, True)):
        shift = ShiftRules(watch=("p",), tests=("psi",))
        engine = Engine(plan_of(champion=Calibrated(), champion_name="c", detectors=detectors, shift=shift))
        assert engine.process(probable(3_000, 7, p_min=0.5)).alarms == []
        alarms = engine.process(probable(3_000, 8, p_min=0.5, wrong=wrong, first=3_000)).alarms
        assert {alarm.watched for alarm in alarms} == ({"c.estimate_gap"} if heard else set())
        gap = engine.summary().data["shift"]["estimates"]["c"]["matured"]["gap"]
        assert gap == pytest.approx(wrong / 2, abs=4 * 0.5 / 77)


def late_world(lag_of: Any, count: int, seed: int, first: int = 0) -> list[Message]:
    """Return requests an hour apart, each with a label after a lag in hours, None for never, by time."""
    random = Random(seed)
    found: list[tuple[float, int, Message]] = []
    for i in range(first, first + count):
        found.append((i, 0, Request(i, {"a": random.random()}, i * HOUR)))
        lag = lag_of(random)
        if lag is not None:
            found.append((i + lag, 1, Label(i, random.random() < 0.3, int((i + lag) * HOUR))))
    return [message for _, _, message in sorted(found, key=lambda each: each[:2])]


def usual_lag(random: Random) -> float | None:
    return None if random.random() < 0.1 else random.uniform(1, 30)


@pytest.mark.parametrize(
    ("lag", "watched"),
    [
        (lambda random: None if random.random() < 0.1 else random.uniform(10, 40), "labels.delay"),
        (lambda random: None if random.random() < 0.4 else random.uniform(1, 30), "labels.rate"),
        (usual_lag, None),
    ],
)
def test_labels_that_come_later_or_more_seldom_are_found(lag: Any, watched: str | None) -> None:
    labels = LabelRules(parse_policy("wait(2d)"), delayed=True)
    engine = Engine(plan_of(labels=labels, shift=ShiftRules(watch="all", reference_count=500, window_count=200)))
    # One world is over before the next begins, so that no label of the first comes late.
    assert engine.process(late_world(usual_lag, 1_500, 1)).alarms == []
    alarms = engine.process(late_world(lag, 1_000, 2, 1_600)).alarms
    assert {alarm.watched for alarm in alarms} == ({watched} if watched else set())


def test_more_positives_are_found_where_every_label_comes_with_its_request() -> None:
    engine = Engine(plan_of())
    random = Random(9)

    def labelled(share: float, first: int) -> list[Message]:
        ids = range(first, first + 1_500)
        pairs = [(Request(i, {"a": random.random()}), Label(i, random.random() < share)) for i in ids]
        return [message for pair in pairs for message in pair]

    assert engine.process(labelled(0.1, 0)).alarms == []
    alarms = engine.process(labelled(0.25, 1_500)).alarms
    assert {(alarm.watched, alarm.detector) for alarm in alarms} == {("labels.positives", "share")}


def test_a_detector_on_a_feature_is_shown_each_number_once_and_nothing_where_it_is_missing() -> None:
    random = Random(1)
    spec = "adwin(direction='both')"
    plan = plan_of(detectors=(f"feature.amount={spec}",), shift=ShiftRules(), challengers={"other": "majority()"})
    engine = Engine(plan)
    assert fed(engine, [values_of(random) for _ in range(1_000)]).alarms == []
    assert fed(engine, [{"speed": 0.1} for _ in range(1_000)], 1_000).alarms == []
    alarms = fed(engine, [shifted(random, "amount") for _ in range(1_000)], 2_000).alarms
    assert {(alarm.watched, alarm.detector, alarm.signal) for alarm in alarms} == {("feature.amount", spec, "drift")}
    assert alarms[0].request_index < 2_400
    assert all(alarm.episode is None for alarm in alarms)


def test_a_feature_that_is_not_there_and_a_detector_of_errors_alone_are_refused() -> None:
    schema = Schema((Column("amount", Kind.NUMERIC), Column("city", Kind.CATEGORY)))
    for changes, said in (
        ({"detectors": ("feature.amont=adwin()",)}, "no such feature 'amont'"),
        ({"detectors": ("feature.city=adwin()",)}, "no such feature 'city'"),
        ({"detectors": ("feature.amount=ddm()",)}, "takes only 0 and 1"),
        ({"shift": ShiftRules(watch=("amont",))}, "no such feature 'amont'"),
    ):
        with pytest.raises(ConfigError, match=said):
            Engine(plan_of(schema=schema, **changes))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"watch": "some"}, "watch is 'all', 'none' or a list"),
        ({"reference": "warm"}, "reference is 'frozen' or 'rolling'"),
        ({"tests": ("psi", "chi2")}, "tests are among"),
        ({"alpha": 0.0}, "alpha must be between 0 and 1"),
        ({"window_count": 150}, "window_count must be a multiple of 100"),
        ({"reference_count": 0}, "reference_count must be a multiple of 100"),
        ({"block_count": 0}, "block_count must be between"),
    ],
)
def test_rules_that_make_no_sense_are_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ShiftRules(**fields)


def judged_world(what: str | None, seed: int) -> list[Message]:
    """Return 3,000 labelled requests, and 2,500 more in which what is true has turned round, and a feature moved."""
    random = Random(seed)
    messages: list[Message] = []
    for i in range(5_500):
        turned = i >= 3_000
        values = shifted(random, what) if turned and what else values_of(random)
        truth = (values["speed"] < 0.5) != turned  # type: ignore[operator]
        messages += [Request(i, values), Label(i, truth)]
    return messages


@pytest.mark.parametrize(
    ("what", "feature", "category"),
    [("amount", "amount", None), ("city", "city", "Zug"), ("sensor", "sensor", "(missing)"), (None, None, None)],
)
def test_an_episode_says_which_feature_moved_with_it_and_names_none_where_none_did(
    what: str | None, feature: str | None, category: str | None
) -> None:
    plan = plan_of(champion="rules('speed < 0.5 -> 0.9; otherwise 0.1')", detectors=("adwin()",), shift=ShiftRules())
    engine = Engine(plan)
    episodes: list[Episode] = engine.process(judged_world(what, 12)).episodes
    assert [episode.stage for episode in episodes] == ["opened", "characterised", "closed"] or episodes[-1].stage in {
        "characterised",
        "closed",
    }
    kept = engine.summary().data["episodes"][-1]
    for moved in (episodes[-1].moved, [tuple(each.values()) for each in kept["moved"]]):
        assert [each[0] for each in moved] == ([] if feature is None else [feature])
    if feature is not None:
        assert episodes[-1].moved[0].category == (category if category != "Zug" else "(others)")
        assert episodes[-1].moved[0].distance > 0.1


def test_estimates_and_references_of_contenders_that_stay_go_on_after_a_graft() -> None:
    random = Random(3)
    before = Engine(plan_of(challengers={"a": "majority()"}))
    fed(before, [values_of(random) for _ in range(1_150)])
    after = Engine(plan_of(challengers={"b": "majority()", "a": "majority()"}))
    after.graft(decode(encode(before.snapshot())))
    ours, theirs = after.summary().data["shift"], before.summary().data["shift"]
    assert ours["estimates"]["a"] == theirs["estimates"]["a"]
    assert ours["estimates"]["b"]["accuracy"] is None
    out = fed(after, [values_of(random) for _ in range(400)], 1_150)
    assert out.alarms == []
    assert after.summary().data["shift"]["looks"] == theirs["looks"] + 2

"""Watching without labels on real streams: where their features are known to move, and where they are not."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from pathlib import Path

from engine import Engine, Plan, Request
from engine.shift.rules import ShiftRules
from engine.targets import Task
from tests.replays import figures, real

INSECTS = "insects_gradual_balanced/insects_gradual_balanced.csv.gz"


def looks_that_found(path: Path, *leave_out: str, rules: ShiftRules) -> Counter[int]:
    """Return how many findings each look had, by the number of requests before it."""
    plan = Plan(
        task=Task.MULTICLASS,
        classes=(),
        positive=None,
        champion="majority()",
        baseline=False,
        detectors=(),
        shift=rules,
    )
    engine = Engine(plan)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        requests = [
            Request(i, {name: float(value) for name, value in row.items() if name not in leave_out})
            for i, row in enumerate(csv.DictReader(file))
        ]
    alarms = engine.process(requests).alarms
    return Counter(alarm.request_index + 1 for alarm in alarms)


def test_the_features_of_insects_move_where_their_means_are_known_to_and_rest_in_between() -> None:
    """Their means shift near requests 11,770, 13,800, 14,028 and 23,270, as measured on the whole stream."""
    rules = ShiftRules(watch="all", reference="rolling", reference_count=1_000, window_count=500)
    found = looks_that_found(real(INSECTS), "class", rules=rules)
    for first, last in ((11_500, 12_500), (13_500, 14_500), (23_000, 24_000)):
        assert sum(count for at, count in found.items() if first <= at <= last) >= 10
    for first, last in ((5_000, 10_500), (15_000, 22_500)):
        assert sum(count for at, count in found.items() if first <= at <= last) <= 2


def test_an_episode_of_insects_names_features_that_moved_with_it() -> None:
    """The baseline, which repeats the label before, is cheap and hears how classes follow each other."""
    summary = figures(real(INSECTS), "class", contenders={"champion": "majority()"}, detectors={"specs": ("adwin()",)})
    episodes = [each for each in summary["episodes"] if each["kind"] is not None]
    late = [each for each in episodes if each["watched"] == "no_change.loss" and each["onset_index"] > 9_000]
    assert late
    assert any(each["moved"] for each in late)
    assert all(len(each["moved"]) <= 5 for each in episodes)
    assert all(moved["distance"] >= 0.1 for each in episodes for moved in each["moved"])

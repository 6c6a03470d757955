"""Published figures, reproduced without a configuration file.

Accuracies are prequential, in per cent. Where a published figure is MOA's, whose algorithms differ in detail from
River's, the oracle is River's own loop on the same file, and MOA's figure is only asked to be near.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from river import drift, naive_bayes, tree

from tests.replays import figures, real

NAIVE_BAYES = "naive_bayes=river.naive_bayes.GaussianNB()"
TREE = "hoeffding_tree=river.tree.HoeffdingTreeClassifier()"
ADAPTIVE_TREE = "adaptive_tree=river.tree.HoeffdingAdaptiveTreeClassifier(seed=42)"


def accuracy(summary: dict[str, Any], contender: str) -> float:
    return 100 * float(summary["models"][contender]["metrics"]["accuracy"])


def alarms(summary: dict[str, Any], contender: str) -> list[int]:
    return [alarm["index"] for alarm in summary["alarms"] if alarm["watched"] == f"{contender}.loss"]


def contenders(*challengers: str) -> dict[str, object]:
    return {"contenders": {"challengers": challengers}}


def rivers_errors(path: Path, target: str, positive: str, model: Any) -> Iterator[int]:
    """Yield River's 0/1 errors on a file of numbers with two classes: ask, then learn."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            y = row.pop(target) == positive
            x = {name: float(value) for name, value in row.items()}
            yield int((model.predict_one(x) or False) != y)
            model.learn_one(x, y)


def test_elec2() -> None:
    summary = figures(real("elec2/elec2.csv.gz"), "class", **contenders(NAIVE_BAYES, TREE, ADAPTIVE_TREE))
    assert summary["events"] == 45_312
    assert accuracy(summary, "naive_bayes") == pytest.approx(72.88, abs=0.05)
    assert accuracy(summary, "hoeffding_tree") == pytest.approx(79.85, abs=0.05)
    assert accuracy(summary, "adaptive_tree") == pytest.approx(83.19, abs=0.05)
    assert accuracy(summary, "no_change") == pytest.approx(85.33, abs=0.05)


def test_electricity_tiny_is_rivers_to_the_event_and_near_what_capymoa_asserts_of_moa() -> None:
    path = real("elec2/electricity_tiny_capymoa.csv.gz")
    summary = figures(path, "class", **contenders(NAIVE_BAYES, TREE, ADAPTIVE_TREE))
    expected: dict[str, tuple[float, Callable[[], Any]]] = {
        "naive_bayes": (84.0, naive_bayes.GaussianNB),
        "hoeffding_tree": (82.65, tree.HoeffdingTreeClassifier),
        "adaptive_tree": (84.15, lambda: tree.HoeffdingAdaptiveTreeClassifier(seed=42)),
    }
    for name, (moas, make) in expected.items():
        errors = list(rivers_errors(path, "class", "1", make()))
        assert accuracy(summary, name) == 100 * (1 - sum(errors) / len(errors))
        assert accuracy(summary, name) == pytest.approx(moas, abs=1.25)
    assert accuracy(summary, "no_change") == 85.95
    assert accuracy(summary, "majority") == pytest.approx(60.2, abs=0.15)


def test_sea_and_its_abrupt_changes() -> None:
    """The concept changes at 12,500, 25,000 and 37,500: naive Bayes hardly feels the second, the tree the first."""
    path = real("synthetic_known_drift/sea_50k.csv.gz")
    summary = figures(path, "class", **contenders(NAIVE_BAYES, TREE))
    assert accuracy(summary, "naive_bayes") == pytest.approx(84.48, abs=0.05)
    assert accuracy(summary, "hoeffding_tree") == pytest.approx(84.81, abs=0.05)
    assert accuracy(summary, "no_change") == pytest.approx(53.44, abs=0.05)
    assert alarms(summary, "hoeffding_tree") == [25_407, 39_967]
    detector = drift.ADWIN()
    theirs = []
    for index, error in enumerate(rivers_errors(path, "class", "1", naive_bayes.GaussianNB())):
        detector.update(error)
        if detector.drift_detected:
            theirs.append(index)
    assert alarms(summary, "naive_bayes") == theirs
    first, last = theirs
    assert 12_500 < first < 13_500
    assert 37_500 < last < 39_000


def test_insects() -> None:
    path = real("insects_gradual_balanced/insects_gradual_balanced.csv.gz")
    summary = figures(path, "class", **contenders(NAIVE_BAYES, TREE))
    assert summary["task"] == "multiclass"
    assert accuracy(summary, "naive_bayes") == pytest.approx(53.62, abs=0.05)
    assert accuracy(summary, "hoeffding_tree") == pytest.approx(58.58, abs=0.05)
    assert accuracy(summary, "no_change") == pytest.approx(36.59, abs=0.05)
    assert any(14_028 < index < 15_028 for index in alarms(summary, "naive_bayes"))


def test_a_shuffled_stream_raises_no_alarm_on_naive_bayes() -> None:
    path = real("covertype_iid_93k/covertype_iid_93k.csv.gz")
    summary = figures(path, "Cover_Type", input={"limit": 12_000}, **contenders(NAIVE_BAYES))
    assert summary["events"] == 12_000
    assert summary["task"] == "multiclass"
    assert alarms(summary, "naive_bayes") == []

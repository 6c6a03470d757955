"""River's adaptive random forest is the oracle: with its draws, ours gives its answers, splits, warnings and drifts.

River's draws are written down while it runs and handed to our dice, tree by tree. Every answer is compared to 1e-9,
the numbers of warnings and drifts at every event, and all splits of all trees at every 250th event and the last.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import numpy as np
import pytest
from river import drift, tree
from river.datasets import synth

from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.targets import Task
from tests.grown_trees import Split, add_up_from_left_to_right, rivers_splits, splits_below
from tests.recorded_draws import recorded_forest, scripted, streams_with_a_break

COUNT = 10_000
STRUCTURE_EVERY = 250

Example = tuple[dict[str, Any], Any]


@pytest.fixture(autouse=True)
def _sums_of_python_3_11_in_rivers_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    add_up_from_left_to_right(monkeypatch)


class Rivers:
    """What River's forest did on a stream, and what it drew."""

    def __init__(self, stream: Sequence[Example], *, regression: bool = False, **settings: Any) -> None:
        forest = recorded_forest(sorted(stream[0][0]), seed=3, regression=regression, **settings)
        self.task = Task.REGRESSION if regression else Task.MULTICLASS
        self.answers: list[Any] = []
        self.alarms: list[tuple[int, int]] = []
        self.structures: dict[int, list[list[Split]]] = {}
        for event, (x, target) in enumerate(stream, 1):
            self.answers.append(forest.predict_one(x) if regression else forest.predict_proba_one(x))
            forest.learn_one(x, target)
            self.alarms.append((forest.n_warnings_detected(), forest.n_drifts_detected()))
            if event % STRUCTURE_EVERY == 0 or event == len(stream):
                self.structures[event] = [list(rivers_splits(each._root)) for each in forest]
        self.scripts = forest._rng.scripts


def assert_ours_are_rivers(rivers: Rivers, stream: Sequence[Example], **settings: Any) -> None:
    model = AdaptiveRandomForest(rivers.task, n_models=len(rivers.scripts), river_compat=True, **settings)
    model._arrays = (*model._arrays[:2], scripted(model._arrays[2], rivers.scripts))
    # Columns get their numbers in the order of names, which is River's.
    ordered = [(dict(sorted(x.items())), target) for x, target in stream]
    for event, ((x, target), theirs) in enumerate(zip(ordered, rivers.answers, strict=True), 1):
        _, shares = model.predict(x)
        if not isinstance(shares, dict):
            assert shares == pytest.approx(theirs, rel=1e-9, abs=1e-9), event
        elif theirs:
            for each in theirs.keys() | shares.keys():
                assert shares.get(each, 0.0) == pytest.approx(theirs.get(each, 0.0), rel=0.0, abs=1e-9), event
        model.learn(x, target, 1.0)
        alarms = sum(model.warning_counts), sum(model.drift_counts)
        assert alarms == rivers.alarms[event - 1], event
        if event in rivers.structures:
            roots = model._arrays[2][1:, model._kernel.ROOT].tolist()
            assert [splits_below(model, root) for root in roots] == rivers.structures[event], event


@pytest.mark.parametrize("name", ["rtg", "rbf", "sea", "agrawal"])
def test_answers_splits_warnings_and_drifts_are_rivers_where_the_concept_breaks(name: str) -> None:
    stream = streams_with_a_break(COUNT)[name]
    rivers = Rivers(stream, n_models=4)
    warnings, drifts = rivers.alarms[-1]
    assert min(warnings, drifts) >= 4
    assert sum(len(each) for each in rivers.structures[COUNT]) > 20
    assert_ours_are_rivers(rivers, stream)


def with_texts(count: int) -> list[Example]:
    """Return a stream of numbers and texts that breaks in the middle."""
    made: list[Example] = []
    for function in (0, 6):
        for x, target in synth.Agrawal(function, seed=4).take(count // 2):
            codes = ("elevel", "car", "zipcode")
            numbers = {name: float(value) for name, value in x.items() if name not in codes}
            made.append((numbers | {name: f"{name}{x[name]}" for name in codes}, target))
    return made


def with_holes(count: int) -> list[Example]:
    """Return the same with every tenth value missing from the second example on."""
    random, made = Random(7), with_texts(count)
    return [made[0], *(({name: v for name, v in x.items() if random.random() < 0.9}, y) for x, y in made[1:])]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({}, {}),
        ({"leaf_prediction": "mc", "split_criterion": "gini"}, {"leaf_answer": "majority", "criterion": "gini"}),
        ({"leaf_prediction": "nb", "max_features": "log2"}, {"leaf_answer": "nb", "max_features": "log2"}),
        ({"lambda_value": 1, "binary_split": True}, {"lambda_value": 1.0, "binary_splits": True}),
        ({"disable_weighted_vote": True, "max_features": 0.6}, {"weighted_vote": False, "max_features": 0.6}),
        ({"warning_detector": drift.NoDrift(), "max_features": None}, {"warning_delta": None, "max_features": None}),
        ({"drift_detector": drift.NoDrift(), "max_features": 4}, {"drift_delta": None, "max_features": 4}),
    ],
    ids=["default", "majority", "bayes", "binary", "equal-votes", "no-warnings", "no-drifts"],
)
@pytest.mark.parametrize("stream", [with_texts, with_holes])
def test_settings_texts_and_holes_are_as_rivers(stream: Any, theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    examples = stream(1_200)
    assert_ours_are_rivers(Rivers(examples, n_models=3, **theirs), examples, **ours)


def of_numbers(count: int, *, texts: bool = True) -> list[Example]:
    """Return a stream with a text and holes whose targets are numbers, and turn around and rise in the middle."""
    random = Random(5)
    made: list[Example] = []
    for place in range(count):
        x: dict[str, Any] = {name: random.gauss(0.0, 1.0) for name in "abcdef"} | {"kind": random.choice("pqr")}
        target = 3.0 * x["a"] + 2.0 * (x["b"] > 0.0) + 4.0 * (x["kind"] == "q") + 0.2 * random.gauss(0.0, 1.0)
        if place > 0 and random.random() < 0.2:
            del x[random.choice("abcdef")]
        if not texts:
            x["kind"] = float("pqr".index(x["kind"]))
        made.append((x, target if place < count // 2 else 30.0 - target))
    return made


@pytest.mark.parametrize(("aggregation", "leaf"), [("median", "mean"), ("mean", "mean"), ("median", "adaptive")])
def test_of_numbers_answers_splits_warnings_and_drifts_are_rivers(aggregation: str, leaf: str) -> None:
    stream = of_numbers(5_000, texts=leaf == "mean")
    rivers = Rivers(
        stream,
        regression=True,
        n_models=4,
        aggregation_method=aggregation,
        leaf_prediction=leaf,
        splitter=tree.splitter.QOSplitter(radius=0.25),
    )
    assert min(rivers.alarms[-1]) >= 4
    assert sum(len(each) for each in rivers.structures[5_000]) > 20
    assert_ours_are_rivers(rivers, stream, aggregation=aggregation, leaf=leaf)


def test_with_other_draws_the_answers_are_others() -> None:
    stream = streams_with_a_break(600)["rbf"]
    rivers = Rivers(stream, n_models=4)
    rivers.scripts = [[count + 1 for count in script] for script in rivers.scripts]
    model = AdaptiveRandomForest(Task.MULTICLASS, n_models=4, river_compat=True)
    answers = model.test_then_train(
        sorted(stream[0][0]),
        np.array([[x[name] for name in sorted(x)] for x, _ in stream]),
        [target for _, target in stream],
    )
    theirs = np.array([[answer.get(each, 0.0) for each in model.classes] for answer in rivers.answers])
    assert abs(answers - theirs).max() > 0.1

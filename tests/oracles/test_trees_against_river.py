"""River's Hoeffding trees are the oracle: with `river_compat` the same splits at the same events, and the same answers.

A split is compared by its path, feature and threshold after every event at which either tree has grown, an answer at
every event to 1e-9. Two merits that differ in the last bits alone could part the trees; in these streams none do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random
from typing import Any

import pytest
from river import tree
from river.datasets import synth

from engine.models.compiled.hoeffding_tree import HoeffdingTree
from engine.targets import Task
from tests.grown_trees import (
    Example,
    add_up_from_left_to_right,
    agrawal,
    named,
    our_splits,
    rivers_splits,
    unruly,
    with_holes,
)

SMALL: dict[str, Any] = {"grace_count": 50, "delta": 0.01}
RIVERS_NAMES = {
    "grace_count": "grace_period",
    "leaf_answer": "leaf_prediction",
    "criterion": "split_criterion",
    "branch_share_min": "min_branch_fraction",
    "majority_share_max": "max_share_to_split",
    "depth_max": "max_depth",
    "binary_splits": "binary_split",
    "branch_weight_min": "min_samples_split",
    "leaf": "leaf_prediction",
    "leaf_decay": "model_selector_decay",
    "switch_count": "drift_window_threshold",
}


@pytest.fixture(autouse=True)
def _sums_of_python_3_11(monkeypatch: pytest.MonkeyPatch) -> None:
    add_up_from_left_to_right(monkeypatch)


def as_river(settings: dict[str, Any]) -> dict[str, Any]:
    renamed = {RIVERS_NAMES.get(name, name): value for name, value in settings.items()}
    if renamed.get("leaf_prediction") == "majority":
        renamed["leaf_prediction"] = "mc"
    return renamed


def agree(stream: Iterable[Example], *, splits_min: int, weight: Callable[[], float] = lambda: 1.0,
          **settings: Any) -> None:  # fmt: skip
    """Ask and teach both trees, event by event."""
    theirs: Any = tree.HoeffdingTreeClassifier(**as_river(settings))
    ours = HoeffdingTree(Task.MULTICLASS, river_compat=True, **settings)
    count = -1
    for event, (x, target) in enumerate(stream):
        expected, (_, said) = theirs.predict_proba_one(x), ours.predict(x)
        assert isinstance(said, dict)
        assert said == pytest.approx({name: expected.get(name, 0.0) for name in said}, abs=1e-9), event
        assert set(expected) <= set(said), event
        w = weight()
        theirs.learn_one(x, target, w=w)
        ours.learn(x, target, w)
        if theirs.n_nodes != count:
            count = theirs.n_nodes
            assert our_splits(ours) == list(rivers_splits(theirs._root)), event
    found = our_splits(ours)
    assert found == list(rivers_splits(theirs._root))
    assert len(found) >= splits_min


def agree_on_numbers(stream: Iterable[Example], *, splits_min: int, weight: Callable[[], float] = lambda: 1.0,
                     leaf: str = "mean", **settings: Any) -> None:  # fmt: skip
    settings["leaf"] = leaf
    theirs: Any = tree.HoeffdingTreeRegressor(splitter=tree.splitter.QOSplitter(), **as_river(settings))
    ours = HoeffdingTree(Task.REGRESSION, river_compat=True, **settings)
    for event, (x, target) in enumerate(stream):
        assert ours.predict(x)[1] == pytest.approx(theirs.predict_one(x), abs=1e-9), event
        w = weight()
        theirs.learn_one(x, target, w=w)
        ours.learn(x, target, w)
        if event % 100 == 0:
            assert our_splits(ours) == list(rivers_splits(theirs._root)), event
    found = our_splits(ours)
    assert found == list(rivers_splits(theirs._root))
    assert len(found) >= splits_min


@pytest.mark.parametrize(
    ("stream", "settings"),
    [
        (synth.RandomTree(3, 2, n_num_features=5, n_cat_features=5), {}),
        (synth.RandomRBF(1, 2, n_classes=4, n_features=5, n_centroids=20), SMALL),
        (synth.SEA(seed=1, noise=0.1), {}),
    ],
    ids=["random tree", "radial basis functions", "sea"],
)
def test_same_splits_and_answers_on_numbers(stream: Any, settings: dict[str, Any]) -> None:
    agree(named(stream, 10_000), splits_min=3, **settings)


@pytest.mark.parametrize("criterion", ["info_gain", "gini"])
@pytest.mark.parametrize("binary_splits", [False, True])
def test_same_splits_and_answers_on_texts(criterion: str, *, binary_splits: bool) -> None:
    agree(agrawal(6_000, 2), splits_min=3, criterion=criterion, binary_splits=binary_splits, **SMALL)


def test_what_is_missing_goes_where_most_went() -> None:
    agree(with_holes(agrawal(10_000, 1), 0.1), splits_min=4, **SMALL)


@pytest.mark.parametrize("leaf_answer", ["majority", "nba"])
def test_what_comes_late_is_learned_as_in_river(leaf_answer: str) -> None:
    agree(unruly(9_000, 1), splits_min=10, leaf_answer=leaf_answer, **SMALL)


def test_naive_bayes_in_every_leaf_answers_as_in_river() -> None:
    agree(named(synth.SEA(seed=2), 8_000), splits_min=4, leaf_answer="nb", **SMALL)


def test_weights_count_as_in_river() -> None:
    random = Random(3)
    agree(unruly(8_000, 2), splits_min=5, weight=lambda: random.choice([0.5, 1.0, 2.0, 3.0]), **SMALL)


def test_a_leaf_as_deep_as_it_may_be_only_counts_as_in_river() -> None:
    agree(unruly(8_000, 3), splits_min=3, depth_max=2, **SMALL)


def test_hellinger_splits_as_in_river_where_classes_are_0_and_1() -> None:
    stream = ((x, int(target)) for x, target in named(synth.SEA(seed=1), 8_000))
    agree(stream, splits_min=5, criterion="hellinger", branch_share_min=0.0, majority_share_max=1.0)


def test_leaves_of_a_rare_class_forget_as_in_river() -> None:
    random = Random(1)
    stream = (({"a": random.gauss(0, 1)}, random.random() < 0.02) for _ in range(3_000))
    agree(stream, splits_min=0)


@pytest.mark.parametrize("binary_splits", [False, True])
def test_trees_of_numbers_split_and_answer_as_in_river(*, binary_splits: bool) -> None:
    agree_on_numbers(unruly(8_000, 2, numbers=True), splits_min=20, binary_splits=binary_splits, **SMALL)


def test_trees_of_numbers_weigh_as_in_river() -> None:
    random = Random(3)
    stream = unruly(6_000, 4, numbers=True)
    agree_on_numbers(stream, splits_min=3, depth_max=3, weight=lambda: random.choice([0.5, 1.0, 2.0]), **SMALL)


def test_trees_of_numbers_agree_on_friedmans_function() -> None:
    agree_on_numbers(named(synth.Friedman(seed=3), 10_000), splits_min=10)


@pytest.mark.parametrize("leaf", ["model", "adaptive"])
def test_lines_in_leaves_answer_as_rivers(leaf: str) -> None:
    agree_on_numbers(named(synth.Friedman(seed=3), 10_000), splits_min=10, leaf=leaf)


def test_lines_in_leaves_take_what_is_there_as_rivers() -> None:
    stream = with_holes(named(synth.Friedman(seed=5), 8_000), 0.1)
    agree_on_numbers(stream, splits_min=10, leaf="adaptive", leaf_decay=0.5, depth_max=4, **SMALL)


def test_lines_in_leaves_weigh_as_rivers() -> None:
    random = Random(3)
    stream = named(synth.Friedman(seed=7), 8_000)
    agree_on_numbers(stream, splits_min=10, leaf="adaptive", weight=lambda: random.choice([0.5, 1.0, 2.0]), **SMALL)

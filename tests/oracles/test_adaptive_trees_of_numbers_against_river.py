"""River's adaptive tree for numbers is the oracle: with its draws, the same splits and answers, event by event."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import pytest
from river.datasets import synth
from river.tree.splitter import QOSplitter

from engine.messages import Answer
from engine.models.compiled.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from engine.models.compiled.model import Act
from engine.snapshot import decode, encode
from engine.targets import Task
from tests.grown_trees import Example, Split, our_splits, rivers_splits, unruly, with_holes
from tests.oracles.test_adaptive_trees_against_river import following
from tests.oracles.test_trees_against_river import as_river
from tests.recorded_draws import recorded_tree

SMALL: dict[str, Any] = {"grace_count": 50, "delta": 0.01}


def turned(count: int, seed: int, unit: float = 1.0) -> list[Example]:
    """Return Friedman's function in a unit, which turns around in the middle and is all noise for its last tenth."""
    made: list[Example] = []
    for place, (x, target) in enumerate(islice(synth.Friedman(seed=seed), count)):
        value = float(target) if 2 * place < count else 25.0 - float(target)
        if 10 * place > 9 * count:
            value *= float((7 * place) % 10)
        made.append(({str(name): float(number) for name, number in x.items()}, value * unit))
    return made


def agree(stream: Sequence[Example], *, seed: int = 1, **settings: Any) -> Any:
    """Have River's tree learn a stream, then ours with the same draws; return River's."""
    columns = sorted({name for x, _ in stream for name in x})
    theirs = recorded_tree(columns, seed=seed, regression=True, splitter=QOSplitter(), **as_river(settings))
    expected: list[float] = []
    grown: dict[int, list[Split]] = {}
    count = -1
    for event, (x, target) in enumerate(stream):
        expected.append(theirs.predict_one(x))
        theirs.learn_one(x, target)
        if theirs.n_nodes != count:
            count = theirs.n_nodes
            grown[event] = list(rivers_splits(theirs._root))
    ours = following(theirs._rng.scripts[0], task=Task.REGRESSION, **settings)
    for event, ((x, target), said) in enumerate(zip(stream, expected, strict=True)):
        assert ours.predict(x)[1] == pytest.approx(said, rel=1e-9, abs=1e-9), event
        ours.learn(x, target, 1.0)
        if event in grown:
            assert our_splits(ours) == grown[event], event
    assert our_splits(ours) == list(rivers_splits(theirs._root))
    return theirs


@pytest.mark.parametrize("leaf", ["mean", "model", "adaptive"])
def test_of_numbers_the_same_splits_and_answers_over_a_break(leaf: str) -> None:
    found = agree(turned(12_000, 3), leaf=leaf)
    assert found._n_alternate_trees > 0


def test_of_numbers_alternates_take_over_split_and_go_as_in_river() -> None:
    # Targets in hundredths: River's detectors look at errors in the target's unit; large ones have them ring all along.
    found = [
        agree(turned(12_000, seed, 0.01), seed=seed, leaf=leaf, grace_count=grace, delta=0.01, switch_count=50)
        for seed, leaf, grace in ((1, "adaptive", 400), (2, "mean", 1_000), (3, "model", 1_000))
    ]
    assert sum(tree._n_alternate_trees for tree in found) >= 8
    assert sum(tree._n_switch_alternate_trees for tree in found) >= 2
    assert sum(tree._n_pruned_alternate_trees for tree in found) >= 2


def test_of_numbers_texts_and_what_comes_late_agree() -> None:
    found = agree(list(unruly(8_000, 3, numbers=True)), leaf="mean", **SMALL)
    assert found._n_alternate_trees > 0


def test_of_numbers_an_alternate_is_heard_twice_where_a_value_is_missing_as_in_river() -> None:
    found = agree(list(with_holes(turned(10_000, 4), 0.1)), leaf="adaptive", depth_max=4, **SMALL)
    assert found._n_alternate_trees > 0


def test_of_numbers_without_draws_the_same_splits_and_answers() -> None:
    stream = turned(6_000, 5)
    theirs = recorded_tree([], seed=1, regression=True, splitter=QOSplitter(), bootstrap_sampling=False)
    ours = HoeffdingAdaptiveTree(Task.REGRESSION, river_compat=True, bootstrap=False)
    for event, (x, target) in enumerate(stream):
        assert ours.predict(x)[1] == pytest.approx(theirs.predict_one(x), rel=1e-9, abs=1e-9), event
        theirs.learn_one(x, target)
        ours.learn(x, target, 1.0)
    assert our_splits(ours) == list(rivers_splits(theirs._root))


@pytest.fixture(scope="module")
def broken() -> list[Example]:
    return turned(8_000, 6)


def acts_of(stream: Sequence[Example]) -> Iterator[Act]:
    for x, target in stream:
        yield Act(x)
        yield Act(x, target)


def test_of_numbers_in_runs_over_a_snapshot_and_one_by_one_the_bits_are_the_same(broken: list[Example]) -> None:
    single, parted = (HoeffdingAdaptiveTree(Task.REGRESSION, seed=4, **SMALL) for _ in range(2))
    expected = []
    for x, target in broken:
        expected.append(single.predict(x))
        single.learn(x, target, 1.0)
    acts = list(acts_of(broken))
    answers: list[Answer] = []
    parted.run(acts[:9_999], answers)
    state = decode(encode(parted.snapshot()))
    parted = HoeffdingAdaptiveTree(Task.REGRESSION, seed=4, **SMALL)
    parted.restore(state)
    parted.run(acts[9_999:], answers)
    assert answers == expected
    assert encode(single.snapshot()) == encode(parted.snapshot())


def test_of_numbers_a_question_leaves_no_trace(broken: list[Example]) -> None:
    asked, left_alone = (HoeffdingAdaptiveTree(Task.REGRESSION, seed=4, **SMALL) for _ in range(2))
    for x, target in broken[2_000:6_000]:
        asked.predict(x)
        asked.learn(x, target, 1.0)
        left_alone.learn(x, target, 1.0)
    assert encode(asked.snapshot()) == encode(left_alone.snapshot())


@pytest.mark.parametrize("unit", [1e-3, 1e4])
def test_no_unit_of_the_target_decides_what_drifts(broken: list[Example], unit: float) -> None:
    plain, scaled = (HoeffdingAdaptiveTree(Task.REGRESSION, seed=4, **SMALL) for _ in range(2))
    for x, target in broken:
        plain.learn(x, target, 1.0)
        scaled.learn(x, float(target) * unit, 1.0)
    assert our_splits(plain) == our_splits(scaled)

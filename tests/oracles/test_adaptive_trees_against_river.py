"""River's Hoeffding adaptive tree is the oracle: with its draws, the same splits and answers, event by event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engine.messages import Answer
from engine.models.compiled.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from engine.models.compiled.model import Act
from engine.snapshot import decode, encode
from engine.targets import Task
from tests.grown_trees import (
    Example,
    Split,
    add_up_from_left_to_right,
    agrawal,
    our_splits,
    rivers_splits,
    unruly,
    with_holes,
)
from tests.oracles.test_trees_against_river import as_river
from tests.recorded_draws import recorded_tree, streams_with_a_break

SMALL: dict[str, Any] = {"grace_count": 50, "delta": 0.01}
BROKEN = streams_with_a_break(10_000)


@pytest.fixture(autouse=True)
def _sums_of_python_3_11(monkeypatch: pytest.MonkeyPatch) -> None:
    add_up_from_left_to_right(monkeypatch)


def following(script: Sequence[int], *, task: Task = Task.MULTICLASS, **settings: Any) -> HoeffdingAdaptiveTree:
    """Return our tree with a script for its dice."""
    model = HoeffdingAdaptiveTree(task, river_compat=True, **settings)
    ints, floats, watches = model._arrays
    written = np.zeros((len(watches), len(script)), dtype=np.int64)
    written[0] = script
    model._arrays = ints, floats, np.concatenate([watches, written], axis=1)
    return model


def agree(stream: Sequence[Example], *, seed: int = 1, **settings: Any) -> Any:
    """Have River's tree learn a stream, then ours with the same draws; return River's."""
    theirs = recorded_tree(sorted({name for x, _ in stream for name in x}), seed=seed, **as_river(settings))
    expected: list[dict[Any, float]] = []
    grown: dict[int, list[Split]] = {}
    count = -1
    for event, (x, target) in enumerate(stream):
        expected.append(theirs.predict_proba_one(x))
        theirs.learn_one(x, target)
        if theirs.n_nodes != count:
            count = theirs.n_nodes
            grown[event] = list(rivers_splits(theirs._root))
    ours = following(theirs._rng.scripts[0], **settings)
    for event, ((x, target), shares) in enumerate(zip(stream, expected, strict=True)):
        said = ours.predict(x)[1]
        assert isinstance(said, dict)
        assert said == pytest.approx({name: shares.get(name, 0.0) for name in said}, abs=1e-9), event
        ours.learn(x, target, 1.0)
        if event in grown:
            assert our_splits(ours) == grown[event], event
    assert our_splits(ours) == list(rivers_splits(theirs._root))
    return theirs


@pytest.mark.parametrize("name", BROKEN)
def test_same_splits_and_answers_over_a_break(name: str) -> None:
    agree(BROKEN[name])


def test_alternates_take_over_split_and_go_as_in_river() -> None:
    found = [agree(BROKEN[name], seed=2, **SMALL) for name in ("rtg", "rbf", "agrawal")]
    assert sum(tree._n_alternate_trees for tree in found) >= 8
    assert sum(tree._n_switch_alternate_trees for tree in found) >= 1
    assert sum(tree._n_pruned_alternate_trees for tree in found) >= 2


@pytest.mark.parametrize("leaf_answer", ["majority", "nb"])
def test_every_way_of_answering_agrees(leaf_answer: str) -> None:
    agree(BROKEN["agrawal"], leaf_answer=leaf_answer, **SMALL)


def test_texts_holes_and_what_comes_late_agree() -> None:
    agree(list(unruly(8_000, 3)), **SMALL)


def test_a_tree_of_texts_that_drifts_agrees() -> None:
    before = list(with_holes(agrawal(4_000, 1), 0.05))
    stream = [*before, *((x, 1 - int(target)) for x, target in before)]
    found = agree(stream, **SMALL)
    assert found._n_alternate_trees > 0


def test_an_alternate_is_heard_twice_where_a_value_is_missing_as_in_river() -> None:
    before = list(with_holes(agrawal(5_000, 0), 0.15))
    found = agree([*before, *((x, 1 - int(target)) for x, target in before)], grace_count=200, delta=0.01)
    assert found._n_alternate_trees > 0


def test_in_runs_over_a_snapshot_and_one_by_one_the_bits_are_the_same_and_no_node_is_lost() -> None:
    stream = BROKEN["rtg"]
    single, parted = (HoeffdingAdaptiveTree(Task.BINARY, seed=4, **SMALL) for _ in range(2))
    expected = []
    for x, target in stream:
        expected.append(single.predict(x))
        single.learn(x, bool(target), 1.0)
    acts = [act for x, target in stream for act in (Act(x), Act(x, bool(target)))]
    answers: list[Answer] = []
    parted.run(acts[:11_111], answers)
    state = decode(encode(parted.snapshot()))
    parted = HoeffdingAdaptiveTree(Task.BINARY, seed=4, **SMALL)
    parted.restore(state)
    parted.run(acts[11_111:], answers)
    assert answers == expected
    assert encode(single.snapshot()) == encode(parted.snapshot())


def test_a_question_leaves_no_trace() -> None:
    asked, left_alone = (HoeffdingAdaptiveTree(Task.BINARY, seed=4, **SMALL) for _ in range(2))
    for x, target in BROKEN["rtg"][3_000:7_000]:
        asked.predict(x)
        asked.learn(x, bool(target), 1.0)
        left_alone.learn(x, bool(target), 1.0)
    assert encode(asked.snapshot()) == encode(left_alone.snapshot())


def test_a_tree_that_is_let_go_gives_its_nodes_back() -> None:
    model = HoeffdingAdaptiveTree(Task.BINARY, drift_delta=0.5, seed=1, **SMALL)
    for _ in range(4):
        for name in ("rtg", "sea"):
            for x, target in BROKEN[name][:4_000]:
                model.learn(x, bool(target), 1.0)
    layout, slab = model._slab.layout, model._slab.cut(model._arrays)
    alternates = [int(row[0]) - 1 for row in model._arrays[2][1:] if row[0] > 0]
    live = slab.header[layout.NODE_ROOM] - slab.header[layout.NODES_LEFT]
    reached, pending = set(alternates), [int(slab.header[layout.ROOT])]
    while pending:
        node = pending.pop()
        reached.add(node)
        if slab.nodes[node, layout.KIND] != layout.LEAF:
            child = int(slab.nodes[node, layout.LEFT])
            while child != layout.NONE:
                pending.append(child)
                child = int(slab.nodes[child, layout.NEXT])
    assert len(reached) == live

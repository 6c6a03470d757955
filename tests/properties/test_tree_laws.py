"""For every stream of events: a tree answers as it may, a question changes nothing, and calls may be cut anyhow.

What holds between a snapshot's halves and between a run and its steps holds to the last bit, and the memory of a slab
is always told in full: every node is in the tree or free, every slot a leaf's or free.
"""

from __future__ import annotations

from math import isfinite
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.messages import Features, Target
from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.models.compiled.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from engine.models.compiled.hoeffding_tree import HoeffdingTree
from engine.models.compiled.model import Act
from engine.snapshot import decode, encode
from engine.targets import Task
from tests.grown_trees import leaves_below, roots_of

NUMBERS = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, -1.0, 1e300, -1e300, 1e-300])
FEATURES = st.dictionaries(st.sampled_from("abcd"), NUMBERS | st.sampled_from(["p", "q", "r"]), max_size=4)
WEIGHTS = st.sampled_from([1.0, 1.0, 0.25, 3.0])
FORCED: dict[str, Any] = {"grace_count": 4, "delta": 0.9, "tau": 2.0}


def examples(targets: st.SearchStrategy[Target]) -> st.SearchStrategy[list[tuple[Features, Target, float]]]:
    return st.lists(st.tuples(FEATURES, targets, WEIGHTS), max_size=120)


CLASSES = examples(st.sampled_from(["x", "y", 3]))
VALUES = examples(st.floats(-100.0, 100.0).map(float))


def assert_whole(model: HoeffdingTree) -> None:
    """Every node and every slot is in one place, and each leaf's total is what its classes weigh."""
    layout, slab = model._slab.layout, model._slab.cut(model._arrays)
    free, node = set(), int(slab.header[layout.NODE_FREE])
    while node != layout.NONE:
        assert node not in free
        free.add(node)
        node = int(slab.nodes[node, layout.NEXT])
    assert len(free) == slab.header[layout.NODES_LEFT]
    reached: set[int] = set()
    slots: set[int] = set()

    def visit(node: int) -> float:
        assert node not in reached
        reached.add(node)
        if slab.nodes[node, layout.KIND] == layout.LEAF:
            if slab.nodes[node, layout.SLOT] >= 0:
                assert slab.lists[slab.nodes[node, layout.SLOT], layout.OWNER] == node
                slots.add(int(slab.nodes[node, layout.SLOT]))
            return float(slab.weights[node, layout.TOTAL])
        below, child = 0.0, int(slab.nodes[node, layout.LEFT])
        while child != layout.NONE:
            assert slab.nodes[child, layout.PARENT] == node
            below += visit(child)
            child = int(slab.nodes[child, layout.NEXT])
        assert slab.weights[node, layout.TOTAL] == pytest.approx(below, rel=1e-9, abs=1e-9)
        return below

    if slab.header[layout.ROOT] != layout.NONE:
        visit(int(slab.header[layout.ROOT]))
    assert not reached & free
    assert reached | free == set(range(slab.header[layout.NODE_ROOM]))
    assert len(slots) + slab.header[layout.SLOTS_LEFT] == slab.header[layout.SLOT_ROOM]


@settings(max_examples=60)
@given(CLASSES, st.sampled_from(["majority", "nb", "nba"]), st.booleans())
def test_a_tree_of_classes_answers_with_probabilities_and_loses_no_node(
    stream: list[tuple[Features, Target, float]], leaf_answer: str, binary: bool
) -> None:
    model = HoeffdingTree(Task.MULTICLASS, leaf_answer=leaf_answer, binary_splits=binary, **FORCED)
    for x, target, weight in stream:
        model.learn(x, target, weight)
        score = model.predict(x)[1]
        assert isinstance(score, dict)
        assert sum(score.values()) == pytest.approx(1.0)
        assert all(0.0 <= share <= 1.0 for share in score.values())
    assert_whole(model)


@settings(max_examples=60)
@given(VALUES, st.sampled_from([None, 0.25]))
def test_a_tree_of_numbers_answers_within_what_it_saw_and_loses_no_node(
    stream: list[tuple[Features, Target, float]], radius: float | None
) -> None:
    model = HoeffdingTree(Task.REGRESSION, radius=radius, branch_weight_min=1, **FORCED)
    for x, target, weight in stream:
        model.learn(x, target, weight)
        assert isfinite(float(model.predict(x)[0] or 0.0))
    assert_whole(model)


@settings(max_examples=40)
@given(CLASSES | VALUES, st.data())
def test_cut_anywhere_asked_or_not_the_bits_are_the_same(
    stream: list[tuple[Features, Target, float]], data: st.DataObject
) -> None:
    task = Task.REGRESSION if stream and isinstance(stream[0][1], float) else Task.MULTICLASS
    acts = [Act(x, target, weight) for x, target, weight in stream]
    whole, parted = HoeffdingTree(task, **FORCED), HoeffdingTree(task, **FORCED)
    whole.run(acts, [])
    cut = data.draw(st.integers(0, len(acts)))
    parted.run([act for each in acts[:cut] for act in (Act(each.x), each)], [])
    state = decode(encode(parted.snapshot()))
    parted = HoeffdingTree(task, **FORCED)
    parted.restore(state)
    for act in acts[cut:]:
        parted.learn(act.x, act.target, act.weight)  # type: ignore[arg-type]
        parted.predict(act.x)
    assert encode(parted.snapshot()) == encode(whole.snapshot())


TREES: dict[str, Any] = {
    "tree": HoeffdingTree,
    "adaptive": lambda task, **given: HoeffdingAdaptiveTree(task, seed=1, drift_delta=0.9, switch_count=5, **given),
    "forest": lambda task, **given: AdaptiveRandomForest(task, seed=1, n_models=2, lambda_value=2.0, **given),
}


@settings(max_examples=60)
@given(CLASSES | VALUES, st.sampled_from(sorted(TREES)), st.sampled_from([1, 2, 3, 6]))
def test_no_tree_has_more_leaves_than_it_may(
    stream: list[tuple[Features, Target, float]], kind: str, count_max: int
) -> None:
    task = Task.REGRESSION if stream and isinstance(stream[0][1], float) else Task.MULTICLASS
    more = {"branch_weight_min": 1} if task is Task.REGRESSION else {}
    model = TREES[kind](task, leaf_count_max=count_max, **FORCED, **more)
    for x, target, weight in stream:
        model.learn(x, target, weight)
        assert all(leaves_below(model, root) <= count_max for root in roots_of(model))

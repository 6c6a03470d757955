"""The compiled Hoeffding tree beyond River's: rare classes, bounds, explanations, and one path for all calls."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from engine.errors import ConfigError
from engine.messages import Answer, Features, Target
from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.models.compiled.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from engine.models.compiled.hoeffding_tree import HoeffdingTree
from engine.models.compiled.model import Act
from engine.models.spec import parse_model
from engine.snapshot import decode, encode
from engine.targets import Task
from tests.grown_trees import leaves_below, roots_of

Example = tuple[Features, Target]


def stream(count: int, seed: int = 1, *, numbers: bool = False) -> list[Example]:
    """Return a stream with texts and holes on which a tree splits again and again."""
    random = Random(seed)
    made: list[Example] = []
    for _ in range(count):
        a, b, kind = random.gauss(0, 1), random.gauss(0, 1), random.choice("pqr")
        x: dict[str, float | str] = {"a": a, "b": b, "kind": kind}
        if random.random() < 0.1:
            del x[random.choice(["a", "b", "kind"])]
        positive = (a * b > 0) is (kind == "p")
        made.append((x, float(positive) + 0.1 * a if numbers else positive))
    return made


def rare(count: int, seed: int) -> tuple[np.ndarray[Any, Any], list[bool]]:
    """Return features and targets of which .7 % are positive, on top of what three thresholds and a product say."""
    random = np.random.default_rng(seed)
    table = random.normal(size=(count, 8))
    level = 2.2 * (table[:, 0] > 1.2) + 1.5 * (table[:, 1] * table[:, 2] > 1) + 1.8 * (abs(table[:, 3]) > 1.8)
    level += 0.7 * random.gumbel(size=count)
    return table, [bool(value) for value in level > np.quantile(level, 0.993)]


def auc_below_one_per_cent(seed: int, **settings: Any) -> float:
    table, targets = rare(40_000, seed)
    model = HoeffdingTree(Task.BINARY, **settings)
    answers = model.test_then_train([f"f{column}" for column in range(8)], table, targets)
    half = len(targets) // 2
    return float(roc_auc_score(targets[half:], answers[half:, model.classes.index(True)]))


@pytest.mark.parametrize("settings", [{}, {"preset": "fraud"}], ids=["default", "fraud"])
def test_it_learns_below_one_per_cent_positives(settings: dict[str, Any]) -> None:
    assert auc_below_one_per_cent(1, **settings) > 0.75


def test_with_rivers_defaults_it_learns_nothing_there() -> None:
    assert 0.4 < auc_below_one_per_cent(1, river_compat=True) < 0.6


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_one_by_one_in_runs_and_over_a_snapshot_is_the_same_to_the_last_bit(task: Task) -> None:
    examples = stream(3_000, numbers=task is Task.REGRESSION)
    settings: dict[str, Any] = {"grace_count": 50, "delta": 0.1, "tau": 0.5}
    single, run, restored = (HoeffdingTree(task, **settings) for _ in range(3))
    expected = []
    for x, target in examples:
        expected.append(single.predict(x))
        single.learn(x, target, 1.0)

    acts = [act for x, target in examples for act in (Act(x), Act(x, target))]
    answers: list[Answer] = []
    run.run(acts, answers)
    assert answers == expected

    restored.run(acts[:3_001], [])
    state = decode(encode(restored.snapshot()))
    restored = HoeffdingTree(task, **settings)
    restored.restore(state)
    restored.run(acts[3_001:], [])
    assert encode(single.snapshot()) == encode(run.snapshot()) == encode(restored.snapshot())
    assert single.memory_bytes > 20_000


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_table_is_learned_as_its_rows_are(task: Task) -> None:
    table, targets = rare(3_000, 2)
    names = [f"f{column}" for column in range(8)]
    answered: list[Target] = [float(row[0] > 0) for row in table] if task is Task.REGRESSION else list(targets)
    settings: dict[str, Any] = {"grace_count": 50, "delta": 0.1}
    by_table, by_row = HoeffdingTree(task, **settings), HoeffdingTree(task, **settings)
    by_table.test_then_train(names, table, answered)
    for row, target in zip(table, answered, strict=True):
        by_row.learn(dict(zip(names, row.tolist(), strict=True)), target, 1.0)
    assert encode(by_table.snapshot()) == encode(by_row.snapshot())


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_memory_stays_within_its_bound_while_the_tree_goes_on_learning(task: Task) -> None:
    model = HoeffdingTree(task, grace_count=20, delta=0.5, tau=0.5, memory_mb_max=0.1)
    free = HoeffdingTree(task, grace_count=20, delta=0.5, tau=0.5)
    errors = [0.0, 0.0]
    for place, (x, target) in enumerate(stream(12_000, numbers=task is Task.REGRESSION)):
        if place >= 6_000:
            for which, each in enumerate((model, free)):
                errors[which] += abs(float(each.predict(x)[0] or 0.0) - float(target)) > 0.5
        model.learn(x, target, 1.0)
        free.learn(x, target, 1.0)
        assert model.memory_bytes <= 0.1 * 2**20
    assert free.memory_bytes > 0.15 * 2**20
    assert errors[0] < 1.5 * errors[1] + 100


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
@pytest.mark.parametrize("name", ["hoeffding_tree", "hoeffding_adaptive_tree", "adaptive_random_forest"])
def test_a_tree_with_all_its_leaves_goes_on_learning_in_them(name: str, task: Task) -> None:
    text = f"{name}(leaf_count_max=3, grace_count=20, delta=.5, tau=.5)"
    bounded = parse_model(text, task=task, seed=1, name="bounded").model
    examples = [(x, float(target)) if task is Task.REGRESSION else (x, target) for x, target in stream(4_000)]
    for x, target in examples:
        bounded.learn(x, target, 1.0)
    assert isinstance(bounded, HoeffdingTree | AdaptiveRandomForest)
    roots = roots_of(bounded)
    assert {leaves_below(bounded, root) for root in roots} <= {1, 2, 3}
    assert any(leaves_below(bounded, root) == 3 for root in roots)
    before = [float(bounded.predict(x)[1 if task is Task.BINARY else 0]) for x, _ in examples[:50]]  # type: ignore[arg-type]
    for x, _ in examples:
        bounded.learn(x, True if task is Task.BINARY else 1.0, 1.0)
    after = [float(bounded.predict(x)[1 if task is Task.BINARY else 0]) for x, _ in examples[:50]]  # type: ignore[arg-type]
    assert sum(after) > sum(before) + 5.0
    assert {leaves_below(bounded, root) for root in roots_of(bounded)} <= {1, 2, 3}


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_alternates_that_take_over_keep_the_bound_of_leaves(task: Task) -> None:
    settings: dict[str, Any] = {"grace_count": 30, "delta": 0.3, "tau": 0.5, "seed": 2, "drift_delta": 0.3}
    model = HoeffdingAdaptiveTree(task, leaf_count_max=4, switch_count=30, **settings)
    taken_over = 0
    waiting: set[int] = set()
    for turn in range(8):
        for x, target in stream(1_500, seed=turn):
            said = bool(target) is (turn % 2 == 0)
            number = (20.0 * turn if turn % 2 else -1.0) * (float(x.get("a", 0.0)) > 0.0)
            model.learn(x, number if task is Task.REGRESSION else said, 1.0)
            alternates = set((model._arrays[2][1:, 0] - 1).tolist()) - {-1}
            assert leaves_below(model, roots_of(model)[0]) <= 4
            inner = model._slab.cut(model._arrays).nodes[:, model._slab.layout.KIND] != model._slab.layout.LEAF
            taken_over += any(inner[node] for node in waiting - alternates)
            waiting = alternates
    assert taken_over > 1


def test_the_detectors_of_an_adaptive_tree_count_towards_its_memory() -> None:
    settings: dict[str, Any] = {"grace_count": 20, "delta": 0.5, "tau": 0.5}
    model = HoeffdingAdaptiveTree(Task.BINARY, **settings, memory_mb_max=0.2)
    free = HoeffdingAdaptiveTree(Task.BINARY, **settings)
    for x, target in stream(8_000):
        model.learn(x, target, 1.0)
        free.learn(x, target, 1.0)
        assert model.memory_bytes <= 0.2 * 2**20
    assert free.memory_bytes > 0.3 * 2**20


def test_a_class_that_comes_when_memory_is_short_still_is_learned() -> None:
    model = HoeffdingTree(Task.MULTICLASS, grace_count=20, delta=0.5, tau=0.5, memory_mb_max=0.1)
    for place, (x, target) in enumerate(stream(9_000)):
        model.learn(x, "late" if place > 6_000 else str(target), 1.0)
        assert model.memory_bytes <= 0.1 * 2**20
    score = model.predict({"a": 1.0, "b": 1.0, "kind": "p"})[1]
    assert isinstance(score, dict)
    assert score["late"] > 0.2


def test_no_unit_of_a_feature_decides_how_well_a_line_fits() -> None:
    random = np.random.default_rng(3)
    table = random.random((6_000, 5))
    targets: list[Target] = [*(10.0 * np.sin(np.pi * table[:, 0] * table[:, 1]) + 10.0 * table[:, 2]).tolist()]
    units = np.array([1e-3, 1e4, 1.0, 1e3, 1e-2])
    errors = {}
    for name, leaf, values in (("mean", "mean", table), ("line", "model", table), ("in units", "model", table * units)):
        answers = HoeffdingTree(Task.REGRESSION, leaf=leaf).test_then_train(list("abcde"), values, targets)
        errors[name] = float(np.mean((answers[1_000:, 0] - np.array(targets[1_000:], dtype=float)) ** 2))
    assert errors["line"] < 0.7 * errors["mean"]
    assert errors["in units"] == pytest.approx(errors["line"], rel=0.15)


def test_the_base_of_an_explanation_is_what_all_examples_say() -> None:
    model = HoeffdingTree(Task.BINARY, grace_count=50, delta=0.01)
    examples = stream(4_000)
    for x, target in examples:
        model.learn(x, target, 1.0)
    share = sum(bool(target) for _, target in examples) / len(examples)
    assert model.explain_base(examples[0][0]) == pytest.approx(share)
    explained = [model.explain(x) for x, _ in examples[:50]]
    assert all(set(said) <= {"a", "b", "kind"} for said in explained)
    assert sum(len(said) > 1 for said in explained) > 25


def test_what_naive_bayes_says_in_a_leaf_is_told_apart_by_feature() -> None:
    model = HoeffdingTree(Task.BINARY, leaf_answer="nb")
    random = Random(4)
    for _ in range(150):
        target = random.random() < 0.5
        strong, weak = random.gauss(4.0 * target, 1.0), random.gauss(1.0 * target, 1.0)
        model.learn({"strong": strong, "weak": weak, "none": random.gauss(0, 1)}, target, 1.0)
    said = model.explain({"strong": 3.0, "weak": 1.5, "none": 0.1})
    assert said["strong"] > 3 * said["weak"] > 3 * abs(said["none"])


def test_what_a_line_says_in_a_leaf_is_told_apart_by_feature() -> None:
    model = HoeffdingTree(Task.REGRESSION, leaf="model", leaf_count_max=1)
    random = Random(4)
    for _ in range(2_000):
        a, b = random.gauss(100.0, 10.0), random.gauss(0.0, 0.1)
        model.learn({"a": a, "b": b, "none": random.gauss(0, 1)}, 3.0 * a - 50.0 * b, 1.0)
    said = model.explain({"a": 110.0, "b": 0.1, "none": 1.0})
    assert said == pytest.approx({"a": 30.0, "b": -5.0, "none": 0.0}, abs=1.0)
    assert model.explain_base({}) == pytest.approx(300.0, abs=1.0)


def test_nothing_is_explained_before_a_split() -> None:
    model = HoeffdingTree(Task.BINARY)
    assert model.explain({"a": 1.0}) == {}
    model.learn({"a": 1.0}, False, 1.0)
    assert model.explain({"a": 1.0}) == {}


def test_texts_past_the_bound_are_as_texts_never_seen() -> None:
    model = HoeffdingTree(Task.BINARY, grace_count=50)
    random = Random(1)
    for place in range(3_000):
        text = f"t{place % 400}"
        model.learn({"text": text, "b": random.random()}, place % 400 < 200, 1.0)
    assert model.predict({"text": "t390", "b": 0.5})[1] == model.predict({"text": "never", "b": 0.5})[1]


@pytest.mark.parametrize(
    ("text", "task", "said"),
    [
        ("hoeffding_tree(grace_count=0)", Task.BINARY, "grace_count must be at least 1, got 0"),
        ("hoeffding_tree(delta=1)", Task.BINARY, r"delta must be in \(0, 1\), got 1"),
        ("hoeffding_tree(criterion='entropy')", Task.BINARY, "criterion must be one of info_gain, gini, hellinger"),
        ("hoeffding_tree(preset='frau')", Task.BINARY, "preset must be one of fraud, got 'frau'"),
        ("hoeffding_tree(radius=.1)", Task.BINARY, "radius says nothing in a binary task"),
        ("hoeffding_tree(leaf_answer='nb')", Task.REGRESSION, "leaf_answer says nothing in a regression task"),
        ("hoeffding_tree(criterion='hellinger')", Task.MULTICLASS, "hellinger is for two classes"),
        (
            "hoeffding_tree(leaf_count_max=0)",
            Task.BINARY,
            "leaf_count_max must be at least 1, or None",
        ),
        ("hoeffding_tree(leaf='median')", Task.REGRESSION, "leaf must be one of mean, model, adaptive, got 'median'"),
        ("hoeffding_tree(leaf='mean')", Task.BINARY, "leaf says nothing in a binary task"),
        ("hoeffding_tree(gracecount=5)", Task.BINARY, "gracecount"),
    ],
)
def test_a_setting_that_cannot_be_is_refused(text: str, task: Task, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_model(text, task=task, seed=1, name="tree")

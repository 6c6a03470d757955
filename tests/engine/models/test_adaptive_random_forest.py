"""The compiled forest beyond what River's is: one path for all calls, recovery, bounds, rare classes, explanations."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256
from math import isnan
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from engine.errors import ConfigError
from engine.messages import Answer, Features, Target
from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.models.compiled.model import Act
from engine.models.spec import parse_model
from engine.snapshot import decode, encode
from engine.targets import Task

NAMES = [f"f{column}" for column in range(8)]


def with_a_break(count: int, seed: int = 1) -> tuple[np.ndarray[Any, Any], list[bool]]:
    """Return a table with holes, and targets that are turned around in the middle."""
    random = np.random.default_rng(seed)
    table = random.normal(size=(count, len(NAMES)))
    targets = table[:, 0] * table[:, 1] + table[:, 2] + 0.3 * random.normal(size=count) > 0.0
    targets[count // 2 :] ^= True
    table[random.random(table.shape) < 0.02] = np.nan
    return table, [bool(target) for target in targets]


def features(row: np.ndarray[Any, Any]) -> Features:
    return {name: value for name, value in zip(NAMES, row.tolist(), strict=True) if not isnan(value)}


def right(model: AdaptiveRandomForest, answers: np.ndarray[Any, Any], targets: list[bool]) -> np.ndarray[Any, Any]:
    """Return whether each answer of a table is right."""
    numbers = [model.classes.index(target) for target in targets]
    return np.asarray(answers.argmax(axis=1) == numbers)


def test_one_by_one_in_runs_as_a_table_and_over_a_snapshot_is_the_same_to_the_last_bit() -> None:
    table, targets = with_a_break(4_000)
    single, run, by_table, first = (AdaptiveRandomForest(Task.BINARY, seed=5) for _ in range(4))
    acts: list[Act] = []
    expected = []
    for row, target in zip(table, targets, strict=True):
        x = features(row)
        acts += [Act(x), Act(x, target)]
        expected.append(single.predict(x))
        single.learn(x, target, 1.0)
    assert sum(single.drift_counts) > 0

    in_runs: list[Answer] = []
    run.run(acts, in_runs)
    assert in_runs == expected
    answers = by_table.test_then_train(NAMES, table, targets)
    # A table's first answer is all 0: nothing was learned.
    assert [score for _, score in expected[1:]] == answers[1:, by_table.classes.index(True)].tolist()
    first.run(acts[:4_101], [])
    restored = AdaptiveRandomForest(Task.BINARY, seed=99)
    restored.restore(decode(encode(first.snapshot())))
    after: list[Answer] = []
    restored.run(acts[4_101:], after)
    assert after == expected[2_051:]
    states = [encode(model.snapshot()) for model in (single, run, by_table, restored)]
    assert len(set(states)) == 1


def numbers_with_a_break(count: int, seed: int = 1) -> tuple[np.ndarray[Any, Any], list[float]]:
    """Return a table, and targets around 0 that change their sign in the middle: nothing is biased before or after."""
    random = np.random.default_rng(seed)
    table = random.normal(size=(count, len(NAMES)))
    targets = 3.0 * np.sign(table[:, 0]) + 2.0 * (table[:, 1] > 0.5) - 1.0 + 0.3 * random.normal(size=count)
    targets[count // 2 :] *= -1.0
    return table, [float(target) for target in targets]


def test_of_numbers_too_all_ways_are_the_same_to_the_last_bit() -> None:
    table, targets = numbers_with_a_break(2_400)
    single, run, by_table, first = (AdaptiveRandomForest(Task.REGRESSION, seed=5) for _ in range(4))
    acts: list[Act] = []
    expected = []
    for row, target in zip(table, targets, strict=True):
        x = features(row)
        acts += [Act(x), Act(x, target)]
        expected.append(single.predict(x))
        single.learn(x, target, 1.0)
    assert sum(single.drift_counts) > 0

    in_runs: list[Answer] = []
    run.run(acts, in_runs)
    assert in_runs == expected
    answers = by_table.test_then_train(NAMES, table, targets)
    assert [score for _, score in expected] == answers[:, 0].tolist()
    first.run(acts[:2_501], [])
    restored = AdaptiveRandomForest(Task.REGRESSION, seed=99)
    restored.restore(decode(encode(first.snapshot())))
    restored.run(acts[2_501:], [])
    assert len({encode(model.snapshot()) for model in (single, run, by_table, restored)}) == 1


def test_a_change_that_biases_no_number_is_noticed_where_rivers_is_blind() -> None:
    table, targets = numbers_with_a_break(6_000)
    ours, rivers = AdaptiveRandomForest(Task.REGRESSION), AdaptiveRandomForest(Task.REGRESSION, river_compat=True)
    errors = []
    for model in (ours, rivers):
        answers = model.test_then_train(NAMES, table, targets)[:, 0]
        errors.append(float(abs(answers - np.array(targets))[4_500:].mean()))
    assert min(ours.drift_counts) > 0
    assert errors[0] < 0.8 * errors[1]


def test_an_explanation_of_a_number_adds_up() -> None:
    table, targets = numbers_with_a_break(2_000)
    model = AdaptiveRandomForest(Task.REGRESSION, aggregation="mean", drift_delta=None)
    assert model.explain(features(table[0])) == {}
    model.test_then_train(NAMES, table[:1_000], targets[:1_000])
    layout, slab = model._slab.layout, model._slab.cut(model._arrays[:2])
    roots = model._arrays[2][1:, model._kernel.ROOT]
    begin = slab.weights[roots, layout.CLASS + layout.T_MEAN].mean()
    for row in table[-20:]:
        said = model.explain(features(row))
        assert max(said, key=lambda name: abs(said[name])) in {"f0", "f1"}
        assert model.predict(features(row))[0] == pytest.approx(begin + sum(said.values()), abs=1e-9)


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_question_changes_not_a_bit(task: Task) -> None:
    table, targets = with_a_break(1_000)
    asked, left_alone = (AdaptiveRandomForest(task, n_models=3) for _ in range(2))
    for row, target in zip(table, targets, strict=True):
        asked.predict(features(table[0]))
        asked.explain(features(row))
        asked.learn(features(row), target, 1.0)
        left_alone.learn(features(row), target, 1.0)
    assert encode(asked.snapshot()) == encode(left_alone.snapshot())


DIGEST = """
from hashlib import sha256
from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.snapshot import encode
from engine.targets import Task
from streams import kernel_cache
from tests.engine.models.test_adaptive_random_forest import NAMES, with_a_break
kernel_cache.prepare(lambda words: None)
model = AdaptiveRandomForest(Task.BINARY, seed=5)
model.test_then_train(NAMES, *with_a_break(3_000))
print(sha256(encode(model.snapshot())).hexdigest())
"""


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_every_process_makes_the_same_forest(hash_seed: str) -> None:
    model = AdaptiveRandomForest(Task.BINARY, seed=5)
    model.test_then_train(NAMES, *with_a_break(3_000))
    root = Path(__file__).parents[3]
    other = subprocess.run(
        [sys.executable, "-c", DIGEST],
        env={"PYTHONPATH": str(root), "PYTHONHASHSEED": hash_seed, "HOME": str(Path.home())},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == sha256(encode(model.snapshot())).hexdigest()


def test_another_seed_makes_another_forest() -> None:
    table, targets = with_a_break(1_000)
    first, second = (AdaptiveRandomForest(Task.BINARY, seed=seed) for seed in (1, 2))
    assert (first.test_then_train(NAMES, table, targets) != second.test_then_train(NAMES, table, targets)).any()


def test_trees_of_a_forest_are_not_alike() -> None:
    table, targets = with_a_break(1_000)
    one, ten = (AdaptiveRandomForest(Task.BINARY, n_models=count) for count in (1, 10))
    alone = right(one, one.test_then_train(NAMES, table, targets), targets)[200:500]
    together = right(ten, ten.test_then_train(NAMES, table, targets), targets)[200:500]
    assert together.mean() > alone.mean() + 0.02


def test_after_a_break_successors_are_in_place_and_accuracy_is_back() -> None:
    table, targets = with_a_break(8_000)
    model = AdaptiveRandomForest(Task.BINARY)
    before = model.test_then_train(NAMES, table[:4_000], targets[:4_000])
    drifts = model.drift_counts
    after = model.test_then_train(NAMES, table[4_000:], targets[4_000:])
    assert all(late > early for early, late in zip(drifts, model.drift_counts, strict=True))
    assert all(warnings >= drifts for warnings, drifts in zip(model.warning_counts, model.drift_counts, strict=True))
    learned = right(model, before, targets[:4_000])[3_000:].mean()
    hit, recovered = right(model, after, targets[4_000:])[:100], right(model, after, targets[4_000:])[3_000:]
    assert learned > 0.75
    assert hit.mean() < learned - 0.3
    assert recovered.mean() > learned - 0.05


def test_without_detectors_no_tree_is_replaced() -> None:
    table, targets = with_a_break(4_000)
    model, adaptive = (
        AdaptiveRandomForest(Task.BINARY, warning_delta=None, drift_delta=None),
        AdaptiveRandomForest(Task.BINARY),
    )
    stays, adapts = (right(each, each.test_then_train(NAMES, table, targets), targets) for each in (model, adaptive))
    assert sum(model.warning_counts) == sum(model.drift_counts) == 0
    assert stays[2_200:3_200].mean() < adapts[2_200:3_200].mean() - 0.05


def test_memory_stays_within_its_bound_while_trees_are_replaced() -> None:
    table, targets = with_a_break(12_000)
    model = AdaptiveRandomForest(Task.BINARY, grace_count=20, delta=0.5, tau=0.5, memory_mb_max=0.5)
    free = AdaptiveRandomForest(Task.BINARY, grace_count=20, delta=0.5, tau=0.5)
    for begin in range(0, 12_000, 1_000):
        answers = model.test_then_train(NAMES, table[begin : begin + 1_000], targets[begin : begin + 1_000])
        free.test_then_train(NAMES, table[begin : begin + 1_000], targets[begin : begin + 1_000])
        assert model.memory_bytes <= 0.5 * 2**20
    assert free.memory_bytes > 2**20
    assert sum(model.drift_counts) >= 10
    assert right(model, answers, targets[-1_000:]).mean() > 0.7


def rare(count: int, seed: int) -> tuple[np.ndarray[Any, Any], list[bool]]:
    """Return features and targets of which 1 % are positive, on top of what three thresholds and a product say."""
    random = np.random.default_rng(seed)
    table = random.normal(size=(count, len(NAMES)))
    level = 2.2 * (table[:, 0] > 1.2) + 1.5 * (table[:, 1] * table[:, 2] > 1) + 1.8 * (abs(table[:, 3]) > 1.8)
    level += 0.7 * random.gumbel(size=count)
    return table, [bool(value) for value in level > np.quantile(level, 0.99)]


def auc_at_one_per_cent(seed: int, **settings: Any) -> float:
    table, targets = rare(40_000, seed)
    model = AdaptiveRandomForest(Task.BINARY, seed=seed, **settings)
    answers = model.test_then_train(NAMES, table, targets)
    half = len(targets) // 2
    return float(roc_auc_score(targets[half:], answers[half:, model.classes.index(True)]))


@pytest.mark.parametrize("settings", [{}, {"preset": "fraud"}], ids=["default", "fraud"])
def test_at_one_per_cent_positives_it_ranks_better_than_with_rivers_defaults(settings: dict[str, Any]) -> None:
    # Which are River's forest but for its draws: see `tests/oracles/test_forest_against_river.py`.
    ours, rivers = (
        [auc_at_one_per_cent(seed, **each) for seed in (1, 2)] for each in (settings, {"river_compat": True})
    )
    assert min(ours) > 0.8
    assert sum(ours) > sum(rivers) + 2 * 0.03


def test_classes_features_and_texts_may_come_late() -> None:
    random = Random(3)
    model = AdaptiveRandomForest(Task.MULTICLASS, n_models=5)
    for place in range(4_000):
        a, kind = random.gauss(0, 1), random.choice("pqr")
        x: dict[str, float | str] = {"a": a} if place < 1_000 else {"a": a, "b": random.gauss(0, 1), "kind": kind}
        target: Target = "high" if a > 0 else "low"
        if place >= 2_000 and kind == "r":
            target = "late"
        model.learn(x, target, 1.0)
    for a, kind, target in ((2.0, "p", "high"), (-2.0, "q", "low"), (2.0, "r", "late")):
        assert model.predict({"a": a, "b": 0.0, "kind": kind})[0] == target
    assert model.predict({})[0] in {"high", "low", "late"}


@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
def test_a_feature_that_comes_late_leaves_what_was_learned_as_it_was(task: Task) -> None:
    table, targets = with_a_break(400)
    model = AdaptiveRandomForest(task, max_features=None, n_models=2, delta=1e-9, tau=0.0)
    model.test_then_train(NAMES, table, targets)
    before = model._slab.cut(model._arrays[:2])
    model._admit({**features(table[0]), "late": 1.0}, targets[0])
    after = model._slab.cut(model._arrays[:2])
    used = before.nodes[before.nodes[:, model._slab.layout.SLOT] >= 0, model._slab.layout.SLOT]
    assert len(used)
    if task is Task.REGRESSION:
        assert (after.buckets[used, : len(NAMES)] == before.buckets[used]).all()
    else:
        assert (after.cells[used][:, :, : len(NAMES)] == before.cells[used]).all()


def test_an_example_counts_by_its_weight() -> None:
    light, heavy = (AdaptiveRandomForest(Task.BINARY, n_models=5) for _ in range(2))
    for place in range(500):
        light.learn({"a": 1.0}, place % 10 == 0, 1.0)
        heavy.learn({"a": 1.0}, place % 10 == 0, 20.0 if place % 10 == 0 else 1.0)
    assert light.predict({"a": 1.0})[1] == pytest.approx(1 / 10, abs=0.03)
    assert heavy.predict({"a": 1.0})[1] == pytest.approx(20 / 29, abs=0.1)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_an_explanation_adds_up_to_the_leaves_beside_the_roots(task: Task) -> None:
    table, targets = with_a_break(4_000)
    model = AdaptiveRandomForest(task, leaf_answer="majority", weighted_vote=False)
    model.test_then_train(NAMES, table, targets)
    layout, slab = model._slab.layout, model._slab.cut(model._arrays[:2])
    roots = model._arrays[2][1:, model._kernel.ROOT]
    shares = slab.weights[roots, layout.CLASS :]
    shares = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
    for row in table[-30:]:
        decision, score = model.predict(features(row))
        explained: Target = decision if isinstance(score, dict) else True
        score = score[explained] if isinstance(score, dict) else score
        said = model.explain(features(row))
        assert said
        assert set(said) <= set(NAMES)
        assert score == pytest.approx(shares[model.classes.index(explained)] + sum(said.values()), abs=1e-9)


def test_what_decides_is_what_is_said() -> None:
    table, _ = rare(5_000, 2)
    model = AdaptiveRandomForest(Task.BINARY)
    model.test_then_train(NAMES, table, [bool(row[4] > 0.5) for row in table])
    said = model.explain(dict(zip(NAMES, [0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0], strict=True)))
    assert max(said, key=said.__getitem__) == "f4"
    assert said["f4"] > 0.3


def test_nothing_is_explained_before_a_split() -> None:
    model = AdaptiveRandomForest(Task.BINARY)
    assert model.explain({"a": 1.0}) == {}
    model.learn({"a": 1.0}, False, 1.0)
    assert model.explain({"a": 1.0}) == {}


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("n_models=0", r"n_models must be in \[1, 1000\], got 0"),
        ("max_features=0", r"max_features must be sqrt\+1, sqrt, log2, None, a count from 1 on or a share"),
        ("max_features='cbrt'", "got 'cbrt'"),
        ("max_features=1.5", "got 1.5"),
        ("lambda_value=0", r"lambda_value must be in \(0, 100\], got 0"),
        ("drift_delta=1", r"drift_delta must be in \(0, 1\), or None for no detector, got 1"),
        ("grace_count=0", "adaptive_random_forest's grace_count must be at least 1, got 0"),
        ("trees=5", "trees"),
        ("aggregation='mean'", "aggregation says nothing in a binary task"),
        ("aggregation='mode'", "aggregation must be one of median, mean, got 'mode'"),
        ("weighted_vote=False", "weighted_vote says nothing in a regression task"),
    ],
)
def test_a_forest_that_cannot_be_is_refused(setting: str, said: str) -> None:
    task = Task.REGRESSION if "mode'" in setting or "regression" in said else Task.BINARY
    with pytest.raises(ConfigError, match=said):
        parse_model(f"adaptive_random_forest({setting})", task=task, seed=1, name="forest")


def test_a_spec_without_a_seed_gets_one_of_its_own() -> None:
    texts = [parse_model("adaptive_random_forest()", task=Task.BINARY, seed=seed, name="f").text for seed in (1, 2)]
    assert texts[0] != texts[1]
    assert all("seed=" in text for text in texts)

"""What every model keeps, whatever it is made of: one list, run over our own models and a choice of River's."""

from __future__ import annotations

import copy
from math import isfinite
from random import Random

import pytest

from engine.messages import Answer, Features, Target
from engine.models.model import Model
from engine.models.spec import parse_model
from engine.snapshot import decode, encode
from engine.targets import Task

SCALED = "river.preprocessing.StandardScaler() | "
RULES = 'rules("amount > 5 -> {}; hour < 3 or not amount > 1 -> {}; otherwise -> {}")'
CASES = [
    *((f"{name}()", task) for name in ("no_change", "majority") for task in (Task.BINARY, Task.MULTICLASS)),
    ("no_change()", Task.REGRESSION),
    ("mean()", Task.REGRESSION),
    (RULES.format(".9", ".2", "0"), Task.BINARY),
    (RULES.format("'a'", "'b'", "7"), Task.MULTICLASS),
    (RULES.format("3", "-1.5", "0"), Task.REGRESSION),
    ("blend(no_change(), majority(), eta=.5)", Task.BINARY),
    (f"blend(majority(), blend(no_change(), river.tree.HoeffdingTreeClassifier()), {RULES.format('.9', '.2', '0')})",
     Task.BINARY),
    ("blend(no_change(), majority(), river.naive_bayes.GaussianNB())", Task.MULTICLASS),
    (f"blend(no_change(), mean(), {SCALED}river.linear_model.LinearRegression())", Task.REGRESSION),
    (f"{SCALED}river.linear_model.LogisticRegression()", Task.BINARY),
    (f"{SCALED}river.linear_model.PAClassifier()", Task.BINARY),
    (f"{SCALED}river.multiclass.OneVsRestClassifier(river.linear_model.LogisticRegression())", Task.MULTICLASS),
    (f"{SCALED}river.neighbors.KNNClassifier(engine=river.neighbors.LazySearch())", Task.MULTICLASS),
    (f"{SCALED}river.linear_model.LinearRegression()", Task.REGRESSION),
    *(("hoeffding_tree(grace_count=20, delta=.1)", task) for task in Task),
    ("hoeffding_tree(grace_count=20, preset='fraud')", Task.BINARY),
    ("hoeffding_tree(grace_count=20, river_compat=True)", Task.MULTICLASS),
    ("hoeffding_tree(grace_count=20, leaf='mean', leaf_count_max=3)", Task.REGRESSION),
    ("hoeffding_tree(grace_count=20, river_compat=True)", Task.REGRESSION),
    *(("hoeffding_adaptive_tree(grace_count=20, delta=.1)", task) for task in Task),
    ("river.naive_bayes.GaussianNB()", Task.BINARY),
    ("river.naive_bayes.GaussianNB()", Task.MULTICLASS),
    ("river.tree.HoeffdingTreeClassifier(grace_period=20)", Task.BINARY),
    ("river.tree.HoeffdingAdaptiveTreeClassifier(grace_period=20)", Task.MULTICLASS),
    *(("adaptive_random_forest(n_models=3, grace_count=20)", task) for task in Task),
    ("river.forest.ARFClassifier(n_models=3)", Task.BINARY),
    ("river.forest.AMFClassifier(n_estimators=2)", Task.MULTICLASS),
    ("river.forest.AMFRegressor(n_estimators=2)", Task.REGRESSION),
    ("river.ensemble.LeveragingBaggingClassifier(river.naive_bayes.GaussianNB(), n_models=2)", Task.BINARY),
    ("river.ensemble.VotingClassifier([river.naive_bayes.GaussianNB(), river.tree.HoeffdingTreeClassifier()])",
     Task.BINARY),
    ("river.facto.FMClassifier(n_factors=2)", Task.BINARY),
    ("naive_bayes()", Task.BINARY),
    ("naive_bayes()", Task.MULTICLASS),
    ("logistic()", Task.BINARY),
    ('logistic(ftrl(l1=0.1), class_weight="balanced", pairs=True)', Task.BINARY),
    ("linear(adam(lr=inverse_scaling(0.1)), loss=huber(epsilon=1.0))", Task.REGRESSION),
    ("softmax(adagrad(l2=0.01))", Task.BINARY),
    ("softmax()", Task.MULTICLASS),
]  # fmt: skip

Example = tuple[dict[str, float | str], Target]


def examples(task: Task, count: int, seed: int = 5) -> list[Example]:
    """Return a seeded stream of numbers, learnable in every task."""
    random = Random(seed)
    made: list[Example] = []
    for _ in range(count):
        amount, hour = random.gauss(3.0, 2.0), float(random.randrange(24))
        x: dict[str, float | str] = {"amount": amount, "hour": hour}
        target: Target = amount * 2.0 + random.gauss(0.0, 0.1)
        if task is Task.BINARY:
            target = (amount > 4.0) is (random.random() < 0.9)
        elif task is Task.MULTICLASS:
            target = "a" if amount > 4.0 else "b" if hour < 6.0 else 7
        made.append((x, target))
    return made


def built(text: str, task: Task) -> Model:
    return parse_model(text, task=task, seed=3, name="contender").model


def run(model: Model, stream: list[Example]) -> list[Answer]:
    answers = []
    for x, target in stream:
        answers.append(model.predict(x))
        model.learn(x, target, 1.0)
    return answers


def is_answer(answer: Answer, task: Task, x: Features) -> bool:
    decision, score = answer
    if task is Task.BINARY:
        return type(decision) is bool and type(score) is float and 0.0 <= score <= 1.0
    if task is Task.REGRESSION:
        return type(decision) is float and decision == score and isfinite(decision)
    assert isinstance(score, dict)
    assert all(type(share) is float and 0.0 <= share <= 1.0 for share in score.values())
    if not score:
        return decision is None
    return score[decision] == max(score.values()) and sum(score.values()) == pytest.approx(1.0)


conformance = pytest.mark.parametrize(("text", "task"), CASES, ids=[f"{task}-{text[:60]}" for text, task in CASES])


@conformance
def test_every_answer_is_one_from_the_first_on(text: str, task: Task) -> None:
    stream = examples(task, 300)
    for (x, _), answer in zip(stream, run(built(text, task), stream), strict=True):
        assert is_answer(answer, task, x), answer


@conformance
def test_equal_runs_give_equal_answers(text: str, task: Task) -> None:
    stream = examples(task, 300)
    assert run(built(text, task), stream) == run(built(text, task), stream)


@conformance
def test_a_question_changes_no_later_answer_nor_the_features(text: str, task: Task) -> None:
    stream = examples(task, 150)
    asked, left_alone = built(text, task), built(text, task)
    answers = []
    for x, target in stream:
        before = copy.deepcopy(x)
        for other, _ in stream[:2]:
            asked.predict(other)
        assert asked.predict(x) == asked.predict(x)
        assert x == before
        answers.append(asked.predict(x))
        asked.learn(x, target, 1.0)
        assert x == before
    assert answers == run(left_alone, stream)


@conformance
def test_a_restored_model_continues_as_the_one_it_was_taken_from(text: str, task: Task) -> None:
    stream = examples(task, 400)
    original = built(text, task)
    run(original, stream[:250])
    state = original.snapshot()
    restored = built(text, task)
    restored.restore(decode(encode(state)))
    assert encode(restored.snapshot()) == encode(original.snapshot())
    assert run(restored, stream[250:]) == run(original, stream[250:])
    assert encode(restored.snapshot()) == encode(original.snapshot())


@conformance
def test_a_snapshot_does_not_follow_its_model(text: str, task: Task) -> None:
    stream = examples(task, 200)
    model = built(text, task)
    run(model, stream[:100])
    state = model.snapshot()
    kept = encode(state)
    run(model, stream[100:])
    assert encode(state) == kept


@conformance
def test_a_snapshot_may_be_taken_before_anything_was_learned(text: str, task: Task) -> None:
    model = built(text, task)
    model.restore(decode(encode(built(text, task).snapshot())))
    stream = examples(task, 50)
    assert run(model, stream) == run(built(text, task), stream)

"""What every compiled model keeps: one step at a time, many in a run, a table or a restored snapshot are all the same.

The models are found in the table of our own, so that a new one is held to this without a line here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

import numpy as np
import pytest

from engine.errors import ModelError, SnapshotError
from engine.messages import Answer, Target
from engine.models.compiled import model as compiled_model
from engine.models.compiled import vectors
from engine.models.compiled.model import RUN_COUNT, Compiled
from engine.models.model import Act
from engine.models.spec import OWN_MODELS, parse_model
from engine.snapshot import decode, encode
from engine.targets import Task

CASES = [
    pytest.param(name, task, id=f"{name}-{task.value}")
    for name, found in OWN_MODELS.items()
    if issubclass(found, Compiled)
    for task in sorted(found.tasks)
]
every_model = pytest.mark.parametrize(("name", "task"), CASES)


def made(name: str, task: Task) -> Compiled:
    model = parse_model(f"{name}()", task=task, seed=7, name="contender").model
    assert isinstance(model, Compiled)
    return model


def target_of(task: Task, amount: float, random: Random) -> Target:
    if task is Task.BINARY:
        return (amount > 0.5) is (random.random() < 0.9)
    if task is Task.MULTICLASS:
        return "low" if amount < -0.5 else "high" if amount > 0.5 else "between"
    return 3.0 * amount + random.gauss(0.0, 0.1)


def acts(task: Task, count: int, seed: int = 1) -> Iterator[Act]:
    """Yield questions and examples of numbers and texts, of which some are missing, late, or of the other kind."""
    random = Random(seed)
    for step in range(count):
        amount = random.gauss(0.0, 1.0)
        x: dict[str, Any] = {"amount": amount, "hour": float(random.randrange(24)), "country": random.choice("NDB")}
        if step > count // 3:
            x["late"] = random.random()
            x["shop"] = f"shop {random.randrange(40)}"
        if random.random() < 0.1:
            x["hour"] = "noon"
        if random.random() < 0.2:
            del x[random.choice(list(x))]
        yield Act(x)
        if random.random() < 0.8:
            yield Act(x, target_of(task, amount, random), random.choice((0.5, 1.0, 2.0)))


def run(model: Compiled, steps: Iterable[Act]) -> list[Answer]:
    answers: list[Answer] = []
    model.run(steps, answers)
    return answers


def one_by_one(model: Compiled, steps: list[Act]) -> list[Any]:
    answers = []
    for x, target, weight in steps:
        if target is None:
            answers.append(model.predict(x))
        else:
            model.learn(x, target, weight)
    return answers


@every_model
def test_a_run_is_its_steps_one_by_one_to_the_bit(name: str, task: Task) -> None:
    steps = list(acts(task, 3 * RUN_COUNT))
    together, alone = made(name, task), made(name, task)
    assert run(together, steps) == one_by_one(alone, steps)
    assert encode(together.snapshot()) == encode(alone.snapshot())


@every_model
def test_runs_may_be_cut_anywhere(name: str, task: Task) -> None:
    steps = list(acts(task, 400))
    whole, cut = made(name, task), made(name, task)
    answers = run(whole, steps)
    random, found, begin = Random(3), [], 0
    while begin < len(steps):
        end = begin + random.choice((1, 2, 60, RUN_COUNT, RUN_COUNT + 1))
        found += run(cut, steps[begin:end])
        begin = end
    assert found == answers
    assert encode(cut.snapshot()) == encode(whole.snapshot())


@every_model
def test_a_snapshot_in_the_middle_of_a_stream_changes_nothing(name: str, task: Task) -> None:
    steps = list(acts(task, 500))
    original, restored = made(name, task), made(name, task)
    run(original, steps[:437])
    restored.restore(decode(encode(original.snapshot())))
    assert run(restored, steps[437:]) == run(original, steps[437:])
    assert encode(restored.snapshot()) == encode(original.snapshot())


@every_model
def test_a_table_is_answered_and_learned_as_its_rows_are(name: str, task: Task) -> None:
    random = Random(5)
    names = ["amount", "hour", "late"]
    table = np.array([[random.gauss(0.0, 1.0), random.randrange(24), random.random()] for _ in range(700)])
    table[np.array([[random.random() < 0.1 for _ in names] for _ in table])] = np.nan
    targets = [target_of(task, 0.0 if np.isnan(row[0]) else float(row[0]), random) for row in table]
    at_once, alone = made(name, task), made(name, task)
    answers = at_once.test_then_train(names, table, targets)
    for row, target, said in zip(table, targets, answers, strict=True):
        x = {key: float(value) for key, value in zip(names, row, strict=True) if not np.isnan(value)}
        score = alone.predict(x)[1]
        if isinstance(score, dict):
            expected = [score.get(kind, 0.0) for kind in at_once.classes]
        elif at_once.classes:
            expected = [score if kind else 1.0 - score for kind in at_once.classes]
        else:
            expected = [score]
        if alone.classes or not at_once.classes:
            assert said.tolist() == pytest.approx(expected, abs=1e-15)
        else:
            assert not said.any()
        alone.learn(x, target, 1.0)


@every_model
def test_a_run_stops_at_the_act_that_raises_and_the_steps_before_it_are_taken(name: str, task: Task) -> None:
    steps = list(acts(task, 200))
    broken, whole = made(name, task), made(name, task)
    unreadable: Any = {"amount": object()}
    run(whole, steps[:300])
    run(broken, steps[:200])
    target = next(step.target for step in steps if step.target is not None)
    answers: list[Answer] = []
    with pytest.raises(Exception, match=r"float|real number"):
        broken.run([*steps[200:250], Act(unreadable, target), *steps[300:]], answers)
    with pytest.raises(Exception, match=r"float|real number"):
        broken.run([*steps[250:300], Act(unreadable), *steps[300:]], answers)
    assert len(answers) == sum(step.target is None for step in steps[200:300])
    assert encode(broken.snapshot()) == encode(whole.snapshot())


@every_model
def test_a_question_about_what_was_never_learned_makes_no_room_for_it(name: str, task: Task) -> None:
    model = made(name, task)
    run(model, acts(task, 100))
    before = encode(model.snapshot())
    model.predict({"amount": 1.0, "never": 2.0, "country": "never", "hour": "never"})
    model.predict({})
    assert encode(model.snapshot()) == before


@every_model
def test_too_many_features_are_refused_and_change_nothing(
    name: str, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "COLUMNS_COUNT_MAX", 8)
    model, steps = made(name, task), list(acts(task, 100))
    run(model, steps)
    before = encode(model.snapshot())
    target = next(step.target for step in steps if step.target is not None)
    with pytest.raises(ModelError, match="more than 8 features"):
        model.learn({f"name {number}": 1.0 for number in range(9)}, target, 1.0)
    with pytest.raises(ModelError, match="more than 8 features"):
        run(model, [Act({f"name {number}": 1.0 for number in range(9)}, target)])
    with pytest.raises(ModelError, match="more than 8 features"):
        model.test_then_train([f"name {number}" for number in range(9)], np.zeros((1, 9)), [target])
    assert encode(model.snapshot()) == before
    model.learn(steps[0].x, target, 1.0)


@every_model
def test_too_many_texts_are_refused_and_change_nothing_where_each_has_a_number(
    name: str, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "TEXTS_COUNT_MAX", 3)
    model = made(name, task)
    targets = [target_of(task, amount, Random(1)) for amount in (-1.0, 1.0)]
    for text in "abc":
        model.learn({"word": text}, targets[0], 1.0)
        model.learn({"word": text}, targets[1], 1.0)
    before = encode(model.snapshot())
    if not decode(before)["vectors"]["texts"]:  # type: ignore[index, call-overload]
        model.learn({"word": "d"}, targets[0], 1.0)
        return
    with pytest.raises(ModelError, match="more than 3 texts of 'word'"):
        model.learn({"word": "d"}, targets[0], 1.0)
    assert encode(model.snapshot()) == before
    model.learn({"word": "a"}, targets[0], 1.0)


@every_model
def test_a_snapshot_of_another_kernel_or_format_is_refused_by_name(name: str, task: Task) -> None:
    model = made(name, task)
    run(model, acts(task, 50))
    before = encode(model.snapshot())
    for key, value in (("kernel", "abacus"), ("format", 999)):
        other = {**decode(before), key: value}  # type: ignore[dict-item]
        with pytest.raises(SnapshotError, match=rf"{model.kernel} keeps arrays of format {model.format}.*{value}"):
            model.restore(other)
    with pytest.raises(SnapshotError):
        model.restore({**decode(before), "arrays": [np.zeros(3, dtype=np.int8)]})  # type: ignore[dict-item]
    with pytest.raises(SnapshotError):
        model.restore(None)
    assert encode(model.snapshot()) == before


@every_model
def test_a_run_of_any_length_needs_no_more_room_than_its_bound(name: str, task: Task) -> None:
    model = made(name, task)
    run(model, acts(task, 4 * compiled_model.RUN_COUNT))
    assert len(model._run_rows) == RUN_COUNT

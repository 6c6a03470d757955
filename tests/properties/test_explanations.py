"""For every compiled model and every stream: what explains an answer adds up to it, from a base on.

Trees explain the probability or the number itself; linear models of classes and naive Bayes the log odds of True, in a
multiclass task those of the decision against the next best class.
"""

from __future__ import annotations

from math import exp, isfinite
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.messages import Answer, Features, Target
from engine.models.compiled.explained_trees import ExplainedTrees
from engine.models.compiled.model import Compiled, CompiledNumber
from engine.models.spec import OWN_MODELS, parse_model
from engine.targets import Task
from tests.grown_trees import unruly
from tests.recorded_draws import streams_with_a_break

FEATURES = st.dictionaries(
    st.sampled_from("abcd"),
    st.floats(-1e3, 1e3) | st.sampled_from([0.0, 1.0, -1.0, 1e6]) | st.sampled_from(["p", "q", "r"]),
    max_size=4,
)
TARGETS: dict[Task, st.SearchStrategy[Target]] = {
    Task.BINARY: st.booleans(),
    Task.MULTICLASS: st.sampled_from(["x", "y", 3]),
    Task.REGRESSION: st.floats(-100.0, 100.0).map(float),
}
WEIGHTS = st.sampled_from([1.0, 1.0, 0.25, 3.0])
FORCED = "grace_count=4, delta=.9, tau=2."
SETTINGS = {
    "hoeffding_tree": FORCED,
    "hoeffding_adaptive_tree": FORCED + ", drift_delta=.9, seed=1",
    "adaptive_random_forest": FORCED + ", n_models=3, seed=1",
}
MORE = {
    Task.BINARY: ["leaf_answer='nb'", "leaf_answer='majority'"],
    Task.MULTICLASS: ["leaf_answer='nb'", "leaf_answer='nb', river_compat=True"],
    Task.REGRESSION: ["leaf='mean'", "leaf='model'", "leaf='adaptive', river_compat=True"],
}
COMPILED = sorted(name for name, kind in OWN_MODELS.items() if issubclass(kind, Compiled))
PLAIN = [(f"{name}({SETTINGS.get(name, '')})", task) for name in COMPILED for task in Task
         if task in OWN_MODELS[name].tasks]  # fmt: skip
OTHERS = [
    *((f"{name}({SETTINGS[name]}, {more})", task) for name in SETTINGS for task in Task for more in MORE[task]),
    (f"adaptive_random_forest({SETTINGS['adaptive_random_forest']}, aggregation='mean')", Task.REGRESSION),
    ("logistic(pairs=True)", Task.BINARY),
]


def built(text: str, task: Task) -> Any:
    return parse_model(text, task=task, seed=1, name="explained").model


def said_of(answer: Answer) -> tuple[float, float]:
    """Return the score that is explained, and the next best."""
    decision, score = answer
    if not isinstance(score, dict):
        return float(score or 0.0), 1.0 - float(score or 0.0)
    if not score:
        return 0.0, 0.0
    best, *others = sorted(score.values(), reverse=True)
    assert score[decision] == best
    return best, others[0] if others else 0.0


def assert_adds_up(model: Any, task: Task, x: Features) -> None:
    answer, said = model.predict(x), model.explain(x)
    total = model.explain_base(x) + sum(said.values())
    assert all(isfinite(value) for value in said.values())
    best, other = said_of(answer)
    if isinstance(model, ExplainedTrees) or task is Task.REGRESSION:
        assert total == pytest.approx(best, rel=1e-9, abs=1e-9)
    elif isinstance(model, CompiledNumber) or len(model.classes) > 1:
        share = 1.0 / (1.0 + exp(-total)) if total > -700.0 else 0.0
        assert share == pytest.approx(best / (best + other), abs=1e-9)


def test_every_compiled_model_explains_its_answers() -> None:
    assert all(hasattr(OWN_MODELS[name], "explain_base") and hasattr(OWN_MODELS[name], "explain") for name in COMPILED)


@pytest.mark.parametrize(("text", "task"), [*PLAIN, *OTHERS])
@settings(max_examples=15)
@given(st.data())
def test_explanations_add_up_on_every_stream(text: str, task: Task, data: st.DataObject) -> None:
    model = built(text, task)
    stream = data.draw(st.lists(st.tuples(FEATURES, TARGETS[task], WEIGHTS), max_size=60))
    for x, target, weight in stream:
        model.learn(x, target, weight)
    for x in [*(x for x, _, _ in stream[-5:]), data.draw(FEATURES)]:
        assert_adds_up(model, task, x)


@pytest.mark.parametrize(("text", "task"), [case for case in PLAIN if "tree" in case[0] or "forest" in case[0]])
def test_explanations_add_up_in_grown_trees(text: str, task: Task) -> None:
    random = Random(6)
    model = built(text.replace(FORCED, "grace_count=30, delta=.3"), task)
    stream = list(unruly(1_500, 3, numbers=task is Task.REGRESSION))
    for x, target in stream:
        model.learn(x, target == "c1" if task is Task.BINARY else target, 1.0)
        if random.random() < 0.05:
            assert_adds_up(model, task, x)


@pytest.mark.parametrize("task", list(Task))
def test_explanations_add_up_while_alternates_answer_too(task: Task) -> None:
    model = built("hoeffding_adaptive_tree(grace_count=400, delta=.3, seed=1)", task)
    answered_by_many = 0
    for place, (x, target) in enumerate(streams_with_a_break(8_000)["rtg"]):
        told: Target = (
            bool(target) if task is Task.BINARY else float(target) if task is Task.REGRESSION else f"c{target}"
        )
        model.learn(x, told, 1.0)
        if place > 4_000 and place % 40 == 0:
            assert_adds_up(model, task, x)
            answered_by_many += bool((model._arrays[2][1:, 0] > 0).any())
    assert answered_by_many > 3

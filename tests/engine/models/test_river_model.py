"""What we say of River's classes is so: what reads text reads it, what does not breaks, what answers answers well."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from engine.errors import ConfigError
from engine.messages import Target
from engine.models import river_model
from engine.models.model import fingerprint_of
from engine.models.spec import list_models, parse_model
from engine.snapshot import digest
from engine.targets import Task

WRAPPED = {
    "river.drift.DriftRetrainingClassifier": "{}",
    "river.ensemble.ADWINBaggingClassifier": "{}, n_models=2",
    "river.ensemble.ADWINBoostingClassifier": "{}, n_models=2",
    "river.ensemble.AdaBoostClassifier": "{}, n_models=2",
    "river.ensemble.BOLEClassifier": "{}, n_models=2",
    "river.ensemble.BaggingClassifier": "{}, n_models=2",
    "river.ensemble.BaggingRegressor": "{}, n_models=2",
    "river.ensemble.EWARegressor": "[{}, {}]",
    "river.ensemble.LeveragingBaggingClassifier": "{}, n_models=2",
    "river.ensemble.SRPClassifier": "n_models=2",
    "river.ensemble.SRPRegressor": "n_models=2",
    "river.ensemble.StackingClassifier": "[{}, {}], {}",
    "river.ensemble.VotingClassifier": "[{}, {}]",
    "river.forest.AMFClassifier": "n_estimators=2",
    "river.forest.AMFRegressor": "n_estimators=2",
    "river.forest.ARFClassifier": "n_models=2",
    "river.forest.ARFRegressor": "n_models=2",
    "river.forest.OXTRegressor": "n_models=2",
    "river.imblearn.ChebyshevOverSampler": "{}",
    "river.imblearn.ChebyshevUnderSampler": "{}",
    "river.imblearn.HardSamplingClassifier": "{}, size=10, p=.5",
    "river.imblearn.HardSamplingRegressor": "{}, size=10, p=.5",
    "river.imblearn.RandomOverSampler": "{}, desired_dist={{True: .5, False: .5}}",
    "river.imblearn.RandomSampler": "{}, desired_dist={{True: .5, False: .5}}",
    "river.imblearn.RandomUnderSampler": "{}, desired_dist={{True: .5, False: .5}}",
    "river.multiclass.OneVsOneClassifier": "{}",
    "river.multiclass.OneVsRestClassifier": "{}",
    "river.multiclass.OutputCodeClassifier": "{}, code_size=3",
    "river.preprocessing.PredClipper": "{}, -9, 9",
    "river.preprocessing.TargetMinMaxScaler": "{}",
    "river.preprocessing.TargetStandardScaler": "{}",
    "river.dummy.StatisticRegressor": "river.stats.Mean()",
    "river.linear_model.BayesianLinearRegression": "smoothing=.99",
    "river.neighbors.KNNClassifier": "engine=river.neighbors.LazySearch()",
    "river.neighbors.KNNRegressor": "engine=river.neighbors.LazySearch()",
}
INNER = {
    Task.BINARY: "river.linear_model.LogisticRegression()",
    Task.MULTICLASS: "river.naive_bayes.GaussianNB()",
    Task.REGRESSION: "river.linear_model.LinearRegression()",
}


def specs() -> Iterator[tuple[str, Task]]:
    """Yield a small spec of every classifier and regressor River has for us."""
    regressors = {entry.name for entry in river_model.list_classes(river_model.MODEL_MODULES, "regressor")}
    for entry in list_models():
        if entry.name.startswith("river."):
            task = Task.REGRESSION if entry.name in regressors else Task.BINARY
            inner = WRAPPED.get(entry.name, "")
            yield f"{entry.name}({inner.format(*[INNER[task]] * 3)})", task


SPECS = list(specs())


def stream(task: Task, *, text: bool, count: int = 400) -> Iterator[tuple[dict[str, Any], Any]]:
    random = Random(11)
    for _ in range(count):
        x: dict[str, Any] = {"a": random.random() * 3.0, "b": float(random.randrange(4))}
        if text:
            x["country"] = random.choice(["A1", "B2", "C3"])
        y = x["a"] + x["b"] > 2.0 + random.random()
        yield x, float(y) + x["a"] if task is Task.REGRESSION else y


def run(spec: str, task: Task, *, text: bool) -> None:
    model = parse_model(spec, task=task, seed=1, name="a").model
    for x, y in stream(task, text=text):
        _, score = model.predict(x)
        assert isinstance(score, float)
        model.learn(x, y, 1.0)


@pytest.mark.parametrize(("spec", "task"), SPECS, ids=[spec.partition("(")[0] for spec, _ in SPECS])
def test_two_runs_of_one_stream_give_the_same_answers_and_leave_the_same_state(spec: str, task: Task) -> None:
    ran = []
    for _ in range(2):
        model = parse_model(spec, task=task, seed=3, name="a").model
        answers = []
        for x, y in stream(task, text=False, count=250):
            answers.append(model.predict(x))
            model.learn(x, y, 1.0)
        ran.append((answers, digest(fingerprint_of(model))))
    assert ran[0] == ran[1]


@pytest.mark.parametrize(("spec", "task"), SPECS, ids=[spec.partition("(")[0] for spec, _ in SPECS])
def test_every_estimator_answers_numbers_and_reads_the_view_we_say_it_reads(spec: str, task: Task) -> None:
    run(spec, task, text=False)
    if parse_model(spec, task=task, seed=1, name="a").reads == "raw":
        run(spec, task, text=True)
    else:
        with pytest.raises((TypeError, ValueError, AttributeError)):
            run(spec, task, text=True)


@pytest.mark.parametrize(
    "spec",
    ["river.tree.HoeffdingTreeRegressor(leaf_prediction='mean')",
     "river.tree.HoeffdingAdaptiveTreeRegressor(leaf_prediction='mean')",
     "river.forest.ARFRegressor(n_models=2, leaf_prediction='mean')"],
)  # fmt: skip
def test_a_regression_tree_with_mean_leaves_reads_text(spec: str) -> None:
    assert parse_model(spec, task=Task.REGRESSION, seed=1, name="a").reads == "raw"
    run(spec, Task.REGRESSION, text=True)


CLASSIFIERS = [
    spec.replace(INNER[Task.BINARY], INNER[Task.MULTICLASS])
    for spec, task in SPECS
    if task is Task.BINARY and "imblearn" not in spec
]
TWO_CLASSES_ONLY = {
    *(f"linear_model.{name}" for name in ("ALMAClassifier", "AdPredictor", "LogisticRegression", "PAClassifier")),
    *(f"facto.{name}Classifier" for name in ("FFM", "FM", "FwFM", "HOFM")),
    *("linear_model.Perceptron", "tree.SGTClassifier"),
}


@pytest.mark.parametrize("spec", CLASSIFIERS, ids=[spec.partition("(")[0] for spec in CLASSIFIERS])
def test_a_classifier_is_accepted_for_three_classes_if_and_only_if_it_answers_about_three(spec: str) -> None:
    if spec.partition("(")[0].removeprefix("river.") in TWO_CLASSES_ONLY:
        with pytest.raises(ConfigError, match="OneVsRestClassifier"):
            parse_model(spec, task=Task.MULTICLASS, seed=1, name="a")
        return
    model = parse_model(spec, task=Task.MULTICLASS, seed=1, name="a").model
    spoken_of: set[Target] = set()
    for x, y in stream(Task.REGRESSION, text=False):
        _, score = model.predict(x)
        assert isinstance(score, dict)
        spoken_of |= score.keys()
        model.learn(x, "low" if y < 1.0 else "mid" if y < 2.5 else "high", 1.0)
    assert spoken_of == {"low", "mid", "high"}

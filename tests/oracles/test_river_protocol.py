"""River's own progressive validation is the oracle: what the command line serves is what River would have answered.

Every answer is compared, bit by bit, as it stands in the output files: the champion's in `predictions.jsonl`, the same
model's as a challenger in `shadow.jsonl`. River's loop here is the one of its documentation: ask, then learn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from river import datasets, forest, linear_model, naive_bayes, optim, preprocessing, tree

from engine.models.estimator import CODE_MIN
from tests.replays import Replayed, replayed

Make = Callable[[], Any]

SCALED_LOGISTIC = (
    "river.preprocessing.StandardScaler() | river.linear_model.LogisticRegression(optimizer=river.optim.SGD(.1))"
)
SCALED_LINEAR = "river.preprocessing.StandardScaler() | river.linear_model.LinearRegression(intercept_lr=.1)"

BINARY: dict[str, tuple[str, str, Make]] = {
    "Phishing, scaled logistic regression": (
        "Phishing",
        SCALED_LOGISTIC,
        lambda: preprocessing.StandardScaler() | linear_model.LogisticRegression(optimizer=optim.SGD(0.1)),
    ),
    "Bananas, Hoeffding tree": ("Bananas", "river.tree.HoeffdingTreeClassifier()", tree.HoeffdingTreeClassifier),
    "Bananas, adaptive tree": (
        "Bananas",
        "river.tree.HoeffdingAdaptiveTreeClassifier(seed=3)",
        lambda: tree.HoeffdingAdaptiveTreeClassifier(seed=3),
    ),
}

MULTICLASS: dict[str, tuple[str, Make]] = {
    "naive Bayes": ("river.naive_bayes.GaussianNB()", naive_bayes.GaussianNB),
    "Hoeffding tree": ("river.tree.HoeffdingTreeClassifier()", tree.HoeffdingTreeClassifier),
    "random forest": (
        "river.forest.ARFClassifier(n_models=3, seed=7)",
        lambda: forest.ARFClassifier(n_models=3, seed=7),
    ),
}

REGRESSION: dict[str, tuple[str, str, Make]] = {
    "TrumpApproval, scaled linear regression": (
        "TrumpApproval",
        SCALED_LINEAR,
        lambda: preprocessing.StandardScaler() | linear_model.LinearRegression(intercept_lr=0.1),
    ),
    "SP500Stocks, Hoeffding tree": (
        "SP500Stocks",
        "river.tree.HoeffdingTreeRegressor()",
        tree.HoeffdingTreeRegressor,
    ),
}


def progressive(dataset: Iterable[tuple[Any, Any]], model: Any, question: str) -> Iterator[tuple[Any, Any, Any]]:
    """Yield River's (decision, answer to `question`, target), each given before its target was learned."""
    for x, y in dataset:
        yield model.predict_one(x), getattr(model, question)(x), y
        model.learn_one(x, y)


def both_roles(name: str, spec: str, out: Path, *flags: str) -> tuple[list[dict[str, Any]], Replayed]:
    """Replay a set with one spec as champion and as challenger; return the one list of answers both gave."""
    run = replayed(f"river:{name}", "--champion", f"first={spec}", "--challenger", f"second={spec}", *flags, out=out)
    answers = run.answers
    first, second = list(answers["first"].values()), list(answers["second"].values())
    kept = ("index", "id", "prediction", "probability", "probabilities")
    assert [[line.get(key) for key in kept] for line in first] == [[line.get(key) for key in kept] for line in second]
    return first, run


@pytest.mark.parametrize("name", BINARY)
def test_binary_answers_are_rivers_in_either_role(name: str, tmp_path: Path) -> None:
    dataset, spec, make = BINARY[name]
    served, run = both_roles(dataset, spec, tmp_path, "--positive", "true")
    hits = 0
    theirs = progressive(getattr(datasets, dataset)(), make(), "predict_proba_one")
    for line, (decision, proba, y) in zip(served, theirs, strict=True):
        if proba:
            assert (line["prediction"], line["probability"]) == (decision, proba.get(True, 0.0))
        else:
            assert (line["prediction"], line["probability"]) == (False, 0.5)
        hits += line["prediction"] == y
    metrics = run.summary["models"]["first"]["metrics"]
    assert metrics["accuracy"] == run.summary["models"]["second"]["metrics"]["accuracy"] == hits / len(served)


def test_phishing_scores_what_rivers_documentation_prints(tmp_path: Path) -> None:
    run = replayed("river:Phishing", "--champion", f"logistic={SCALED_LOGISTIC}", out=tmp_path)
    assert f"{run.summary['models']['logistic']['metrics']['accuracy']:.2%}" == "88.96%"


@pytest.mark.parametrize("name", MULTICLASS)
def test_multiclass_answers_are_rivers_in_either_role(name: str, tmp_path: Path) -> None:
    """River is shown a class that is text as a number here, as the engine does: see `engine.models.estimator`."""
    spec, make = MULTICLASS[name]
    served, run = both_roles("ImageSegments", spec, tmp_path)
    codes: dict[str, int] = {}
    texts = [(x, y) for x, y in datasets.ImageSegments()]
    coded = [(x, codes.setdefault(y, CODE_MIN + len(codes))) for x, y in texts]
    names = {code: text for text, code in codes.items()}
    hits = 0
    theirs = progressive(coded, make(), "predict_proba_one")
    for line, (decision, proba, code) in zip(served, theirs, strict=True):
        assert line["prediction"] == names.get(decision)
        assert line["probabilities"] == {names[said]: p for said, p in proba.items()}
        hits += line["prediction"] == names[code]
    assert run.summary["models"]["second"]["metrics"]["accuracy"] == hits / len(served)


def test_naive_bayes_answers_are_rivers_for_its_own_text_classes_too(tmp_path: Path) -> None:
    served, _ = both_roles("ImageSegments", MULTICLASS["naive Bayes"][0], tmp_path)
    theirs = progressive(datasets.ImageSegments(), naive_bayes.GaussianNB(), "predict_proba_one")
    for line, (decision, proba, _) in zip(served, theirs, strict=True):
        assert (line["prediction"], line["probabilities"]) == (decision, proba)


@pytest.mark.parametrize("name", REGRESSION)
def test_numbers_are_rivers_in_either_role(name: str, tmp_path: Path) -> None:
    dataset, spec, make = REGRESSION[name]
    served, run = both_roles(dataset, spec, tmp_path)
    error = 0.0
    theirs = progressive(getattr(datasets, dataset)(), make(), "predict_one")
    for line, (value, _, y) in zip(served, theirs, strict=True):
        assert line["prediction"] == value
        error += abs(value - y)
    assert run.summary["models"]["first"]["metrics"]["mae"] == pytest.approx(error / len(served), rel=1e-12)


def test_trump_approval_scores_what_rivers_documentation_prints(tmp_path: Path) -> None:
    run = replayed("river:TrumpApproval", "--champion", f"linear={SCALED_LINEAR}", out=tmp_path)
    assert f"{run.summary['models']['linear']['metrics']['mae']:.6f}" == "0.558735"


def test_a_date_is_the_seconds_since_1970_to_a_model(tmp_path: Path) -> None:
    served, _ = both_roles("WaterFlow", SCALED_LINEAR, tmp_path)
    seconds = (({"Time": x["Time"].timestamp()}, y) for x, y in datasets.WaterFlow())
    theirs = progressive(
        seconds, preprocessing.StandardScaler() | linear_model.LinearRegression(intercept_lr=0.1), "predict_one"
    )
    for line, (value, _, _) in zip(served, theirs, strict=True):
        assert line["prediction"] == value

"""River's estimators: which of them a spec may name, what they are, and what they can be used for.

The only file of models/ that imports River, and only inside functions: importing it takes seconds. Nothing here parses
text, and nothing here runs once the models are built.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple

from engine.errors import ConfigError
from engine.models.feature_view import Need, combine
from engine.targets import Task

MODEL_MODULES = (
    "drift",
    "dummy",
    "ensemble",
    "facto",
    "forest",
    "imblearn",
    "linear_model",
    "multiclass",
    "naive_bayes",
    "neighbors",
    "preprocessing",
    "rules",
    "tree",
)
"""Where classifiers and regressors live, among them the wrappers of drift and preprocessing."""

DETECTOR_MODULES = ("drift", "drift.binary")

PART_MODULES = (
    "anomaly",
    "compose",
    "feature_extraction",
    "feature_selection",
    "optim",
    "optim.initializers",
    "optim.losses",
    "optim.schedulers",
    "stats",
    "tree.splitter",
)
"""Where the parts live that models are made of."""

_NO_CLASSES = "functions run code of their own; a spec builds classes only"
_REFUSED_MODULES = {
    "active": "asking for labels is not what a model does here",
    "api": "name the module the class lives in",
    "bandit": "its choices change with every question, and a question must change nothing",
    "base": "it holds abstract classes",
    "checks": "it tests estimators",
    "cluster": "clusters are no classes",
    "compat": "it wraps objects of other libraries, which a spec cannot name",
    "conf": "it answers with intervals",
    "covariance": "it holds no models",
    "datasets": "it reads files and the network; data comes in through sources",
    "evaluate": "sidestream itself asks, waits for the label and learns",
    "metrics": "the figures are sidestream's own",
    "misc": "it holds no models that run everywhere",
    "model_selection": "its choices change with every question; run the candidates as challengers instead",
    "multioutput": "there is one target",
    "proba": "it holds no models",
    "reco": "its models learn users and items, not features",
    "sketch": "it holds no models",
    "stream": "it reads files and the network; data comes in through sources",
    "time_series": "it forecasts; it does not answer requests",
    "utils": "it holds no models, and some of it runs code",
}
_REFUSED_CLASSES = {
    "river.compose.FuncTransformer": _NO_CLASSES,
    "river.compose.Pipeline": "write its steps as a | b",
    "river.compose.TargetTransformRegressor": _NO_CLASSES,
    "river.compose.TransformerUnion": "write its parts as a + b",
    "river.neighbors.SWINN": "its graphs share state in the class; use river.neighbors.LazySearch()",
    "river.optim.Optimizer": "it is abstract",
    "river.rules.AMRules": "it names its rules by their place in memory, so two runs leave different states",
    "river.stats.KolmogorovSmirnov": "it draws from Python's global random numbers",
    "river.tree.ISOUPTreeRegressor": "it predicts several targets; there is one",
}

_NOT_LEFT_OUT = {
    "river.neighbors.KNNClassifier": ("engine", "river.neighbors.LazySearch()"),
    "river.neighbors.KNNRegressor": ("engine", "river.neighbors.LazySearch()"),
}
"""Arguments whose default is no function of the stream (an unseeded SWINN), and what to write instead."""

_TRANSPARENT = ("Prefixer", "PreviousImputer", "Renamer", "StatImputer", "Suffixer")
"""Steps that take text and numbers alike and leave the choice of view to the step behind them."""

_BY_NAME_OR_TEXT = (
    *("Agg", "BagOfWords", "Discard", "FeatureHasher", "GapEncoder", "Grouper", "LDA", "OneHotEncoder"),
    *("OrdinalEncoder", "Select", "SelectType", "TargetAgg", "TFIDF"),
)
"""Steps that encode text themselves, or that name columns the one-hot view would have replaced."""

_TEXT_TOO = (
    *("AdPredictor", "ARFClassifier", "HoeffdingTreeClassifier", "SGTClassifier", "SGTRegressor"),
    *("NoChangeClassifier", "PriorClassifier", "StatisticRegressor"),
    *("FFMClassifier", "FFMRegressor", "FMClassifier", "FMRegressor"),
    *("FwFMClassifier", "FwFMRegressor", "HOFMClassifier", "HOFMRegressor"),
)
"""Estimators that learn from text as it is, with their subclasses; the tests try every one of them."""

_TEXT_TOO_WITH_MEAN_LEAVES = ("ARFRegressor", "HoeffdingTreeRegressor")
"""Regression trees put a linear model in every leaf, which takes numbers only, unless leaf_prediction is 'mean'."""


class Entry(NamedTuple):
    """One line of the catalogue."""

    name: str
    signature: str
    summary: str


def find_class(name: str) -> type | None:
    """Return the class that a spec's dotted name means, or None where River has no such name.

    Raises
    ------
    ConfigError
        The name exists and is refused, with the reason.
    """
    parts = name.split(".")
    if reason := _REFUSED_CLASSES.get(name) or _REFUSED_MODULES.get(parts[1] if len(parts) > 1 else ""):
        msg = f"{name} is not for specs: {reason}"
        raise ConfigError(msg)
    found = _classes().get(name)
    if found is None and _is_function(parts):
        msg = f"{name} is not for specs: {_NO_CLASSES}"
        raise ConfigError(msg)
    return found


def require_arguments(name: str, given: Mapping[str, object]) -> None:
    """Refuse a call that leaves an argument to a default with which two runs of one stream would differ."""
    argument, remedy = _NOT_LEFT_OUT.get(name, ("", ""))
    if argument and given.get(argument) is None:
        msg = f"{name} with its default {argument} answers differently from run to run; write {argument}={remedy}"
        raise ConfigError(msg)


def class_names() -> list[str]:
    """Return every dotted name a spec may call, sorted."""
    return sorted(_classes())


def pipeline(steps: Sequence[object]) -> object:
    """Return `a | b | c`: transformers, then at most one estimator, which ends it."""
    from river import compose

    for step in steps[:-1]:
        if kind(step) not in {"transformer", "anomaly filter"}:
            msg = f"{_name(step)} is {_with_article(kind(step))}; only transformers may stand before a '|'"
            raise ConfigError(msg)
    if kind(steps[-1]) not in {"transformer", "classifier", "regressor"}:
        msg = f"{_name(steps[-1])} is {_with_article(kind(steps[-1]))}; a pipeline ends in a classifier or a regressor"
        raise ConfigError(msg)
    return compose.Pipeline(*steps)


def union(parts: Sequence[object]) -> object:
    """Return `a + b + c`: the features of several transformers side by side."""
    from river import compose

    for part in parts:
        if kind(part) != "transformer":
            msg = f"{_name(part)} is {_with_article(kind(part))}; '+' joins transformers"
            raise ConfigError(msg)
    return compose.TransformerUnion(*parts)


def kind(thing: object) -> str:
    """Say what a River object is: classifier, regressor, transformer, anomaly scorer, ... or its class's name."""
    from river import base, compose

    if isinstance(thing, compose.Pipeline):
        return kind(_last_step(thing))
    named = (
        ("classifier", base.Classifier),
        ("regressor", base.Regressor),
        ("transformer", base.BaseTransformer),
        ("anomaly filter", base.AnomalyFilter),
        ("anomaly scorer", base.AnomalyDetector | base.SupervisedAnomalyDetector),
        ("drift detector", base.DriftDetector | base.BinaryDriftDetector),
    )
    return next((name for name, family in named if isinstance(thing, family)), type(thing).__name__)


def check_task(estimator: object, task: Task) -> None:
    """Refuse, with the remedy, an estimator that cannot do this task."""
    expected = "regressor" if task is Task.REGRESSION else "classifier"
    if (got := kind(estimator)) != expected:
        msg = f"{_name(estimator)} is {_with_article(got)}; a {task.value} task needs {_with_article(expected)}"
        raise ConfigError(msg)
    for member in _members(estimator):
        if (inner := kind(member)) != expected:
            msg = f"{_name(estimator)} needs {_with_article(expected)} inside, got {_name(member)}, a {inner}"
            raise ConfigError(msg)
    if task is Task.MULTICLASS and not _is_multiclass(estimator):
        name = _name(estimator)
        msg = f"{name} tells two classes apart; wrap it for more: river.multiclass.OneVsRestClassifier({name}(...))"
        raise ConfigError(msg)


def need(estimator: Any) -> Need:
    """Say which view of the features a River object needs."""
    from river import compose

    if isinstance(estimator, compose.Pipeline):
        steps = list(estimator.steps.values())
        return need(next((step for step in steps[:-1] if not _is_any(step, _TRANSPARENT)), steps[-1]))
    if isinstance(estimator, compose.TransformerUnion):
        return combine((need(part) for part in estimator.transformers.values()), "a union")
    if _is_any(estimator, _BY_NAME_OR_TEXT):
        return "raw"
    if _is_any(estimator, _TRANSPARENT) or _is_any(estimator, _TEXT_TOO):
        return "either"
    if _is_any(estimator, _TEXT_TOO_WITH_MEAN_LEAVES) and estimator.leaf_prediction == "mean":
        return "either"
    members = list(_members(estimator))
    return combine((need(member) for member in members), _name(estimator)) if members else "numeric"


def list_classes(modules: Sequence[str], *kinds: str) -> list[Entry]:
    """Return the catalogue lines of these modules' classes that are of one of these kinds, sorted by name."""
    from river import base

    families: dict[str, tuple[type, ...]] = {
        "classifier": (base.Classifier,),
        "regressor": (base.Regressor,),
        "drift detector": (base.DriftDetector, base.BinaryDriftDetector),
    }
    wanted = tuple(family for name in kinds for family in families[name])
    return [
        Entry(name, shown_signature(found), summary(found))
        for name, found in sorted(_classes().items())
        if issubclass(found, wanted) and name.rpartition(".")[0].removeprefix("river.") in modules
    ]


def shown_signature(found: type, *, without: str = "") -> str:
    """Return a class's parameters for a person: names and defaults, no annotations."""
    shown = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(found).parameters.values()
        if parameter.name != without
    ]
    return f"({', '.join(map(str, shown))})"


def summary(found: type) -> str:
    """Return the first line of a class's docstring, without marks of footnotes that are not shown."""
    return re.sub(r"\[\^\w+\]", "", (inspect.getdoc(found) or "").partition("\n")[0])


@cache
def _classes() -> dict[str, type]:
    found: dict[str, type] = {}
    for module_name in dict.fromkeys((*MODEL_MODULES, *DETECTOR_MODULES, *PART_MODULES)):
        module = import_module(f"river.{module_name}")
        for name in module.__all__:
            thing = getattr(module, name, None)
            full = f"river.{module_name}.{name}"
            if inspect.isclass(thing) and not inspect.isabstract(thing) and full not in _REFUSED_CLASSES:
                found[full] = thing
    return found


def _is_function(parts: Sequence[str]) -> bool:
    """Say whether a dotted name is a public function of an allowed module."""
    module_name, name = ".".join(parts[1:-1]), parts[-1]
    if module_name not in {*MODEL_MODULES, *DETECTOR_MODULES, *PART_MODULES} or name.startswith("_"):
        return False
    return inspect.isroutine(getattr(import_module(f"river.{module_name}"), name, None))


def _members(estimator: Any) -> Iterator[Any]:
    """Yield the estimators that an ensemble or a wrapper is made of."""
    from river import base, compose

    if isinstance(estimator, compose.Pipeline):
        yield from _members(_last_step(estimator))
    elif isinstance(estimator, base.Wrapper):
        yield estimator._wrapped_model
    elif isinstance(estimator, base.Ensemble):
        yield from estimator.models
        if hasattr(estimator, "meta_classifier"):
            yield estimator.meta_classifier


def _is_multiclass(estimator: Any) -> bool:
    """Ask River, looking through pipelines, which its wrappers do not."""
    from river import base, compose

    if isinstance(estimator, compose.Pipeline):
        return _is_multiclass(_last_step(estimator))
    if isinstance(estimator, base.Wrapper) and type(estimator)._multiclass is base.Wrapper._multiclass:
        return _is_multiclass(estimator._wrapped_model)
    return bool(estimator._multiclass)


def _last_step(steps: Any) -> Any:
    return list(steps.steps.values())[-1]


def _is_any(thing: object, names: Sequence[str]) -> bool:
    return any(parent.__name__ in names and parent.__module__.startswith("river.") for parent in type(thing).__mro__)


def _name(thing: object) -> str:
    from river import compose

    return _name(_last_step(thing)) if isinstance(thing, compose.Pipeline) else type(thing).__name__


def _with_article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiouAEIOU' else 'a'} {noun}"

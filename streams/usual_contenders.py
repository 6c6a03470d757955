"""Who answers where nobody was named: simple models that suit the task and the columns, each with its reason."""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import ConfigError
from engine.models.spec import default_name, split_name
from engine.schema import Kind, Schema
from engine.targets import Task
from streams.settings import Settings

RARE_SHARE_MAX = 0.05
"""A positive class of at most this share of the first labels is rare."""

_TREE = "river.tree.HoeffdingTreeClassifier()"
_RARE_TREE = "river.tree.HoeffdingTreeClassifier(max_share_to_split=1.0, min_branch_fraction=0.0)"
"""River's default tree never splits a leaf in which 99 % are of one class, which is every leaf where fraud is rare."""


def contenders(settings: Settings, task: Task, schema: Schema, *, rare: bool) -> tuple[str, tuple[str, ...]]:
    """Return the champion's and the challengers' specs: those asked for, or the usual ones for the task."""
    asked = settings.contenders
    simplest = "mean()" if task is Task.REGRESSION else "majority()"
    if asked.champion is not None or asked.challengers:
        return asked.champion or simplest, asked.challengers
    if task is Task.REGRESSION:
        scaled = "river.preprocessing.StandardScaler() | river."
        tree = f"hoeffding_tree={scaled}tree.HoeffdingTreeRegressor()"
        return simplest, (f"linear={scaled}linear_model.LinearRegression()", tree)
    texts = [column.name for column in schema.columns if column.kind is Kind.TEXT]
    bayes = f"naive_bayes={_bayes(schema, texts)}"
    if texts and len(texts) == len(schema.columns):
        return simplest, (bayes,)
    tree = _RARE_TREE if rare else _TREE
    if texts:
        tree = f"river.compose.Discard({', '.join(map(repr, texts))}) | {tree}"
    return simplest, (bayes, f"hoeffding_tree={tree}")


def _bayes(schema: Schema, texts: list[str]) -> str:
    """Return the naive Bayes for the columns: River's Gaussian one makes nothing of one-hot columns."""
    kinds = {column.kind for column in schema.columns}
    if kinds & {Kind.NUMERIC, Kind.TIME}:
        return f"{'river.compose.SelectType(float) | ' if Kind.CATEGORY in kinds else ''}river.naive_bayes.GaussianNB()"
    if texts:
        return f"river.feature_extraction.BagOfWords(on={texts[0]!r}) | river.naive_bayes.MultinomialNB()"
    return "river.preprocessing.OneHotEncoder() | river.naive_bayes.MultinomialNB()"


def named(specs: Iterable[str], champion: str) -> dict[str, object]:
    """Return the challengers by name; a name that is taken gets a number."""
    named: dict[str, object] = {}
    for text in specs:
        given, spec = split_name(text)
        name = given or default_name(spec)
        if given is None:
            number = 2
            while name in named or name == champion:
                name = f"{default_name(spec)}_{number}"
                number += 1
        if name in named or name == champion:
            msg = f"two contenders are called {name!r}; give each its own name: name=spec"
            raise ConfigError(msg)
        named[name] = spec
    return named

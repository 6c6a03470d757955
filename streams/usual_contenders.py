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


def contenders(settings: Settings, task: Task, schema: Schema, *, rare: bool) -> tuple[str, tuple[str, ...]]:
    """Return the champion's and the challengers' specs: those asked for, or the usual ones for the task."""
    asked = settings.contenders
    simplest = "mean()" if task is Task.REGRESSION else "majority()"
    if asked.champion is not None or asked.challengers:
        return asked.champion or simplest, asked.challengers
    if task is Task.REGRESSION:
        return simplest, ("linear()", "hoeffding_tree()")
    texts = [column.name for column in schema.columns if column.kind is Kind.TEXT]
    if texts and len(texts) == len(schema.columns):
        words = f"river.feature_extraction.BagOfWords(on={texts[0]!r}) | river.naive_bayes.MultinomialNB()"
        return simplest, (f"naive_bayes={words}",)
    return simplest, ("naive_bayes()", 'hoeffding_tree(preset="fraud")' if rare else "hoeffding_tree()")


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

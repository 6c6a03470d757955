"""Requests as columns: which features are read, and blocks of them as arrays.

A number that is missing is NaN, a category that is missing is -1. Categories are numbered as they first come; the
engine admits a bounded number of them. This file knows nothing of what is done with a block.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

import numpy as np

from engine.messages import Features
from engine.schema import Kind, Schema
from engine.shift.rules import FEATURE_COUNT_MAX, ShiftRules

VALUE_MAX = 1e150
"""Numbers are held to this, so that squares and sums of them stay finite."""

_NAN = float("nan")


class Columns:
    """The features that are read, and their vocabularies.

    Parameters
    ----------
    numbers, categories
        Names, in the order of the columns.
    unread_count
        Features there were beyond the bound.
    """

    def __init__(self, numbers: Sequence[str], categories: Sequence[str], unread_count: int = 0) -> None:
        self.numbers = list(numbers)
        self.categories = list(categories)
        self.unread_count = unread_count
        self.vocabularies: list[dict[str, int]] = [{} for _ in self.categories]
        self._get = itemgetter(*self.numbers) if len(self.numbers) > 1 else None

    def read(self, block: Sequence[Features]) -> tuple[Any, Any]:
        """Return the numbers and the category codes of a block, each (requests, columns). About 50 ns a value."""
        return self._read_numbers(block), self._read_codes(block)

    def _read_numbers(self, block: Sequence[Features]) -> Any:
        names, get = self.numbers, self._get
        rows: list[Any]
        try:
            rows = [get(x) for x in block] if get is not None else [(x[names[0]],) for x in block] if names else []
        except KeyError:
            rows = [[x.get(name, _NAN) for name in names] for x in block]
        values = np.array(rows, dtype=np.float64).reshape(len(block), len(names))
        return np.clip(values, -VALUE_MAX, VALUE_MAX)

    def _read_codes(self, block: Sequence[Features]) -> Any:
        codes = np.empty((len(block), len(self.categories)), dtype=np.int32)
        for place, (name, known) in enumerate(zip(self.categories, self.vocabularies, strict=True)):
            column = []
            for x in block:
                value = x.get(name)
                if value is None:
                    column.append(-1)
                    continue
                code = known.get(value)  # type: ignore[arg-type]
                if code is None:
                    code = known[value] = len(known)  # type: ignore[index]
                column.append(code)
            codes[:, place] = column
        return codes

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.numbers, self.categories, self.unread_count, [list(known) for known in self.vocabularies]]

    @classmethod
    def restored(cls, state: Sequence[Any]) -> Columns:
        """Return the columns whose `snapshot` this is."""
        numbers, categories, unread_count, vocabularies = state
        columns = cls(numbers, categories, unread_count)
        columns.vocabularies = [{value: code for code, value in enumerate(known)} for known in vocabularies]
        return columns


def declared(schema: Schema, rules: ShiftRules) -> Columns:
    """Return the columns of a schema: numbers and categories, and times where they are asked for by name.

    Event time never comes back, so a column of times has moved at every look.
    """
    named = () if isinstance(rules.watch, str) else rules.watch
    read = [column for column in schema.columns if column.kind in {Kind.NUMERIC, Kind.CATEGORY} or column.name in named]
    return _bounded(
        [column.name for column in read if column.kind in {Kind.NUMERIC, Kind.TIME}],
        [column.name for column in read if column.kind is Kind.CATEGORY],
        named,
    )


def found(block: Sequence[Features], rules: ShiftRules) -> Columns:
    """Return the features of a first block, where nothing was declared: what comes up later is not read."""
    kinds: dict[str, bool] = {}
    for x in block:
        for name, value in x.items():
            kinds.setdefault(name, isinstance(value, str))
    named = () if isinstance(rules.watch, str) else rules.watch
    # By name, not by the place in the first requests: a sender's order says nothing.
    names = sorted(kinds)
    return _bounded([n for n in names if not kinds[n]], [n for n in names if kinds[n]], named)


def _bounded(numbers: list[str], categories: list[str], named: Sequence[str]) -> Columns:
    """Keep to the bound, the features that were asked for by name before the others."""
    names = [*numbers, *categories]
    kept = set(sorted(names, key=lambda name: name not in named)[:FEATURE_COUNT_MAX])
    unread_count = len(names) - len(kept)
    return Columns([n for n in numbers if n in kept], [n for n in categories if n in kept], unread_count)

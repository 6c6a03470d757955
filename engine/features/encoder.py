"""From raw values to features: reads a request, bounds its categories, and gives numeric models their numbers.

Everything here is a function of the requests read so far, in order. It knows nothing of models beyond that some take
numbers only, and nothing of labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from engine.limits import Limits
from engine.messages import Features
from engine.schema import Kind, OpenReader, Schema, SchemaReader

OTHER = "(other)"
"""How a category value beyond the bound is read. A sender's own `"(other)"` means the same."""


class CategoryAdmission:
    """Keeps the vocabulary of each category column bounded: first come, first admitted.

    River has no such bound: there each new value is a new feature.

    Parameters
    ----------
    count_max
        Values admitted per column; one more reads as `"(other)"` and is counted.
    """

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self._columns: dict[str, set[str]] = {}
        self.order: list[tuple[str, str]] = []
        """(column, value as read) in the order in which they first occurred, `"(other)"` among them."""
        self.over_count = 0

    def admit(self, column: str, value: str) -> str:
        """Return the value as it is read: itself, or `"(other)"` beyond the bound."""
        admitted = self._columns.setdefault(column, set())
        if value in admitted:
            return value
        if value != OTHER and len(admitted) - (OTHER in admitted) >= self._count_max:
            self.over_count += 1
            value = OTHER
            if OTHER in admitted:
                return OTHER
        admitted.add(value)
        self.order.append((column, value))
        return value

    def snapshot(self) -> tuple[list[tuple[str, str]], int]:
        """Return the order of admission, and how many values were beyond the bound."""
        return list(self.order), self.over_count

    def restore(self, state: tuple[Sequence[tuple[str, str]], int]) -> None:
        """Take back what `snapshot` returned."""
        order, self.over_count = state
        self.order = [(column, value) for column, value in order]
        self._columns = {}
        for column, value in self.order:
            self._columns.setdefault(column, set()).add(value)


class NumericView:
    """What a numeric model sees: numbers as they are, one 1.0/0.0 column for each category value, no text.

    A category's first `count_max` values have a column `name=value` each, all later ones share `name=(other)`. Every
    such column there is so far is in every view, so that a scaler sees the zeros too; of a missing value all are 0.0.

    Parameters
    ----------
    count_max
        Values per category that get a column of their own.
    """

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self._zeros: dict[str, float] = {}
        self._columns_of: dict[str, dict[str, str]] = {}

    def add(self, category: str, value: str) -> None:
        """Make room for a category value, as admission reads it, at its first occurrence."""
        columns = self._columns_of.setdefault(category, {})
        own_count = len(columns) - (OTHER in columns)
        column = f"{category}={value if own_count < self._count_max else OTHER}"
        columns[value] = column
        self._zeros[column] = 0.0

    def of(self, x: Features) -> dict[str, float]:
        """Return the numbers of features in which every category value has its room. Cost: 0.1 us a feature."""
        view = self._zeros.copy()
        for name, value in x.items():
            if not isinstance(value, str):
                view[name] = value
            elif name in self._columns_of:
                view[self._columns_of[name][value]] = 1.0
        return view


class FeatureReader:
    """Reads requests: schema, then category admission; and shows numeric models what they can take.

    Parameters
    ----------
    schema
        The declared or inferred columns; None reads whatever comes (see `OpenReader`).
    limits
        `category_count_max`, `onehot_count_max`, `feature_count_max` and `text_chars_max` are kept here.
    """

    def __init__(self, schema: Schema | None, limits: Limits) -> None:
        self._limits = limits
        self._reader = OpenReader(limits) if schema is None else SchemaReader(schema, limits)
        self._has_text = schema is not None and any(column.kind is Kind.TEXT for column in schema.columns)
        self._admission = CategoryAdmission(limits.category_count_max)
        self._view = NumericView(limits.onehot_count_max)

    def read(self, values: Mapping[str, object]) -> dict[str, float | str]:
        """Return the features of one request, a new dict that is the caller's.

        Raises
        ------
        MessageError
            As the schema's reader does; nothing has changed then.
        """
        x = self._reader.read(values)
        if self._reader.categories:
            order = self._admission.order
            known_count = len(order)
            for name in self._reader.categories:
                value = x.get(name)
                if value is not None:
                    x[name] = self._admission.admit(name, cast("str", value))
            for category, shown in order[known_count:]:
                self._view.add(category, shown)
        return x

    def numeric(self, x: Features) -> Mapping[str, float]:
        """Return what a numeric model sees of features that `read` returned: `x` itself where all are numbers."""
        if self._reader.categories or self._has_text:
            return self._view.of(x)
        return cast("Mapping[str, float]", x)

    @property
    def counters(self) -> dict[str, int]:
        """How often a bound or the schema held something back, since the first request."""
        return {"unknown_columns": self._reader.unknown_count, "categories_over_bound": self._admission.over_count}

    def snapshot(self) -> dict[str, object]:
        """Return the state as plain data. The view is not in it: it follows from the order of admission."""
        return {"reader": self._reader.snapshot(), "admission": self._admission.snapshot()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `snapshot` returned: from here on both continue identically."""
        self._reader.restore(state["reader"])
        self._admission.restore(state["admission"])
        self._view = NumericView(self._limits.onehot_count_max)
        for category, value in self._admission.order:
            self._view.add(category, value)

"""What a request's values mean: the declared columns, and the readers that turn raw values into features.

A `Schema` is a frozen description; `SchemaReader` is its compiled form, `OpenReader` serves callers who declared
nothing. They read one request at a time and know nothing of labels, models or where the values came from. How a
schema is guessed from sampled rows is in `engine.schema_inference`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import isfinite
from typing import Any

from engine.errors import ConfigError, MessageError
from engine.event_time import parse_event_time
from engine.limits import Limits
from engine.values import is_missing, read_number, read_text, show_value


class Kind(StrEnum):
    """What a column holds. A `time` reaches the models as a number: seconds since 1970."""

    NUMERIC = "numeric"
    CATEGORY = "category"
    TEXT = "text"
    TIME = "time"


class Unknown(StrEnum):
    """What becomes of a column that the schema does not name: it is counted and ignored, or its request refused."""

    IGNORE = "ignore"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Column:
    """One feature column. A request without a `required` one is a dead letter; a blank value is always allowed."""

    name: str
    kind: Kind
    required: bool = False


@dataclass(frozen=True, slots=True)
class Schema:
    """The columns of a stream, in order.

    Parameters
    ----------
    columns
        The feature columns; names are distinct.
    carried
        Columns that are known but are no features: the target, the id, the time, what was dropped.
    unknown
        What becomes of columns in neither.
    notices
        What the operator should know about how the schema came about; not part of its identity.

    Raises
    ------
    ConfigError
        Where a name stands twice.
    """

    columns: tuple[Column, ...]
    carried: frozenset[str] = frozenset()
    unknown: Unknown = Unknown.IGNORE
    notices: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        """Refuse a name that stands twice."""
        seen: set[str] = set(self.carried)
        for column in self.columns:
            if column.name in seen:
                msg = f"column {column.name!r} stands twice in the schema; a name is one feature, or is carried"
                raise ConfigError(msg)
            seen.add(column.name)

    def snapshot(self) -> dict[str, Any]:
        """Return the schema as plain data, in one canonical order: equal schemas give equal data."""
        return {
            "columns": [[column.name, column.kind.value, column.required] for column in self.columns],
            "carried": sorted(self.carried),
            "unknown": self.unknown.value,
        }

    @classmethod
    def restored(cls, state: Mapping[str, Any]) -> Schema:
        """Return the schema whose `snapshot` this is."""
        columns = tuple(Column(name, Kind(kind), required) for name, kind, required in state["columns"])
        return cls(columns, frozenset(state["carried"]), Unknown(state["unknown"]))


_ABSENT = object()
_FLOATS = {float}


class SchemaReader:
    """Reads requests by a declared schema: the numeric columns first, then the others, each in schema order.

    Cost per request where every column is numeric: about 0.1 us a column for numbers (CSV text adds what `float`
    takes to parse), plus 0.3 us. A blank or odd value sends its request down the careful path, about 0.5 us a column.

    Parameters
    ----------
    schema
        The columns.
    limits
        `text_chars_max` is kept here.
    """

    def __init__(self, schema: Schema, limits: Limits) -> None:
        self._schema = schema
        self._text_chars_max = limits.text_chars_max
        self._numeric = [column for column in schema.columns if column.kind is Kind.NUMERIC]
        self._others = [column for column in schema.columns if column.kind is not Kind.NUMERIC]
        self._names = tuple(column.name for column in self._numeric)
        self._column_count = len(schema.columns)
        self.categories = [column.name for column in schema.columns if column.kind is Kind.CATEGORY]
        self.unknown_count = 0

    def read(self, values: Mapping[str, object]) -> dict[str, float | str]:
        """Return the features of one request; a missing value is an absent name.

        Raises
        ------
        MessageError
            `missing_column`, `not_a_number`, `not_finite`, `wrong_type`, `text_too_long`, `bad_time` or
            `unknown_column`; nothing has changed then.
        """
        names = self._names
        raw: Any = values
        try:
            if type(raw[names[0]]) is str:
                texts = [raw[name] for name in names]
                joined = "".join(texts)
                # float() alone would also take "1_000" and digits of every script.
                if "_" in joined or not joined.isascii():
                    return self.read_carefully(values)
                x: dict[str, Any] = dict(zip(names, map(float, texts), strict=True))
            else:
                # Not float(v): a subtraction raises on a text or a date among the numbers. Not + 0.0: that loses -0.0.
                x = {name: raw[name] - 0.0 for name in names}
                # NumPy's numbers are floats too, but overflow with a warning and keep their own type.
                if {*map(type, x.values())} != _FLOATS:
                    return self.read_carefully(values)
            total = sum(x.values())
        except (LookupError, TypeError, ValueError, ArithmeticError):
            return self.read_carefully(values)
        # One NaN or infinity makes the sum one.
        if not isfinite(total):
            return self.read_carefully(values)
        absent_count = self._read_others(values, x) if self._others else 0
        if len(values) != self._column_count or absent_count:
            self._count_unknown(values, absent_count)
        return x

    def read_carefully(self, values: Mapping[str, object]) -> dict[str, float | str]:
        """Do what `read` does, column by column: the rule that the fast path is held to."""
        x: dict[str, float | str] = {}
        absent_count = 0
        for column in self._numeric:
            value = values.get(column.name, _ABSENT)
            if value is _ABSENT:
                absent_count += _absent(column)
            elif not is_missing(value):
                x[column.name] = _read_numeric(value, column.name)
        absent_count += self._read_others(values, x)
        self._count_unknown(values, absent_count)
        return x

    def _read_others(self, values: Mapping[str, object], x: dict[str, float | str]) -> int:
        """Read categories, texts and times into `x`; return how many columns the request does not have."""
        absent_count = 0
        for column in self._others:
            name = column.name
            value = values.get(name, _ABSENT)
            if value is _ABSENT:
                absent_count += _absent(column)
            elif not is_missing(value):
                if column.kind is Kind.CATEGORY:
                    x[name] = read_text(value, name, self._text_chars_max).strip()
                elif column.kind is Kind.TEXT:
                    x[name] = read_text(value, name, self._text_chars_max)
                else:
                    x[name] = _read_time(value)
        return absent_count

    def _count_unknown(self, values: Mapping[str, object], absent_count: int) -> None:
        carried = self._schema.carried
        carried_count = sum(name in values for name in carried)
        unknown_count = len(values) - (self._column_count - absent_count) - carried_count
        if unknown_count and self._schema.unknown is Unknown.REFUSE:
            known = carried.union(column.name for column in self._schema.columns)
            name = next(name for name in values if name not in known)
            msg = f"column {show_value(name)} is not in the schema, which refuses unknown columns"
            raise MessageError("unknown_column", msg)
        self.unknown_count += unknown_count

    def snapshot(self) -> int:
        """Return the count of unknown columns; the schema itself is a setting, not state."""
        return self.unknown_count

    def restore(self, state: int) -> None:
        """Take the count back."""
        self.unknown_count = state


def _absent(column: Column) -> int:
    if column.required:
        msg = f"column {column.name!r} is missing; it was in every sampled row (a blank value would be allowed)"
        raise MessageError("missing_column", msg)
    return 1


def _read_numeric(value: object, name: str) -> float:
    # A datetime in a numeric column counts as its seconds since 1970.
    return _read_time(value) if hasattr(value, "utcoffset") else read_number(value, name)


def _read_time(value: object) -> float:
    return parse_event_time(value) / 1_000


class OpenReader:
    """Reads requests for which nothing was declared: a name's first value says what it is, for good.

    Numbers and bools become floats and text a category, even text that looks like a number; None and blank text are
    missing values. The first `feature_count_max` names are admitted, later ones ignored and counted.

    Parameters
    ----------
    limits
        `feature_count_max` and `text_chars_max` are kept here.
    """

    def __init__(self, limits: Limits) -> None:
        self._feature_count_max = limits.feature_count_max
        self._text_chars_max = limits.text_chars_max
        self._is_category: dict[str, bool] = {}
        self.categories: list[str] = []
        self.unknown_count = 0

    def read(self, values: Mapping[str, object]) -> dict[str, float | str]:
        """Return the features of one request, in its own order.

        Raises
        ------
        MessageError
            `not_a_number`, `not_finite`, `wrong_type` or `text_too_long`; nothing has changed then.
        """
        x: dict[str, float | str] = {}
        admitted: dict[str, bool] = {}
        ignored_count = 0
        for name, value in values.items():
            if is_missing(value):
                continue
            is_category = self._is_category.get(name)
            if is_category is None:
                if len(self._is_category) + len(admitted) >= self._feature_count_max:
                    ignored_count += 1
                    continue
                is_category = admitted[name] = _names_category(name, value)
            x[name] = self._read_one(value, name, is_category=is_category)
        self.unknown_count += ignored_count
        if admitted:
            self._is_category |= admitted
            self.categories += [name for name, is_category in admitted.items() if is_category]
        return x

    def _read_one(self, value: object, name: str, *, is_category: bool) -> float | str:
        if is_category:
            if isinstance(value, str):
                return read_text(value, name, self._text_chars_max).strip()
            msg = f"column {name!r} began as text, got {show_value(value)}; a feature keeps its kind"
            raise MessageError("wrong_type", msg)
        if isinstance(value, str):
            msg = f"column {name!r} began as a number, got {show_value(value)}; a feature keeps its kind"
            raise MessageError("not_a_number", msg)
        return read_number(value, name)

    def snapshot(self) -> tuple[list[tuple[str, bool]], int]:
        """Return the admitted names in order, each with whether it is a category, and the count of ignored ones."""
        return list(self._is_category.items()), self.unknown_count

    def restore(self, state: tuple[Sequence[tuple[str, bool]], int]) -> None:
        """Take back what `snapshot` returned."""
        names, self.unknown_count = state
        self._is_category = dict(names)
        self.categories = [name for name, is_category in names if is_category]


def _names_category(name: object, value: object) -> bool:
    if not isinstance(name, str):
        msg = f"a feature's name is text, got {show_value(name)}"
        raise MessageError("wrong_type", msg)
    return isinstance(value, str)

"""Schemas: what a sample is taken to mean, what a request may say, and the word for each refusal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, MessageError
from engine.limits import Limits
from engine.schema import Column, Kind, OpenReader, Schema, SchemaReader, Unknown
from engine.schema_inference import infer_schema, infer_task
from engine.targets import Targets, Task
from engine.values import show_value


def kinds_of(*values: object, **options: object) -> dict[str, str]:
    """Return the kinds inferred for one column `x` of these values."""
    schema = infer_schema([{"x": value} for value in values], **options)  # type: ignore[arg-type]
    return {column.name: column.kind.value for column in schema.columns}


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2.5", " 3e4 ", ""], "numeric"),
        ([1, 2.5, True, None], "numeric"),
        ([True, False], "numeric"),
        (["true", "false"], "category"),
        (["1", "nan", "inf"], "numeric"),
        (["1_000", "2_000"], "category"),
        (["\u0661", "\u0662"], "category"),
        (["red", "green", "red"], "category"),
        (["9" * 5_000, "1"], "numeric"),
        (["2024-01-01", "2024-01-02T10:00:00Z", ""], "time"),
        ([datetime(2024, 1, 1, tzinfo=UTC)], "time"),
        (["call me at noon", "see you there tomorrow", "free prize call now"], "text"),
        (["New York City", "New York City", "New York City", "San Jose Airport"], "category"),
        (["a1", "b2", "c3"], "category"),
    ],
)
def test_a_column_is_what_all_its_values_are(values: list[object], kind: str) -> None:
    """One kind per column, by all values that are not missing."""
    assert kinds_of(*values) == {"x": kind}


@pytest.mark.parametrize("values", [["", None, " "], [float("nan"), "nan"], [[1, 2]], [{"a": 1}, 3], [b"1"]])
def test_what_can_be_no_feature_is_ignored_with_a_notice(values: list[object]) -> None:
    """Columns without a value and composite ones are carried, not read, and the operator is told."""
    schema = infer_schema([{"x": value, "y": 1} for value in values])
    assert [column.name for column in schema.columns] == ["y"]
    assert schema.carried == {"x"}
    assert len(schema.notices) == 1
    assert "'x'" in schema.notices[0]


def test_a_time_column_may_mix_numbers_and_iso_text() -> None:
    """The named time column is a time where another such mixture is a category."""
    assert kinds_of("2024-01-01", "1700000000", time_column="x") == {"x": "time"}
    assert kinds_of("2024-01-01", "1700000000") == {"x": "category"}


def test_one_word_among_numbers_makes_a_category_and_a_notice_says_so() -> None:
    """The strict rule stands, and its surprise is announced with the remedy."""
    schema = infer_schema([{"x": str(n)} for n in range(99)] + [{"x": "oops"}])
    assert schema.columns == (Column("x", Kind.CATEGORY, required=True),)
    assert "'oops'" in schema.notices[0]
    assert "declare it numeric" in schema.notices[0]


def test_declared_kinds_stand_and_required_is_seen_in_every_row() -> None:
    """What the operator declares outranks the sample; required means the key was always there, blank or not."""
    rows: list[Mapping[str, object]] = [{"a": "1", "b": "", "y": "0"}, {"a": "2", "b": "3", "c": "4", "y": "1"}]
    schema = infer_schema(rows, carried=["y"], declared={"a": Kind.CATEGORY, "z": Kind.NUMERIC})
    assert schema.columns == (
        Column("a", Kind.CATEGORY, required=True),
        Column("b", Kind.NUMERIC, required=True),
        Column("c", Kind.NUMERIC),
        Column("z", Kind.NUMERIC),
    )
    assert schema.carried == {"y"}


def test_only_the_first_thousand_rows_have_a_say() -> None:
    """What comes later cannot change the guess."""
    rows = [{"x": "1"}] * 1_000 + [{"x": "word"}]
    assert infer_schema(rows).columns[0].kind is Kind.NUMERIC


def test_a_schema_survives_as_plain_data() -> None:
    """`restored` undoes `snapshot`; notices are no part of a schema's identity."""
    schema = infer_schema([{"a": 1, "b": "x", "c": ""}], unknown=Unknown.REFUSE)
    assert Schema.restored(schema.snapshot()) == schema


def test_a_name_stands_once() -> None:
    """A column listed twice, or both feature and carried, is refused."""
    twice = Column("a", Kind.NUMERIC)
    with pytest.raises(ConfigError, match="'a' stands twice"):
        Schema((twice, twice))
    with pytest.raises(ConfigError, match="'a' stands twice"):
        Schema((twice,), frozenset({"a"}))


@pytest.mark.parametrize(
    ("raws", "task", "classes"),
    [
        (["0", "1", "0"], Task.BINARY, (0, 1)),
        (["1.0", "0.0", "1.0"], Task.BINARY, (1, 0)),
        ([True, False, False], Task.BINARY, (False, True)),
        (["no", "yes"], Task.BINARY, ("no", "yes")),
        (["fraud", "ok", "ok", None, ""], Task.BINARY, ("ok", "fraud")),
        ([2, 1, 2, 1], Task.BINARY, (1, 2)),
        ([0, 0], Task.BINARY, (0, 1)),
        (["1"], Task.BINARY, (0, 1)),
        (["false"], Task.BINARY, (False, True)),
        ([3, 1, 2], Task.MULTICLASS, (1, 2, 3)),
        (["b", "c", "a"], Task.MULTICLASS, ("a", "b", "c")),
        ([1, "a", "b"], Task.MULTICLASS, (1, "a", "b")),
        (list(range(20)), Task.MULTICLASS, tuple(range(20))),
        (list(range(21)), Task.REGRESSION, ()),
        ([0, 0, 0, "0.5"], Task.REGRESSION, ()),
        (["0", "1"] * 100 + ["garbage"], Task.BINARY, (0, 1)),
        (["no", "no", "yes"] * 100 + [7, [1], float("nan")], Task.BINARY, ("no", "yes")),
    ],
)
def test_the_task_is_what_the_targets_say(raws: list[object], task: Task, classes: tuple[object, ...]) -> None:
    """Words, bools and few whole numbers are classes, the positive one is the rarer; rare garbage has no say."""
    assert infer_task(raws) == (task, classes)


@pytest.mark.parametrize("raws", [[], [None, ""], ["spam"], [7, 7], [[1], b"x"], [f"id-{n}" for n in range(50)]])
def test_a_sample_that_tells_no_task_is_refused(raws: list[object]) -> None:
    """No target, one lone class, or nothing but distinct words: the operator must say."""
    with pytest.raises(ConfigError):
        infer_task(raws)


@given(st.lists(st.sampled_from(["0", "1", 0, 1, "1.0", "yes", "no", True, "true", "b c", None]), min_size=1))
def test_what_is_inferred_is_what_targets_accept(raws: list[object]) -> None:
    """Every class that inference names is encoded by the label space built from it."""
    try:
        task, classes = infer_task(raws)
    except ConfigError:
        return
    targets = Targets(task, classes=classes, positive=classes[-1] if task is Task.BINARY else None)
    for name in classes:
        assert targets.name(targets.encode(name)) == name


NUMERIC = Schema((Column("a", Kind.NUMERIC, required=True), Column("b", Kind.NUMERIC)), frozenset({"y"}))
MIXED = Schema(
    (
        Column("w", Kind.CATEGORY, required=True),
        Column("n", Kind.NUMERIC),
        Column("s", Kind.TEXT),
        Column("t", Kind.TIME),
    )
)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"a": "abc"}, "not_a_number"),
        ({"a": "1_000"}, "not_a_number"),
        ({"a": "\u0661"}, "not_a_number"),
        ({"a": "true"}, "not_a_number"),
        ({"a": 1j}, "not_a_number"),
        ({"a": "nan"}, "not_finite"),
        ({"a": float("inf")}, "not_finite"),
        ({"a": "1e999"}, "not_finite"),
        ({"a": 10**5_000}, "not_finite"),
        ({"a": [1]}, "wrong_type"),
        ({"a": {"deep": 1}}, "wrong_type"),
        ({"a": b"1"}, "wrong_type"),
        ({"a": np.ones(1)}, "wrong_type"),
        ({"b": "1"}, "missing_column"),
        ({}, "missing_column"),
    ],
    ids=show_value,
)
def test_a_number_that_is_none_is_refused_by_name(values: dict[str, object], reason: str) -> None:
    """Each way of not being a number has its slug, and a sentence that names the column."""
    with pytest.raises(MessageError) as refused:
        SchemaReader(NUMERIC, Limits()).read(values)
    assert refused.value.reason == reason
    assert repr(next(iter(values), "a")) in refused.value.detail or reason == "missing_column"


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"w": ["a"]}, "wrong_type"),
        ({"w": "x" * 11}, "text_too_long"),
        ({"w": 10**5_000}, "text_too_long"),
        ({"w": float("nan")}, "not_finite"),
        ({"w": "a", "s": "x" * 11}, "text_too_long"),
        ({"w": "a", "t": "yesterday"}, "bad_time"),
        ({"n": "1"}, "missing_column"),
    ],
    ids=show_value,
)
def test_a_word_that_is_none_is_refused_by_name(values: dict[str, object], reason: str) -> None:
    """Categories, texts and times refuse what they cannot be."""
    with pytest.raises(MessageError) as refused:
        SchemaReader(MIXED, Limits(text_chars_max=10)).read(values)
    assert refused.value.reason == reason


def test_numbers_come_first_then_the_rest_in_schema_order() -> None:
    """The order of features is the schema's alone, whatever the order of the request."""
    x = SchemaReader(MIXED, Limits()).read({"t": "1970-01-02", "s": " Hi you ", "w": " red ", "n": "2"})
    assert list(x.items()) == [("n", 2.0), ("w", "red"), ("s", " Hi you "), ("t", 86_400.0)]


@pytest.mark.parametrize("blank", ["", " ", None])
def test_a_blank_value_is_missing_not_wrong(blank: object) -> None:
    """A required column may be blank; its name is then left out."""
    assert SchemaReader(NUMERIC, Limits()).read({"a": blank, "b": 1}) == {"b": 1.0}
    assert SchemaReader(MIXED, Limits()).read({"w": blank, "s": blank, "t": blank}) == {}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, 1.0),
        (2, 2.0),
        ("2.50", 2.5),
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
        (Decimal("1.5"), 1.5),
        (datetime(1970, 1, 2, tzinfo=UTC), 86_400.0),
    ],
)
def test_numbers_of_every_make_become_plain_floats(value: object, expected: float) -> None:
    """Bools, text, NumPy scalars, decimals and datetimes read as Python floats."""
    x = SchemaReader(NUMERIC, Limits()).read({"a": value})
    assert x == {"a": expected}
    assert type(x["a"]) is float


@pytest.mark.parametrize(("value", "word"), [(7, "7"), (7.0, "7"), ("7", "7"), (True, "true"), (0.5, "0.5")])
def test_codes_have_one_spelling_in_every_format(value: object, word: str) -> None:
    """A column of codes means the same whether it came as a number or as text."""
    assert SchemaReader(MIXED, Limits()).read({"w": value}) == {"w": word}


def test_unknown_columns_are_counted_exactly_and_carried_ones_are_not() -> None:
    """The count is of columns in neither the schema nor carried, also where an optional one is absent."""
    reader = SchemaReader(NUMERIC, Limits())
    for values in [{"a": 1, "b": 2}, {"a": 1, "y": 0}, {"a": 1, "b": 2, "y": 0}, {"a": ""}]:
        reader.read(values)
    assert reader.unknown_count == 0
    reader.read({"a": 1, "b": 2, "u": 3})
    reader.read({"a": "", "u": 3, "v": 3, "y": 0})
    assert reader.unknown_count == 3


def test_unknown_columns_are_refused_where_the_schema_says_so() -> None:
    """The refusal names the first unknown column."""
    reader = SchemaReader(Schema(NUMERIC.columns, NUMERIC.carried, Unknown.REFUSE), Limits())
    assert reader.read({"a": 1, "y": 2}) == {"a": 1.0}
    with pytest.raises(MessageError, match="column 'u'") as refused:
        reader.read({"a": 1, "u": 2, "y": 3})
    assert refused.value.reason == "unknown_column"


def test_open_reading_fixes_a_kind_by_the_first_value() -> None:
    """Numbers are numeric, text a category even where it looks like a number, and neither may change."""
    reader = OpenReader(Limits())
    assert reader.read({"n": True, "w": "5", "later": None, "blank": ""}) == {"n": 1.0, "w": "5"}
    assert reader.read({"later": 2, "blank": "word"}) == {"later": 2.0, "blank": "word"}
    for values, reason in [
        ({"n": "5"}, "not_a_number"),
        ({"w": 5}, "wrong_type"),
        ({"n": [5]}, "wrong_type"),
        ({"n": float("nan")}, "not_finite"),
        ({3: 5}, "wrong_type"),
    ]:
        with pytest.raises(MessageError) as refused:
            reader.read(values)  # type: ignore[arg-type]
        assert refused.value.reason == reason


def test_open_reading_admits_names_up_to_its_bound() -> None:
    """A new name per event fills the bound and no more; the rest is ignored and counted."""
    reader = OpenReader(Limits(feature_count_max=3))
    for n in range(10):
        reader.read({"same": n, f"new{n}": n})
    assert reader.read({"same": 1, "new0": 1, "new1": 1, "new2": 1}) == {"same": 1.0, "new0": 1.0, "new1": 1.0}
    assert reader.unknown_count == 9

"""Columns and rows of any values come back exactly, and many rows cost few values."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.columns import pack_column, unpack_column
from engine.errors import SnapshotError
from engine.rows import pack_rows, unpack_rows
from engine.snapshot import decode, encode
from engine.tape import Row, RowState, Stamp

KINDS = [
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(), max_size=4),
    st.sampled_from(["a", "b"]),
    st.dictionaries(st.text(max_size=2), st.floats(), max_size=2),
]
COLUMNS = st.lists(st.sampled_from(KINDS), min_size=1, max_size=3).flatmap(
    lambda kinds: st.lists(st.one_of(*kinds), max_size=30)
)


def exact(values: list[Any]) -> bytes:
    return encode(values)


@given(COLUMNS)
def test_a_column_comes_back_with_types_and_bits(values: list[Any]) -> None:
    packed = pack_column(values)
    assert exact(unpack_column(decode(encode(packed)))) == exact(values)
    assert encode(pack_column(list(values))) == encode(packed)


def test_many_texts_come_back_one_by_one() -> None:
    values = [f"e{i}" + "\ud800" * (i % 2) for i in range(1_000)]
    assert unpack_column(decode(encode(pack_column(values)))) == values


@pytest.mark.parametrize(
    "column",
    [
        ["ints", 2, b"\0" * 8],
        ["list", 1, []],
        ["sparse", 2, b"\x01\x01", ["list", 1, [1]]],
        ["sparse", 1, b"\x01", ["list", 2, [1, 2]]],
        ["texts", 3, b"\0" * 8, ""],
        ["stones", 0],
    ],
    ids=repr,
)
def test_a_column_that_is_not_what_it_says_is_refused(column: list[Any]) -> None:
    with pytest.raises(SnapshotError, match="older snapshot"):
        unpack_column(column)


def ended(index: int) -> Row:
    row = Row(index, f"event {index}", 1_000 * index, None, 0)
    row.deadline_ms = 1_000 * index + 7
    row.answer = (index % 2 == 0, index / 3)
    row.stamp = Stamp("ab"[index % 2], None if index % 3 else "rules")
    row.state = RowState.LABELLED
    row.target = index % 5 == 0
    return row


def waiting(index: int) -> Row:
    row = ended(index)
    row.x = {"a": 1.0, "c": "x"}
    row.numeric = row.x if index % 2 else {"a": 1.0, "c=x": 1.0}
    row.served = [row.answer, None]
    row.state = RowState.PENDING
    row.target = None
    return row


def fields_of(row: Row) -> list[Any]:
    return [getattr(row, name) for name in Row.__slots__]


def test_rows_come_back_field_by_field_and_a_shared_view_stays_shared() -> None:
    rows = [waiting(i) if i % 7 == 0 else ended(i) for i in range(3, 60)]
    back = unpack_rows(decode(encode(pack_rows(rows))))
    assert [fields_of(row) for row in back.values()] == [fields_of(row) for row in rows]
    assert list(back) == [row.index for row in rows]
    assert [row.numeric is row.x for row in back.values()] == [row.numeric is row.x for row in rows]


def test_what_is_only_remembered_is_no_value_for_each_row() -> None:
    values = 0

    def count(value: Any) -> None:
        nonlocal values
        values += 1
        if isinstance(value, dict | list | tuple):
            for item in value.values() if isinstance(value, dict) else value:
                count(item)

    count(pack_rows([ended(i) for i in range(10_000)]))
    assert values < 100

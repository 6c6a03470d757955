"""Rows and steps as columns: what comes back is what was given, whatever features and answers they had."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.rows import pack_rows, pack_steps, unpack_rows, unpack_steps
from engine.snapshot import decode, encode
from engine.tape import Moment, Row, Stamp, Step, StepKind

NAMES = st.lists(st.sampled_from("abcdefgh"), unique=True)
VALUES = st.one_of(st.floats(allow_nan=False), st.text(max_size=3), st.integers(-5, 5))
ANSWERS = st.one_of(
    st.none(),
    st.tuples(st.booleans(), st.floats(0, 1)),
    st.tuples(st.sampled_from(["x", "y", None]), st.dictionaries(st.sampled_from("xy"), st.floats(0, 1))),
)


@st.composite
def rows_of(draw: st.DrawFn) -> list[Row]:
    rows = []
    for index in range(draw(st.integers(0, 8))):
        names = draw(st.none() | NAMES)
        x = None if names is None else {name: draw(VALUES) for name in names}
        row = Row(index, f"e{index}", draw(st.none() | st.integers(0, 9)), x, 0)
        if draw(st.booleans()):
            row.numeric = {"n": 1.0}
        row.served = draw(st.just([]) | st.lists(ANSWERS, min_size=2, max_size=2))
        row.answer = (True, 0.5)
        row.stamp = Stamp("m", None)
        rows.append(row)
    return rows


def shown(row: Row) -> list[object]:
    x = None if row.x is None else list(row.x.items())
    numeric = "shared" if row.numeric is row.x else row.numeric
    return [row.index, row.event_id, row.time_ms, x, numeric, row.served, row.answer, row.stamp, row.state]


@given(rows_of())
def test_rows_come_back_as_they_were(rows: list[Row]) -> None:
    needed = [row for row in rows if row.x is not None or row.served]
    found = unpack_rows(decode(encode(pack_rows(rows))))
    assert [shown(found[row.index]) for row in needed] == [shown(row) for row in needed]
    assert list(found) == [row.index for row in rows]


def test_features_with_ever_other_names_come_back_in_their_order() -> None:
    rows = []
    for index in range(300):
        row = Row(index, index, None, {f"n{index % 150}": 1.0, "every": float(index)}, 0)
        row.answer, row.stamp = (False, 0.0), Stamp("m", None)
        rows.append(row)
    found = unpack_rows(decode(encode(pack_rows(rows))))
    assert [list((found[row.index].x or {}).items()) for row in rows] == [list((row.x or {}).items()) for row in rows]


@given(st.lists(st.tuples(st.sampled_from(StepKind), st.integers(0, 2), st.none() | st.booleans(), st.integers(0, 9))))
def test_steps_come_back_as_they_were(drawn: list[tuple[StepKind, int, bool | None, int]]) -> None:
    rows = {index: Row(index, index, None, None, 0) for index in range(3)}
    steps: list[Step] = [
        (kind, rows[index], target, Moment(at, at, None if at == 3 else at)) for kind, index, target, at in drawn
    ]
    assert list(unpack_steps(decode(encode(pack_steps(steps))), rows)) == steps

"""Rows as data: what the join and the tape hold of events, column by column.

Most rows of a long run have ended and are only remembered: they are nothing but columns. Rows that a step still needs
have their features and everybody's answers beside them. This file knows the shape of a row, not what becomes of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.columns import pack_column, unpack_column
from engine.tape import Row, RowState, Stamp


def pack_rows(rows: Sequence[Row]) -> dict[str, Any]:
    """Return rows as plain data; a view that is shared with the features stays shared."""
    stamps = list(dict.fromkeys(row.stamp for row in rows))
    codes = {stamp: code for code, stamp in enumerate(stamps)}
    routed = {"routed": _pack_routed(rows)} if any(row.chances is not None for row in rows) else {}
    return {
        **routed,
        "index": pack_column([row.index for row in rows]),
        "event_id": pack_column([row.event_id for row in rows]),
        "time_ms": pack_column([row.time_ms for row in rows]),
        "deadline_ms": pack_column([row.deadline_ms for row in rows]),
        "decision": pack_column([row.answer[0] for row in rows]),
        "score": pack_column([row.answer[1] for row in rows]),
        "stamps": [list(stamp) for stamp in stamps],
        "stamp": pack_column([codes[row.stamp] for row in rows]),
        "state": bytes([row.state for row in rows]),
        "target": pack_column([row.target for row in rows]),
        "needed": [
            [place, row.x, None if row.numeric is row.x else row.numeric, list(row.served)]
            for place, row in enumerate(rows)
            if row.x is not None or row.served
        ],
    }


def _pack_routed(rows: Sequence[Row]) -> list[Any]:
    """Return by which probabilities which rows were routed: few differ, as they change with the rewards only."""
    places: dict[tuple[float, ...], list[int]] = {}
    for place, row in enumerate(rows):
        if row.chances is not None:
            places.setdefault(row.chances, []).append(place)
    return [[list(chances), found] for chances, found in places.items()]


def unpack_rows(state: dict[str, Any]) -> dict[int, Row]:
    """Return the rows that `pack_rows` was given, by index."""
    stamps = [Stamp(*stamp) for stamp in state["stamps"]]
    columns = [unpack_column(state[name]) for name in ("index", "event_id", "time_ms", "deadline_ms")]
    answers = zip(unpack_column(state["decision"]), unpack_column(state["score"]), strict=True)
    others = [unpack_column(state["stamp"]), list(state["state"]), unpack_column(state["target"])]
    rows: list[Row] = []
    for index, event_id, time_ms, deadline_ms, answer, code, where, target in zip(
        *columns, answers, *others, strict=True
    ):
        row = Row(index, event_id, time_ms, None, 0)
        row.deadline_ms = deadline_ms
        row.answer = answer
        row.stamp = stamps[code]
        row.state = RowState(where)
        row.target = target
        rows.append(row)
    for chances, places in state.get("routed", ()):
        for place in places:
            rows[place].chances = tuple(chances)
    for place, x, numeric, served in state["needed"]:
        row = rows[place]
        row.x = x
        row.numeric = x if numeric is None else numeric
        row.served = list(served)
    return {row.index: row for row in rows}

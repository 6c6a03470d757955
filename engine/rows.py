"""Rows as data: what the join and the tape hold of events, column by column.

Most rows of a long run have ended and are only remembered: they are nothing but columns. Rows that a step still needs
have their features and everybody's answers beside them. This file knows the shape of a row, not what becomes of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import repeat
from typing import Any

from engine.columns import pack_column, unpack_column
from engine.messages import Answer, Features
from engine.tape import Moment, Row, RowState, Stamp, Step, StepKind

_NONE, _RARE = 0, 255
_SHAPES_MAX = 64
"""Lists of feature names that have columns: a value that is missing is an absent name, so there can be many."""


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
        "needed": _pack_needed(rows),
        "versions": _pack_versions(rows),
    }


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
    _unpack_needed(state["needed"], rows)
    _unpack_versions(state["versions"], rows)
    return {row.index: row for row in rows}


def pack_steps(steps: Iterable[Step]) -> dict[str, Any]:
    """Return steps of the tape as plain data; their rows are named by index."""
    kinds, rows, targets, moments = list(zip(*steps, strict=True)) or [()] * 4
    positions, requests, times = list(zip(*moments, strict=True)) or [()] * 3
    return {
        "kind": bytes(kinds),
        "row": pack_column([row.index for row in rows]),
        "target": pack_column(targets),
        "position": pack_column(positions),
        "request": pack_column(requests),
        "time_ms": pack_column(times),
    }


def unpack_steps(state: dict[str, Any], rows: Mapping[int, Row]) -> Iterator[Step]:
    """Yield the steps that `pack_steps` was given."""
    columns = [unpack_column(state[name]) for name in ("row", "target", "position", "request", "time_ms")]
    for kind, index, target, *when in zip(state["kind"], *columns, strict=True):
        yield StepKind(kind), rows[index], target, Moment(*when)


def _pack_routed(rows: Sequence[Row]) -> list[Any]:
    """Return by which probabilities which rows were routed: few differ, as they change with the rewards only."""
    places: dict[tuple[float, ...], list[int]] = {}
    for place, row in enumerate(rows):
        if row.chances is not None:
            places.setdefault(row.chances, []).append(place)
    return [[list(chances), found] for chances, found in places.items()]


def _pack_needed(rows: Sequence[Row]) -> dict[str, Any]:
    """Return what steps still need of rows: their features, and everybody's answers by slot."""
    places = [place for place, row in enumerate(rows) if row.x is not None or row.served]
    needed = [rows[place] for place in places]
    answered = [row.served for row in needed if row.served]
    return {
        "places": pack_column(places),
        "x": _pack_features([row.x for row in needed]),
        "numeric": _pack_features([None if row.numeric is row.x else row.numeric for row in needed]),
        "answered": bytes([bool(row.served) for row in needed]),
        "answers": [_pack_answers(slot) for slot in zip(*answered, strict=True)],
    }


def _unpack_needed(state: dict[str, Any], rows: Sequence[Row]) -> None:
    """Give rows back what steps still need of them."""
    needed = [rows[place] for place in unpack_column(state["places"])]
    features = _unpack_features(state["x"]), _unpack_features(state["numeric"])
    for row, x, numeric in zip(needed, *features, strict=True):
        row.x = x
        row.numeric = x if numeric is None else numeric
    answered = [row for row, there in zip(needed, state["answered"], strict=True) if there]
    slots = [_unpack_answers(slot) for slot in state["answers"]]
    for row, served in zip(answered, zip(*slots, strict=True), strict=True):
        row.served = list(served)


def _pack_versions(rows: Sequence[Row]) -> dict[str, Any]:
    """Return in which versions rows were answered whose answers have not all been handed out."""
    places = [place for place, row in enumerate(rows) if row.versions]
    slots = zip(*(rows[place].versions for place in places), strict=True)
    return {"places": pack_column(places), "slots": [pack_column(slot) for slot in slots]}


def _unpack_versions(state: dict[str, Any], rows: Sequence[Row]) -> None:
    """Give rows back their versions."""
    slots = map(unpack_column, state["slots"])
    for place, versions in zip(unpack_column(state["places"]), zip(*slots, strict=True), strict=True):
        rows[place].versions = list(versions)


def _pack_features(features: Sequence[Features | None]) -> dict[str, Any]:
    """Return features as columns, for each list of names that occurs: most rows have the same; rare ones stay rows."""
    shapes: dict[tuple[str, ...], int] = {}
    codes, alike, others = [], [], []
    for x in features:
        code = _NONE if x is None else shapes.setdefault(tuple(x), len(shapes)) + 1
        if code > _SHAPES_MAX:
            code = _RARE
            others.append(x)
        elif x is not None:
            alike.append((code, x))
        codes.append(code)
    groups: list[list[Features]] = [[] for _ in range(min(len(shapes), _SHAPES_MAX))]
    for code, x in alike:
        groups[code - 1].append(x)
    columns = [[pack_column(column) for column in zip(*(x.values() for x in group), strict=True)] for group in groups]
    return {
        "shape": bytes(codes),
        "names": [list(names) for names in list(shapes)[:_SHAPES_MAX]],
        "columns": columns,
        "others": others,
    }


def _unpack_features(state: dict[str, Any]) -> list[Features | None]:
    """Return the features that `_pack_features` was given."""
    waiting: dict[int, list[Features]] = {_RARE: list(reversed(state["others"]))}
    counts = Counter(state["shape"])
    for code, (names, columns) in enumerate(zip(state["names"], state["columns"], strict=True), start=1):
        values = zip(*map(unpack_column, columns), strict=True) if names else repeat((), counts[code])
        waiting[code] = [dict(zip(names, each, strict=True)) for each in values]
        waiting[code].reverse()
    return [None if code == _NONE else waiting[code].pop() for code in state["shape"]]


def _pack_answers(answers: Sequence[Answer | None]) -> list[Any]:
    """Return one contender's answers; None where there was none."""
    there = [answer for answer in answers if answer is not None]
    return [
        bytes([answer is not None for answer in answers]),
        pack_column([decision for decision, _ in there]),
        pack_column([score for _, score in there]),
    ]


def _unpack_answers(state: Sequence[Any]) -> list[Answer | None]:
    """Return the answers that `_pack_answers` was given."""
    answers = list(zip(unpack_column(state[1]), unpack_column(state[2]), strict=True))
    answers.reverse()
    return [answers.pop() if there else None for there in state[0]]

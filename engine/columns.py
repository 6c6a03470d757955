"""Columns: many plain values of one field as a few large ones.

Writing a value one by one costs a call each; a hundred thousand remembered rows would hold up the stream for a second.
A column of one kind is therefore kept as bytes, as one joined text, or as codes into a table of what occurred. What
fits none of these stays a list. This file knows nothing of rows or models.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, compress, pairwise
from struct import pack, unpack
from typing import Any

from engine.errors import SnapshotError

_CODES_MAX = 256
_LONGS = range(-(1 << 63), 1 << 63)
_NOTHING = type(None)


def pack_column(values: Sequence[Any]) -> list[Any]:
    """Return the values as plain data: `[form, count, ...]`. Equal columns give equal data. O(n).

    >>> pack_column(["x", "y", "x"])[:3], unpack_column(pack_column([1, None, 3]))
    (['codes', 3, ['x', 'y']], [1, None, 3])
    """
    kinds = set(map(type, values))
    count = len(values)
    if len(kinds) > 1 and _NOTHING in kinds and not kinds <= {_NOTHING, bool}:
        there = [value is not None for value in values]
        return ["sparse", count, bytes(there), pack_column(list(compress(values, there)))]
    if kinds == {float}:
        return ["floats", count, pack(f"<{count}d", *values)]
    if kinds == {int} and min(values) in _LONGS and max(values) in _LONGS:
        return ["ints", count, pack(f"<{count}q", *values)]
    if kinds == {str}:
        return _pack_texts(values)
    if kinds <= {bool, _NOTHING}:
        table = list(dict.fromkeys(values))
        codes = {value: code for code, value in enumerate(table)}
        return ["codes", count, table, bytes(map(codes.__getitem__, values))]
    return ["list", count, list(values)]


def _pack_texts(values: Sequence[str]) -> list[Any]:
    """Return texts as codes where few differ, else joined, with their lengths."""
    count = len(values)
    table = list(dict.fromkeys(values))
    if len(table) <= _CODES_MAX:
        codes = {value: code for code, value in enumerate(table)}
        return ["codes", count, table, bytes(map(codes.__getitem__, values))]
    return ["texts", count, pack(f"<{count}I", *map(len, values)), "".join(values)]


def unpack_column(column: Sequence[Any]) -> list[Any]:
    """Return the values that `pack_column` was given.

    Raises
    ------
    SnapshotError
        Where the column is not as long as it says, or of no form there is. What else is wrong with it raises as it
        does: `ValueError`, `TypeError`, `LookupError` or `struct.error`.
    """
    form, count, *held = column
    values: list[Any]
    if form == "sparse":
        there, rest = held[0], unpack_column(held[1])
        if sum(there) != len(rest):
            msg = f"a sparse column has {sum(there)} places for {len(rest)} values; use an older snapshot"
            raise SnapshotError(msg)
        filled = iter(rest)
        values = [next(filled) if one else None for one in there]
    elif form == "floats":
        values = list(unpack(f"<{len(held[0]) // 8}d", held[0]))
    elif form == "ints":
        values = list(unpack(f"<{len(held[0]) // 8}q", held[0]))
    elif form == "texts":
        lengths = unpack(f"<{len(held[0]) // 4}I", held[0])
        values = [held[1][start:end] for start, end in pairwise(accumulate(lengths, initial=0))]
    elif form == "codes":
        values = [held[0][code] for code in held[1]]
    elif form == "list":
        values = list(held[0])
    else:
        msg = f"a column is sparse, floats, ints, texts, codes or a list, got {form!r:.80}; use an older snapshot"
        raise SnapshotError(msg)
    if len(values) != count:
        msg = f"a column of {count!r:.80} values holds {len(values)}; use an older snapshot"
        raise SnapshotError(msg)
    return values

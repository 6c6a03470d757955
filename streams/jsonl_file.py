"""JSON lines: one object a line, read twice only where the first reading cannot be trusted.

orjson is fast and silent about three things: a repeated key (the last wins), a whole number beyond 64 bits (rounded),
nesting. A line that cannot hold any of them is accepted at once; every other line, and every line orjson refuses, is
read again by `read_exactly`, which is slow and says why. A property test holds the two together.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from math import isinf

import orjson

from engine.errors import MessageError
from streams.byte_lines import Lines
from streams.nesting import duplicate_key, flatten, too_deep
from streams.ports import Record

DIGIT_COUNT_MAX = 308
"""Digits of a whole number: as many as still make a finite float."""

_loads = orjson.loads
_ROUNDED = 9.0e18
"""From here on orjson may have rounded a whole number to this float."""


class JsonlFile:
    """The records of one JSONL input: one object a line, nested ones flattened to dotted names (`a.b`).

    Parameters
    ----------
    lines
        Where the bytes come from.

    Notes
    -----
    Arrays stay lists: a schema refuses them by name. About 2.5 µs a record of nine fields beyond the decoding.
    """

    def __init__(self, lines: Lines) -> None:
        self.name = lines.name
        self._lines = lines
        lines.park()

    def fraction(self) -> float | None:
        """Return how much of the file has been read."""
        return self._lines.fraction()

    def __iter__(self) -> Iterator[Record]:
        """Yield the records. Raises `SourceError` after the last whole one of a file that is cut short."""
        lines, name = self._lines, self.name
        read, bytes_max, row = lines.read, lines.record_bytes_max, 0
        try:
            while line := read():
                row += 1
                if len(line) > bytes_max:
                    yield lines.refuse_oversize(line, row)
                else:
                    try:
                        record = Record(name, row, line, read_fields(line), None)
                    except MessageError as refusal:
                        record = Record(name, row, line, None, refusal)
                    yield record
        finally:
            lines.close()
        lines.raise_failure(row)


def read_fields(line: bytes) -> dict[str, object]:
    """Return the flat fields of one JSON object, a line of a file or not, or raise `MessageError` with why not.

    >>> read_fields(b'{"amount": 7}')
    {'amount': 7}
    """
    if line.find(b"\n", 0, -1) >= 0:  # no line of a file holds one
        return read_exactly(line)
    try:
        text = line.decode()
        values = _loads(text)
    except ValueError:
        return read_exactly(line)
    # Without a space before a colon every key ends in `":`: as many of these as names, and none is twice.
    if (
        type(values) is dict
        and text.count('":') == len(values)
        and text.rfind("{") <= 0
        and " :" not in text
        and "\t" not in text
        and ("\r" not in text or "\r:" not in text)
    ):
        for value in values.values():
            kind = type(value)
            if kind is list or (kind is float and not -_ROUNDED < value < _ROUNDED):
                break
        else:
            return values
    return read_exactly(line)


def read_exactly(line: bytes) -> dict[str, object]:
    """Return the flat fields of one JSON object, or raise `MessageError` with the reason why not.

    >>> read_exactly(b'{"id": 98765432109876543210, "card": {"country": "NL"}}')
    {'id': 98765432109876543210, 'card.country': 'NL'}
    """
    try:
        text = line.decode()
    except UnicodeDecodeError as error:
        detail = f"byte {error.start} of the record, {line[error.start]:#04x}, is not UTF-8 ({error.reason})"
        raise MessageError("bad_utf8", detail, stage="read") from None
    if not text.strip():
        raise MessageError("empty_record", "the line is blank; remove it", stage="read")
    if "\0" in text:
        detail = f"byte {line.index(0)} of the record is NUL; remove NUL bytes"
        raise MessageError("nul_byte", detail, stage="read")
    if text.startswith("\ufeff"):
        detail = "the line begins with a byte order mark, which may stand only at a file's start; remove it"
        raise MessageError("malformed_json", detail, stage="read")
    try:
        values = _DECODER.decode(text)
        if "\\u" in text:
            _refuse_lone_surrogates(values)
    except RecursionError:
        raise too_deep() from None
    except ValueError as error:
        raise MessageError("malformed_json", f"not JSON: {error}", stage="read") from None
    if type(values) is not dict:
        kind = "an array; write one object a line (jq -c '.[]')" if type(values) is list else f"{values!r:.40}"
        raise MessageError("not_an_object", f"a record must be a JSON object, got {kind}", stage="read")
    return flatten(values)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        raise duplicate_key(counts.most_common(1)[0][0])
    return values


def _whole(text: str) -> int:
    if len(text) > DIGIT_COUNT_MAX:
        detail = f"a whole number may have {DIGIT_COUNT_MAX} digits, got {len(text)}; send it as text"
        raise MessageError("number_too_long", detail, stage="read")
    return int(text)


def _finite(text: str) -> float:
    number = float(text)
    if isinf(number):
        raise _non_finite(text)
    return number


def _refuse_constant(text: str) -> object:
    raise _non_finite(text)


def _refuse_lone_surrogates(values: object) -> None:
    """Raise `UnicodeEncodeError`, a `ValueError`, where an escape names half a character."""
    json.dumps(values, ensure_ascii=False).encode()


def _non_finite(text: str) -> MessageError:
    detail = f"a number must be finite, got {text:.40}; leave out what is not known"
    return MessageError("non_finite", detail, stage="read")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_int=_whole, parse_float=_finite, parse_constant=_refuse_constant
)

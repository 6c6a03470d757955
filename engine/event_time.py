"""Event time and durations: what a sender or an operator wrote, as whole milliseconds.

Event time is int unix milliseconds, always taken from the message. This file knows no clock and no time zone but UTC.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from math import floor
from operator import index

from engine.errors import ConfigError, MessageError
from engine.values import show_value

_SECONDS_BELOW = 1e11
_MS_BELOW = 1e14
_US_BELOW = 1e17
_NS_BELOW = 1e20
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive on purpose: a naive time is read as UTC
_EPOCH_UTC = datetime(1970, 1, 1, tzinfo=UTC)

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION_MS_BELOW = 10**14
_SHOWN = ("d", "h", "m", "s", "ms")
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h|d|w)")


def parse_event_time(value: object) -> int:
    """Return unix milliseconds for a number, a numeric text, an ISO-8601 text or a datetime.

    A bare number is unix time, and its magnitude names its unit: below 1e11 seconds, below 1e14 milliseconds, below
    1e17 microseconds, below 1e20 nanoseconds. So `"20240101"` is a day in August 1970; write `"2024-01-01"`. An ISO
    time without an offset is UTC. A fraction of a millisecond is dropped, towards the past.

    Parameters
    ----------
    value
        int, float, text, `datetime` or `date`; anything with `__index__` or `__float__` counts as a number.

    Raises
    ------
    MessageError
        `bad_time`, at stage `decode`.

    Notes
    -----
    No state, no cache: about 0.2 us for a number, 0.5 us for ISO text.

    >>> parse_event_time(1_700_000_000), parse_event_time("1700000000123"), parse_event_time("2023-11-14T22:13:20Z")
    (1700000000000, 1700000000123, 1700000000000)
    """
    kind = type(value)
    if kind is int or kind is float:
        return _from_number(value)  # type: ignore[arg-type]
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, datetime):
        return _from_datetime(value)
    if isinstance(value, date):
        return (value - _EPOCH.date()).days * 86_400_000
    if isinstance(value, bool) or value is None:
        raise _bad_time(value)
    try:
        number: int | float = index(value)  # type: ignore[arg-type]
    except TypeError:
        try:
            number = value.__float__()  # type: ignore[attr-defined]
        except (AttributeError, TypeError, ValueError, ArithmeticError):
            raise _bad_time(value) from None
    return _from_number(number)


def _from_number(value: float) -> int:
    size = abs(value)
    if size < _SECONDS_BELOW:
        # Through whole microseconds, so that 1700000000.123 does not become ...122 ms.
        return value * 1_000 if type(value) is int else round(value * 1e6) // 1_000
    if size < _MS_BELOW:
        return floor(value)
    if size < _US_BELOW:
        return floor(value // 1_000)
    if size < _NS_BELOW:
        return floor(value // 1_000_000)
    raise _bad_time(value)


def _from_text(text: str) -> int:
    try:
        if text[4:5] != "-":
            return _from_number(_number_of(text))
        return _from_datetime(datetime.fromisoformat(text))
    except ValueError:
        pass
    # Seldom: blanks around a date, an ISO date in its compact form, a number such as "1.5e-3".
    try:
        return _from_datetime(datetime.fromisoformat(text.strip()))
    except ValueError:
        pass
    try:
        return _from_number(_number_of(text))
    except ValueError:
        raise _bad_time(text) from None


def _number_of(text: str) -> float:
    if "_" in text or not text.isascii():
        raise ValueError
    return float(text)


def _from_datetime(value: datetime) -> int:
    since = value - (_EPOCH if value.tzinfo is None else _EPOCH_UTC)
    return since.days * 86_400_000 + since.seconds * 1_000 + since.microseconds // 1_000


def _bad_time(value: object) -> MessageError:
    msg = f"a time is a unix number or ISO-8601 such as '2024-01-31T10:00:00Z', got {show_value(value)}"
    return MessageError("bad_time", msg, stage="decode")


def parse_duration(value: object) -> int:
    """Return the milliseconds of a duration such as `"7d"`, `"1.5h"`, `"500ms"` or `"0s"`; it is never negative.

    Units: ms, s, m (minutes), h, d, w. A number without a unit is refused: nobody can tell seconds from milliseconds.

    Raises
    ------
    ConfigError
        For anything else, or where the duration is no whole number of milliseconds.

    >>> parse_duration("1.5h"), parse_duration("2w")
    (5400000, 1209600000)
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        msg = f"a duration is a number and its unit (ms, s, m, h, d, w) such as '7d' or '90m', got {show_value(value)}"
        raise ConfigError(msg)
    exact = Decimal(match[1]) * _UNITS_MS[match[2]]
    if exact >= _DURATION_MS_BELOW or exact != int(exact):
        msg = f"a duration is a whole number of milliseconds below {_DURATION_MS_BELOW}, got {show_value(value)}"
        raise ConfigError(msg)
    return int(exact)


def show_duration(duration_ms: int) -> str:
    """Return the shortest text that `parse_duration` reads back as `duration_ms`; days are its largest unit.

    >>> show_duration(604_800_000), show_duration(90_000), show_duration(0)
    ('7d', '90s', '0s')
    """
    if duration_ms == 0:
        return "0s"
    unit = next(unit for unit in _SHOWN if duration_ms % _UNITS_MS[unit] == 0)
    return f"{duration_ms // _UNITS_MS[unit]}{unit}"

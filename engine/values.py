"""One value as a sender wrote it: the number or the word it stands for, or the reason why it stands for none.

These rules are the same whether a value came as CSV text, as JSON or from Python. They know nothing of columns beyond
the name that the refusal tells, and nothing of the stream.
"""

from __future__ import annotations

from math import isfinite
from numbers import Number

from engine.errors import MessageError

_SHOWN_CHARS = 80
_SHOWN_BITS = 256


def show_value(value: object) -> str:
    """Return a short repr that never fails: a hostile value may be too long, too deep or too large for `repr`.

    >>> show_value("abc"), show_value([1, 2]), show_value(10**5000)
    ("'abc'", 'a list', 'an integer of 16610 bits')
    """
    if isinstance(value, str):
        return repr(value) if len(value) <= _SHOWN_CHARS else f"{value[:_SHOWN_CHARS]!r}... ({len(value)} characters)"
    if isinstance(value, int):
        bits = value.bit_length()
        return repr(value) if bits <= _SHOWN_BITS else f"an integer of {bits} bits"
    if value is None or isinstance(value, float):
        return repr(value)
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def is_missing(value: object) -> bool:
    """Return whether there is no value: None or blank text. NaN is not missing; it is refused as not finite."""
    return value is None or (isinstance(value, str) and not value.strip())


def read_number(value: object, name: str) -> float:
    """Return a value that is not missing as a finite float, or raise `MessageError`.

    Numbers and bools count, and so does ASCII text that reads as a number: `"1e3"` does, `"1_000"`, `"0x10"` and
    digits of other scripts do not. Raises `not_a_number`, `not_finite` or `wrong_type`.

    >>> read_number("-1.5e3", "x"), read_number(True, "x")
    (-1500.0, 1.0)
    """
    try:
        if isinstance(value, str):
            # float() alone would also take "1_000" and digits of every script.
            if not value.isascii() or "_" in value:
                raise ValueError  # noqa: TRY301 - the one sentence below serves both
            number = float(value)
        elif isinstance(value, Number):
            number = float(value)  # type: ignore[arg-type]
        else:
            raise MessageError("wrong_type", f"column {name!r} takes one number, got {show_value(value)}")
    except OverflowError:
        msg = f"column {name!r} takes a finite number, got {show_value(value)}"
        raise MessageError("not_finite", msg) from None
    except (ValueError, TypeError):
        msg = f"column {name!r} takes a number, got {show_value(value)}"
        raise MessageError("not_a_number", msg) from None
    if not isfinite(number):
        raise MessageError("not_finite", f"column {name!r} takes a finite number, got {show_value(value)}")
    return number


def read_text(value: object, name: str, chars_max: int) -> str:
    """Return a value that is not missing as text, or raise `MessageError` (`wrong_type`, `text_too_long`).

    Text is taken as it is. Bools read "true" and "false", whole numbers have one spelling whether they came as 7 or
    7.0, so that a column of codes means the same in CSV, JSON and Parquet.

    >>> read_text(7.0, "zip", 10), read_text(True, "x", 10)
    ('7', 'true')
    """
    if isinstance(value, str):
        text = value
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, float):
        if not isfinite(value):
            raise MessageError("not_finite", f"column {name!r} takes a word, got {value!r}")
        text = str(int(value)) if value.is_integer() else repr(float(value))
    elif isinstance(value, int):
        if value.bit_length() > _SHOWN_BITS:
            raise MessageError("text_too_long", f"column {name!r} takes a word, got {show_value(value)}")
        text = str(value)
    else:
        raise MessageError("wrong_type", f"column {name!r} takes one word or text, got {show_value(value)}")
    if len(text) > chars_max:
        msg = f"column {name!r} takes at most {chars_max} characters (text_chars_max), got {len(text)}"
        raise MessageError("text_too_long", msg)
    return text

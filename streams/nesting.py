"""Nested values as flat ones: an object's fields get dotted names (`card.country`), arrays stay as they are."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import MessageError

DEPTH_MAX = 8
"""Levels of objects and arrays in one record; the record itself is the first."""


def flatten(values: Mapping[str, object]) -> dict[str, object]:
    """Return nested objects as dotted names, or raise `MessageError` where they are too deep or two names meet.

    >>> flatten({"id": 7, "card": {"country": "NL", "limits": {}}})
    {'id': 7, 'card.country': 'NL'}
    """
    flat: dict[str, object] = {}
    _flatten(values, "", 1, flat)
    return flat


def _flatten(values: Mapping[str, object], prefix: str, depth: int, flat: dict[str, object]) -> None:
    if depth > DEPTH_MAX:
        raise too_deep()
    for key, value in values.items():
        name = prefix + key
        if isinstance(value, dict):
            _flatten(value, name + ".", depth + 1, flat)
            continue
        if isinstance(value, list):
            _check_depth(value, depth + 1)
        if name in flat:
            raise duplicate_key(name)
        flat[name] = value


def _check_depth(value: object, depth: int) -> None:
    """Refuse an array whose insides reach below `DEPTH_MAX`."""
    if isinstance(value, dict | list):
        if depth > DEPTH_MAX:
            raise too_deep()
        for inner in value.values() if isinstance(value, dict) else value:
            _check_depth(inner, depth + 1)


def duplicate_key(name: str) -> MessageError:
    """Return the refusal of a record in which one name stands twice."""
    return MessageError("duplicate_key", f"name {name!r:.80} stands twice in one record; send it once", stage="read")


def too_deep() -> MessageError:
    """Return the refusal of a record that nests more than `DEPTH_MAX` levels."""
    detail = f"a record may nest {DEPTH_MAX} levels of objects and arrays, this one has more; send it flatter"
    return MessageError("too_deep", detail, stage="read")

"""Outputs as CloudEvents 1.0 in binary mode: what is known about a record stands in its headers, its value is the data.

Lives here: which headers each kind of record gets, and what a request hands on to whatever is said about it. All of it
is a function of the journal and the inputs: ids are counted and never drawn, times are event times. This file knows no
log. (CloudEvents 1.0.2, its Kafka protocol binding, and W3C Trace Context.)
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from streams.log_port import Headers

TYPE_PREFIX = "sidestream."
JSON_TYPE = "application/json"

STATE_BYTES_MAX = 512
"""A longer tracestate is not passed on, in bytes: whoever sends it must not fill the outputs with it."""

_PARENT = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.{0,200})?")
_PARENT_BYTES = 55
_NO_TRACE, _NO_SPAN = b"0" * 32, b"0" * 16
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_MS = 60_000


class CloudEvents:
    """The headers of one worker's outputs.

    Parameters
    ----------
    source
        Whose events they are (`ce_source`).
    content_type
        Of the values that the codec writes.

    Notes
    -----
    About 1.6 µs a record. What a request handed on is remembered until its shadow predictions have been written, so it
    is part of the state: see `snapshot`.
    """

    def __init__(self, source: str, content_type: str) -> None:
        self._source = source.encode()
        self._content_type = content_type.encode()
        self._sequence = 0
        self._number = 0
        self._constant: dict[str, Headers] = {}
        self._waiting: deque[tuple[int, Headers]] = deque()

    def begin(self, sequence: int) -> None:
        """Make the headers of this commit from here on."""
        self._sequence = sequence
        self._number = 0
        self._constant.clear()

    def of_json(self, kind: str, about: Headers = ()) -> Headers:
        """Return the headers of a record that is JSON whatever the codec is."""
        return (("content-type", JSON_TYPE.encode()), *self.of(kind, about)[1:])

    def of(self, kind: str, about: Headers = ()) -> Headers:
        """Return the headers of a record of a kind; `about` is what is known of this one."""
        constant = self._constant.get(kind) or self._of_kind(kind)
        number = self._number
        self._number = number + 1
        return (*constant, ("ce_id", b"%d-%d" % (self._sequence, number)), *about)

    def remember(self, index: int, about: Headers) -> None:
        """Keep what a request handed on for its shadow predictions. Indices ascend."""
        self._waiting.append((index, about))

    def about(self, index: int) -> Headers:
        """Return what the request of this index handed on; indices ascend, and may come again."""
        waiting = self._waiting
        while waiting and waiting[0][0] < index:
            waiting.popleft()
        return waiting[0][1] if waiting and waiting[0][0] == index else ()

    def forget(self, count: int) -> None:
        """Keep no more than so many requests: as many steps wait for challengers, and each of theirs is one."""
        while len(self._waiting) > count:
            self._waiting.popleft()

    def snapshot(self) -> list[Any]:
        """Return what is remembered as plain data."""
        return [[index, [list(header) for header in about]] for index, about in self._waiting]

    def restore(self, state: Sequence[Any]) -> None:
        """Take back what `snapshot` returned."""
        self._waiting = deque((index, tuple((name, value) for name, value in about)) for index, about in state)

    def _of_kind(self, kind: str) -> Headers:
        """Return what all records of a kind have in common in this commit."""
        self._constant[kind] = found = (
            ("content-type", self._content_type),
            ("ce_specversion", b"1.0"),
            ("ce_source", self._source),
            ("ce_type", (TYPE_PREFIX + kind).encode()),
            ("ce_commit", b"%d" % self._sequence),
        )
        return found


def at(time_ms: int | None) -> Headers:
    """Return when an event happened; nothing where nobody knows, or there is no such year."""
    time = None if time_ms is None else rfc3339(time_ms)
    return () if time is None else (("ce_time", time),)


def by_model(model: str, version: int | None) -> Headers:
    """Return who answered, and in which version; it is unknown for an answer that is repeated.

    >>> by_model("tree", 17)
    (('ce_model', b'tree'), ('ce_modelversion', b'17'))
    """
    named = ("ce_model", model.encode())
    return (named,) if version is None else (named, ("ce_modelversion", b"%d" % version))


def handed_on(place: str, offset: int, headers: Headers) -> Headers:
    """Return what a record hands on to whatever is said about it: where it stood, and its trace where that is whole.

    >>> handed_on("requests/0", 17, (("tracestate", b"a=1"), ("traceparent", b"broken")))
    (('ce_origin', b'requests/0/17'),)
    """
    origin = ("ce_origin", f"{place}/{offset}".encode())
    return (origin, *trace_of(headers)) if headers else (origin,)


def trace_of(headers: Headers) -> Headers:
    """Return the trace context among headers, unchanged; none where its parent is missing, malformed or not the only.

    >>> parent = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    >>> trace_of((("other", b""), parent)) == (parent,)
    True
    """
    parents = [header for header in headers if header[0] == "traceparent"]
    if len(parents) != 1 or not _is_parent(parents[0][1]):
        return ()
    if len(headers) > 1:
        states = [header for header in headers if header[0] == "tracestate"]
        if sum(len(value) for _, value in states) <= STATE_BYTES_MAX:
            parents += states
    return tuple(parents)


def _is_parent(value: bytes) -> bool:
    """Whether a traceparent is whole: version 00 has no more than its four fields, later ones may, ff is none."""
    version = value[:2]
    return (
        _PARENT.fullmatch(value) is not None
        and (len(value) == _PARENT_BYTES or version != b"00")
        and version != b"ff"
        and value[3:35] != _NO_TRACE
        and value[36:52] != _NO_SPAN
    )


def rfc3339(time_ms: int) -> bytes | None:
    """Return an event time as RFC 3339 writes it, in UTC; None where it has no such year.

    >>> rfc3339(1_700_000_000_123), rfc3339(10**15)
    (b'2023-11-14T22:13:20.123Z', None)
    """
    minute, rest = divmod(time_ms, _MINUTE_MS)
    prefix = _minute(minute)
    return None if prefix is None else b"%b%02d.%03dZ" % (prefix, rest // 1_000, rest % 1_000)


@lru_cache(maxsize=4_096)
def _minute(minute: int) -> bytes | None:
    try:
        at = _EPOCH + timedelta(minutes=minute)
    except OverflowError:
        return None
    return at.strftime("%Y-%m-%dT%H:%M:").rjust(17, "0").encode()

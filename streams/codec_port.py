"""The codec port: what stands between the bytes of a value on a topic and its fields.

Requests and labels are decoded by it, predictions, shadow predictions and ends encoded; another format than JSON is
another `ValueCodec`. Commands, dead letters, alarms and the audit trail are for people and the tools here, and are JSON
whatever the events are; `rebuild` and `inspect` look for answers in JSON alone. A codec is a pure function: whoever
replays must come to the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final, Protocol

from engine.errors import MessageError
from streams.byte_lines import refused_oversize
from streams.codec import to_value
from streams.jsonl_file import read_fields
from streams.ports import Cut, Record


class ValueCodec(Protocol):
    """Turns the bytes of a value into fields, and fields into bytes."""

    @property
    def content_type(self) -> str:
        """The media type of the bytes (RFC 2046)."""
        ...

    def decode(self, value: bytes, /) -> Mapping[str, object]:
        """Return the fields by name, flat. Raises `MessageError` at stage `read`, with the reason why there are none.

        Any other exception stops the worker: a codec must take whatever bytes somebody sends.
        """
        ...

    def encode(self, fields: Mapping[str, object], /) -> bytes:
        """Return fields as bytes: the same for the same. Scalars may be NumPy's, as models answer with them."""
        ...


class JsonCodec:
    """One JSON object, nested ones flattened to dotted names on the way in."""

    content_type = "application/json"
    decode = staticmethod(read_fields)
    encode = staticmethod(to_value)


JSON: Final = JsonCodec()


def read_record(codec: ValueCodec, name: str, row: int, value: bytes, bytes_max: int) -> Record:
    """Return what one value of a log holds.

    Parameters
    ----------
    codec
        Reads it.
    name, row
        Where it stood.
    value
        Its bytes, whole.
    bytes_max
        A longer one is refused, and only its beginning kept.

    >>> read_record(JSON, "requests", 1, b'{"amount": 7}', 100).values
    {'amount': 7}
    """
    if len(value) > bytes_max:
        cut = Cut(len(value), sha256(value).hexdigest())
        return refused_oversize(name, row, value[: bytes_max + 1], cut, bytes_max)
    try:
        return Record(name, row, value, codec.decode(value), None)
    except MessageError as refusal:
        return Record(name, row, value, None, refusal)

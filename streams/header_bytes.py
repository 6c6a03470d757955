"""The headers of one record as bytes, and back, for a log that has no place for them of its own.

How many there are and the lengths of all names and values, then their bytes. This file knows no log.
"""

from __future__ import annotations

from struct import pack, unpack_from

from streams.log_port import Headers


def encode(headers: Headers) -> bytes:
    """Return headers as bytes.

    >>> decode(encode((("a", b"1"), ("a", b""))))
    (('a', b'1'), ('a', b''))
    """
    pieces = [name.encode() for name, _ in headers] + [value for _, value in headers]
    return pack(f"<{len(pieces) + 1}I", len(headers), *map(len, pieces)) + b"".join(pieces)


def decode(data: bytes) -> Headers:
    """Return the headers that were encoded."""
    (count,) = unpack_from("<I", data)
    lengths = unpack_from(f"<{2 * count}I", data, 4)
    at = 4 + 8 * count
    pieces = []
    for length in lengths:
        pieces.append(data[at : at + length])
        at += length
    return tuple((name.decode(), value) for name, value in zip(pieces[:count], pieces[count:], strict=True))

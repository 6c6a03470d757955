"""Many entries as one blob, and back: the inside of one row of the embedded log.

A blob is the lengths of all keys and values, then their bytes: one pack and one join, whatever the count. Where any
entry has headers it begins with a length that no key has, and each entry has a third length, of its headers. Its
checksum covers where it stands too, so a batch that was moved, doubled or cut is as damaged as one with a flipped bit.
This file knows nothing of SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from struct import pack, unpack_from
from zlib import crc32

from streams import header_bytes
from streams.log_port import Entry, LogError, LogRecord, place_of, size_of

BATCH_COUNT_MAX = 4_096
"""Entries of one batch; more become several, in the same transaction."""

BATCH_BYTES_MAX = 1 << 20
"""Bytes of one batch's entries; a single larger entry is a batch of its own."""

_HEADERS_OF = itemgetter(2)
_NO_KEY = -1
_WITH_HEADERS = pack("<i", -2)


def batches(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Cut entries into runs within both bounds, in order."""
    start = size = 0
    for number, (key, value, headers) in enumerate(entries):
        bytes_here = size_of(entries[number]) if headers else len(value) + (len(key) if key else 0)
        if number > start and (number - start == BATCH_COUNT_MAX or size + bytes_here > BATCH_BYTES_MAX):
            yield entries[start:number]
            start, size = number, 0
        size += bytes_here
    if start < len(entries):
        yield entries[start:]


def encode(entries: Sequence[Entry]) -> bytes:
    """Return the blob of a batch."""
    if any(map(_HEADERS_OF, entries)):
        return _encode_with_headers(entries)
    lengths = [size for key, value, _ in entries for size in (_NO_KEY if key is None else len(key), len(value))]
    pieces = [piece for key, value, _ in entries for piece in (key or b"", value)]
    return pack(f"<{len(lengths)}i", *lengths) + b"".join(pieces)


def _encode_with_headers(entries: Sequence[Entry]) -> bytes:
    lengths: list[int] = []
    pieces: list[bytes] = []
    for key, value, headers in entries:
        spelled = header_bytes.encode(headers) if headers else b""
        lengths += (_NO_KEY if key is None else len(key), len(value), len(spelled))
        pieces += (key or b"", value, spelled)
    return _WITH_HEADERS + pack(f"<{len(lengths)}i", *lengths) + b"".join(pieces)


def holds_headers(blob: bytes) -> bool:
    """Whether any entry of a blob has headers."""
    return blob.startswith(_WITH_HEADERS)


def checksum(topic: str, partition: int, first_offset: int, count: int, blob: bytes) -> int:
    """Return the CRC-32 of a batch and its place: every flip of up to 32 neighbouring bits changes it."""
    return crc32(f"{topic}/{partition}/{first_offset}/{count}/".encode(), crc32(blob))


def decode(blob: bytes, first_offset: int, count: int, skip: int = 0) -> Iterator[LogRecord]:
    """Yield the records of a blob whose checksum held, without the first `skip`."""
    if holds_headers(blob):
        yield from _decode_with_headers(blob, first_offset, count, skip)
        return
    lengths = unpack_from(f"<{2 * count}i", blob)
    at = 8 * count + sum(length for length in lengths[: 2 * skip] if length > 0)
    for number in range(skip, count):
        key_length, length = lengths[2 * number], lengths[2 * number + 1]
        key = None
        if key_length != _NO_KEY:
            key = blob[at : at + key_length]
            at += key_length
        yield LogRecord(first_offset + number, key, blob[at : at + length])
        at += length


def _decode_with_headers(blob: bytes, first_offset: int, count: int, skip: int) -> Iterator[LogRecord]:
    lengths = unpack_from(f"<{3 * count}i", blob, len(_WITH_HEADERS))
    at = len(_WITH_HEADERS) + 12 * count + sum(length for length in lengths[: 3 * skip] if length > 0)
    for number in range(skip, count):
        key_length, length, headers_length = lengths[3 * number : 3 * number + 3]
        value_at = at + max(0, key_length)
        headers_at = value_at + length
        key = None if key_length == _NO_KEY else blob[at:value_at]
        at = headers_at + headers_length
        headers = header_bytes.decode(blob[headers_at:at]) if headers_length else ()
        yield LogRecord(first_offset + number, key, blob[value_at:headers_at], headers)


def damaged(topic: str, partition: int, offset: int, what: str) -> LogError:
    """Return the refusal to read on, naming the place."""
    return LogError(
        f"the log is damaged at offset {offset} of {place_of(topic, partition)}: {what}; restore it from a copy"
    )

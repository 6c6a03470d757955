"""Many entries as one blob, and back: the inside of one row of the embedded log.

A blob is the lengths of all keys and values, then their bytes: one pack and one join, whatever the count. Its checksum
covers where it stands too, so a batch that was moved, doubled or cut is as damaged as one with a flipped bit. This file
knows nothing of SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from struct import pack, unpack_from
from zlib import crc32

from streams.log_port import Entry, LogError, LogRecord, place_of

BATCH_COUNT_MAX = 4_096
"""Entries of one batch; more become several, in the same transaction."""

BATCH_BYTES_MAX = 1 << 20
"""Bytes of one batch's keys and values; a single larger entry is a batch of its own."""

_NO_KEY = -1


def batches(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """Cut entries into runs within both bounds, in order."""
    start = size = 0
    for number, (key, value) in enumerate(entries):
        bytes_here = len(value) + (len(key) if key else 0)
        if number > start and (number - start == BATCH_COUNT_MAX or size + bytes_here > BATCH_BYTES_MAX):
            yield entries[start:number]
            start, size = number, 0
        size += bytes_here
    if start < len(entries):
        yield entries[start:]


def encode(entries: Sequence[Entry]) -> bytes:
    """Return the blob of a batch."""
    lengths = [size for key, value in entries for size in (_NO_KEY if key is None else len(key), len(value))]
    pieces = [piece for key, value in entries for piece in (key or b"", value)]
    return pack(f"<{len(lengths)}i", *lengths) + b"".join(pieces)


def checksum(topic: str, partition: int, first_offset: int, count: int, blob: bytes) -> int:
    """Return the CRC-32 of a batch and its place: every flip of up to 32 neighbouring bits changes it."""
    return crc32(f"{topic}/{partition}/{first_offset}/{count}/".encode(), crc32(blob))


def decode(blob: bytes, first_offset: int, count: int, skip: int = 0) -> Iterator[LogRecord]:
    """Yield the records of a blob whose checksum held, without the first `skip`."""
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


def damaged(topic: str, partition: int, offset: int, what: str) -> LogError:
    """Return the refusal to read on, naming the place."""
    return LogError(
        f"the log is damaged at offset {offset} of {place_of(topic, partition)}: {what}; restore it from a copy"
    )

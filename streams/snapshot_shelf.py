"""Snapshots as a topic has them now: which can be fetched, and which of their chunks have to go."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.errors import SnapshotError
from streams.log_port import LogRecord
from streams.snapshot_record import Announced, Snapshot, SnapshotKey, decode


class Shelf(NamedTuple):
    """The snapshots that are whole, the newest last; those whose worker died on the way; and what cannot be read."""

    whole: tuple[Snapshot, ...]
    unfinished: tuple[Announced, ...]
    refused: tuple[str, ...]


def shelf_of(records: list[LogRecord]) -> Shelf:
    """Return what the records of a topic say, of which a later one of a key takes the place of an earlier."""
    latest = {record.key: record for record in records}
    whole, unfinished, refused = [], [], []
    for key, record in latest.items():
        if not record.value:
            continue
        try:
            found = decode(key, record.value)
        except SnapshotError as error:
            refused.append(str(error))
            continue
        if isinstance(found, Snapshot):
            whole.append(found)
        else:
            unfinished.append(found)
    return Shelf(tuple(sorted(whole, key=lambda each: each.key)), tuple(unfinished), tuple(refused))


def chunk_keys(key: SnapshotKey, count: int) -> Iterator[bytes]:
    """Yield the keys of a snapshot's chunks."""
    return map(key.chunk, range(count))

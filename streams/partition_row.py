"""One row of the embedded log for each partition: where it begins, where it ends, and a checksum over both.

Every transaction that touches a partition reads its row first. A damaged row would lose or invent offsets in silence,
so it is verified as a batch is. This file knows the one table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from sqlite3 import Connection
from typing import NamedTuple
from zlib import crc32

from streams.log_port import no_partition, no_topic
from streams.stored_batch import damaged

JOURNAL = "__journal"
"""The topic whose one partition is the journal: a name that no topic can be made with."""

_SELECT = "SELECT partition_id, topic, number, begin_offset, end_offset, data_bytes, crc FROM partition "


class PartitionRow(NamedTuple):
    """What the log knows of one partition. The bytes are those of the batches still stored."""

    partition_id: int
    topic: str
    number: int
    begin: int
    end: int
    data_bytes: int


def add_partition(db: Connection, topic: str, number: int) -> None:
    """Write the row of a new partition."""
    ((partition_id,),) = db.execute("SELECT coalesce(max(partition_id), 0) + 1 FROM partition")
    row = PartitionRow(partition_id, topic, number, 0, 0, 0)
    db.execute("INSERT INTO partition VALUES (?, ?, ?, ?, ?, ?, ?)", (*row, _checksum(row)))


def find_partition(db: Connection, topic: str, number: int) -> PartitionRow:
    """Return a partition's row. Raises `ConfigError` where there is none, `LogError` where it is damaged."""
    found = db.execute(_SELECT + "WHERE topic = ? AND number = ?", (topic, number)).fetchone()
    if found is not None and found[1:3] == (topic, number):
        return _verified(found)
    counts = Counter(row.topic for row in all_partitions(db))
    if found is not None or topic == JOURNAL or 0 <= number < counts[topic]:
        raise damaged(topic, number, 0, "its row is not where it was")
    del counts[JOURNAL]
    raise no_partition(topic, number, counts[topic]) if counts[topic] else no_topic(topic, sorted(counts))


def all_partitions(db: Connection) -> Iterator[PartitionRow]:
    """Yield every row, the journal's first, then by topic and number."""
    order = "ORDER BY topic != ?, topic, number"
    yield from map(_verified, db.execute(_SELECT + order, (JOURNAL,)))


def move_partition(db: Connection, row: PartitionRow) -> None:
    """Write where a partition begins and ends now."""
    update = "UPDATE partition SET begin_offset = ?, end_offset = ?, data_bytes = ?, crc = ? WHERE partition_id = ?"
    db.execute(update, (row.begin, row.end, row.data_bytes, _checksum(row), row.partition_id))


def _verified(found: Sequence[object]) -> PartitionRow:
    """Return a row whose checksum holds: SQLite may read anything, of any type, from a damaged one."""
    row = PartitionRow(*found[:-1])  # type: ignore[arg-type]
    if _checksum(row) != found[-1]:
        raise damaged(row.topic, row.number, 0, "its row does not have its checksum")
    return row


def _checksum(row: PartitionRow) -> int:
    """Return the CRC-32 of a row, in which 1 and "1" differ."""
    return crc32(repr(tuple(row)).encode(errors="backslashreplace"))

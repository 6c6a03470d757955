"""Snapshots in a compacted topic of two partitions: the records that name them, and their chunks.

Chunks and announcements go with a producer of their own, in no transaction: nothing refers to them yet, and a worker
that was replaced can write none but its own, whose keys hold its term. The records go with the leader's transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from streams.kafka_loop import KafkaLoop, Pending
from streams.kafka_topics import BATCH_HEAD_BYTES, RECORD_HEAD_BYTES_MAX, Topics
from streams.kafka_wire import Wire
from streams.kafka_writer import Parcel, Tombstone, Writer, check_fits, parcel_of
from streams.log_port import Entry, LogRecord
from streams.snapshot_port import RECORD_COUNT
from streams.snapshot_record import CHUNK_BYTES

SNAPSHOTS = "snapshots"
"""What the topic is called after the log's name."""

PARTITION_COUNT = 2
RECORDS, CHUNKS = 0, 1
"""What stands in which partition."""

_KEY_BYTES_MAX = 64
_FETCH_BYTES = CHUNK_BYTES + 4_096


class Pens(NamedTuple):
    """What writes: `make_writer` makes a producer that does so in no transaction, `publish` is the one who leads."""

    make_writer: Callable[[], Writer]
    publish: Callable[[Mapping[TopicPartition, Parcel]], Coroutine[Any, Any, None]]


class KafkaSnapshots:
    """See `streams.snapshot_port.SnapshotStore`.

    Parameters
    ----------
    loop, wire, topics
        The way to the cluster.
    topic
        Its name, without the prefix.
    pens
        What writes.
    """

    def __init__(self, loop: KafkaLoop, wire: Wire, topics: Topics, topic: str, pens: Pens) -> None:
        self._loop = loop
        self._wire = wire
        self._topics = topics
        self._pens = pens
        self._records, self._chunks = (topics.place(topic, number) for number in (RECORDS, CHUNKS))
        self._writer: Writer | None = None

    def chunk_bytes_max(self) -> int:
        """Return how long a chunk may be: so long that its topic takes it."""
        limit = self._loop.run(self._topics.batch_bytes_max(self._chunks.topic))
        return max(1, min(CHUNK_BYTES, limit - BATCH_HEAD_BYTES - RECORD_HEAD_BYTES_MAX - _KEY_BYTES_MAX))

    def announce(self, entry: Entry) -> Pending[int]:
        """Hand over a record that says that chunks come."""
        return self._loop.start(self._write(self._records, entry))

    def put(self, entry: Entry) -> Pending[int]:
        """Hand over a chunk."""
        return self._loop.start(self._write(self._chunks, entry))

    def publish(self, entry: Entry, gone: Sequence[bytes], gone_chunks: Sequence[bytes]) -> None:
        """Write a record, and give up records and chunks by their keys, all or nothing, as the one who leads."""
        self._loop.run(self._published(entry, gone, gone_chunks))

    def records(self) -> list[LogRecord]:
        """Return the last records; one that was given up has no bytes."""
        return self._loop.run(self._last_records())

    def chunk(self, offset: int) -> LogRecord | None:
        """Return the chunk at or after an offset; None where there is none."""
        return self._loop.run(self._chunk(offset))

    async def stop(self) -> None:
        """Let go of the producer."""
        if self._writer is not None:
            await self._writer.stop()

    async def _write(self, place: TopicPartition, entry: Entry) -> int:
        """Write one entry, and return its offset; after a failure the next one has a producer of its own."""
        if self._writer is None:
            writer = self._pens.make_writer()
            await writer.start()
            self._writer = writer
        try:
            return (await self._writer.write({place: parcel_of((entry,))}))[place][0]
        except BaseException:
            writer, self._writer = self._writer, None
            await writer.stop()
            raise

    async def _published(self, entry: Entry, gone: Sequence[bytes], gone_chunks: Sequence[bytes]) -> None:
        limit = await self._topics.batch_bytes_max(self._records.topic)
        parcels = {self._records: parcel_of((entry, *map(Tombstone, gone)), limit)}
        check_fits(parcels[self._records].sizes[:1], limit, "the snapshots")
        if gone_chunks:
            parcels[self._chunks] = parcel_of(tuple(map(Tombstone, gone_chunks)), min(limit, CHUNK_BYTES))
        await self._pens.publish(parcels)

    async def _last_records(self) -> list[LogRecord]:
        if not await self._topics.has(self._records.topic):
            return []
        begin, end = (await self._wire.ends([self._records]))[self._records]
        offset, found = max(begin, end - RECORD_COUNT), list[LogRecord]()
        while offset < end:
            records, offset, *_ = await self._wire.fetch(self._records, offset, _FETCH_BYTES)
            found += records
        return found

    async def _chunk(self, offset: int) -> LogRecord | None:
        try:
            records = (await self._wire.fetch(self._chunks, offset, _FETCH_BYTES)).records
        except OffsetOutOfRangeError:
            return None
        return records[0] if records else None

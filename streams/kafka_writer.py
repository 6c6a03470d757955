"""Writing: entries become batches, and each batch that was handed over is awaited before anything is called written.

The client commits a transaction although one of its batches failed for good, so nobody but this file may ask it to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.errors import IllegalOperation, KafkaError
from aiokafka.structs import TopicPartition

from engine.errors import ConfigError
from streams.kafka_access import KafkaAccess
from streams.kafka_loop import CLOSE_S_MAX, let_go, told
from streams.kafka_topics import BATCH_BYTES_MAX, BATCH_HEAD_BYTES, RECORD_HEAD_BYTES_MAX
from streams.log_port import Entry, size_of

TRANSACTION_BATCH_BYTES = 1 << 20
"""How large a batch of a transaction becomes, in bytes, where its entries are not larger: there can be several."""


class Tombstone(NamedTuple):
    """What stands in a compacted topic for a key that is given up."""

    key: bytes
    value: None = None
    headers: tuple[()] = ()


Outgoing: TypeAlias = Entry | Tombstone


class Parcel(NamedTuple):
    """Entries for one partition, their sizes, and how large a batch of them may become, all in bytes."""

    entries: Sequence[Outgoing]
    sizes: Sequence[int]
    batch_bytes_max: int


REFUSALS = (KafkaError, IllegalOperation, AssertionError)
"""What a producer says that will not: the last two where a transaction failed already, and are no reason."""


class BatchError(KafkaError):  # type: ignore[misc]
    """A batch was not written: says where to. Its cause is what the client said."""

    def __str__(self) -> str:
        """Return where to, and why not."""
        place, why = self.args
        return f"on {place.topic}/{place.partition}: {why}"


Written = Mapping[TopicPartition, tuple[int, int]]
"""Where entries went: the first offset of each partition's first batch, and the offset after its last."""


def check_fits(sizes: Iterable[int], batch_bytes_max: int, place: str) -> None:
    """Raise `ConfigError` where an entry of such a size is larger than what its topic takes."""
    room = max(0, batch_bytes_max - BATCH_HEAD_BYTES - RECORD_HEAD_BYTES_MAX)
    for number, size in enumerate(sizes):
        if size > room:
            msg = (
                f"entry {number} for {place} has {size} bytes, and the topic takes {room} (its "
                "max.message.bytes, less what a batch takes itself); make it smaller, or raise that"
            )
            raise ConfigError(msg)


def bytes_of(sizes: Sequence[int]) -> int:
    """Return how large one batch of entries of these sizes is at most."""
    return BATCH_HEAD_BYTES + sum(sizes) + RECORD_HEAD_BYTES_MAX * len(sizes)


def fitted(entries: Sequence[Entry], sizes: Sequence[int], batch_bytes_max: int, place: str) -> Parcel:
    """Return entries for a topic that takes batches so large; raise `ConfigError` where one does not fit."""
    check_fits(sizes, batch_bytes_max, place)
    return Parcel(entries, sizes, min(batch_bytes_max, TRANSACTION_BATCH_BYTES))


def parcel_of(entries: Sequence[Outgoing], batch_bytes_max: int | None = None) -> Parcel:
    """Return a few entries with their sizes; without a limit they go into one batch."""
    sizes = [len(each.key) if isinstance(each, Tombstone) else size_of(each) for each in entries]
    return Parcel(entries, sizes, bytes_of(sizes) if batch_bytes_max is None else batch_bytes_max)


class Writer:
    """One producer of the client.

    Parameters
    ----------
    access
        The way to the cluster.
    timeout_ms
        How long a request may take.
    transactional_id
        Who writes in transactions: starting ends all others of this name. None: batches are written by themselves.
    transaction_timeout_ms
        After how long the brokers abort a transaction of which they hear nothing.
    """

    def __init__(
        self,
        access: KafkaAccess,
        *,
        timeout_ms: int,
        transactional_id: str | None = None,
        transaction_timeout_ms: int = 30_000,
    ) -> None:
        self._is_transactional = transactional_id is not None
        self._producer = AIOKafkaProducer(
            **access.arguments(),
            acks="all",
            enable_idempotence=True,
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=BATCH_BYTES_MAX,
            request_timeout_ms=timeout_ms,
            transactional_id=transactional_id,
            transaction_timeout_ms=transaction_timeout_ms,
        )

    async def start(self) -> None:
        """Connect; nothing of an earlier producer with this transactional id is open after that."""
        try:
            await self._producer.start()
        except BaseException:
            await self.stop()
            raise

    async def write(self, parcels: Mapping[TopicPartition, Parcel]) -> Written:
        """Write entries, and wait for each batch."""
        # A topic the client happens to know is forgotten once it is asked for another: it must be told of all.
        await asyncio.gather(*(self._producer.client.add_topic(place.topic) for place in parcels))
        sends = [self._send(place, parcel) for place, parcel in parcels.items()]
        ends = dict(zip(parcels, await asyncio.gather(*sends, return_exceptions=True), strict=True))
        failed = [(end, place) for place, end in ends.items() if isinstance(end, BaseException)]
        if failed:
            error, place = min(failed, key=lambda each: isinstance(each[0], IllegalOperation))
            if isinstance(error, REFUSALS):
                raise BatchError(place, told(error)) from error
            raise error
        return ends

    async def write_as_one(self, parcels: Mapping[TopicPartition, Parcel]) -> Written:
        """Write entries in one transaction. What raises was aborted, or may have been committed after all."""
        await self._producer.begin_transaction()
        try:
            written = await self.write(parcels)
        except BaseException:
            with suppress(*REFUSALS, TimeoutError):
                async with asyncio.timeout(CLOSE_S_MAX):
                    await self._producer.abort_transaction()
            raise
        await self._producer.commit_transaction()
        return written

    async def stop(self) -> None:
        """Let go, also of what cannot be sent any more."""
        await let_go(self._producer.stop())
        sender = self._producer._sender.sender_task  # it would try for ever
        if sender is not None:
            sender.cancel()
        await let_go(self._producer.client.close())

    async def _send(self, place: TopicPartition, parcel: Parcel) -> tuple[int, int]:
        """Hand over one partition's entries, batch after batch, and wait for all of them."""
        topic, partition = place
        batches = list(self._batches(*parcel))
        futures = [await self._producer.send_batch(batch, topic, partition=partition) for batch in batches]
        offsets = [(await future).offset for future in futures]
        return offsets[0], offsets[-1] + batches[-1].record_count()

    def _batches(self, entries: Sequence[Outgoing], sizes: Sequence[int], bytes_max: int) -> Iterator[Any]:
        batch, room = self._producer.create_batch(), bytes_max - BATCH_HEAD_BYTES
        for entry, size in zip(entries, sizes, strict=True):
            room -= size + RECORD_HEAD_BYTES_MAX
            if room < 0 and batch.record_count():
                yield batch
                batch, room = self._producer.create_batch(), bytes_max - bytes_of((size,))
            batch.append(timestamp=None, key=entry.key, value=entry.value, headers=list(entry.headers))
        yield batch


def unique_id(name: str) -> str:
    """Return a transactional id that nobody has had."""
    return f"{name}.append.{uuid4().hex}"

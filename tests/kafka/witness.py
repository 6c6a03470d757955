"""A witness: somebody who reads committed records with the plain client while workers are hurt, and forgets nothing.

It knows nothing of the log: a consumer at `read_committed`, in a thread of its own, from the beginning of every output
on. What it saw once it has seen for good, so a record that was lost again, doubled or shown before its time stays told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from threading import Event, Thread
from types import TracebackType

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.log_port import Entry
from tests.judge import Seen
from tests.streams.worker_process import DEADLINE_S

POLL_MS = 100


class Witness:
    """A reader of some topics; a context manager that begins and ends with its thread.

    Parameters
    ----------
    address
        The broker, which may go and come back.
    prefix, partition_counts
        The topics, which must be there, and what their names begin with on the cluster.
    """

    def __init__(self, address: str, prefix: str, partition_counts: Mapping[str, int]) -> None:
        self._address = address
        self._prefix = prefix
        self._places = [
            TopicPartition(prefix + name, n) for name, count in partition_counts.items() for n in range(count)
        ]
        self._seen: dict[TopicPartition, list[Entry]] = {place: [] for place in self._places}
        self._is_over = Event()
        self._failed: BaseException | None = None
        self._thread = Thread(target=self._live, name="witness")

    def __enter__(self) -> Witness:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def told(self) -> Seen:
        """Read to the end, and return everything that was ever seen, in the order in which it was."""
        self._is_over.set()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "the witness never came to the end"
        if self._failed is not None:
            raise self._failed
        return {(place.topic.removeprefix(self._prefix), place.partition): seen for place, seen in self._seen.items()}

    def _live(self) -> None:
        try:
            asyncio.run(self._read())
        except BaseException as failed:  # noqa: BLE001 - told to whoever asks
            self._failed = failed

    async def _read(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._address, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await consumer.start()
        try:
            consumer.assign(self._places)
            await consumer.seek_to_beginning(*self._places)
            while not self._is_over.is_set():
                await self._look(consumer)
            ends = await consumer.end_offsets(self._places)
            for place, end in ends.items():
                while await consumer.position(place) < end:
                    await self._look(consumer)
        finally:
            await consumer.stop()

    async def _look(self, consumer: AIOKafkaConsumer) -> None:
        for place, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
            self._seen[place] += [
                Entry(record.key, record.value, tuple((name, value or b"") for name, value in record.headers))
                for record in records
            ]

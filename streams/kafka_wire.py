"""What is asked of a partition's leader: its begin and end, some of its records, that some be deleted.

Lives here: requests and answers as values. The client's own consumer is not used, because a log must read anywhere, at
any time, for the cost of one round trip, and must know begin and end with the records; each answer to a fetch says all
of it. Only committed records are seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.errors import CorruptRecordException, KafkaError, OffsetOutOfRangeError, for_code
from aiokafka.protocol.admin import DeleteRecordsRequest
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.protocol.offset import OffsetRequest
from aiokafka.record.memory_records import MemoryRecords
from aiokafka.structs import TopicPartition

from streams.kafka_loop import KafkaLoop, told
from streams.kafka_odd_names import OddNameRecords
from streams.log_port import Headers, LogError, LogRecord, place_of

VISIBLE_POLL_S = 0.001
"""How often somebody looks whether a record that was committed can be read, in seconds."""

BACKOFF_S = 0.05
"""How long to wait before a request goes out again, in seconds."""

_LATEST, _EARLIEST = -1, -2
_CONSUMER = -1
_APPENDED = 1


class Fetched(NamedTuple):
    """Committed records from an offset on, where to go on, and what the partition holds.

    `appended_ms` is when the leader appended the first of them; None where its topic does not take that down.
    """

    records: list[LogRecord]
    next_offset: int
    begin: int
    end: int
    appended_ms: int | None = None


class Wire:
    """Requests to the leaders of partitions, again and again until one is answered or the time is over.

    Parameters
    ----------
    client
        Knows the cluster.
    loop
        Is told of trouble on the way.
    prefix
        What topics' names begin with on the cluster, and not in errors.
    """

    def __init__(self, client: AIOKafkaClient, loop: KafkaLoop, prefix: str) -> None:
        self.client = client
        self._loop = loop
        self._prefix = prefix

    def name_of(self, place: TopicPartition) -> str:
        """Return how errors name a partition."""
        return place_of(place.topic.removeprefix(self._prefix), place.partition)

    def over(self, client: AIOKafkaClient) -> Wire:
        """Return the same requests over another client."""
        return Wire(client, self._loop, self._prefix)

    async def ends(self, places: list[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """Return begin and end of partitions."""
        begins, ends = await asyncio.gather(self._offsets(places, _EARLIEST), self._offsets(places, _LATEST))
        return {place: (begins[place], ends[place]) for place in places}

    async def end(self, place: TopicPartition) -> int:
        """Return the offset after the last record that is committed."""
        return (await self._offsets([place], _LATEST))[place]

    async def seen(self, place: TopicPartition, offset: int) -> None:
        """Wait until whoever reads sees a record: the markers of its transaction come after its commit."""
        while await self.end(place) <= offset:
            await asyncio.sleep(VISIBLE_POLL_S)

    async def fetch(self, place: TopicPartition, offset: int, bytes_max: int) -> Fetched:
        """Return records from an offset on at once; `OffsetOutOfRangeError` where the partition never had it."""
        while True:
            node = await self.leader(place)
            try:
                return (await self.fetch_from(node, {place: offset}, bytes_max=bytes_max, wait_ms=0))[place]
            except OffsetOutOfRangeError:
                raise
            except KafkaError as error:
                await self.again(error)

    async def fetch_from(
        self, node: int, wants: Mapping[TopicPartition, int], *, bytes_max: int, wait_ms: int
    ) -> dict[TopicPartition, Fetched]:
        """Return records of partitions that one broker leads; with nothing there, it waits for a while.

        Raises
        ------
        KafkaError
            As the first of the partitions was refused.
        LogError
            When a batch does not have its checksum.
        """
        asked = _by_topic({place: (place.partition, offset, bytes_max) for place, offset in wants.items()})
        answer = await self.client.send(node, FetchRequest(wait_ms, 1, bytes_max * len(wants), READ_COMMITTED, asked))
        found = {}
        for topic, partitions in answer.topics:
            for number, code, _, stable, begin, aborted, *_, data in partitions:
                place = TopicPartition(topic, number)
                _check(code)
                records, next_offset, appended_ms = self._decode(place, data, aborted, wants[place])
                found[place] = Fetched(records, next_offset, begin, stable, appended_ms)
        return found

    async def delete(self, place: TopicPartition, before_offset: int) -> None:
        """Have everything before an offset deleted."""
        request = DeleteRecordsRequest([(place.topic, [(place.partition, before_offset)])], 10_000)
        while True:
            try:
                answer = await self.client.send(await self.leader(place), request)
                _check(answer.topics[0][1][0][2])
            except KafkaError as error:
                await self.again(error)
            else:
                return

    async def leader(self, place: TopicPartition) -> int:
        """Return the broker that leads a partition."""
        while (node := self.client.cluster.leader_for_partition(place)) in {None, -1}:
            self._loop.trouble = f"nobody leads {self.name_of(place)}"
            await self.client.force_metadata_update()
            if self.client.cluster.leader_for_partition(place) in {None, -1}:
                await asyncio.sleep(BACKOFF_S)
        return int(node)

    async def again(self, error: KafkaError) -> None:
        """Make ready to ask again, unless asking again is no use."""
        if not error.retriable:
            raise error
        self._loop.trouble = told(error)
        await asyncio.sleep(BACKOFF_S)
        await self.client.force_metadata_update()

    async def _offsets(self, places: list[TopicPartition], which: int) -> dict[TopicPartition, int]:
        while True:
            nodes: dict[int, dict[TopicPartition, tuple[int, int]]] = {}
            for place in places:
                nodes.setdefault(await self.leader(place), {})[place] = (place.partition, which)
            requests = [
                self.client.send(node, OffsetRequest(_CONSUMER, READ_COMMITTED, _by_topic(asked)))
                for node, asked in nodes.items()
            ]
            try:
                return _offsets_in(await asyncio.gather(*requests))
            except KafkaError as error:
                await self.again(error)

    def _decode(
        self,
        place: TopicPartition,
        data: bytes,
        aborted: list[Any] | None,
        offset: int,
        batches: Callable[[bytes], Any] = MemoryRecords,
    ) -> tuple[list[LogRecord], int, int | None]:
        """Return the committed records among bytes that were fetched, where to fetch on, and when the first came."""
        found = PartitionRecords(place, batches(data), aborted, offset, None, None, True, READ_COMMITTED)  # noqa: FBT003
        records: list[LogRecord] = []
        appended_ms = None
        try:
            for each in found:
                if not records and each.timestamp_type == _APPENDED:
                    appended_ms = each.timestamp
                headers = each.headers and _headers(each.headers)
                records.append(LogRecord(each.offset, each.key, each.value or b"", headers))
        except UnicodeDecodeError:
            return self._decode(place, data, aborted, offset, OddNameRecords)
        except CorruptRecordException:
            if not records:
                msg = (
                    f"the log is damaged at offset {found.next_fetch_offset} of {self.name_of(place)}: a batch does "
                    "not have its checksum; restore the broker's copy from another"
                )
                raise LogError(msg) from None
        return records, found.next_fetch_offset, appended_ms


def _headers(found: Sequence[tuple[str, bytes | None]]) -> Headers:
    """Return headers as the port has them: a value that is null is empty."""
    return tuple((name, value or b"") for name, value in found)


def _by_topic(asked: Mapping[TopicPartition, Any]) -> list[tuple[str, list[Any]]]:
    topics: dict[str, list[Any]] = {}
    for place, each in asked.items():
        topics.setdefault(place.topic, []).append(each)
    return list(topics.items())


def _offsets_in(answers: list[Any]) -> dict[TopicPartition, int]:
    found = {}
    for answer in answers:
        for topic, partitions in answer.topics:
            for number, code, _, offset in partitions:
                _check(code)
                found[TopicPartition(topic, number)] = offset
    return found


def _check(code: int) -> None:
    """Raise the error that a code stands for."""
    if code:
        raise for_code(code)

"""The topics of a cluster that belong to one log: which there are, how large, how much they take; and making them.

A topic's name here is without the log's prefix. Nothing relies on topics that a broker makes by itself when somebody
mentions them: who asks for one that is not there is told which there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.structs import TopicPartition

from engine.errors import ConfigError
from streams.kafka_loop import told
from streams.kafka_sizes import DescribeLogDirsRequest, sizes_in
from streams.kafka_wire import BACKOFF_S, Wire
from streams.log_port import ENTRY_BYTES_MAX, PartitionInfo, TopicInfo, no_partition, no_topic, wrong_count

BATCH_HEAD_BYTES = 61
RECORD_HEAD_BYTES_MAX = 40
"""What a batch takes beside its records, and a record beside its key and value, in bytes."""

BATCH_BYTES_MAX = ENTRY_BYTES_MAX + 1_024
"""What topics of ours take at once, in bytes: the longest entry, and what it is wrapped in."""

TOPIC_OPTIONS = {
    "cleanup.policy": "delete",
    "max.message.bytes": str(BATCH_BYTES_MAX),
    "message.timestamp.type": "LogAppendTime",
    "retention.bytes": "-1",
    "retention.ms": "-1",
}
"""Nothing goes away unless it is told to; event time is in the messages, so an old one deletes nothing. What is
committed is on all copies but one, at least.
"""

COMPACTED_OPTIONS = {
    "cleanup.policy": "compact",
    "delete.retention.ms": "3600000",
    "max.message.bytes": str(BATCH_BYTES_MAX),
    "message.timestamp.type": "LogAppendTime",
    "min.cleanable.dirty.ratio": "0.1",
    "segment.bytes": str(1 << 26),
    "segment.ms": "3600000",
}
"""The last record of each key stays, and what was given up frees its room within hours: a segment is small and soon
closed, since a broker tidies up closed ones alone.
"""

REPLICATION_MAX = 3
"""How many copies a topic of ours has by default, as far as there are brokers."""

_BATCH_BYTES_DEFAULT = 1_048_588
_TOPIC_RESOURCE = 2


class TopicFacts(NamedTuple):
    """What is known of one topic: how many partitions it has, and the longest batch it takes, in bytes."""

    partition_count: int
    batch_bytes_max: int


class Topics:
    """The topics of one log.

    Parameters
    ----------
    client, wire
        The way to the cluster.
    prefix
        What all names begin with on the cluster.
    internal
        Topics that belong to the log itself, with their prefix.
    replication
        How many copies a topic that is made here has; None for the default.
    """

    def __init__(
        self, client: AIOKafkaClient, wire: Wire, *, prefix: str, internal: Iterable[str], replication: int | None
    ) -> None:
        self._client = client
        self._wire = wire
        self._prefix = prefix
        self._internal = frozenset(internal)
        self._replication = replication
        self._facts: dict[str, TopicFacts] = {}

    def place(self, topic: str, partition: int) -> TopicPartition:
        """Return what the cluster calls a partition."""
        return TopicPartition(self._prefix + topic, partition)

    async def check(self, topic: str, partition: int) -> TopicFacts:
        """Return what is known of a topic that has this partition; raise `ConfigError` where there is none."""
        facts = self._facts.get(topic)
        if facts is None:
            there = await self._counts()
            if topic not in there:
                raise no_topic(topic, sorted(there))
            facts = TopicFacts(there[topic], await self.batch_bytes_max(self._prefix + topic))
            self._facts[topic] = facts
        if not 0 <= partition < facts.partition_count:
            raise no_partition(topic, partition, facts.partition_count)
        return facts

    def knows(self, topic: str, partition: int) -> bool:
        """Whether a topic with this partition was seen before."""
        facts = self._facts.get(topic)
        return facts is not None and 0 <= partition < facts.partition_count

    async def has(self, name: str) -> bool:
        """Whether a topic of this name is on the cluster."""
        if self._client.cluster.partitions_for_topic(name) is None:
            await self._client.force_metadata_update()
        return self._client.cluster.partitions_for_topic(name) is not None

    async def create(self, topic: str, partition_count: int) -> None:
        """Make a topic; nothing happens where it is there with as many partitions."""
        there = await self._counts()
        if self._prefix + topic in self._internal:
            msg = f"topic {topic!r} belongs to the log itself; use another name"
            raise ConfigError(msg)
        if topic not in there:
            await self.make(self._prefix + topic, partition_count)
        elif there[topic] != partition_count:
            raise wrong_count(topic, there[topic], partition_count)

    async def make(self, name: str, partition_count: int, options: Mapping[str, str] = TOPIC_OPTIONS) -> None:
        """Make a topic of this name on the cluster, unless it is there, and wait until it is known."""
        copies = self._replication or min(REPLICATION_MAX, len(self._client.cluster.brokers()))
        options = {**options, "min.insync.replicas": str(max(1, copies - 1))}
        wanted: tuple[Any, ...] = (name, partition_count, copies, [], list(options.items()))
        while True:
            answer = await self._ask_controller(CreateTopicsRequest([wanted], 10_000, validate_only=False))
            _, code, said = answer.topic_errors[0]
            error = for_code(code)
            if code == 0 or error is TopicAlreadyExistsError:
                break
            if not error.retriable:
                msg = f"Kafka does not make topic {name!r}: {said or told(error())}; make it there, or change [kafka]"
                raise ConfigError(msg)
            await asyncio.sleep(BACKOFF_S)
        for partition in range(partition_count):
            await self._wire.leader(TopicPartition(name, partition))

    async def infos(self) -> tuple[TopicInfo, ...]:
        """Return every topic with its partitions, by name."""
        counts = await self._counts()
        places = [self.place(topic, number) for topic, count in counts.items() for number in range(count)]
        ends = await self._wire.ends(places)
        sizes = await self._sizes(places)
        return tuple(
            TopicInfo(
                topic,
                tuple(
                    PartitionInfo(*ends[place], sizes.get(place, 0)) for place in map(self.place, [topic] * n, range(n))
                ),
            )
            for topic, n in sorted(counts.items())
        )

    async def _counts(self) -> dict[str, int]:
        """Return the topics that are there, and how many partitions they have."""
        answer = await self._client.send(self._client.get_random_node(), MetadataRequest(None))
        found: dict[str, int] = {}
        for code, name, is_internal, partitions, *_ in answer.topics:
            is_ours = name.startswith(self._prefix) and not name.removeprefix(self._prefix).startswith("__")
            if code == 0 and is_ours and not is_internal and name not in self._internal:
                found[name.removeprefix(self._prefix)] = len(partitions)
        if not all(self._client.cluster.partitions_for_topic(self._prefix + topic) for topic in found):
            await self._client.force_metadata_update()
        return found

    async def _ask_controller(self, request: Any) -> Any:
        while True:
            controller = self._client.cluster.controller
            try:
                if controller is not None:
                    return await self._client.send(controller.nodeId, request)
                await self._client.force_metadata_update()
            except KafkaError as error:
                await self._wire.again(error)

    async def batch_bytes_max(self, name: str) -> int:
        """Return the longest batch that a topic takes; Kafka's default where we may not know."""
        request = DescribeConfigsRequest([(_TOPIC_RESOURCE, name, ["max.message.bytes"])])
        answer = await self._client.send(self._client.get_random_node(), request)
        code, _, _, _, options = answer.resources[0]
        return _BATCH_BYTES_DEFAULT if code or not options else int(options[0][1])

    async def _sizes(self, places: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        """Return the bytes that the leaders keep of partitions; nothing where we may not know."""
        asked: dict[int, list[TopicPartition]] = {}
        for place in places:
            asked.setdefault(await self._wire.leader(place), []).append(place)
        found: dict[TopicPartition, int] = {}
        for node, there in asked.items():
            found.update(sizes_in(await self._client.send(node, DescribeLogDirsRequest(there))))
        return found

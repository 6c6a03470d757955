"""What is asked of a cluster about its topics and brokers: how they are kept, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.metadata import MetadataRequest

from streams.kafka_findings import BrokerState, TopicState

TOPIC_OPTION_NAMES = (
    "cleanup.policy",
    "max.message.bytes",
    "message.timestamp.type",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
)
BROKER_OPTION_NAMES = ("transaction.max.timeout.ms", "replica.fetch.max.bytes")

_TOPIC, _BROKER = 2, 4


async def topic_states(client: AIOKafkaClient, names: Iterable[str]) -> dict[str, TopicState]:
    """Return how topics are kept, by the names they have on the cluster; those that are not there are left out.

    All topics are asked for, whatever the names: a broker may make a topic that somebody mentions.
    """
    answer = await client.send(client.get_random_node(), MetadataRequest(None))
    wanted = set(names)
    there = {name: partitions for code, name, _, partitions, *_ in answer.topics if name in wanted and not code}
    options = await _options(client, [(_TOPIC, name, list(TOPIC_OPTION_NAMES)) for name in there], None)
    return {
        name: TopicState(len(partitions), min(len(replicas) for _, _, _, replicas, *_ in partitions), options[name])
        for name, partitions in there.items()
    }


async def broker_state(client: AIOKafkaClient) -> BrokerState:
    """Return what holds for the brokers, as one of them has it."""
    node = client.get_random_node()
    options = await _options(client, [(_BROKER, str(node), list(BROKER_OPTION_NAMES))], node)
    return BrokerState(len(client.cluster.brokers()), options[str(node)])


async def _options(client: AIOKafkaClient, asked: list[Any], node: int | None) -> Mapping[str, Mapping[str, str]]:
    """Return the options of resources by name; none for those that may not be seen."""
    found: dict[str, dict[str, str]] = {name: {} for _, name, _ in asked}
    if not asked:
        return found
    try:
        answer = await client.send(client.get_random_node() if node is None else node, DescribeConfigsRequest(asked))
    except KafkaError as error:
        if error.retriable:
            raise
        return found
    for code, _, _, name, options in answer.resources:
        if not code:
            found[name] = {option: value for option, value, *_ in options if value is not None}
    return found

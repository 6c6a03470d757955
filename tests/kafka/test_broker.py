"""The broker of these tests is a real one: it keeps transactions apart, and its data over a kill."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.broker import Broker


async def created(address: str) -> str:
    topic = f"topic-{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
    return topic


async def sent(address: str, topic: str, *, commit: bool, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=address, transactional_id=f"id-{uuid4().hex}")
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, value)
        await (producer.commit_transaction() if commit else producer.abort_transaction())
    finally:
        await producer.stop()


async def committed(address: str, topic: str) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=address, isolation_level="read_committed")
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end = (await consumer.end_offsets([place]))[place]
        found: list[bytes] = []
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [record.value for record in records]
        return found
    finally:
        await consumer.stop()


def test_what_is_committed_is_seen_and_what_is_aborted_is_not(kafka: str) -> None:
    async def check() -> list[bytes]:
        topic = await created(kafka)
        await sent(kafka, topic, commit=False, value=b"aborted")
        await sent(kafka, topic, commit=True, value=b"committed")
        return await committed(kafka, topic)

    assert asyncio.run(check()) == [b"committed"]


def test_a_killed_broker_comes_back_with_what_was_committed(own_broker: Broker) -> None:
    async def write() -> str:
        topic = await created(own_broker.address)
        await sent(own_broker.address, topic, commit=True, value=b"kept")
        return topic

    topic = asyncio.run(write())
    own_broker.kill()
    own_broker.start()
    assert asyncio.run(committed(own_broker.address, topic)) == [b"kept"]

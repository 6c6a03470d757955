"""The floor of `benchmarks.kafka`: what anybody pays who reads JSON and writes JSON, exactly once, with this client.

One loop: what has arrived is decoded, answered with a constant, encoded and written by the batch builder, with the
offset it reached, in one transaction. The offset goes into a topic of its own, as a record: a group's offsets would be
two requests more. A transaction begins while the markers of the last are still written; the client would then wait
20 ms before it asks again, and here asks after one.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.producer import sender

try:
    from uvloop import run
except ImportError:
    from asyncio import run

sender.BACKOFF_OVERRIDE = 0.001


async def pass_through(address: str, topics: dict[str, str], slice_count: int | None = None) -> None:
    """Pass everything through, until the process is ended."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=address,
        acks="all",
        transactional_id=topics["predictions"],
        max_batch_size=1 << 20,
        max_request_size=1 << 23,
    )
    await asyncio.gather(consumer.start(), producer.start())
    for topic in (topics["predictions"], topics["offsets"]):
        await producer.partitions_for(topic)
    consumer.assign([TopicPartition(topics["requests"], 0)])
    while True:
        for records in (await consumer.getmany(timeout_ms=1_000, max_records=slice_count)).values():
            await _pass(producer, topics, records)


async def _pass(producer: AIOKafkaProducer, topics: dict[str, str], records: list[Any]) -> None:
    """Answer records, and commit the answers with the offset after them."""
    answers = producer.create_batch()
    futures = []
    async with producer.transaction():
        for record in records:
            asked = orjson.loads(record.value)
            line = orjson.dumps({"id": asked["id"], "model": "constant", "prediction": 1, "probability": 0.5})
            if answers.append(timestamp=None, key=None, value=line) is None:
                futures.append(await producer.send_batch(answers, topics["predictions"], partition=0))
                answers = producer.create_batch()
                answers.append(timestamp=None, key=None, value=line)
        futures.append(await producer.send_batch(answers, topics["predictions"], partition=0))
        reached = producer.create_batch()
        reached.append(timestamp=None, key=None, value=b"%d" % (records[-1].offset + 1))
        futures.append(await producer.send_batch(reached, topics["offsets"], partition=0))
        for future in futures:
            await future


def main(asked: dict[str, Any]) -> None:
    """Run as asked."""
    run(pass_through(asked["address"], asked["topics"], asked.get("slice")))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

"""The producer of `benchmarks.kafka`, a process of its own: `python -m benchmarks.kafka_producer` and a line of JSON.

Open loop: an event leaves when it is due, or as soon after that as the broker takes it; nobody's answer is waited for.
It says `ready`, and is told on standard input when the course begins. A backlog is written at once instead. It ends
when the broker has everything.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from time import monotonic
from typing import Any, Final

from aiokafka import AIOKafkaProducer

from benchmarks.kafka_events import LABEL_DELAY_S, Course, Records, told_s

try:
    from uvloop import run
except ImportError:
    from asyncio import run

BATCH_COUNT: Final = 2_000
TICK_S: Final = 0.001
"""How long it sleeps where nothing is due; what came due meanwhile leaves as one batch."""


async def produce(address: str, topics: dict[str, str], course: Course, *, at_once: bool) -> None:
    """Write a course's requests and its labels, each on its topic."""
    records = Records()
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all", max_batch_size=1 << 20)
    await producer.start()
    streams: list[tuple[str, Callable[[int], bytes], float]] = [(topics["requests"], records.request, 0.0)]
    if "labels" in topics:
        streams.append((topics["labels"], lambda number: records.label(number, course.rate), LABEL_DELAY_S))
    try:
        for topic in topics.values():
            await producer.partitions_for(topic)
        begin_s = None if at_once else told_s()
        await asyncio.gather(
            *(
                _write(producer, topic, record, course, None if begin_s is None else begin_s + delay_s)
                for topic, record, delay_s in streams
            )
        )
    finally:
        await producer.stop()


async def _write(
    producer: AIOKafkaProducer, topic: str, record: Callable[[int], bytes], course: Course, begin_s: float | None
) -> None:
    number, future = course.first, None
    while number < course.end:
        due = course.end if begin_s is None else course.due(monotonic() - begin_s)
        if due == number:
            await asyncio.sleep(TICK_S)
            continue
        batch = producer.create_batch()
        for each in range(number, min(due, number + BATCH_COUNT)):
            batch.append(timestamp=None, key=None, value=record(each))
        number += batch.record_count()
        future = await producer.send_batch(batch, topic, partition=0)
    if future is not None:
        await future


def main(asked: dict[str, Any]) -> None:
    """Produce as asked."""
    run(produce(asked["address"], asked["topics"], Course(*asked["course"]), at_once=asked["at_once"]))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

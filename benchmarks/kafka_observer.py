"""The observer of `benchmarks.kafka`, a process of its own: when could each committed answer be read.

It takes down the time of each fetch and keeps the bytes; what they say is read only when everything has come. It says
`ready` on standard output, is told on standard input until when to wait for all answers, says `first` and `last`, and
then writes a file of JSON: for each answer of the course the
event's number and the time at which it was seen, by the clock that all processes share. Whether any was answered twice
is counted afterwards, on the topic itself.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from time import monotonic
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.kafka_events import Course, numbers_in, told_s

try:
    from uvloop import run
except ImportError:
    from asyncio import run

POLL_MS: Final = 200
FETCH_BYTES_MAX: Final = 1 << 18
"""Small enough that the answers to a short backlog never come as one."""


async def observe(address: str, topic: str, course: Course) -> dict[str, list[float]]:
    """Return the numbers of the answers that came, and when each did."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=address,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
        check_crcs=False,
    )
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        (end,) = (await consumer.end_offsets([place])).values()
        consumer.seek(place, end)
        return await _answers(consumer, course, told_s())
    finally:
        await consumer.stop()


async def _answers(consumer: AIOKafkaConsumer, course: Course, until_s: float) -> dict[str, list[float]]:
    spans: list[tuple[float, list[bytes]]] = []
    count = 0
    while monotonic() < until_s:
        found = await consumer.getmany(timeout_ms=POLL_MS)
        now_s = monotonic()
        for records in found.values():
            spans.append((now_s, [record.value for record in records]))
            count += len(records)
            if len(spans) == 1:
                print("first", flush=True)
        if count >= course.count:
            break
    print("last", flush=True)
    numbers: list[int] = []
    seen_s: list[float] = []
    for now_s, values in spans:
        for number in numbers_in(values):
            if course.first <= number < course.end:
                numbers.append(number)
                seen_s.append(now_s)
    return {"numbers": numbers, "seen_s": seen_s}


def main(asked: dict[str, Any]) -> None:
    """Observe as asked."""
    found = run(observe(asked["address"], asked["topic"], Course(*asked["course"])))
    Path(asked["out"]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))

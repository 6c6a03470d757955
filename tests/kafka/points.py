"""Points of a commit on Kafka at which a worker can be killed, or stopped: see `tests.streams.failpoints`."""

from __future__ import annotations

import asyncio
import sys
from functools import wraps
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.transaction import EndTxnRequest

from streams.kafka_leader import Leader
from streams.kafka_writer import Writer

POINTS: dict[str, tuple[Any, str, bool]] = {
    "thrown_out_others": (Writer, "start", True),
    "leads": (Leader, "begin", True),
    "mid_batches": (AIOKafkaProducer, "send_batch", True),
    "batches_written": (AIOKafkaProducer, "commit_transaction", False),
    "commit_asked": (sys.modules[__name__], "commit_asked", True),
    "commit_answered": (AIOKafkaProducer, "commit_transaction", True),
    "commit_seen": (Leader, "seen", True),
}
"""In the order of a life: the producer of the lead, or of a sender, has started; the new term is written down; a batch
was handed over; all were acknowledged and nothing is committed; the request to commit left, and its answer did not
come; it came, and readers may not see it yet; they do.
"""


def commit_asked() -> None:
    """Is called when the request to commit has left for the broker, and its answer has not come."""


def tell_of_requests() -> None:
    """Have `commit_asked` called from here on."""
    original = AIOKafkaConnection.send

    @wraps(original)
    def send(connection: Any, request: Any, *arguments: Any, **named: Any) -> Any:
        answer = original(connection, request, *arguments, **named)
        if isinstance(request, EndTxnRequest):
            loop = asyncio.get_running_loop()
            # What was written leaves at the end of the loop's round; in the one after that it has left.
            loop.call_soon(loop.call_soon, sys.modules[__name__].commit_asked)
        return answer

    AIOKafkaConnection.send = send

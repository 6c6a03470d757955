"""Logs on a Kafka broker, for tests: each has topics of its own there, and two of one place are two processes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from streams.kafka import KafkaLog
    from streams.log_port import Log


class KafkaPlace:
    """A part of a broker that nobody else uses; the options are those of `streams.kafka.KafkaOptions`."""

    gapless = False

    def __init__(self, address: str, stack: ExitStack, **options: Any) -> None:
        self.address = address
        self.prefix = f"{uuid4().hex}."
        self._options = {"lease_wait_s": 0.0, "timeout_s": 20.0, **options}
        self._stack = stack
        self._open: list[KafkaLog] = []

    def open(self, **options: Any) -> KafkaLog:
        """Return the log as another process sees it."""
        from streams.kafka import KafkaLog, KafkaOptions
        from streams.kafka_access import KafkaAccess

        chosen = KafkaOptions(prefix=self.prefix, **{**self._options, **options})
        log = self._stack.enter_context(KafkaLog("log", KafkaAccess(address=self.address), chosen))
        self._open.append(log)
        return log

    def lapse(self) -> None:
        """Take the holder's lease away behind its back."""
        for log in self._open:
            if log._leader is not None:
                log._loop.run(log._leader._member.leave())


@contextmanager
def kafka_place(address: str, **options: Any) -> Iterator[KafkaPlace]:
    """Give a part of a broker, and close the logs that were opened there."""
    with ExitStack() as stack:
        yield KafkaPlace(address, stack, **options)


def values(log: Log, topic: str, partition: int = 0) -> list[bytes]:
    """Return what stands on a partition."""
    found: list[bytes] = []
    offset, end = log.begin(topic, partition), log.end(topic, partition)
    while offset < end:
        records, offset = log.read(topic, partition, offset)
        found += [record.value for record in records]
    return found


def limit_batches(address: str, topic: str, bytes_max: int) -> None:
    """Have a broker refuse longer batches from now on."""
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    async def limit() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        options = {"max.message.bytes": str(bytes_max)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, options)])
        await admin.close()

    asyncio.run(limit())

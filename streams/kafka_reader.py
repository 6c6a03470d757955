"""Reading partitions in spans: the next ones are fetched while the last are worked on, and nothing new costs nothing.

A partition that is read on where the last span ended is *followed*: a task waits at its leader for what comes, and puts
it into a buffer with a bound. Any other read is one round trip. A span that is shorter than asked for means that there
was no more; so inputs are merged here in the order in which they are merged on any other log.

Two threads meet here: the caller's takes, the loop's puts. Whatever they share is touched under one lock.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Condition
from typing import Any

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from aiokafka.structs import TopicPartition

from streams.kafka_loop import KafkaLoop, told
from streams.kafka_wire import BACKOFF_S, Fetched, Wire
from streams.log_port import READ_BYTES_MAX, LogError, LogRecord, Span, check_held
from streams.ports import SourceError

BUFFER_BYTES_MAX = 2 * READ_BYTES_MAX
"""A partition with so many bytes at hand is not fetched on, in bytes; one fetch more may have been under way."""

FOLLOW_WAIT_MS = 250
"""How long a leader keeps a question open when it has nothing, in milliseconds."""

HANDOVER_S = 0.05
"""How long a read waits for what a follower is fetching, before it fetches for itself, in seconds."""

ROOM_S = 1.0
"""How long a follower with full buffers waits for room, in seconds, before it looks by itself."""

_ENTRY_BYTES_GUESS = 4_096


@dataclass(slots=True)
class _Place:
    """One partition as it is read: the buffer goes from `at` to `next_offset`; before the first read both are -1.

    `seen_end` is the highest end that was heard of; `is_fresh` says that nothing was heard since that could have told
    of more; `is_full` that its follower waits for room.
    """

    at: int = -1
    next_offset: int = -1
    seen_end: int = 0
    is_fresh: bool = False
    is_followed: bool = False
    is_full: bool = False
    data_bytes: int = 0
    records: deque[LogRecord] = field(default_factory=deque)

    def goes_on_at(self, offset: int) -> bool:
        """Whether what is at hand, or comes next, begins there; what lies before is dropped."""
        if self.at < 0 or not self.at <= offset <= self.next_offset:
            return False
        while self.records and self.records[0].offset < offset:
            self.data_bytes -= _size(self.records.popleft())
        return True

    def jump(self, offset: int) -> None:
        self.records.clear()
        self.data_bytes = 0
        self.at = self.next_offset = offset

    def put(self, fetched: Fetched) -> None:
        self.records.extend(fetched.records)
        self.data_bytes += sum(map(_size, fetched.records))
        self.next_offset = fetched.next_offset
        self.seen_end = max(self.seen_end, fetched.end)

    def take(self, into: list[LogRecord], count_max: int, bytes_left: int) -> tuple[int, bool]:
        """Move records; return the bytes left, and whether the bounds are reached."""
        while self.records:
            size = _size(self.records[0])
            if len(into) >= count_max or (into and size > bytes_left):
                self.at = self.records[0].offset
                return bytes_left, True
            bytes_left -= size
            self.data_bytes -= size
            into.append(self.records.popleft())
        self.at = self.next_offset
        return bytes_left, len(into) >= count_max


class Reader:
    """Reads any partition of a cluster.

    Parameters
    ----------
    wire
        Asks the leaders.
    loop
        Where followers run.
    connect
        Makes a client; each topic that is followed has one, so that none waits for another's answer.
    """

    def __init__(self, wire: Wire, loop: KafkaLoop, connect: Callable[[], Coroutine[Any, Any, AIOKafkaClient]]) -> None:
        self._wire = wire
        self._loop = loop
        self._connect = connect
        self._lock = Condition()
        self._places: dict[TopicPartition, _Place] = {}
        self._clients: dict[str, AIOKafkaClient] = {}
        self._followers: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._room = asyncio.Event()
        self._failing_since: dict[str, float] = {}

    def read(self, place: TopicPartition, from_offset: int, bounds: tuple[int, int], *, follow: bool = True) -> Span:
        """Return committed records from an offset on: as many as there are within (count, bytes), but at least one."""
        count_max, bytes_max = bounds
        held = self._places.setdefault(place, _Place())
        fetch_bytes = min(bytes_max, max(count_max, 16) * _ENTRY_BYTES_GUESS, READ_BYTES_MAX)
        with self._lock:
            goes_on = held.goes_on_at(from_offset)
        if not goes_on:
            self._jump(place, held, from_offset, fetch_bytes)
        records: list[LogRecord] = []
        bytes_left, is_full = bytes_max, False
        while not is_full:
            with self._lock:
                bytes_left, is_full = held.take(records, count_max, bytes_left)
                next_offset = held.at
            if not is_full and not self._more(place, held, fetch_bytes, follow=follow if goes_on else None):
                break
        if held.is_full and held.data_bytes < BUFFER_BYTES_MAX // 2:
            self._loop.wake(self._room)
        return Span(records, max(next_offset, from_offset))

    def wait(self, seconds: float) -> bool:
        """Wait until a follower has put down something that nobody has taken, so long at most; False without any."""
        with self._lock:
            followed = [held for held in self._places.values() if held.is_followed]
            if followed:
                self._lock.wait_for(lambda: any(held.next_offset > held.at for held in followed), seconds)
        return bool(followed)

    def heard(self, place: TopicPartition, end: int) -> None:
        """Remember that a partition has come so far."""
        held = self._places.get(place)
        if held is not None:
            with self._lock:
                held.seen_end = max(held.seen_end, end)

    def doubt(self) -> None:
        """Ask each partition for its end before saying again that there is nothing more."""
        for held in self._places.values():
            held.is_fresh = False

    def forget(self, place: TopicPartition) -> None:
        """Throw away what is at hand of a partition."""
        with self._lock:
            self._places.pop(place, None)

    async def close(self) -> None:
        """Let go of the followers' connections."""
        for follower in self._followers.values():
            follower.cancel()
        await asyncio.gather(*self._followers.values(), return_exceptions=True)
        await asyncio.gather(*(client.close() for client in self._clients.values()))

    def _jump(self, place: TopicPartition, held: _Place, offset: int, bytes_max: int) -> None:
        """Have a place go on from any offset that its partition holds."""
        fetched = self._loop.run(self._fetch_held(place, offset, bytes_max))
        with self._lock:
            held.jump(offset)
            held.put(fetched)

    def _more(self, place: TopicPartition, held: _Place, bytes_max: int, *, follow: bool | None) -> bool:
        """See to it that more is at hand, and say whether there may be; with `follow` None the end is not asked for."""
        if held.is_followed:
            self._check_follower(place)
        if held.next_offset >= held.seen_end:
            if follow is None or (held.is_followed and held.is_fresh):
                return False
            end = self._loop.run(self._follow(place, held) if follow else self._wire.end(place))
            with self._lock:
                held.is_fresh = not held.is_full
                held.seen_end = max(held.seen_end, end)
            if held.next_offset >= end:
                return False
        offset = held.next_offset
        with self._lock:
            if held.is_followed and self._lock.wait_for(lambda: held.next_offset > offset, HANDOVER_S):
                return True
        fetched = self._loop.run(self._fetch_held(place, offset, bytes_max))
        with self._lock:
            if held.next_offset == offset:
                held.put(fetched)
                held.seen_end = fetched.end
        return bool(held.records) or held.next_offset < held.seen_end

    async def _fetch_held(self, place: TopicPartition, offset: int, bytes_max: int) -> Fetched:
        """Return what is held from an offset on; raise `OffsetError` outside begin..end."""
        try:
            fetched = await self._wire.fetch(place, offset, bytes_max)
        except OffsetOutOfRangeError:
            begin, end = (await self._wire.ends([place]))[place]
            check_held(offset, begin, end, self._wire.name_of(place))
            return Fetched([], offset, begin, end)
        check_held(offset, fetched.begin, fetched.end, self._wire.name_of(place))
        return fetched

    def _check_follower(self, place: TopicPartition) -> None:
        """Raise where a follower has had no answer for too long: silence is not the same as nothing new."""
        since = self._failing_since.get(place.topic)
        if since is not None and self._loop.loop.time() - since > self._loop.timeout_s:
            msg = (
                f"Kafka at {self._loop.address} has not answered for {self._loop.timeout_s:g} s about "
                f"{self._wire.name_of(place)}; is it up, and can it be reached?"
            )
            raise SourceError(msg)

    async def _follow(self, place: TopicPartition, held: _Place) -> int:
        """Have a partition followed, and return its end."""
        if not held.is_followed:
            if place.topic not in self._clients:
                self._clients[place.topic] = await self._connect()
            held.is_followed = True
            self._follow_leader(place.topic, await self._wire.leader(place))
            self._room.set()
        return await self._wire.end(place)

    def _follow_leader(self, topic: str, node: int) -> None:
        follower = self._followers.get((topic, node))
        if follower is None or follower.done():
            self._followers[topic, node] = self._loop.loop.create_task(self._followed(topic, node))

    async def _followed(self, topic: str, node: int) -> None:
        """Put what comes at one leader into the buffers that have room, until there is nothing to follow there."""
        wire = self._wire.over(self._clients[topic])
        while True:
            self._room.clear()
            wants = await self._wanted(wire, topic, node)
            if not wants:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._room.wait(), ROOM_S)
                continue
            try:
                found = await wire.fetch_from(node, wants, bytes_max=READ_BYTES_MAX, wait_ms=FOLLOW_WAIT_MS)
            except (OffsetOutOfRangeError, LogError):
                self._leave(wants)
            except KafkaError as error:
                self._failing_since.setdefault(topic, self._loop.loop.time())
                self._loop.trouble = told(error)
                await asyncio.sleep(BACKOFF_S)
                await wire.client.force_metadata_update()
            else:
                self._failing_since.pop(topic, None)
                self._put(wants, found)

    async def _wanted(self, wire: Wire, topic: str, node: int) -> dict[TopicPartition, int]:
        """Return which partitions this leader is to be asked for, and from where; others go to theirs."""
        wants = {}
        for place, held in list(self._places.items()):
            with self._lock:
                held.is_full = held.data_bytes >= BUFFER_BYTES_MAX
                held.is_fresh &= not held.is_full
            if place.topic != topic or not held.is_followed or held.is_full:
                continue
            leader = await wire.leader(place)
            if leader == node:
                wants[place] = held.next_offset
            else:
                self._follow_leader(topic, leader)
        return wants

    def _put(self, wants: dict[TopicPartition, int], found: dict[TopicPartition, Fetched]) -> None:
        with self._lock:
            for place, fetched in found.items():
                held = self._places.get(place)
                if held is not None and held.next_offset == wants[place]:
                    held.put(fetched)
            self._lock.notify_all()

    def _leave(self, wants: dict[TopicPartition, int]) -> None:
        """Follow these no more: whoever reads on is told by a fetch of their own what is the matter."""
        with self._lock:
            for place in wants:
                held = self._places.get(place)
                if held is not None:
                    held.is_followed = held.is_fresh = False
                    held.seen_end = max(held.seen_end, held.next_offset + 1)


def _size(record: LogRecord) -> int:
    return len(record.value) + (len(record.key) if record.key else 0)

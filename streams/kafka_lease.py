"""Who leads, as far as courtesy goes: one partition of a consumer group, which its holder keeps as long as it lives.

That two workers cannot both commit is seen to by the transactional id. The lease keeps a second one from throwing out
the first: it asks the group's coordinator who holds the partition, and joins only when nobody does. Of two that join at
once the assignor below chooses one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.client import AIOKafkaClient
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.coordination import FindCoordinatorRequest
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import TopicPartition

from streams.kafka_access import KafkaAccess
from streams.kafka_loop import let_go, told
from streams.kafka_wire import Wire

SESSION_MS = 6_000
"""After how long of silence the coordinator gives up on a holder, in milliseconds."""

HEARTBEAT_MS = 1_000
POLL_S = 1.0
"""How often a holder says that it lives, and shows that it still works; a member that does not is put out."""

LOOK_S = 0.2
"""How often whoever waits for the lease looks whether it is free, in seconds."""

OF = "+"
"""What stands in a worker's client id before its incarnation, which nobody wants to read."""

_VERSION = 0


class _Assignor(AbstractPartitionAssignor):  # type: ignore[misc]
    """Leaves the partition with the member that holds it; else gives it to the first by id.

    A member that was stopped may believe that it holds what another got meanwhile: the higher term is right.
    """

    name = "sidestream"

    def __init__(self, held_term: Callable[[], int]) -> None:
        self._held_term = held_term

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        return ConsumerProtocolMemberMetadata(_VERSION, list(topics), b"%d" % self._held_term())

    def assign(
        self,
        cluster: Any,  # noqa: ARG002 - the group's leader calls it so
        members: Mapping[str, ConsumerProtocolMemberMetadata],
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        holder = min(members, key=lambda member: (-int(members[member].user_data or b"0"), member))
        (topic,) = members[holder].subscription
        return {
            member: ConsumerProtocolMemberAssignment(_VERSION, [(topic, [0])] if member == holder else [], b"")
            for member in members
        }

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        pass


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]
    """One worker's place in the group.

    Parameters
    ----------
    access
        The way to the cluster.
    topic
        The topic of one partition that stands for the lease, and the name of the group.
    term
        The term this worker is to have.
    """

    def __init__(self, access: KafkaAccess, topic: str, term: int) -> None:
        self.lost: str | None = None
        self._decided = asyncio.Event()
        self._holds = False
        self._polls: asyncio.Task[None] | None = None
        self._consumer = AIOKafkaConsumer(
            **access.arguments(),
            group_id=topic,
            enable_auto_commit=False,
            session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=HEARTBEAT_MS,
            partition_assignment_strategy=(_Assignor(lambda: term if self._holds else 0),),
        )
        self._consumer.subscribe([topic], listener=self)

    async def join(self) -> bool:
        """Join the group, and return whether the lease is ours."""
        await self._consumer.start()
        await self._decided.wait()
        if self._holds:
            self._polls = asyncio.create_task(self._poll())
        return self._holds

    async def leave(self) -> None:
        """Leave the group, so that others need not wait for the session to end."""
        if self._polls is not None:
            self._polls.cancel()
        await let_go(self._consumer.stop())

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Learn whether the lease is ours, or ours no more."""
        holds = bool(list(assigned))
        if self._holds and not holds:
            self.lost = "another worker holds it"
        self._holds = holds
        self._decided.set()

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Do nothing: every change of the group takes all partitions, and gives them again at once."""

    async def _poll(self) -> None:
        while True:
            try:
                await self._consumer.getmany(timeout_ms=0)
            except KafkaError as error:
                self.lost = told(error)
            await asyncio.sleep(POLL_S)


class LeaseDesk:
    """Where the lease is asked for.

    Parameters
    ----------
    access, client, wire
        The way to the cluster.
    topic
        The topic of one partition that stands for the lease, and the name of the group.
    """

    def __init__(self, access: KafkaAccess, client: AIOKafkaClient, wire: Wire, topic: str) -> None:
        self._access = access
        self._client = client
        self._wire = wire
        self.topic = topic

    async def take(self, term: int, wait_s: float) -> Membership | str:
        """Return the membership of a worker that leads now, or, when another still does after a while, who that is."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        while True:
            holder = await self.holder()
            if holder is None:
                member = Membership(self._access, self.topic, term)
                try:
                    if await member.join():
                        return member
                except BaseException:
                    await member.leave()
                    raise
                await member.leave()
                holder = "one that came at the same time"
            if loop.time() >= until:
                return holder
            await asyncio.sleep(LOOK_S)

    async def put_out(self, incarnation: str) -> None:
        """Have the worker of this word leave the group: it is dead, and the coordinator need not find out by itself.

        Whether it is dead is for the caller to know. One that lives all the same loses the lease, and nothing else.
        """
        while True:
            try:
                dead = [member for member, who, *_ in await self._members() if who.endswith(f"{OF}{incarnation}")]
                node = await self._coordinator()
                for member in dead:
                    await self._client.send(node, LeaveGroupRequest(self.topic, member))
            except KafkaError as error:
                await self._wire.again(error)
            else:
                return

    async def holder(self) -> str | None:
        """Return who holds the lease; None where nobody does."""
        while True:
            try:
                members = await self._members()
            except KafkaError as error:
                await self._wire.again(error)
            else:
                return next(
                    (f"{who.partition(OF)[0]}{host}" for _, who, host, _, held in members if _has_partition(held)), None
                )

    async def _members(self) -> list[Any]:
        answer = await self._client.send(await self._coordinator(), DescribeGroupsRequest([self.topic]))
        code, _, _, _, _, members, *_ = answer.groups[0]
        if code:
            raise for_code(code)
        return list(members)

    async def _coordinator(self) -> int:
        found = await self._client.send(self._client.get_random_node(), FindCoordinatorRequest(self.topic, 0))
        if found.error_code:
            raise for_code(found.error_code)
        return int(found.coordinator_id)


def _has_partition(assignment: bytes) -> bool:
    return bool(assignment) and bool(ConsumerProtocolMemberAssignment.decode(assignment).assignment)

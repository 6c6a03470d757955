"""The cluster a log stands on, see `streams.cluster_port.Cluster`: looked at, with no lease and nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from aiokafka.structs import TopicPartition

from engine.errors import ConfigError
from streams.cluster_port import Waiting
from streams.kafka_findings import broker_findings, topic_findings
from streams.kafka_journal import NOTHING, Journal
from streams.kafka_lease import LeaseDesk
from streams.kafka_loop import KafkaLoop
from streams.kafka_snapshots import PARTITION_COUNT, SNAPSHOTS, KafkaSnapshots
from streams.kafka_survey import broker_state, topic_states
from streams.kafka_topics import COMPACTED_OPTIONS, TOPIC_OPTIONS, Topics
from streams.kafka_wire import Wire
from streams.topic_needs import Demands, Finding, Role, Survey, TopicNeed

WAITING_BYTES = 4_096
"""How much is fetched to see the first record that waits, in bytes; Kafka gives a longer one as a whole."""


class Around(NamedTuple):
    """What asks a cluster, as a log has put it together."""

    loop: KafkaLoop
    wire: Wire
    topics: Topics
    journal: Journal
    desk: LeaseDesk


class KafkaCluster:
    """What is around a log.

    Parameters
    ----------
    around
        What asks it.
    name
        Whose journal and lease it is, without the prefix of the topics.
    transaction_timeout_ms
        After how long of silence the brokers are to abort a transaction.
    snapshots
        Where copies of checkpoints are kept; None for nowhere.
    """

    def __init__(
        self, around: Around, *, name: str, transaction_timeout_ms: int, snapshots: KafkaSnapshots | None
    ) -> None:
        self.snapshots = snapshots
        self._loop, self._wire, self._topics, self._journal, self._desk = around
        self._own = (
            TopicNeed(f"{name}.journal", Role.JOURNAL, 1),
            TopicNeed(f"{name}.lease", Role.LEASE, 1),
            *((TopicNeed(f"{name}.{SNAPSHOTS}", Role.SNAPSHOTS, PARTITION_COUNT),) if snapshots else ()),
        )
        self._transaction_timeout_ms = transaction_timeout_ms

    def survey(self, needs: Sequence[TopicNeed], demands: Demands) -> Survey:
        """Return how these topics and those of the log itself are kept, and what is wrong with that."""
        return self._loop.run(self._survey((*needs, *self._own), demands))

    def make_own(self) -> None:
        """Make the topics of the log itself that are missing; those that are there stay as they are."""
        self._loop.run(self.made_own())

    def waiting(self, topic: str, partition: int, from_offset: int) -> Waiting | None:
        """Return the first record at or after an offset; None where there is none."""
        return self._loop.run(self._waiting(self._topics.place(topic, partition), from_offset))

    def committed_ms(self) -> int | None:
        """Return when the journal's last record was appended; None where its topic does not take that down."""
        return self._loop.run(self._committed_ms())

    def holder(self) -> str | None:
        """Return who holds the lease; None where nobody does."""
        return self._loop.run(self._desk.holder())

    async def made_own(self) -> None:
        """Make them from within the loop."""
        for need in self._own:
            name = self._topics.place(need.name, 0).topic
            if not await self._topics.has(name):
                options = COMPACTED_OPTIONS if need.role is Role.SNAPSHOTS else TOPIC_OPTIONS
                await self._topics.make(name, need.partition_count, options)

    async def check_transactions(self) -> None:
        """Raise `ConfigError` where the brokers allow no transaction to last so long."""
        for finding in broker_findings(await broker_state(self._wire.client), self._transaction_timeout_ms):
            msg = f"{finding.what}; {finding.remedy}"
            raise ConfigError(msg)

    async def _waiting(self, place: TopicPartition, offset: int) -> Waiting | None:
        begin, end = (await self._wire.ends([place]))[place]
        offset = max(begin, offset)
        while offset < end:
            fetched = await self._wire.fetch(place, offset, WAITING_BYTES)
            if fetched.records:
                return Waiting(fetched.records[0].offset, fetched.appended_ms)
            offset = fetched.next_offset
        return None

    async def _committed_ms(self) -> int | None:
        if not await self._topics.has(self._journal.place.topic):
            return None
        last = await self._journal.last()
        found = None if last is NOTHING else await self._waiting(self._journal.place, last.offset)
        return None if found is None else found.appended_ms

    async def _survey(self, needs: tuple[TopicNeed, ...], demands: Demands) -> Survey:
        names = {need.name: self._topics.place(need.name, 0).topic for need in needs}
        states = await topic_states(self._wire.client, names.values())
        brokers = await broker_state(self._wire.client)
        findings: list[Finding] = list(broker_findings(brokers, self._transaction_timeout_ms))
        for need in needs:
            findings += topic_findings(need, states.get(names[need.name]), brokers, demands)
        counts = {name: states[there].partition_count for name, there in names.items() if there in states}
        return Survey(needs, counts, tuple(findings))

"""The cluster a log stands on, see `streams.cluster_port.Cluster`: looked at, with no lease and nothing changed."""

from __future__ import annotations

from collections.abc import Sequence

from engine.errors import ConfigError
from streams.kafka_findings import broker_findings, topic_findings
from streams.kafka_loop import KafkaLoop
from streams.kafka_survey import broker_state, topic_states
from streams.kafka_topics import Topics
from streams.kafka_wire import Wire
from streams.topic_needs import Demands, Finding, Role, Survey, TopicNeed


class KafkaCluster:
    """What is around a log.

    Parameters
    ----------
    loop, wire, topics
        The way to it.
    name
        Whose journal and lease it is, without the prefix of the topics.
    transaction_timeout_ms
        After how long of silence the brokers are to abort a transaction.
    """

    def __init__(self, loop: KafkaLoop, wire: Wire, topics: Topics, *, name: str, transaction_timeout_ms: int) -> None:
        self._loop = loop
        self._wire = wire
        self._topics = topics
        self._own = (
            TopicNeed(f"{name}.journal", Role.JOURNAL, 1),
            TopicNeed(f"{name}.lease", Role.LEASE, 1),
        )
        self._transaction_timeout_ms = transaction_timeout_ms

    def survey(self, needs: Sequence[TopicNeed], demands: Demands) -> Survey:
        """Return how these topics and those of the log itself are kept, and what is wrong with that."""
        return self._loop.run(self._survey((*needs, *self._own), demands))

    def make_own(self) -> None:
        """Make the topics of the log itself that are missing; those that are there stay as they are."""
        self._loop.run(self.made_own())

    async def made_own(self) -> None:
        """Make them from within the loop."""
        for need in self._own:
            name = self._topics.place(need.name, 0).topic
            if not await self._topics.has(name):
                await self._topics.make(name, need.partition_count)

    async def check_transactions(self) -> None:
        """Raise `ConfigError` where the brokers allow no transaction to last so long."""
        for finding in broker_findings(await broker_state(self._wire.client), self._transaction_timeout_ms):
            msg = f"{finding.what}; {finding.remedy}"
            raise ConfigError(msg)

    async def _survey(self, needs: tuple[TopicNeed, ...], demands: Demands) -> Survey:
        names = {need.name: self._topics.place(need.name, 0).topic for need in needs}
        states = await topic_states(self._wire.client, names.values())
        brokers = await broker_state(self._wire.client)
        findings: list[Finding] = list(broker_findings(brokers, self._transaction_timeout_ms))
        for need in needs:
            findings += topic_findings(need, states.get(names[need.name]), brokers, demands)
        counts = {name: states[there].partition_count for name, there in names.items() if there in states}
        return Survey(needs, counts, tuple(findings))

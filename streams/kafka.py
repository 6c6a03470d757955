"""The log on Kafka: topics of a cluster, a journal in a topic of its own, and one transaction for each commit.

Lives here: the `Log` protocol, put together of the files beside it. `kafka_wire` asks, `kafka_reader` reads,
`kafka_writer` writes, `kafka_journal` finds, `kafka_lease` and `kafka_leader` lead; `kafka_loop` is the thread in which
all of them run.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from socket import gethostname

from aiokafka.client import AIOKafkaClient
from aiokafka.structs import TopicPartition

from streams.kafka_access import KafkaAccess
from streams.kafka_cluster import Around, KafkaCluster
from streams.kafka_journal import NOTHING, Journal, Mark, MarkKind, journal_entry, read_mark
from streams.kafka_leader import LOOK_BACK_S_MAX, Leader
from streams.kafka_lease import OF, LeaseDesk
from streams.kafka_loop import CLOSE_S_MAX, KafkaLoop, SilenceError
from streams.kafka_options import KafkaOptions
from streams.kafka_reader import Reader
from streams.kafka_snapshots import SNAPSHOTS, KafkaSnapshots, Pens
from streams.kafka_topics import Topics
from streams.kafka_wire import Wire
from streams.kafka_writer import Parcel, Writer, Written, bytes_of, fitted, parcel_of, unique_id
from streams.log_port import (
    READ_BYTES_MAX,
    READ_COUNT_MAX,
    Commit,
    Entry,
    HeldError,
    JournalRecord,
    Lease,
    LeaseError,
    LogError,
    Span,
    TopicInfo,
    check_bounds,
    check_entries,
    check_held,
    check_topic,
    place_of,
)
from streams.ports import SourceError


class KafkaLog:
    """A log on a Kafka cluster: see `streams.log_port.Log`.

    Parameters
    ----------
    name
        Whose journal and lease it is: workers of one name exclude each other. Topics are shared by all names.
    access
        The way to the cluster.
    options
        How it stands there.
    say
        Is told, in one sentence, what a person should know.

    Raises
    ------
    SourceError
        When no broker answers.

    Notes
    -----
    Offsets are not gapless: each transaction's marker has one. An append of more than its topic's longest batch is one
    transaction, and then others' records may stand between its own. `begin`, `end` and a read elsewhere than where the
    last one ended are round trips; reading on at the end is none.
    """

    def __init__(
        self,
        name: str,
        access: KafkaAccess,
        options: KafkaOptions | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._options = options or KafkaOptions()
        self._say = say
        self._was_slow = False
        word = self._options.incarnation
        self._access = replace(access, client_id=f"sidestream-{gethostname()}-{os.getpid()}" + (word and f"{OF}{word}"))
        self.name = f"{name} on Kafka at {access.address}"
        self._group = self._options.prefix + name
        for topic in ("journal", "lease", SNAPSHOTS):
            check_topic(f"{self._group}.{topic}", 1)
        self._loop = KafkaLoop(access.address, self._options.timeout_s)
        self._leader: Leader | None = None
        self._appender: Writer | None = None
        try:
            self._client = self._loop.run(self._connect())
        except BaseException:
            self._loop.close()
            raise
        self._wire = Wire(self._client, self._loop, self._options.prefix)
        self._reader = Reader(self._wire, self._loop, self._connect)
        self._journal = Journal(self._wire, TopicPartition(f"{self._group}.journal", 0))
        self._desk = LeaseDesk(self._access, self._client, self._wire, f"{self._group}.lease")
        self._topics = Topics(
            self._client,
            self._wire,
            prefix=self._options.prefix,
            internal=(self._journal.place.topic, self._desk.topic, f"{self._group}.{SNAPSHOTS}"),
            replication=self._options.replication,
        )
        pens = Pens(self._writer, self._publish)
        self._snapshots = KafkaSnapshots(self._loop, self._wire, self._topics, f"{name}.{SNAPSHOTS}", pens)
        self.cluster = KafkaCluster(
            Around(self._loop, self._wire, self._topics, self._journal, self._desk),
            name=name,
            transaction_timeout_ms=self._options.transaction_timeout_ms,
            snapshots=self._snapshots if self._options.snapshots else None,
        )

    def __enter__(self) -> KafkaLog:
        """Return the log."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it, whatever happened."""
        self.close()

    def create_topic(self, topic: str, partition_count: int) -> None:
        """Make a topic; nothing happens where it is there with as many partitions."""
        check_topic(topic, partition_count)
        self._loop.run(self._topics.create(topic, partition_count))

    def topics(self) -> tuple[TopicInfo, ...]:
        """Return the topics, by name; the journal and the lease are none of them."""
        return self._loop.run(self._topics.infos())

    def append(self, topic: str, partition: int, entries: Sequence[Entry]) -> int:
        """Append all or none, and return the offset after the last."""
        sizes = check_entries(entries, place_of(topic, partition))
        end = self._loop.run(self._append(topic, partition, entries, sizes))
        self._reader.heard(self._topics.place(topic, partition), end)
        return end

    def read(
        self,
        topic: str,
        partition: int,
        from_offset: int,
        *,
        count_max: int = READ_COUNT_MAX,
        bytes_max: int = READ_BYTES_MAX,
    ) -> Span:
        """Return committed records from an offset on, at least one where there is one."""
        check_bounds(count_max, bytes_max)
        return self._reader.read(self._place(topic, partition), from_offset, (count_max, bytes_max))

    def wait(self, seconds: float) -> bool:
        """Wait until something has arrived on a partition that is being read, so long at most."""
        return self._reader.wait(seconds)

    def begin(self, topic: str, partition: int) -> int:
        """Return the first offset that is still held."""
        return self._ends(topic, partition)[0]

    def end(self, topic: str, partition: int) -> int:
        """Return the offset after the last record that is committed."""
        return self._ends(topic, partition)[1]

    def trim(self, topic: str, partition: int, before_offset: int) -> None:
        """Give up the records before an offset. The brokers free whole segments, and later."""
        begin, end = self._ends(topic, partition)
        if before_offset > begin:
            check_held(before_offset, begin, end, place_of(topic, partition))
            place = self._topics.place(topic, partition)
            self._loop.run(self._wire.delete(place, before_offset))
            self._reader.forget(place)

    def lead(self) -> Lease:
        """Become the one worker of this name: hold the lease, throw out whoever wrote before, begin a new term."""
        if self._leader is not None:
            msg = f"a worker already runs on {self.name}: this one, in term {self._leader.term}; release it first"
            raise HeldError(msg, f"this one, in term {self._leader.term},")
        leader = self._loop.run(self._lead(), self._options.timeout_s + self._options.lease_wait_s)
        self._leader = leader
        self._reader.doubt()
        return Lease(leader.term, self._commit, lambda: self._release(leader))

    def journal(self, from_sequence: int) -> Iterator[JournalRecord]:
        """Yield the journal from a sequence to its end, as far as that has come by the time it is reached."""
        begin, end = self.journal_begin(), self.journal_end()
        check_held(from_sequence, begin, end, "the journal")
        if from_sequence == end:
            return
        offset, next_offset = -1, self._loop.run(self._journal.offset_of(from_sequence))
        while offset != next_offset:
            offset = next_offset
            bounds = READ_COUNT_MAX, READ_BYTES_MAX
            records, next_offset = self._reader.read(self._journal.place, offset, bounds, follow=False)
            self._reader.doubt()
            for record in records:
                mark = read_mark(record)
                if mark.kind is not MarkKind.COMMIT:
                    continue
                if mark.sequence != from_sequence:
                    msg = (
                        f"the journal of {self.name} has sequence {mark.sequence} where {from_sequence} belongs; "
                        "restore it from a copy"
                    )
                    raise LogError(msg)
                from_sequence += 1
                self._journal.know(from_sequence, record.offset + 1)
                yield JournalRecord(mark.sequence, mark.term, record.value)

    def journal_begin(self) -> int:
        """Return the first sequence that is still held."""
        return self._first().sequence

    def journal_end(self) -> int:
        """Return the sequence of the next commit."""
        return self._last().next_sequence

    def trim_journal(self, before_sequence: int) -> None:
        """Give up the journal before a sequence. Where that is its end, a record that says so takes its place."""
        first, last = self._first(), self._last()
        end = last.next_sequence
        if before_sequence <= first.sequence:
            return
        check_held(before_sequence, first.sequence, end, "the journal")
        if before_sequence < end:
            offset = self._loop.run(self._journal.offset_of(before_sequence))
        else:
            offset = last.offset + 1
            mark = journal_entry(MarkKind.TRIM, last.term, end)
            self._loop.run(self._write(self._journal.place, parcel_of((mark,))))
        self._loop.run(self._wire.delete(self._journal.place, offset))
        self._reader.forget(self._journal.place)

    def close(self) -> None:
        """Let go of the cluster; a lease is released. Again does nothing."""
        if not self._loop.is_closed:
            with suppress(SourceError):
                self._loop.run(self._close(), 3 * CLOSE_S_MAX)
            self._loop.close()

    def _place(self, topic: str, partition: int) -> TopicPartition:
        """Return what the cluster calls a partition that is there."""
        if not self._topics.knows(topic, partition):
            self._loop.run(self._topics.check(topic, partition))
        return self._topics.place(topic, partition)

    def _ends(self, topic: str, partition: int) -> tuple[int, int]:
        place = self._place(topic, partition)
        self._see_own()
        begin, end = self._loop.run(self._wire.ends([place]))[place]
        self._reader.heard(place, end)
        return begin, end

    def _see_own(self) -> None:
        """Wait until what this worker committed can be read by whoever asks next."""
        if self._leader is not None:
            self._loop.run(self._leader.seen())

    def _first(self) -> Mark:
        return self._loop.run(self._found(self._journal.first))

    def _last(self) -> Mark:
        self._see_own()
        return self._loop.run(self._found(self._journal.last))

    async def _found(self, ask: Callable[[], Awaitable[Mark]]) -> Mark:
        """Return a mark of the journal; nothing where nobody has ever led."""
        return await ask() if await self._topics.has(self._journal.place.topic) else NOTHING

    async def _connect(self) -> AIOKafkaClient:
        return await self._access.connect(int(self._options.timeout_s * 1_000))

    async def _append(self, topic: str, partition: int, entries: Sequence[Entry], sizes: Sequence[int]) -> int:
        facts = await self._topics.check(topic, partition)
        parcel = fitted(entries, sizes, facts.batch_bytes_max, place_of(topic, partition))
        place = self._topics.place(topic, partition)
        if not entries:
            return await self._wire.end(place)
        if bytes_of(sizes) <= facts.batch_bytes_max:
            return (await self._write(place, parcel._replace(batch_bytes_max=facts.batch_bytes_max)))[place][1]
        writer = self._writer(unique_id(self._group))
        try:
            await writer.start()
            end = (await writer.write_as_one({place: parcel}))[place][1]
            await self._wire.seen(place, end - 1)
        finally:
            await writer.stop()
        return end

    async def _write(self, place: TopicPartition, parcel: Parcel) -> Written:
        """Write entries that fit in one batch; after a failure the next write has a producer of its own."""
        if self._appender is None:
            appender = self._writer()
            await appender.start()
            self._appender = appender
        try:
            return await self._appender.write({place: parcel})
        except BaseException:
            appender, self._appender = self._appender, None
            await appender.stop()
            raise

    def _writer(self, transactional_id: str | None = None) -> Writer:
        return Writer(
            self._access,
            timeout_ms=int(self._options.timeout_s * 1_000),
            transactional_id=transactional_id,
            transaction_timeout_ms=self._options.transaction_timeout_ms,
        )

    async def _lead(self) -> Leader:
        await self.cluster.check_transactions()
        await self.cluster.made_own()
        limit = await self._topics.batch_bytes_max(self._journal.place.topic)
        term = (await self._journal.last()).term + 1
        if self._options.before is not None:
            await self._desk.put_out(self._options.before)
        member = await self._desk.take(term, self._options.lease_wait_s)
        if isinstance(member, str):
            msg = f"a worker already runs on {self.name}: {member}; stop it, or give this one another name"
            raise HeldError(msg, member)
        leader = Leader(member, self._writer(f"{self._group}.leader"), self._journal, self._wire, batch_bytes_max=limit)
        try:
            await leader.begin()
        except BaseException:
            await leader.release()
            raise
        return leader

    def _commit(self, term: int, commit: Commit) -> None:
        """Write one commit, unless another term or another sequence has come between."""
        leader = self._leader
        if leader is None or leader.term != term:
            msg = f"the lease of term {term} has ended; lead again, and continue from the journal"
            raise LeaseError(msg)
        outputs: dict[tuple[str, int], tuple[list[Entry], list[int]]] = {}
        for topic, partition, entries in commit.outputs:
            gathered, sizes = outputs.setdefault((topic, partition), ([], []))
            sizes += check_entries(entries, place_of(topic, partition))
            gathered += entries
        check_entries((Entry(b"%d" % term, commit.journal),), "the journal")
        try:
            written = self._loop.run(self._commit_checked(leader, commit, outputs))
        except SilenceError as silence:
            # Who was stopped within a commit hears nothing in time either: then somebody else may lead.
            raise self._loop.run(leader.replaced(), 2 * LOOK_BACK_S_MAX) or SourceError(
                f"the commit {commit.sequence} was not answered, whether it happened is in the journal: {silence}"
            ) from silence
        for place, (_, end) in written.items():
            self._reader.heard(place, end)
        self._warn_if_slow(leader.written_s)

    def _warn_if_slow(self, written_s: float) -> None:
        """Say once that a transaction came near to the time after which brokers abort it."""
        limit_s = self._options.transaction_timeout_ms / 1_000
        if written_s > limit_s / 2 and not self._was_slow:
            self._say(
                f"a commit took {written_s:.1f} s, and the brokers abort a transaction after {limit_s:g} s; set [run] "
                "slice lower, or [kafka] transaction_timeout_s higher"
            )
            self._was_slow = True

    async def _commit_checked(
        self, leader: Leader, commit: Commit, outputs: Mapping[tuple[str, int], tuple[Sequence[Entry], Sequence[int]]]
    ) -> Written:
        placed = {}
        for (topic, partition), (entries, sizes) in outputs.items():
            facts = await self._topics.check(topic, partition)
            parcel = fitted(entries, sizes, facts.batch_bytes_max, place_of(topic, partition))
            if entries:
                placed[self._topics.place(topic, partition)] = parcel
        return await leader.commit(commit.sequence, commit.journal, placed)

    async def _publish(self, parcels: Mapping[TopicPartition, Parcel]) -> None:
        """Write as the one who leads."""
        if self._leader is None:
            msg = f"no lease of {self.name} is held; lead first"
            raise LeaseError(msg)
        await self._leader.publish(parcels)

    def _release(self, leader: Leader) -> None:
        if self._leader is leader:
            self._leader = None
            self._loop.run(leader.release())

    async def _close(self) -> None:
        if self._leader is not None:
            await self._leader.release()
        if self._appender is not None:
            await self._appender.stop()
        await self._snapshots.stop()
        await self._reader.close()
        await self._client.close()

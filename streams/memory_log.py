"""The log in memory: a fake with the semantics of the real ones, and faults on demand.

It is what simulations run on, and the shortest thing to read to know what a log does. It shares no code with the
embedded log but the refusals: the conformance list holds both together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from streams.log_port import (
    READ_BYTES_MAX,
    READ_COUNT_MAX,
    Commit,
    Entry,
    JournalRecord,
    Lease,
    LeaseError,
    LogError,
    LogRecord,
    PartitionInfo,
    Span,
    TopicInfo,
    check_bounds,
    check_entries,
    check_held,
    check_topic,
    fenced,
    no_partition,
    no_topic,
    place_of,
    wrong_count,
    wrong_sequence,
)
from streams.ports import SourceError


class Fault(StrEnum):
    """What goes wrong at a commit."""

    BEFORE_COMMIT = "before_commit"
    """It raises and did not happen, as on a full disk."""

    AFTER_COMMIT = "after_commit"
    """It raises and did happen, as when the acknowledgement is lost."""

    TEAR = "tear"
    """It is acknowledged, and the disk keeps half of its journal record: whoever reads that is told."""


@dataclass(slots=True)
class _Partition:
    """The entries from `begin` on; those at `torn` offsets cannot be read any more."""

    begin: int = 0
    entries: list[Entry] = field(default_factory=list)
    torn: set[int] = field(default_factory=set)

    @property
    def end(self) -> int:
        return self.begin + len(self.entries)

    def read(self, place: str, from_offset: int, count_max: int, bytes_max: int) -> Span:
        check_held(from_offset, self.begin, self.end, place)
        records: list[LogRecord] = []
        for offset in range(from_offset, min(self.end, from_offset + count_max)):
            key, value = self.entries[offset - self.begin]
            bytes_max -= len(value) + (len(key) if key else 0)
            if records and bytes_max < 0:
                break
            if offset in self.torn:
                msg = f"the log is damaged at offset {offset} of {place}: half of it is missing; restore it from a copy"
                raise LogError(msg)
            records.append(LogRecord(offset, key, value))
        return Span(records, from_offset + len(records))

    def trim(self, place: str, before: int) -> None:
        if before > self.begin:
            check_held(before, self.begin, self.end, place)
            del self.entries[: before - self.begin]
            self.begin = before


class MemoryLog:
    """A log that lives as long as the object: see `streams.log_port.Log`.

    Parameters
    ----------
    faults
        What goes wrong at which commit, counted from 0 over all attempts, refused ones too.
    """

    def __init__(self, faults: Mapping[int, Fault] | None = None) -> None:
        self.name = "memory"
        self._faults = dict(faults or {})
        self._topics: dict[str, list[_Partition]] = {}
        self._journal = _Partition()
        self._attempts = 0
        self._done: list[list[tuple[_Partition, int]]] = []
        self._term = 0
        self._held_by: int | None = None

    def create_topic(self, topic: str, partition_count: int) -> None:
        """Make a topic; nothing happens where it is there with as many partitions."""
        check_topic(topic, partition_count)
        there = self._topics.setdefault(topic, [_Partition() for _ in range(partition_count)])
        if len(there) != partition_count:
            raise wrong_count(topic, len(there), partition_count)

    def topics(self) -> tuple[TopicInfo, ...]:
        """Return the topics, by name."""
        return tuple(
            TopicInfo(topic, tuple(PartitionInfo(p.begin, p.end, _size(p.entries)) for p in partitions))
            for topic, partitions in sorted(self._topics.items())
        )

    def append(self, topic: str, partition: int, entries: Sequence[Entry]) -> int:
        """Append all or none, and return the offset after the last."""
        check_entries(entries, place_of(topic, partition))
        held = self._partition(topic, partition)
        held.entries.extend(entries)
        self._done.append([(held, len(entries))])
        return held.end

    def read(
        self,
        topic: str,
        partition: int,
        from_offset: int,
        *,
        count_max: int = READ_COUNT_MAX,
        bytes_max: int = READ_BYTES_MAX,
    ) -> Span:
        """Return records from an offset on, at least one where there is one."""
        check_bounds(count_max, bytes_max)
        return self._partition(topic, partition).read(place_of(topic, partition), from_offset, count_max, bytes_max)

    def wait(self, seconds: float) -> bool:  # noqa: ARG002 - nobody tells this log of arrivals
        """Return False: whoever appends does not say so."""
        return False

    def begin(self, topic: str, partition: int) -> int:
        """Return the first offset that is still held."""
        return self._partition(topic, partition).begin

    def end(self, topic: str, partition: int) -> int:
        """Return the offset after the last record."""
        return self._partition(topic, partition).end

    def trim(self, topic: str, partition: int, before_offset: int) -> None:
        """Give up the records before an offset."""
        self._partition(topic, partition).trim(place_of(topic, partition), before_offset)

    def lead(self) -> Lease:
        """Become the one worker, in a new term."""
        if self._held_by is not None:
            msg = f"a worker already runs on this log, in term {self._held_by}; stop it, or use another log"
            raise LeaseError(msg)
        self._term += 1
        term = self._held_by = self._term
        return Lease(term, self._commit, lambda: self._release(term))

    def fail(self, commit_count: int, fault: Fault) -> None:
        """Let a fault happen at the commit after so many more."""
        self._faults[self._attempts + commit_count] = fault

    def heal(self) -> None:
        """Let no more faults happen."""
        self._faults.clear()

    def lapse(self) -> None:
        """Let the holder's lease lapse without its knowing, as when a process is stopped or dies."""
        self._held_by = None

    def alter(self, topic: str | None, partition: int, offset: int, value: bytes) -> None:
        """Put another value where a record stands, behind everybody's back; `None` is the journal."""
        held = self._journal if topic is None else self._partition(topic, partition)
        number = offset - held.begin
        held.entries[number] = held.entries[number]._replace(value=value)

    def lose(self, transaction_count: int) -> None:
        """Forget the last transactions of everybody, as a power cut may under `durability = "process"`."""
        for _ in range(min(transaction_count, len(self._done))):
            for partition, count in self._done.pop():
                del partition.entries[len(partition.entries) - count :]

    def journal(self, from_sequence: int) -> Iterator[JournalRecord]:
        """Yield the journal from a sequence to its end."""
        while records := self._journal.read("the journal", from_sequence, 1, READ_BYTES_MAX).records:
            ((from_sequence, term, data),) = records
            yield JournalRecord(from_sequence, int(term or 0), data)
            from_sequence += 1

    def journal_begin(self) -> int:
        """Return the first sequence that is still held."""
        return self._journal.begin

    def journal_end(self) -> int:
        """Return the sequence of the next commit."""
        return self._journal.end

    def trim_journal(self, before_sequence: int) -> None:
        """Give up the journal before a sequence."""
        self._journal.trim("the journal", before_sequence)

    def close(self) -> None:
        """Do nothing: who opens the object again finds what is in it."""

    def _partition(self, topic: str, partition: int) -> _Partition:
        if topic not in self._topics:
            raise no_topic(topic, sorted(self._topics))
        held = self._topics[topic]
        if not 0 <= partition < len(held):
            raise no_partition(topic, partition, len(held))
        return held[partition]

    def _commit(self, term: int, commit: Commit) -> None:
        """Write one commit, or go wrong as asked."""
        fault = self._faults.get(self._attempts)
        self._attempts += 1
        record = Entry(b"%d" % term, commit.journal)
        check_entries((record,), "the journal")
        for topic, partition, entries in commit.outputs:
            self._partition(topic, partition)
            check_entries(entries, place_of(topic, partition))
        if term != self._term:
            raise fenced(term, self._term)
        if commit.sequence != self._journal.end:
            raise wrong_sequence(commit.sequence, self._journal.end)
        if fault is Fault.BEFORE_COMMIT:
            msg = "the disk has no room for the log in memory; free some, nothing was half written"
            raise SourceError(msg)
        done = [(self._partition(topic, partition), entries) for topic, partition, entries in commit.outputs]
        done.append((self._journal, (record,)))
        for held, entries in done:
            held.entries.extend(entries)
        self._done.append([(held, len(entries)) for held, entries in done])
        if fault is Fault.TEAR:
            self._journal.torn.add(commit.sequence)
        if fault is Fault.AFTER_COMMIT:
            msg = "the log did not acknowledge the commit; whether it happened is in the journal"
            raise SourceError(msg)

    def _release(self, term: int) -> None:
        if self._held_by == term:
            self._held_by = None


def _size(entries: Sequence[Entry]) -> int:
    return sum(len(value) + (len(key) if key else 0) for key, value in entries)

"""The log every durable worker stands on: what it holds, and the one commit from which exactly-once follows.

Lives here: the protocol, its frozen values, its errors and the lease. The embedded log and Kafka keep it alike; this
file knows neither. What it asks for is what both can give, so an offset need not be gapless (Kafka's transaction
markers occupy some) and a failed commit may have happened after all (an acknowledgement can be lost).

The life of a worker has one order, and exactly-once falls out of it:

1. `lead()`: a new term. From here on no worker of an earlier term can commit.
2. `journal(...)`: read *after* leading, so nobody can add to it unseen. Restore the newest snapshot, replay the rest.
3. `commit(sequence, outputs, journal record)`: the outputs, and the record that says which inputs they are for, or
   neither. The sequence must be the journal's end: a commit that was made cannot be made again.
4. A commit that raises ends the lease. Whether it happened is in the journal: throw the state away, begin again at 1.

The offsets of the inputs stand in the journal record and nowhere else: two truths could differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from types import TracebackType
from typing import NamedTuple, Protocol, TypeAlias

from engine.errors import ConfigError, SidestreamError
from streams.cluster_port import Cluster
from streams.ports import SourceError

ENTRY_BYTES_MAX = 1 << 24
"""The longest key, value and headers of one entry together, in bytes; also of a journal record."""

HEADER_BYTES = 10
"""What a header counts beside its name and its value, in bytes: as much as it takes at most on any log."""

PARTITION_COUNT_MAX = 1_024
"""Partitions of one topic."""

READ_COUNT_MAX = 1_000
"""The default bound on the records of one read."""

READ_BYTES_MAX = 1 << 20
"""The default bound on the bytes of one read."""

_TOPIC = re.compile(r"(?!__|\.\.?\Z)[A-Za-z0-9._-]{1,200}\Z")


class LogError(SidestreamError):
    """What the log holds cannot be trusted: damaged, of another version, or no longer there. Nothing is guessed."""

    exit_code = 3


class OffsetError(LogError):
    """An offset was asked for that the log does not hold: trimmed already, or beyond the end."""


class SequenceError(LogError):
    """A commit does not continue the journal: it was made before, or the worker's state is of another time."""


class LeaseError(SourceError):
    """Another worker leads, or has led since: this one must not commit."""


class HeldError(LeaseError):
    """Another worker leads now; whoever may wait asks again. `holder` says who it is."""

    def __init__(self, message: str, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


Headers: TypeAlias = tuple[tuple[str, bytes], ...]
"""Names and values that go with a record, in order; a name may come again."""


class Entry(NamedTuple):
    """What is appended: the value's bytes, the key they are about, if any, and headers."""

    key: bytes | None
    value: bytes
    headers: Headers = ()


class LogRecord(NamedTuple):
    """What is read: one entry at its offset."""

    offset: int
    key: bytes | None
    value: bytes
    headers: Headers = ()


class Span(NamedTuple):
    """Some records of a partition, offsets ascending, and where to read on.

    `next_offset` may lie beyond the last record's successor, also where there are no records at all.
    """

    records: Sequence[LogRecord]
    next_offset: int


class PartitionInfo(NamedTuple):
    """The first offset still held, the offset the next record will have at least, and the bytes between."""

    begin: int
    end: int
    data_bytes: int


class TopicInfo(NamedTuple):
    """A topic and its partitions, numbered from 0."""

    name: str
    partitions: tuple[PartitionInfo, ...]


class Delivery(NamedTuple):
    """Entries for one partition."""

    topic: str
    partition: int
    entries: Sequence[Entry]


class Commit(NamedTuple):
    """One slice's effects, all or nothing. `sequence` counts commits from 0 and must be the journal's end."""

    sequence: int
    journal: bytes
    outputs: Sequence[Delivery] = ()


class JournalRecord(NamedTuple):
    """One commit as it was journalled, and the term of the worker that made it. Terms never fall."""

    sequence: int
    term: int
    data: bytes


class Lease:
    """One worker's right to commit, from `Log.lead`; a context manager.

    A commit that raises, whatever it raises, ends the right: its outcome may be unknown, and the worker's state is
    ahead of what it knows to be durable. The next lease begins with the journal.

    Parameters
    ----------
    term
        Higher than that of every lease before.
    write
        Makes one commit of this term, all or nothing.
    release
        Lets others lead.
    """

    def __init__(self, term: int, write: Callable[[int, Commit], None], release: Callable[[], None]) -> None:
        self.term = term
        self._write = write
        self._release = release
        self._ended = False

    def __enter__(self) -> Lease:
        """Return the lease."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release it, whatever happened."""
        self.release()

    def commit(self, commit: Commit) -> None:
        """Make one commit.

        Raises
        ------
        SequenceError
            When `commit.sequence` is not the journal's end.
        LeaseError
            When another worker has led since, or this lease ended.
        ConfigError
            When an output names a topic or partition that is not there, or an entry is too large.
        SourceError
            When the log could not be written, or did not say whether it was: it may have happened.
        """
        if self._ended:
            msg = f"the lease of term {self.term} has ended; lead again, and continue from the journal"
            raise LeaseError(msg)
        self._ended = True
        self._write(self.term, commit)
        self._ended = False

    def release(self) -> None:
        """Let others lead. Again does nothing."""
        self._ended = True
        self._release()


class Log(Protocol):
    """Topics of partitions of records, one journal, and at most one worker that commits.

    Every process has a log object of its own; one object belongs to one thread. Who appends needs no lease. An append
    that raised may have happened: who repeats it makes duplicates, which the event id tells apart.
    """

    name: str

    @property
    def cluster(self) -> Cluster | None:
        """What it stands on; None where it stands by itself."""
        ...

    def create_topic(self, topic: str, partition_count: int) -> None:
        """Make a topic; nothing happens where it is there with as many partitions. Raises `ConfigError`."""
        ...

    def topics(self) -> tuple[TopicInfo, ...]:
        """Return the topics, by name; the journal is none of them."""
        ...

    def append(self, topic: str, partition: int, entries: Sequence[Entry]) -> int:
        """Append all or none, neighbours of each other, and return the offset after the last.

        Raises `ConfigError` for a topic, partition or entry that cannot be, `SourceError` where it cannot be written.
        """
        ...

    def read(
        self,
        topic: str,
        partition: int,
        from_offset: int,
        *,
        count_max: int = READ_COUNT_MAX,
        bytes_max: int = READ_BYTES_MAX,
    ) -> Span:
        """Return committed records from an offset on, at least one where there is one, whatever its size.

        Raises `OffsetError` outside begin..end, `LogError` where what is stored is damaged: never wrong bytes.
        """
        ...

    def wait(self, seconds: float) -> bool:
        """Wait until something has arrived on partitions whose reads came to their ends, so long at most.

        Returns False, at once, where the log is not told of arrivals: look again after a while.
        """
        ...

    def begin(self, topic: str, partition: int) -> int:
        """Return the first offset that is still held."""
        ...

    def end(self, topic: str, partition: int) -> int:
        """Return the offset after the last committed record."""
        ...

    def trim(self, topic: str, partition: int, before_offset: int) -> None:
        """Give up the records before an offset; nothing happens where they are gone already. Raises `OffsetError`."""
        ...

    def lead(self) -> Lease:
        """Become the one worker that commits. Raises `HeldError`, naming the holder, where another one is."""
        ...

    def journal(self, from_sequence: int) -> Iterator[JournalRecord]:
        """Yield the journal, gapless from this sequence to its end. Raises `OffsetError` where it was trimmed."""
        ...

    def journal_begin(self) -> int:
        """Return the first sequence that is still held."""
        ...

    def journal_end(self) -> int:
        """Return the sequence of the next commit: how many there were."""
        ...

    def trim_journal(self, before_sequence: int) -> None:
        """Give up the journal before a sequence: snapshots older than it can no longer be continued."""
        ...

    def close(self) -> None:
        """Let go of the log."""
        ...


def check_topic(topic: str, partition_count: int) -> None:
    """Raise `ConfigError` where a topic cannot be made: Kafka's rules for names, less those that begin with `__`."""
    if not _TOPIC.match(topic):
        msg = (
            "a topic's name has 1 to 200 letters, digits, dots, underscores and hyphens and does not begin with "
            f"two underscores, got {topic!r}"
        )
        raise ConfigError(msg)
    if not 1 <= partition_count <= PARTITION_COUNT_MAX:
        msg = f"a topic has 1 to {PARTITION_COUNT_MAX} partitions, got {partition_count}"
        raise ConfigError(msg)


def size_of(item: Entry | LogRecord) -> int:
    """Return how many bytes an entry or a record counts.

    >>> size_of(Entry(b"key", b"value")), size_of(Entry(None, b"value", (("name", b"1"),)))
    (8, 20)
    """
    size = len(item.value) + (len(item.key) if item.key else 0)
    if item.headers:
        names, values = zip(*item.headers, strict=True)
        size += len("".join(names).encode()) + len(b"".join(values)) + HEADER_BYTES * len(names)
    return size


def check_entries(entries: Iterable[Entry], place: str) -> list[int]:
    """Return the sizes of entries; raise `ConfigError` where one is too large, or a header's name is no text."""
    sizes = []
    for number, entry in enumerate(entries):
        try:
            size = size_of(entry)
        except UnicodeEncodeError as error:
            msg = (
                f"entry {number} for {place} has a header {error.object!r:.80}, whose name is no text; give it another"
            )
            raise ConfigError(msg) from None
        if size > ENTRY_BYTES_MAX:
            msg = f"entry {number} for {place} has {size} bytes, at most {ENTRY_BYTES_MAX} fit; make it smaller"
            raise ConfigError(msg)
        sizes.append(size)
    return sizes


def check_bounds(count_max: int, bytes_max: int) -> None:
    """Raise `ValueError` where a read could return nothing though there is something."""
    if count_max < 1 or bytes_max < 1:
        msg = f"count_max and bytes_max must be positive, got {count_max} and {bytes_max}"
        raise ValueError(msg)


def check_held(offset: int, begin: int, end: int, place: str) -> None:
    """Raise `OffsetError` where an offset lies outside begin..end."""
    if offset < begin:
        msg = f"offset {offset} of {place} was trimmed, the first one held is {begin}; start from there or later"
        raise OffsetError(msg)
    if offset > end:
        msg = f"offset {offset} of {place} lies beyond its end {end}; is this the log you mean?"
        raise OffsetError(msg)


def no_topic(topic: str, known: Iterable[str]) -> ConfigError:
    """Return the refusal of a topic that is not there."""
    there = ", ".join(map(repr, known)) or "none"
    return ConfigError(f"there is no topic {topic!r}; there are: {there}")


def no_partition(topic: str, partition: int, count: int) -> ConfigError:
    """Return the refusal of a partition that is not there."""
    return ConfigError(f"topic {topic!r} has partitions 0 to {count - 1}, got {partition}")


def wrong_count(topic: str, count: int, asked: int) -> ConfigError:
    """Return the refusal to change a topic's partitions: keys would move, and their order with them."""
    return ConfigError(f"topic {topic!r} has {count} partitions, not {asked}, and keeps them; use another name")


def wrong_sequence(sequence: int, end: int) -> SequenceError:
    """Return the refusal of a commit that does not continue the journal."""
    return SequenceError(
        f"the commit has sequence {sequence}, the journal continues with {end}; "
        "throw the state away and continue from the journal"
    )


def fenced(term: int, led: int) -> LeaseError:
    """Return the refusal of a commit by a worker that was replaced."""
    return LeaseError(f"a worker of term {led} has led since this one of term {term}; it commits nothing more: stop it")


def place_of(topic: str, partition: int) -> str:
    """Return how errors name a partition.

    >>> place_of("requests", 0)
    "'requests'/0"
    """
    return f"{topic!r}/{partition}"

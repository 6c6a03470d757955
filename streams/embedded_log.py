"""The embedded log: topics, partitions, offsets and the journal in one SQLite file, for one machine.

Lives here: the `Log` protocol over the tables of `log_file`. One row of `batch` is one append to one partition; the
journal is a partition like any other, under a name no topic can have, whose offsets are the sequences. A commit is one
SQLite transaction. This file knows no message, no engine and no clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from sqlite3 import Connection

from streams.log_file import Durability, LogFile
from streams.log_port import (
    READ_BYTES_MAX,
    READ_COUNT_MAX,
    Commit,
    Entry,
    JournalRecord,
    Lease,
    LogRecord,
    PartitionInfo,
    Span,
    TopicInfo,
    check_bounds,
    check_entries,
    check_held,
    check_topic,
    fenced,
    no_topic,
    place_of,
    wrong_count,
    wrong_sequence,
)
from streams.partition_row import JOURNAL, PartitionRow, add_partition, all_partitions, find_partition, move_partition
from streams.stored_batch import batches, checksum, damaged, decode, encode
from streams.worker_lock import WorkerLock

_INSERT = "INSERT INTO batch (partition_id, first_offset, record_count, crc, data) VALUES (?, ?, ?, ?, ?)"
_FROM = """
    SELECT first_offset, record_count, crc, data FROM batch WHERE partition_id = :id AND first_offset >= coalesce(
        (SELECT max(first_offset) FROM batch WHERE partition_id = :id AND first_offset <= :offset), 0)
    ORDER BY first_offset"""
_BEFORE = "FROM batch WHERE partition_id = ? AND first_offset < ? AND first_offset + record_count <= ?"


class EmbeddedLog:
    """A log in a directory: see `streams.log_port.Log`. Offsets and sequences are gapless from 0.

    Parameters
    ----------
    directory
        Where the log is, on a disk of this machine.
    durability
        What acknowledged transactions of this object survive; see `streams.log_file.Durability`.
    create
        Whether a log that is missing is made.

    Raises
    ------
    ConfigError, SourceError, LogError
        As `streams.log_file.LogFile`.

    Notes
    -----
    A batch is verified whenever it is read, and every read checks that batches meet without gap or overlap. A read
    verifies a batch of up to 1 MiB as a whole: read much at once and cut it up in memory. Room given up by trimming is
    used again; the file does not shrink.
    """

    def __init__(self, directory: str, *, durability: Durability = Durability.POWER, create: bool = False) -> None:
        self._file = LogFile(directory, durability=durability, create=create)
        self.name = self._file.name

    def __enter__(self) -> EmbeddedLog:
        """Return the log."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it, whatever happened."""
        self.close()

    def create_topic(self, topic: str, partition_count: int) -> None:
        """Make a topic; nothing happens where it is there with as many partitions."""
        check_topic(topic, partition_count)
        with self._file.writing() as db:
            there = sum(row.topic == topic for row in all_partitions(db))
            if there == partition_count:
                return
            if there:
                raise wrong_count(topic, there, partition_count)
            for number in range(partition_count):
                add_partition(db, topic, number)

    def topics(self) -> tuple[TopicInfo, ...]:
        """Return the topics, by name."""
        found: dict[str, list[PartitionInfo]] = {}
        with self._file.reading() as db:
            for row in all_partitions(db):
                found.setdefault(row.topic, []).append(PartitionInfo(row.begin, row.end, row.data_bytes))
        found.pop(JOURNAL, None)
        return tuple(TopicInfo(topic, tuple(partitions)) for topic, partitions in found.items())

    def append(self, topic: str, partition: int, entries: Sequence[Entry]) -> int:
        """Append all or none, and return the offset after the last."""
        check_entries(entries, place_of(topic, partition))
        with self._file.writing() as db:
            return _append(db, _public(db, topic, partition), entries)

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
        with self._file.reading() as db:
            return _read(db, _public(db, topic, partition), from_offset, (count_max, bytes_max))

    def wait(self, seconds: float) -> bool:  # noqa: ARG002 - nobody tells this log of arrivals
        """Return False: whoever appends does not say so."""
        return False

    def begin(self, topic: str, partition: int) -> int:
        """Return the first offset that is still held."""
        with self._file.reading() as db:
            return _public(db, topic, partition).begin

    def end(self, topic: str, partition: int) -> int:
        """Return the offset after the last record."""
        with self._file.reading() as db:
            return _public(db, topic, partition).end

    def trim(self, topic: str, partition: int, before_offset: int) -> None:
        """Give up the records before an offset. Batches go as a whole: the last of them may take its room still."""
        with self._file.writing() as db:
            _trim(db, _public(db, topic, partition), before_offset)

    def lead(self) -> Lease:
        """Become the one worker on this directory: take its lock, begin a new term."""
        lock = WorkerLock(self._file.directory)
        try:
            with self._file.writing() as db:
                db.execute("UPDATE lease SET term = term + 1")
                term = _term(db)
        except BaseException:
            lock.release()
            raise
        return Lease(term, self._commit, lock.release)

    def _commit(self, term: int, commit: Commit) -> None:
        """Write one commit, unless another term or another sequence has come between."""
        for topic, partition, entries in commit.outputs:
            check_entries(entries, place_of(topic, partition))
        record = Entry(b"%d" % term, commit.journal)
        check_entries((record,), "the journal")
        with self._file.writing() as db:
            led = _term(db)
            if led != term:
                raise fenced(term, led)
            journal = _journal(db)
            if commit.sequence != journal.end:
                raise wrong_sequence(commit.sequence, journal.end)
            for output in commit.outputs:
                _append(db, _public(db, output.topic, output.partition), output.entries)
            _append(db, journal, (record,))

    def journal(self, from_sequence: int) -> Iterator[JournalRecord]:
        """Yield the journal from a sequence to its end, as far as that has come by the time it is reached."""
        limits = READ_COUNT_MAX, READ_BYTES_MAX
        records: Sequence[LogRecord] = (LogRecord(from_sequence - 1, None, b""),)
        while records:
            with self._file.reading() as db:
                records = _read(db, _journal(db), records[-1].offset + 1, limits).records
            for sequence, term, data in records:
                yield JournalRecord(sequence, int(term or 0), data)

    def journal_begin(self) -> int:
        """Return the first sequence that is still held."""
        with self._file.reading() as db:
            return _journal(db).begin

    def journal_end(self) -> int:
        """Return the sequence of the next commit."""
        with self._file.reading() as db:
            return _journal(db).end

    def trim_journal(self, before_sequence: int) -> None:
        """Give up the journal before a sequence."""
        with self._file.writing() as db:
            _trim(db, _journal(db), before_sequence)

    def close(self) -> None:
        """Let go of the file. Again does nothing."""
        self._file.close()


def _public(db: Connection, topic: str, partition: int) -> PartitionRow:
    """Return the row of a topic's partition; the journal is no topic."""
    if topic == JOURNAL:
        raise no_topic(topic, sorted({row.topic for row in all_partitions(db)} - {JOURNAL}))
    return find_partition(db, topic, partition)


def _journal(db: Connection) -> PartitionRow:
    return find_partition(db, JOURNAL, 0)


def _term(db: Connection) -> int:
    """Return the term of the latest lease."""
    row = db.execute("SELECT term FROM lease").fetchone()
    if row is None or type(row[0]) is not int:
        raise damaged(JOURNAL, 0, 0, "the lease has no term")
    return row[0]


def _append(db: Connection, row: PartitionRow, entries: Sequence[Entry]) -> int:
    """Write entries as batches after the end, and return the new end."""
    end, data_bytes = row.end, row.data_bytes
    for batch in batches(entries):
        blob = encode(batch)
        crc = checksum(row.topic, row.number, end, len(batch), blob)
        db.execute(_INSERT, (row.partition_id, end, len(batch), crc, blob))
        end += len(batch)
        data_bytes += len(blob)
    if end > row.end:
        move_partition(db, row._replace(end=end, data_bytes=data_bytes))
    return end


def _read(db: Connection, row: PartitionRow, from_offset: int, limits: tuple[int, int]) -> Span:
    """Return verified records within (count, bytes), or raise `LogError` where they are not what was written."""
    place = row.topic, row.number
    check_held(from_offset, row.begin, row.end, place_of(*place))
    count_left, bytes_left = limits
    records: list[LogRecord] = []
    at = from_offset
    cursor = db.execute(_FROM, {"id": row.partition_id, "offset": from_offset})
    while at < row.end and count_left > 0 and bytes_left > 0:
        first, count, crc, blob = cursor.fetchone() or (row.end, 0, 0, b"")
        if type(first) is not int or type(count) is not int or type(blob) is not bytes:
            raise damaged(*place, at, "its batch has another type")
        if not (first <= at < first + count and (first == at or not records)):
            raise damaged(*place, at, "its batch is missing")
        if checksum(*place, first, count, blob) != crc:
            raise damaged(*place, first, "its batch does not have its checksum")
        for record in decode(blob, first, count, at - first):
            size = len(record.value) + (len(record.key) if record.key else 0)
            if records and (count_left < 1 or bytes_left < size):
                bytes_left = 0
                break
            records.append(record)
            count_left -= 1
            bytes_left -= size
        at = records[-1].offset + 1
    cursor.close()
    return Span(records, at)


def _trim(db: Connection, row: PartitionRow, before: int) -> None:
    """Delete the batches that lie wholly before an offset, and begin there."""
    if before <= row.begin:
        return
    check_held(before, row.begin, row.end, place_of(row.topic, row.number))
    span = (row.partition_id, before, before)
    ((freed,),) = db.execute(f"SELECT coalesce(sum(length(data)), 0) {_BEFORE}", span)
    db.execute(f"DELETE {_BEFORE}", span)
    move_partition(db, row._replace(begin=before, data_bytes=row.data_bytes - freed))

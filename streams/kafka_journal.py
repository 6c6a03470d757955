"""The journal in a topic of one partition: sequences of our own, found among offsets that are not gapless.

One record is one commit, or says who leads from here on, or that all before it was given up. Its key holds what it is,
the term and the sequence; so the first record tells where the journal begins and the last one where it ends, a term is
durable before anything is committed in it, and a sequence is found by halving.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple

from aiokafka.structs import TopicPartition

from streams.kafka_wire import Wire
from streams.log_port import Entry, LogError, LogRecord

_KEY = struct.Struct(">BQQ")
_PROBE_BYTES = 4_096
_WINDOW = 2
"""A commit takes two offsets: its record and the marker of its transaction."""


class MarkKind(IntEnum):
    """What a record of the journal says."""

    COMMIT = 0
    """The commit with this sequence."""

    LEAD = 1
    """A worker leads from here on, and continues with this sequence."""

    TRIM = 2
    """Everything before this sequence was given up. It may stand among later commits."""


class Mark(NamedTuple):
    """Where a record of the journal is, and what its key says."""

    offset: int
    kind: MarkKind
    term: int
    sequence: int

    @property
    def next_sequence(self) -> int:
        """The sequence of the commit after it."""
        return self.sequence + (self.kind is MarkKind.COMMIT)


NOTHING = Mark(-1, MarkKind.TRIM, 0, 0)
"""What stands for the mark of a journal in which nothing is written yet."""


def journal_entry(kind: MarkKind, term: int, sequence: int, data: bytes = b"") -> Entry:
    """Return a record of the journal."""
    return Entry(_KEY.pack(kind, term, sequence), data)


def read_mark(record: LogRecord) -> Mark:
    """Return what a record of the journal is; raise `LogError` where it is none."""
    try:
        kind, term, sequence = _KEY.unpack(record.key or b"")
        return Mark(record.offset, MarkKind(kind), term, sequence)
    except (ValueError, struct.error):
        msg = f"record {record.offset} of the journal's topic is none of ours; does anybody else write to it?"
        raise LogError(msg) from None


class Journal:
    """Finds things in the journal.

    Parameters
    ----------
    wire
        Asks the leader of its partition.
    place
        Where it is.
    """

    def __init__(self, wire: Wire, place: TopicPartition) -> None:
        self._wire = wire
        self.place = place
        self._known: Mark = NOTHING

    async def first(self) -> Mark:
        """Return the first record."""
        begin, end = (await self._wire.ends([self.place]))[self.place]
        while begin < end:
            records, begin, *_ = await self._wire.fetch(self.place, begin, _PROBE_BYTES)
            if records:
                return read_mark(records[0])
        return NOTHING

    async def last(self) -> Mark:
        """Return the last record, but one that says that everything was given up only where there is no other."""
        begin, end = (await self._wire.ends([self.place]))[self.place]
        window, upto, trim = _WINDOW, end, NOTHING
        while upto > begin:
            start = max(begin, upto - window)
            marks = await self._marks(start, upto)
            last = next((mark for mark in reversed(marks) if mark.kind is not MarkKind.TRIM), None)
            if last is not None:
                return last
            trim = max([trim, *marks], key=lambda mark: mark.sequence)
            upto, window = start, 4 * window
        return trim

    async def offset_of(self, sequence: int) -> int:
        """Return an offset from which this sequence, which must be held, is the first that is read."""
        if self._known.sequence == sequence and self._known is not NOTHING:
            return self._known.offset
        low, high = (await self._wire.ends([self.place]))[self.place]
        while low < high:
            middle = (low + high) // 2
            mark = await self._next_mark(middle, high)
            if mark is None or mark.sequence >= sequence:
                high = middle
            else:
                low = mark.offset + 1
        return low

    def know(self, sequence: int, offset: int) -> None:
        """Remember from where a sequence is read."""
        self._known = Mark(offset, MarkKind.COMMIT, 0, sequence)

    async def _next_mark(self, offset: int, end: int) -> Mark | None:
        """Return the first record in offset..end whose sequence is not less than those before it."""
        while offset < end:
            records, offset, *_ = await self._wire.fetch(self.place, offset, _PROBE_BYTES)
            for record in records:
                mark = read_mark(record)
                if mark.kind is not MarkKind.TRIM:
                    return mark if record.offset < end else None
        return None

    async def _marks(self, offset: int, end: int) -> list[Mark]:
        """Return every record in offset..end."""
        marks: list[Mark] = []
        while offset < end:
            records, offset, *_ = await self._wire.fetch(self.place, offset, _PROBE_BYTES)
            marks += [read_mark(record) for record in records if record.offset < end]
        return marks

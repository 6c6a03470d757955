"""The intake: what has arrived on the inputs, in the order in which a worker takes it.

Commands come first. Among requests and labels the earlier event time goes first, requests before labels at equal times,
and nobody waits for an input that has nothing: over a backlog labels meet their requests as they did in life, and on a
live stream what has arrived is taken. Records without a time go in turns. The order is decided once and then stands in
the journal: whoever replays asks for the same runs again. This file knows records and offsets, no messages.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from engine.errors import MessageError
from engine.event_time import parse_event_time
from streams.codec_port import JSON, ValueCodec, read_record
from streams.journal import Run
from streams.log_port import READ_BYTES_MAX, READ_COUNT_MAX, Headers, Log, LogError, LogRecord
from streams.ports import Record

PASSED_OVER_MAX = 1_000
"""Records taken from elsewhere before one with a late event time is taken all the same: a wild clock stops nothing."""


SLICE_BYTES_MAX = 1 << 22
"""Bytes of the records taken at once; one that goes over it is the last."""


class Kind(IntEnum):
    """What an input carries, in the order in which they go at equal times."""

    COMMAND = 0
    REQUEST = 1
    LABEL = 2


class Input(NamedTuple):
    """One partition that is read."""

    topic: str
    partition: int
    kind: Kind


class Arrival(NamedTuple):
    """One record that was taken: from which input, at which offset, as it was read, and what stood beside its value."""

    input: int
    offset: int
    record: Record
    key: bytes | None = None
    headers: Headers = ()


class _Head(NamedTuple):
    """The next record of an input, when it happened, and how many had been taken when it came to stand here."""

    arrival: Arrival
    time_ms: int | None
    since: int


class Reading(NamedTuple):
    """How records are read.

    Parameters
    ----------
    time_columns
        The column of event time, by kind; a kind without one has records without a time.
    record_bytes_max
        A longer record is taken as one that cannot be read.
    values
        Reads the values of requests and labels; commands are JSON.
    """

    time_columns: Mapping[Kind, str | None]
    record_bytes_max: int
    values: ValueCodec = JSON


class Intake:
    """The inputs of one worker, read in order.

    Parameters
    ----------
    log
        Where they stand.
    inputs
        The partitions; their numbers are their places here.
    offsets
        Where to go on, by input.
    reading
        How records are read.
    """

    def __init__(self, log: Log, inputs: Sequence[Input], offsets: Sequence[int], reading: Reading) -> None:
        self._log = log
        self._inputs = tuple(inputs)
        self._names = [f"{each.topic}/{each.partition}" for each in inputs]
        self._times = [reading.time_columns.get(each.kind) for each in inputs]
        self._bytes_max = reading.record_bytes_max
        self._codecs = [JSON if each.kind is Kind.COMMAND else reading.values for each in inputs]
        self._read_to = list(offsets)
        self._buffers: list[deque[LogRecord]] = [deque() for _ in inputs]
        self._maybe_more = [True] * len(self._inputs)
        self._heads: list[_Head | None] = [None] * len(self._inputs)
        self._taken = 0
        self._last_turn = [0] * len(self._inputs)
        self._now_ms = 0

    def look(self) -> None:
        """See whether anything has arrived on inputs that had nothing."""
        for number, head in enumerate(self._heads):
            if head is None:
                self._maybe_more[number] = True
                self._advance(number)

    def take(self, count_max: int, bytes_max: int = SLICE_BYTES_MAX) -> list[Arrival]:
        """Return up to so many records of what has arrived, in the order of this file's first paragraph."""
        taken: list[Arrival] = []
        while len(taken) < count_max and bytes_max > 0:
            number = self._next()
            if number is None:
                break
            taken.append(self._pop(number))
            bytes_max -= len(taken[-1].record.raw)
        return taken

    def take_runs(self, runs: Iterable[Run]) -> list[Arrival]:
        """Return the records of these runs, which must continue what was taken before.

        Raises
        ------
        LogError
            When they do not, or the log holds other records than these. `OffsetError` when they were trimmed.
        """
        taken: list[Arrival] = []
        for run in runs:
            if run.input >= len(self._inputs):
                msg = f"the journal names input {run.input}, there are {len(self._inputs)}; is this the log you mean?"
                raise LogError(msg)
            for _ in range(run.record_count):
                if self._heads[run.input] is None:
                    self._maybe_more[run.input] = True
                    self._advance(run.input)
                if self._heads[run.input] is None:
                    raise LogError(self._gone(run))
                taken.append(self._pop(run.input))
            if (
                run.record_count
                and not run.from_offset <= taken[-run.record_count].offset <= taken[-1].offset < run.next_offset
            ):
                raise LogError(self._gone(run))
        return taken

    def backlog(self) -> int:
        """Return how many offsets lie between what was taken and the ends of the inputs."""
        return sum(
            max(0, self._log.end(each.topic, each.partition) - self._offset(number))
            for number, each in enumerate(self._inputs)
        )

    def held_bytes(self) -> list[int]:
        """Return how many bytes of records are at hand, by input: one read of the log at most."""
        heads = (0 if head is None else len(head.arrival.record.raw) for head in self._heads)
        return [
            head + sum(len(each.value) for each in buffer) for head, buffer in zip(heads, self._buffers, strict=True)
        ]

    def waiting(self) -> bool:
        """Whether something is at hand to be taken."""
        return any(head is not None for head in self._heads)

    def _offset(self, number: int) -> int:
        head = self._heads[number]
        return self._read_to[number] if head is None else head.arrival.offset

    def _next(self) -> int | None:
        """Return the input whose next record goes first; None where there is none at hand."""
        best, best_key = None, None
        for number, head in enumerate(self._heads):
            if head is None:
                continue
            kind = self._inputs[number].kind
            if kind is Kind.COMMAND or self._taken - head.since >= PASSED_OVER_MAX:
                return number
            time_ms = self._now_ms if head.time_ms is None else head.time_ms
            key = (time_ms, 0 if head.time_ms is not None else self._last_turn[number], kind, number)
            if best_key is None or key < best_key:
                best, best_key = number, key
        return best

    def _pop(self, number: int) -> Arrival:
        """Take the next record of an input, and see what comes after it."""
        head = self._heads[number]
        assert head is not None  # noqa: S101 - the callers looked
        self._taken += 1
        self._last_turn[number] = self._taken
        if head.time_ms is not None:
            self._now_ms = head.time_ms
        self._heads[number] = None
        self._advance(number)
        return head.arrival

    def _advance(self, number: int) -> None:
        """Make the next record of an input its head, reading on where the buffer is empty and there may be more."""
        buffer = self._buffers[number]
        if not buffer and self._maybe_more[number]:
            self._fill(number)
        if not buffer:
            return
        offset, key, value, headers = buffer.popleft()
        record = read_record(self._codecs[number], self._names[number], offset, value, self._bytes_max)
        arrival = Arrival(number, offset, record, key, headers)
        self._heads[number] = _Head(arrival, self._time_of(record, number), self._taken)

    def _fill(self, number: int) -> None:
        topic, partition, _ = self._inputs[number]
        records, self._read_to[number] = self._log.read(topic, partition, self._read_to[number])
        self._buffers[number].extend(records)
        full = len(records) >= READ_COUNT_MAX or sum(len(record.value) for record in records) >= READ_BYTES_MAX // 2
        self._maybe_more[number] = full

    def _time_of(self, record: Record, number: int) -> int | None:
        column = self._times[number]
        if column is None or record.values is None:
            return None
        try:
            return parse_event_time(record.values.get(column))
        except MessageError:
            return None

    def _gone(self, run: Run) -> str:
        return (
            f"the journal names records {run.from_offset} to {run.next_offset} of {self._names[run.input]}, and the "
            "log holds others there; restore the log from a copy"
        )


def runs_of(arrivals: Iterable[Arrival]) -> tuple[Run, ...]:
    """Return the runs that name these records.

    >>> record = Record("requests/0", 0, b"", None, None)
    >>> [tuple(run) for run in runs_of([Arrival(1, 7, record), Arrival(1, 8, record), Arrival(2, 0, record)])]
    [(1, 7, 9, 2), (2, 0, 1, 1)]
    """
    runs: list[Run] = []
    first = last = count = 0
    current = -1
    for number, offset, *_ in arrivals:
        if number != current:
            if count:
                runs.append(Run(current, first, last + 1, count))
            current, first, count = number, offset, 0
        last = offset
        count += 1
    if count:
        runs.append(Run(current, first, last + 1, count))
    return tuple(runs)

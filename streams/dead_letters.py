"""Dead letters as they stand on their topic, and their way back to where they came from.

Lives here: reading what `codec.dead_letter_line` wrote, and finding a letter's original bytes. The log is the truth
for these, as long as it holds the record; the letter's copy may be cut, and has no key. Nothing here knows the command
line.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from engine.errors import ConfigError, SidestreamError
from engine.values import show_value
from streams.cloud_events import trace_of
from streams.log_port import Entry, Headers, Log, LogRecord, OffsetError, check_held, place_of

BATCH_COUNT = 500
BATCH_BYTES = 1 << 23
"""Records, and bytes of them, that go back at once."""

_SOURCE = re.compile(r"([^/]+)/([0-9]{1,6})")


class Place(NamedTuple):
    """Where a record stood: topic, partition, offset.

    >>> str(Place("requests", 0, 17))
    'requests/0 at 17'
    """

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        """Return it for eyes."""
        return f"{self.topic}/{self.partition} at {self.offset}"


class LostError(SidestreamError):
    """The original bytes of a letter cannot be had any more, or nobody can say whose they are."""

    exit_code = 1


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """One dead letter at its offset.

    Parameters
    ----------
    offset
        On the topic of dead letters.
    fields
        The letter, as `codec.dead_letter_line` wrote it.
    shown
        The bytes that the letter holds; None where it holds none.
    trace
        The trace context of the record, from the letter's headers.
    """

    offset: int
    fields: Mapping[str, object]
    shown: bytes | None
    trace: Headers = ()

    @property
    def reason(self) -> str:
        """Why the record could not be used."""
        return str(self.fields["reason"])

    @property
    def is_whole(self) -> bool:
        """Whether the letter holds all of the record's bytes, which is tried with their hash."""
        return self.shown is not None and sha256(self.shown).hexdigest() == self.fields.get("sha256")

    @property
    def place(self) -> Place:
        """Where the record stood. Raises `LostError` where that is no topic of a log."""
        source, row = self.fields["source"], self.fields["row"]
        match = _SOURCE.fullmatch(source) if isinstance(source, str) else None
        if match is None or type(row) is not int or row < 0:
            msg = f"its source {show_value(source)} is no topic of a log, so there is nowhere to append it again"
            raise LostError(msg)
        return Place(match[1], int(match[2]), row)


def read_letter(record: LogRecord, topic: str) -> StoredLetter:
    """Return the dead letter a record holds. Raises `ConfigError` where it is none: the topic must be another."""
    try:
        fields = json.loads(record.value)
        _ = fields["source"], fields["row"], fields["kind"], fields["stage"], fields["reason"], fields["detail"]
        shown = None
        if "text" in fields:
            shown = fields["text"].encode()
        elif "base64" in fields:
            shown = b64decode(fields["base64"], validate=True)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        msg = f"offset {record.offset} of {topic!r} holds no dead letter; name their topic with --topic"
        raise ConfigError(msg) from None
    return StoredLetter(record.offset, fields, shown, trace_of(record.headers) if record.headers else ())


def letters(log: Log, topic: str, from_offset: int, *, reason: str | None = None) -> Iterator[StoredLetter]:
    """Yield the letters from an offset to where the topic ends now, or those of one reason.

    What is appended meanwhile is not yielded: a letter that was replayed may come back as another one.
    """
    end = log.end(topic, 0)
    check_held(from_offset, log.begin(topic, 0), end, place_of(topic, 0))
    while from_offset < end:
        records, from_offset = log.read(topic, 0, from_offset)
        for record in records:
            if record.offset >= end:
                return
            letter = read_letter(record, topic)
            if reason is None or letter.reason == reason:
                yield letter


def letter_at(log: Log, topic: str, offset: int) -> StoredLetter:
    """Return the letter at an offset. Raises `OffsetError` where there is none."""
    for record in log.read(topic, 0, offset, count_max=1).records:
        if record.offset == offset:
            return read_letter(record, topic)
    msg = f"there is no record at offset {offset} of {place_of(topic, 0)}; it ends at {log.end(topic, 0)}"
    raise OffsetError(msg)


class Original(NamedTuple):
    """The record that a letter speaks of; the letter's own copy of it has no key, and no headers but its trace."""

    entry: Entry
    is_copy: bool


def original(log: Log, letter: StoredLetter) -> Original:
    """Return the record that a letter speaks of: from the log, or where that was trimmed, from the letter.

    Raises
    ------
    LostError
        When neither has it, or what stands at its place is something else.
    """
    place = letter.place
    held = _from_log(log, place, letter)
    if held is not None:
        return Original(held, is_copy=False)
    if not letter.is_whole or letter.shown is None:
        msg = f"{place} was trimmed, and the letter holds only the first bytes of its {letter.fields.get('length')}"
        raise LostError(msg)
    return Original(Entry(None, letter.shown, letter.trace), is_copy=True)


class Returned(NamedTuple):
    """One letter, and where its record stands now or, where it was only tried, would go."""

    letter: StoredLetter
    sent: Original
    to: Place


class Lost(NamedTuple):
    """One letter, and why its record cannot go back."""

    letter: StoredLetter
    why: str


def send_back(log: Log, chosen: Iterable[StoredLetter]) -> Iterator[Returned | Lost]:
    """Append the records of letters to where they came from once more, in order; yield each once it is there.

    Records of one partition go in together, at most `BATCH_COUNT` and about `BATCH_BYTES`. Stopped and begun again it
    makes duplicates, which the event id tells apart.
    """
    batch: list[tuple[StoredLetter, Original]] = []
    size = 0
    for letter in chosen:
        try:
            found = original(log, letter)
        except LostError as error:
            yield Lost(letter, str(error))
            continue
        batch.append((letter, found))
        size += len(found.entry.value)
        if len(batch) == BATCH_COUNT or size >= BATCH_BYTES:
            yield from _append(log, batch)
            batch, size = [], 0
    yield from _append(log, batch)


def try_out(log: Log, chosen: Iterable[StoredLetter]) -> Iterator[Returned | Lost]:
    """Yield what `send_back` would, appending nothing: the offsets are those at which the partitions would end."""
    ends: dict[tuple[str, int], int] = {}
    for letter in chosen:
        try:
            found = original(log, letter)
        except LostError as error:
            yield Lost(letter, str(error))
            continue
        topic, partition, _ = letter.place
        offset = ends.get((topic, partition), log.end(topic, partition))
        ends[topic, partition] = offset + 1
        yield Returned(letter, found, Place(topic, partition, offset))


def _append(log: Log, batch: Iterable[tuple[StoredLetter, Original]]) -> Iterator[Returned]:
    """Append a batch, one partition after the other."""
    by_partition: dict[tuple[str, int], list[tuple[StoredLetter, Original]]] = {}
    for letter, found in batch:
        by_partition.setdefault(letter.place[:2], []).append((letter, found))
    for (topic, partition), pairs in by_partition.items():
        end = log.append(topic, partition, [found.entry for _, found in pairs])
        for offset, (letter, found) in enumerate(pairs, end - len(pairs)):
            yield Returned(letter, found, Place(topic, partition, offset))


def _from_log(log: Log, place: Place, letter: StoredLetter) -> Entry | None:
    """Return the record the log holds, None where it was trimmed; `LostError` where it is another, or never was."""
    topic, partition, offset = place
    try:
        begin, end = log.begin(topic, partition), log.end(topic, partition)
        if offset < begin:
            return None
        check_held(offset, begin, end, place_of(topic, partition))
        records = log.read(topic, partition, offset, count_max=1).records
    except (ConfigError, OffsetError) as error:
        msg = f"this log has no {place} ({error})"
        raise LostError(msg) from None
    for record in records:
        if record.offset == offset and sha256(record.value).hexdigest() == letter.fields.get("sha256"):
            return Entry(record.key, record.value, record.headers)
    msg = f"what stands in {place} is not the record the letter speaks of; is this the log it was written for?"
    raise LostError(msg)

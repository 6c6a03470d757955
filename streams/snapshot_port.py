"""Where a log keeps copies of checkpoints beyond the machine that made them: the protocol.

Chunks are handed over without waiting; a record that names them is published by the one who leads, and by nobody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from streams.log_port import Entry, LogRecord

RECORD_COUNT = 64
"""Offsets that are looked at from the end for records: a snapshot takes about five, and two are kept."""


class Underway(Protocol):
    """An entry that was handed over."""

    @property
    def is_done(self) -> bool:
        """Whether it arrived, or failed."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait until it has, for so long at most."""
        ...

    def result(self) -> int:
        """Return its offset once it arrived. Raises `SourceError` where it did not."""
        ...


class SnapshotStore(Protocol):
    """A place for snapshots: chunks in one partition, the records that name them in another."""

    def chunk_bytes_max(self) -> int:
        """Return how long a chunk may be, in bytes."""
        ...

    def announce(self, entry: Entry) -> Underway:
        """Hand over a record that says that chunks come."""
        ...

    def put(self, entry: Entry) -> Underway:
        """Hand over a chunk."""
        ...

    def publish(self, entry: Entry, gone: Sequence[bytes], gone_chunks: Sequence[bytes]) -> None:
        """Write a record, and give up records and chunks by their keys, all or nothing, as the one who leads.

        Raises
        ------
        ConfigError
            When the record is larger than what its topic takes: nothing was sent.
        LeaseError
            When another worker has led since.
        SourceError
            When it could not be written, or nobody said whether it was.
        """
        ...

    def records(self) -> list[LogRecord]:
        """Return the last records, of `RECORD_COUNT` offsets at most; one that was given up has no bytes."""
        ...

    def chunk(self, offset: int) -> LogRecord | None:
        """Return the chunk at or after an offset; None where there is none."""
        ...

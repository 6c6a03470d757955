"""The shapes at the edge of the runner: what a source hands over. Adapters keep these, and never import each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from engine.errors import MessageError, SidestreamError


class SourceError(SidestreamError):
    """The world outside said no: a file that is missing, empty or unreadable."""

    exit_code = 4


RAW_BYTES_MAX = 65_536
"""What is kept of a record that is too large, and what a dead letter shows of any record, in bytes."""


class Cut(NamedTuple):
    """The whole of a record of which only the first `RAW_BYTES_MAX` bytes were kept: its length and SHA-256."""

    length: int
    sha256: str


class Record(NamedTuple):
    """One input as it came.

    `origin` and `row` say where it stood (row 1 is the first record after a header), `raw` is its original bytes, and
    exactly one of `values` (fields by column name, still unparsed) and `refusal` (why it could not be read) is set.
    `cut` is set where the record was too large to be kept: `raw` is then its beginning.
    """

    origin: str
    row: int
    raw: bytes
    values: Mapping[str, object] | None
    refusal: MessageError | None
    cut: Cut | None = None


class Source(Protocol):
    """A finite or endless sequence of records, read once, in order."""

    name: str

    def __iter__(self) -> Iterator[Record]:
        """Yield the records. Raises `SourceError` when the source itself cannot be read."""
        ...

    def fraction(self) -> float | None:
        """Return how much has been read, 0.0 to 1.0; None where nobody can know."""
        ...

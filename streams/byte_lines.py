"""Bytes in lines, whatever they come from: a file, a gzip file, a pipe, standard input.

Lives here: opening, the byte order mark, one bounded line at a time, lines handed back, lines too large to hold. This
file knows no format: what a line means is for `csv_file` and `jsonl_file`.
"""

from __future__ import annotations

import sys
import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections import deque
from collections.abc import Sequence
from gzip import GzipFile
from hashlib import sha256
from io import SEEK_SET, BufferedReader, FileIO, RawIOBase
from os import fstat
from pathlib import Path
from typing import TYPE_CHECKING, cast

from engine.errors import ConfigError, MessageError
from streams.ports import RAW_BYTES_MAX, Cut, Record, SourceError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

RECORD_BYTES_MAX = 1 << 20
"""The default bound on one record, in bytes."""

STANDARD_INPUT = "-"
_BUFFER_BYTES = 1 << 18
_GZIP_MAGIC = b"\x1f\x8b"


class Lines:
    """The lines of one input, each with its line end, none longer in memory than `record_bytes_max` + 1 bytes.

    Opened at once, so that what cannot be read is said before anything starts. A byte order mark at the very start is
    skipped; gzip is known by its first two bytes.

    Parameters
    ----------
    path
        A file, or `"-"` for standard input.
    record_bytes_max
        The longest line that is returned whole, in bytes; a longer one comes cut: see `refuse_oversize`.

    Raises
    ------
    SourceError
        When it is missing, a directory, unreadable or empty.
    ConfigError
        When it is UTF-16.
    """

    def __init__(self, path: str, record_bytes_max: int = RECORD_BYTES_MAX) -> None:
        self.path = path
        self.name = "standard input" if path == STANDARD_INPUT else path
        self.record_bytes_max = record_bytes_max
        self.failure: Exception | None = None
        self._pending: deque[bytes] = deque()
        self._position = 0
        self._file, self._stream = self._open()
        self._readline = self._stream.readline
        self._skip_mark()

    def read(self) -> bytes:
        """Return the next line, or `b""` at the end; what goes wrong on the way ends it and is kept as `failure`.

        A line that comes back longer than `record_bytes_max` is only the beginning of one: see `refuse_oversize`.
        """
        if self._pending:
            return self._pending.popleft()
        return self._read(self.record_bytes_max + 1)

    def push_back(self, lines: Sequence[bytes]) -> None:
        """Hand lines back: they are the next to be read, in this order."""
        self._pending.extendleft(reversed(lines))

    def peek(self) -> bytes:
        """Return some of the bytes to come, without taking them."""
        try:
            return self._stream.peek(_BUFFER_BYTES)
        except (OSError, EOFError, zlib.error) as error:
            raise self._unreadable(error) from error

    def park(self) -> None:
        """Close a regular file until its next read, so that a thousand files need no thousand descriptors."""
        if self.path != STANDARD_INPUT and Path(self.path).is_file():
            self._position = self._stream.tell()
            self.close()
            self._readline = self._resume

    def close(self) -> None:
        """Let go of the file."""
        if self.path != STANDARD_INPUT:
            self._stream.close()
            self._file.close()

    def fraction(self) -> float | None:
        """Return how much of a file's bytes, as they lie on the disk, has been read; None of what has no size."""
        if self._file.closed:
            return 1.0
        try:
            size = fstat(self._file.fileno()).st_size
            return min(1.0, self._file.raw.tell() / size) if size else None
        except OSError:
            return None

    def refuse_oversize(self, beginning: bytes, row: int) -> Record:
        """Read past the rest of a line that is too large: only its first `RAW_BYTES_MAX` bytes stay in memory."""
        digest, length, piece = sha256(beginning), len(beginning), beginning
        while not piece.endswith(b"\n") and (piece := self._read(RAW_BYTES_MAX)):
            digest.update(piece)
            length += len(piece)
        return refused_oversize(self.name, row, beginning, Cut(length, digest.hexdigest()), self.record_bytes_max)

    def raise_failure(self, row: int) -> None:
        """Raise what ended the reading early, if anything did, once all that was whole has been delivered."""
        if self.failure is not None:
            msg = (
                f"{self.name!r} could not be read past row {row} ({self.failure}): "
                "the file is cut short or damaged; fetch it again"
            )
            raise SourceError(msg) from self.failure

    def _read(self, limit: int) -> bytes:
        try:
            return self._readline(limit)
        except (OSError, EOFError, zlib.error) as error:
            self.failure = error
            self._readline = _at_end
            return b""

    def _resume(self, limit: int | None = -1, /) -> bytes:
        """Reopen a parked file where it was left."""
        self._file, self._stream = self._open()
        self._stream.seek(self._position)
        self._readline = self._stream.readline
        return self._readline(limit)

    def _open(self) -> tuple[BufferedReader, BufferedReader]:
        """Return the file as it is, and as its lines are to be read: the same, or unzipped."""
        try:
            if self.path == STANDARD_INPUT:
                file = cast("BufferedReader", sys.stdin.buffer)
            else:
                file = BufferedReader(FileIO(self.path), _BUFFER_BYTES)
            zipped = file.peek(2)[:2] == _GZIP_MAGIC
        except (OSError, ValueError) as error:
            raise self._unreadable(error) from error
        if zipped:
            return file, BufferedReader(_Unzipped(file), _BUFFER_BYTES)
        return file, file

    def _skip_mark(self) -> None:
        try:
            head = self.peek()
        except SourceError:
            self.close()
            raise
        if head[:2] in {BOM_UTF16_LE, BOM_UTF16_BE}:
            self.close()
            msg = f"{self.name!r} is UTF-16, expected UTF-8; convert it: iconv -f UTF-16 -t UTF-8"
            raise ConfigError(msg)
        if head.startswith(BOM_UTF8):
            self._stream.read(len(BOM_UTF8))
            head = self.peek()
        if not head:
            self.close()
            msg = f"{self.name!r} is empty; give a file that holds records"
            raise SourceError(msg)

    def _unreadable(self, error: Exception) -> SourceError:
        """Put what the system said into one line that names the file and the remedy."""
        if isinstance(error, FileNotFoundError):
            return SourceError(f"{self.name!r} does not exist; check the path")
        if isinstance(error, IsADirectoryError):
            return SourceError(f"{self.name!r} is a directory; name the files in it, such as {self.name}/*.csv")
        if isinstance(error, PermissionError):
            return SourceError(f"{self.name!r} may not be read; check its permissions")
        return SourceError(f"{self.name!r} cannot be read ({error}); check that the file is whole")


class _Unzipped(RawIOBase):
    """The bytes inside a gzip file, as they come: `GzipFile.readinto` would lose what precedes a cut."""

    def __init__(self, file: BufferedReader) -> None:
        self._zipped = GzipFile(fileobj=file)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._zipped.seekable()

    def seek(self, offset: int, whence: int = SEEK_SET, /) -> int:
        return self._zipped.seek(offset, whence)

    def tell(self) -> int:
        return self._zipped.tell()

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._zipped.read1(len(view))
        view[: len(data)] = data
        return len(data)


def refused_oversize(name: str, row: int, beginning: bytes, cut: Cut, bytes_max: int) -> Record:
    """Return the refusal of a record of more than `bytes_max` bytes, with no more of it than is kept."""
    detail = f"a record may have {bytes_max} bytes, got {cut.length}; raise record_bytes_max to admit it"
    return Record(name, row, beginning[:RAW_BYTES_MAX], None, MessageError("too_large", detail, stage="read"), cut)


def _at_end(_limit: int | None = -1, /) -> bytes:
    return b""

"""`audit.jsonl`: a copy of the topic `audit` for people, auditors and other machines, one line an entry.

The topic is the truth, since it is committed together with the effect it speaks of. The file follows it, only ever at
its end; whatever else is found in it is refused. This file knows no log: it is handed the topic's lines.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from streams.audit_trail import AuditError, Chain, follow_line
from streams.ports import SourceError

AUDIT_FILE = "audit.jsonl"
LOST_FILE = "audit-lost.jsonl"
"""Next to it: entries of commits that a power cut took from the log after they were copied."""

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
_OWNER_ALONE = 0o600
_BUFFER_BYTES = 1 << 18


class AuditFile:
    """The copy, open for appending; a context manager. Only a worker that leads may hold it.

    Parameters
    ----------
    path
        Made where it is missing, for its owner alone. A symbolic link is refused.

    Raises
    ------
    SourceError
        When it cannot be opened or written.

    Notes
    -----
    Every entry is hashed once, when it is copied or compared. `bring_up` reads file and topic side by side and holds
    one line of each.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._chain: Chain | None = None
        try:
            self._handle = os.open(path, _FLAGS, _OWNER_ALONE)
        except OSError as error:
            raise self._unwritable(error) from error

    def __enter__(self) -> AuditFile:
        """Return the file."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it, whatever happened."""
        self.close()

    def bring_up(self, topic: Iterable[bytes], *, may_be_ahead: bool = False) -> int:
        """Copy what is missing, and return how many lines that was.

        A last line that a crash has torn is cut off and written anew: it must be the beginning of the line that the
        topic has there, followed by nothing or by zeros to the file's end.

        Parameters
        ----------
        topic
            All lines of the topic, from entry 0, without their line ends.
        may_be_ahead
            Whether the log may have lost its last commits: what the file holds beyond the topic is then moved to
            `LOST_FILE`, and not refused.

        Raises
        ------
        AuditError
            When the topic is no whole trail, or the file holds anything but the beginning of it.
        """
        self._chain = None
        try:
            chain, added = self._bring_up(topic, may_be_ahead=may_be_ahead)
        except OSError as error:
            raise self._unwritable(error) from error
        self._chain = chain
        return added

    def append(self, lines: Iterable[bytes]) -> None:
        """Append the lines that follow, and have the disk keep them; after a failure, `bring_up` again.

        Raises
        ------
        AuditError
            When they do not continue the trail; nothing was written then.
        """
        chain = self._chain
        if chain is None:
            msg = "the audit file was not brought up yet, or the last write to it failed; call bring_up first"
            raise ValueError(msg)
        data = bytearray()
        for each in lines:
            chain = follow_line(chain, each, chain.number + 1)
            data += each + b"\n"
        self._chain = None
        try:
            _write_all(self._handle, data)
            os.fsync(self._handle)
        except OSError as error:
            raise self._unwritable(error) from error
        self._chain = chain

    def close(self) -> None:
        """Let go of the file. Again does nothing."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _bring_up(self, topic: Iterable[bytes], *, may_be_ahead: bool) -> tuple[Chain, int]:
        """Compare and copy, line by line; sync also where nothing was added, since whoever added it may not have."""
        chain, added, at, count = Chain(), 0, 0, 0
        with os.fdopen(os.dup(self._handle), "rb", _BUFFER_BYTES) as file:
            file.seek(0)
            for count, each in enumerate(topic, 1):
                chain = follow_line(chain, each, count)
                expected = each + b"\n"
                if not added:
                    found = file.read(len(expected))
                    if found == expected:
                        at += len(expected)
                        continue
                    if not _is_torn(found, expected, file):
                        raise self._foreign(count, "is not the one the topic has there")
                    os.ftruncate(self._handle, at)
                _write_all(self._handle, expected)
                added += 1
            if not added and (rest := file.read()):
                if not may_be_ahead:
                    raise self._foreign(count + 1, "is not on the topic, which ends before it")
                self._set_aside(rest, at)
        os.fsync(self._handle)
        self._sync_name()
        return chain, added

    def _set_aside(self, lines: bytes, at: int) -> None:
        """Move everything from a place on to the file of what was lost, there first."""
        handle = os.open(self._path.with_name(LOST_FILE), _FLAGS, _OWNER_ALONE)
        try:
            _write_all(handle, lines)
            os.fsync(handle)
        finally:
            os.close(handle)
        self._sync_name()
        os.ftruncate(self._handle, at)

    def _sync_name(self) -> None:
        parent = os.open(self._path.absolute().parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)

    def _foreign(self, count: int, what: str) -> AuditError:
        return AuditError(
            f"line {count} of {str(self._path)!r} {what}; find out who wrote it, and move the file away: "
            "a new one is copied from the topic"
        )

    def _unwritable(self, error: OSError) -> SourceError:
        return SourceError(
            f"the audit trail {str(self._path)!r} cannot be written ({error.strerror}); check its path and its disk"
        )


def _write_all(handle: int, data: bytes | bytearray) -> None:
    """Write all of it: a file may take less than it is given."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _is_torn(found: bytes, expected: bytes, file: BinaryIO) -> bool:
    """Whether the file ends within this line, as a crash leaves it: its beginning, and zeros where no byte arrived."""
    written = found.rstrip(b"\0")
    if len(written) == len(expected) or not expected.startswith(written):
        return False
    while rest := file.read(_BUFFER_BYTES):
        if rest.strip(b"\0"):
            return False
    return True

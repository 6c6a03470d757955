"""The disk, as far as checkpoints need it: a dozen verbs, so that a test can stand between any two of them.

`RealDisk` is the machine's; `streams.simulated_disk` loses what was not synced. What the verbs promise is what POSIX
promises and no more: a file's bytes are durable once the file was synced, a name once its directory was. Failures are
`OSError`; what they mean is for the caller. This file knows nothing of checkpoints.
"""

from __future__ import annotations

import os
import stat
from enum import StrEnum
from errno import EINVAL
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Protocol


class Kind(StrEnum):
    """What a name stands for."""

    FILE = "file"
    DIRECTORY = "directory"
    OTHER = "neither a file nor a directory"
    """A symbolic link, a pipe, a device: never followed, never read."""


class Entry(NamedTuple):
    """One name in a directory; `length` is the file's bytes, 0 for anything else."""

    name: str
    kind: Kind
    length: int


class NewFile(Protocol):
    """A file that is being written for the first time; a context manager that closes it."""

    def __enter__(self) -> NewFile:
        """Return the file."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it. What was not synced may be lost."""
        ...

    def write(self, data: bytes) -> None:
        """Append all of `data`."""
        ...

    def sync(self) -> None:
        """Make what was written durable. After a failure nothing is known of the bytes: write another file."""
        ...


class Disk(Protocol):
    """Files and directories. Every verb is one step that happens or does not, but for `write`, which may tear."""

    def entries(self, directory: Path) -> list[Entry]:
        """Return what a directory holds, sorted by name."""
        ...

    def read(self, path: Path, length: int, *, begin: int = 0) -> bytes:
        """Return `length` bytes of a regular file, fewer where it ends before; a symbolic link is refused."""
        ...

    def make_directory(self, path: Path) -> None:
        """Make a directory; it must not exist."""
        ...

    def create(self, path: Path) -> NewFile:
        """Make an empty file and open it; it must not exist."""
        ...

    def rename(self, path: Path, name: str) -> None:
        """Give a file or directory another name where it is; the name must be free."""
        ...

    def remove(self, path: Path) -> None:
        """Remove a file or a link."""
        ...

    def remove_directory(self, path: Path) -> None:
        """Remove an empty directory."""
        ...

    def sync_directory(self, path: Path) -> None:
        """Make a directory's names durable."""
        ...


class RealDisk:
    """The machine's disk."""

    def entries(self, directory: Path) -> list[Entry]:
        """Return what a directory holds, sorted by name."""
        found = []
        for path in directory.iterdir():
            try:
                about = path.lstat()
            except FileNotFoundError:
                continue  # its writer removed it meanwhile
            if stat.S_ISREG(about.st_mode):
                found.append(Entry(path.name, Kind.FILE, about.st_size))
            else:
                found.append(Entry(path.name, Kind.DIRECTORY if stat.S_ISDIR(about.st_mode) else Kind.OTHER, 0))
        return sorted(found)

    def read(self, path: Path, length: int, *, begin: int = 0) -> bytes:
        """Return `length` bytes of a regular file, fewer where it ends before; a symbolic link is refused."""
        # Non-blocking: opening a pipe that stands where a file should must not wait for its writer.
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise OSError(EINVAL, "not a regular file", str(path))
            found = os.pread(number, length, begin)
            while 0 < len(found) < length and (more := os.pread(number, length - len(found), begin + len(found))):
                found += more  # only what is above 2 GiB comes in more than one piece
            return found
        finally:
            os.close(number)

    def make_directory(self, path: Path) -> None:
        """Make a directory that only its owner may enter; it must not exist."""
        path.mkdir(mode=0o700)

    def create(self, path: Path) -> NewFile:
        """Make an empty file that only its owner may read, and open it; it must not exist."""
        return _RealFile(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))

    def rename(self, path: Path, name: str) -> None:
        """Give a file or directory another name where it is."""
        path.rename(path.with_name(name))

    def remove(self, path: Path) -> None:
        """Remove a file or a link."""
        path.unlink()

    def remove_directory(self, path: Path) -> None:
        """Remove an empty directory."""
        path.rmdir()

    def sync_directory(self, path: Path) -> None:
        """Make a directory's names durable."""
        number = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


class _RealFile:
    """A descriptor open for writing."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __enter__(self) -> NewFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._number)

    def write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._number, rest) :]

    def sync(self) -> None:
        os.fsync(self._number)

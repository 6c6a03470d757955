"""One worker to a directory: a lock the kernel holds and gives back when the holder dies, however it dies.

The lock file says who holds it, for the message another worker gets. The file stays when the lock goes: taking it away
would let two workers lock two files of one name.
"""

from __future__ import annotations

import os
import platform
from fcntl import LOCK_EX, LOCK_NB, flock
from io import FileIO
from pathlib import Path

from streams.log_port import HeldError
from streams.ports import SourceError

LOCK_FILE = "worker.lock"


class WorkerLock:
    """The lock of one directory, held from construction until `release` or the death of the process.

    Parameters
    ----------
    directory
        The log's directory; must exist, on a disk of this machine.

    Raises
    ------
    HeldError
        When another worker holds it; the message names its process and host.
    SourceError
        When the lock file cannot be made.

    Notes
    -----
    A child made by `fork` without `exec` shares the lock and keeps it when its parent dies.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_FILE
        try:
            self._file = _lock(path)
        except BlockingIOError as error:
            raise _held(directory, path) from error
        except OSError as error:
            msg = f"{str(path)!r} cannot be locked ({error.strerror}); a worker needs a directory it can write"
            raise SourceError(msg) from error

    def release(self) -> None:
        """Let go. Again does nothing."""
        self._file.close()


def _lock(path: Path) -> FileIO:
    """Return the lock file, locked and signed; once more where it was replaced between opening and locking."""
    while True:
        file = FileIO(path, "a")
        try:
            flock(file, LOCK_EX | LOCK_NB)
            if _is_still(file, path):
                file.truncate(0)
                file.write(f"{os.getpid()} {platform.node()}\n".encode())
                return file
        except BaseException:
            file.close()
            raise
        file.close()


def _is_still(file: FileIO, path: Path) -> bool:
    """Whether the path still names the open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _held(directory: Path, path: Path) -> HeldError:
    """Return the refusal that names the holder."""
    try:
        pid, host = path.read_text(encoding="utf-8").split(maxsplit=1)
        holder = f"process {pid} on {host.strip()}"
    except (OSError, ValueError):
        holder = "another process"
    msg = f"a worker already runs on {str(directory)!r}: {holder}; stop it, or use another directory"
    return HeldError(msg, holder)

"""One worker to a directory: a lock the kernel holds and gives back when the holder dies, however it dies.

The lock file says who holds it, for the message another worker gets, and by which word it is told from all others: who
finds that word with the lock free knows that its owner works no more. The file stays when the lock goes: taking it away
would let two workers lock two files of one name.
"""

from __future__ import annotations

import os
import platform
import re
from fcntl import LOCK_EX, LOCK_NB, flock
from io import FileIO
from pathlib import Path
from secrets import token_hex

from streams.log_port import HeldError
from streams.ports import SourceError

LOCK_FILE = "worker.lock"
_SIGNATURE = re.compile(r"(\d+) (\S+) ([0-9a-f]{16})\n")
_SIGNATURE_BYTES_MAX = 1_024


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

    Attributes
    ----------
    incarnation
        A word that no other holder of a lock has, on any machine.
    before
        The word of the last holder of this lock, which works no more; None where there was none.

    Notes
    -----
    A child made by `fork` without `exec` shares the lock and keeps it when its parent dies.
    """

    def __init__(self, directory: Path) -> None:
        path = directory / LOCK_FILE
        self.incarnation = token_hex(8)
        try:
            self._file, self.before = _lock(path, self.incarnation)
        except BlockingIOError as error:
            raise _held(directory, path) from error
        except OSError as error:
            msg = f"{str(path)!r} cannot be locked ({error.strerror}); a worker needs a directory it can write"
            raise SourceError(msg) from error

    def release(self) -> None:
        """Let go. Again does nothing."""
        self._file.close()


def _lock(path: Path, incarnation: str) -> tuple[FileIO, str | None]:
    """Return the lock file, locked and signed, and the last holder's word; again where the file was replaced."""
    while True:
        file = FileIO(path, "a+")
        try:
            flock(file, LOCK_EX | LOCK_NB)
            if _is_still(file, path):
                _, before = _signature(os.pread(file.fileno(), _SIGNATURE_BYTES_MAX, 0))
                file.truncate(0)
                file.write(f"{os.getpid()} {platform.node()} {incarnation}\n".encode())
                return file, before
        except BaseException:
            file.close()
            raise
        file.close()


def _signature(data: bytes) -> tuple[str, str | None]:
    r"""Return who signed a lock file, and by which word; a file that nobody signed whole names nobody.

    >>> _signature(b"17 host 00c0ffee00c0ffee\n"), _signature(b"17 host 00c0ff")
    (('process 17 on host', '00c0ffee00c0ffee'), ('another process', None))
    """
    found = _SIGNATURE.fullmatch(data.decode(errors="replace"))
    return ("another process", None) if found is None else (f"process {found[1]} on {found[2]}", found[3])


def _is_still(file: FileIO, path: Path) -> bool:
    """Whether the path still names the open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _held(directory: Path, path: Path) -> HeldError:
    """Return the refusal that names the holder."""
    try:
        holder, _ = _signature(path.read_bytes())
    except OSError:
        holder, _ = _signature(b"")
    msg = f"a worker already runs on {str(directory)!r}: {holder}; stop it, or use another directory"
    return HeldError(msg, holder)

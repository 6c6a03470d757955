"""Whose turn it is to write: a kernel lock on the log's directory, held for one transaction at a time.

SQLite would queue its writers itself, but before 3.51.3 it may damage a file when one process moves the write-ahead log
into it while another commits (sqlite.org/wal.html, "the WAL-reset bug"). Both happen inside a writer's transaction, so
with turns they never meet. This file knows nothing of SQLite.
"""

from __future__ import annotations

import os
from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock
from pathlib import Path
from threading import Event
from types import TracebackType

BUSY_S = 10.0
"""How long a writer waits for its turn, in seconds."""

_LOOK_AGAIN_S = 0.001


class WriteTurn:
    """The turn of one connection; a context manager, entered once for each transaction.

    A waiting writer looks again and again instead of waiting in the kernel: a process that is stopped in its turn would
    keep everybody for good.

    Parameters
    ----------
    directory
        The log's directory; must exist. Raises `OSError` where it cannot be opened.
    """

    def __init__(self, directory: Path) -> None:
        self._handle = os.open(directory, os.O_RDONLY)

    def __enter__(self) -> None:
        """Wait for the turn. Raises `TimeoutError` after `BUSY_S` seconds."""
        wait = Event().wait
        for _ in range(int(BUSY_S / _LOOK_AGAIN_S) + 1):
            try:
                flock(self._handle, LOCK_EX | LOCK_NB)
            except BlockingIOError:
                wait(_LOOK_AGAIN_S)
            else:
                return
        raise TimeoutError

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the turn, whatever happened."""
        flock(self._handle, LOCK_UN)

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self._handle)

"""The lock of a directory says by which word its last holder was known, and that word is nobody else's."""

from __future__ import annotations

from pathlib import Path

import pytest

from streams.log_port import HeldError
from streams.worker_lock import LOCK_FILE, WorkerLock


def test_whoever_locks_a_directory_learns_who_held_it_before(tmp_path: Path) -> None:
    first = WorkerLock(tmp_path)
    assert first.before is None
    with pytest.raises(HeldError, match="a worker already runs on"):
        WorkerLock(tmp_path)
    first.release()
    second = WorkerLock(tmp_path)
    assert second.before == first.incarnation != second.incarnation
    second.release()
    third = WorkerLock(tmp_path)
    assert third.before == second.incarnation
    third.release()


@pytest.mark.parametrize("left", [b"", b"17 host", b"17 host 5f", b"17 host\n", b"\xff\n \n \n", b"a b c d\n"])
def test_a_lock_file_that_was_not_signed_whole_names_nobody(tmp_path: Path, left: bytes) -> None:
    (tmp_path / LOCK_FILE).write_bytes(left)
    lock = WorkerLock(tmp_path)
    assert lock.before is None
    with pytest.raises(HeldError, match=r"process [0-9]+ on "):
        WorkerLock(tmp_path)
    lock.release()

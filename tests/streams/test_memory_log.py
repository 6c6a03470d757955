"""The fake's faults: each is one thing a real log does to a worker, and what the worker finds when it leads again."""

from __future__ import annotations

import pytest

from streams.log_port import Commit, Delivery, Entry, LeaseError, LogError
from streams.memory_log import Fault, MemoryLog
from streams.ports import SourceError


def broken(fault: Fault) -> MemoryLog:
    """Return a log whose second commit goes wrong."""
    log = MemoryLog({1: fault})
    log.create_topic("out", 1)
    with log.lead() as lease:
        lease.commit(Commit(0, b"0", [Delivery("out", 0, [Entry(None, b"0")])]))
        if fault is Fault.TEAR:
            lease.commit(Commit(1, b"1", [Delivery("out", 0, [Entry(None, b"1")])]))
            return log
        with pytest.raises(SourceError) as error:
            lease.commit(Commit(1, b"1", [Delivery("out", 0, [Entry(None, b"1")])]))
        assert not isinstance(error.value, LeaseError)
        with pytest.raises(LeaseError):
            lease.commit(Commit(1, b"1"))
    return log


@pytest.mark.parametrize(("fault", "happened"), [(Fault.BEFORE_COMMIT, 0), (Fault.AFTER_COMMIT, 1)])
def test_after_a_commit_that_raised_the_journal_alone_knows(fault: Fault, happened: int) -> None:
    log = broken(fault)
    assert log.journal_end() == log.end("out", 0) == 1 + happened
    with log.lead() as lease:
        lease.commit(Commit(log.journal_end(), b"next"))
    assert [record.data for record in log.journal(0)] == [b"0", *[b"1"][:happened], b"next"]


def test_a_torn_journal_record_is_told_to_whoever_reads_it_and_never_skipped() -> None:
    log = broken(Fault.TEAR)
    assert log.journal_end() == 2
    records = log.journal(0)
    assert next(records).data == b"0"
    with pytest.raises(LogError, match="damaged at offset 1 of the journal"):
        next(records)

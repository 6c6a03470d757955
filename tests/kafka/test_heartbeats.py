"""The lease of a worker that computes: its heartbeats are another thread's, and need the interpreter only now and then.

What gives the interpreter up keeps the lease for as long as it likes: Python code, within `sys.getswitchinterval()`,
and kernels, which are compiled without the lock. One call of foreign code that holds the lock for longer than the
session does not; then the lease is anybody's, and whoever took it is the only one that commits.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from ctypes import PyDLL

import pytest

pytest.importorskip("aiokafka")
pytest.importorskip("numba")

from engine.kernels.ground import kernel
from streams.kafka import KafkaLog
from streams.kafka_lease import HEARTBEAT_MS, SESSION_MS
from streams.log_port import Commit, Delivery, Entry, Lease, LeaseError
from tests.kafka_logs import KafkaPlace, kafka_place, values

LONG_S = SESSION_MS / 1_000 + 2.0


@pytest.fixture
def place(kafka: str) -> Iterator[KafkaPlace]:
    with kafka_place(kafka) as place:
        yield place


def commit(lease: Lease, sequence: int) -> None:
    lease.commit(Commit(sequence, b"%d" % sequence, [Delivery("out", 0, [Entry(None, b"%d" % sequence)])]))


def check_kept(log: KafkaLog, lease: Lease, other: KafkaLog) -> None:
    """Assert that the lease was never lost: the holder is who it was, and the next commit is made."""
    with pytest.raises(LeaseError, match="a worker already runs"):
        other.lead()
    commit(lease, 1)
    assert values(log, "out") == [b"0", b"1"]


def test_a_slice_that_computes_in_python_for_longer_than_the_session_keeps_the_lease(place: KafkaPlace) -> None:
    log, other = place.open(), place.open()
    log.create_topic("out", 1)
    assert sys.getswitchinterval() * 100 < HEARTBEAT_MS / 1_000, "a hundred turns of the lock are less than a beat"
    with log.lead() as lease:
        commit(lease, 0)
        until = time.monotonic() + LONG_S
        while time.monotonic() < until:
            sum(n * n for n in range(10_000))
        check_kept(log, lease, other)


@kernel("int64(int64)")
def spin(count: int) -> int:
    """Draw numbers one from the other, so that no compiler knows the last one beforehand."""
    drawn = 1
    for _ in range(count):
        drawn = (drawn * 1_103_515_245 + 12_345) % 2_147_483_648
    return drawn


def test_one_call_of_a_kernel_that_runs_for_longer_than_the_session_keeps_the_lease(place: KafkaPlace) -> None:
    log, other = place.open(), place.open()
    log.create_topic("out", 1)
    count, began = 10_000_000, time.process_time()
    spin(count)
    enough = int(count * LONG_S / (time.process_time() - began))
    with log.lead() as lease:
        commit(lease, 0)
        spin(enough)
        check_kept(log, lease, other)


def test_a_foreign_call_that_does_not_give_the_interpreter_up_keeps_the_lease_for_less_than_a_session(
    place: KafkaPlace,
) -> None:
    log, other = place.open(), place.open()
    log.create_topic("out", 1)
    with log.lead() as lease:
        commit(lease, 0)
        for _ in range(3):
            PyDLL(None).usleep(1_000 * (SESSION_MS - 2 * HEARTBEAT_MS))
            time.sleep(HEARTBEAT_MS / 1_000)
        check_kept(log, lease, other)

"""How a log stands on its cluster: everything about it that is neither its name nor the way there."""

from __future__ import annotations

from dataclasses import dataclass

from streams.kafka_lease import SESSION_MS

LEASE_WAIT_S = SESSION_MS / 1_000 + 2.0
"""How long a new worker waits by default for the lease of one that died, in seconds: a little over its session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaOptions:
    """How a log stands on its cluster.

    Parameters
    ----------
    prefix
        What the names of all its topics begin with there.
    replication
        How many copies topics have that are made here; None: three, or as many as there are brokers.
    timeout_s
        How long anything may take, in seconds.
    transaction_timeout_ms
        After how long of silence the brokers abort a transaction, in milliseconds.
    lease_wait_s
        How long `lead` waits for the lease of another worker, in seconds.
    snapshots
        Whether there is a topic for snapshots.
    incarnation
        A word that tells this process from all others, see `streams.worker_lock`.
    before
        The word of one that works no more: if it holds the lease, nobody waits for that to end.
    """

    prefix: str = ""
    replication: int | None = None
    timeout_s: float = 30.0
    transaction_timeout_ms: int = 30_000
    lease_wait_s: float = LEASE_WAIT_S
    snapshots: bool = True
    incarnation: str = ""
    before: str | None = None

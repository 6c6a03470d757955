"""What is wrong with the topics of a cluster: rules over values, each finding with its remedy.

Nobody is asked here: `streams.kafka_survey` asks. An option that could not be seen breaks no rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from streams.topic_needs import Demands, Finding, Role, TopicNeed, Weight

RETENTION_CHECKPOINTS = 100
"""An input must keep a record for as long as so many checkpoints take: recovery reads again what came after the last
one that can be used, and a worker that stood still has not read it at all.
"""

ECHO_BYTES = 4_096
"""What is written about a record beside its id and key, in bytes at most: those may be as long as the record."""

OWN_BYTES = 1 << 20
"""What one record of the journal or of the snapshots may take, in bytes: the settings, or the names of all chunks."""

BATCH_BYTES = 101
"""What a batch and the one record in it take beside key and value, in bytes."""

_KEPT = {Role.OUTPUT, Role.JOURNAL, Role.SNAPSHOTS}
_FOR_EVER = -1


class TopicState(NamedTuple):
    """How a topic is kept: partitions, copies of that which has fewest, options by name; none where they are hidden."""

    partition_count: int
    copies: int
    options: Mapping[str, str]


class BrokerState(NamedTuple):
    """What holds for all of them: how many brokers there are, and options by name; none where they are hidden."""

    broker_count: int
    options: Mapping[str, str]


class _Seen(NamedTuple):
    """One topic that is there, what it is for, and what stands around it."""

    need: TopicNeed
    state: TopicState
    brokers: BrokerState
    demands: Demands

    def number(self, option: str) -> int | None:
        """Return an option that is a number; None where it is hidden."""
        found = self.state.options.get(option)
        return None if found is None else int(found)

    def problem(self, what: str, remedy: str) -> Finding:
        return Finding(self.need.name, Weight.PROBLEM, what, remedy)

    def warning(self, what: str, remedy: str) -> Finding:
        return Finding(self.need.name, Weight.WARNING, what, remedy)


def topic_findings(
    need: TopicNeed, state: TopicState | None, brokers: BrokerState, demands: Demands
) -> Iterator[Finding]:
    """Yield what is wrong with one topic."""
    if state is None:
        yield Finding(need.name, Weight.PROBLEM, "it is not there", "make it: sidestream topics --create")
        return
    seen = _Seen(need, state, brokers, demands)
    yield from _partitions(seen)
    yield from _copies(seen)
    if not state.options:
        yield seen.warning("its options may not be seen", "allow DESCRIBE_CONFIGS on it, or look at them yourself")
        return
    yield from _cleanup(seen)
    yield from _retention(seen)
    yield from _time(seen)
    yield from _size(seen)


def broker_findings(brokers: BrokerState, transaction_timeout_ms: int) -> Iterator[Finding]:
    """Yield what is wrong with the brokers."""
    most = brokers.options.get("transaction.max.timeout.ms")
    if most is not None and int(most) < transaction_timeout_ms:
        yield Finding(
            None,
            Weight.PROBLEM,
            f"transaction.max.timeout.ms is {int(most):,}, and [kafka] transaction_timeout_s asks for "
            f"{transaction_timeout_ms:,} ms",
            "raise the first, or lower the second",
        )


def _partitions(seen: _Seen) -> Iterator[Finding]:
    need, count = seen.need, seen.state.partition_count
    if need.role in {Role.JOURNAL, Role.LEASE, Role.SNAPSHOTS}:
        if count != need.partition_count:
            yield seen.problem(
                f"it has {count} partitions, and must have {need.partition_count}",
                "give [kafka] name another name, whose topics are made rightly",
            )
    elif count < need.partition_count:
        yield seen.problem(
            f"it has {count} partitions, and the requests have {need.partition_count}: an answer goes to the partition "
            "of its request",
            f"kafka-topics.sh --alter --topic ... --partitions {need.partition_count}",
        )


def _copies(seen: _Seen) -> Iterator[Finding]:
    copies, least = seen.state.copies, seen.number("min.insync.replicas")
    if copies == 1 and seen.need.role is not Role.LEASE:
        have = (
            "there is one broker"
            if seen.brokers.broker_count == 1
            else f"there are {seen.brokers.broker_count} brokers"
        )
        yield seen.warning("there is one copy of it: it goes with its disk", f"keep three copies; {have}")
    if least is None:
        return
    if least > copies:
        yield seen.problem(
            f"min.insync.replicas is {least}, and there are {copies} copies: nothing can be written",
            f"set it to {max(1, copies - 1)}",
        )
    elif copies > 1 and least == 1 and seen.need.role in _KEPT:
        yield seen.warning(
            "min.insync.replicas is 1: what one broker alone has can be lost with it", f"set it to {copies - 1}"
        )
    elif copies > 1 and least == copies:
        yield seen.warning(
            f"min.insync.replicas is {least}, as many as there are copies: one broker that is down stops the worker",
            f"set it to {copies - 1}",
        )


def _cleanup(seen: _Seen) -> Iterator[Finding]:
    policy = seen.state.options.get("cleanup.policy")
    role = seen.need.role
    if policy is None or role is Role.LEASE:
        return
    if role is Role.SNAPSHOTS:
        if policy != "compact":
            yield seen.problem(
                f"cleanup.policy is {policy!r}: a snapshot goes with its age, or never",
                "set it to compact",
            )
    elif "compact" in policy:
        lost = "commits" if role is Role.JOURNAL else "records"
        yield seen.problem(f"cleanup.policy is {policy!r}: {lost} vanish from its middle", "set it to delete")


def _retention(seen: _Seen) -> Iterator[Finding]:
    role = seen.need.role
    if role not in {Role.INPUT, Role.JOURNAL}:
        return
    kept_ms, kept_bytes = seen.number("retention.ms"), seen.number("retention.bytes")
    finite = [
        f"{name} is {value:,}"
        for name, value in (("retention.ms", kept_ms), ("retention.bytes", kept_bytes))
        if value not in {None, _FOR_EVER}
    ]
    if not finite:
        return
    told = " and ".join(finite)
    if role is Role.JOURNAL:
        yield seen.problem(f"{told}: its first commit says what runs, and must stay", "set both to -1")
        return
    least_ms = 1_000 * RETENTION_CHECKPOINTS * seen.demands.checkpoint_every_s
    if kept_ms is not None and kept_ms != _FOR_EVER and kept_ms < least_ms:
        yield seen.problem(
            f"{told}: recovery reads it again from the last checkpoint on, and needs {RETENTION_CHECKPOINTS} times "
            "[run] checkpoint_every_s",
            f"set retention.ms to at least {least_ms}",
        )
    else:
        yield seen.warning(
            f"{told}: audit, rebuild and fork go back no further, and a worker that stands still for longer loses "
            "records",
            "set both to -1 where the past matters",
        )


def _time(seen: _Seen) -> Iterator[Finding]:
    kind = seen.state.options.get("message.timestamp.type")
    if kind in {None, "LogAppendTime"} or seen.need.role is Role.LEASE:
        return
    what = f"message.timestamp.type is {kind}"
    if seen.need.role is Role.INPUT:
        yield seen.warning(
            f"{what}: retention goes by what senders say, and `sidestream lag` knows no age",
            "set it to LogAppendTime; event time is in the records",
        )
    else:
        yield seen.problem(f"{what}: retention goes by what a client says", "set it to LogAppendTime")


def _size(seen: _Seen) -> Iterator[Finding]:
    limit, role, record = seen.number("max.message.bytes"), seen.need.role, seen.demands.record_bytes_max
    if limit is None or role is Role.LEASE:
        return
    if role is Role.INPUT:
        if limit < record:
            yield seen.warning(
                f"max.message.bytes is {limit:,}, and [input] record_bytes_max {record:,}: senders are refused first",
                "raise the one, or lower the other",
            )
        return
    is_output = role is Role.OUTPUT
    least = record + ECHO_BYTES + BATCH_BYTES if is_output else OWN_BYTES
    if limit < least:
        why = "what is said about the longest record" if is_output else "the longest of its records"
        yield seen.problem(
            f"max.message.bytes is {limit:,}, and {why} takes up to {least:,}: its commit would be refused",
            f"set it to at least {least}{', or lower [input] record_bytes_max' if is_output else ''}",
        )
    fetched = seen.brokers.options.get("replica.fetch.max.bytes")
    if seen.state.copies > 1 and fetched is not None and int(fetched) < limit:
        yield seen.warning(
            f"max.message.bytes is {limit:,}, and brokers copy {int(fetched):,} at a time (replica.fetch.max.bytes): "
            "a larger batch is copied alone",
            "raise replica.fetch.max.bytes",
        )

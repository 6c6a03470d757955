"""Each rule about the topics of a cluster finds what it is there for, and nothing in topics as they are made here."""

from __future__ import annotations

import pytest

from streams.kafka_findings import BrokerState, TopicState, broker_findings, topic_findings
from streams.topic_needs import Demands, Finding, Role, Survey, TopicNeed, Weight

DEMANDS = Demands(checkpoint_every_s=60, record_bytes_max=1_048_576)
BROKERS = BrokerState(3, {"transaction.max.timeout.ms": "900000", "replica.fetch.max.bytes": "20000000"})
AS_MADE = {
    "cleanup.policy": "delete",
    "max.message.bytes": "16778240",
    "message.timestamp.type": "LogAppendTime",
    "min.insync.replicas": "2",
    "retention.bytes": "-1",
    "retention.ms": "-1",
}


def found(
    role: Role, *, partitions: int = 1, copies: int = 3, brokers: BrokerState = BROKERS, **options: str
) -> list[Finding]:
    """Return what is found of a topic that is as it was made, but for these options; `_` stands for a dot."""
    made = AS_MADE if role is not Role.SNAPSHOTS else {**AS_MADE, "cleanup.policy": "compact"}
    changed = {name.replace("_", "."): value for name, value in options.items()}
    state = TopicState(partitions, copies, {**made, **changed})
    need = TopicNeed("t", role, 2 if role is Role.SNAPSHOTS else 1)
    return list(topic_findings(need, state, brokers, DEMANDS))


@pytest.mark.parametrize("role", Role)
def test_a_topic_as_it_is_made_has_nothing_wrong(role: Role) -> None:
    assert found(role, partitions=2 if role is Role.SNAPSHOTS else 1) == []


@pytest.mark.parametrize(
    ("role", "weight", "said", "options"),
    [
        (Role.JOURNAL, Weight.PROBLEM, "commits vanish", {"cleanup_policy": "compact"}),
        (Role.JOURNAL, Weight.PROBLEM, "commits vanish", {"cleanup_policy": "compact,delete"}),
        (Role.OUTPUT, Weight.PROBLEM, "records vanish", {"cleanup_policy": "compact"}),
        (Role.INPUT, Weight.PROBLEM, "records vanish", {"cleanup_policy": "compact"}),
        (Role.SNAPSHOTS, Weight.PROBLEM, "set it to compact", {"cleanup_policy": "delete", "partitions": 2}),
        (Role.JOURNAL, Weight.PROBLEM, "must stay", {"retention_ms": "604800000"}),
        (Role.JOURNAL, Weight.PROBLEM, "must stay", {"retention_bytes": "1000000000"}),
        (Role.INPUT, Weight.PROBLEM, "at least 6000000", {"retention_ms": "5999999"}),
        (Role.INPUT, Weight.WARNING, "go back no further", {"retention_ms": "6000000"}),
        (Role.INPUT, Weight.WARNING, "go back no further", {"retention_bytes": "1000000000"}),
        (Role.INPUT, Weight.WARNING, "is CreateTime", {"message_timestamp_type": "CreateTime"}),
        (Role.OUTPUT, Weight.PROBLEM, "is CreateTime", {"message_timestamp_type": "CreateTime"}),
        (Role.JOURNAL, Weight.PROBLEM, "is CreateTime", {"message_timestamp_type": "CreateTime"}),
        (Role.OUTPUT, Weight.PROBLEM, "set it to at least 1052773, or lower", {"max_message_bytes": "1052772"}),
        (Role.JOURNAL, Weight.PROBLEM, "takes up to 1,048,576", {"max_message_bytes": "1000000"}),
        (Role.INPUT, Weight.WARNING, "senders are refused first", {"max_message_bytes": "1048575"}),
        (Role.OUTPUT, Weight.WARNING, "replica.fetch.max.bytes", {"max_message_bytes": "30000000"}),
        (Role.OUTPUT, Weight.WARNING, "one copy", {"copies": 1, "min_insync_replicas": "1"}),
        (Role.OUTPUT, Weight.WARNING, "can be lost with it", {"min_insync_replicas": "1"}),
        (Role.INPUT, Weight.WARNING, "down stops the worker", {"min_insync_replicas": "3"}),
        (Role.OUTPUT, Weight.PROBLEM, "nothing can be written", {"min_insync_replicas": "4"}),
        (Role.JOURNAL, Weight.PROBLEM, "must have 1", {"partitions": 3}),
        (Role.LEASE, Weight.PROBLEM, "must have 1", {"partitions": 2}),
        (Role.SNAPSHOTS, Weight.PROBLEM, "must have 2", {"partitions": 1}),
    ],
)
def test_a_topic_that_is_kept_otherwise_is_found(
    role: Role, weight: Weight, said: str, options: dict[str, str | int]
) -> None:
    (finding,) = found(role, **options)  # type: ignore[arg-type]
    assert (finding.topic, finding.weight) == ("t", weight)
    assert said in f"{finding.what}; {finding.remedy}"


def test_what_must_hold_at_the_bound_holds() -> None:
    assert found(Role.OUTPUT, max_message_bytes="1052773") == []
    assert found(Role.JOURNAL, max_message_bytes="1048588") == [], "a topic as brokers make it"


def test_a_topic_with_fewer_partitions_than_the_requests_is_found() -> None:
    state = TopicState(2, 3, AS_MADE)
    (finding,) = topic_findings(TopicNeed("predictions", Role.OUTPUT, 3), state, BROKERS, DEMANDS)
    assert (finding.weight, "2 partitions" in finding.what) == (Weight.PROBLEM, True)
    more = TopicState(4, 3, AS_MADE)
    assert list(topic_findings(TopicNeed("predictions", Role.OUTPUT, 3), more, BROKERS, DEMANDS)) == []


def test_a_topic_that_is_not_there_is_found_and_one_whose_options_are_hidden_too() -> None:
    need = TopicNeed("t", Role.OUTPUT, 1)
    (missing,) = topic_findings(need, None, BROKERS, DEMANDS)
    assert missing == Finding("t", Weight.PROBLEM, "it is not there", "make it: sidestream topics --create")
    (hidden,) = topic_findings(need, TopicState(1, 3, {}), BrokerState(3, {}), DEMANDS)
    assert (hidden.weight, hidden.what) == (Weight.WARNING, "its options may not be seen")


def test_brokers_that_allow_no_transaction_so_long_are_found_with_both_figures() -> None:
    short = BrokerState(1, {"transaction.max.timeout.ms": "10000"})
    (finding,) = broker_findings(short, 30_000)
    assert "is 10,000" in finding.what
    assert "30,000 ms" in finding.what
    assert list(broker_findings(short, 10_000)) == list(broker_findings(BrokerState(1, {}), 30_000)) == []


def test_a_survey_with_warnings_alone_is_sound() -> None:
    warning, problem = (Finding("t", weight, "what", "remedy") for weight in (Weight.WARNING, Weight.PROBLEM))
    assert Survey((), {}, (warning,)).is_sound
    assert not Survey((), {}, (warning, problem)).is_sound

"""On Kafka the lag has an age, markers of transactions are no records, and who leads is told to whoever asks."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from streams.ground import inputs_of
from streams.lag import Lag, lag_of
from streams.log_port import Commit, Delivery, Entry
from tests.kafka_logs import KafkaPlace, kafka_place, set_options
from tests.workers import Life, settings_of

FAR_AHEAD_MS = 10**15


@pytest.fixture
def place(kafka: str) -> Iterator[KafkaPlace]:
    with kafka_place(kafka) as made:
        yield made


def lag_at(place: KafkaPlace, now_ms: int = FAR_AHEAD_MS) -> Lag:
    """Return the lag as somebody else sees it."""
    with place.open() as log:
        return lag_of(log, inputs_of(settings_of(), log.topics()), (), lambda: now_ms)


def test_what_waits_has_an_age_and_what_was_taken_has_none(place: KafkaPlace) -> None:
    life = Life(log=place.open())  # type: ignore[arg-type]
    life.arrive(10)
    requests, labels, commands = lag_at(place).inputs
    assert (requests.lag, labels.lag, commands.lag) == (10, 10, 0)
    assert requests.age_s is not None
    assert labels.age_s is not None
    assert 0.0 < labels.age_s <= requests.age_s, "the labels were appended after the requests"
    life.run()
    found = lag_at(place)
    assert [(each.lag, each.age_s) for each in found.inputs] == [(0, None)] * 3
    assert found.commit_age_s is not None
    assert found.commit_age_s <= requests.age_s
    assert lag_at(place, now_ms=0).commit_age_s == 0.0, "a broker's clock may be ahead"


def test_the_age_is_unknown_where_senders_say_the_time(place: KafkaPlace) -> None:
    log = place.open()
    life = Life(log=log)  # type: ignore[arg-type]
    set_options(place.address, f"{place.prefix}requests", {"message.timestamp.type": "CreateTime"})
    life.arrive(3)
    requests, labels, _ = lag_at(place).inputs
    assert (requests.lag, requests.age_s) == (3, None)
    assert labels.age_s is not None


def test_the_marker_of_a_transaction_is_nothing_that_waits(place: KafkaPlace) -> None:
    log = place.open()
    life = Life(log=log)  # type: ignore[arg-type]
    life.run()
    end = log.journal_end()
    with log.lead() as lease:
        lease.commit(Commit(end, b"{}", [Delivery("requests", 0, [Entry(None, b"{}")])]))
    assert log.end("requests", 0) == 2
    with place.open() as other:
        assert other.cluster.waiting("requests", 0, 0) is not None
        assert other.cluster.waiting("requests", 0, 1) is None


def test_who_leads_is_known_to_whoever_asks_and_keeps_the_lead(place: KafkaPlace) -> None:
    log = place.open()
    assert log.cluster.holder() is None
    with log.lead() as lease:
        lease.commit(Commit(0, b"j"))
        with place.open() as other:
            assert "sidestream-" in str(other.cluster.holder())
            assert other.cluster.committed_ms() is not None
        lease.commit(Commit(1, b"k"))
    assert log.cluster.holder() is None


def test_lag_of_a_cluster_without_topics_makes_none(place: KafkaPlace) -> None:
    found = lag_at(place)
    assert (found.total, found.commits, found.term, found.leader) == (0, 0, None, None)
    log = place.open()
    assert log.topics() == ()
    assert log.cluster.committed_ms() is None


def test_the_lag_command_reads_a_log_on_kafka(
    place: KafkaPlace, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.said import Said

    life = Life(log=place.open())  # type: ignore[arg-type]
    life.arrive(10)
    life.run()
    life.arrive(4)
    monkeypatch.setenv("SIDESTREAM_KAFKA__PREFIX", place.prefix)
    monkeypatch.setenv("SIDESTREAM_KAFKA__NAME", "log")
    said = Said(capsys, "lag", "--kafka", place.address, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert (found["lag"], found["inputs"][0]["committed"], found["term"]) == (8, 10, 1)
    assert found["age_s"] >= 0.0
    shown = Said(capsys, "lag", "--kafka", place.address)
    assert "all inputs: 8 behind, the oldest waits" in shown.out

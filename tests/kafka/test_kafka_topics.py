"""The topics of a worker are looked at, made where they are missing, and made by nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from engine.errors import ConfigError
from streams.log_port import Commit
from streams.settings import load_settings
from streams.topic_needs import Demands, needs_of
from tests.broker import Broker, MissingBrokerError, jars, skip_or_fail
from tests.kafka.test_kafka_commands import SETTINGS, Desk
from tests.kafka_logs import kafka_place, set_options

DEMANDS = Demands(60, 1_048_576)
OURS = {"sidestream.journal", "sidestream.lease", "sidestream.snapshots"}


def desk_at(address: str, directory: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    desk = Desk(directory, address, capsys)
    desk.config.write_text(f'{SETTINGS}[log]\ndir = "{directory}/state"\n[kafka]\naddress = "{address}"\n')
    return desk


@pytest.fixture
def prefix(monkeypatch: pytest.MonkeyPatch) -> str:
    prefix = f"{uuid4().hex}."
    monkeypatch.setenv("SIDESTREAM_KAFKA__PREFIX", prefix)
    return prefix


@pytest.fixture
def desk(kafka: str, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    assert prefix
    return desk_at(kafka, tmp_path, capsys)


def looked(desk: Desk, *flags: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Return the exit code of `topics`, and what it found by topic."""
    said = desk.said("topics", "--config", desk.config, "--json", *flags)
    return int(str(said.code)), {str(each["topic"]): each for each in json.loads(said.out)["needed"]}


def told(found: dict[str, Any], weight: str = "problem") -> list[str]:
    return [each["what"] for each in found["findings"] if each["weight"] == weight]


def test_topics_that_are_missing_are_found_made_and_left_alone_from_then_on(desk: Desk) -> None:
    code, found = looked(desk)
    assert code == 1
    assert {name for name, each in found.items() if told(each) == ["it is not there"]} == set(found)
    assert {*load_settings(None, {}, {}).topics.names(), *OURS} <= found.keys()
    assert looked(desk)[0] == 1, "looking makes none"
    code, found = looked(desk, "--create")
    assert (code, [name for name in found if told(found[name])]) == (0, [])
    desk.arrive(0, 20)
    ran = desk.said("run", "--config", desk.config, "--once")
    assert ran.code == 0, ran.err
    assert looked(desk) == (0, found), "a worker needs none beside them"


def test_what_others_changed_is_found_and_not_changed_back(desk: Desk, prefix: str) -> None:
    looked(desk, "--create")
    set_options(desk.address, f"{prefix}sidestream.journal", {"cleanup.policy": "compact"})
    set_options(desk.address, f"{prefix}requests", {"retention.ms": "60000"})
    for flags in ((), ("--create",)):
        code, found = looked(desk, *flags)
        assert code == 1
        journal = told(found["sidestream.journal"])
        assert len([what for what in journal if "commits vanish" in what]) == 1
        assert len([what for what in journal if "retention.ms is 604,800,000" in what]) == 1
        assert len([what for what in told(found["requests"]) if "retention.ms is 60,000" in what]) == 1
        assert len([what for what in told(found["requests"], "warning") if "CreateTime" in what]) == 1
        assert told(found["labels"]) == []
    shown = desk.said("topics", "--config", desk.config)
    assert shown.code == 1
    assert "problem: sidestream.journal: cleanup.policy is 'compact'" in shown.out
    assert "as it should be" in shown.out


def test_predictions_are_made_with_as_many_partitions_as_requests_have(desk: Desk) -> None:
    desk.append("requests", [{"id": "a", "a": 1.0}], "--create", 3, "--key", "id")
    code, found = looked(desk, "--create")
    assert (code, found["predictions"]["partitions"], found["labels"]["partitions"]) == (0, 3, 1)


def test_predictions_with_too_few_partitions_are_found(kafka: str) -> None:
    with kafka_place(kafka) as place:
        log = place.open()
        log.create_topic("requests", 3)
        log.create_topic("predictions", 2)
        needs = needs_of(load_settings(None, {}, {}), {"requests": 3, "predictions": 2})
        (what,) = (
            finding.what
            for finding in log.cluster.survey(needs, DEMANDS).findings
            if finding.topic == "predictions" and "partitions" in finding.what
        )
        assert "it has 2 partitions, and the requests have 3" in what


def test_a_transaction_longer_than_the_brokers_allow_is_refused_with_both_figures(kafka: str) -> None:
    with kafka_place(kafka, transaction_timeout_ms=900_001) as place:
        log = place.open()
        with pytest.raises(ConfigError, match=r"transaction\.max\.timeout\.ms is 900,000, and .* 900,001 ms"):
            log.lead()
        findings = log.cluster.survey((), DEMANDS).findings
        assert [finding.topic for finding in findings if finding.topic is None] == [None]
    with kafka_place(kafka, transaction_timeout_ms=900_000) as place, place.open().lead() as lease:
        assert lease.term == 1


def test_a_transaction_shorter_than_a_commit_may_take_is_refused(tmp_path: Path) -> None:
    short = {"kafka": {"timeout_s": 30, "transaction_timeout_s": 29}}
    with pytest.raises(ConfigError, match="transaction_timeout_s is 29, and timeout_s 30"):
        load_settings(None, short, {})
    load_settings(None, {"kafka": {"timeout_s": 30, "transaction_timeout_s": 30}}, {})


def test_a_commit_that_comes_near_to_the_time_out_is_told_of_once(kafka: str) -> None:
    with kafka_place(kafka) as place:
        said: list[str] = []
        log = place.open(say=said.append)
        with log.lead() as lease:
            lease.commit(Commit(0, b"quick"))
            assert said == []
            log._options = replace(log._options, transaction_timeout_ms=0)
            lease.commit(Commit(1, b"slow"))
            lease.commit(Commit(2, b"slow again"))
        (words,) = said
        assert "a commit took" in words
        assert "slice lower" in words


@pytest.fixture(scope="module")
def helpful_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give a broker that makes whatever topic is mentioned."""
    settings = {"auto.create.topics.enable": "true", "num.partitions": "5"}
    try:
        broker = Broker(tmp_path_factory.mktemp("broker"), jars(), settings=settings)
    except MissingBrokerError as missing:
        skip_or_fail(str(missing))
        raise
    broker.start()
    yield broker.address
    broker.kill()


def test_no_topic_comes_from_a_broker_that_makes_them_by_itself(
    helpful_address: str, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = desk_at(helpful_address, tmp_path, capsys)
    code, found = looked(desk)
    assert (code, {each["partitions"] for each in found.values()}) == (1, {None})
    row = tmp_path / "row.jsonl"
    row.write_text('{"id": "a"}\n')
    refused = desk.said("append", "requests", row, "--kafka", helpful_address)
    assert (refused.code, "there is no topic 'requests'" in refused.err) == (2, True), refused.err
    assert desk.said("peek", "predictions", "--kafka", helpful_address).code == 2
    assert {each["partitions"] for each in looked(desk)[1].values()} == {None}, "nobody made one by asking"
    ran = desk.said("run", "--config", desk.config, "--once")
    assert ran.code == 0, ran.err
    desk.arrive(0, 20)
    assert desk.said("run", "--config", desk.config, "--once").code == 0
    assert len(desk.answers()) == 20
    code, found = looked(desk)
    assert code == 0, "each is as a worker makes it, though the broker would make others"
    assert {name: each["partitions"] for name, each in found.items() if each["partitions"] != 1} == {
        "sidestream.snapshots": 2
    }

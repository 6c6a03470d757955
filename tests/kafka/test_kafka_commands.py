"""The commands on a log on Kafka: as on the embedded one, with `--kafka ADDRESS` or `[kafka]` in their file."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4
from zlib import crc32

import pytest

from streams.settings import load_settings
from tests.faust_places import SETTINGS
from tests.said import Said

ROOT = Path(__file__).resolve().parents[2]
START_MS = 1_700_000_000_000


@dataclass
class Desk:
    """Where somebody sits who types commands."""

    directory: Path
    address: str
    capsys: pytest.CaptureFixture[str]
    prefix: str = ""

    @property
    def config(self) -> Path:
        return self.directory / "pipeline.toml"

    def said(self, *words: Any) -> Said:
        return Said(self.capsys, *words)

    def append(self, topic: str, rows: list[dict[str, object]], *flags: Any) -> None:
        path = self.directory / f"{topic}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        said = self.said("append", topic, path, "--kafka", self.address, *flags)
        assert said.code == 0, said.err

    def answers(self, partition: int = 0) -> list[str]:
        """Return which requests a reader of committed records sees answered."""
        flags = ("--partition", partition, "--count", 1_000_000, "--kafka", self.address)
        said = self.said("peek", "predictions", *flags)
        return [json.loads(str(line["text"]))["id"] for line in said.lines()] if said.code == 0 else []

    def arrive(self, begin: int, end: int, *flags: Any) -> None:
        """Let requests arrive, and their labels."""
        numbers = range(begin, end)
        requests = [{"id": f"e{n}", "ts": START_MS + 60_000 * n, "a": n * 7 % 11 - 5.0} for n in numbers]
        self.append("requests", [*requests, {"id": "bad", "ts": START_MS, "a": "no number"}], *flags)
        self.append("labels", [{"id": f"e{n}", "y": int(n * 7 % 11 > 6)} for n in numbers], *flags)


@pytest.fixture
def desk(kafka: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(tmp_path, kafka, capsys, f"{uuid4().hex}.")
    monkeypatch.setenv("SIDESTREAM_KAFKA__PREFIX", desk.prefix)
    desk.config.write_text(f'{SETTINGS}[log]\ndir = "{tmp_path}/state"\n[kafka]\naddress = "{kafka}"\n')
    return desk


def test_every_command_works_on_kafka(desk: Desk) -> None:
    desk.arrive(0, 60, "--create", 1)
    ran = desk.said("run", "--config", desk.config, "--once")
    assert ran.code == 0, ran.err
    desk.arrive(60, 90)
    on_kafka = ("--kafka", desk.address)
    with_file = ("--config", desk.config)
    assert "queued" in desk.said("promote", "bayes", "--reason", "a test", "--wait", 0, *on_kafka).out
    ran = desk.said("run", "--config", desk.config, "--once")
    assert ran.code == 0, ran.err
    assert f"sidestream on Kafka at {desk.address}" in ran.err
    topics = json.loads(desk.said("topics", "--json", *on_kafka).out)
    assert {"requests", "labels", "predictions", "audit"} <= topics["topics"].keys()
    assert not [name for name in topics["topics"] if "journal" in name or "lease" in name]
    answers = desk.said("peek", "predictions", "--count", 200, *with_file).lines()
    assert len([answer for answer in answers if "bayes" in str(answer)]) > 0
    assert len(answers) == 90
    listed = [json.loads(line) for line in desk.said("dead", "list", "--json", *on_kafka).out.splitlines()]
    assert len(listed) == 2
    shown = desk.said("dead", "show", listed[0]["offset"], *on_kafka)
    assert "no number" in shown.out
    assert desk.said("dead", "replay", "--all", "--dry-run", *on_kafka).code == 0
    audit = desk.said("audit", desk.directory / "state", *with_file)
    assert audit.code == 0, audit.out + audit.err
    rebuilt = json.loads(desk.said("rebuild", "e70", "--json", *with_file).out)
    assert rebuilt["equal"]
    inspected = json.loads(desk.said("inspect", desk.directory / "state", "--json", *on_kafka).out)
    assert inspected["log"]["worker"]["starts"] == 2
    assert inspected["log"]["worker"]["champion"] == "bayes"
    checked = desk.said("check", desk.config)
    assert checked.code == 0
    assert "a worker goes on with what it inferred" in checked.out


def test_a_worker_that_was_killed_goes_on_where_it_was_and_a_second_one_waits_outside(desk: Desk) -> None:
    desk.arrive(0, 50, "--create", 1)
    command = [sys.executable, "-c", "from streams.cli.app import main; main()", "run", "--config", str(desk.config)]
    first = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    until = time.monotonic() + 30.0
    while len(desk.answers()) < 50:
        assert time.monotonic() < until
    elsewhere = desk.directory / "elsewhere.toml"
    elsewhere.write_text(desk.config.read_text().replace("/state", "/other") + "lease_wait_s = 0\n")
    second = desk.said("run", "--config", elsewhere, "--once")
    assert (second.code, f"-{first.pid}/" in second.err) == (4, True), second.err
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    desk.arrive(50, 80)
    began = time.monotonic()
    assert desk.said("run", "--config", desk.config, "--once").code == 0
    assert time.monotonic() - began < 15.0, "a killed worker's lease ends with its session"
    assert len(desk.answers()) == 80
    assert desk.said("audit", desk.directory / "state", "--config", desk.config).code == 0


def test_killed_at_random_under_load_nothing_is_lost_doubled_or_changed(desk: Desk) -> None:
    random = Random(int(os.environ.get("SIDESTREAM_KILL_SEED", "1")))
    command = [sys.executable, "-c", "from streams.cli.app import main; main()", "run", "--config", str(desk.config)]
    desk.arrive(0, 40, "--create", 3, "--key", "id")
    count = 40
    for _ in range(int(os.environ.get("SIDESTREAM_KILLS", "2"))):
        before = answered_by(desk)
        worker = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        while answered_by(desk) == before:
            assert worker.poll() is None
        until = time.monotonic() + 1.5 * random.random()
        while time.monotonic() < until:
            desk.arrive(count, count + 30, "--key", "id")
            count += 30
        worker.kill()
        worker.wait()
        desk.arrive(count, count + 10, "--key", "id")
        count += 10
    assert desk.said("run", "--config", desk.config, "--once").code == 0
    answered = answered_by(desk)
    assert all(answered)
    for number, ids in enumerate(answered):
        assert ids == [f"e{n}" for n in range(count) if crc32(b"e%d" % n) % 3 == number]
    audit = desk.said("audit", desk.directory / "state", "--config", desk.config)
    assert audit.code == 0, audit.out


def answered_by(desk: Desk) -> list[list[str]]:
    return [desk.answers(partition) for partition in range(3)]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ('security_protocol = "SASL_SSL"', "needs sasl_plain_username"),
        ('ssl_cafile = "ca.pem"', "ssl_cafile is for security_protocol SSL"),
        ('adress = "localhost:9092"', "did you mean 'address'?"),
    ],
)
def test_settings_that_cannot_reach_a_broker_are_refused(tmp_path: Path, section: str, said: str) -> None:
    from engine.errors import ConfigError

    path = tmp_path / "kafka.toml"
    path.write_text(f"[kafka]\n{section}\n")
    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        load_settings(path, {}, {})


def test_secrets_come_from_the_environment_or_a_file_and_stand_in_no_setting(tmp_path: Path) -> None:
    pytest.importorskip("aiokafka")
    from streams.log_choice import access_of
    from streams.settings import settings_as_data

    (tmp_path / "secret").write_text("from a file\n")
    kafka = {"address": "broker:9092", "security_protocol": "SASL_PLAINTEXT", "sasl_plain_username": "me"}
    environ = {"SIDESTREAM_KAFKA_SASL_PASSWORD": "from the environment"}
    for extra, password in (
        ({}, "from the environment"),
        ({"sasl_plain_password_file": tmp_path / "secret"}, "from a file"),
    ):
        settings = load_settings(None, {"kafka": {**kafka, **extra}}, environ)
        access = access_of(settings.kafka, environ)
        assert access.arguments()["sasl_plain_password"] == password
        assert password not in str(settings_as_data(settings))
        assert access.warning() == (
            "events travel to broker:9092 unencrypted, for whoever listens to read; set [kafka] security_protocol to "
            "SSL or SASL_SSL"
        )
    near = load_settings(None, {"kafka": {"address": "127.0.0.1:9092,localhost:9093,[::1]:9094"}}, {})
    assert access_of(near.kafka, {}).warning() is None

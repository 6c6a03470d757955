"""On Kafka a second worker on another machine waits for the lease, and goes on where the killed first one was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from tests.kafka.test_kafka_commands import ROOT, SETTINGS, Desk

COMMAND = (sys.executable, "-c", "from streams.cli.app import main; main()", "run", "--config")
DEADLINE_S = 60.0


@pytest.fixture
def desk(kafka: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("SIDESTREAM_KAFKA__PREFIX", f"{uuid4().hex}.")
    return Desk(tmp_path, kafka, capsys)


def config_of(desk: Desk, machine: str) -> Path:
    path = desk.directory / f"{machine}.toml"
    path.write_text(f'{SETTINGS}[log]\ndir = "{desk.directory}/{machine}"\n[kafka]\naddress = "{desk.address}"\n')
    return path


@contextmanager
def worker(config: Path, *flags: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """Start a worker that says what it says to a file, and see to its end."""
    said = config.with_suffix(".txt")
    with said.open("wb") as stderr:
        process = subprocess.Popen([*COMMAND, str(config), *flags], cwd=ROOT, stderr=stderr)
    try:
        yield process, said
    finally:
        process.kill()
        process.wait()


def wait_until(holds: Callable[[], object], process: subprocess.Popen[bytes], said: Path) -> None:
    until = time.monotonic() + DEADLINE_S
    while not holds():
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < until, said.read_text()


def test_of_two_machines_the_second_takes_over_with_the_state_of_the_killed_first(desk: Desk) -> None:
    desk.arrive(0, 50, "--create", 1)
    one, two = config_of(desk, "one"), config_of(desk, "two")
    with worker(one) as (first, first_said):
        wait_until(lambda: len(desk.answers()) == 50, first, first_said)
        with worker(two, "--standby") as (second, said):
            wait_until(lambda: "standing by" in said.read_text(), second, said)
            assert f"-{first.pid}/" in said.read_text(), "it says whom it waits for"
            desk.arrive(50, 80)
            wait_until(lambda: len(desk.answers()) == 80, first, first_said)
            os.kill(first.pid, signal.SIGKILL)
            desk.arrive(80, 100)
            wait_until(lambda: len(desk.answers()) == 100, second, said)
            second.send_signal(signal.SIGTERM)
            assert second.wait(DEADLINE_S) == 0, said.read_text()
            assert said.read_text().count("standing by") == 1
    audit = desk.said("audit", desk.directory / "two", "--config", two)
    assert audit.code == 0, audit.out + audit.err


def test_a_standby_that_is_told_to_stop_leaves_with_success_and_the_leader_never_noticed(desk: Desk) -> None:
    desk.arrive(0, 20, "--create", 1)
    with worker(config_of(desk, "one")) as (first, first_said):
        wait_until(lambda: len(desk.answers()) == 20, first, first_said)
        with worker(config_of(desk, "two"), "--standby") as (second, said):
            wait_until(lambda: "standing by" in said.read_text(), second, said)
            second.send_signal(signal.SIGTERM)
            assert second.wait(DEADLINE_S) == 0, said.read_text()
            assert "nothing was begun" in said.read_text()
        desk.arrive(20, 30)
        wait_until(lambda: len(desk.answers()) == 30, first, first_said)
        first.send_signal(signal.SIGTERM)
        assert first.wait(DEADLINE_S) == 0, first_said.read_text()

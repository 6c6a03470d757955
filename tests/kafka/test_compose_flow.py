"""What `docker compose up` would do, without containers: its own commands, as processes, on a real broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
COMPOSED: dict[str, Any] = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSED["services"]
MOUNTED = "/etc/sidestream.toml"
STATE = "/var/lib/sidestream"
DEADLINE_S = 120.0


class Machine:
    """Runs what compose would run, with the addresses and paths of a test put in their places."""

    def __init__(self, directory: Path, address: str) -> None:
        self.directory = directory
        self._config = directory / "sidestream.toml"
        self._config.write_text(COMPOSED["configs"]["pipeline"]["content"], encoding="utf-8")
        self._environ = {
            **os.environ,
            "SIDESTREAM_KAFKA__ADDRESS": address,
            "SIDESTREAM_KAFKA__PREFIX": f"{uuid4().hex}.",
            "SIDESTREAM_LOG__DIR": str(directory / "state"),
        }

    def words(self, words: list[str]) -> list[str]:
        put = {MOUNTED: str(self._config), STATE: str(self.directory / "state")}
        sidestream, *arguments = words
        assert sidestream == "sidestream"
        return [sys.executable, "-c", "from streams.cli.app import main; main()", *(put.get(w, w) for w in arguments)]

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.words(list(words)), cwd=ROOT, env=self._environ, capture_output=True, text=True, check=False
        )

    def healthy(self, service: str) -> bool:
        return self.run(*SERVICES[service]["healthcheck"]["test"][1:]).returncode == 0

    @contextmanager
    def up(self, service: str) -> Iterator[subprocess.Popen[bytes]]:
        """Have a service run, until it is stopped."""
        said = (self.directory / f"{service}.log").open("ab")
        command = self.words(SERVICES[service]["command"])
        process = subprocess.Popen(command, cwd=ROOT, env=self._environ, stdout=said, stderr=said)
        try:
            yield process
        finally:
            process.kill()
            process.wait()
            said.close()

    def stop(self, service: str, process: subprocess.Popen[bytes]) -> None:
        """Stop it as compose does, which kills it when the time for that is over."""
        process.send_signal(signal.SIGTERM)
        grace_s = float(SERVICES[service].get("stop_grace_period", "10s").removesuffix("s"))
        assert process.wait(grace_s) == 0, (self.directory / f"{service}.log").read_text(encoding="utf-8")

    def count(self, topic: str) -> int:
        said = self.run("sidestream", "peek", topic, "--config", MOUNTED, "--count", "1000000")
        return len(said.stdout.splitlines())

    def counts(self) -> dict[str, int]:
        said = self.run("sidestream", "audit", STATE, "--config", MOUNTED, "--json")
        assert said.returncode == 0, said.stdout + said.stderr
        found: dict[str, int] = json.loads(said.stdout)["counts"]
        return found


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE_S
    while not holds():
        assert time.monotonic() < end, f"waited {DEADLINE_S:g} s in vain until {what}"
        time.sleep(0.5)


@pytest.fixture
def machine(kafka: str, tmp_path: Path) -> Machine:
    return Machine(tmp_path, kafka)


def test_what_compose_starts_answers_learns_and_stops_without_losing_anything(machine: Machine) -> None:
    made = machine.run(*SERVICES["topics"]["command"])
    assert made.returncode == 0, made.stdout + made.stderr
    with machine.up("worker") as worker, machine.up("producer") as producer:
        wait_until("labels have ended", lambda: machine.count("ends") >= 5)
        assert machine.count("predictions") > 0
        assert machine.healthy("worker")
        assert machine.healthy("producer")
        machine.stop("producer", producer)
        with machine.up("producer") as again:
            before = machine.count("requests")
            wait_until("payments come again", lambda: machine.count("requests") > before)
            machine.stop("producer", again)
        machine.stop("worker", worker)
    assert machine.run("sidestream", "run", "--config", MOUNTED, "--once").returncode == 0
    counts = machine.counts()
    assert counts["requests"] == counts["records on predictions"] == machine.count("requests")
    assert counts["requests labelled"] > 0
    assert counts["requests duplicates"] == counts["requests dead"] == counts["labels dead"] == 0

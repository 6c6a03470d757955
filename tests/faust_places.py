"""Real Faust workers for tests: each a process, at a place of topics, a state and settings of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.broker import free_ports
from tests.said import Said

ROOT = Path(__file__).resolve().parents[1]
DEADLINE_S = 90.0
START_MS = 1_700_000_000_000
SETTINGS = """
[input]
target = "y"
id = "id"
time = "ts"
task = "binary"
positive = 1
[labels]
policy = "wait(2h)"
[schema]
columns = {a = "numeric"}
[contenders]
champion = "linear=river.linear_model.LogisticRegression()"
challengers = {bayes = "river.naive_bayes.GaussianNB()"}
"""


def wait_for(what: str, look: Callable[[], Any]) -> Any:
    """Return what is looked for once it is there."""
    end = time.monotonic() + DEADLINE_S
    while not (found := look()):
        assert time.monotonic() < end, f"waited {DEADLINE_S:g} s in vain for {what}"
        time.sleep(0.05)
    return found


class FaustProcess:
    """One `faust -A streams.faust_app worker`."""

    def __init__(self, place: FaustPlace, config: Path) -> None:
        (self.port,) = free_ports(1)
        self.log = place.directory / f"faust-{self.port}.log"
        command = [sys.executable, "-m", "faust", "-A", "streams.faust_app", "worker", "-l", "info"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, "--web-port", str(self.port)],
                cwd=ROOT,
                env={**os.environ, "SIDESTREAM_CONFIG": str(config)},
                stdout=log,
                stderr=log,
            )

    def shown(self) -> tuple[int, dict[str, Any]]:
        """Return what its web view answers; status 0 where nobody answers."""
        assert self.process.poll() is None, self.said()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/sidestream/")
            response = connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, HTTPException):
            return 0, {}
        finally:
            connection.close()

    def wait_until_shown(self, **wanted: object) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            status, shown = self.shown()
            return shown if status == 200 and wanted.items() <= shown.items() else None

        return wait_for(f"{wanted} at the web view", look)

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(DEADLINE_S)

    def said(self) -> str:
        return self.log.read_text()


class FaustPlace:
    """Topics, a state and settings of a test's own; `kafka` are more of how the log is reached."""

    def __init__(self, directory: Path, address: str, capsys: pytest.CaptureFixture[str], **kafka: object) -> None:
        self.directory = directory
        self._capsys = capsys
        self._kafka = {"address": address, **kafka}
        self.prefix = f"{uuid4().hex}."
        self.config = self.configured("state")

    def configured(self, state: str, **kafka: object) -> Path:
        """Write settings with another state directory, and these of the log."""
        path = self.directory / f"{state}.toml"
        given = {"prefix": self.prefix, **self._kafka, **kafka}
        lines = "\n".join(f"{key} = {json.dumps(value)}" for key, value in given.items())
        path.write_text(f'{SETTINGS}[log]\ndir = "{self.directory / state}"\n[kafka]\n{lines}\n')
        return path

    def said(self, *words: object) -> Said:
        return Said(self._capsys, *words, "--config", self.config)

    def append(self, topic: str, rows: list[dict[str, object]]) -> None:
        path = self.directory / f"{topic}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        said = self.said("append", topic, path, "--create", 1)
        assert said.code == 0, said.err

    def arrive(self, begin: int, end: int) -> None:
        """Let labels arrive, and their requests."""
        self.append("labels", [{"id": f"e{n}", "y": int(n * 7 % 11 > 6)} for n in range(begin, end)])
        rows = [{"id": f"e{n}", "ts": START_MS + 60_000 * n, "a": n * 7 % 11 - 5.0} for n in range(begin, end)]
        self.append("requests", rows)

    def values(self, topic: str) -> list[dict[str, Any]]:
        said = self.said("peek", topic, "--count", 100_000)
        return [json.loads(str(line["text"])) for line in said.lines()] if said.code == 0 else []

    def check_audit(self) -> None:
        said = Said(self._capsys, "audit", self.directory / "state", "--config", self.config)
        assert said.code == 0, said.out + said.err

    @contextmanager
    def worker(self, config: Path | None = None) -> Iterator[FaustProcess]:
        started = FaustProcess(self, config or self.config)
        try:
            yield started
        finally:
            started.process.kill()
            started.process.wait()

"""Real Faust workers on a real broker: they answer as a worker does, show it, obey, drain, and fail with its codes."""

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

pytest.importorskip("faust", reason="its extra is missing: pip install 'sidestream[faust]'")

ROOT = Path(__file__).resolve().parents[2]
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
    """Topics, a state and settings of a test's own."""

    def __init__(self, directory: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self.address = address
        self._capsys = capsys
        self.prefix = f"{uuid4().hex}."
        self.config = self.configured("state")

    def configured(self, state: str, **kafka: object) -> Path:
        """Write settings with another state directory, and these of the log."""
        path = self.directory / f"{state}.toml"
        given = {"address": self.address, "prefix": self.prefix, **kafka}
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


@pytest.fixture
def new_place(kafka: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], FaustPlace]:
    def make(name: str) -> FaustPlace:
        directory = tmp_path / name
        directory.mkdir()
        return FaustPlace(directory, kafka, capsys)

    return make


def test_a_faust_worker_answers_as_a_worker_does_obeys_its_agent_and_drains(
    new_place: Callable[[str], FaustPlace],
) -> None:
    plain, place = new_place("plain"), new_place("faust")
    for each in (plain, place):
        each.arrive(0, 120)
    assert plain.said("run", "--once").code == 0
    with place.worker() as worker:
        shown = worker.wait_until_shown(state="working", position=240, lag=0, champion="linear")
        assert shown["contenders"]["bayes"]["role"] == "challenger"
        assert shown["commits"] == shown["last_commit"]["sequence"] + 1
        assert place.values("predictions") == plain.values("predictions")
        command = {"verb": "promote", "contender": "bayes", "by": "ann@desk", "at_ms": 1, "reason": "a test"}
        place.append("asked", [{"verb": "promote"}, command, command])
        worker.wait_until_shown(champion="bayes")
        replies = wait_for("three replies", lambda: len(found := place.values("replies")) == 3 and found)
        assert [(each["command"], each["repeated"]) for each in replies] == [(None, False), (0, False), (0, True)]
        assert "a command is an object of" in replies[0]["refused"]
        (entry,) = [entry for entry in place.values("audit") if entry["verb"] == "promote"]
        assert (entry["by"], entry["reason"], entry["effect"]) == ("ann@desk", "a test", "done")
        place.arrive(120, 150)
        assert worker.end(signal.SIGTERM) == 0, worker.said()
        assert "stopped: everything taken is committed, the state is kept" in worker.said()
    assert place.said("run", "--once").code == 0
    place.check_audit()
    assert [answer["id"] for answer in place.values("predictions")] == [f"e{n}" for n in range(150)]


def test_a_faust_worker_that_was_killed_goes_on_where_it_was(new_place: Callable[[str], FaustPlace]) -> None:
    place = new_place("killed")
    place.arrive(0, 60)
    with place.worker() as worker:
        wait_for("answers", lambda: place.values("predictions"))
        worker.end(signal.SIGKILL)
    place.arrive(60, 100)
    with place.worker() as worker:
        worker.wait_until_shown(position=200, lag=0)
        assert worker.end(signal.SIGTERM) == 0, worker.said()
    assert [answer["id"] for answer in place.values("predictions")] == [f"e{n}" for n in range(100)]
    place.check_audit()


def test_of_two_faust_workers_one_works_and_the_other_takes_over(new_place: Callable[[str], FaustPlace]) -> None:
    place = new_place("two")
    place.arrive(0, 10)
    with place.worker() as first, place.worker(place.configured("elsewhere")) as second:
        pair = [first, second]
        wait_for("one that works", lambda: any(each.shown()[0] == 200 for each in pair))
        wait_for("one that stands by", lambda: any("standing by" in each.said() for each in pair))
        leads = next(each for each in pair if each.shown()[0] == 200)
        (waits,) = (each for each in pair if each is not leads)
        assert waits.shown() == (503, {"state": "starting"})
        assert leads.end(signal.SIGTERM) == 0, leads.said()
        place.arrive(10, 20)
        waits.wait_until_shown(position=40, lag=0)
        assert waits.end(signal.SIGTERM) == 0, waits.said()
    assert [answer["id"] for answer in place.values("predictions")] == [f"e{n}" for n in range(20)]


def test_a_faust_worker_that_stands_by_is_stopped_like_any_other(new_place: Callable[[str], FaustPlace]) -> None:
    place = new_place("stopped")
    place.arrive(0, 10)
    with place.worker() as first:
        first.wait_until_shown(state="working")
        with place.worker(place.configured("elsewhere")) as second:
            wait_for("one that stands by", lambda: "standing by" in second.said())
            assert second.end(signal.SIGTERM) == 0, second.said()
            assert "stopped while standing by; nothing was begun" in second.said()
        assert first.shown()[0] == 200


def test_a_worker_that_fails_ends_the_faust_worker_with_its_own_exit_code(
    new_place: Callable[[str], FaustPlace],
) -> None:
    place = new_place("failing")
    place.arrive(0, 10)
    assert place.said("run", "--once").code == 0
    place.config.write_text(place.config.read_text().replace("GaussianNB", "BernoulliNB"))
    with place.worker() as refused:
        assert refused.process.wait(DEADLINE_S) == 3, refused.said()
        assert "with other contenders" in refused.said()


def test_a_faust_worker_without_a_broker_says_so_and_ends_with_the_code_for_that(
    new_place: Callable[[str], FaustPlace],
) -> None:
    place = new_place("alone")
    (port,) = free_ports(1)
    with place.worker(place.configured("nowhere", address=f"127.0.0.1:{port}", timeout_s=2)) as alone:
        assert alone.process.wait(DEADLINE_S) == 4, alone.said()
        assert "no Kafka broker answers at" in alone.said()

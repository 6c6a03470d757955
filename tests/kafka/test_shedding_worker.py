"""A real worker that is behind because of a challenger sheds it by a command, on either log, and an audit agrees."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("aiokafka")

from streams.embedded_log import EmbeddedLog
from streams.log_file import Durability
from streams.log_port import Log
from tests.kafka.overload import ROOT, Overloaded, batches, good
from tests.replays import COMMAND
from tests.streams.worker_process import wait_until

COUNT = 20_000
OVERLOAD = """
[limits]
tape_count_max = 1000
[overload]
backlog_max = 100
after_s = 1
level_s = 1
share_min = 0.01
"""


def audit_entries(log: Log) -> list[dict[str, str]]:
    if not any(info.name == "audit" for info in log.topics()):
        return []
    return [json.loads(record.value) for record in log.read("audit", 0, 0).records]


def check_shed(place: Overloaded, log: Log) -> None:
    """Start a worker, wait until it has shed its challenger, stop it in good order, and have the log audited."""
    log.create_topic("requests", 1)
    for batch in batches(good(COUNT)):
        log.append("requests", 0, batch)
    with (place.state.parent / "said.txt").open("wb") as stderr:
        command = [*COMMAND, "run", "--config", str(place.config)]
        worker = subprocess.Popen(command, cwd=ROOT, stderr=stderr)
    try:
        wait_until("it sheds", lambda: any(entry["verb"] == "shed" for entry in audit_entries(log)))
        worker.terminate()
        worker.wait(60)
    finally:
        worker.kill()
        worker.wait()
    assert worker.returncode == 0
    (shed,) = [entry for entry in audit_entries(log) if entry["verb"] == "shed"]
    assert (shed["contender"], shed["by"], shed["effect"]) == ("bayes", "sidestream", "done")
    assert "records behind, this challenger took" in shed["reason"]
    assert place.audit()["clean"]


@pytest.fixture
def slow(kafka: str, tmp_path: Path) -> Overloaded:
    """Give a place whose challenger costs most of the time."""
    place = Overloaded(kafka, tmp_path / "place")
    text = place.config.read_text().replace("naive_bayes()", "river.forest.ARFClassifier(n_models=20, seed=1)")
    place.config.write_text(text + OVERLOAD)
    return place


def test_a_worker_on_kafka_sheds_a_challenger_that_keeps_it_behind(slow: Overloaded) -> None:
    with slow.opened() as log:
        check_shed(slow, log)


def test_a_worker_on_the_embedded_log_sheds_a_challenger_that_keeps_it_behind(slow: Overloaded) -> None:
    lines = slow.config.read_text().splitlines()
    slow.config.write_text("\n".join(each for each in lines if not each.startswith(("[kafka]", "address", "prefix"))))
    with EmbeddedLog(str(slow.state), durability=Durability.PROCESS, create=True) as log:
        check_shed(slow, log)

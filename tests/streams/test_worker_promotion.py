"""Promotion on evidence through a worker and a replay: journalled, audited, and every decision comes out again."""

from __future__ import annotations

import csv
import json
import subprocess
from collections.abc import Iterator
from itertools import count
from math import log
from pathlib import Path
from random import Random
from typing import Any

import pytest

from engine.messages import Verb
from streams.audit import Auditor
from streams.audit_trail import read_line
from streams.commands import CommandRecord, encode
from streams.fork import fork
from streams.ground import whole_topic
from streams.history import rebuild
from streams.simulated_disk import SimulatedDisk
from tests.pasts import MINUTE, START_MS, Past
from tests.replays import COMMAND
from tests.workers import ROOT, Life, settings_of

STEEP = 'steep=rules("a > 1.5 -> 0.9; otherwise 0.1")'
"""Knows what is true in a worker's life; the flat one says no to everything."""

FLAT = 'flat=rules("otherwise 0.1")'
DULL = 'dull=rules("otherwise 0.2")'
EAGER = {
    "mode": "automatic",
    "run_length": 20,
    "matured_count_min": 20,
    "positive_count_min": 5,
    "span_min": "15m",
    "epoch_inputs": 16,
}
CHANGES: dict[str, dict[str, Any]] = {
    "contenders": {"champion": FLAT, "challengers": [STEEP]},
    "promotion": EAGER,
    "detectors": {"specs": ["none"]},
}


def lived(event_count: int = 220, **more: Any) -> Life:
    life = Life(settings=settings_of(**CHANGES), **more)
    life.arrive(event_count)
    return life


def lines(life: Life, topic: str) -> list[dict[str, Any]]:
    return [json.loads(value) for value in whole_topic(life.log, topic)]


def written(life: Life) -> dict[str, list[bytes]]:
    return {name: list(whole_topic(life.log, name)) for name in ("predictions", "shadow", "alarms", "ends", "audit")}


@pytest.fixture(scope="module")
def whole() -> Life:
    """Return a life without a break, in which evidence promoted."""
    life = lived()
    life.run()
    return life


def test_a_worker_promotes_on_evidence_and_its_lines_say_so(whole: Life) -> None:
    (promoted,) = (line for line in lines(whole, "alarms") if line["event"] == "promoted")
    assert (promoted["from"], promoted["to"], promoted["rule"]) == ("flat", "steep", "restarting")
    assert promoted["position"] % EAGER["epoch_inputs"] == 0  # type: ignore[operator]
    assert promoted["evidence"]["log_e"] >= promoted["evidence"]["log_threshold"]
    served = [line["model"] for line in lines(whole, "predictions")]
    first = served.index("steep")
    assert served == ["flat"] * first + ["steep"] * (len(served) - first)
    assert promoted["index"] == first - 1, "the latest request then"


def test_the_audit_trail_says_that_evidence_promoted_and_what_it_was(whole: Life) -> None:
    (entry,) = (each for each in map(read_line, whole_topic(whole.log, "audit")) if each.verb == "promote")
    (promoted,) = (line for line in lines(whole, "alarms") if line["event"] == "promoted")
    assert (entry.by, entry.contender, entry.effect, entry.offset) == ("sidestream", "steep", "done", None)
    assert entry.reason == f"restarting: {promoted['reason']}"


def test_recovery_from_the_journal_alone_comes_to_the_same_promotion_and_the_same_bytes(whole: Life) -> None:
    kept = whole.recovered().replica.engine
    disk, whole.disk = whole.disk, SimulatedDisk(ROOT)
    try:
        found = whole.recovered()
    finally:
        whole.disk = disk
    assert found.replayed == whole.log.journal_end()
    assert found.replica.engine.state_digest() == kept.state_digest()
    assert found.replica.engine.summary().data["promotions"] == kept.summary().data["promotions"]
    assert kept.summary().data["promotion_count"] == 1


@pytest.mark.parametrize("turn_count", [1, 3, 9])
def test_stopped_and_started_again_and_again_it_promotes_at_the_same_input(whole: Life, turn_count: int) -> None:
    life = lived()

    def counted() -> Iterator[bool]:
        for number in count(1):
            yield number % turn_count == 0

    stops = counted()
    life.between = lambda: next(stops)
    for _ in range(40):
        life.run(once=False)
    life.between = lambda: False
    life.run()
    here, there = written(life), written(whole)
    assert here["predictions"] == there["predictions"]
    assert here["alarms"] == there["alarms"]
    assert life.recovered().replica.engine.state_digest() == whole.recovered().replica.engine.state_digest()


def test_who_is_held_by_a_record_on_the_log_is_not_promoted() -> None:
    life = lived()
    life.append("commands", encode(CommandRecord(Verb.HOLD, "steep", "ann", START_MS, "not during the sales")))
    life.run()
    assert [line["event"] for line in lines(life, "alarms")] == ["command"]
    standing = life.recovered().replica.engine.summary().data["promotion"]["standings"]["steep"]
    assert (standing["eligible"], standing["because"]) == (False, "held by command")


def lived_on(directory: Path, *challengers: str) -> Past:
    """Return a log on which a worker lived three times, with the steep one as a challenger, or with others."""
    contenders = {"champion": FLAT, "challengers": list(challengers or [STEEP])}
    changes = {**CHANGES, "contenders": contenders, "schema": {"columns": {"a": "numeric"}}, "limits": {}}
    past = Past(directory, changes)
    random = Random(1)
    for part in range(3):
        requests, labels = [], []
        for number in range(60 * part, 60 * part + 60):
            at, a = START_MS + 10 * MINUTE * number, random.choice([-3.0, 0.0, 2.0, 5.0])
            requests.append({"id": f"e{number}", "ts": at, "a": a})
            labels.append({"id": f"e{number}", "y": int(a > 1.5), "at": at + 30 * MINUTE})
        past.append("requests", *requests)
        past.append("labels", *labels)
        past.live()
    return past


def test_every_decision_around_a_promotion_on_evidence_is_made_again_and_the_audit_finds_nothing(
    tmp_path: Path,
) -> None:
    past = lived_on(tmp_path / "state")
    (promoted,) = (line for line in past.lines("alarms") if line["event"] == "promoted")
    with past.ground() as ground:
        for index in range(promoted["index"] - 3, promoted["index"] + 5):
            found = rebuild(ground, f"e{index}")
            assert found.is_equal
            before = index <= promoted["index"]
            assert json.loads(found.committed)["model"] == ("flat" if before else "steep")
            roles = {each.name: each.role for each in found.contenders}
            assert (roles["flat"] == "champion") == before
            assert (roles["steep"] == "champion") != before
        audit = Auditor(ground).run()
    assert audit.findings == []


def test_a_fork_promotes_as_a_run_would_have_that_had_the_new_one_from_the_beginning(tmp_path: Path) -> None:
    without, having = lived_on(tmp_path / "a", DULL), lived_on(tmp_path / "b", DULL, STEEP)
    with having.ground() as ground:
        replica = ground.recovery().recover().replica
        replica.catch_up()
        expected = replica.engine.summary().data
    assert [each["to"] for each in expected["promotions"]] == ["steep"]
    assert without.lines("alarms") == []
    with without.ground() as ground:
        assert fork(ground, 0, (STEEP,)).data == expected


def test_a_fork_from_later_on_is_judged_with_one_challenger_more_on_the_evidence_there_was(tmp_path: Path) -> None:
    past = lived_on(tmp_path / "state")
    (promoted,) = (line for line in past.lines("alarms") if line["event"] == "promoted")
    at = promoted["position"] - EAGER["epoch_inputs"] // 2  # type: ignore[operator]
    with past.ground() as ground:
        (there,) = fork(ground, at, (DULL,)).data["promotions"]
    assert (there["to"], there["index"]) == ("steep", promoted["index"]), "it had been found already"
    with past.ground() as ground:
        (there,) = fork(ground, promoted["position"] // 2, (DULL,)).data["promotions"]
    wanted, asked = there["evidence"]["log_threshold"], promoted["evidence"]["log_threshold"]
    assert wanted == pytest.approx(asked + log(2.0))


@pytest.mark.parametrize("mode", ["automatic", "recommend"])
def test_a_replay_promotes_where_the_flag_says_so_and_its_json_has_the_evidence(tmp_path: Path, mode: str) -> None:
    random = Random(2)
    with (tmp_path / "events.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "ts", "a", "fraud"])
        for number in range(2_400):
            a = random.choice([-3.0, 0.0, 2.0, 5.0])
            rows.writerow([number, START_MS + 15 * MINUTE * number, a, int(a > 1.5)])
    arguments = ["replay", "events.csv", "--target", "fraud", "--positive", "1", "--id", "id", "--time", "ts"]
    arguments += ["--label-delay", "1d", "--champion", FLAT, "--challenger", STEEP, "--detector", "none"]
    arguments += ["--promotion", mode, "--out", "out", "--json"]
    done = subprocess.run([*COMMAND, *arguments], cwd=tmp_path, capture_output=True, text=True, check=True)
    data = json.loads(done.stdout)
    events = [json.loads(line) for line in (tmp_path / "out/events.jsonl").read_text(encoding="utf-8").splitlines()]
    if mode == "recommend":
        assert data["promotions"] == []
        assert [event["event"] for event in events] == ["recommended"]
        assert data["promotion"]["standings"]["steep"]["eligible"]
        return
    (promoted,) = data["promotions"]
    assert promoted.keys() >= {"index", "from", "to", "rule", "evidence", "reason"}
    assert (promoted["from"], promoted["to"], promoted["rule"]) == ("flat", "steep", "restarting")
    assert promoted["evidence"]["matured"] >= 1_000, "as the defaults ask"
    assert promoted["evidence"]["positives"] >= 100
    assert promoted["reason"].startswith("mean loss lower by ")
    served = (tmp_path / "out/predictions.jsonl").read_text(encoding="utf-8").splitlines()
    models = [json.loads(line)["model"] for line in served]
    assert models == ["flat"] * (promoted["index"] + 1) + ["steep"] * (2_400 - promoted["index"] - 1)
    assert data["promotion"]["standings"]["flat"]["because"].endswith(" of 1,000 matured events")

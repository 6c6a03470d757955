"""A state directory and a log can be looked at: what is whole is shown, what is not is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.cli.app import main
from streams.commands import Verb
from streams.log_port import Entry
from tests.pasts import START_MS, Past, Stream
from tests.payments import payments, write_csv
from tests.replays import read_back, replayed


@pytest.fixture
def state(tmp_path: Path) -> Path:
    source = write_csv(tmp_path / "payments.csv", payments(120))
    where = tmp_path / "state"
    replayed(str(source), "--target", "fraud", "--id", "id", "--state", str(where), out=tmp_path / "out")
    return where


def inspected(*arguments: str, code: int = 0) -> None:
    with pytest.raises(SystemExit) as left:
        main(["inspect", *arguments])
    assert left.value.code == code


def test_counts_and_contenders_of_the_newest_are_those_of_the_run(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    summary = read_back(tmp_path / "out").summary
    capsys.readouterr()
    inspected(str(state), "--json")
    found = json.loads(capsys.readouterr().out)
    newest = found["newest"]
    assert newest["requests"] == summary["events"]
    assert newest["pending"] == summary["requests"]["pending"]
    assert newest["ledger"]["learned"] == summary["labels"]["learned"]
    assert {c["name"]: c["learned_count"] for c in newest["contenders"]} == {
        name: model["learned_count"] for name, model in summary["models"].items()
    }
    assert all(contender["bytes"] > 0 for contender in newest["contenders"])
    assert newest["made_with"]["input.target"] == "'fraud'"
    assert [checkpoint["refused"] for checkpoint in found["checkpoints"]] == [None]


def test_eyes_are_told_the_same(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    inspected(str(state))
    said = capsys.readouterr().out
    assert "checkpoint-" in said
    assert "majority: learned" in said


def test_a_damaged_checkpoint_is_named_and_the_exit_code_says_so(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = write_csv(tmp_path / "payments.csv", payments(150))
    replayed(str(source), "--target", "fraud", "--id", "id", "--state", str(state), out=tmp_path / "out")
    newest = max(state.glob("checkpoint-*"))
    (newest / "rows.part").write_bytes(b"")
    capsys.readouterr()
    inspected(str(state), code=1)
    said = capsys.readouterr().out
    assert "REFUSED" in said
    assert "rows.part" in said


def test_a_directory_without_checkpoints_is_told_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inspected(str(tmp_path), code=4)
    assert "holds no checkpoint" in capsys.readouterr().err


@pytest.fixture
def past(tmp_path: Path) -> Past:
    past = Past(tmp_path / "log", partition_count=2)
    stream = Stream(3)
    stream.send(past, 30)
    past.live()
    stream.send(past, 30)
    past.live()
    return past


def seen(past: Past, capsys: pytest.CaptureFixture[str], code: int = 0) -> dict[str, object]:
    capsys.readouterr()
    inspected(str(past.directory), "--json", code=code)
    return json.loads(capsys.readouterr().out)


def test_of_a_log_topics_journal_worker_and_who_answers_are_told(
    past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    found = seen(past, capsys)
    with past.log() as log:
        ends = {info.name: [each.end for each in info.partitions] for info in log.topics()}
        commits = log.journal_end()
    told = found["log"]
    assert {name: [each["end"] for each in partitions] for name, partitions in told["topics"].items()} == ends
    assert len(ends["predictions"]) == 2
    assert told["journal"] == {"begin": 0, "end": commits}
    worker = told["worker"]
    assert (worker["starts"], worker["started_by"], worker["champion"]) == (2, "ann@desk", "linear")
    assert worker["started_at"] == "2023-11-14T22:13:20.000Z"
    assert worker["settings"]["input.target"] == "'y'"
    with past.ground() as ground:
        engine = ground.recovery().recover().replica.engine
    assert found["newest"]["position"] == engine.position
    assert found["newest"]["requests"] == sum(ends["requests"])
    inspected(str(past.directory))
    said = capsys.readouterr().out
    assert "who answers: linear\n" in said
    assert f"journal: commits 0 to {commits}" in said
    assert "worker: started 2 times" in said


def test_who_answers_is_told_after_a_command_and_after_a_fall(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    past.command(Verb.PROMOTE, "bayes")
    past.live()
    worker = seen(past, capsys)["log"]["worker"]
    assert (worker["champion"], worker["rule"]) == ("bayes", "command")
    past.command(Verb.BENCH, "bayes")
    past.live()
    worker = seen(past, capsys)["log"]["worker"]
    assert (worker["champion"], worker["rule"]) == ("linear", "ladder")
    inspected(str(past.directory))
    assert "who answers: linear, by ladder\n" in capsys.readouterr().out


def test_a_log_without_checkpoints_or_with_broken_ones_still_tells_what_is_on_it(
    past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (past.directory / "checkpoints").glob("*/rows.part"):
        path.write_bytes(b"")
    found = seen(past, capsys, code=1)
    assert found["newest"] is None
    assert all("rows.part" in checkpoint["refused"] for checkpoint in found["checkpoints"])
    assert found["log"]["worker"]["champion"] == "linear"
    for path in (past.directory / "checkpoints").iterdir():
        path.rename(past.directory / f"away-{path.name}")
    assert seen(past, capsys)["checkpoints"] == []
    inspected(str(past.directory))
    assert "no checkpoints" in capsys.readouterr().out


def test_a_log_on_which_nobody_ran_shows_its_topics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    past = Past(tmp_path / "log")
    past.append("requests", {"id": 1, "ts": START_MS})
    assert seen(past, capsys)["log"]["worker"] is None
    inspected(str(past.directory))
    said = capsys.readouterr().out
    assert "no worker has run on it yet" in said
    assert "topic requests  0 to 1" in said


@pytest.mark.parametrize("topic", ["audit", "alarms"])
def test_lines_that_no_worker_writes_are_told_in_one_line(
    past: Past, capsys: pytest.CaptureFixture[str], topic: str
) -> None:
    for value in (b"{", b"[]", b"{}"):
        past.alter(topic, lambda _, value=value: [Entry(None, value)])
        inspected(str(past.directory), code=3)
        assert capsys.readouterr().err.count("\n") == 1
    if topic == "audit":
        past.alter(topic, lambda _: [])
        inspected(str(past.directory), code=3)
        assert "tells of no start" in capsys.readouterr().err

"""A state directory can be looked at: what is whole is shown, what is not is named."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streams.cli.app import main
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

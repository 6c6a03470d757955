"""A replay that is killed and started again ends as one that was never disturbed: same digest, same bytes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random
from time import monotonic

import pytest

from engine.engine import Engine
from engine.errors import SidestreamError
from engine.messages import Outcomes
from streams.cli.app import main
from streams.cli.flags import as_settings
from streams.preparation import Prepared
from streams.replay import replay
from streams.settings import load_settings
from streams.worker_lock import WorkerLock
from tests.payments import payments, write_csv
from tests.replays import COMMAND, run

FILES = ("predictions.jsonl", "shadow.jsonl", "labels.jsonl", "ends.jsonl", "dead_letters.jsonl", "summary.json")
FOREST = "forest=river.forest.ARFClassifier(n_models=2, grace_period=20)"
LATE = {
    "input__target": "fraud",
    "input__id": "id",
    "input__time": "ts",
    "labels__time": "label_ts",
    "labels__policy": "negative_after(8h)",
    "labels__on_late": "relearn",
    "contenders__champion": "mix=blend(majority(), river.naive_bayes.GaussianNB())",
    "contenders__challengers": (FOREST,),
    "decision__alert_rate": "0.2",
    "run__slice": "7",
    "run__checkpoint_every": "60",
}


class KilledError(Exception):
    """What stands for a kill inside this process."""


class Killer:
    """An observer that kills the replay at its n-th slice."""

    def __init__(self, slices: int) -> None:
        self.left = slices

    def begin(self, prepared: Prepared, notices: Sequence[str]) -> None:
        pass

    def note(self, out: Outcomes) -> None:
        pass

    def progress(self, engine: Engine, seconds: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise KilledError

    def end(self) -> None:
        pass


def replay_once(source: Path, folder: Path, slices: int = 10**9, **changes: object) -> str:
    """Replay with state and outputs in `folder` until the n-th slice; return the digest."""
    flags = as_settings({**LATE, **changes}, (str(source),))
    flags["output"] = {"dir": str(folder / "out")}
    fallback = bool(changes.get("run__fallback"))
    flags.setdefault("run", {}).update({"state": str(folder / "state"), "checkpoint_every": 60, "fallback": fallback})
    result = replay(load_settings(None, flags, {}), Killer(slices))
    return str(result.durable["state_digest"])


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {name: (folder / "out" / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = payments(400)
    rows[50]["amount"] = "much"
    return write_csv(tmp_path_factory.mktemp("source") / "payments.csv", rows)


@pytest.fixture(scope="module")
def undisturbed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, bytes]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    return replay_once(source, folder), bytes_of(folder)


def test_killed_at_random_slices_again_and_again_it_ends_with_the_same_bytes(
    source: Path, undisturbed: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    for seed in range(6):
        folder, random = tmp_path / str(seed), Random(seed)
        folder.mkdir()
        kills = 0
        while True:
            try:
                digest = replay_once(source, folder, slices=random.randrange(12, 60))
                break
            except KilledError:
                kills += 1
        assert kills > 1
        assert (digest, bytes_of(folder)) == undisturbed


def test_slices_may_change_between_two_starts(
    source: Path, undisturbed: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    with pytest.raises(KilledError):
        replay_once(source, tmp_path, slices=40)
    assert (replay_once(source, tmp_path, run__slice="100"), bytes_of(tmp_path)) == undisturbed


def test_kill_9_of_a_real_process_changes_nothing(
    source: Path, undisturbed: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    arguments = [
        *("replay", str(source), "--target", "fraud", "--id", "id", "--time", "ts", "--label-time", "label_ts"),
        *("--label-policy", "negative_after(8h)", "--on-late", "relearn", "--alert-rate", "0.2", "--slice", "1"),
        *("--champion", str(LATE["contenders__champion"]), "--challenger", FOREST),
        *("--state", str(tmp_path / "state"), "--out", str(tmp_path / "out")),
    ]
    environ = {**os.environ, "SIDESTREAM_RUN__CHECKPOINT_EVERY": "25"}
    random, kills = Random(5), 0
    for _ in range(4):
        process = subprocess.Popen([*COMMAND, *arguments], env=environ, stdout=subprocess.DEVNULL)
        seen = len(list((tmp_path / "state").glob("checkpoint-*"))) if (tmp_path / "state").exists() else 0
        give_up = monotonic() + 60
        wanted = seen + random.randrange(1, 3)
        while process.poll() is None and monotonic() < give_up and newest(tmp_path / "state") < wanted * 25:
            pass
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills
    run(*arguments)
    assert bytes_of(tmp_path) == undisturbed[1]


def newest(state: Path) -> int:
    """Return the position of the newest checkpoint."""
    return max((int(path.name.split("-")[1]) for path in state.glob("checkpoint-*")), default=0)


def refused(source: Path, folder: Path, **changes: object) -> str:
    with pytest.raises(SidestreamError) as caught:
        replay_once(source, folder, **changes)
    assert caught.value.exit_code == 3
    return str(caught.value)


def test_what_differs_is_named_and_nothing_is_touched(source: Path, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        replay_once(source, tmp_path, slices=40)
    before = (tmp_path / "out" / "predictions.jsonl").read_bytes()
    assert "run.seed was '0', is '5'" in refused(source, tmp_path, run__seed="5")
    assert "contenders.champion" in refused(source, tmp_path, contenders__champion="majority()")
    longer = tmp_path / "payments.csv"
    longer.write_bytes(source.read_bytes())
    assert "input.paths" in refused(longer, tmp_path)
    assert (tmp_path / "out" / "predictions.jsonl").read_bytes() == before


def test_another_input_under_the_same_name_is_refused(source: Path, tmp_path: Path) -> None:
    moving = tmp_path / "moving.csv"
    shutil.copy(source, moving)
    with pytest.raises(KilledError):
        replay_once(moving, tmp_path, slices=40)
    lines = moving.read_text().splitlines(keepends=True)
    lines[3] = lines[3].replace(",", ",1", 1)
    moving.write_text("".join(lines))
    assert "are not those the checkpoint" in refused(moving, tmp_path)
    moving.write_text("".join(lines[:20]))
    assert refused(moving, tmp_path)


def test_more_input_than_before_is_simply_more(source: Path, tmp_path: Path) -> None:
    growing, lines = tmp_path / "growing.csv", source.read_text().splitlines(keepends=True)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    growing.write_text("".join(lines[:300]))
    replay_once(growing, tmp_path / "a")
    growing.write_text("".join(lines))
    assert replay_once(growing, tmp_path / "a") == replay_once(growing, tmp_path / "b")
    assert bytes_of(tmp_path / "a") == bytes_of(tmp_path / "b")


def test_an_output_that_lost_bytes_is_refused(source: Path, tmp_path: Path) -> None:
    with pytest.raises(KilledError):
        replay_once(source, tmp_path, slices=40)
    (tmp_path / "out" / "labels.jsonl").write_bytes(b"")
    assert "labels.jsonl" in refused(source, tmp_path)


def test_a_damaged_checkpoint_is_refused_and_with_fallback_passed_over(
    source: Path, undisturbed: tuple[str, dict[str, bytes]], tmp_path: Path
) -> None:
    with pytest.raises(KilledError):
        replay_once(source, tmp_path, slices=60)
    part = max((tmp_path / "state").glob("checkpoint-*")) / "rows.part"
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    assert "--fallback" in refused(source, tmp_path)
    assert (replay_once(source, tmp_path, run__fallback=True), bytes_of(tmp_path)) == undisturbed


def test_a_model_that_cannot_give_its_state_is_refused_before_anything_is_read(source: Path, tmp_path: Path) -> None:
    spec = "river.feature_extraction.RandomTreesEmbedding() | river.linear_model.LogisticRegression()"
    with pytest.raises(SystemExit) as left:
        main(["replay", str(source), "--target", "fraud", "--champion", spec, "--state", str(tmp_path / "state")])
    assert left.value.code == 3
    assert not list((tmp_path / "state").glob("checkpoint-*"))


def test_two_replays_on_one_state_directory_are_one_too_many(source: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    lock = WorkerLock(state)
    try:
        with pytest.raises(SidestreamError, match="already runs on") as caught:
            replay_once(source, tmp_path)
        assert caught.value.exit_code == 4
    finally:
        lock.release()
    replay_once(source, tmp_path)


def test_a_state_directory_that_cannot_be_made_is_told_in_one_line(source: Path, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(SidestreamError, match="cannot be a state directory"):
        replay_once(source, tmp_path)


def test_labels_of_another_file_are_another_input(tmp_path: Path) -> None:
    rows = payments(80)
    labels = tmp_path / "labels.csv"
    lines = [f"{row['id']},{row['fraud']}\n" for row in rows]
    labels.write_text("id,fraud\n" + "".join(lines))
    source = write_csv(tmp_path / "payments.csv", [{k: v for k, v in row.items() if k != "fraud"} for row in rows])
    changes = {"labels__time": None, "labels__path": str(labels), "labels__policy": None, "labels__on_late": None}
    replay_once(source, tmp_path, **changes)
    labels.write_text("id,fraud\n" + "".join(reversed(lines)))
    assert "labels file" in refused(source, tmp_path, **changes)

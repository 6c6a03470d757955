"""The lag is what the worker itself would say, found by the log alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streams.checkpoint_reader import CheckpointReader
from streams.disk import Disk
from streams.embedded_log import EmbeddedLog
from streams.ground import inputs_of
from streams.journal import JournalEntry, Run, digest_of
from streams.lag import Lag, committed_offsets, lag_of
from streams.log_port import Commit
from streams.memory_log import MemoryLog
from streams.whereabouts import Whereabouts, whereabouts_of
from tests.said import Said
from tests.workers import ROOT, Life

KEPT = ROOT / "checkpoints"


def lag(life: Life) -> Lag:
    return lag_of(life.log, inputs_of(life.settings, life.log.topics()), (), life.now_ms)


def test_what_has_arrived_and_is_not_committed_is_the_lag() -> None:
    life = Life()
    life.arrive(20)
    assert [(each.committed, each.lag) for each in lag(life).inputs] == [(0, 20), (0, 20), (0, 0)]
    life.run()
    assert lag(life).total == 0
    life.arrive(7)
    found = lag(life)
    assert [(each.topic, each.committed, each.lag) for each in found.inputs] == [
        ("requests", 20, 7),
        ("labels", 20, 7),
        ("commands", 0, 0),
    ]
    assert (found.total, found.term, found.commits) == (14, 1, life.log.journal_end())
    assert (found.age_s, found.commit_age_s, found.leader) == (None, None, None), "no cluster, nothing known"


def journal_of(log: MemoryLog, runs: list[list[Run]]) -> None:
    """Commit once for each list of runs."""
    with log.lead() as lease:
        for number, each in enumerate(runs):
            lease.commit(Commit(number, JournalEntry(0, 0, tuple(each), "0" * 64, "0" * 64).encode()))


class CountingLog(MemoryLog):
    """Counts which commits of its journal were read."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[int] = set()

    def journal(self, from_sequence: int) -> Any:
        for record in super().journal(from_sequence):
            self.seen.add(record.sequence)
            yield record


def test_the_journal_is_walked_back_until_every_input_was_found_and_no_further() -> None:
    log = CountingLog()
    journal_of(log, [[Run(1, 0, 5, 5)], *([Run(0, n, n + 1, 1)] for n in range(5_000)), [Run(2, 0, 9, 9)]])
    assert committed_offsets(log, {0, 2}, 5_002, ()) == {0: 5_000, 2: 9}
    assert min(log.seen) == 5_002 - 256
    assert committed_offsets(log, {0, 1, 2}, 5_002, ()) == {0: 5_000, 1: 5, 2: 9}
    assert min(log.seen) == 0


def test_a_checkpoint_of_this_journal_ends_the_walk_and_one_of_another_does_not() -> None:
    log = CountingLog()
    journal_of(log, [[Run(1, 0, 5, 5)], *([Run(0, n, n + 1, 1)] for n in range(3_000))])
    kept = Whereabouts(2_001, [2_000, 5, 0], digest_of(next(MemoryLog.journal(log, 2_000)).data))
    assert committed_offsets(log, {0, 1, 2}, 3_001, [kept]) == {0: 3_000, 1: 5, 2: 0}
    assert min(log.seen) == 2_000
    foreign = kept._replace(head="f" * 64)
    assert committed_offsets(log, {0, 1, 2}, 3_001, [foreign]) == {0: 3_000, 1: 5}
    assert min(log.seen) == 0
    assert committed_offsets(log, {0}, 3_001, [kept._replace(sequence=9_999)]) == {0: 3_000}


def kept_on(disk: Disk) -> CheckpointReader:
    return CheckpointReader(directory=KEPT, identity=None, disk=disk)


def test_a_checkpoint_says_where_it_stands_though_its_models_are_damaged() -> None:
    life = Life()
    life.arrive(20)
    life.run()
    place_kept = whereabouts_of(kept_on(life.disk).newest_rest())
    assert place_kept is not None
    assert (place_kept.sequence, list(place_kept.offsets)) == (life.log.journal_end(), [20, 20, 0])
    path = KEPT / life.disk.entries(KEPT)[-1].name
    torn = life.disk.tampered(path / "contender-0.part", lambda data: data[:-1] + b"?")
    assert whereabouts_of(kept_on(torn).newest_rest()) == place_kept
    torn = life.disk.tampered(path / "caller.part", lambda data: data[:-1] + b"?")
    before = whereabouts_of(kept_on(torn).newest_rest())
    assert before is not None
    assert before.sequence < place_kept.sequence, "the one before it"


def test_lag_of_an_embedded_log_is_shown_for_eyes_and_as_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with EmbeddedLog(str(tmp_path), create=True) as log:
        life = Life(log=log)  # type: ignore[arg-type]
        life.arrive(20)
        life.run()
        life.arrive(3)
        before = log.topics(), log.journal_end()
    said = Said(capsys, "lag", "--log", tmp_path, "--json")
    assert said.code == 0, said.err
    found = json.loads(said.out)
    assert [(each["topic"], each["lag"], each["age_s"]) for each in found["inputs"]] == [
        ("requests", 3, None),
        ("labels", 3, None),
        ("commands", 0, None),
    ]
    assert (found["lag"], found["leader"]) == (6, None)
    shown = Said(capsys, "lag", "--log", tmp_path)
    assert (shown.code, "all inputs: 6 behind" in shown.out) == (0, True)
    with EmbeddedLog(str(tmp_path)) as log:
        assert (log.topics(), log.journal_end()) == before


def test_lag_of_a_log_without_a_worker_is_everything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedLog(str(tmp_path), create=True) as log:
        Life(log=log).arrive(4)  # type: ignore[arg-type]
    said = Said(capsys, "lag", "--log", tmp_path)
    assert said.code == 0
    assert "all inputs: 8 behind" in said.out
    assert "no worker has committed yet" in said.out

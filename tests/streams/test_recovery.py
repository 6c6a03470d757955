"""Recovery: which checkpoint is continued from, which tail is carried out, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import SnapshotError
from streams.checkpoint import list_named
from streams.checkpoint_versions import Versions, current_versions
from streams.journal import decode
from streams.log_port import LogError
from streams.simulated_disk import Loss, PowerCut, SimulatedDisk
from tests.workers import ROOT, Life, settings_of

OTHER = replace(current_versions(), numpy="1.0.0")


def lived(*, disk: SimulatedDisk | None = None, versions: Versions | None = None) -> Life:
    """Return a life in which thirty requests and their labels were answered, and the worker stopped cleanly."""
    life = Life(disk=disk or SimulatedDisk(ROOT), versions=versions)
    life.arrive(30)
    life.run()
    return life


def test_after_a_clean_stop_nothing_is_carried_out_again() -> None:
    life = lived()
    recovered = life.recovered()
    assert recovered.replayed == 0
    assert recovered.replica.sequence == life.log.journal_end()


def test_without_any_checkpoint_the_whole_journal_is() -> None:
    life = lived()
    digest = life.recovered().replica.engine.state_digest()
    life.disk = SimulatedDisk(ROOT)
    recovered = life.recovered()
    assert recovered.replayed == life.log.journal_end()
    assert recovered.replica.engine.state_digest() == digest


def test_any_earlier_state_can_be_had() -> None:
    life = lived()
    for sequence in range(life.log.journal_end() + 1):
        assert life.recovered(sequence).replica.sequence == sequence


def test_a_commit_that_comes_out_otherwise_stops_the_recovery() -> None:
    life = lived()
    life.disk = SimulatedDisk(ROOT)
    entry = decode(list(life.log.journal(0))[3].data, 3)
    life.log.alter(None, 0, 3, replace(entry, outputs_sha256="0" * 64).encode())
    with pytest.raises(LogError, match=r"commit 3 was made .* with other outputs than come out now"):
        life.recovered()


def test_an_input_that_was_altered_stops_the_recovery() -> None:
    life = lived()
    life.disk = SimulatedDisk(ROOT)
    life.log.alter("requests", 0, 4, b'{"id": "e4", "ts": 1700000000000, "a": 9.5, "b": 1}')
    with pytest.raises(LogError, match="other outputs than come out now"):
        life.recovered()


def test_an_input_that_was_trimmed_is_missed_only_where_it_is_needed() -> None:
    life = lived()
    life.log.trim("requests", 0, 30)
    assert life.recovered().replayed == 0
    life.disk = SimulatedDisk(ROOT)
    with pytest.raises(LogError, match="was trimmed"):
        life.recovered()


def test_a_tail_made_with_other_versions_is_refused_unless_that_is_accepted() -> None:
    life = lived(versions=OTHER)
    life.disk = SimulatedDisk(ROOT)
    life.versions = None
    with pytest.raises(SnapshotError, match=r"numpy was '1.0.0'.*--accept-differences"):
        life.recovered()
    assert life.recovered(differences_accepted=True).replayed == life.log.journal_end()


def test_after_a_clean_stop_other_versions_go_on_and_may_be_killed_before_their_first_checkpoint() -> None:
    life = lived(versions=OTHER)
    life.versions = None
    life.arrive(5)
    life.disk.crash_before = life.disk.operation_count + 1
    with pytest.raises(PowerCut):
        life.run()
    life.disk = life.disk.restarted(Loss.NOTHING)
    life.log.lapse()
    recovered = life.recovered()
    assert recovered.replayed > 0
    assert any("numpy was '1.0.0'" in notice for notice in recovered.notices)


def test_a_checkpoint_ahead_of_the_journal_is_passed_over_only_where_the_log_may_lose_its_end() -> None:
    life = lived()
    life.log.lose(3)
    with pytest.raises(SnapshotError, match=r"does not belong to this journal: .*--fallback"):
        life.recovered(tail_may_be_lost=False)
    recovered = life.recovered(tail_may_be_lost=True)
    assert recovered.replica.sequence == life.log.journal_end()
    assert any("passed over" in notice for notice in recovered.notices)


def test_a_checkpoint_of_another_journal_as_long_is_not_continued_from() -> None:
    life, other = lived(), lived(versions=OTHER)
    life.disk = other.disk
    life.versions = OTHER
    with pytest.raises(SnapshotError, match="is not the one it was made after"):
        life.recovered(tail_may_be_lost=False)


def test_checkpoints_that_belong_to_nothing_go_when_a_worker_begins_from_the_journal_alone() -> None:
    life = lived()
    life.settings = settings_of(log={"durability": "process"})
    life.log.lose(life.log.journal_end() - 1)
    life.run()
    recovered = life.recovered(tail_may_be_lost=False)
    assert recovered.replica.engine.position == 60
    assert recovered.parent is not None


def test_where_every_checkpoint_is_damaged_the_journal_alone_is_enough() -> None:
    life = lived()
    digest = life.recovered().replica.engine.state_digest()
    for named in list_named(life.disk, ROOT / "checkpoints"):
        part = ROOT / "checkpoints" / named.entry.name / "rows.part"
        life.disk = life.disk.tampered(part, lambda data: data[:-1])
    with pytest.raises(SnapshotError, match="--fallback"):
        life.recovered()
    recovered = life.recovered(fallback=True)
    assert recovered.replayed == life.log.journal_end()
    assert recovered.replica.engine.state_digest() == digest
    life.settings = settings_of(run={"fallback": True})
    life.arrive(2)
    life.run()
    assert life.recovered().replayed == 0


def test_a_checkpoint_that_does_not_say_where_it_belongs_is_refused() -> None:
    life = lived()
    replica = life.recovered().replica
    engine, rest = replica.snapshot()
    for broken in ({**rest, "offsets": [0]}, {**rest, "head": rest["head"], "chain": 7}, {"offsets": rest["offsets"]}):
        with pytest.raises(SnapshotError):
            life.recovered(0).replica.restore(engine, broken)

"""The machine stops before every single operation, and what was not synced is lost in every way: nothing else is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import EIO

import pytest

from engine.errors import SnapshotError
from streams.checkpoint import Stamp
from streams.checkpoint_writer import CheckpointWriter
from streams.ports import SourceError
from streams.simulated_disk import Loss, PowerCut, SimulatedDisk
from tests.checkpoints import DIRECTORY, ROOT, content, reader, writer

NEW = 90
LOSSES = [*((loss, 0) for loss in Loss if loss is not Loss.SHUFFLED), *((Loss.SHUFFLED, seed) for seed in range(10))]


@dataclass(frozen=True)
class Before:
    """A directory as it stands before the save: its newest good position, and the stamp the save continues from."""

    disk: SimulatedDisk
    position: int | None
    parent: Stamp | None
    newest_is_damaged: bool = False


def directory_of(count: int) -> Before:
    """Return a directory of `count` checkpoints at positions 10, 20, ..., all durable."""
    disk = SimulatedDisk(ROOT)
    writer(disk).make_ready()
    parent = None
    for number in range(1, count + 1):
        parent = writer(disk).save(content(10 * number), parent)
    return Before(disk.restarted(Loss.EVERYTHING), 10 * count or None, parent)


def directory_with_the_newest_passed_over() -> Before:
    """Return a directory of three, the newest damaged, from which a run goes on with the second."""
    before = directory_of(3)
    assert before.parent is not None
    disk = before.disk.tampered(DIRECTORY / before.parent.name / "rows.part", lambda data: data[:-1])
    restored = reader(disk).newest_verified(fallback=True)
    assert restored is not None
    assert restored.content.position == 20
    return Before(disk, 20, restored.stamp, newest_is_damaged=True)


def no_directory() -> Before:
    """Return a disk on which nothing was ever made ready."""
    return Before(SimulatedDisk(ROOT), None, None)


BEFORE: dict[str, Callable[[], Before]] = {
    "no directory": no_directory,
    "none": lambda: directory_of(0),
    "one": lambda: directory_of(1),
    "as many as are kept": lambda: directory_of(3),
    "the newest passed over": directory_with_the_newest_passed_over,
}
befores = pytest.mark.parametrize("before", [make() for make in BEFORE.values()], ids=BEFORE.keys())


def save_new(disk: SimulatedDisk, before: Before) -> None:
    """Do what a worker does between its start and its first checkpoint."""
    writer(disk).make_ready()
    writer(disk).save(content(NEW), before.parent)


def operations_of(action: Callable[[SimulatedDisk], object], disk: SimulatedDisk) -> int:
    """Return how many operations an action takes on a disk like this one."""
    trial = disk.restarted(Loss.NOTHING)
    action(trial)
    return trial.operation_count


def crashes(
    action: Callable[[SimulatedDisk], object], disk: SimulatedDisk, losses: Sequence[tuple[Loss, int]] = LOSSES
) -> Iterator[tuple[str, SimulatedDisk, bool]]:
    """Yield the disk after a crash before each operation and after the last, for each loss, and whether it was done."""
    count = operations_of(action, disk)
    for operation in range(count + 1):
        running = disk.restarted(Loss.NOTHING)
        running.crash_before = operation
        done = operation == count
        try:
            action(running)
            assert done
        except PowerCut:
            assert not done
        for loss, seed in LOSSES:
            yield (
                f"crash before operation {operation} of {count}, {loss} lost, seed {seed}",
                running.restarted(loss, seed),
                done,
            )


def found(disk: SimulatedDisk, before: Before) -> int | None:
    """Return the position that a restart goes on from. It is whole, and so is every other that goes by the name."""
    if not before.newest_is_damaged:
        assert [each.refusal for each in reader(disk).survey() if each.refusal] == []
    checkpoint = reader(disk).newest_verified(fallback=before.newest_is_damaged)
    if checkpoint is None:
        return None
    assert checkpoint.content == content(checkpoint.content.position)
    return checkpoint.content.position


@befores
def test_after_a_crash_anywhere_in_a_save_the_newest_is_the_old_or_the_new_whole(before: Before) -> None:
    for told, disk, done in crashes(lambda disk: save_new(disk, before), before.disk):
        position = found(disk, before)
        assert position in ({NEW} if done else {before.position, NEW}), told


@befores
def test_after_a_crash_anywhere_the_next_start_tidies_up_and_the_next_save_succeeds(before: Before) -> None:
    for told, disk, _ in crashes(lambda disk: save_new(disk, before), before.disk):
        writer(disk).make_ready()
        checkpoint = reader(disk).newest_verified(fallback=True)
        writer(disk).save(content(NEW + 1), checkpoint and checkpoint.stamp)
        assert found(disk.restarted(Loss.EVERYTHING), before) == NEW + 1, told
        names = [entry.name for entry in disk.entries(DIRECTORY)]
        assert all(name.startswith("checkpoint-") for name in names), told
        assert len(names) <= 3, told


def test_a_crash_while_tidying_up_after_a_crash_loses_nothing_either() -> None:
    before = directory_of(3)
    tidied = 0
    for operation in range(operations_of(lambda disk: save_new(disk, before), before.disk)):
        running = before.disk.restarted(Loss.NOTHING)
        running.crash_before = operation
        with pytest.raises(PowerCut):
            save_new(running, before)
        left = running.restarted(Loss.NOTHING)
        if all(entry.name.startswith("checkpoint-") for entry in left.entries(DIRECTORY)):
            continue
        position = found(left, before)
        for told, disk, _ in crashes(lambda disk: writer(disk).make_ready(), left, LOSSES[:8]):
            assert found(disk, before) == position, f"{operation}, then {told}"
            tidied += 1
    assert tidied > 1_000


def does_harm(lying: int, action: Callable[[SimulatedDisk], object], before: Before) -> bool:
    """Say whether any crash after an operation shows that it was a sync only in name."""
    count = operations_of(action, before.disk)
    for operation in range(lying + 1, count + 1):
        running = before.disk.restarted(Loss.NOTHING)
        running.lying, running.crash_before = {lying}, operation
        with suppress(PowerCut):
            action(running)
        for loss, seed in LOSSES:
            try:
                position = found(running.restarted(loss, seed), before)
            except (SnapshotError, AssertionError):
                return True
            if position not in ({NEW} if operation == count else {before.position, NEW}):
                return True
    return False


def useless_syncs(action: Callable[[SimulatedDisk], object], before: Before) -> tuple[int, list[int]]:
    """Return how many syncs an action makes, and which of them no crash would miss."""
    trial = before.disk.restarted(Loss.NOTHING)
    action(trial)
    return len(trial.syncs), [sync for sync in trial.syncs if not does_harm(sync, action, before)]


def test_no_sync_of_a_save_could_be_left_out() -> None:
    """A disk that lies about any one of them is found out: so the properties above can fail."""
    nothing, one = no_directory(), directory_of(1)
    assert useless_syncs(lambda disk: save_new(disk, nothing), nothing) == (12, [])

    def replace_the_only_one(disk: SimulatedDisk) -> None:
        CheckpointWriter(reader(disk), keep_count=1).save(content(NEW), one.parent)

    assert useless_syncs(replace_the_only_one, one) == (12, [])


def test_a_disk_that_fails_at_any_operation_costs_the_new_checkpoint_at_most() -> None:
    before = directory_of(3)
    for operation in range(operations_of(lambda disk: save_new(disk, before), before.disk)):
        disk = before.disk.restarted(Loss.NOTHING)
        disk.failing = {operation: EIO}
        with pytest.raises(SourceError, match=r"cannot be written \(Input/output error\)"):
            save_new(disk, before)
        assert found(disk, before) in {30, NEW}
        for loss, seed in LOSSES:
            assert found(disk.restarted(loss, seed), before) in {30, NEW}
        writer(disk).save(content(NEW + 1), before.parent)
        assert found(disk.restarted(Loss.EVERYTHING), before) == NEW + 1


def test_a_full_disk_keeps_the_old_checkpoint_and_takes_the_next_one_once_there_is_room() -> None:
    before = directory_of(2)
    used = sum(
        entry.length
        for named in before.disk.entries(DIRECTORY)
        for entry in before.disk.entries(DIRECTORY / named.name)
    )
    for room in range(0, used // 2, 7):
        disk = before.disk.restarted(Loss.NOTHING)
        disk.capacity_bytes = used + room
        with pytest.raises(SourceError, match="No space left"):
            save_new(disk, before)
        assert found(disk, before) == 20
        assert len(disk.entries(DIRECTORY)) == 2
        disk.capacity_bytes = None
        writer(disk).save(content(NEW), before.parent)
        assert found(disk, before) == NEW

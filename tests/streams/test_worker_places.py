"""A worker in places that are taken, full, closed to it, or not what it left there: which sentence, which exit code."""

from __future__ import annotations

import json
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from random import Random
from signal import SIGTERM
from typing import Any

import pytest

from streams.ground import CHECKPOINTS
from streams.log_file import LOG_FILE
from streams.log_port import Entry
from streams.partition_row import JOURNAL
from streams.ports import SourceError
from streams.stored_batch import checksum, decode, encode
from tests.judge import check_place
from tests.senders import START_MS, Senders
from tests.streams.worker_process import LIGHT, PARTITIONS, Place, append

INTEGRITY, OUTSIDE = 3, 4
ROOM_BYTES = 600_000


def worked(directory: Path, seed: int = 8, **sections: Any) -> Place:
    """Return a place where a worker has answered a few records of every kind and stopped."""
    place = Place(directory, **{**LIGHT, **sections})
    senders = Senders(Random(seed))
    with place.opened() as log:
        append(log, [senders.send(START_MS) for _ in range(60)])
    finish(place)
    return place


def finish(place: Place) -> None:
    """Answer what is there, which nothing hinders any more."""
    with place.worker("--once") as worker:
        assert worker.ending() == 0, worker.said


def refusal(place: Place, code: int, before: tuple[str, ...] = ()) -> str:
    """Return the last line of a worker that refuses to start."""
    with place.worker("--once", before=before) as worker:
        assert worker.ending() == code, worker.said
        line = worker.said.splitlines()[-1]
        assert line.startswith("sidestream: ")
        return line


def test_a_second_worker_is_refused_by_the_name_of_the_first_which_goes_on(tmp_path: Path) -> None:
    place = Place(tmp_path, **LIGHT)
    senders = Senders(Random(9))
    with place.opened() as log:
        append(log, [senders.send(START_MS) for _ in range(30)])
        with place.worker() as first:
            first.wait_until_it_works(log, 0)
            with place.worker(said="second.txt") as second:
                assert second.ending() == OUTSIDE
                assert f"a worker already runs on {str(place.state)!r}: process {first.pid} on " in second.said
            append(log, [senders.send(START_MS) for _ in range(30)])
            first.wait_until_all_is_taken(log, 0)
            first.send(SIGTERM)
            assert first.ending() == 0, first.said
    check_place(place)


def test_a_directory_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    place = Place(tmp_path, **LIGHT)
    place.state.mkdir(mode=0o555)
    said = refusal(place, OUTSIDE, before=without_privileges())
    assert f"the log in {str(place.state)!r} may not be written" in said
    assert "check the permissions" in said


def without_privileges() -> tuple[str, ...]:
    """Return what a command has to begin with so that permissions hold for it, which they do not for root."""
    if os.geteuid() != 0:
        return ()
    prefix = ("setpriv", "--bounding-set=-all")
    if shutil.which(prefix[0]) is None or subprocess.run([*prefix, "true"], check=False).returncode:
        pytest.skip("root may write everywhere, and setpriv cannot take that away here")
    return prefix


def test_a_log_that_cannot_grow_stops_the_worker_and_nothing_is_lost(tmp_path: Path) -> None:
    place = Place(tmp_path, **LIGHT)
    senders = Senders(Random(10))
    with place.opened() as log:
        append(log, [senders.send(START_MS) for _ in range(20)])
        with place.worker() as worker:
            worker.wait_until_all_is_taken(log, 0)
            largest = max(path.stat().st_size for path in place.state.iterdir())
            resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (largest, largest))
            append(log, [senders.send(START_MS) for _ in range(20)])
            assert worker.ending() == OUTSIDE
            assert f"the log in {str(place.state)!r} cannot be read or written" in worker.said
            assert "check its disk" in worker.said
    finish(place)
    check_place(place)


def test_a_checkpoint_that_finds_no_room_stops_the_worker_and_nothing_is_lost(tmp_path: Path) -> None:
    """Long texts that wait for their labels make a state larger than what the worker writes to the log."""
    columns = {"a": "numeric", "b": "numeric", "c": "text"}
    place = Place(tmp_path, **LIGHT, schema={"columns": columns}, run={"slice": 100, "checkpoint_every": 100_000})
    rows = [{"id": f"e{n}", "ts": START_MS, "a": 1, "b": 1, "c": f"text {n} " * 1_500} for n in range(100)]
    with place.opened() as log:
        log.append("requests", 1, [Entry(b"1", json.dumps(row).encode()) for row in rows])
    with place.worker("--once") as worker:
        resource.prlimit(worker.pid, resource.RLIMIT_FSIZE, (ROOM_BYTES, ROOM_BYTES))
        assert worker.ending() == OUTSIDE
        assert f"checkpoints in {str(place.state / CHECKPOINTS)!r} cannot be written (File too large)" in worker.said
    finish(place)
    check_place(place)


def test_a_full_disk_stops_the_worker_and_once_there_is_room_nothing_is_lost(tmp_path: Path) -> None:
    place = Place(tmp_path, **LIGHT, run={"slice": 7, "checkpoint_every": 100_000})
    senders = Senders(Random(11))
    with small_disk(place.state), place.opened() as log:
        append(log, [senders.send(START_MS) for _ in range(20)])
        with place.worker() as worker:
            worker.wait_until_all_is_taken(log, 0)
            ballast = place.state / "ballast"
            with suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(b"x" * 4_096):
                    pass
            with suppress(SourceError):
                append(log, [senders.send(START_MS) for _ in range(20)])
            worker.send(SIGTERM)  # where nothing could be sent either, the last checkpoint is what finds no room
            assert worker.ending() == OUTSIDE, worker.said
            assert "the disk has no room" in worker.said or "No space left on device" in worker.said
        ballast.unlink()
        append(log, [senders.send(START_MS) for _ in range(20)])
        finish(place)
        check_place(place)


@contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """Mount a disk in memory of a megabyte; skip where one may not."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(directory)]
    if shutil.which("mount") is None or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here: that takes the rights of root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)  # noqa: S607 - as mount was found


@pytest.mark.parametrize(
    ("sections", "named"),
    [
        ({"labels": {"policy": "wait(3h)"}}, "labels.policy was 'wait(2h)', is 'wait(3h)'"),
        (
            {"contenders": {"champion": "linear=no_change()"}},
            "contenders.champion was 'linear=majority()', is 'linear=no_change()'",
        ),
        ({"limits": {"held_count_max": 7}}, "limits.held_count_max"),
    ],
)
def test_settings_that_would_answer_otherwise_are_refused_by_name(
    tmp_path: Path, sections: dict[str, Any], named: str
) -> None:
    place = worked(tmp_path)
    place.configure(**sections)
    assert named in refusal(place, INTEGRITY)
    place.configure(run={"slice": 2, "checkpoint_every": 3})
    finish(place)
    check_place(place)


def alter_journal(place: Place) -> str:
    """Have one commit claim other outputs, with a checksum that holds."""

    def other(record: bytes) -> bytes:
        entry = json.loads(record)
        return json.dumps({**entry, "outputs": entry["outputs"][::-1]}).encode()

    rewrite(place, JOURNAL, 2, other)
    return "commit 2 was made at position "


def flip_journal(place: Place) -> str:
    with closing(sqlite3.connect(place.state / LOG_FILE)) as db, db:
        db.execute("UPDATE batch SET crc = crc + 1 WHERE partition_id = 1 AND first_offset = 2")
    return f"the log is damaged at offset 2 of {JOURNAL!r}/0: its batch does not have its checksum"


def alter_input(place: Place) -> str:
    """Change the name of an event, with a checksum that holds."""
    with place.opened() as log:
        spans = [log.read("requests", number, 0).records for number in range(PARTITIONS["requests"])]
    named = ((number, each) for number, records in enumerate(spans) for each in records if b'"id": "' in each.value)
    number, first = next(named)

    def renamed(record: bytes) -> bytes:
        return record.replace(b'"id": "', b'"id": "another ')

    rewrite(place, "requests", first.offset, renamed, number)
    return "with other outputs than come out now"


def trim_input(place: Place) -> str:
    with place.opened() as log:
        log.trim("requests", 0, log.end("requests", 0))
    return "of 'requests'/0"


def rewrite(place: Place, topic: str, first: int, change: Callable[[bytes], bytes], number: int = 0) -> None:
    """Change records of the batch at an offset, as somebody who knows the format."""
    with closing(sqlite3.connect(place.state / LOG_FILE)) as db, db:
        where = "topic = ? AND number = ? AND first_offset = ?"
        found = f"SELECT batch.rowid, record_count, data FROM batch JOIN partition USING (partition_id) WHERE {where}"  # noqa: S608
        ((row, count, data),) = db.execute(found, (topic, number, first))
        before = list(decode(data, first, count))
        blob = encode([Entry(key, change(value), headers) for _, key, value, headers in before])
        assert blob != data
        crc = checksum(topic, number, first, count, blob)
        db.execute("UPDATE batch SET data = ?, crc = ? WHERE rowid = ?", (blob, crc, row))


@pytest.mark.parametrize("damage", [alter_journal, flip_journal, alter_input, trim_input])
def test_a_past_that_cannot_be_made_again_is_refused(tmp_path: Path, damage: Callable[[Place], str]) -> None:
    place = worked(tmp_path)
    shutil.rmtree(place.state / CHECKPOINTS)
    said = damage(place)
    assert said in refusal(place, INTEGRITY)


def test_a_foreign_log_under_the_checkpoints_is_refused(tmp_path: Path) -> None:
    place, other = worked(tmp_path / "ours"), worked(tmp_path / "theirs", seed=12)
    shutil.copy(other.state / LOG_FILE, place.state / LOG_FILE)
    said = refusal(place, INTEGRITY)
    assert "does not belong to this journal" in said
    assert "put the right one back" in said

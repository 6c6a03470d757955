"""Checkpoints leave a chunk at a time, come back as they were, and nothing that was changed on the way is taken in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import ConfigError, SnapshotError
from streams.checkpoint import Stamp
from streams.log_port import Entry, LogError, LogRecord
from streams.ports import SourceError
from streams.simulated_disk import SimulatedDisk
from streams.snapshot_record import Announced, Chunk, Snapshot, SnapshotFile, SnapshotKey, check_chunk, decode
from streams.snapshot_shelf import shelf_of
from streams.snapshot_upload import SnapshotUpload
from streams.whereabouts import Whereabouts
from streams.worker_checkpoints import Kept
from tests.checkpoints import DIRECTORY, ROOT, content, reader, writer
from tests.workers import Life

HASH = "a" * 64
SMALL = 50


class Handed:
    """An entry that was handed over: it arrives when the store says so."""

    def __init__(self, store: Store, offset: int, error: Exception | None) -> None:
        self._store = store
        self._offset = offset
        self._error = error

    @property
    def is_done(self) -> bool:
        return self._store.arrives

    def wait(self, seconds: float) -> None:
        assert seconds > 0.0
        self._store.arrives = True

    def result(self) -> int:
        assert self.is_done, "nobody may wait for it"
        if self._error is not None:
            raise self._error
        return self._offset


class Store:
    """A topic of snapshots in memory."""

    def __init__(self) -> None:
        self.written: list[LogRecord] = []
        self.chunks: list[LogRecord] = []
        self.arrives = True
        self.failing: Exception | None = None
        self.refusing: Exception | None = None

    def chunk_bytes_max(self) -> int:
        return SMALL

    def announce(self, entry: Entry) -> Handed:
        return self._hand(self.written, entry)

    def put(self, entry: Entry) -> Handed:
        assert len(entry.value) <= SMALL
        return self._hand(self.chunks, entry)

    def publish(self, entry: Entry, gone: list[bytes], gone_chunks: list[bytes]) -> None:
        if self.refusing is not None:
            raise self.refusing
        for into, entries in (
            (self.written, [entry, *(Entry(key, b"") for key in gone)]),
            (self.chunks, [Entry(key, b"") for key in gone_chunks]),
        ):
            for each in entries:
                self._hand(into, each)

    def records(self) -> list[LogRecord]:
        return self.written[-64:]

    def chunk(self, offset: int) -> LogRecord | None:
        return self.chunks[offset] if offset < len(self.chunks) else None

    def _hand(self, into: list[LogRecord], entry: Entry) -> Handed:
        into.append(LogRecord(len(into), *entry))
        return Handed(self, len(into) - 1, self.failing)


class CountingDisk(SimulatedDisk):
    """Counts how often, and how much, is read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.reads: list[int] = []

    def read(self, path: Path, length: int, *, begin: int = 0) -> bytes:
        self.reads.append(length)
        return super().read(path, length, begin=begin)


def kept_on(disk: SimulatedDisk, position: int, parent: Stamp | None = None) -> Kept:
    """Make a checkpoint, as after as many commits as its position."""
    writer(disk).make_ready()
    stamp = writer(disk).save(content(position), parent)
    return Kept(stamp, Whereabouts(position, (1, 2), HASH))


def upload_to(store: Store, disk: SimulatedDisk, said: list[str] | None = None, term: int = 1) -> SnapshotUpload:
    say = ([] if said is None else said).append
    return SnapshotUpload(store, shelf_of(store.records()), reader(disk), term=term, say=say)  # type: ignore[arg-type]


def test_a_step_reads_one_chunk_at_most_and_waits_for_none() -> None:
    store, disk = Store(), CountingDisk(ROOT)
    upload = upload_to(store, disk)
    upload.offer(kept_on(disk, 10))
    disk.reads.clear()
    steps = 0
    while True:
        before = len(disk.reads)
        more = upload.step()
        assert len(disk.reads) - before <= 1
        if not more:
            break
        store.arrives = False
        assert upload.step(), "what has not arrived is not waited for"
        assert len(disk.reads) - before <= 1, "and nothing is read meanwhile"
        store.arrives = True
        steps += 1
    assert max(disk.reads) <= SMALL
    (whole,) = shelf_of(store.records()).whole
    assert len(disk.reads) == whole.chunk_count > 10
    assert steps > whole.chunk_count


def test_what_left_is_byte_for_byte_what_stands_on_the_disk() -> None:
    store, disk = Store(), SimulatedDisk(ROOT)
    kept = kept_on(disk, 10)
    upload = upload_to(store, disk)
    upload.offer(kept)
    upload.finish(lambda: 0.0)
    (whole,) = shelf_of(store.records()).whole
    assert (whole.name, whole.position, whole.whereabouts) == (kept.stamp.name, 10, Whereabouts(10, [1, 2], HASH))
    number = 0
    for file in whole.files:
        data = b""
        for chunk in file.chunks:
            record = store.chunks[chunk.offset]
            check_chunk(whole, number, chunk, record.key, record.value)
            data += record.value
            number += 1
        assert data == disk.read(DIRECTORY / whole.name / file.name, 10**6)
    assert {file.name for file in whole.files} == {entry.name for entry in disk.entries(DIRECTORY / whole.name)}


def test_of_checkpoints_that_wait_the_newest_leaves() -> None:
    store, disk = Store(), SimulatedDisk(ROOT)
    first = kept_on(disk, 10)
    second = kept_on(disk, 20, first.stamp)
    upload = upload_to(store, disk)
    upload.offer(first)
    upload.step()
    upload.offer(second)
    upload.offer(kept_on(disk, 30, second.stamp))
    upload.finish(lambda: 0.0)
    assert [each.position for each in shelf_of(store.records()).whole] == [10, 30]


def test_what_does_not_arrive_is_said_once_until_one_does_again() -> None:
    store, disk, said = Store(), SimulatedDisk(ROOT), list[str]()
    upload = upload_to(store, disk, said)
    stamp = None
    for position, failing in ((10, "down"), (20, "down"), (30, None), (40, "down again")):
        store.failing = None if failing is None else SourceError(failing)
        kept = kept_on(disk, position, stamp)
        stamp = kept.stamp
        upload.offer(kept)
        upload.finish(lambda: 0.0)
    assert [words[: words.index(";")] for words in said] == [
        "a snapshot did not arrive in its topic (down)",
        "a snapshot did not arrive in its topic (down again)",
    ]
    assert [each.position for each in shelf_of(store.records()).whole] == [30]


def test_a_record_its_topic_does_not_take_ends_no_worker_and_one_that_may_be_there_does() -> None:
    store, disk, said = Store(), SimulatedDisk(ROOT), list[str]()
    upload = upload_to(store, disk, said)
    store.refusing = ConfigError("too large")
    first = kept_on(disk, 10)
    upload.offer(first)
    upload.finish(lambda: 0.0)
    assert len(said) == 1
    store.refusing = SourceError("whether it happened, nobody knows")
    upload.offer(kept_on(disk, 20, first.stamp))
    with pytest.raises(SourceError, match="nobody knows"):
        upload.finish(lambda: 0.0)


def test_a_checkpoint_that_retired_on_its_way_is_given_up() -> None:
    store, disk, said = Store(), SimulatedDisk(ROOT), list[str]()
    upload = upload_to(store, disk, said)
    kept = kept_on(disk, 10)
    upload.offer(kept)
    upload.step()
    stamp = kept.stamp
    for position in (20, 30, 40):
        stamp = kept_on(disk, position, stamp).stamp
    upload.finish(lambda: 0.0)
    (words,) = said
    assert "was replaced before it had left" in words
    assert shelf_of(store.records()).whole == ()


def test_a_worker_that_stops_does_not_wait_for_ever() -> None:
    store, disk, said = Store(), SimulatedDisk(ROOT), list[str]()
    upload = upload_to(store, disk, said)
    upload.offer(kept_on(disk, 10))
    seconds = iter([0.0, 1.0, 11.0])
    upload.finish(lambda: next(seconds))
    assert said == ["the last snapshot did not leave in time; the journal has everything since the one before"]


def test_a_snapshot_takes_the_place_of_the_one_before_the_last_and_of_what_was_never_finished() -> None:
    store, disk = Store(), SimulatedDisk(ROOT)
    dead = SnapshotKey(5, 1)
    store.announce(Entry(dead.encode(), Announced(dead, 2).encode()))
    store.put(Entry(dead.chunk(0), b"x"))
    stamp = None
    upload = upload_to(store, disk, term=2)
    for position in (10, 20, 30):
        kept = kept_on(disk, position, stamp)
        stamp = kept.stamp
        upload.offer(kept)
        upload.finish(lambda: 0.0)
    shelf = shelf_of(store.records())
    assert [each.position for each in shelf.whole] == [20, 30]
    assert shelf.unfinished == ()
    latest = {record.key: record.value for record in store.chunks}
    alive = {key for key, value in latest.items() if value}
    assert alive == {each.key.chunk(number) for each in shelf.whole for number in range(each.chunk_count)}
    assert dead.chunk(0) not in alive


SNAPSHOT = Snapshot(
    SnapshotKey(7, 3),
    "checkpoint-00000000000000000040-0000000002",
    Whereabouts(7, [3, 4], HASH),
    (SnapshotFile("manifest.json", (Chunk(0, 5, HASH), Chunk(1, 2, HASH))), SnapshotFile("rows.part", ())),
)


def test_a_record_says_what_was_written() -> None:
    assert decode(SNAPSHOT.key.encode(), SNAPSHOT.encode()) == SNAPSHOT
    announced = Announced(SnapshotKey(7, 3), 2)
    assert decode(announced.key.encode(), announced.encode()) == announced
    later, next_term = SnapshotKey(8, 1), SnapshotKey(7, 4)
    assert SNAPSHOT.key < next_term < later
    assert len({SNAPSHOT.key.chunk(0), next_term.chunk(0), later.chunk(0)}) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"chunks": 3},
        {"chunks": -1},
        {"name": "checkpoint-1-1"},
        {"name": "../checkpoint-00000000000000000040-0000000002"},
        {"where": {"sequence": 8, "offsets": [3, 4], "head": HASH}},
        {"where": {"sequence": 7, "offsets": ["3"], "head": HASH}},
        {"where": {"sequence": 7, "offsets": [], "head": "f"}},
        {"where": 7},
        {"files": [["../rows.part", []]]},
        {"files": [["rows.part\n", []]]},
        {"files": [["manifest.json", [[0, 5, HASH]]], ["manifest.json", [[0, 5, HASH]]]]},
        {"files": [["manifest.json", [[0, 5, "x"], [1, 2, HASH]]]]},
        {"files": [["manifest.json", [[-1, 5, HASH], [1, 2, HASH]]]]},
        {"files": [["manifest.json", [[True, 5, HASH], [1, 2, HASH]]]]},
        {"files": None},
    ],
    ids=str,
)
def test_a_record_that_no_worker_wrote_is_refused(change: dict[str, object]) -> None:
    body = {**json.loads(SNAPSHOT.encode()), **change}
    with pytest.raises(SnapshotError, match="none this sidestream reads"):
        decode(SNAPSHOT.key.encode(), json.dumps(body).encode())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, SNAPSHOT.encode()),
        (b"1/2", SNAPSHOT.encode()),
        (SNAPSHOT.key.encode(), b"\xff"),
        (SNAPSHOT.key.encode(), b"[]"),
        (SNAPSHOT.key.encode(), b"[" * 100_000),
    ],
    ids=["no key", "short key", "no text", "no object", "deep"],
)
def test_bytes_that_are_no_record_are_refused(key: bytes | None, value: bytes) -> None:
    with pytest.raises(SnapshotError):
        decode(key, value)


def test_a_refused_record_hides_no_other() -> None:
    records = [
        LogRecord(0, SNAPSHOT.key.encode(), SNAPSHOT.encode()),
        LogRecord(1, b"nonsense", b"nonsense"),
        LogRecord(2, SnapshotKey(9, 3).encode(), b""),
    ]
    shelf = shelf_of(records)
    assert (shelf.whole, len(shelf.refused)) == ((SNAPSHOT,), 1)


def files_of(disk: SimulatedDisk, name: str) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield a checkpoint's files, each in pieces of 7 bytes."""
    for entry in disk.entries(DIRECTORY / name):
        data = disk.read(DIRECTORY / name / entry.name, 10**6)
        yield entry.name, iter([data[begin : begin + 7] for begin in range(0, len(data), 7)])


def test_a_checkpoint_that_was_taken_in_is_continued_and_ends_the_line_it_went_past() -> None:
    elsewhere, disk = SimulatedDisk(ROOT), SimulatedDisk(ROOT)
    here = kept_on(disk, 10)
    kept_on(disk, 15, kept_on(disk, 12, here.stamp).stamp)
    there = kept_on(elsewhere, 30, kept_on(elsewhere, 20).stamp)
    writer(disk).adopt(there.stamp.name, files_of(elsewhere, there.stamp.name))
    found = reader(disk).newest_verified()
    assert found is not None
    assert found.stamp == there.stamp
    assert [each.name for each in reader(disk).survey()] == [
        there.stamp.name,
        "checkpoint-00000000000000000012-0000000002",
        here.stamp.name,
    ]
    later = writer(disk).save(content(40), found.stamp)
    assert later.sequence == 3


def test_a_checkpoint_that_is_refused_leaves_the_directory_as_it_was() -> None:
    elsewhere, disk = SimulatedDisk(ROOT), SimulatedDisk(ROOT)
    kept_on(disk, 10)
    before = disk.entries(DIRECTORY)
    name = kept_on(elsewhere, 30).stamp.name
    torn = elsewhere.tampered(DIRECTORY / name / "rows.part", lambda data: data[:-1] + b"?")
    with pytest.raises(SnapshotError, match="has SHA-256"):
        writer(disk).adopt(name, files_of(torn, name))
    foreign = replace(reader(disk), identity={"plan": "another"})
    with pytest.raises(SnapshotError, match="made by something else"):
        replace(writer(disk), reader=foreign).adopt(name, files_of(elsewhere, name))
    assert disk.entries(DIRECTORY) == before
    assert writer(disk).make_ready() == []


class Cluster:
    """Where a log in memory stands, for a worker that looks for snapshots there."""

    def __init__(self, store: Store) -> None:
        self.snapshots = store


class DamagedStore(Store):
    """A topic of snapshots whose records cannot be read."""

    def records(self) -> list[LogRecord]:
        msg = "the log is damaged at offset 3"
        raise LogError(msg)


def life_with(store: Store) -> Life:
    life = Life()
    life.log.cluster = Cluster(store)  # type: ignore[assignment]
    return life


def test_a_worker_sends_its_checkpoints_and_one_without_a_disk_begins_with_the_last() -> None:
    store = Store()
    life = life_with(store)
    life.arrive(40)
    life.run()
    digest = life.recovered().replica.engine.state_digest()
    life.disk = SimulatedDisk(life.disk.root)
    said: list[str] = []
    life.run(say=said.append)
    assert [words.split()[0] for words in said] == ["fetched"]
    assert life.recovered_at_start is not None
    assert (life.recovered_at_start.replayed, life.recovered_at_start.replica.engine.state_digest()) == (0, digest)


def test_damage_among_the_snapshots_is_told_and_stops_no_worker() -> None:
    life = life_with(DamagedStore())
    life.arrive(40)
    said: list[str] = []
    life.run(say=said.append)
    assert said == ["no snapshot is fetched or sent, since there is damage among them: the log is damaged at offset 3"]
    assert life.log.end("predictions", 0) == 40

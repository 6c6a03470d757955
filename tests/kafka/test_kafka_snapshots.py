"""Checkpoints outlive their machine in a topic: what is fetched is what was kept, and only who leads says what was."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from streams.checkpoint import Stamp
from streams.checkpoint_reader import CheckpointReader
from streams.log_port import Entry, LeaseError, LogRecord
from streams.simulated_disk import SimulatedDisk
from streams.snapshot_record import Snapshot, SnapshotKey
from streams.snapshot_shelf import shelf_of
from streams.snapshot_upload import SnapshotUpload
from streams.worker_checkpoints import Kept
from tests.kafka.test_kafka_commands import ROOT as PROJECT
from tests.kafka.test_kafka_commands import SETTINGS, Desk
from tests.kafka_logs import KafkaPlace, kafka_place, set_options, values
from tests.replays import COMMAND
from tests.workers import ROOT, Life, settings_of

if TYPE_CHECKING:
    from streams.kafka import KafkaLog
    from streams.kafka_snapshots import KafkaSnapshots

MANY = settings_of(run={"slice": 4, "checkpoint_every": 20})


@pytest.fixture
def place(kafka: str) -> Iterator[KafkaPlace]:
    with kafka_place(kafka) as made:
        yield made


def life_on(place: KafkaPlace, **more: Any) -> Life:
    return Life(log=place.open(), settings=MANY, **more)  # type: ignore[arg-type]


def store_of(life: Life) -> KafkaSnapshots:
    log: KafkaLog = life.log  # type: ignore[assignment]
    assert log.cluster.snapshots is not None
    return log.cluster.snapshots


def whole(life: Life) -> tuple[Snapshot, ...]:
    return shelf_of(store_of(life).records()).whole


def lived(place: KafkaPlace, *counts: int) -> Life:
    """Return a worker that stopped and went on so many times, each time after so many requests."""
    life = life_on(place)
    for count in counts:
        life.arrive(count)
        life.run()
    return life


def test_a_machine_that_lost_its_disk_goes_on_from_the_topic_and_not_from_the_beginning(place: KafkaPlace) -> None:
    life = lived(place, 40, 30)
    end = life.log.journal_end()
    uninterrupted = life.recovered().replica.engine.state_digest()
    life.disk = SimulatedDisk(ROOT)
    said: list[str] = []
    life.arrive(1)
    life.run(say=said.append)
    assert [words for words in said if words.startswith("fetched checkpoint-")] == said
    assert len(said) == 1
    assert life.recovered_at_start is not None
    assert life.recovered_at_start.parent is not None
    assert life.recovered_at_start.replayed < end
    whole_again = replace(life, disk=SimulatedDisk(ROOT), log=life.log)
    assert whole_again.recovered(end).replayed == end, "the whole journal, carried out without a checkpoint"
    assert whole_again.recovered(end).replica.engine.state_digest() == uninterrupted
    assert life.recovered(end).replica.engine.state_digest() == uninterrupted


def test_a_machine_whose_checkpoint_is_as_new_fetches_nothing(place: KafkaPlace) -> None:
    life = lived(place, 30)
    said: list[str] = []
    life.run(say=said.append)
    assert said == []


def test_a_machine_that_another_one_went_past_fetches_its_state(place: KafkaPlace) -> None:
    life = lived(place, 30)
    behind = life.disk
    life.disk = SimulatedDisk(ROOT)
    life.arrive(30)
    life.run()
    life.arrive(30)
    life.run()
    life.disk = behind
    said: list[str] = []
    life.run(say=said.append)
    assert len(said) == 1
    assert said[0].startswith("fetched checkpoint-")
    assert life.recovered_at_start is not None
    assert life.recovered_at_start.replayed < 3, "what came after its last snapshot, and no more"


def written(store: KafkaSnapshots, entry: Entry) -> int:
    return store.put(entry).result()


def damaged(life: Life, change: Callable[[Snapshot, KafkaSnapshots], Snapshot]) -> list[str]:
    """Have the newest snapshot be another, lose the disk, and return what the next start said."""
    newest = whole(life)[-1]
    with life.log.lead():
        store_of(life).publish(Entry(newest.key.encode(), change(newest, store_of(life)).encode()), (), ())
    life.disk = SimulatedDisk(ROOT)
    said: list[str] = []
    life.run(say=said.append)
    return said


def with_first_chunk(snapshot: Snapshot, **changes: Any) -> Snapshot:
    """Return a snapshot whose first chunk is another."""
    first, *files = snapshot.files
    chunk, *chunks = first.chunks
    changed = first._replace(chunks=(chunk._replace(**changes), *chunks))
    return replace(snapshot, files=(changed, *files))


def tampered(snapshot: Snapshot, store: KafkaSnapshots) -> Snapshot:
    chunk = snapshot.files[0].chunks[0]
    record = store.chunk(chunk.offset)
    assert record is not None
    return with_first_chunk(snapshot, offset=written(store, Entry(record.key, b"?" + record.value[1:])))


def with_a_hash_that_fits(snapshot: Snapshot, store: KafkaSnapshots) -> Snapshot:
    """Return a snapshot that was forged with its hashes: the checkpoint's own seal finds it out."""
    record = store.chunk(snapshot.files[0].chunks[0].offset)
    assert record is not None
    forged = b"?" + record.value[1:]
    offset = written(store, Entry(record.key, forged))
    return with_first_chunk(snapshot, offset=offset, sha256=sha256(forged).hexdigest())


def incomplete(snapshot: Snapshot, _: KafkaSnapshots) -> Snapshot:
    return with_first_chunk(snapshot, offset=10**9)


def of_another_journal(snapshot: Snapshot, _: KafkaSnapshots) -> Snapshot:
    return replace(snapshot, whereabouts=snapshot.whereabouts._replace(head="f" * 64))


def with_a_path(snapshot: Snapshot, _: KafkaSnapshots) -> Snapshot:
    first, *files = snapshot.files
    return replace(snapshot, files=(first._replace(name="../evil.part"), *files))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (tampered, "is not what was written there"),
        (with_a_hash_that_fits, "has SHA-256"),
        (incomplete, "is no longer at offset"),
        (of_another_journal, "is not the one it was made after"),
        (with_a_path, "none this sidestream reads"),
    ],
)
def test_a_snapshot_that_is_not_what_was_kept_is_passed_over_for_the_one_before(
    place: KafkaPlace, change: Callable[[Snapshot, KafkaSnapshots], Snapshot], why: str
) -> None:
    life = lived(place, 40, 30)
    uninterrupted = life.recovered().replica.engine.state_digest()
    before, newest = whole(life)[-2:]
    passed_over, fetched = damaged(life, change)
    assert why in passed_over
    assert fetched == f"fetched {before.name} from the snapshots' topic"
    assert before.position < newest.position
    assert life.recovered().replica.engine.state_digest() == uninterrupted


def test_with_every_snapshot_damaged_the_journal_alone_brings_the_state_back(place: KafkaPlace) -> None:
    life = lived(place, 40)
    uninterrupted = life.recovered().replica.engine.state_digest()
    end = life.log.journal_end()
    for snapshot in whole(life)[:-1]:
        with life.log.lead():
            store_of(life).publish(Entry(snapshot.key.encode(), b"nothing of ours"), (), ())
    said = damaged(life, tampered)
    assert not [words for words in said if words.startswith("fetched")]
    assert life.recovered_at_start is not None
    assert life.recovered_at_start.replayed == end
    assert life.recovered().replica.engine.state_digest() == uninterrupted


def every(life: Life, partition: int) -> list[LogRecord]:
    """Return all records of a partition of the topic of snapshots."""
    log: KafkaLog = life.log  # type: ignore[assignment]
    wire, at = log._wire, log._topics.place("log.snapshots", partition)

    async def read() -> list[LogRecord]:
        begin, end = (await wire.ends([at]))[at]
        found: list[LogRecord] = []
        while begin < end:
            records, begin, *_ = await wire.fetch(at, begin, 1 << 20)
            found += records
        return found

    return log._loop.run(read())


def chunks_there(life: Life) -> set[bytes]:
    """Return the keys of the chunks that were not given up."""
    latest = {record.key: record.value for record in every(life, 1)}
    return {key for key, value in latest.items() if key is not None and value}


def test_two_snapshots_stay_and_the_chunks_of_older_ones_are_given_up(place: KafkaPlace) -> None:
    life = lived(place, 30, 30, 30, 30)
    kept = whole(life)
    assert len(kept) == 2
    expected = {each.key.chunk(number) for each in kept for number in range(each.chunk_count)}
    assert chunks_there(life) == expected
    assert len({record.key for record in every(life, 1)}) > len(expected)


def test_what_compaction_leaves_is_what_is_fetched(place: KafkaPlace) -> None:
    from streams.kafka_topics import COMPACTED_OPTIONS

    life = life_on(place)
    log: KafkaLog = life.log  # type: ignore[assignment]
    log.cluster.make_own()
    soon = {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "100"}
    set_options(place.address, f"{place.prefix}log.snapshots", {**COMPACTED_OPTIONS, **soon})
    written: set[int] = set()
    gone: set[int] = set()
    until = time.monotonic() + 120.0
    while len(gone) < 10:
        assert time.monotonic() < until
        life.arrive(10)
        life.run()
        there = {record.offset for record in every(life, 1)}
        written |= there
        gone = written - there
    digest = life.recovered().replica.engine.state_digest()
    life.disk = SimulatedDisk(ROOT)
    said: list[str] = []
    life.run(say=said.append)
    assert [words.split()[0] for words in said] == ["fetched"]
    assert life.recovered_at_start is not None
    assert life.recovered_at_start.replayed == 0
    assert life.recovered().replica.engine.state_digest() == digest


def begun_upload(life: Life, term: int, *, steps: int) -> SnapshotUpload:
    """Have the newest checkpoint on its disk set out once more, as a later one, and stop after so many steps."""
    newest = whole(life)[-1]
    shelf = shelf_of(store_of(life).records())
    here = CheckpointReader(directory=ROOT / "checkpoints", identity=None, disk=life.disk)
    upload = SnapshotUpload(store_of(life), shelf, here, term=term, say=lambda _: None)
    name = life.disk.entries(ROOT / "checkpoints")[-1].name
    where = newest.whereabouts._replace(sequence=newest.whereabouts.sequence + 1)
    upload.offer(Kept(Stamp(name, 1, "0" * 64, 0), where))
    for _ in range(steps):
        arrived(upload)
        assert upload.step()
    arrived(upload)
    return upload


def arrived(upload: SnapshotUpload) -> None:
    """Wait until what was handed over has arrived."""
    if upload._underway is not None:
        upload._underway.wait(30.0)
        assert upload._underway.is_done


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_worker_that_dies_on_the_way_leaves_nothing_that_is_fetched_or_stays(place: KafkaPlace, steps: int) -> None:
    life = lived(place, 30)
    before = whole(life)
    with life.log.lead() as lease:
        begun_upload(life, lease.term, steps=steps)
        stray = SnapshotKey(before[-1].key.sequence + 1, lease.term)
    assert whole(life) == before
    assert [each.key for each in shelf_of(store_of(life).records()).unfinished] == [stray]
    life.arrive(10)
    life.run()
    assert shelf_of(store_of(life).records()).unfinished == ()
    expected = {each.key.chunk(number) for each in whole(life) for number in range(each.chunk_count)}
    assert chunks_there(life) == expected
    life.disk = SimulatedDisk(ROOT)
    said: list[str] = []
    life.run(say=said.append)
    assert [words for words in said if words.startswith("fetched")] == said


def test_a_worker_that_was_replaced_publishes_nothing(place: KafkaPlace) -> None:
    life = lived(place, 30)
    before = whole(life)
    lease = life.log.lead()
    upload = begun_upload(life, lease.term, steps=3)
    place.lapse()
    other = Life(log=place.open(lease_wait_s=20.0), settings=MANY)  # type: ignore[arg-type]
    with other.log.lead() as rightful:
        assert rightful.term == lease.term + 1
        with pytest.raises(LeaseError, match=r"has led since this one|lease of term"):
            upload.finish(life.seconds)
        assert whole(other) == before
    lease.release()
    assert whole(life) == before


@pytest.mark.parametrize(
    ("bytes_max", "why"),
    [(150, "chunks, at most 10,000 are kept"), (1_000, "make it smaller, or raise that")],
    ids=["chunks", "record"],
)
def test_a_topic_that_takes_no_snapshots_costs_one_sentence_and_no_answer(
    place: KafkaPlace, bytes_max: int, why: str
) -> None:
    life = lived(place, 10)
    life.settings = settings_of(run={"slice": 4, "checkpoint_every": 10_000})
    small = {"cleanup.policy": "compact", "max.message.bytes": str(bytes_max)}
    set_options(place.address, f"{place.prefix}log.snapshots", small)
    life.arrive(60)
    said: list[str] = []
    life.run(say=said.append)
    (words,) = said
    assert words.startswith("a snapshot did not arrive in its topic (")
    assert why in words
    answers = values(life.log, "predictions")
    assert len(answers) == 70


def test_without_snapshots_there_is_no_topic_for_them(place: KafkaPlace) -> None:
    log = place.open(snapshots=False)
    assert log.cluster.snapshots is None
    life = Life(log=log, settings=MANY)  # type: ignore[arg-type]
    life.arrive(20)
    life.run()
    assert not log._loop.run(log._topics.has(f"{place.prefix}log.snapshots"))


def test_killed_at_random_with_snapshots_on_their_way_a_new_machine_has_the_same_past(
    kafka: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIDESTREAM_KAFKA__PREFIX", f"{uuid4().hex}.")
    desk = Desk(tmp_path, kafka, capsys)
    config = f'{SETTINGS}[run]\ncheckpoint_every = 20\nslice = 5\n[log]\ndir = "{tmp_path}/state"\n'
    desk.config.write_text(f'{config}[kafka]\naddress = "{kafka}"\n')
    desk.arrive(0, 40, "--create", 1)
    random, count = Random(3), 40
    for _ in range(3):
        worker = subprocess.Popen(
            [*COMMAND, "run", "--config", str(desk.config)], cwd=PROJECT, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 60.0
        while len(desk.answers()) < count:
            assert worker.poll() is None
            assert time.monotonic() < until
        desk.arrive(count, count + 60)
        count += 60
        aim = random.randrange(count - 60, count)
        while len(desk.answers()) < aim:
            assert worker.poll() is None
        worker.kill()
        worker.wait()
    shutil.rmtree(tmp_path / "state")
    ran = desk.said("run", "--config", desk.config, "--once")
    assert ran.code == 0, ran.err
    assert "fetched checkpoint-" in ran.err
    assert len(desk.answers()) == count
    audit = desk.said("audit", tmp_path / "state", "--config", desk.config)
    assert audit.code == 0, audit.out + audit.err

"""The embedded log among processes that die, disks that fill and bits that flip. Its semantics: tests/contracts."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from engine.errors import ConfigError, SidestreamError
from streams.embedded_log import EmbeddedLog
from streams.log_file import LOG_FILE, Durability
from streams.log_port import Commit, Delivery, Entry, Lease, LeaseError, LogError
from streams.ports import SourceError
from streams.stored_batch import BATCH_BYTES_MAX, BATCH_COUNT_MAX
from streams.worker_lock import LOCK_FILE
from tests.streams.log_worker import effects_of

ROOT = Path(__file__).resolve().parents[2]
KILL_COUNT = 20


def opened(directory: Path) -> EmbeddedLog:
    return EmbeddedLog(str(directory), durability=Durability.PROCESS, create=True)


@contextmanager
def worker(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run `log_worker` and see to its end, whatever happens."""
    command = [sys.executable, "-m", "tests.streams.log_worker", *map(str, arguments)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def everything(log: EmbeddedLog) -> dict[str, list[tuple[bytes | None, bytes]]]:
    """Return all records of all topics and the journal, every one of them verified."""
    found: dict[str, list[tuple[bytes | None, bytes]]] = {}
    for topic in log.topics():
        for number, info in enumerate(topic.partitions):
            records, offset = found.setdefault(f"{topic.name}/{number}", []), info.begin
            while offset < info.end:
                span = log.read(topic.name, number, offset)
                assert [record.offset for record in span.records] == list(range(offset, span.next_offset))
                records.extend((record.key, record.value) for record in span.records)
                offset = span.next_offset
    found["journal"] = [(b"%d" % r.sequence, r.data) for r in log.journal(log.journal_begin())]
    return found


def expected(count: int) -> dict[str, list[tuple[bytes | None, bytes]]]:
    """Return what `count` commits of `effects_of` leave behind."""
    found: dict[str, list[tuple[bytes | None, bytes]]] = {"out/0": [], "out/1": [], "journal": []}
    for sequence in range(count):
        commit = effects_of(sequence)
        for delivery in commit.outputs:
            found[f"{delivery.topic}/{delivery.partition}"].extend(entry[:2] for entry in delivery.entries)
        found["journal"].append((b"%d" % sequence, commit.journal))
    return found


def filled(directory: Path, count: int) -> dict[str, list[tuple[bytes | None, bytes]]]:
    """Write `count` commits and return what is then there."""
    with opened(directory) as log:
        log.create_topic("out", 2)
        with log.lead() as lease:
            for sequence in range(count):
                lease.commit(effects_of(sequence))
    return expected(count)


def test_processes_that_start_and_append_together_lose_and_double_nothing(tmp_path: Path) -> None:
    """They even make the log together; each finds its own entries in its own order, offsets without a gap."""
    names = ["a", "b", "c"]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.streams.log_worker", "append", str(tmp_path / "log"), name, "120"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in names
    ]
    counts = {name: process.communicate()[0].strip() for name, process in zip(names, processes, strict=True)}
    assert counts == dict.fromkeys(names, "360")
    with opened(tmp_path / "log") as log:
        found = everything(log)["in/0"]
    by_name = defaultdict(list)
    for key, value in found:
        by_name[key].append(int(value))
    assert by_name == {name.encode(): list(range(360)) for name in names}


def test_a_reader_sees_whole_appends_while_another_process_writes(tmp_path: Path) -> None:
    with opened(tmp_path) as log, worker("append", tmp_path, "a", 150):
        log.create_topic("in", 1)
        seen: list[bytes] = []
        while len(seen) < 450:
            span = log.read("in", 0, len(seen), count_max=7)
            assert span.next_offset <= log.end("in", 0)
            seen.extend(record.value for record in span.records)
    assert seen == [b"%d" % number for number in range(450)]


def test_a_worker_killed_at_any_moment_leaves_every_acknowledged_commit_and_no_half(tmp_path: Path) -> None:
    """The same log is killed again and again; each life leads again at once and continues where the journal ends."""
    random_kills = random.Random(7)
    acknowledged = -1
    for _ in range(KILL_COUNT):
        with worker("loop", tmp_path) as process:
            assert line_of(process) == "leads"
            for _ in range(random_kills.randrange(40)):
                acknowledged = int(line_of(process))
            process.kill()
            assert process.stdout is not None
            rest = [line for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
            acknowledged = int(rest[-1]) if rest else acknowledged
        with opened(tmp_path) as log:
            assert log.journal_end() - 1 in {acknowledged, acknowledged + 1}
            acknowledged = log.journal_end() - 1
    with opened(tmp_path) as log:
        assert everything(log) == expected(acknowledged + 1)
    assert acknowledged > KILL_COUNT


def test_a_power_cut_takes_the_last_commits_each_one_whole_and_never_damages(tmp_path: Path) -> None:
    """What `process` can lose: the write-ahead log is cut anywhere, with or without rubbish behind the cut."""
    rubbish = random.Random(3)
    with opened(tmp_path / "log") as log:
        log.create_topic("out", 2)
        lease = log.lead()
        for sequence in range(12):
            lease.commit(effects_of(sequence))
        whole = (tmp_path / "log" / LOG_FILE).read_bytes()
        ahead = (tmp_path / "log" / f"{LOG_FILE}-wal").read_bytes()
        lease.release()
    ends = []
    cuts = sorted({*rubbish.sample(range(len(ahead)), 60), len(ahead)})
    for cut in cuts:
        shutil.rmtree(tmp_path / "cut", ignore_errors=True)
        (tmp_path / "cut").mkdir()
        (tmp_path / "cut" / LOG_FILE).write_bytes(whole)
        lost = rubbish.randbytes(len(ahead) - cut) if cut % 2 else b""
        (tmp_path / "cut" / f"{LOG_FILE}-wal").write_bytes(ahead[:cut] + lost)
        with opened(tmp_path / "cut") as log:
            ends.append(log.journal_end())
            log.create_topic("out", 2)
            assert everything(log) == expected(ends[-1])
    assert ends == sorted(ends)
    assert (ends[-1], len(set(ends)) > 8) == (12, True)


@pytest.mark.parametrize(("durability", "synchronous"), [(Durability.POWER, 2), (Durability.PROCESS, 1)])
def test_durability_is_sqlites_synchronous_full_or_normal_over_a_write_ahead_log(
    tmp_path: Path, durability: Durability, synchronous: int
) -> None:
    with EmbeddedLog(str(tmp_path), durability=durability, create=True) as log:
        db = log._file.db
        assert db.execute("PRAGMA synchronous").fetchone() == (synchronous,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_worker_that_was_stopped_and_goes_on_after_another_led_is_fenced(tmp_path: Path) -> None:
    with worker("told", tmp_path) as zombie, opened(tmp_path) as log:
        assert line_of(zombie) == "leads"
        tell(zombie)
        assert line_of(zombie) == "committed"
        zombie.send_signal(signal.SIGSTOP)
        with pytest.raises(LeaseError, match=rf"process {zombie.pid} on .*; stop it, or use another directory"):
            log.lead()
        (tmp_path / LOCK_FILE).unlink()
        with log.lead() as lease:
            lease.commit(effects_of(1))
            tell(zombie)
            zombie.send_signal(signal.SIGCONT)
            assert line_of(zombie).startswith("LeaseError: a worker of term 2 has led since this one of term 1")
            assert zombie.wait() == 4
            lease.commit(effects_of(2))
        assert everything(log) == expected(3)


def test_the_lock_of_a_dead_worker_is_free_at_once(tmp_path: Path) -> None:
    with worker("told", tmp_path) as process:
        assert line_of(process) == "leads"
        process.kill()
        process.wait()
        with opened(tmp_path) as log, log.lead() as lease:
            assert lease.term == 2


@pytest.mark.parametrize("how", ["pages", "file size"])
def test_a_full_disk_is_said_nothing_is_half_written_and_the_log_goes_on_afterwards(tmp_path: Path, how: str) -> None:
    with opened(tmp_path) as log:
        log.create_topic("out", 2)
        with log.lead() as lease:
            lease.commit(effects_of(0))
            with no_more_room(log, tmp_path, how), pytest.raises(SourceError, match="disk") as error:
                commit_up_to(lease, 500)
        assert error.value.exit_code == 4
        assert not isinstance(error.value, LeaseError)
        count = log.journal_end()
        assert 1 < count < 500
        assert everything(log) == expected(count)
        with log.lead() as again:
            again.commit(effects_of(count))
        assert everything(log) == expected(count + 1)
    with opened(tmp_path) as log:
        assert everything(log) == expected(count + 1)


def commit_up_to(lease: Lease, count: int) -> None:
    for sequence in range(1, count):
        lease.commit(effects_of(sequence))


@contextmanager
def no_more_room(log: EmbeddedLog, directory: Path, how: str) -> Iterator[None]:
    """Let files grow by about 100 kB and no further."""
    if how == "pages":
        ((pages,),) = log._file.db.execute("PRAGMA page_count")
        log._file.db.execute(f"PRAGMA max_page_count={pages + 25}")
        yield
        log._file.db.execute("PRAGMA max_page_count=1000000")
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    largest = max(path.stat().st_size for path in directory.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 100_000, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_every_flipped_bit_of_a_batch_is_found_and_its_place_named(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.create_topic("in", 2)
        log.append("in", 1, [Entry(b"a", b"first")])
        log.append("in", 1, [Entry(None, b"second"), Entry(b"k", b"third")])
        db = log._file.db
        ((blob,),) = db.execute("SELECT data FROM batch WHERE first_offset = 1")
        for bit in range(8 * len(blob)):
            flipped = bytearray(blob)
            flipped[bit // 8] ^= 1 << bit % 8
            db.execute("UPDATE batch SET data = ? WHERE first_offset = 1", (bytes(flipped),))
            for offset in (0, 1, 2):
                with pytest.raises(LogError, match="damaged at offset 1 of 'in'/1") as error:
                    log.read("in", 1, offset)
            assert error.value.exit_code == 3
        assert log.read("in", 1, 0, count_max=1).next_offset == 1


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM batch WHERE first_offset = 2",
        "UPDATE batch SET first_offset = 7 WHERE first_offset = 2",
        "UPDATE batch SET record_count = 1 WHERE first_offset = 2",
        "UPDATE batch SET record_count = 'two' WHERE first_offset = 2",
        "UPDATE batch SET data = 'text' WHERE first_offset = 2",
        "UPDATE batch SET data = (SELECT data FROM batch WHERE first_offset = 0) WHERE first_offset = 2",
        "UPDATE batch SET partition_id = partition_id + 100 WHERE first_offset = 4",
        "UPDATE partition SET end_offset = 9 WHERE topic = 'in'",
        "UPDATE partition SET end_offset = 'x' WHERE topic = 'in'",
        "UPDATE partition SET begin_offset = 1 WHERE topic = 'in'",
        "UPDATE partition SET crc = 0 WHERE topic = 'in'",
    ],
)
def test_a_batch_that_is_missing_moved_cut_or_of_another_type_is_never_read_over(tmp_path: Path, damage: str) -> None:
    with opened(tmp_path) as log:
        log.create_topic("in", 1)
        for text in (b"x", b"y", b"z"):
            log.append("in", 0, [Entry(None, text), Entry(None, text)])
        assert len(log.read("in", 0, 0).records) == 6
        log._file.db.execute(damage)
        with pytest.raises(LogError, match="damaged at offset"):
            log.read("in", 0, 0)


def test_a_bit_flipped_anywhere_in_the_file_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    truth = filled(tmp_path / "log", 12)
    sound = (tmp_path / "log" / LOG_FILE).read_bytes()
    flips = random.Random(11)
    refused = 0
    directory = tmp_path / "flipped"
    directory.mkdir()
    for _ in range(400):
        # Half of the flips hit the first pages, where the tables are described and the small ones live.
        at = flips.randrange(len(sound) if flips.random() < 0.5 else 10 * 4_096)
        flipped = bytearray(sound)
        flipped[at] ^= 1 << flips.randrange(8)
        for left_over in directory.iterdir():
            left_over.unlink()
        (directory / LOG_FILE).write_bytes(flipped)
        found = everything_or_refusal(directory)
        if isinstance(found, SidestreamError):
            refused += 1
            assert found.exit_code in {3, 4}, f"byte {at}: {found}"
            assert "\n" not in str(found)
        else:
            assert found == truth, f"byte {at}"
    assert refused > 100


def everything_or_refusal(directory: Path) -> object:
    try:
        with EmbeddedLog(str(directory)) as log:
            return everything(log)
    except SidestreamError as refusal:
        return refusal


def version_of(directory: Path) -> int:
    with closing(sqlite3.connect(directory / LOG_FILE)) as db:
        return int(db.execute("SELECT version FROM format").fetchone()[0])


def test_a_log_has_the_bytes_and_the_format_it_always_had_until_its_first_header(tmp_path: Path) -> None:
    plain, labelled = [Entry(b"k", b"ab"), Entry(None, b"")], Entry(None, b"c", (("a", b"1"),))
    with opened(tmp_path) as log:
        log.create_topic("in", 1)
        log.append("in", 0, plain)
        with closing(sqlite3.connect(tmp_path / LOG_FILE)) as db:
            ((blob,),) = db.execute("SELECT data FROM batch").fetchall()
        assert blob == bytes.fromhex("01000000 02000000 ffffffff 00000000") + b"kab"
        assert version_of(tmp_path) == 1
        log.append("in", 0, [labelled])
        assert version_of(tmp_path) == 2
        log.append("in", 0, plain)
    with opened(tmp_path) as again:
        assert [Entry(*rest) for _, *rest in again.read("in", 0, 0).records] == [*plain, labelled, *plain]


def test_a_commit_with_headers_that_fails_leaves_the_format_as_it_was(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.create_topic("out", 1)
        outputs = [Delivery("out", 0, [Entry(None, b"c", (("a", b"1"),))]), Delivery("none", 0, [])]
        with pytest.raises(ConfigError), log.lead() as lease:
            lease.commit(Commit(0, b"j", outputs))
    assert version_of(tmp_path) == 1


def test_a_header_that_was_altered_is_found_by_its_checksum(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.create_topic("in", 1)
        log.append("in", 0, [Entry(None, b"c", (("a", b"1"),))])
        with closing(sqlite3.connect(tmp_path / LOG_FILE)) as db, db:
            ((blob,),) = db.execute("SELECT data FROM batch").fetchall()
            db.execute("UPDATE batch SET data = ?", (blob.replace(b"a1", b"a2"),))
        with pytest.raises(LogError, match="does not have its checksum"):
            log.read("in", 0, 0)


def test_a_log_of_another_format_is_refused_with_the_remedy(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    with closing(sqlite3.connect(tmp_path / LOG_FILE)) as db, db:
        db.execute("UPDATE format SET version = 3")
    with pytest.raises(
        LogError, match=r"has format 3, this sidestream reads 2; use the version that wrote it"
    ) as error:
        opened(tmp_path)
    assert error.value.exit_code == 3


@pytest.mark.parametrize("content", [b"", b"not a database, but long enough to look like one" * 30, None])
def test_a_file_of_somebody_else_is_refused_and_left_as_it_is(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / LOG_FILE
    if content is None:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("CREATE TABLE theirs (x)")
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(LogError, match="sidestream"):
        opened(tmp_path)
    assert path.read_bytes() == before


def test_a_missing_log_is_made_only_where_that_is_asked(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="holds no log; check the path") as error:
        EmbeddedLog(str(tmp_path / "new"))
    assert error.value.exit_code == 4
    assert not (tmp_path / "new").exists()
    with opened(tmp_path / "new" / "below"):
        assert (tmp_path / "new" / "below" / LOG_FILE).exists()


def test_what_a_killed_creation_left_is_no_obstacle(tmp_path: Path) -> None:
    for name in ("log.new", "log.new-wal"):
        (tmp_path / name).write_bytes(b"half of a log")
    filled(tmp_path, 2)
    with opened(tmp_path) as log:
        assert everything(log) == expected(2)
    assert {path.name for path in tmp_path.iterdir()} == {LOG_FILE, LOCK_FILE}


def test_a_path_that_cannot_hold_a_log_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is a file; name the directory of a log"):
        opened(tmp_path / "file")
    with pytest.raises(SourceError, match="cannot be made or opened"):
        opened(tmp_path / "file" / "below")
    with pytest.raises(SidestreamError, match="cannot be made or opened"):
        EmbeddedLog("a\0b", create=True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_directory_that_may_not_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    filled(tmp_path / "log", 1)
    for path in (tmp_path / "log" / LOG_FILE, tmp_path / "log"):
        path.chmod(0o500)
    try:
        with pytest.raises(SourceError, match="check the permissions"), opened(tmp_path / "log") as log:
            log.create_topic("new", 1)
        with pytest.raises(SourceError, match="cannot be made or opened"):
            opened(tmp_path / "log" / "new")
    finally:
        (tmp_path / "log").chmod(0o700)


def test_large_appends_are_cut_into_bounded_batches_and_stay_one_append(tmp_path: Path) -> None:
    entries = [Entry(None, b"%d" % number) for number in range(2 * BATCH_COUNT_MAX + 1)]
    large = [Entry(b"k", bytes(BATCH_BYTES_MAX - 10)), Entry(None, bytes(2 * BATCH_BYTES_MAX)), Entry(None, b"z" * 20)]
    with opened(tmp_path) as log:
        log.create_topic("in", 1)
        log.append("in", 0, [*entries, *large])
        assert everything(log)["in/0"] == [entry[:2] for entry in (*entries, *large)]
        counts = [count for (count,) in log._file.db.execute("SELECT record_count FROM batch ORDER BY first_offset")]
    assert counts == [BATCH_COUNT_MAX, BATCH_COUNT_MAX, 2, 1, 1]


def test_a_log_that_is_trimmed_stays_within_its_bound_on_the_disk(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        log.create_topic("out", 2)
        sizes = []
        with log.lead() as lease:
            for sequence in range(600):
                lease.commit(effects_of(sequence))
                for partition in (0, 1):
                    log.trim("out", partition, max(0, log.end("out", partition) - 20))
                log.trim_journal(max(0, sequence - 20))
                sizes.append(sum(path.stat().st_size for path in tmp_path.iterdir()))
        assert sum(info.data_bytes for info in log.topics()[0].partitions) < 300_000
    assert max(sizes[300:]) <= 1.1 * max(sizes[:300])


def test_a_writer_waits_for_its_turn_and_says_so_when_it_does_not_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streams.write_turn.BUSY_S", 0.0)
    with opened(tmp_path) as log, opened(tmp_path) as other:
        log.create_topic("in", 1)
        with other._file.writing():
            with pytest.raises(SourceError, match="was kept busy by other processes") as error:
                log.append("in", 0, [Entry(None, b"a")])
            assert log.end("in", 0) == 0
        assert error.value.exit_code == 4
        assert log.append("in", 0, [Entry(None, b"a")]) == 1


def test_a_worker_that_raises_releases_the_lock(tmp_path: Path) -> None:
    with opened(tmp_path) as log:
        with pytest.raises(LeaseError, match="already runs"), log.lead():
            log.lead()
        with log.lead() as lease:
            lease.commit(Commit(0, b"j"))
        assert log.journal_end() == 1


def test_a_closed_log_says_so(tmp_path: Path) -> None:
    log = opened(tmp_path)
    log.close()
    log.close()
    with pytest.raises(SourceError, match="was closed; open it again"):
        log.topics()

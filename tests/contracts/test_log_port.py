"""What every log does, whatever it is made of: one list, run over Kafka, the embedded log and the fake in memory.

A property drives each of them beside a dict of lists; the rest are the promises of `streams.log_port`, one a test.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import monotonic
from typing import Protocol

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import ConfigError, SidestreamError
from streams.embedded_log import EmbeddedLog
from streams.log_file import Durability
from streams.log_port import (
    ENTRY_BYTES_MAX,
    Commit,
    Delivery,
    Entry,
    LeaseError,
    Log,
    LogRecord,
    OffsetError,
    SequenceError,
)
from streams.memory_log import MemoryLog
from streams.worker_lock import LOCK_FILE
from tests.kafka_logs import KafkaPlace


class Bench(Protocol):
    """One log in the hands of the tests; whether its offsets are gapless is for them to know."""

    gapless: bool

    def open(self) -> Log:
        """Return the log as another process sees it."""
        ...

    def lapse(self) -> None:
        """Take the holder's lease away behind its back."""
        ...


class MemoryBench:
    gapless = True

    def __init__(self) -> None:
        self._log = MemoryLog()

    def open(self) -> MemoryLog:
        return self._log

    def lapse(self) -> None:
        self._log.lapse()


class EmbeddedBench:
    gapless = True

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self._directory = directory
        self._stack = stack

    def open(self) -> EmbeddedLog:
        return self._stack.enter_context(EmbeddedLog(str(self._directory), durability=Durability.PROCESS, create=True))

    def lapse(self) -> None:
        (self._directory / LOCK_FILE).unlink()


@contextmanager
def make_bench(kind: str, address: str = "") -> Iterator[Bench]:
    with ExitStack() as stack:
        if kind == "memory":
            yield MemoryBench()
        elif kind == "kafka":
            yield KafkaPlace(address, stack)
        else:
            directory = stack.enter_context(tempfile.TemporaryDirectory())
            yield EmbeddedBench(Path(directory) / "log", stack)


@pytest.fixture(params=["memory", "embedded", "kafka"])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    address = request.getfixturevalue("kafka") if request.param == "kafka" else ""
    with make_bench(request.param, address) as made:
        yield made


@pytest.fixture
def log(bench: Bench) -> Log:
    log = bench.open()
    log.create_topic("in", 2)
    log.create_topic("out", 1)
    return log


def entries(*values: bytes) -> list[Entry]:
    return [Entry(None, value) for value in values]


def values(log: Log, topic: str, partition: int = 0) -> list[bytes]:
    """Return all there is, read in small spans."""
    found: list[bytes] = []
    offset = log.begin(topic, partition)
    while offset < log.end(topic, partition):
        span = log.read(topic, partition, offset, count_max=3)
        assert span.next_offset > offset
        found.extend(record.value for record in span.records)
        offset = span.next_offset
    return found


def effects(log: Log) -> tuple[list[bytes], list[tuple[int, bytes]]]:
    """Return everything a commit can change."""
    return values(log, "out"), [(record.sequence, record.data) for record in log.journal(log.journal_begin())]


def test_what_was_appended_is_read_back_bit_for_bit_in_its_partition(log: Log) -> None:
    written = [Entry(None, b""), Entry(b"", b"\0\xff"), Entry(b"k", b"x" * 70_000)]
    assert log.append("in", 1, written) == 3
    assert log.append("in", 1, []) == 3
    span = log.read("in", 1, 0)
    assert span.records == [LogRecord(number, *entry) for number, entry in enumerate(written)]
    assert span.next_offset == log.end("in", 1) == 3
    assert (log.begin("in", 0), log.end("in", 0)) == (0, 0)
    assert log.read("in", 0, 0).next_offset == 0


def test_a_read_keeps_its_bounds_but_always_moves(log: Log) -> None:
    log.append("in", 0, entries(b"a" * 10, b"b" * 10, b"c" * 1_000, b"d"))
    assert len(log.read("in", 0, 0, count_max=3).records) == 3
    assert len(log.read("in", 0, 0, bytes_max=20).records) == 2
    assert [record.offset for record in log.read("in", 0, 2, bytes_max=1).records] == [2]
    with pytest.raises(ValueError, match="must be positive"):
        log.read("in", 0, 0, count_max=0)


def test_a_wait_ends_when_something_arrives_where_the_log_can_tell(bench: Bench, log: Log) -> None:
    assert not log.wait(0.0), "nothing is being read yet"
    offset = log.append("in", 0, entries(b"a"))
    for _ in range(3):
        offset = log.read("in", 0, offset).next_offset
    if not log.wait(0.0):
        return
    with ThreadPoolExecutor() as pool:
        arrival = pool.submit(bench.open().append, "in", 0, entries(b"b"))
        deadline = monotonic() + 60.0
        while not (span := log.read("in", 0, offset)).records and monotonic() < deadline:
            assert log.wait(60.0)
        arrival.result()
    assert [record.value for record in span.records] == [b"b"]


def test_another_process_sees_what_was_appended_and_every_topic(bench: Bench, log: Log) -> None:
    log.append("in", 1, entries(b"a", b"b"))
    other = bench.open()
    assert values(other, "in", 1) == [b"a", b"b"]
    assert [(info.name, [(p.begin, p.end) for p in info.partitions]) for info in other.topics()] == [
        ("in", [(0, 0), (0, 2)]),
        ("out", [(0, 0)]),
    ]
    assert other.topics()[0].partitions[1].data_bytes > 0


def test_trimmed_records_are_refused_by_name_and_offsets_stay(log: Log) -> None:
    log.append("in", 0, entries(b"a", b"b", b"c"))
    log.trim("in", 0, 2)
    log.trim("in", 0, 1)
    assert (log.begin("in", 0), log.end("in", 0)) == (2, 3)
    with pytest.raises(OffsetError, match=r"offset 1 of 'in'/0 was trimmed, the first one held is 2"):
        log.read("in", 0, 1)
    with pytest.raises(OffsetError, match=r"offset 4 of 'in'/0 lies beyond its end 3"):
        log.read("in", 0, 4)
    with pytest.raises(OffsetError, match="beyond its end 3"):
        log.trim("in", 0, 4)
    log.trim("in", 0, 3)
    assert log.append("in", 0, entries(b"d")) == 4
    assert values(log, "in") == [b"d"]


@pytest.mark.parametrize("name", ["", ".", "..", "a b", "é", "a/b", "__journal", "__mine", "x" * 201, "a\n"])
def test_a_topic_has_a_name_that_kafka_takes_too(log: Log, name: str) -> None:
    with pytest.raises(ConfigError, match="a topic's name"):
        log.create_topic(name, 1)


def test_a_topic_keeps_its_partitions(log: Log) -> None:
    log.create_topic("in", 2)
    with pytest.raises(ConfigError, match="topic 'in' has 2 partitions, not 3"):
        log.create_topic("in", 3)
    with pytest.raises(ConfigError, match="1 to 1024 partitions, got 0"):
        log.create_topic("new", 0)


def test_what_is_not_there_is_refused_by_name_and_nothing_changes(log: Log) -> None:
    for topic, partition, said in (
        ("no", 0, "no topic 'no'; there are: 'in', 'out'"),
        ("in", 2, "partitions 0 to 1, got 2"),
        ("in", -1, "got -1"),
        ("__journal", 0, "no topic '__journal'"),
    ):
        for ask in (log.begin, log.end):
            with pytest.raises(ConfigError, match=said):
                ask(topic, partition)
        with pytest.raises(ConfigError, match=said):
            log.append(topic, partition, entries(b"a"))
        with pytest.raises(ConfigError, match=said):
            log.read(topic, partition, 0)
        with pytest.raises(ConfigError, match=said), log.lead() as lease:
            lease.commit(
                Commit(0, b"j", [Delivery("out", 0, entries(b"a")), Delivery(topic, partition, entries(b"b"))])
            )
    assert effects(log) == ([], [])
    assert log.journal_end() == 0


def test_an_entry_that_is_too_large_leaves_its_neighbours_out_as_well(log: Log) -> None:
    huge = bytes(ENTRY_BYTES_MAX + 1)
    with pytest.raises(ConfigError, match=rf"entry 1 for 'in'/0 has {len(huge)} bytes"):
        log.append("in", 0, entries(b"a", huge))
    for commit in (Commit(0, huge), Commit(0, b"j", [Delivery("out", 0, entries(b"a", huge))])):
        with pytest.raises(ConfigError, match="make it smaller"), log.lead() as lease:
            lease.commit(commit)
    assert log.end("in", 0) == 0
    assert effects(log) == ([], [])


def test_a_commit_is_outputs_and_journal_together(bench: Bench, log: Log) -> None:
    with log.lead() as lease:
        lease.commit(Commit(0, b"j0", [Delivery("out", 0, entries(b"a")), Delivery("in", 1, entries(b"b"))]))
        lease.commit(Commit(1, b"j1"))
        lease.commit(Commit(2, b"", [Delivery("out", 0, entries(b"c", b"d"))]))
    other = bench.open()
    assert effects(other) == ([b"a", b"c", b"d"], [(0, b"j0"), (1, b"j1"), (2, b"")])
    assert values(other, "in", 1) == [b"b"]
    assert other.journal_end() == 3
    assert [record.data for record in other.journal(2)] == [b""]
    assert list(other.journal(3)) == []


@pytest.mark.parametrize("sequence", [-1, 0, 2, 3])
def test_a_commit_that_does_not_continue_the_journal_is_refused_whole(log: Log, sequence: int) -> None:
    with log.lead() as lease:
        lease.commit(Commit(0, b"j", [Delivery("out", 0, entries(b"a"))]))
        before = effects(log)
        with pytest.raises(SequenceError, match=f"has sequence {sequence}, the journal continues with 1") as error:
            lease.commit(Commit(sequence, b"again", [Delivery("out", 0, entries(b"b"))]))
    assert error.value.exit_code == 3
    assert effects(log) == before


def test_a_commit_that_raised_ends_the_lease_and_the_next_one_continues(log: Log) -> None:
    lease = log.lead()
    with pytest.raises(SequenceError):
        lease.commit(Commit(1, b"j"))
    with pytest.raises(LeaseError, match="lead again, and continue from the journal"):
        lease.commit(Commit(0, b"j"))
    lease.release()
    with log.lead() as again:
        again.commit(Commit(log.journal_end(), b"j"))
    assert effects(log) == ([], [(0, b"j")])


def test_one_leads_at_a_time_and_a_released_lease_commits_nothing(bench: Bench, log: Log) -> None:
    other = bench.open()
    lease = log.lead()
    with pytest.raises(LeaseError, match="a worker already runs on") as error:
        other.lead()
    assert error.value.exit_code == 4
    lease.release()
    lease.release()
    with other.lead() as next_one:
        assert next_one.term > lease.term
        lease.release()
        with pytest.raises(LeaseError):
            log.lead()
        with pytest.raises(LeaseError):
            lease.commit(Commit(0, b"j"))
        next_one.commit(Commit(0, b"j"))


def test_a_zombie_is_fenced_at_its_commit_and_the_rightful_worker_notices_nothing(bench: Bench, log: Log) -> None:
    zombie = log.lead()
    zombie.commit(Commit(0, b"before"))
    bench.lapse()
    other = bench.open()
    rightful = other.lead()
    with pytest.raises(LeaseError, match=f"term {rightful.term} has led since this one of term {zombie.term}"):
        zombie.commit(Commit(1, b"late", [Delivery("out", 0, entries(b"late"))]))
    zombie.release()
    rightful.commit(Commit(1, b"after"))
    assert effects(other) == ([], [(0, b"before"), (1, b"after")])
    assert [record.term for record in other.journal(0)] == [zombie.term, rightful.term]
    rightful.release()


def test_the_journal_is_kept_until_told_and_its_sequences_stay(log: Log) -> None:
    with log.lead() as lease:
        for sequence in range(5):
            lease.commit(Commit(sequence, b"%d" % sequence))
        log.trim_journal(3)
        assert (log.journal_begin(), log.journal_end()) == (3, 5)
        with pytest.raises(OffsetError, match="trimmed, the first one held is 3"):
            list(log.journal(2))
        with pytest.raises(OffsetError, match="beyond its end 5"):
            list(log.journal(6))
        log.trim_journal(5)
        lease.commit(Commit(5, b"5"))
    assert effects(log)[1] == [(5, b"5")]


def test_a_journal_longer_than_one_read_comes_whole(log: Log) -> None:
    with log.lead() as lease:
        for sequence in range(1_100):
            lease.commit(Commit(sequence, b"%d" % sequence))
    assert [(record.sequence, record.data) for record in log.journal(1)] == [(n, b"%d" % n) for n in range(1, 1_100)]


ENTRY = st.builds(Entry, st.none() | st.binary(max_size=3), st.binary(max_size=12))
PLACE = st.sampled_from([("in", 0), ("in", 1), ("out", 0)])
SMALL = st.integers(0, 12)
STEP = st.one_of(
    st.tuples(st.just("append"), PLACE, st.lists(ENTRY, max_size=5)),
    st.tuples(st.just("read"), PLACE, SMALL, st.integers(1, 6), st.integers(1, 30)),
    st.tuples(st.just("trim"), PLACE, SMALL),
    st.tuples(
        st.just("commit"), st.integers(0, 6), st.lists(st.tuples(PLACE, st.lists(ENTRY, max_size=3)), max_size=3)
    ),
    st.tuples(st.just("trim_journal"), st.integers(0, 6)),
    st.tuples(st.just("reopen")),
)


class Model:
    """A dict of lists: everything ever appended, with its offset, where each list begins now and where it ends."""

    def __init__(self) -> None:
        self.all: dict[tuple[str, int], list[LogRecord]] = {("in", 0): [], ("in", 1): [], ("out", 0): []}
        self.begin = dict.fromkeys(self.all, 0)
        self.end = dict.fromkeys(self.all, 0)
        self.journal: list[bytes] = []
        self.journal_begin = 0

    def learn(self, log: Log, place: tuple[str, int], written: list[Entry]) -> None:
        """Take over where entries went."""
        offset, self.end[place] = self.end[place], log.end(*place)
        found: list[LogRecord] = []
        while offset < self.end[place]:
            records, offset = log.read(*place, offset)
            found.extend(records)
        assert [Entry(key, value) for _, key, value in found] == written
        self.all[place].extend(found)

    def offset(self, place: tuple[str, int], number: int) -> int:
        """Return the offset of a record by its number; beyond the last it is the end, and then beyond the end."""
        there = self.all[place]
        return there[number].offset if number < len(there) else self.end[place] + number - len(there)

    def read(self, place: tuple[str, int], number: int, count: int, size: int) -> list[LogRecord]:
        found: list[LogRecord] = []
        for record in self.all[place][number : number + count]:
            size -= len(record.value) + len(record.key or b"")
            if found and size < 0:
                break
            found.append(record)
        return found


def take_commit(log: Log, model: Model, sequence: int, outputs: list[tuple[tuple[str, int], list[Entry]]]) -> None:
    """Try a commit: it is refused where its sequence is not the journal's end."""
    commit = Commit(sequence, b"%d" % sequence, [Delivery(*place, written) for place, written in outputs])
    with log.lead() as lease:
        if sequence != len(model.journal):
            with pytest.raises(SequenceError):
                lease.commit(commit)
            return
        lease.commit(commit)
    model.journal.append(commit.journal)
    for place in model.all:
        model.learn(log, place, [entry for to, written in outputs if to == place for entry in written])


def take(log: Log, model: Model, step: tuple) -> None:  # type: ignore[type-arg]
    """Do one step on both, and compare what they say."""
    verb, *rest = step
    if verb == "append":
        place, written = rest
        assert log.append(*place, written) == model.end[place] + len(written)
        model.learn(log, place, written)
    elif verb == "read":
        place, number, count, size = rest
        offset = model.offset(place, number)
        if model.begin[place] <= offset <= model.end[place]:
            span = log.read(*place, offset, count_max=count, bytes_max=size)
            found = model.read(place, number, count, size)
            assert list(span.records) == found
            ahead = model.offset(place, number + len(found))
            assert (found[-1].offset + 1 if found else offset) <= span.next_offset <= ahead
        else:
            with pytest.raises(OffsetError):
                log.read(*place, offset)
    elif verb == "trim":
        place, number = rest
        before = model.offset(place, number)
        if before <= model.end[place]:
            model.begin[place] = max(model.begin[place], before)
            log.trim(*place, before)
        else:
            with pytest.raises(OffsetError):
                log.trim(*place, before)
    elif verb == "commit":
        take_commit(log, model, *rest)
    elif verb == "trim_journal":
        (before,) = rest
        if before <= len(model.journal):
            model.journal_begin = max(model.journal_begin, before)
            log.trim_journal(before)
        else:
            with pytest.raises(OffsetError):
                log.trim_journal(before)


def drive(bench: Bench, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    log, model = bench.open(), Model()
    log.create_topic("in", 2)
    log.create_topic("out", 1)
    for step in steps:
        if step[0] == "reopen":
            log.close()
            log = bench.open()
        take(log, model, step)
        for place, written in model.all.items():
            assert (log.begin(*place), log.end(*place)) == (model.begin[place], model.end[place])
            assert not bench.gapless or [record.offset for record in written] == list(range(model.end[place]))
        assert (log.journal_begin(), log.journal_end()) == (model.journal_begin, len(model.journal))
    assert [record.data for record in log.journal(model.journal_begin)] == model.journal[model.journal_begin :]
    for info in log.topics():
        for number, partition in enumerate(info.partitions):
            held = [r for r in model.all[info.name, number] if r.offset >= model.begin[info.name, number]]
            assert partition.data_bytes >= sum(len(record.value) for record in held)


@pytest.mark.parametrize("kind", ["memory", "embedded"])
@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEP, max_size=25))
def test_any_sequence_of_steps_equals_a_dict_of_lists(kind: str, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    with make_bench(kind) as bench:
        drive(bench, steps)


@settings(max_examples=15, deadline=None)
@given(steps=st.lists(STEP, max_size=25))
def test_any_sequence_of_steps_on_kafka_equals_it_too(kafka: str, steps: list[tuple]) -> None:  # type: ignore[type-arg]
    with make_bench("kafka", kafka) as bench:
        drive(bench, steps)


def test_every_refusal_is_one_line_with_an_exit_code(log: Log) -> None:
    with pytest.raises(SidestreamError) as error:
        log.read("in", 0, 5)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == 3

"""What only a real broker can show: a late worker is fenced, a batch that fails takes its transaction with it, and
a broker that dies in between loses nothing that was said to be committed.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from engine.errors import ConfigError
from streams.log_port import Commit, Delivery, Entry, Lease, LeaseError, Log, LogError
from streams.ports import SourceError
from tests.broker import Broker
from tests.kafka_logs import KafkaPlace, kafka_place, limit_batches, values
from tests.workers import Life

if TYPE_CHECKING:
    from streams.kafka import KafkaLog
    from streams.kafka_writer import Writer

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(kafka: str) -> Iterator[KafkaPlace]:
    with kafka_place(kafka) as made:
        yield made


def outputs(*topics: str, value: bytes) -> list[Delivery]:
    return [Delivery(topic, 0, [Entry(None, value)]) for topic in topics]


def journal(log: Log) -> list[bytes]:
    return [record.data for record in log.journal(log.journal_begin())]


def test_a_worker_that_was_stopped_past_its_session_writes_nothing_more(place: KafkaPlace) -> None:
    log = place.open(lease_wait_s=20.0)
    log.create_topic("out", 1)
    worker = [sys.executable, "-m", "tests.kafka.stopped_worker", place.address, place.prefix]
    with subprocess.Popen(worker, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as zombie:
        assert zombie.stdout is not None
        assert zombie.stdout.readline() == "committed 0\n"
        with pytest.raises(LeaseError, match=f"a worker already runs on .*-{zombie.pid}"):
            place.open().lead()
        os.kill(zombie.pid, signal.SIGSTOP)
        began = time.monotonic()
        with log.lead() as lease:
            assert 4.0 < time.monotonic() - began < 15.0, "it waits for the session's end, and no longer"
            lease.commit(Commit(1, b"rightful", outputs("out", value=b"rightful")))
            os.kill(zombie.pid, signal.SIGCONT)
            said, _ = zombie.communicate("commit\n")
            assert said.startswith("LeaseError: a worker of term 2 has led since this one of term 1")
            lease.commit(Commit(2, b"after", outputs("out", value=b"after")))
    reader = place.open()
    assert journal(reader) == [b"zombie", b"rightful", b"after"]
    assert values(reader, "out") == [b"zombie", b"rightful", b"after"]


def test_who_knows_that_the_holder_is_dead_does_not_wait_for_its_lease(place: KafkaPlace) -> None:
    dead = place.open(incarnation="first", lease_wait_s=0.0).lead()
    dead.commit(Commit(0, b"dead"))
    with pytest.raises(LeaseError, match="a worker already runs on "):
        place.open(incarnation="second", before="another", lease_wait_s=0.0).lead()
    log = place.open(incarnation="second", before="first", lease_wait_s=0.0)
    with log.lead() as lease:
        lease.commit(Commit(1, b"rightful"))
        with pytest.raises(LeaseError):
            dead.commit(Commit(1, b"from the grave"))
        lease.commit(Commit(2, b"after"))
    assert journal(place.open()) == [b"dead", b"rightful", b"after"]


def test_a_worker_whose_lease_was_lost_stops_at_its_next_commit(place: KafkaPlace) -> None:
    log = place.open()
    log.create_topic("out", 1)
    with log.lead() as lease:
        assert log._leader is not None
        log._leader._member.lost = "another worker holds it"
        with pytest.raises(LeaseError, match="the lease of term 1 was lost"):
            lease.commit(Commit(0, b"j", outputs("out", value=b"a")))
    assert (values(log, "out"), log.journal_end()) == ([], 0)


def test_a_commit_that_is_not_answered_says_who_leads_instead_or_that_it_may_have_happened(place: KafkaPlace) -> None:
    log = place.open()
    with log.lead() as lease:
        fall_silent(log)
        with pytest.raises(SourceError, match="the commit 0 was not answered, whether it happened is in the journal"):
            lease.commit(Commit(0, b"j"))
    log = place.open()
    with log.lead() as lease:
        fall_silent(log)
        place.lapse()
        with place.open(lease_wait_s=20.0).lead() as rightful:
            with pytest.raises(LeaseError, match=f"a worker of term {rightful.term} has led since"):
                lease.commit(Commit(0, b"j"))
            rightful.commit(Commit(0, b"j"))


def fall_silent(log: KafkaLog) -> None:
    """Have commits wait for an answer that never comes."""
    assert log._leader is not None
    log._leader._writer.write_as_one = never  # type: ignore[method-assign]
    log._loop.timeout_s = 0.5


async def never(parcels: object) -> None:
    """Write nothing, and do not say so."""
    await asyncio.Event().wait()


def test_of_workers_that_come_at_once_one_leads(place: KafkaPlace) -> None:
    logs = [place.open() for _ in range(3)]
    with ThreadPoolExecutor(len(logs)) as pool:
        for sequence in range(4):
            came = list(pool.map(lease_or_refusal, logs))
            (lease,) = [each for each in came if isinstance(each, Lease)]
            assert all("a worker already runs on" in each for each in came if isinstance(each, str))
            lease.commit(Commit(sequence, b"j"))
            lease.release()


def lease_or_refusal(log: Log) -> Lease | str:
    try:
        return log.lead()
    except LeaseError as error:
        return str(error)


def test_a_term_is_higher_than_all_before_it_though_nothing_was_committed(place: KafkaPlace) -> None:
    terms = []
    for _ in range(3):
        with place.open() as log, log.lead() as lease:
            terms.append(lease.term)
            log.trim_journal(log.journal_end())
    assert terms == [1, 2, 3]


@pytest.mark.parametrize("failing", ["a", "b", "c", "log.journal"])
def test_each_batch_that_fails_takes_its_whole_transaction_with_it(place: KafkaPlace, failing: str) -> None:
    log = place.open()
    for topic in "abc":
        log.create_topic(topic, 1)
    with log.lead() as lease:
        lease.commit(Commit(0, b"first", outputs("a", "b", "c", value=b"first")))
        limit_batches(place.address, place.prefix + failing, 200)
        with pytest.raises(SourceError, match="MessageSizeTooLarge"):
            lease.commit(Commit(1, b"x" * 300, outputs("a", "b", "c", value=b"y" * 300)))
        with pytest.raises(LeaseError):
            lease.commit(Commit(1, b"again", outputs("a", value=b"again")))
    limit_batches(place.address, place.prefix + failing, 1 << 20)
    reader = place.open()
    assert journal(reader) == [b"first"]
    assert [values(reader, topic) for topic in "abc"] == [[b"first"]] * 3
    with reader.lead() as lease:
        lease.commit(Commit(1, b"second", outputs("a", "b", "c", value=b"second")))
    assert [values(log, topic) for topic in "abc"] == [[b"first", b"second"]] * 3


def test_what_a_topic_does_not_take_is_refused_before_anything_is_sent(place: KafkaPlace) -> None:
    log = place.open()
    log.create_topic("out", 1)
    limit_batches(place.address, f"{place.prefix}out", 1_000)
    with (
        log.lead() as lease,
        pytest.raises(ConfigError, match=r"entry 0 for 'out'/0 has 1000 bytes, and the topic takes"),
    ):
        lease.commit(Commit(0, b"j", outputs("out", value=bytes(1_000))))
    assert log.append("out", 0, [Entry(None, bytes(500))] * 10) == 10, "several batches, all or none"
    assert values(log, "out") == [bytes(500)] * 10


def test_an_append_of_several_batches_can_be_read_once_it_returned(place: KafkaPlace) -> None:
    log, other = place.open(), place.open()
    log.create_topic("out", 1)
    limit_batches(place.address, f"{place.prefix}out", 1_000)
    ends = [(log.append("out", 0, [Entry(None, bytes(500))] * 3), other.end("out", 0)) for _ in range(10)]
    assert all(seen >= end for end, seen in ends), ends


def commit_until_refused(log: Log, said: list[str]) -> None:
    """Commit without end, under a new lease wherever the last one failed before its first commit."""
    try:
        with log.lead() as lease:
            sequence = log.journal_end()
            while True:
                lease.commit(Commit(sequence, b"%d" % sequence, outputs("a", "b", value=b"%d" % sequence)))
                sequence += 1
    except SourceError as error:
        said.append(str(error))


@pytest.mark.parametrize("after_s", [0.5, 0.73])
def test_a_broker_killed_mid_transaction_comes_back_with_whole_commits(own_broker: Broker, after_s: float) -> None:
    with kafka_place(own_broker.address, timeout_s=3.0) as place:
        log = place.open()
        for topic in "ab":
            log.create_topic(topic, 1)
        said: list[str] = []
        worker = Thread(target=commit_until_refused, args=(log, said))
        worker.start()
        other = place.open()
        while other.journal_end() < 1:
            time.sleep(0.01)
        time.sleep(after_s)
        own_broker.kill()
        worker.join()
        own_broker.start()
        assert said
        again = place.open(lease_wait_s=20.0, timeout_s=20.0)
        with again.lead() as lease:
            end = again.journal_end()
            assert end > 0
            lease.commit(Commit(end, b"%d" % end, outputs("a", "b", value=b"%d" % end)))
        expected = [b"%d" % number for number in range(end + 1)]
        assert journal(again) == expected
        assert [values(again, topic) for topic in "ab"] == [expected] * 2


def test_a_read_says_so_when_the_broker_does_not_answer(own_broker: Broker) -> None:
    with kafka_place(own_broker.address, timeout_s=1.0) as place:
        log = place.open(timeout_s=20.0)
        log.create_topic("in", 1)
        log.close()
        log = place.open()
        assert log.read("in", 0, 0).records == log.read("in", 0, 0).records == []
        own_broker.pause()
        try:
            with pytest.raises(SourceError, match="did not answer within 1 s"):
                log.end("in", 0)
        finally:
            own_broker.resume()
        assert log.end("in", 0) == 0


def test_topics_of_the_log_itself_are_not_for_others(place: KafkaPlace) -> None:
    log = place.open()
    with log.lead():
        pass
    for topic in ("log.journal", "log.lease"):
        with pytest.raises(ConfigError, match="belongs to the log itself"):
            log.create_topic(topic, 1)
        with pytest.raises(ConfigError, match=f"no topic '{topic}'; there are: none"):
            log.append(topic, 0, [Entry(None, b"a")])
    assert log.topics() == ()


def test_no_broker_is_one_line_that_names_the_address() -> None:
    pytest.importorskip("aiokafka")
    from streams.kafka import KafkaLog
    from streams.kafka_access import KafkaAccess

    with pytest.raises(SourceError, match=r"no Kafka broker answers at 127\.0\.0\.1:1;.*Errno 111") as error:
        KafkaLog("log", KafkaAccess(address="127.0.0.1:1"))
    assert "\n" not in str(error.value)


def test_a_follower_hands_over_what_comes_and_keeps_to_its_bound(place: KafkaPlace) -> None:
    log, sender = place.open(), place.open()
    log.create_topic("in", 2)
    offset = log.read("in", 0, 0).next_offset
    assert log.read("in", 0, offset).records == [], "it follows from here on"
    big = [Entry(None, b"%d" % number * 1_000) for number in range(200)]
    for _ in range(60):
        sender.append("in", 0, big)
    time.sleep(1.0)
    held = log._reader._places[log._topics.place("in", 0)]
    assert 0 < held.data_bytes < 5 << 20
    found = []
    while records := (span := log.read("in", 0, offset)).records:
        offset = span.next_offset
        found += records
    assert len(found) == 60 * 200
    assert [record.offset for record in found] == list(range(60 * 200))
    sender.append("in", 0, [Entry(b"k", b"late")])
    deadline = time.monotonic() + 5.0
    while not (records := log.read("in", 0, offset).records):
        assert time.monotonic() < deadline
    assert [record.value for record in records] == [b"late"]


def test_a_batch_that_was_damaged_on_disk_is_refused(own_broker: Broker, tmp_path: Path) -> None:
    with kafka_place(own_broker.address) as place:
        log = place.open()
        log.create_topic("in", 1)
        log.append("in", 0, [Entry(None, b"before")])
        log.append("in", 0, [Entry(None, b"damaged here")])
        (segment,) = own_broker.directory.glob(f"data/{place.prefix}in-0/*.log")
        data = segment.read_bytes()
        at = data.index(b"damaged")
        with segment.open("r+b") as file:
            file.seek(at)
            file.write(b"D")
        assert [record.value for record in log.read("in", 0, 0, count_max=1).records] == [b"before"]
        with pytest.raises(LogError, match="damaged at offset 1 of 'in'/0"):
            log.read("in", 0, 1)


def test_a_worker_on_kafka_answers_as_one_in_memory(place: KafkaPlace) -> None:
    lives = [Life(), Life(log=place.open())]  # type: ignore[arg-type]
    for life in lives:
        for count in (30, 25):
            life.arrive(count)
            life.run()
    memory, kafka = lives
    for topic in ("predictions", "shadow", "ends", "alarms", "dead_letters", "audit"):
        assert values(kafka.log, topic) == values(memory.log, topic)
    assert values(kafka.log, "predictions")
    digests = [life.recovered().replica.engine.state_digest() for life in lives]
    assert digests[0] == digests[1]


def test_a_writer_that_knew_a_topic_by_chance_does_not_forget_it_for_a_new_one(place: KafkaPlace) -> None:
    from streams.kafka_writer import parcel_of

    log = place.open(timeout_s=5.0)
    log.create_topic("old", 1)
    writer = log._loop.run(well_informed_writer(log))
    try:
        assert writer._producer.client.cluster.partitions_for_topic(f"{place.prefix}old")
        log.create_topic("new", 1)
        both = {log._topics.place(topic, 0): parcel_of([Entry(None, b"a")], 1_000) for topic in ("new", "old")}
        log._loop.run(writer.write_as_one(both))
    finally:
        log._loop.run(writer.stop())
    assert [values(log, topic) for topic in ("old", "new")] == [[b"a"], [b"a"]]


async def well_informed_writer(log: KafkaLog) -> Writer:
    """Return a writer that knows every topic there is, though it was told of none."""
    writer = log._writer("writer")
    await writer.start()
    await writer._producer.client.force_metadata_update()
    return writer

"""Overload on a real broker: a long backlog, a flood of poison, records of 10 MB, in the short form that CI runs.

The long form is `python -m tests.kafka.overload`.
"""

from __future__ import annotations

from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest

from streams.ports import RAW_BYTES_MAX

pytest.importorskip("aiokafka")

from engine.errors import ConfigError
from streams.kafka_reader import BUFFER_BYTES_MAX, in_turn
from streams.log_port import READ_BYTES_MAX, Entry
from tests.kafka.overload import PARTITIONS, Overloaded, flood, good, poison
from tests.kafka_logs import limit_batches

COUNT = 20_000
GROWTH_MIB_MAX = 160.0
"""By how much ten times the backlog may raise the peak: ids to tell duplicates by are most of it."""


@pytest.fixture
def place(kafka: str, tmp_path: Path) -> Overloaded:
    return Overloaded(kafka, tmp_path / "place")


def test_memory_does_not_grow_with_the_backlog_and_all_of_it_is_accounted_for(kafka: str, tmp_path: Path) -> None:
    peaks = []
    for count in (COUNT // 10, COUNT):
        place = Overloaded(kafka, tmp_path / str(count))
        place.send("requests", good(count), PARTITIONS)
        ran = place.run()
        assert ran.code == 0, ran.said
        peaks.append(ran.peak_mib)
    audit = place.audit()
    assert audit["clean"], audit
    counts = audit["counts"]
    named = ("requests", "requests labelled", "labels learned", "records on predictions")
    assert [counts[name] for name in named] == [COUNT] * 4
    assert (counts["records not taken yet"], counts["requests dead"], counts["requests duplicates"]) == (0, 0, 0)
    assert 0.0 < peaks[0] <= peaks[1] < peaks[0] + GROWTH_MIB_MAX


def test_a_flood_of_poison_is_one_dead_letter_each_and_every_good_record_is_answered(place: Overloaded) -> None:
    ran, audit, sent = flood(place, COUNT // 2)
    assert ran.code == 0, ran.said
    assert audit["clean"], audit
    counts = audit["counts"]
    assert counts["requests"] == sent["good"] + sent["requests"]
    assert counts["requests dead"] == sent["requests"]
    assert counts["records on dead_letters"] == sent["requests"] + sent["commands"]
    assert counts["requests labelled"] == counts["records on predictions"] == sent["good"]
    assert counts["records not taken yet"] == 0
    letters = [(letter["source"], letter["row"]) for letter in place.values("dead_letters")]
    assert len(set(letters)) == len(letters), "each record has one"
    assert {answer["id"] for answer in place.values("predictions")} == {f"e{n}" for n in range(sent["good"])}


def test_ten_megabytes_are_a_dead_letter_with_their_beginning_length_and_digest(place: Overloaded) -> None:
    fat = [b'{"id":"fat","a":"' + bytes([65 + number]) * 10_000_000 + b'"}' for number in range(5)]
    fine = list(good(40))
    records = [record for number, each in enumerate(fat) for record in (*fine[8 * number : 8 * number + 8], each)]
    assert place.send("requests", records, 1) == 45
    ran = place.run()
    assert ran.code == 0, ran.said
    letters = list(place.values("dead_letters"))
    assert [letter["reason"] for letter in letters] == ["too_large"] * 5
    for letter, data in zip(letters, fat, strict=True):
        shown = b64decode(letter["base64"]) if "base64" in letter else letter["text"].encode()
        assert shown == data[:RAW_BYTES_MAX]
        assert (letter["length"], letter["sha256"]) == (len(data), sha256(data).hexdigest())
        assert letter["truncated"]
    assert [answer["id"] for answer in place.values("predictions")] == [f"e{n}" for n in range(40)]
    assert place.audit()["clean"]


def test_what_a_topic_is_too_small_for_is_refused_to_its_sender_and_answers_go_on(place: Overloaded) -> None:
    place.send("requests", good(10), 1)
    limit_batches(place.address, f"{place.prefix}requests", 1_000_000)
    with place.opened() as log, pytest.raises(ConfigError, match=r"10000000 bytes, and the topic takes"):
        log.append("requests", 0, [Entry(None, bytes(10_000_000))])
    place.send("requests", good(10, first=10), 1)
    assert place.run().code == 0
    assert [answer["id"] for answer in place.values("predictions")] == [f"e{n}" for n in range(20)]


def test_of_two_partitions_each_is_asked_first_in_turn_so_a_long_record_is_not_kept_back(place: Overloaded) -> None:
    """A leader gives a batch that is longer than was asked for only where nothing came before it."""
    with place.opened() as log:
        log.create_topic("in", 2)
        for number, length in enumerate((10, 3 << 20)):
            log.append("in", number, [Entry(None, bytes(length))])
        wants = {log._topics.place("in", number): 0 for number in range(2)}
        node = log._loop.run(log._wire.leader(next(iter(wants))))
        came = []
        for turn in range(3):
            asked = in_turn(wants, turn)
            found = log._loop.run(log._wire.fetch_from(node, asked, bytes_max=READ_BYTES_MAX, wait_ms=0))
            came.append([len(found[place].records) for place in wants])
        assert came == [[1, 0], [0, 1], [1, 0]]


def test_a_partition_nobody_reads_is_fetched_on_to_its_bound_and_the_other_goes_on(place: Overloaded) -> None:
    with place.opened() as log:
        log.create_topic("in", 2)
        offsets = [log.read("in", number, 0).next_offset for number in range(2)]
        assert all(log.read("in", number, offsets[number]).records == [] for number in range(2)), "both are followed"
        full = log._topics.place("in", 0)
        for number in range(60):
            log.append("in", 0, [Entry(None, bytes(10_000))] * 90)
            log.append("in", 1, [Entry(None, b"%d" % number)])
            while not (span := log.read("in", 1, offsets[1])).records:
                pass
            offsets[1] = span.next_offset
            assert [record.value for record in span.records] == [b"%d" % number]
            assert log._reader.held_bytes()[full] < BUFFER_BYTES_MAX + READ_BYTES_MAX + 1_000_000
        assert log._reader.held_bytes()[full] >= BUFFER_BYTES_MAX, "reading on was paused"
        count = 0
        while records := (span := log.read("in", 0, offsets[0])).records:
            offsets[0] = span.next_offset
            count += len(records)
        assert count == 60 * 90, "and went on"


def test_a_flood_holds_every_kind_of_poison() -> None:
    from tests.streams.test_worker_poison import BAD

    for topic in ("requests", "commands"):
        assert {data for data, _, _ in BAD[topic].values()} == set(poison(topic, 5_000))

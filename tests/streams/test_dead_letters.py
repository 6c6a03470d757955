"""Dead letters find their way back: the bytes that were sent, to the partition they came from, or a plain no."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.messages import DeadLetter
from streams import dead_letters
from streams.codec import dead_letter_line
from streams.dead_letters import (
    Lost,
    LostError,
    Original,
    Place,
    Returned,
    letter_at,
    letters,
    original,
    read_letter,
    send_back,
    try_out,
)
from streams.log_port import Entry, LogRecord, OffsetError
from streams.memory_log import MemoryLog
from streams.ports import RAW_BYTES_MAX, Cut, Record

TOPIC = "dead_letters"


def a_log(partition_count: int = 1) -> MemoryLog:
    log = MemoryLog()
    log.create_topic("requests", partition_count)
    log.create_topic(TOPIC, 1)
    return log


def bury(log: MemoryLog, partition: int, entry: Entry, *, reason: str = "bad_id", topic: str = "requests") -> int:
    """Append a record and the dead letter a worker writes of it; return the letter's offset."""
    offset = log.append(topic, partition, [entry]) - 1
    cut = Cut(len(entry.value), sha256(entry.value).hexdigest()) if len(entry.value) > RAW_BYTES_MAX else None
    record = Record(f"{topic}/{partition}", offset, entry.value[:RAW_BYTES_MAX] if cut else entry.value, {}, None, cut)
    return write(log, dead_letter_line(DeadLetter(offset, None, "request", "decode", reason, "why"), record))


def write(log: MemoryLog, line: bytes) -> int:
    return log.append(TOPIC, 0, [Entry(None, line.rstrip(b"\n"))]) - 1


entries = st.builds(Entry, st.none() | st.binary(max_size=8), st.binary(max_size=40))


@given(st.lists(st.tuples(st.integers(0, 2), entries), max_size=12), st.integers(1, 5))
def test_every_record_goes_back_with_its_key_and_headers_in_order_whatever_its_bytes(
    sent: list[tuple[int, Entry]], batch_count: int
) -> None:
    log = a_log(3)
    for partition, entry in sent:
        bury(log, partition, entry)
    ends = [log.end("requests", partition) for partition in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dead_letters, "BATCH_COUNT", batch_count)
        returned = [end for end in send_back(log, letters(log, TOPIC, 0)) if isinstance(end, Returned)]
    assert sorted(each.letter.offset for each in returned) == list(range(len(sent)))
    for partition in range(3):
        expected = [entry for number, entry in sent if number == partition]
        back = log.read("requests", partition, ends[partition]).records
        assert [Entry(*rest) for _, *rest in back] == expected
        places = [each.to for each in returned if each.letter.place.partition == partition]
        assert places == [Place("requests", partition, record.offset) for record in back]


@given(st.binary(max_size=60))
def test_where_the_log_was_trimmed_the_letters_own_bytes_go_back_without_a_key(value: bytes) -> None:
    log = a_log()
    letter = letter_at(log, TOPIC, bury(log, 0, Entry(b"card", value)))
    assert original(log, letter) == Original(Entry(b"card", value), is_copy=False)
    log.trim("requests", 0, 1)
    assert original(log, letter) == Original(Entry(None, value), is_copy=True)


def test_a_record_the_letter_holds_only_the_beginning_of_comes_whole_from_the_log_or_not_at_all() -> None:
    log = a_log()
    value = b"x" * (RAW_BYTES_MAX + 1)
    letter = letter_at(log, TOPIC, bury(log, 0, Entry(None, value)))
    assert letter.shown == value[:RAW_BYTES_MAX]
    assert original(log, letter).entry.value == value
    log.trim("requests", 0, 1)
    with pytest.raises(LostError, match="requests/0 at 0 was trimmed, and the letter holds only the first bytes"):
        original(log, letter)


def test_a_log_that_holds_another_record_at_the_place_gives_nothing_back() -> None:
    letter = letter_at(log := a_log(), TOPIC, bury(log, 0, Entry(None, b"mine")))
    other = a_log()
    with pytest.raises(LostError, match=r"what stands in requests/0 at 0 is not the record"):
        original(other, letter)
    other.append("requests", 0, [Entry(None, b"not mine")])
    with pytest.raises(LostError, match="what stands in requests/0 at 0 is not the record the letter speaks of"):
        original(other, letter)
    with pytest.raises(LostError, match=r"this log has no requests/0 at 0 [(]there is no topic 'requests'"):
        original(MemoryLog(), letter)


@pytest.mark.parametrize("origin", ["payments.csv", "a/b/0", "requests/", "requests/x", "requests/-1", "/0"])
def test_a_record_that_came_from_no_topic_has_nowhere_to_go(origin: str) -> None:
    log = a_log()
    record = Record(origin, 1, b"{}", {}, None)
    letter = letter_at(log, TOPIC, write(log, dead_letter_line(DeadLetter(0, 0, "request", "read", "bad", ""), record)))
    with pytest.raises(LostError, match="is no topic of a log"):
        original(log, letter)


def test_a_letter_without_a_record_has_nowhere_to_go_and_does_not_hinder_the_others() -> None:
    log = a_log()
    write(log, dead_letter_line(DeadLetter(0, 0, "request", "read", "bad", ""), None))
    bury(log, 0, Entry(None, b"{}"))
    lost, sent = send_back(log, letters(log, TOPIC, 0))
    assert isinstance(lost, Lost)
    assert "its source None is no topic of a log" in lost.why
    assert isinstance(sent, Returned)
    assert sent.to == Place("requests", 0, 1)


def test_letters_written_meanwhile_are_not_read() -> None:
    """What is still wrong comes back as a letter at once: sending back all letters must come to an end."""
    log = a_log()
    for _ in range(3):
        bury(log, 0, Entry(None, b"{}"))
    seen = 0
    for _ in letters(log, TOPIC, 0):
        bury(log, 0, Entry(None, b"{}"))
        seen += 1
    assert seen == 3


def test_letters_are_chosen_by_reason_and_offset() -> None:
    log = a_log()
    for reason in ("bad_id", "bad_time", "bad_id"):
        bury(log, 0, Entry(None, b"{}"), reason=reason)
    assert [letter.offset for letter in letters(log, TOPIC, 0, reason="bad_id")] == [0, 2]
    assert [letter.offset for letter in letters(log, TOPIC, 1)] == [1, 2]
    with pytest.raises(OffsetError, match="there is no record at offset 3 of 'dead_letters'/0; it ends at 3"):
        letter_at(log, TOPIC, 3)


def test_trying_it_out_appends_nothing_and_says_the_same() -> None:
    log = a_log(2)
    bury(log, 1, Entry(b"k", b"abc"))
    bury(log, 1, Entry(None, b"def"))
    write(log, dead_letter_line(DeadLetter(0, 0, "request", "read", "bad", ""), None))
    tried = list(try_out(log, letters(log, TOPIC, 0)))
    assert log.end("requests", 1) == 2
    sent = list(send_back(log, letters(log, TOPIC, 0)))
    assert {each.letter.offset: each for each in tried} == {each.letter.offset: each for each in sent}
    assert log.end("requests", 1) == 4


@pytest.mark.parametrize(
    "value",
    [b"", b"{}", b"[]", b"null", b"\xff", b'{"id": 1}', b"[" * 100_000]
    + [
        b'{"source":null,"row":null,"kind":"request","stage":"read","reason":"r","detail":"d",%s}' % more
        for more in (b'"text":1', b'"base64":"x"', b'"base64":1')
    ],
)
def test_what_is_no_dead_letter_is_refused_as_another_topic(value: bytes) -> None:
    with pytest.raises(ConfigError, match="offset 7 of 'requests' holds no dead letter; name their topic with --topic"):
        read_letter(LogRecord(7, None, value), "requests")

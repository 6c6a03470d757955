"""`sidestream dead`: letters are listed, shown so that they do nothing to a terminal, and sent back."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

import pytest

from engine.messages import DeadLetter
from streams.codec import dead_letter_line
from streams.embedded_log import EmbeddedLog
from streams.log_file import Durability
from streams.log_port import Entry
from streams.ports import Record
from tests.pasts import START_MS, Past
from tests.said import Said

RECORDS = [
    ("requests", 1, Entry(b"card", b'{"id": []}'), "bad_id"),
    ("labels", 0, Entry(None, b"\x1b[2J\xff"), "bad_utf8"),
    ("requests", 0, Entry(None, b'{"id": "\x1b[2J",\n\t"z\xc3\xb6": 1}'), "bad_time"),
    ("commands", 0, Entry(None, b"promote"), "bad_command"),
]


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A log on which four records of three topics have ended as dead letters."""
    with EmbeddedLog(str(tmp_path), durability=Durability.PROCESS, create=True) as log:
        log.create_topic("dead_letters", 1)
        for topic, partition_count in (("requests", 2), ("labels", 1), ("commands", 1)):
            log.create_topic(topic, partition_count)
        for number, (topic, partition, entry, reason) in enumerate(RECORDS):
            offset = log.append(topic, partition, [entry]) - 1
            record = Record(f"{topic}/{partition}", offset, entry.value, {}, None)
            letter = DeadLetter(number, None, topic.rstrip("s"), "decode", reason, f"why {number}\x1b[2J\n")
            log.append("dead_letters", 0, [Entry(None, dead_letter_line(letter, record).rstrip(b"\n"))])
    return tmp_path


def ends(directory: Path) -> dict[str, list[int]]:
    with EmbeddedLog(str(directory)) as log:
        return {topic.name: [info.end for info in topic.partitions] for topic in log.topics()}


def test_the_newest_are_listed_last_one_line_each(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def offsets(*flags: object) -> list[int]:
        said = Said(capsys, "dead", "list", "--log", directory, *flags)
        assert said.code == 0
        return [int(line.split()[0]) for line in said.out.splitlines()[1:]]

    table = Said(capsys, "dead", "list", "--log", directory).out.splitlines()
    assert table[0].split() == ["offset", "source", "row", "kind", "stage", "reason", "detail"]
    assert table[1].split() == ["0", "requests/1", "0", "request", "decode", "bad_id", "why", "0\\x1b[2J\\n"]
    assert offsets() == [0, 1, 2, 3]
    assert offsets("--count", 2) == [2, 3]
    assert offsets("--from", 1, "--count", 2) == [1, 2]
    assert offsets("--from", -3) == [1, 2, 3]
    assert offsets("--reason", "bad_time") == [2]
    none = Said(capsys, "dead", "list", "--log", directory, "--reason", "bad_tim")
    assert (none.code, none.out) == (0, "")
    assert none.err == "no dead letters of reason 'bad_tim' on 'dead_letters'\n"


def test_as_json_each_is_the_line_the_worker_wrote_and_its_offset(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = Said(capsys, "dead", "list", "--log", directory, "--json").lines()
    with EmbeddedLog(str(directory)) as log:
        written = [json.loads(record.value) for record in log.read("dead_letters", 0, 0).records]
    assert listed == [{"offset": offset, **fields} for offset, fields in enumerate(written)]


def test_one_is_shown_whole_and_does_nothing_to_a_terminal(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = Said(capsys, "dead", "show", 2, "--log", directory)
    assert shown.code == 0
    assert "\x1b" not in shown.out
    fields = dict(line.split(maxsplit=1) for line in shown.out.split("\n\n")[0].splitlines())
    assert fields["source"] == "requests/0"
    assert fields["detail"] == "why 2\\x1b[2J\\n"
    assert fields["length"] == str(len(RECORDS[2][2].value))
    assert shown.out.endswith('\n\ntext:\n{"id": "\\x1b[2J",\n\t"zö": 1}\n')
    encoded = Said(capsys, "dead", "show", 1, "--log", directory)
    assert encoded.out.endswith(f"\n\nbase64:\n{b64encode(RECORDS[1][2].value).decode()}\n")


def test_records_go_back_to_where_they_came_from_with_their_key(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ends(directory)
    tried = Said(capsys, "dead", "replay", "--all", "--log", directory, "--dry-run")
    assert tried.code == 0
    assert tried.err == "4 would go back\n"
    assert ends(directory) == before
    sent = Said(capsys, "dead", "replay", "--all", "--log", directory)
    assert sent.code == 0
    assert sent.err == "4 went back\n"
    assert sorted(sent.out.splitlines()) == [
        "letter 0: 10 bytes of requests/1 at 0 went to requests/1 at 1",
        "letter 1: 5 bytes of labels/0 at 0 went to labels/0 at 1",
        "letter 2: 25 bytes of requests/0 at 0 went to requests/0 at 1",
        "letter 3: 7 bytes of commands/0 at 0 went to commands/0 at 1",
    ]
    with EmbeddedLog(str(directory)) as log:
        for topic, partition, entry, _ in RECORDS:
            (again,) = log.read(topic, partition, 1).records
            assert Entry(again.key, again.value) == entry


def test_offsets_and_a_reason_choose_what_goes_back(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sent = Said(capsys, "dead", "replay", 3, 0, 3, "--log", directory)
    assert [line.split(":")[0] for line in sent.out.splitlines()] == ["letter 0", "letter 3"]
    sent = Said(capsys, "dead", "replay", "--reason", "bad_utf8", "--log", directory)
    assert sent.out == "letter 1: 5 bytes of labels/0 at 0 went to labels/0 at 1\n"
    assert ends(directory) == {"commands": [2], "dead_letters": [4], "labels": [2], "requests": [1, 2]}
    sent = Said(capsys, "dead", "replay", "--all", "--from", 2, "--log", directory)
    assert [line.split(":")[0] for line in sent.out.splitlines()] == ["letter 2", "letter 3"]


def test_what_is_left_of_a_trimmed_record_is_said(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedLog(str(directory)) as log:
        log.trim("requests", 1, 1)
    sent = Said(capsys, "dead", "replay", 0, "--log", directory)
    assert sent.code == 0
    way = "letter 0: 10 bytes of requests/1 at 0 went to requests/1 at 1"
    assert sent.out == f"{way}, without a key: the record itself was trimmed\n"


def test_a_record_that_cannot_go_back_is_named_and_found_in_the_exit_code(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with EmbeddedLog(str(directory)) as log:
        letter = DeadLetter(9, 0, "request", "read", "bad", "")
        line = dead_letter_line(letter, Record("a.csv\x1b", 1, b"1,2", {}, None))
        log.append("dead_letters", 0, [Entry(None, line.rstrip(b"\n"))])
    for flags, would in (("--dry-run",), "would go"), ((), "went"):
        sent = Said(capsys, "dead", "replay", "--all", "--log", directory, *flags)
        assert sent.code == 1
        assert len(sent.out.splitlines()) == 4
        assert "sidestream: letter 4 cannot go back: its source 'a.csv\\x1b' is no topic of a log" in sent.err
        assert sent.err.endswith(f"4 {would} back, 1 cannot\n")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("replay",), 2, "say which letters go back: their offsets, or --reason REASON, or --all"),
        (("replay", "1", "--all"), 2, "say which letters go back"),
        (("replay", "1", "--reason", "bad_id"), 2, "say which letters go back"),
        (("replay", "1", "--from", "1"), 2, "--from goes with --reason or --all"),
        (("replay", "--all", "--from", "9"), 3, "lies beyond its end 4"),
        (("replay", "0", "99"), 3, "offset 99 of 'dead_letters'/0 lies beyond its end 4"),
        (("replay", "4"), 3, "there is no record at offset 4 of 'dead_letters'/0; it ends at 4"),
        (("show", "4"), 3, "there is no record at offset 4"),
        (("list", "--topic", "requests"), 2, "offset 0 of 'requests' holds no dead letter; name their topic"),
        (("list", "--topic", "dead"), 2, "there is no topic 'dead'"),
        (("list", "--from", "9"), 3, "lies beyond its end 4"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_appends_nothing(
    directory: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, says: str
) -> None:
    before = ends(directory)
    said = Said(capsys, "dead", *arguments, "--log", directory)
    assert said.code == code
    assert says in said.err
    assert said.err.count("\n") == 1
    assert ends(directory) == before


def test_letters_of_a_worker_go_back_are_told_again_once_and_mended_ones_are_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past = Past(tmp_path / "log", partition_count=2)
    good = {"id": "e0", "ts": START_MS, "a": 1, "b": 1, "c": "x"}
    past.append("requests", good, {**good, "id": "e1", "a": "1,5"}, partition=1)
    past.append("labels", {"id": "e0", "y": 1, "at": START_MS}, b"\xff")
    past.append("commands", b"promote")
    past.live()
    where = ("--log", past.directory)
    listed = Said(capsys, "dead", "list", "--json", *where).lines()
    assert {(each["source"], each["row"], each["reason"]) for each in listed} == {
        ("requests/1", 1, "not_a_number"),
        ("labels/0", 1, "bad_utf8"),
        ("commands/0", 0, "malformed_json"),
    }
    (letter,) = Said(capsys, "dead", "list", "--reason", "not_a_number", "--json", *where).lines()
    assert '"a": "1,5"' in Said(capsys, "dead", "show", letter["offset"], *where).out
    sent = Said(capsys, "dead", "replay", letter["offset"], *where)
    assert (sent.code, sent.err) == (0, "1 went back\n")
    assert "of requests/1 at 1 went to requests/1 at 2" in sent.out
    past.live()
    assert len(past.values("dead_letters")) == len(listed) + 1
    again = Said(capsys, "dead", "list", "--reason", "not_a_number", "--json", *where).lines()
    assert [each["row"] for each in again] == [1, 2]
    assert again[0]["sha256"] == again[1]["sha256"]
    past.append("requests", again[1]["text"].replace("1,5", "1.5").encode(), partition=1)
    past.live()
    assert [line["id"] for line in past.lines("predictions", 1)] == ["e0", "e1"]
    assert len(past.values("dead_letters")) == len(listed) + 1

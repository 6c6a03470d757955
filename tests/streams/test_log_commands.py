"""`append`, `peek` and `topics`: bytes go in as they are, come out with their offsets, and refusals are one line."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from zlib import crc32

import pytest

from streams.byte_lines import RECORD_BYTES_MAX
from streams.embedded_log import EmbeddedLog
from streams.log_port import Entry
from tests.said import Said

ROOT = Path(__file__).resolve().parents[2]


class StandardInput:
    """Stands for `sys.stdin`, over bytes that are known."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]


def test_json_lines_go_in_byte_for_byte_also_those_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", StandardInput(b'{"a": 1 }\r\n{"a": \n\n\xff{\n{"a":2}'))
    said = Said(capsys, "append", "in", "-", "--log", tmp_path / "log", "--create", 1, "--format", "jsonl")
    assert (said.code, said.out) == (0, "")
    assert said.err == "appended 5 records to 'in': partition 0 ends at 5\n"
    assert Said(capsys, "peek", "in", "--log", tmp_path / "log").lines() == [
        {"offset": 0, "key": None, "text": '{"a": 1 }'},
        {"offset": 1, "key": None, "text": '{"a": '},
        {"offset": 2, "key": None, "text": ""},
        {"offset": 3, "key": None, "base64": "/3s="},
        {"offset": 4, "key": None, "text": '{"a":2}'},
    ]


def test_csv_rows_become_objects_of_texts_and_a_broken_row_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text('a,b\n1,"x ""y"""\n2\n3,\n')
    assert Said(capsys, "append", "in", tmp_path / "a.csv", "--log", tmp_path, "--create", 1).code == 0
    texts = [line["text"] for line in Said(capsys, "peek", "in", "--log", tmp_path).lines()]
    assert texts == ['{"a":"1","b":"x \\"y\\""}', "2", '{"a":"3","b":""}']


def test_equal_keys_share_a_partition_and_keep_their_order(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [(number % 7, number) for number in range(100)]
    (tmp_path / "a.jsonl").write_text("".join(f'{{"card":{card},"n":{n}}}\n' for card, n in rows) + '{"n":100}\n')
    flags = ("--log", tmp_path, "--create", 3, "--key", "card", "--batch", 9)
    assert Said(capsys, "append", "in", tmp_path / "a.jsonl", *flags).code == 0
    for partition in range(3):
        lines = Said(capsys, "peek", "in", "--log", tmp_path, "--partition", partition, "--count", 200).lines()
        numbers = [json.loads(str(line["text"]))["n"] for line in lines]
        mine = [n for card, n in rows if crc32(str(card).encode()) % 3 == partition]
        assert numbers == mine + [100] * (crc32(b"") % 3 == partition)
        assert all(line["key"] == str(n % 7) for line, n in zip(lines, mine, strict=False))


def test_a_record_too_large_to_keep_is_named_left_out_and_found_in_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a":1}\n{"a":"' + b"x" * RECORD_BYTES_MAX + b'"}\n{"a":2}\n')
    said = Said(capsys, "append", "in", path, "--log", tmp_path, "--create", 1)
    assert said.code == 1
    assert f"row 2 of '{path}' was left out: " in said.err
    assert "appended 2 records to 'in', left out 1: partition 0 ends at 2" in said.err


def test_peek_starts_and_stops_where_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text("".join(f"{{{number}}}\n" for number in range(30)))
    assert Said(capsys, "append", "in", tmp_path / "a.jsonl", "--log", tmp_path, "--create", 1).code == 0

    def offsets(*flags: object) -> list[object]:
        return [line["offset"] for line in Said(capsys, "peek", "in", "--log", tmp_path, *flags).lines()]

    assert offsets() == list(range(10))
    assert offsets("--from", 25) == [25, 26, 27, 28, 29]
    assert offsets("--from", -2) == [28, 29]
    assert offsets("--from", -99, "--count", 3) == [0, 1, 2]
    assert offsets("--from", 30) == offsets("--count", 0) == []


def test_headers_go_in_with_append_and_are_shown_by_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.jsonl").write_text('{"a":1}\n')
    flags = ["--log", tmp_path, "--create", 1, "--header", "a=1", "--header", "b=x=\u00fc", "--header", "a=2"]
    assert Said(capsys, "append", "in", tmp_path / "a.jsonl", *flags).code == 0
    with EmbeddedLog(str(tmp_path)) as log:
        log.append("in", 0, [Entry(None, b"plain"), Entry(None, b"odd", (("a", b"\xff\x1b"),))])
    labelled, plain, odd = Said(capsys, "peek", "in", "--log", tmp_path).lines()
    assert labelled["headers"] == {"a": ["1", "2"], "b": "x=\u00fc"}
    assert plain == {"offset": 1, "key": None, "text": "plain"}
    assert odd["headers"] == {"a": "\\xff\x1b"}


def test_peek_follows_what_another_process_appends(tmp_path: Path) -> None:
    with EmbeddedLog(str(tmp_path), create=True) as log:
        log.create_topic("in", 1)
        command = [sys.executable, "-c", "from streams.cli.app import main; main()"]
        command += ["peek", "in", "--log", str(tmp_path), "--follow", "--count", "3"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for number in range(3):
                log.append("in", 0, [Entry(None, b"%d" % number)])
                assert json.loads(process.stdout.readline()) == {"offset": number, "key": None, "text": str(number)}
            assert process.wait() == 0


def test_topics_are_listed_for_eyes_and_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedLog(str(tmp_path), create=True):
        pass
    assert "no topics" in Said(capsys, "topics", "--log", tmp_path).out
    (tmp_path / "a.jsonl").write_text('{"a":1}\n{"a":2}\n')
    assert (
        Said(capsys, "append", "in", tmp_path / "a.jsonl", "--log", tmp_path, "--create", 2, "--partition", 1).code == 0
    )
    table = Said(capsys, "topics", "--log", tmp_path).out.splitlines()
    assert [line.split()[:4] for line in table[1:3]] == [["in", "0", "0", "0"], ["in", "1", "0", "2"]]
    assert table[3] == "journal: commits 0 to 0"
    data = json.loads(Said(capsys, "topics", "--log", tmp_path, "--json").out)
    assert [(info["begin"], info["end"]) for info in data["topics"]["in"]] == [(0, 0), (0, 2)]
    assert data["journal"] == {"begin": 0, "end": 0}


@pytest.mark.parametrize(
    "case",
    [
        (("append", "in", "a.jsonl", "--log", "new"), 4, "'new' holds no log; check the path"),
        (("append", "no", "a.jsonl", "--log", "log"), 2, "no topic 'no' in 'log'; --create 1 makes it"),
        (("append", "in", "a.jsonl", "--log", "log"), 2, "has 2 partitions; choose one with --partition N or"),
        (("append", "in", "a.jsonl", "--log", "log", "--partition", "2"), 2, "partitions 0 to 1, got 2"),
        (("append", "in", "a.jsonl", "--log", "log", "--partition", "0", "--key", "a"), 2, "leave one out"),
        (("append", "in", "a.jsonl", "--log", "log", "--create", "3"), 2, "has 2 partitions, not 3"),
        (("append", "in", "none", "--log", "log", "--partition", "0"), 4, "'none' does not exist"),
        (("append", "in", "a.jsonl", "--log", "a.jsonl"), 2, "is a file; name the directory of a log"),
        (("peek", "in", "--log", "new"), 4, "holds no log"),
        (("peek", "no", "--log", "log"), 2, "there is no topic 'no'; there are: 'in'"),
        (("peek", "in", "--log", "log", "--from", "1"), 3, "offset 1 of 'in'/0 lies beyond its end 0"),
        (("topics", "--log", "new"), 4, "holds no log"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_and_makes_nothing(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    case: tuple[tuple[str, ...], int, str],
) -> None:
    arguments, code, said = case
    monkeypatch.chdir(tmp_path)
    Path("a.jsonl").write_text('{"a":1}\n')
    with EmbeddedLog("log", create=True) as log:
        log.create_topic("in", 2)
    run = Said(capsys, *arguments)
    assert run.code == code
    assert said in run.err
    assert run.err.count("\n") == 1
    assert not Path("new").exists()
    with EmbeddedLog("log") as log:
        assert [info.end for info in log.topics()[0].partitions] == [0, 0]

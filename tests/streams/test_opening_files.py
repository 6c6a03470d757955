"""What a name stands for, and the one line said when it cannot be read."""

from __future__ import annotations

import gzip
import io
import os
import sys
import threading
from pathlib import Path

import pytest

from engine.errors import ConfigError, SidestreamError
from streams.files import open_source
from streams.ports import Record, SourceError
from streams.river_sets import RiverSet

CSV = b"a,b\n1,2\n3,4\n"
CSV_VALUES = [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
JSONL = b'{"a":1}\n{"a":2}\n'


class StandardInput:
    """Stands for `sys.stdin`, over bytes that are known."""

    def __init__(self, data: bytes) -> None:
        self.buffer = io.BufferedReader(io.BytesIO(data))  # type: ignore[arg-type]


def values(records: list[Record]) -> list[object]:
    return [record.values for record in records]


@pytest.mark.parametrize("data", [CSV, CSV.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + CSV, CSV[:-1]])
@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a", "a.csv.gz"])
def test_line_ends_a_byte_order_mark_and_gzip_change_no_value(tmp_path: Path, name: str, data: bytes) -> None:
    """Gzip is known by its first bytes: under a name without `.gz`, and a `.gz` that is none is read as it is."""
    for number, written in enumerate((data, gzip.compress(data))):
        path = tmp_path / str(number) / name
        path.parent.mkdir()
        path.write_bytes(written)
        assert values(list(open_source(str(path)))) == CSV_VALUES


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_sniffed_in_the_header(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text('"x,;|",b,c\n'.replace(",b,c", f"{delimiter}b{delimiter}c") + delimiter.join("123") + "\n")
    (record,) = open_source(str(path))
    assert record.values == {"x,;|": "1", "b": "2", "c": "3"}


def test_one_column_needs_no_delimiter_and_may_hold_quoted_emptiness(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'a\n1\n""\n')
    assert values(list(open_source(str(path)))) == [{"a": "1"}, {"a": ""}]


def test_a_quote_inside_an_unquoted_field_is_a_character(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'a,b\n5" pipe,"x"\n')
    assert values(list(open_source(str(path)))) == [{"a": '5" pipe', "b": "x"}]


@pytest.mark.parametrize(("data", "expected"), [(CSV, CSV_VALUES), (b"\n " + JSONL, [None, {"a": 1}, {"a": 2}])])
@pytest.mark.parametrize("zipped", [False, True])
def test_standard_input_is_sniffed(
    monkeypatch: pytest.MonkeyPatch, data: bytes, expected: list[object], *, zipped: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", StandardInput(gzip.compress(data) if zipped else data))
    source = open_source("-")
    assert source.name == "standard input"
    assert values(list(source)) == expected


def test_a_pipe_with_a_name_is_read_once_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(CSV,))
    writer.start()
    try:
        assert values(list(open_source(str(path)))) == CSV_VALUES
    finally:
        writer.join()


def test_nested_objects_get_dotted_names_and_arrays_stay(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id":1,"card":{"country":"NL","limits":{"day":5}},"tags":[1,"x"]}\n{"id":1,"none":{}}\n')
    record, emptied = open_source(str(path))
    assert emptied.values == {"id": 1}
    assert record.values == {"id": 1, "card.country": "NL", "card.limits.day": 5, "tags": [1, "x"]}


def test_a_whole_number_beyond_64_bits_keeps_every_digit(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id":98765432109876543210}\n{"id":1e30}\n')
    assert values(list(open_source(str(path)))) == [{"id": 98765432109876543210}, {"id": 1e30}]


def test_several_files_are_one_stream_whose_columns_may_be_in_another_order(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "2.csv").write_bytes(b"b;a\n4;3\n")
    records = list(open_source([str(tmp_path / "1.csv"), str(tmp_path / "2.csv")]))
    assert values(records) == CSV_VALUES
    assert [(record.origin[-5:], record.row) for record in records] == [("1.csv", 1), ("2.csv", 1)]


def test_a_truncated_gzip_delivers_what_is_whole_and_then_names_the_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    rows = b"".join(b"%d,%d\n" % (number, number * 7919 % 10007) for number in range(20_000))
    path.write_bytes(gzip.compress(b"a,b\n" + rows)[:-20_000])
    records: list[Record] = []
    with pytest.raises(SourceError, match=r"past row \d+ .*cut short") as error:
        records.extend(open_source(str(path)))
    assert len(records) > 5_000
    assert rows.startswith(b"".join(record.raw for record in records))
    assert f"past row {len(records)} " in str(error.value)


def test_a_quote_left_open_by_the_end_of_a_truncated_gzip_still_costs_one_record(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    rows = b"".join(b"%d,%d\n" % (number, number * 7919 % 10007) for number in range(500))
    path.write_bytes(gzip.compress(b'a,b\n1,"open\n' + rows)[:-300])
    records: list[Record] = []
    with pytest.raises(SourceError, match="cut short"):
        records.extend(open_source(str(path)))
    assert records[0].refusal is not None
    assert records[0].refusal.reason == "unbalanced_quote"
    assert all(record.values for record in records[1:])
    assert len(records) > 100


REFUSED: dict[str, tuple[bytes, type[SidestreamError], str]] = {
    "empty": (b"", SourceError, "is empty"),
    "empty gzip": (gzip.compress(b""), SourceError, "is empty"),
    "a byte order mark alone": (b"\xef\xbb\xbf", SourceError, "is empty"),
    "cut within the gzip header": (gzip.compress(CSV)[:6], SourceError, "cannot be read"),
    "not gzip after all": (b"\x1f\x8bnonsense and more of it", SourceError, "cannot be read"),
    "a blank header": (b"\na,b\n", ConfigError, "is blank"),
    "a name twice": (b"a,b,a\n", ConfigError, "more than one column named 'a'"),
    "a column without a name": (b",b\n", ConfigError, "column 1 of .* has no name"),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), ConfigError, "is UTF-16"),
    "a header that is not text": (b"a,\xff\n", ConfigError, "is not UTF-8"),
    "a header with an open quote": (b'a,"b\n1,2\n', ConfigError, "not closed"),
    "a header without an end": (b"a" * 2_000_000, ConfigError, "the header of .* has over"),
    "lines that end in CR": (b"a,b\r1,2\r", ConfigError, "end in CR alone"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_stream_is_said_at_once_in_one_line_that_names_the_file(tmp_path: Path, name: str) -> None:
    data, kind, said = REFUSED[name]
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(kind, match=said) as error:
        open_source(str(path))
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert error.value.exit_code == (4 if kind is SourceError else 2)


def test_a_missing_file_a_directory_and_an_odd_path_are_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist; check the path"):
        open_source(str(tmp_path / "none.csv"))
    with pytest.raises(SourceError, match="is a directory; name the files in it"):
        open_source(str(tmp_path))
    with pytest.raises(SourceError, match="cannot be read"):
        open_source("a\0b.csv")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_file_is_said_at_once(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(CSV)
    path.chmod(0)
    with pytest.raises(SourceError, match="may not be read; check its permissions"):
        open_source(str(path))


def test_files_that_disagree_are_refused_by_name_before_anything_is_read(tmp_path: Path) -> None:
    paths = []
    for name, data in {"1.csv": CSV, "2.csv": b"a,c\n1,2\n", "3.jsonl": JSONL}.items():
        (tmp_path / name).write_bytes(data)
        paths.append(str(tmp_path / name))
    with pytest.raises(ConfigError, match=r"2\.csv' lacks 'b' and adds 'c' compared with .*1\.csv'"):
        open_source(paths[:2])
    with pytest.raises(ConfigError, match=r"3\.jsonl' is of another format than .*1\.csv'"):
        open_source([paths[0], paths[2]])
    with pytest.raises(ConfigError, match="'-' cannot be joined"):
        open_source([paths[0], "-"])
    with pytest.raises(ConfigError, match="no source was named"):
        open_source([])
    with pytest.raises(ConfigError, match="format must be one of csv, jsonl, parquet, got 'xml'"):
        open_source(paths[0], file_format="xml")
    with pytest.raises(ConfigError, match="delimiter must be one ASCII character"):
        open_source(paths[0], delimiter="ab")


@pytest.mark.parametrize(
    ("name", "count", "target"),
    [
        ("river:Phishing", 1_250, True),
        ("river:phishing", 1_250, True),
        ("river:Bananas", 5_300, False),
        ("river:ImageSegments", 2_310, "path"),
        ("river:TrumpApproval", 1_001, 43.75505),
        ("river:WaterFlow", 1_268, 100.59),
        ("river:AirlinePassengers", 144, 112),
        ("river:ChickWeights", 578, 42),
        ("river:sp500stocks", 1_257, -0.216671),
    ],
)
def test_a_data_set_of_river_comes_whole_with_its_target_as_a_column(name: str, count: int, target: object) -> None:
    source = open_source(name)
    assert isinstance(source, RiverSet)
    records = list(source)
    assert len(records) == count
    first = records[0].values
    assert first is not None
    assert first[source.target] == target
    assert len({len(record.values or {}) for record in records[:100]}) == 1, "no feature is called target"
    assert all(type(value) in {bool, int, float, str} for value in first.values())


def test_a_data_set_that_is_not_in_the_wheel_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match=r"nothing is downloaded; these can be read: AirlinePassengers, .*WaterFlow"):
        open_source("river:CreditCard")
    with pytest.raises(ConfigError, match="did you mean river:Phishing"):
        open_source("river:Pishing")
    with pytest.raises(ConfigError, match="river:Yeast has several targets"):
        open_source("river:yeast")

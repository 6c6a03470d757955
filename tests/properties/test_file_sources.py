"""Whatever the bytes: each has its record, a bad one costs one, and the two readings of JSON agree."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from engine.errors import ConfigError, MessageError
from streams.codec_port import JSON, read_record
from streams.csv_file import DELIMITERS, QUOTED_LINE_COUNT_MAX, CsvFile
from streams.files import open_source
from streams.jsonl_file import read_exactly
from streams.ports import Record, SourceError

FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
TRICKY = st.text(st.sampled_from('",\r\n;a é'), max_size=8)
PLAIN = st.text(st.characters(codec="utf-8", exclude_characters='\0"\r\n,'), min_size=1, max_size=8)

PIECES = [b'"', b"\n", b"a,b\n", b'{"a":1}\n', b'{"a" :1,"a":2}\n', b"\xff", b"\0"]

Write = Callable[[bytes], str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(data: bytes, name: str = "a.csv") -> str:
        path = tmp_path / name
        path.write_bytes(data)
        return str(path)

    return write_file


def length(record: Record) -> int:
    return record.cut.length if record.cut else len(record.raw)


@FEW
@given(
    rows=st.lists(st.tuples(*[TEXT | TRICKY] * 3), max_size=8),
    delimiter=st.sampled_from(DELIMITERS),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_what_csv_writer_writes_reads_back_exactly_and_the_raws_are_the_file(
    write: Write, rows: list[tuple[str, ...]], delimiter: str, line_end: str, quoting: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerow("abc")
    header = out.getvalue().encode()
    # Before Python 3.13 csv.writer leaves "\r" unquoted where the line ends in "\n": that is no RFC 4180.
    assume(quoting == csv.QUOTE_ALL or line_end == "\r\n" or not any("\r" in field for row in rows for field in row))
    writer.writerows(rows)
    data = out.getvalue().encode()
    records = list(open_source(write(data)))
    assert [record.refusal for record in records] == [None] * len(rows)
    assert [tuple((record.values or {}).values()) for record in records] == rows
    assert header + b"".join(record.raw for record in records) == data


@FEW
@given(
    rows=st.lists(st.tuples(PLAIN, PLAIN, PLAIN), min_size=1, max_size=12),
    at=st.integers(0, 11),
    poison=st.binary(min_size=1, max_size=20),
)
@example(rows=[("a", "b", "c")] * 3, at=1, poison=b'x,"open,c')
def test_one_bad_line_among_lines_without_quotes_costs_at_most_that_record(
    write: Write, rows: list[tuple[str, ...]], at: int, poison: bytes
) -> None:
    assume(b"\n" not in poison)
    at %= len(rows)
    lines = [",".join(row).encode() for row in rows]
    lines[at] = poison
    records = list(open_source(write(b"a,b,c\n" + b"".join(line + b"\n" for line in lines)), delimiter=","))
    assert len(records) == len(rows)
    assert records[at].raw == poison + b"\n"
    for number, (record, row) in enumerate(zip(records, rows, strict=True)):
        if number != at:
            assert record.values == dict(zip("abc", row, strict=True))


@MANY
@given(
    data=st.binary(max_size=120)
    | st.text(st.sampled_from('"",,\n\r a{}[]:1'), max_size=80).map(str.encode)
    | st.lists(st.sampled_from([b'"', b"\n", b"a,b\n", b'{"a":1}\n', b'{"a" :1,"a":2}\n', b"\xff", b"\0"])).map(
        b"".join
    ),
    name=st.sampled_from(["a.csv", "a.jsonl", "a", "a.csv.gz"]),
    record_bytes_max=st.sampled_from([4, 16, 1 << 20]),
)
def test_any_bytes_give_records_that_account_for_every_byte_or_one_clear_error(
    tmp_path: Path, data: bytes, name: str, record_bytes_max: int
) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    said = ""
    try:
        source = open_source(str(path), record_bytes_max=record_bytes_max)
        records = list(source)
    except (SourceError, ConfigError) as error:
        said = str(error)
    if said:
        assert "\n" not in said
        assert str(path) in said
        return
    assert all((record.values is None) != (record.refusal is None) for record in records)
    assert [record.row for record in records] == list(range(1, len(records) + 1))
    body = data[len(data) - sum(map(length, records)) :]
    if isinstance(source, CsvFile):
        header = data[: len(data) - len(body)].removeprefix(b"\xef\xbb\xbf")
        assert header.strip()
    for record in records:
        assert body.startswith(record.raw)
        body = body[length(record) :]
    assert not body


@MANY
@given(st.text(st.sampled_from('",\n a'), max_size=40))
def test_quoted_records_are_those_of_the_strict_csv_reader(write: Write, body: str) -> None:
    """The oracle is `csv.reader(strict=True)`, as far as it goes: up to its first error."""
    expected: list[list[str]] = []
    with suppress(csv.Error):
        expected.extend(csv.reader(io.StringIO(body, newline=""), strict=True))
    records = list(open_source(write(b"x,y\n" + body.encode())))
    for record, row in zip(records, expected, strict=False):
        if len(row) == 2:
            assert record.values == dict(zip("xy", row, strict=True))
        else:
            assert record.refusal is not None
            assert record.refusal.reason in {"wrong_field_count", "empty_record"}
    assert len(records) >= len(expected)


COLONS = [":", " :", "\t:", "\r:", ": ", " \t\r:"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**25), 10**25)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8") | st.sampled_from('{}[]":\\ \t'), max_size=8)
)
OBJECTS = st.dictionaries(
    st.text(st.characters(codec="utf-8") | st.sampled_from('{":'), max_size=4), SCALARS | st.lists(SCALARS, max_size=2)
)


@MANY
@given(
    values=OBJECTS,
    separators=st.sampled_from([(",", ":"), (", ", ": "), (",", " :"), (",", "\t:"), (",\r", "\r: ")]),
    ascii_only=st.booleans(),
)
def test_the_fast_reading_of_json_gives_what_the_exact_one_gives(
    write: Write, values: dict[str, object], separators: tuple[str, str], ascii_only: bool
) -> None:
    line = json.dumps(values, separators=separators, ensure_ascii=ascii_only).encode() + b"\n"
    (record,) = open_source(write(line), file_format="jsonl")
    assert record.refusal is None
    assert record.values == read_exactly(line) == values
    assert [type(value) for value in record.values.values()] == [type(value) for value in values.values()]


@MANY
@given(
    pairs=st.lists(
        st.tuples(st.sampled_from(["a", "b", 'c":', "d.e"]), SCALARS, st.sampled_from(COLONS)),
        min_size=1,
        max_size=5,
    ),
)
def test_a_name_that_stands_twice_is_found_however_it_is_written(
    write: Write, pairs: list[tuple[str, object, str]]
) -> None:
    line = "{" + ",".join(json.dumps(name) + colon + json.dumps(value) for name, value, colon in pairs) + "}\n"
    (record,) = open_source(write(line.encode()), file_format="jsonl")
    names = [name for name, _, _ in pairs]
    if len(set(names)) < len(names):
        assert record.refusal is not None
        assert record.refusal.reason == "duplicate_key"
    else:
        assert record.values == {name: value for name, value, _ in pairs}


@MANY
@given(
    line=st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line)
    | st.text(st.sampled_from('{}[]",:1eE+-.nulNaI \\u0dt'), min_size=1, max_size=30).map(str.encode)
    | OBJECTS.map(lambda values: json.dumps(values, ensure_ascii=False).encode()),
    bytes_max=st.sampled_from([20, 1_000]),
)
@example(line=b"\xef\xbb\xbf{}", bytes_max=20)
def test_a_value_of_a_log_is_read_as_the_same_line_of_a_file(write: Write, line: bytes, bytes_max: int) -> None:
    """The last line of a file has no end either; a blank line first keeps a byte order mark from its start."""
    source = open_source(write(b"\n" + line), file_format="jsonl", record_bytes_max=bytes_max)
    _, record = source
    value = read_record(JSON, source.name, 2, line, bytes_max)
    assert [repr(each) for each in value] == [repr(each) for each in record]


@MANY
@given(
    pairs=st.lists(
        st.tuples(st.sampled_from(["a", "b"]), SCALARS, st.sampled_from([*COLONS, "\n:", "\n\n: "])),
        min_size=1,
        max_size=3,
    ),
)
@example(pairs=[("a", 1, "\n:"), ("a", 2, ":")])
def test_a_value_of_a_log_may_hold_line_feeds_and_hides_no_name_behind_them(
    pairs: list[tuple[str, object, str]],
) -> None:
    text = "{" + ",".join(json.dumps(name) + colon + json.dumps(value) for name, value, colon in pairs) + "}"
    record = read_record(JSON, "requests", 0, text.encode(), 10_000)
    names = [name for name, _, _ in pairs]
    if len(set(names)) < len(names):
        assert record.refusal is not None
        assert record.refusal.reason == "duplicate_key"
    else:
        assert record.values == {name: value for name, value, _ in pairs}


@MANY
@given(st.binary(max_size=30) | st.text(st.sampled_from('{}[]",:1eE+-.nulNaI \\u0dt'), max_size=20).map(str.encode))
def test_what_orjson_refuses_is_never_accepted(write: Write, line: bytes) -> None:
    assume(b"\n" not in line)
    assume(line)
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        with pytest.raises(MessageError):
            read_exactly(line)


@pytest.mark.parametrize("extra", [0, 1])
def test_a_quoted_field_may_take_up_a_thousand_lines_and_not_one_more(write: Write, extra: int) -> None:
    field = '"' + "\n" * (QUOTED_LINE_COUNT_MAX - 1 + extra) + '"'
    records = list(open_source(write(f"a,b\n1,{field}\n2,x\n".encode())))
    if extra:
        assert records[0].raw == b'1,"\n'
        assert records[0].refusal is not None
        assert records[0].refusal.reason == "unbalanced_quote"
    else:
        assert len(records) == 2
        assert records[0].values == {"a": "1", "b": field[1:-1]}
    assert records[-1].values == {"a": "2", "b": "x"}

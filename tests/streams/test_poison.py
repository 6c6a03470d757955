"""The poison corpus: each bad record is refused for its reason, and the next good one is read."""

from __future__ import annotations

import tracemalloc
from hashlib import sha256
from pathlib import Path

import pytest

from streams.files import open_source
from streams.ports import RAW_BYTES_MAX, Record

CSV_POISON = {
    "too few fields": (b"1,2\n", "wrong_field_count"),
    "too many fields": (b"1,2,3,4\n", "wrong_field_count"),
    "truncated": (b"1", "wrong_field_count"),
    "quoted, too few": (b'1,"2"\n', "wrong_field_count"),
    "bad UTF-8": (b"1,\xff\xfe,3\n", "bad_utf8"),
    "bad UTF-8 in quotes": (b'1,"\xff",3\n', "bad_utf8"),
    "latin-1": ("1,é,3\n".encode("latin-1"), "bad_utf8"),
    "a UTF-8 surrogate": (b"1,\xed\xa0\x80,3\n", "bad_utf8"),
    "NUL": (b"1,\0,3\n", "nul_byte"),
    "NUL in quotes": (b'1,"\0",3\n', "nul_byte"),
    "all NUL": (b"\0" * 100 + b"\n", "nul_byte"),
    "blank": (b"\n", "empty_record"),
    "blank, CRLF": (b"\r\n", "empty_record"),
    "spaces": (b"   \n", "empty_record"),
    "an open quote": (b'1,"2,3\n', "unbalanced_quote"),
    "text after a closing quote": (b'1,"2"x,3\n', "unbalanced_quote"),
    "a quote alone": (b'"\n', "unbalanced_quote"),
    "three quotes": (b'1,""",3\n', "unbalanced_quote"),
    "10 MB in one field": (b"1," + b"x" * 10_000_000 + b",3\n", "too_large"),
    "10 MB in quotes": (b'1,"' + b"x" * 10_000_000 + b'",3\n', "too_large"),
}

JSON_POISON = {
    "malformed": (b'{"a":1,}\n', "malformed_json"),
    "truncated": (b'{"a":1\n', "malformed_json"),
    "two objects": (b'{"a":1}{"a":2}\n', "malformed_json"),
    "a lone surrogate": (b'{"a":"\\ud800"}\n', "malformed_json"),
    "a lone surrogate as a name": (b'{"\\ud800":1}\n', "malformed_json"),
    "BOM inside": (b'\xef\xbb\xbf{"a":1}\n', "malformed_json"),
    "a tab in a string": (b'{"a":"\t"}\n', "malformed_json"),
    "blank": (b"\n", "empty_record"),
    "bad UTF-8": (b'{"a":"\xff"}\n', "bad_utf8"),
    "NUL": (b'{"a":"\0"}\n', "nul_byte"),
    "an array": (b"[1,2]\n", "not_an_object"),
    "a number": (b"7\n", "not_an_object"),
    "null": (b"null\n", "not_an_object"),
    "NaN": (b'{"a":NaN}\n', "non_finite"),
    "minus infinity": (b'{"a":-Infinity}\n', "non_finite"),
    "1e999": (b'{"a":1e999}\n', "non_finite"),
    "1e999 in an array": (b'{"a":[1e999]}\n', "non_finite"),
    "5,000 digits": (b'{"a":' + b"9" * 5_000 + b"}\n", "number_too_long"),
    "minus 5,000 digits": (b'{"a":-' + b"9" * 5_000 + b"}\n", "number_too_long"),
    "100,000-deep arrays": (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}\n", "too_deep"),
    "100,000-deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n", "too_deep"),
    "100,000-deep, never closed": (b'{"a":' * 100_000 + b"\n", "too_deep"),
    "nine levels": (b'{"a":' * 9 + b"1" + b"}" * 9 + b"\n", "too_deep"),
    "nine levels of arrays": (b'{"a":' + b"[" * 8 + b"1" + b"]" * 8 + b"}\n", "too_deep"),
    "duplicate key": (b'{"a":1,"a":2}\n', "duplicate_key"),
    "duplicate key, spaced": (b'{"a" :1,"b":1,"a" : 2}\n', "duplicate_key"),
    "duplicate key, spaced once": (b'{"a" :1,"a":2}\n', "duplicate_key"),
    "duplicate key, tabbed once": (b'{"a"\t:1,"a":2}\n', "duplicate_key"),
    "duplicate key, CR once": (b'{"a"\r:1,"a":2}\n', "duplicate_key"),
    "duplicate key, escaped": (b'{"a":1,"\\u0061":2}\n', "duplicate_key"),
    "duplicate key below": (b'{"a":{"b":1,"b":2}}\n', "duplicate_key"),
    "duplicate key by flattening": (b'{"a.b":1,"a":{"b":2}}\n', "duplicate_key"),
    "10 MB": (b'{"a":"' + b"x" * 10_000_000 + b'"}\n', "too_large"),
}

GOOD_CSV = b"7,8,9\n"
GOOD_JSON = b'{"a":7}\n'


def read(path: Path, data: bytes) -> list[Record]:
    path.write_bytes(data)
    return list(open_source(str(path)))


def check(record: Record, poison: bytes, reason: str) -> None:
    refusal = record.refusal
    assert refusal is not None
    assert (refusal.reason, refusal.stage) == (reason, "read")
    assert len(refusal.detail) < 300
    if record.cut is None:
        assert record.raw == poison
    else:
        assert record.raw == poison[:RAW_BYTES_MAX]
        assert record.cut == (len(poison), sha256(poison).hexdigest())


@pytest.mark.parametrize("name", CSV_POISON)
def test_a_bad_csv_record_costs_itself_alone(tmp_path: Path, name: str) -> None:
    poison, reason = CSV_POISON[name]
    poison = poison if poison.endswith(b"\n") else poison + b"\n"
    before, bad, after = read(tmp_path / "a.csv", b"a,b,c\n" + GOOD_CSV + poison + GOOD_CSV)
    check(bad, poison, reason)
    assert before.values == after.values == {"a": "7", "b": "8", "c": "9"}
    assert (before.row, bad.row, after.row) == (1, 2, 3)


@pytest.mark.parametrize("name", JSON_POISON)
def test_a_bad_json_record_costs_itself_alone(tmp_path: Path, name: str) -> None:
    poison, reason = JSON_POISON[name]
    before, bad, after = read(tmp_path / "a.jsonl", GOOD_JSON + poison + GOOD_JSON)
    check(bad, poison, reason)
    assert before.values == after.values == {"a": 7}


def test_an_open_quote_among_quoted_records_costs_its_own_line(tmp_path: Path) -> None:
    data = b'a,b,c\n1,"open,3\n' + b'4,"5, ""five""",6\n' * 3
    bad, *good = read(tmp_path / "a.csv", data)
    check(bad, b'1,"open,3\n', "unbalanced_quote")
    assert [record.values for record in good] == [{"a": "4", "b": '5, "five"', "c": "6"}] * 3


def test_an_open_quote_before_more_bytes_than_a_record_may_have_costs_its_own_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b'a,b\n1,"open\n' + b"2,x\n" * 50)
    bad, *good = open_source(str(path), record_bytes_max=64)
    check(bad, b'1,"open\n', "unbalanced_quote")
    assert [record.values for record in good] == [{"a": "2", "b": "x"}] * 50


def test_a_line_too_large_after_an_open_quote_is_refused_whole_and_on_its_own(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    large = b"2," + b"x" * 300_000 + b"\n"
    path.write_bytes(b'a,b\n1,"open\n' + large + b"3,y\n")
    bad, oversize, good = open_source(str(path), record_bytes_max=100_000)
    check(bad, b'1,"open\n', "unbalanced_quote")
    check(oversize, large, "too_large")
    assert good.values == {"a": "3", "b": "y"}


def test_a_line_too_large_is_never_held_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1," + b"x" * 20_000_000 + b"\n2,y\n")
    tracemalloc.start()
    try:
        oversize, good = open_source(str(path))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert oversize.cut is not None
    assert oversize.cut.length == 20_000_003
    assert good.values == {"a": "2", "b": "y"}
    assert peak_bytes < 4_000_000

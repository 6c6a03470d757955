"""Parquet rows read as JSON lines would, and a file that cannot be read is said in one line."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.errors import ConfigError
from streams.files import open_source
from streams.ports import SourceError

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


def write(path: Path, columns: dict[str, object]) -> str:
    parquet.write_table(pyarrow.table(columns), path)
    return str(path)


def test_rows_come_as_python_values_with_dates_as_text_and_structures_flat(tmp_path: Path) -> None:
    at = datetime(2024, 1, 31, 10, tzinfo=UTC)
    columns = {"n": [1, None], "x": [0.5, 2.0], "t": [at, at], "s": [{"u": "v"}, {"u": None}], "l": [[1], []]}
    path = write(tmp_path / "a.parquet", columns)
    first, second = open_source(path)
    assert first.values == {"n": 1, "x": 0.5, "t": "2024-01-31T10:00:00+00:00", "s.u": "v", "l": [1]}
    assert first.raw == b'{"n":1,"x":0.5,"t":"2024-01-31T10:00:00+00:00","s":{"u":"v"},"l":[1]}'
    assert second.values is not None
    assert second.values["n"] is None
    assert (first.row, second.row, first.origin) == (1, 2, path)


def test_parquet_is_known_by_its_name_or_its_first_bytes(tmp_path: Path) -> None:
    for name in ("a.parquet", "b.PQ", "c"):
        (record,) = open_source(write(tmp_path / name, {"a": [7]}))
        assert record.values == {"a": 7}


def test_many_rows_come_in_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"a": list(range(5_000))})
    assert [(record.values or {})["a"] for record in open_source(path)] == list(range(5_000))


def test_a_row_that_is_too_large_is_refused_and_the_next_is_read(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", {"a": ["x" * 200_000, "y"]})
    large, good = open_source(path, record_bytes_max=100_000)
    assert large.refusal is not None
    assert large.refusal.reason == "too_large"
    assert large.cut is not None
    assert large.cut.length == len('{"a":""}') + 200_000
    assert good.values == {"a": "y"}


def test_bytes_cells_have_a_raw_form(tmp_path: Path) -> None:
    (record,) = open_source(write(tmp_path / "a.parquet", {"a": [b"\xff"]}))
    assert record.raw == b'{"a":"ff"}'
    assert record.values == {"a": b"\xff"}


def test_files_in_turn_must_have_the_same_columns(tmp_path: Path) -> None:
    first, second = write(tmp_path / "1.parquet", {"a": [1]}), write(tmp_path / "2.parquet", {"b": [1]})
    with pytest.raises(ConfigError, match=r"2\.parquet' lacks 'a' and adds 'b'"):
        open_source([first, second])


def test_what_is_not_parquet_is_said_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 not really")
    with pytest.raises(SourceError, match="cannot be read as Parquet") as error:
        open_source(str(path))
    assert "\n" not in str(error.value)
    with pytest.raises(SourceError, match="does not exist"):
        open_source(str(tmp_path / "none.parquet"))
    with pytest.raises(ConfigError, match="cannot be read from standard input"):
        open_source("-", file_format="parquet")


def test_without_pyarrow_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.parquet", {"a": [1]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigError, match=r"pip install 'sidestream\[parquet\]'"):
        open_source(path)

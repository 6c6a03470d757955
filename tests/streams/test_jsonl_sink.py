"""The output directory: ours or empty, and the same bytes each time."""

from __future__ import annotations

import json
import resource
from pathlib import Path

import pytest

from engine.errors import ConfigError
from streams.jsonl_sink import SUMMARY, JsonlSink, Output
from streams.ports import SourceError


def write(directory: Path, count: int) -> dict[str, bytes]:
    with JsonlSink(str(directory)) as sink:
        for number in range(count):
            sink.write(Output.PREDICTIONS, [b'{"index":%d}\n' % number])
        sink.write(Output.LABELS, [b"1\n", b"2\n"])
        sink.write_summary({"b": 1, "a": "é"})
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_a_directory_that_is_missing_is_made_and_holds_every_file(tmp_path: Path) -> None:
    files = write(tmp_path / "new" / "out", 2)
    assert set(files) == {SUMMARY, *Output}
    assert files["predictions.jsonl"] == b'{"index":0}\n{"index":1}\n'
    assert files["labels.jsonl"] == b"1\n2\n"
    assert files["shadow.jsonl"] == b""
    assert json.loads(files[SUMMARY]) == {"b": 1, "a": "é"}


def test_a_second_run_replaces_the_first_and_gives_the_same_bytes(tmp_path: Path) -> None:
    first = write(tmp_path, 3)
    assert write(tmp_path, 1) != first
    assert write(tmp_path, 3) == first


def test_a_run_that_stops_half_way_leaves_no_summary_of_an_earlier_one(tmp_path: Path) -> None:
    write(tmp_path, 3)
    with JsonlSink(str(tmp_path)) as sink:
        sink.write(Output.PREDICTIONS, [b"x\n"])
    assert not (tmp_path / SUMMARY).exists()


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "predictions.jsonl/"])
def test_a_directory_that_holds_other_things_is_refused_and_left_as_it_is(tmp_path: Path, name: str) -> None:
    write(tmp_path, 1)
    if name.endswith("/"):
        (tmp_path / name).unlink()
        (tmp_path / name).mkdir()
    else:
        (tmp_path / name).write_text("mine")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(ConfigError, match="which no run of sidestream wrote"):
        JsonlSink(str(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_link_out_of_the_directory_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "precious"
    outside.write_text("keep")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "predictions.jsonl").symlink_to(outside)
    with pytest.raises(ConfigError, match=r"predictions\.jsonl"):
        JsonlSink(str(tmp_path / "out"))
    assert outside.read_text() == "keep"


def test_what_cannot_be_written_is_said_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is not a directory"):
        JsonlSink(str(tmp_path / "file"))
    with pytest.raises(SourceError, match="cannot be written") as error:
        JsonlSink(str(tmp_path / "file" / "below"))
    assert str(tmp_path / "file" / "below") in str(error.value)
    assert error.value.exit_code == 4


def test_a_write_that_fails_is_an_error_that_names_the_directory(tmp_path: Path) -> None:
    """A limit on file sizes stands for a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    sink = JsonlSink(str(tmp_path))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        with pytest.raises(SourceError, match="cannot be written"):
            sink.write(Output.SHADOW, [b"x" * 99 + b"\n"] * 10_000)
        with pytest.raises(SourceError, match="cannot be written"):
            sink.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

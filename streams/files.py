"""Which source a name stands for: the front door of everything that can be read as records.

`river:NAME` is a data set, `-` is standard input, anything else is a file. Several are read one after another, as one
stream. This file opens; what the bytes mean is said in `csv_file`, `jsonl_file`, `parquet_file` and `river_sets`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import PurePath
from typing import TypeAlias

from engine.errors import ConfigError
from streams.byte_lines import RECORD_BYTES_MAX, STANDARD_INPUT, Lines
from streams.csv_file import CsvFile
from streams.jsonl_file import JsonlFile
from streams.parquet_file import ParquetFile
from streams.ports import Record, Source
from streams.river_sets import PREFIX, RiverSet


class FileFormat(StrEnum):
    """How the records of a file are written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


_File: TypeAlias = CsvFile | JsonlFile | ParquetFile

_BY_SUFFIX = {
    ".csv": FileFormat.CSV,
    ".tsv": FileFormat.CSV,
    ".jsonl": FileFormat.JSONL,
    ".ndjson": FileFormat.JSONL,
    ".parquet": FileFormat.PARQUET,
    ".pq": FileFormat.PARQUET,
}


def open_source(
    names: str | Sequence[str],
    *,
    file_format: FileFormat | str | None = None,
    delimiter: str | None = None,
    record_bytes_max: int = RECORD_BYTES_MAX,
) -> Source:
    """Open what the names stand for, as one source.

    Parameters
    ----------
    names
        A path, `"-"` or `"river:NAME"`; or several paths, read in the order given.
    file_format
        `"csv"`, `"jsonl"` or `"parquet"`; None goes by the name (`.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.parquet`,
        `.pq`, each but the last two also with `.gz`), else by the first byte: `{` is JSON lines.
    delimiter
        Of CSV files; None sniffs it in the header.
    record_bytes_max
        The longest record, in bytes; a longer one is refused, and never held in memory.

    Raises
    ------
    ConfigError
        When the files do not agree with each other, or a header, a format or a data set is not usable.
    SourceError
        When one is missing, a directory, empty or unreadable.
    """
    paths = [names] if isinstance(names, str) else list(names)
    told = _told_format(file_format)
    if not paths:
        msg = "no source was named; name a file, - for standard input, or river:Phishing"
        raise ConfigError(msg)
    if len(paths) > 1:
        if apart := [path for path in paths if path == STANDARD_INPUT or path.startswith(PREFIX)]:
            msg = f"{apart[0]!r} cannot be joined to other sources; name it alone"
            raise ConfigError(msg)
    elif paths[0].startswith(PREFIX):
        return RiverSet(paths[0])
    files = [_open_file(path, told, delimiter, record_bytes_max) for path in paths]
    return files[0] if len(files) == 1 else FilesInTurn(files)


class FilesInTurn:
    """Several files as one stream, in the order given. Rows are counted in each file anew.

    Raises
    ------
    ConfigError
        When a later file is of another format, or its columns have other names than those of the first.
    """

    def __init__(self, files: Sequence[_File]) -> None:
        first = files[0]
        self.name = f"{first.name} and {len(files) - 1} more"
        self._files = files
        self._turn = 0
        for file in files[1:]:
            if type(file) is not type(first):
                msg = f"{file.name!r} is of another format than {first.name!r}; files read as one stream must agree"
                raise ConfigError(msg)
            if not isinstance(file, JsonlFile) and not isinstance(first, JsonlFile):
                _check_columns(file, first)

    def __iter__(self) -> Iterator[Record]:
        """Yield the records of each file in turn."""
        for turn, file in enumerate(self._files):
            self._turn = turn
            yield from file

    def fraction(self) -> float | None:
        """Return how much has been read, every file counting the same."""
        here = self._files[self._turn].fraction()
        return None if here is None else (self._turn + here) / len(self._files)


def _told_format(told: FileFormat | str | None) -> FileFormat | None:
    try:
        return None if told is None else FileFormat(told)
    except ValueError:
        msg = f"format must be one of {', '.join(FileFormat)}, got {told!r}"
        raise ConfigError(msg) from None


def _open_file(path: str, told: FileFormat | None, delimiter: str | None, record_bytes_max: int) -> _File:
    parts = PurePath(path)
    suffix = PurePath(parts.stem).suffix if parts.suffix.lower() == ".gz" else parts.suffix
    file_format = told or _BY_SUFFIX.get(suffix.lower())
    if file_format is FileFormat.PARQUET:
        if path == STANDARD_INPUT:
            msg = "Parquet cannot be read from standard input; write it to a file and name that"
            raise ConfigError(msg)
        return ParquetFile(path, record_bytes_max=record_bytes_max)
    lines = Lines(path, record_bytes_max)
    try:
        head = lines.peek().lstrip()[:4]
        if file_format is None and head == b"PAR1":
            lines.close()
            return ParquetFile(path, record_bytes_max=record_bytes_max)
        if file_format is FileFormat.JSONL or (file_format is None and head[:1] == b"{"):
            return JsonlFile(lines)
        return CsvFile(lines, delimiter=delimiter)
    except BaseException:
        lines.close()
        raise


def _check_columns(file: CsvFile | ParquetFile, first: CsvFile | ParquetFile) -> None:
    """Refuse a file whose columns are not those of the first; their order is free."""
    lacks = sorted(set(first.columns) - set(file.columns))
    adds = sorted(set(file.columns) - set(first.columns))
    if lacks or adds:
        said = [f"lacks {', '.join(map(repr, lacks))}"] * bool(lacks) + [f"adds {', '.join(map(repr, adds))}"] * bool(
            adds
        )
        msg = f"{file.name!r} {' and '.join(said)} compared with {first.name!r}; files read as one stream must agree"
        raise ConfigError(msg)

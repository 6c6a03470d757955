"""Parquet: rows by column name, as Python values. pyarrow comes in through this door only, when a file asks for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from engine.errors import ConfigError, MessageError
from streams.byte_lines import RECORD_BYTES_MAX, refused_oversize
from streams.nesting import flatten
from streams.ports import Cut, Record, SourceError

_BATCH_ROWS = 1_024


class ParquetFile:
    """The rows of one Parquet file. `raw` is the row as JSON; nested structures get dotted names.

    Parameters
    ----------
    path
        The file. Its schema is read at once.
    record_bytes_max
        The longest row, in bytes of JSON; a longer one is refused.

    Raises
    ------
    ConfigError
        When pyarrow is not installed, or two columns have one name.
    SourceError
        When the file is missing, empty, or not Parquet.

    Notes
    -----
    Dates and times become ISO 8601 text and an empty cell becomes None, so that a row reads as JSON lines would.
    """

    def __init__(self, path: str, *, record_bytes_max: int = RECORD_BYTES_MAX) -> None:
        self.name = path
        self._record_bytes_max = record_bytes_max
        if not Path(path).exists():
            msg = f"{path!r} does not exist; check the path"
            raise SourceError(msg)
        if Path(path).is_dir():
            msg = f"{path!r} is a directory; name the files in it, such as {path}/*.parquet"
            raise SourceError(msg)
        with self._open() as file:
            names = file.schema_arrow.names
            self._row_count = file.metadata.num_rows
        self._read_count = 0
        if twice := sorted(name for name, count in Counter(names).items() if count > 1):
            msg = f"{path!r} has more than one column named {twice[0]!r}; give each column a name of its own"
            raise ConfigError(msg)
        self.columns: tuple[str, ...] = tuple(names)

    def fraction(self) -> float | None:
        """Return how much of the rows has been read."""
        return self._read_count / self._row_count if self._row_count else 1.0

    def __iter__(self) -> Iterator[Record]:
        """Yield the rows. Raises `SourceError` where the file is damaged."""
        row = 0
        with self._open() as file:
            batches = file.iter_batches(batch_size=_BATCH_ROWS)
            while True:
                try:
                    batch = next(batches, None)
                    rows = [] if batch is None else batch.to_pylist()
                except (OSError, ValueError) as error:
                    msg = f"{self.name!r} could not be read past row {row} ({error}); fetch it again"
                    raise SourceError(msg) from error
                if batch is None:
                    return
                for values in rows:
                    row += 1
                    self._read_count = row
                    yield self._record(row, values)

    def _record(self, row: int, values: dict[str, Any]) -> Record:
        raw = orjson.dumps(values, default=_plain_text)
        if len(raw) > self._record_bytes_max:
            return refused_oversize(self.name, row, raw, Cut(len(raw), sha256(raw).hexdigest()), self._record_bytes_max)
        try:
            flat = {name: _as_text(value) for name, value in flatten(values).items()}
        except MessageError as refusal:
            return Record(self.name, row, raw, None, refusal)
        return Record(self.name, row, raw, flat, None)

    def _open(self) -> Any:
        try:
            from pyarrow import parquet
        except ImportError as error:
            msg = f"{self.name!r} is a Parquet file, which needs pyarrow: pip install 'sidestream[parquet]'"
            raise ConfigError(msg) from error
        try:
            return parquet.ParquetFile(self.name)
        except (OSError, ValueError) as error:
            msg = f"{self.name!r} cannot be read as Parquet ({error}); check that the file is whole"
            raise SourceError(msg) from error


def _as_text(value: object) -> object:
    """Return a value that JSON has no form for as its text."""
    return value.isoformat() if isinstance(value, date | datetime | time) else value


def _plain_text(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)

"""Where a replay writes: a directory of JSON lines, one file for each kind of outcome, and a summary.

Nothing in the files depends on when they were written: the same input gives the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from io import BufferedWriter, FileIO
from os import fsync
from pathlib import Path
from types import TracebackType

from engine.errors import ConfigError, SnapshotError
from streams.ports import SourceError

SUMMARY = "summary.json"
_BUFFER_BYTES = 1 << 18


class Output(StrEnum):
    """The files of lines."""

    PREDICTIONS = "predictions.jsonl"
    SHADOW = "shadow.jsonl"
    LABELS = "labels.jsonl"
    ENDS = "ends.jsonl"
    EVENTS = "events.jsonl"
    DEAD_LETTERS = "dead_letters.jsonl"


class JsonlSink:
    """An output directory, open for writing; a context manager.

    The directory is made where it is missing. One that is empty, or holds nothing but files of these names, is written
    anew: outputs are a function of the input, so a second run may replace the first. A directory that holds anything
    else is somebody's, and is refused before a byte is written.

    Parameters
    ----------
    directory
        Where the files go.
    lengths
        What is kept of each file, in bytes, by name: a run that is taken up again cuts its files to these lengths and
        goes on behind them. None starts anew.

    Raises
    ------
    ConfigError
        When the directory holds other things, or is none.
    SnapshotError
        When a file is shorter than what is to be kept of it.
    SourceError
        When it cannot be written: here, and whenever a write fails.
    """

    def __init__(self, directory: str, lengths: Mapping[str, int] | None = None) -> None:
        self._path = Path(directory)
        self._files: dict[Output, BufferedWriter] = {}
        try:
            if self._path.exists() and not self._path.is_dir():
                msg = f"{directory!r} is not a directory; name one that is new, or empty"
                raise ConfigError(msg)
            self._path.mkdir(parents=True, exist_ok=True)
            self._refuse_other_things()
            (self._path / SUMMARY).unlink(missing_ok=True)
            for output in Output:
                self._files[output] = self._open(output, (lengths or {}).get(output.value, 0))
        except OSError as error:
            self.close()
            raise self._unwritable(error) from error
        except SnapshotError:
            self.close()
            raise

    def __enter__(self) -> JsonlSink:
        """Return the sink."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the files, whatever happened."""
        self.close()

    def write(self, output: Output, lines: Iterable[bytes]) -> None:
        """Append lines, each with its line end, to one file."""
        try:
            self._files[output].writelines(lines)
        except OSError as error:
            raise self._unwritable(error) from error

    def lengths(self) -> dict[str, int]:
        """Bring everything written so far to the disk, and return the length of each file in bytes, by name."""
        try:
            for file in self._files.values():
                file.flush()
                fsync(file.fileno())
            return {output.value: file.tell() for output, file in self._files.items()}
        except OSError as error:
            raise self._unwritable(error) from error

    def write_summary(self, summary: Mapping[str, object]) -> None:
        """Write the summary, once, after everything else: where it stands, the run came to its end."""
        text = json.dumps(summary, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        try:
            for file in self._files.values():
                file.flush()
            (self._path / SUMMARY).write_text(text, encoding="utf-8")
        except OSError as error:
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Write what is buffered and let go of the files."""
        failure: OSError | None = None
        for file in self._files.values():
            try:
                file.close()
            except OSError as error:
                failure = failure or error
        if failure is not None:
            raise self._unwritable(failure) from failure

    def _open(self, output: Output, length: int) -> BufferedWriter:
        """Open one file, cut to its length."""
        path = self._path / output
        if not length:
            return BufferedWriter(FileIO(path, "wb"), _BUFFER_BYTES)
        found = path.stat().st_size if path.exists() else 0
        if found < length:
            msg = f"{str(path)!r} has {found} bytes, the checkpoint kept {length}; put it back, or name a new --state"
            raise SnapshotError(msg)
        file: BufferedWriter = BufferedWriter(FileIO(path, "r+"), _BUFFER_BYTES)
        file.truncate(length)
        file.seek(length)
        return file

    def _refuse_other_things(self) -> None:
        ours = {SUMMARY, *Output}
        for entry in sorted(self._path.iterdir()):
            if entry.name not in ours or entry.is_symlink() or not entry.is_file():
                msg = f"{str(self._path)!r} holds {entry.name!r}, which no run of sidestream wrote; name an empty one"
                raise ConfigError(msg)

    def _unwritable(self, error: OSError) -> SourceError:
        return SourceError(f"{str(self._path)!r} cannot be written ({error.strerror or error}); free or change it")

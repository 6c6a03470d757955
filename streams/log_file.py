"""The SQLite file under the embedded log: making it, opening it, transactions, and what SQLite's errors mean.

This file knows tables but no records. Every process opens the file for itself; SQLite's write-ahead log lets one write
while others read. Writers
take turns, see `write_turn`.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from fcntl import LOCK_EX, flock
from pathlib import Path
from typing import Any

from engine.errors import ConfigError, SidestreamError
from streams.log_port import LogError
from streams.partition_row import JOURNAL, add_partition
from streams.ports import SourceError
from streams.write_turn import BUSY_S, WriteTurn

LOG_FILE = "log.db"
FORMAT = 1
FORMAT_WITH_HEADERS = 2
"""Raised with every change that an older sidestream cannot read: a log has the second one from its first header on."""

WAL_BYTES_MAX = 1 << 26
"""What the write-ahead log is cut back to once its contents are in the file, in bytes."""

_APPLICATION_ID = 0x53_44_53_4C
_SCHEMA = """
CREATE TABLE format (version INTEGER NOT NULL);
CREATE TABLE lease (term INTEGER NOT NULL);
CREATE TABLE partition (
    partition_id INTEGER PRIMARY KEY,
    topic TEXT NOT NULL,
    number INTEGER NOT NULL,
    begin_offset INTEGER NOT NULL,
    end_offset INTEGER NOT NULL,
    data_bytes INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    UNIQUE (topic, number)
);
CREATE TABLE batch (
    partition_id INTEGER NOT NULL,
    first_offset INTEGER NOT NULL,
    record_count INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    data BLOB NOT NULL,
    UNIQUE (partition_id, first_offset)
);
"""


class Durability(StrEnum):
    """What an acknowledged transaction of this process survives.

    `POWER` (SQLite's `synchronous=FULL`) waits until the disk says that it has the transaction: acknowledged is kept
    through a power cut, as far as the disk tells the truth. `PROCESS` (`synchronous=NORMAL`) waits for the operating
    system alone: nothing is lost when processes die, in whatever way, but a power cut or a crash of the operating
    system may take the *last* transactions of everybody, newest first and each one whole. Neither can damage the file.
    """

    POWER = "power"
    PROCESS = "process"


_SYNCHRONOUS = {Durability.POWER: "FULL", Durability.PROCESS: "NORMAL"}


class LogFile:
    """One open connection to a log's file.

    Parameters
    ----------
    directory
        Where the file is. It must be on a disk of this machine: over a network SQLite's write-ahead log does not work.
    durability
        Of the transactions of this connection; see `Durability`.
    create
        Whether a directory and a file that are missing are made; otherwise they are refused.

    Raises
    ------
    ConfigError
        When the directory is a file.
    SourceError
        When it is missing, or may not be read and written.
    LogError
        When the file is no log of sidestream, is damaged, or has another format.
    """

    def __init__(self, directory: str, *, durability: Durability, create: bool) -> None:
        self.directory = Path(directory)
        self.name = directory
        path = self.directory / LOG_FILE
        self._db: sqlite3.Connection | None = None
        self._turn: WriteTurn | None = None
        try:
            if self.directory.exists() and not self.directory.is_dir():
                msg = f"{directory!r} is a file; name the directory of a log"
                raise ConfigError(msg)
            if not path.exists():
                if not create:
                    msg = f"{directory!r} holds no log; check the path (`append --create` makes one)"
                    raise SourceError(msg)
                _make(self.directory, path)
            self._turn = WriteTurn(self.directory)
            self._db = _connect(path, "rw")
            self._check_format()
            self._db.execute(f"PRAGMA synchronous={_SYNCHRONOUS[durability]}")
            self._db.execute(f"PRAGMA journal_size_limit={WAL_BYTES_MAX}")
        except (OSError, ValueError, sqlite3.Error) as error:
            self.close()
            raise self._refusal(error) from error
        except SidestreamError:
            self.close()
            raise

    @property
    def db(self) -> sqlite3.Connection:
        """The connection. Raises `SourceError` after `close`."""
        if self._db is None:
            raise self._closed()
        return self._db

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """See one state of the log throughout, whatever others append meanwhile."""
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Write all or nothing; others wait, at most `BUSY_S` seconds."""
        if self._db is None or self._turn is None:
            raise self._closed()
        try:
            with self._turn, self._transaction("BEGIN IMMEDIATE") as db:
                yield db
        except TimeoutError as error:
            raise self._busy() from error
        except OSError as error:
            raise self._refusal(error) from error

    def close(self) -> None:
        """Let go of the file. Again does nothing."""
        if self._db is not None:
            self._db.close()
            self._db = None
        if self._turn is not None:
            self._turn.close()
            self._turn = None

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        db = self.db
        try:
            db.execute(begin)
            yield db
            db.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                db.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.ProgrammingError):
                raise self._refusal(error) from error
            raise

    def _check_format(self) -> None:
        """Refuse a file of somebody else, or of another version."""
        if self.db.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
            msg = f"{str(self.directory / LOG_FILE)!r} is not a log of sidestream; name another directory"
            raise LogError(msg)
        version = self.db.execute("SELECT version FROM format").fetchone()
        if version not in {(FORMAT,), (FORMAT_WITH_HEADERS,)}:
            got = version[0] if version else None
            msg = (
                f"the log in {self.name!r} has format {got!r}, this sidestream reads {FORMAT_WITH_HEADERS}; "
                "use the version that wrote it, or a new directory"
            )
            raise LogError(msg)

    def _closed(self) -> SourceError:
        return SourceError(f"the log in {self.name!r} was closed; open it again")

    def _busy(self) -> SourceError:
        said = f"the log in {self.name!r} was kept busy by other processes for {BUSY_S:g} s; let fewer write at once"
        return SourceError(said)

    def _refusal(self, error: Exception) -> SidestreamError:
        """Put what the system or SQLite said into one line with the remedy."""
        if not isinstance(error, sqlite3.Error):
            said = getattr(error, "strerror", None) or error
            return SourceError(f"the log in {self.name!r} cannot be made or opened ({said}); check its path")
        slug = getattr(error, "sqlite_errorname", "")
        if slug == "SQLITE_FULL":
            return SourceError(
                f"the disk has no room for the log in {self.name!r}; free some, nothing was half written"
            )
        if slug.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return self._busy()
        if slug.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH")):
            return SourceError(f"the log in {self.name!r} may not be written ({error}); check the permissions")
        if slug.startswith(("SQLITE_IOERR", "SQLITE_NOMEM", "SQLITE_PROTOCOL", "SQLITE_INTERRUPT")):
            return SourceError(f"the log in {self.name!r} cannot be read or written ({error}); check its disk")
        return LogError(f"the log in {self.name!r} is damaged, or none of sidestream's ({error}); restore a copy")


def admit_headers(db: sqlite3.Connection) -> None:
    """Have sidestreams that do not know headers refuse this log from here on."""
    db.execute("UPDATE format SET version = ? WHERE version < ?", (FORMAT_WITH_HEADERS, FORMAT_WITH_HEADERS))


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    """Open a file that is there (`rw`) or is to be made (`rwc`), every transaction said out loud."""
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None)


def _make(directory: Path, path: Path) -> None:
    """Make a log's file whole under another name, then give it its own: nobody ever opens half of one.

    The directory itself is locked meanwhile, so that processes that start together make one file.
    """
    directory.mkdir(parents=True, exist_ok=True)
    handle = os.open(directory, os.O_RDONLY)
    try:
        flock(handle, LOCK_EX)
        if path.exists():
            return
        draft = path.with_suffix(".new")
        for left_over in (draft, draft.with_name(draft.name + "-wal"), draft.with_name(draft.name + "-shm")):
            left_over.unlink(missing_ok=True)
        db = _connect(draft, "rwc")
        try:
            _fill(db, directory)
        finally:
            db.close()
        draft.rename(path)
        os.fsync(handle)
        _sync_parent(directory)
    finally:
        os.close(handle)


def _fill(db: sqlite3.Connection, directory: Path) -> None:
    """Write the empty tables."""
    mode: Any = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    if mode != "wal":
        msg = f"the disk of {str(directory)!r} cannot hold a write-ahead log; use a disk of this machine"
        raise SourceError(msg)
    db.execute("PRAGMA synchronous=FULL")
    db.execute(f"PRAGMA application_id={_APPLICATION_ID}")
    db.executescript(_SCHEMA)
    db.execute("INSERT INTO format VALUES (?)", (FORMAT,))
    db.execute("INSERT INTO lease VALUES (0)")
    add_partition(db, JOURNAL, 0)


def _sync_parent(directory: Path) -> None:
    """Have the disk keep the directory's own name."""
    parent = os.open(directory.absolute().parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)

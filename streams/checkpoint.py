"""Checkpoints: a state and its position, durable on disk, verified before a byte of it is decoded.

    checkpoint-<position, 20 digits>-<sequence, 10 digits>/
        manifest.json  manifest.seal
        engine.part  rows.part  scorer.part  learner.part  contender-0.part ...  caller.part

One is written under the name `partial-...`, file by file, each synced, then the directory; the rename to its own name
is the moment at which it exists; the directory above is synced, and only then older ones go, by a rename to
`removed-...` first. So a directory of the name `checkpoint-...` is whole, whenever the machine stopped.

Here are the values, and the names on disk. `streams.checkpoint_writer` writes (one process, which holds the lock on the
directory), `streams.checkpoint_reader` reads (any number).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from engine.errors import SnapshotError
from streams.checkpoint_manifest import Manifest
from streams.disk import Disk, Entry
from streams.ports import SourceError

MANIFEST = "manifest.json"
SEAL = "manifest.seal"
PARTIAL = "partial-"
REMOVED = "removed-"

_NAME = re.compile(rf"({PARTIAL}|{REMOVED})?checkpoint-(\d{{20}})-(\d{{10}})", re.ASCII)


class DamagedCheckpointError(SnapshotError):
    """One checkpoint is not what was written; another one may be."""


class Content(NamedTuple):
    """What a checkpoint keeps: the position, `Engine.snapshot()`, and whatever the caller adds, all plain data."""

    position: int
    engine: dict[str, Any]
    caller: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Stamp:
    """A checkpoint as its descendants name it. `length` is the bytes of its parts."""

    name: str
    sequence: int
    manifest_sha256: str
    length: int


class Skipped(NamedTuple):
    """A checkpoint that was passed over, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint that was verified and decoded.

    `differences` are sentences about versions that differ (a bit of what is computed from here on may), `migrated` the
    names of the steps that were taken, `skipped` the newer checkpoints that were passed over.
    """

    content: Content
    stamp: Stamp
    differences: tuple[str, ...]
    migrated: tuple[str, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A checkpoint as a survey found it: its manifest, or why it is refused."""

    name: str
    manifest: Manifest | None
    refusal: str | None


class Named(NamedTuple):
    """What goes by the name of a checkpoint, whole or not: nothing of it was read yet. They sort by age."""

    sequence: int
    position: int
    entry: Entry
    whole: bool


def list_named(disk: Disk, directory: Path) -> list[Named]:
    """Return everything in a directory that is, was or was to be a checkpoint, the newest first."""
    try:
        entries = disk.entries(directory)
    except FileNotFoundError:
        return []
    found = []
    for entry in entries:
        if match := _NAME.fullmatch(entry.name):
            unfit, position, sequence = match.groups()
            found.append(Named(int(sequence), int(position), entry, unfit is None))
    return sorted(found, reverse=True)


def file_name(part: str) -> str:
    """Return the name of a part's file."""
    return f"{part}.part"


@contextmanager
def outside(directory: Path, verb: str) -> Iterator[None]:
    """Tell what the disk refuses as what it is: `SourceError`, the outside world's."""
    try:
        yield
    except OSError as error:
        msg = f"checkpoints in {str(directory)!r} cannot be {verb} ({error.strerror or error})"
        raise SourceError(f"{msg}; free or mend the disk, and start again") from error

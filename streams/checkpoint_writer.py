"""Writes checkpoints: a new one is whole and durable before it has a name, and before an older one goes.

For the one process that holds the lock on the directory. What a crash left behind is removed at the next start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from engine.errors import ConfigError, SnapshotError
from engine.snapshot import encode
from streams.checkpoint import MANIFEST, PARTIAL, REMOVED, SEAL, Content, Named, Stamp, file_name, list_named, outside
from streams.checkpoint_manifest import Manifest, Part
from streams.checkpoint_parts import split
from streams.checkpoint_reader import CheckpointReader
from streams.checkpoint_seal import make_seal
from streams.disk import Entry, Kind

KEEP_COUNT = 3


@dataclass(frozen=True, slots=True)
class CheckpointWriter:
    """A directory of checkpoints, for writing. It keeps nothing in memory: what there is, is on the disk.

    Parameters
    ----------
    reader
        Reads what is written here: same directory, identity, key and versions.
    keep_count
        How many are kept, the newest included.

    Raises
    ------
    ConfigError
        When none are to be kept, or the reader has no identity to write down.
    """

    reader: CheckpointReader
    keep_count: int = KEEP_COUNT

    def __post_init__(self) -> None:
        """Refuse to keep none."""
        if type(self.keep_count) is not int or self.keep_count < 1:
            msg = f"keep_count must be a whole number of at least 1, got {self.keep_count!r}"
            raise ConfigError(msg)
        if self.reader.identity is None:
            msg = "a checkpoint needs the identity of what made it, got None; give the digests of plan and schema"
            raise ConfigError(msg)

    def make_ready(self) -> list[str]:
        """Make the directory if it is missing and remove what a crash left half-written or half-removed.

        To be called once, before anything is read or written. Returns the names that were removed.

        Raises
        ------
        SourceError
            When the directory cannot be written.
        """
        disk, directory = self.reader.disk, self.reader.directory
        with outside(directory, "written"):
            if all(entry.name != directory.name for entry in disk.entries(directory.parent)):
                disk.make_directory(directory)
            disk.sync_directory(directory.parent)
            left = [named.entry for named in list_named(disk, directory) if not named.whole]
            for entry in left:
                self._delete(entry)
            return [entry.name for entry in left]

    def save(self, content: Content, parent: Stamp | None) -> Stamp:
        """Write a checkpoint; when this returns it is durable, and those beyond `keep_count` are gone.

        Parameters
        ----------
        content
            What to keep.
        parent
            The checkpoint that this state continued from, restored or saved; None if it began at nothing. Whatever is
            newer than the parent was passed over when it was restored, and goes too.

        Raises
        ------
        SnapshotError
            Something in it is not plain data, or the directory holds checkpoints that this state did not come from.
        SourceError
            The disk is full, or fails: the older checkpoints stand as they were.

        Notes
        -----
        One part is in memory at a time, besides the state. Each file is synced, its directory once, the one above once,
        and once more if an older checkpoint goes.
        """
        disk, directory = self.reader.disk, self.reader.directory
        with outside(directory, "written"):
            known = list_named(disk, directory)
            older = [named for named in known if named.whole]
            if parent is None and older:
                msg = f"{str(directory)!r} holds {older[0].entry.name!r}, which this run did not continue from"
                raise SnapshotError(f"{msg}; continue from it, or name an empty directory")
            ancestor = 0 if parent is None else parent.sequence
            manifest = Manifest(
                position=content.position,
                sequence=1 + max([ancestor, *(named.sequence for named in known)]),
                parent=None if parent is None else parent.manifest_sha256,
                versions=self.reader.versions,
                identity=dict(self.reader.identity or {}),
                parts=(),
            )
            stamp = self._write(manifest, content)
            disk.sync_directory(directory)
            self._retire(older, ancestor)
            return stamp

    def adopt(self, name: str, files: Iterator[tuple[str, Iterator[bytes]]]) -> None:
        """Take in a checkpoint that was made elsewhere: it has its name once every byte was verified.

        Those here that have a higher number go: another worker's line went past them.

        Parameters
        ----------
        name
            What it is called.
        files
            Their names, and their bytes in pieces.

        Raises
        ------
        SnapshotError
            When it is refused, or whatever `files` raises: nothing was changed.
        SourceError
            The disk is full, or fails: nothing was changed.
        """
        disk, directory = self.reader.disk, self.reader.directory
        partial = Entry(f"{PARTIAL}{name}", Kind.DIRECTORY, 0)
        with outside(directory, "written"):
            older = [named for named in list_named(disk, directory) if named.whole]
            disk.make_directory(directory / partial.name)
            try:
                for path, pieces in files:
                    self._write_pieces(directory / partial.name / path, pieces)
                disk.sync_directory(directory / partial.name)
                stamp = self.reader.verify(Named(0, 0, partial, whole=False))
                disk.rename(directory / partial.name, name)
            except BaseException:
                with suppress(OSError):  # what made it fail is what matters; the rest goes at the next start
                    self._delete(partial)
                raise
            disk.sync_directory(directory)
            self._retire(older, stamp.sequence)

    def clear(self) -> list[str]:
        """Remove every checkpoint: none belongs to what this run continues from. Returns their names.

        Raises
        ------
        SourceError
            When the directory cannot be written.
        """
        with outside(self.reader.directory, "written"):
            older = [named for named in list_named(self.reader.disk, self.reader.directory) if named.whole]
            self._retire(older, ancestor=0)
            return [named.entry.name for named in older]

    def _write(self, manifest: Manifest, content: Content) -> Stamp:
        """Write all files under a name that no reader looks at, then give it the name that all do."""
        disk = self.reader.disk
        partial = self.reader.directory / f"{PARTIAL}{manifest.name}"
        disk.make_directory(partial)
        try:
            parts = []
            for name, holds, value in split(content.engine, content.caller):
                data = encode(value)
                self._write_file(partial / file_name(name), data)
                parts.append(Part(name, holds, len(data), sha256(data).hexdigest()))
            written = replace(manifest, parts=tuple(parts)).to_bytes()
            self._write_file(partial / MANIFEST, written)
            self._write_file(partial / SEAL, make_seal(written, self.reader.key))
            disk.sync_directory(partial)
            disk.rename(partial, manifest.name)
        except (OSError, SnapshotError):
            with suppress(OSError):  # what made it fail is what matters; the rest goes at the next start
                self._delete(Entry(partial.name, Kind.DIRECTORY, 0))
            raise
        return Stamp(manifest.name, manifest.sequence, sha256(written).hexdigest(), sum(part.length for part in parts))

    def _write_file(self, path: Path, data: bytes) -> None:
        self._write_pieces(path, (data,))

    def _write_pieces(self, path: Path, pieces: Iterable[bytes]) -> None:
        with self.reader.disk.create(path) as file:
            for piece in pieces:
                file.write(piece)
            file.sync()

    def _retire(self, older: list[Named], ancestor: int) -> None:
        """Remove the checkpoints that are one too many, and those that the new one's line passed over."""
        disk, directory = self.reader.disk, self.reader.directory
        line = [named for named in older if named.sequence <= ancestor]
        passed_over = [named for named in older if named.sequence > ancestor]
        gone = [named.entry for named in [*passed_over, *line[self.keep_count - 1 :]]]
        for entry in gone:
            disk.rename(directory / entry.name, f"{REMOVED}{entry.name}")
        if gone:
            # No file may be missing from a checkpoint whose name a power cut brings back.
            disk.sync_directory(directory)
        for entry in gone:
            self._delete(entry._replace(name=f"{REMOVED}{entry.name}"))

    def _delete(self, entry: Entry) -> None:
        """Remove a directory and the files in it, or whatever else goes by the name."""
        disk, path = self.reader.disk, self.reader.directory / entry.name
        if entry.kind is not Kind.DIRECTORY:
            disk.remove(path)
            return
        for inner in disk.entries(path):
            if inner.kind is Kind.DIRECTORY:
                disk.remove_directory(path / inner.name)
            else:
                disk.remove(path / inner.name)
        disk.remove_directory(path)

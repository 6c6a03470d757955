"""Reads checkpoints: every byte verified first, decoded then; what is refused is said, and never passed over silently.

The order is that of trust: the seal over the manifest's bytes, the manifest's own bounds, its name, versions and
identity, the files that are there, their lengths, their hashes. Only then does `engine.snapshot` see a byte.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from errno import EINVAL, EIO, EISDIR, ELOOP, ENOENT, ENOTDIR
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from engine.errors import SnapshotError
from engine.snapshot import decode
from streams.checkpoint import (
    MANIFEST,
    PARTIAL,
    SEAL,
    Checkpoint,
    Content,
    DamagedCheckpointError,
    Named,
    Skipped,
    Stamp,
    Surveyed,
    file_name,
    list_named,
    outside,
)
from streams.checkpoint_manifest import MANIFEST_BYTES_MAX, Manifest, Part, parse_manifest
from streams.checkpoint_parts import CALLER, join
from streams.checkpoint_seal import SEAL_BYTES_MAX, SealKey, check_seal, refuse_other_terms
from streams.checkpoint_versions import (
    MIGRATIONS,
    Migration,
    Parts,
    Versions,
    current_versions,
    differences,
    route,
)
from streams.disk import Disk, Entry, Kind, RealDisk

_DAMAGE = {ENOENT, ENOTDIR, EISDIR, ELOOP, EINVAL, EIO}
"""What the disk says where a file is gone, is no file, or cannot be read any more; the rest is a matter of rights."""


class _Verified(NamedTuple):
    """A checkpoint whose every byte was verified, and none decoded."""

    manifest: Manifest
    stamp: Stamp
    parts: dict[str, bytes]
    steps: list[Migration]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointReader:
    """A directory of checkpoints, for reading.

    Parameters
    ----------
    directory
        Where they are; names that are no checkpoint's are left alone.
    identity
        What must be the same to continue: digests of plan, schema, arguments, by name. None compares nothing, for
        those who only look.
    key
        Signs manifests; with one, an unsigned checkpoint is refused.
    disk, versions, migrations
        The world; tests give their own.
    """

    directory: Path
    identity: Mapping[str, str] | None
    key: SealKey | None = None
    disk: Disk = field(default_factory=RealDisk)
    versions: Versions = field(default_factory=current_versions)
    migrations: Sequence[Migration] = MIGRATIONS

    def newest_verified(self, *, fallback: bool = False, position_max: int | None = None) -> Checkpoint | None:
        """Return the newest checkpoint, every byte of it verified; None if there is none at all.

        Parameters
        ----------
        fallback
            Whether a damaged one may be passed over for the one before it. It is never passed over silently.
        position_max
            Only those at or before this position are looked at.

        Raises
        ------
        SnapshotError
                The newest is damaged, or all are: `DamagedCheckpointError`. Or it is of other versions, of another
            identity, or signed where no key is set and the other way round, which no older one mends.
        SourceError
            The disk cannot be read.
        """
        with outside(self.directory, "read"):
            found = [named for named in list_named(self.disk, self.directory) if named.whole]
            if position_max is not None:
                found = [named for named in found if named.position <= position_max]
            skipped: list[Skipped] = []
            for number, named in enumerate(found):
                try:
                    verified = self._verify(named)
                    return self._decoded(verified, tuple(skipped))
                except DamagedCheckpointError as error:
                    if not fallback:
                        before = [named.entry.name for named in found[number + 1 :]]
                        raise DamagedCheckpointError(f"{error}; {_remedy(before)}") from error
                    skipped.append(Skipped(named.entry.name, str(error)))
        if skipped:
            told = "; ".join(reason for _, reason in skipped)
            msg = f"none of {len(skipped)} checkpoints in {str(self.directory)!r} can be used: {told}; {_remedy([])}"
            raise DamagedCheckpointError(msg)
        return None

    def survey(self) -> list[Surveyed]:
        """Verify every checkpoint, newest first, and decode none."""
        with outside(self.directory, "read"):
            found = []
            for named in list_named(self.disk, self.directory):
                if named.whole:
                    try:
                        found.append(Surveyed(named.entry.name, self._verify(named).manifest, None))
                    except SnapshotError as error:
                        found.append(Surveyed(named.entry.name, None, str(error)))
            return found

    def each(self) -> Iterator[tuple[str, Checkpoint | SnapshotError]]:
        """Yield every checkpoint, newest first, decoded, or the error that refuses it."""
        with outside(self.directory, "read"):
            for named in list_named(self.disk, self.directory):
                if named.whole:
                    try:
                        yield named.entry.name, self._decoded(self._verify(named), ())
                    except SnapshotError as error:
                        yield named.entry.name, error

    def newest_rest(self) -> dict[str, Any] | None:
        """Return what the caller added to the newest checkpoint whose manifest holds, and nothing else of it is read.

        For those who look at one that may be damaged elsewhere: None where there is none to be had.
        """
        with outside(self.directory, "read"):
            for named in list_named(self.disk, self.directory):
                with suppress(SnapshotError, OSError):
                    found, manifest, _ = self._sealed(named)
                    self._check_fit(manifest)
                    part = next(part for part in reversed(manifest.parts) if part.name == CALLER)
                    rest = decode(self._verified_part(named, found[file_name(part.name)], part))
                    return rest if named.whole and isinstance(rest, dict) else None
        return None

    def verify(self, named: Named) -> Stamp:
        """Return the stamp of a checkpoint once every byte of it is known to be what was written; decode none.

        Raises
        ------
        SnapshotError
            As `newest_verified`.
        """
        return self._verify(named).stamp

    def holds(self, name: str) -> bool:
        """Whether there is a checkpoint of this name, whatever its state: a writer may have retired it."""
        with outside(self.directory, "read"):
            return any(named.whole and named.entry.name == name for named in list_named(self.disk, self.directory))

    def _verify(self, named: Named) -> _Verified:
        """Return a checkpoint's bytes once every one of them is known to be what was written."""
        try:
            return self._verify_files(named)
        except OSError as error:
            if error.errno not in _DAMAGE:
                raise
            msg = f"{error.filename or 'a file'} cannot be read ({error.strerror})"
            raise _damaged(named, msg) from error

    def _sealed(self, named: Named) -> tuple[dict[str, Entry], Manifest, bytes]:
        """Return the files of a checkpoint, its manifest once it is known to be what was written, and its bytes."""
        entry = named.entry
        if entry.kind is not Kind.DIRECTORY:
            raise _damaged(named, "it is no directory")
        path = self.directory / entry.name
        found = {inner.name: inner for inner in self.disk.entries(path)}
        for inner in found.values():
            if inner.kind is not Kind.FILE:
                raise _damaged(named, f"{inner.name!r} is no regular file")
        sealed = self.disk.read(path / MANIFEST, MANIFEST_BYTES_MAX + 1)
        seal = self.disk.read(path / SEAL, SEAL_BYTES_MAX)
        refuse_other_terms(seal, self.key)
        try:
            check_seal(sealed, seal, self.key)
            manifest = parse_manifest(sealed)
        except SnapshotError as error:
            raise _damaged(named, str(error)) from error
        if manifest.name != entry.name.removeprefix(PARTIAL):
            raise _damaged(named, f"its manifest says {manifest.name!r}: it was moved or renamed")
        return found, manifest, sealed

    def _verify_files(self, named: Named) -> _Verified:
        found, manifest, sealed = self._sealed(named)
        steps = self._check_fit(manifest)
        files = {file_name(part.name): part for part in manifest.parts}
        strange = set(found) ^ {MANIFEST, SEAL, *files}
        if strange:
            raise _damaged(named, f"{min(strange)!r} is missing, or does not belong to it")
        parts = {part.name: self._verified_part(named, found[name], part) for name, part in files.items()}
        stamp = Stamp(
            manifest.name, manifest.sequence, sha256(sealed).hexdigest(), sum(part.length for part in manifest.parts)
        )
        return _Verified(manifest, stamp, parts, steps)

    def _verified_part(self, named: Named, entry: Entry, part: Part) -> bytes:
        if entry.length != part.length:
            raise _damaged(named, f"part {entry.name!r} ({part.holds}) has {entry.length} bytes, not {part.length}")
        data = self.disk.read(self.directory / named.entry.name / entry.name, part.length)
        got = sha256(data).hexdigest()
        if got != part.sha256:
            raise _damaged(named, f"part {entry.name!r} ({part.holds}) has SHA-256 {got[:12]}, not {part.sha256[:12]}")
        return data

    def _check_fit(self, manifest: Manifest) -> list[Migration]:
        """Refuse a checkpoint of something else; return the steps from its versions to these."""
        if self.identity is not None and manifest.identity != self.identity:
            names = dict.fromkeys([*manifest.identity, *self.identity])
            apart = [
                f"{name} was {manifest.identity.get(name)!r}, is {self.identity.get(name)!r}"
                for name in names
                if manifest.identity.get(name) != self.identity.get(name)
            ]
            msg = f"{manifest.name} was made by something else: {'; '.join(apart)}; give what it was made with"
            raise SnapshotError(f"{msg}, or name an empty directory")
        try:
            return route(manifest.versions, self.versions, self.migrations)
        except SnapshotError as error:
            raise SnapshotError(f"{manifest.name} {error}") from error

    def _decoded(self, verified: _Verified, skipped: tuple[Skipped, ...]) -> Checkpoint:
        """Decode the verified bytes, letting go of each part's as it is done."""
        manifest, stamp, encoded, steps = verified
        try:
            parts: Parts = {name: _decoded_part(name, encoded.pop(name)) for name in list(encoded)}
            for step in steps:
                parts = step.apply(parts)
            engine, caller = join(parts)
        except SnapshotError as error:
            msg = f"{manifest.name}: {error}"
            raise DamagedCheckpointError(msg) from error
        content = Content(manifest.position, engine, caller)
        told = differences(manifest.versions, self.versions)
        return Checkpoint(content, stamp, told, tuple(step.name for step in steps), skipped)


def _decoded_part(name: str, data: bytes) -> Any:
    try:
        return decode(data)
    except SnapshotError as error:
        msg = f"part {file_name(name)!r}: {error}"
        raise SnapshotError(msg) from error


def _damaged(named: Named, what: str) -> DamagedCheckpointError:
    return DamagedCheckpointError(f"{named.entry.name}: {what}")


def _remedy(before: list[str]) -> str:
    if before:
        return f"run again with --fallback to go on from the one before it ({before[0]})"
    return "there is none before it: bring one back from a copy, or replay from the beginning into an empty directory"

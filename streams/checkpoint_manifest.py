"""A checkpoint's manifest: what the checkpoint holds, of which length and SHA-256, and what it was written with.

Bytes in, bytes out. Parsing believes nothing: size, types, ranges and names are checked, and what parses must be,
byte for byte, what would be written. This file touches no disk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.errors import SnapshotError
from streams.checkpoint_versions import Versions

MANIFEST_BYTES_MAX = 1 << 20
POSITION_MAX = 10**20 - 1
SEQUENCE_MAX = 10**10 - 1
TEXT_CHARS_MAX = 1_000

_KIND = "sidestream checkpoint"
_PART_NAME = re.compile(r"[a-z]{1,20}(-[0-9]{1,5})?")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a checkpoint: its name without suffix, what it holds for a person, its length in bytes, its hash."""

    name: str
    holds: str
    length: int
    sha256: str

    def __post_init__(self) -> None:
        """Refuse values that no checkpoint has; above all a name that would lead out of its directory."""
        if not _PART_NAME.fullmatch(_text(self.name, "a part's name")):
            msg = f"a part's name must be small letters and at most a number, got {self.name!r:.80}"
            raise SnapshotError(msg)
        _text(self.holds, "what a part holds")
        _count(self.length, "a part's length", POSITION_MAX)
        _hex(self.sha256, "a part's sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a checkpoint is.

    Parameters
    ----------
    position
        Messages that the engine had taken.
    sequence
        Counts the checkpoints of one directory from 1, in the order in which they were made; the highest is the newest.
        Nothing durable depends on a clock.
    parent
        SHA-256 of the manifest that this state continued from; None for the first.
    versions
        What it was written with.
    identity
        What else must be the same to continue: names and digests, given by the caller.
    parts
        The files.
    """

    position: int
    sequence: int
    parent: str | None
    versions: Versions
    identity: Mapping[str, str]
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        """Refuse values that no checkpoint has."""
        _count(self.position, "position", POSITION_MAX)
        _count(self.sequence, "sequence", SEQUENCE_MAX)
        if self.parent is not None:
            _hex(self.parent, "parent")
        _count(self.versions.format, "format", SEQUENCE_MAX)
        for name, value in asdict(self.versions).items():
            if name != "format":
                _text(value, name)
        for name, value in self.identity.items():
            _text(name, "a name in identity")
            _text(value, f"identity {name!r:.80}")
        names = [part.name for part in self.parts]
        if len(set(names)) != len(names):
            msg = f"two parts have the same name, got {names!r:.200}"
            raise SnapshotError(msg)

    @property
    def name(self) -> str:
        """The name of the directory that the checkpoint must stand in."""
        return f"checkpoint-{self.position:020}-{self.sequence:010}"

    def to_bytes(self) -> bytes:
        """Return the manifest as it is written: equal manifests, equal bytes."""
        body = {
            "kind": _KIND,
            "position": self.position,
            "sequence": self.sequence,
            "parent": self.parent,
            "versions": asdict(self.versions),
            "identity": dict(self.identity),
            "parts": [asdict(part) for part in self.parts],
        }
        return json.dumps(body, indent=1, allow_nan=False).encode() + b"\n"


def parse_manifest(data: bytes) -> Manifest:
    """Return the manifest that `to_bytes` wrote.

    Raises
    ------
    SnapshotError
        Anything else.
    """
    if len(data) > MANIFEST_BYTES_MAX:
        msg = f"a manifest has at most {MANIFEST_BYTES_MAX} bytes, got more"
        raise SnapshotError(msg)
    try:
        body = json.loads(data)
    except (ValueError, RecursionError) as error:
        msg = f"the manifest is not JSON: {error}"
        raise SnapshotError(msg) from None
    names = ("kind", "position", "sequence", "parent", "versions", "identity", "parts")
    fields = _object(body, names, "the manifest")
    if fields["kind"] != _KIND:
        msg = f"the manifest must be of kind {_KIND!r}, got {fields['kind']!r:.80}"
        raise SnapshotError(msg)
    identity = fields["identity"]
    parts = fields["parts"]
    if type(identity) is not dict or type(parts) is not list:
        msg = f"identity must be an object and parts a list, got {identity!r:.80} and {parts!r:.80}"
        raise SnapshotError(msg)
    versions = Versions(**_object(fields["versions"], tuple(Versions.__slots__), "versions"))
    manifest = Manifest(
        position=fields["position"],
        sequence=fields["sequence"],
        parent=fields["parent"],
        versions=versions,
        identity=identity,
        parts=tuple(Part(**_object(part, tuple(Part.__slots__), "a part")) for part in parts),
    )
    if manifest.to_bytes() != data:
        msg = "the manifest is not written as sidestream writes it"
        raise SnapshotError(msg)
    return manifest


def _object(value: Any, names: tuple[str, ...], what: str) -> dict[str, Any]:
    """Return a JSON object that has exactly these names."""
    if type(value) is not dict or set(value) != set(names):
        msg = f"{what} must be an object of {', '.join(names)}, got {value!r:.80}"
        raise SnapshotError(msg)
    return value


def _count(value: object, what: str, most: int) -> None:
    if type(value) is not int or not 0 <= value <= most:
        msg = f"{what} must be a whole number from 0 to {most}, got {value!r:.80}"
        raise SnapshotError(msg)


def _text(value: object, what: str) -> str:
    if type(value) is not str or len(value) > TEXT_CHARS_MAX:
        msg = f"{what} must be a text of at most {TEXT_CHARS_MAX} characters, got {value!r:.80}"
        raise SnapshotError(msg)
    return value


def _hex(value: object, what: str) -> None:
    if type(value) is not str or not _SHA256.fullmatch(value):
        msg = f"{what} must be a SHA-256 in small hex digits, got {value!r:.80}"
        raise SnapshotError(msg)

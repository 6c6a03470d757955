"""What a topic of snapshots holds: the record that names a checkpoint's chunks, and the one that announces them.

A snapshot is a checkpoint as it stands on a disk, file by file, cut into chunks. Its record names the commit it was
made after and every chunk with its place, length and SHA-256; whoever fetches it believes nothing else. Bytes in, bytes
out: this file knows no log and no disk.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, NamedTuple

from engine.errors import SnapshotError
from streams.checkpoint import MANIFEST, SEAL
from streams.whereabouts import Whereabouts

FORMAT = 1
"""Raised with every change that an older sidestream cannot follow."""

CHUNK_BYTES = 1 << 19
"""The length of a chunk, in bytes, where its topic takes as much: what one step between two turns reads and sends."""

CHUNK_COUNT_MAX = 10_000
"""Chunks of one snapshot: about 5 GB, and a record of about 1 MB that names them."""

_KEY = re.compile(rb"(\d{20})/(\d{1,20})")
_NAME = re.compile(r"checkpoint-\d{20}-\d{10}", re.ASCII)
_FILE = re.compile(rf"{re.escape(MANIFEST)}|{re.escape(SEAL)}|[a-z]{{1,20}}(-[0-9]{{1,5}})?\.part", re.ASCII)
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Chunk(NamedTuple):
    """A piece of a file: at which offset its record is, how long it is, and its hash."""

    offset: int
    length: int
    sha256: str


class SnapshotFile(NamedTuple):
    """A file of a checkpoint, and its pieces in order."""

    name: str
    chunks: tuple[Chunk, ...]


class SnapshotKey(NamedTuple):
    """What a snapshot is called: the commits it was made after, and the term in which it left.

    The term keeps a worker that was replaced from writing over chunks of who came after it.
    """

    sequence: int
    term: int

    def encode(self) -> bytes:
        """Return the key of its record."""
        return b"%020d/%d" % self

    def chunk(self, number: int) -> bytes:
        """Return the key of a chunk."""
        return b"%s/%06d" % (self.encode(), number)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A checkpoint in a topic.

    Parameters
    ----------
    key
        What it is called.
    name
        What the checkpoint is called on a disk.
    whereabouts
        After which commit it was made.
    files
        What it is made of; their chunks are numbered from 0, over all files in this order.
    """

    key: SnapshotKey
    name: str
    whereabouts: Whereabouts
    files: tuple[SnapshotFile, ...]

    @property
    def chunk_count(self) -> int:
        """How many chunks it has."""
        return sum(len(file.chunks) for file in self.files)

    @property
    def position(self) -> int:
        """The engine's position."""
        return int(self.name.split("-")[1])

    def encode(self) -> bytes:
        """Return the value of its record."""
        files = [[name, [list(chunk) for chunk in chunks]] for name, chunks in self.files]
        where = {**self.whereabouts._asdict(), "offsets": list(self.whereabouts.offsets)}
        body = {"format": FORMAT, "chunks": self.chunk_count, "name": self.name, "where": where, "files": files}
        return json.dumps(body, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Announced:
    """A snapshot whose chunks may be there, and that is none as yet."""

    key: SnapshotKey
    chunk_count: int

    def encode(self) -> bytes:
        """Return the value of its record."""
        return json.dumps({"format": FORMAT, "chunks": self.chunk_count}, separators=(",", ":")).encode()


def decode(key: bytes | None, value: bytes) -> Snapshot | Announced:
    """Return what a record of the topic says.

    Raises
    ------
    SnapshotError
        When it is none of ours, or one of another format.
    """
    try:
        matched = _KEY.fullmatch(key or b"")
        body = json.loads(value)
        if matched is None or body["format"] != FORMAT:
            raise SnapshotError(_not_ours(key, f"format {body['format']!r:.20}"))
        named = SnapshotKey(*map(int, matched.groups()))
        count = _count(body["chunks"], CHUNK_COUNT_MAX)
        if "files" not in body:
            return Announced(named, count)
        where = body["where"]
        offsets = [_count(offset) for offset in where["offsets"]]
        whereabouts = Whereabouts(_count(where["sequence"]), offsets, _text(where["head"], _SHA256))
        files = tuple(_file(*each) for each in body["files"])
        found = Snapshot(named, _text(body["name"], _NAME), whereabouts, files)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise SnapshotError(_not_ours(key, repr(error)[:80])) from None
    names = [name for name, _ in files]
    if found.chunk_count != count or len(set(names)) != len(names) or whereabouts.sequence != named.sequence:
        raise SnapshotError(_not_ours(key, "its parts contradict each other"))
    return found


def check_chunk(snapshot: Snapshot, number: int, chunk: Chunk, key: bytes | None, data: bytes) -> None:
    """Raise `SnapshotError` where bytes are not those of a chunk."""
    if key != snapshot.key.chunk(number) or len(data) != chunk.length or sha256(data).hexdigest() != chunk.sha256:
        msg = f"chunk {number} of {snapshot.name}, at offset {chunk.offset}, is not what was written there"
        raise SnapshotError(msg)


def _file(name: Any, chunks: Any) -> SnapshotFile:
    found = tuple(Chunk(_count(offset), _count(length), _text(digest, _SHA256)) for offset, length, digest in chunks)
    return SnapshotFile(_text(name, _FILE), found)


def _count(value: object, most: int = 10**18) -> int:
    if type(value) is not int or not 0 <= value <= most:
        msg = f"expected a count, got {value!r:.40}"
        raise TypeError(msg)
    return value


def _text(value: object, form: re.Pattern[str]) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        msg = f"expected {form.pattern}, got {value!r:.80}"
        raise TypeError(msg)
    return value


def _not_ours(key: bytes | None, why: str) -> str:
    return f"record {key!r:.60} of the snapshots' topic is none this sidestream reads ({why})"

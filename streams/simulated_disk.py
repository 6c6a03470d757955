"""A disk for tests that forgets what nobody synced: crashes before any operation, in every way bytes can be lost.

It keeps POSIX's promise and nothing beyond it. A file's bytes are durable once the file was synced, a name once its
directory was; until then a crash may keep either, neither, or half of it. Many real file systems lose less.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from errno import EEXIST, EISDIR, ENOENT, ENOSPC, ENOTDIR, ENOTEMPTY
from os import strerror
from pathlib import Path
from random import Random
from types import TracebackType
from typing import TypeAlias

from streams.disk import Entry, Kind, NewFile


class PowerCut(BaseException):
    """The machine stopped here: no error, since nothing that handles errors may survive it."""


class Loss(StrEnum):
    """What becomes of names and bytes that nobody synced."""

    NOTHING = "nothing"
    """All are kept: the process was killed, the machine went on."""
    EVERYTHING = "everything"
    """All are gone."""
    TORN = "torn"
    """Names are kept, and the first half of the bytes."""
    ZEROED = "zeroed"
    """Names and lengths are kept, the bytes are zeros."""
    FLIPPED = "flipped"
    """Names and bytes are kept, but for one bit of each file."""
    SHUFFLED = "shuffled"
    """Each name and each file is kept, lost or torn by lot: nothing keeps the order in which it was written."""


class SimulatedDisk:
    """Files and directories in memory, all below one root that is durable from the start.

    Attributes
    ----------
    operation_count
        Changes asked for so far: what is read is not counted.
    crash_before
        The operation, counted from 0, before which the power is cut; None for never. Afterwards every operation raises
        `PowerCut`, until `restarted`.
    failing
        Operation -> errno: this one is not carried out and raises.
    lying
        Syncs that report success and do nothing.
    syncs
        Which operations were syncs.
    capacity_bytes
        What fits into all files together; a write beyond it writes what fits and raises ENOSPC.
    """

    def __init__(self, root: Path, *, capacity_bytes: int | None = None) -> None:
        self.root = root
        self.operation_count = 0
        self.crash_before: int | None = None
        self.failing: dict[int, int] = {}
        self.lying: set[int] = set()
        self.syncs: list[int] = []
        self.capacity_bytes = capacity_bytes
        self._tree = _Directory()

    def restarted(self, loss: Loss, seed: int = 0) -> SimulatedDisk:
        """Return the disk as it is found after the power came back; this one stays as it was."""
        lot = Random(f"{loss}:{seed}")  # noqa: S311 - a seeded simulation
        after = SimulatedDisk(self.root, capacity_bytes=self.capacity_bytes)
        after._tree = self._tree.after_crash(loss, lot)
        return after

    def tampered(self, path: Path, change: Callable[[bytes], bytes]) -> SimulatedDisk:
        """Return a copy in which the bytes of one file were changed behind everybody's back."""
        after = self.restarted(Loss.NOTHING)
        file = after._file(path)
        file.written = bytearray(change(bytes(file.written)))
        file.synced = bytes(file.written)
        return after

    def entries(self, directory: Path) -> list[Entry]:
        """Return what a directory holds, sorted by name."""
        self._check_power()
        return sorted(
            Entry(name, Kind.FILE, len(node.written)) if isinstance(node, _File) else Entry(name, Kind.DIRECTORY, 0)
            for name, node in self._directory(directory).names.items()
        )

    def read(self, path: Path, length: int, *, begin: int = 0) -> bytes:
        """Return `length` bytes of a file, fewer where it ends before."""
        self._check_power()
        return bytes(self._file(path).written[begin : begin + length])

    def make_directory(self, path: Path) -> None:
        """Make a directory; it must not exist."""
        self._begin()
        self._add(path, _Directory())

    def create(self, path: Path) -> NewFile:
        """Make an empty file and open it; it must not exist."""
        self._begin()
        file = _File()
        self._add(path, file)
        return _OpenFile(self, file)

    def rename(self, path: Path, name: str) -> None:
        """Give a file or directory another name where it is; the name must be free."""
        self._begin()
        node = self._node(path)
        parent = self._directory(path.parent)
        if name in parent.names:
            raise _failure(EEXIST, path.with_name(name))
        parent.change({path.name: None, name: node})

    def remove(self, path: Path) -> None:
        """Remove a file."""
        self._begin()
        self._file(path)
        self._directory(path.parent).change({path.name: None})

    def remove_directory(self, path: Path) -> None:
        """Remove an empty directory."""
        self._begin()
        if self._directory(path).names:
            raise _failure(ENOTEMPTY, path)
        self._directory(path.parent).change({path.name: None})

    def sync_directory(self, path: Path) -> None:
        """Make a directory's names durable."""
        if self._begin_sync():
            self._directory(path).sync()

    def _check_power(self) -> None:
        if self.crash_before is not None and self.operation_count > self.crash_before:
            raise PowerCut

    def _begin(self) -> None:
        """Count an operation; the power may fail before it, or the operation itself may."""
        self.operation_count += 1
        self._check_power()
        number = self.failing.get(self.operation_count - 1)
        if number is not None:
            raise OSError(number, strerror(number))

    def _begin_sync(self) -> bool:
        """Count a sync; returns whether it is one."""
        self._begin()
        self.syncs.append(self.operation_count - 1)
        return self.syncs[-1] not in self.lying

    def _node(self, path: Path) -> _Node:
        node: _Node = self._tree
        for part in path.relative_to(self.root).parts:
            if not isinstance(node, _Directory):
                raise _failure(ENOTDIR, path)
            below = node.names.get(part)
            if below is None:
                raise _failure(ENOENT, path)
            node = below
        return node

    def _directory(self, path: Path) -> _Directory:
        node = self._node(path)
        if not isinstance(node, _Directory):
            raise _failure(ENOTDIR, path)
        return node

    def _file(self, path: Path) -> _File:
        node = self._node(path)
        if not isinstance(node, _File):
            raise _failure(EISDIR, path)
        return node

    def _add(self, path: Path, node: _Node) -> None:
        parent = self._directory(path.parent)
        if path.name in parent.names:
            raise _failure(EEXIST, path)
        parent.change({path.name: node})

    def _append(self, file: _File, data: bytes) -> None:
        """Write as much as there is room for."""
        self._begin()
        room = len(data) if self.capacity_bytes is None else max(0, self.capacity_bytes - self._tree.byte_count())
        file.written += data[:room]
        if room < len(data):
            raise OSError(ENOSPC, strerror(ENOSPC))

    def _sync(self, file: _File) -> None:
        if self._begin_sync():
            file.synced = bytes(file.written)


class _File:
    """Bytes as every process sees them, and as the platter has them."""

    def __init__(self, data: bytes = b"") -> None:
        self.written = bytearray(data)
        self.synced = data

    def byte_count(self) -> int:
        return len(self.written)

    def after_crash(self, loss: Loss, lot: Random) -> _File:
        """Return the file as found: files are only ever appended to, so what may be lost is an end of it."""
        kept, loose = self.synced, bytes(self.written[len(self.synced) :])
        if loss is Loss.SHUFFLED:
            loss = lot.choice([Loss.NOTHING, Loss.EVERYTHING, Loss.TORN, Loss.ZEROED, Loss.FLIPPED])
        if loss is Loss.NOTHING:
            return _File(kept + loose)
        if loss is Loss.TORN:
            return _File(kept + loose[: len(loose) // 2])
        if loss is Loss.ZEROED:
            return _File(kept + bytes(len(loose)))
        if loss is Loss.FLIPPED and loose:
            return _File(kept + flip_bit(loose, lot.randrange(8 * len(loose))))
        return _File(kept)


class _Directory:
    """Names as every process sees them, those that are durable, and the changes between the two in order."""

    def __init__(self) -> None:
        self.names: dict[str, _Node] = {}
        self._durable: dict[str, _Node] = {}
        self._loose: list[dict[str, _Node | None]] = []

    def change(self, names: dict[str, _Node | None]) -> None:
        """Give names to nodes, or take them away (None), in one step."""
        self._loose.append(names)
        _apply(self.names, names)

    def sync(self) -> None:
        self._durable = dict(self.names)
        self._loose = []

    def byte_count(self) -> int:
        return sum(node.byte_count() for node in self.names.values())

    def after_crash(self, loss: Loss, lot: Random) -> _Directory:
        names = dict(self._durable)
        for change in self._loose:
            if loss is Loss.EVERYTHING or (loss is Loss.SHUFFLED and lot.random() < 0.5):
                continue
            _apply(names, change)
        after = _Directory()
        after.names = {name: node.after_crash(loss, lot) for name, node in names.items()}
        after.sync()
        return after


_Node: TypeAlias = _File | _Directory


class _OpenFile:
    """A file of the simulated disk, open for appending."""

    def __init__(self, disk: SimulatedDisk, file: _File) -> None:
        self._disk = disk
        self._file = file

    def __enter__(self) -> NewFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close: nothing is lost by it, and nothing is made durable."""

    def write(self, data: bytes) -> None:
        self._disk._append(self._file, data)

    def sync(self) -> None:
        self._disk._sync(self._file)


def flip_bit(data: bytes, bit: int) -> bytes:
    """Return the bytes with one bit the other way, counted from the lowest of the first byte.

    >>> flip_bit(b"a", 1)
    b'c'
    """
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _apply(names: dict[str, _Node], change: dict[str, _Node | None]) -> None:
    """Carry out one change of a directory; a name that is to go may have been lost before."""
    for name, node in change.items():
        if node is None:
            names.pop(name, None)
        else:
            names[name] = node


def _failure(number: int, path: Path) -> OSError:
    return OSError(number, strerror(number), str(path))

"""Checkpoints leave for a topic: a chunk between two turns, and nobody waits for it.

A step reads at most one chunk from the disk and hands it to the log's own thread; the next step does nothing before it
has arrived. So a turn is longer by one read and one hash at most, and once for each snapshot by one question to a
broker and by one short transaction, in which the leader publishes what names the chunks. Nothing refers to a chunk
before that: a worker that dies on the way leaves an announcement, by which the next one gives its chunks up.

The transaction is one of its own. In that of a commit, a topic of snapshots that takes no more would take answers with
it; and a commit's outputs are those the journal has the digest of, of which a snapshot is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import NamedTuple

from engine.errors import ConfigError
from streams.checkpoint import outside
from streams.checkpoint_reader import CheckpointReader
from streams.log_port import Entry, LeaseError
from streams.ports import SourceError
from streams.snapshot_port import SnapshotStore, Underway
from streams.snapshot_record import CHUNK_COUNT_MAX, Announced, Chunk, Snapshot, SnapshotFile, SnapshotKey
from streams.snapshot_shelf import Shelf, chunk_keys
from streams.worker_checkpoints import Kept

KEEP_COUNT = 2
"""Snapshots that stay in the topic, the newest included: where it is damaged, the one before it is fetched."""

FINISH_S_MAX = 10.0
"""How long a worker that stops lets the last snapshot take to leave, in seconds."""


class _Piece(NamedTuple):
    """What is to be read next: a part of a file."""

    file: str
    begin: int
    length: int


class _Journey:
    """One checkpoint on its way."""

    def __init__(self, kept: Kept, key: SnapshotKey, pieces: list[_Piece]) -> None:
        self.kept = kept
        self.key = key
        self.pieces = pieces
        self.sent: list[tuple[_Piece, str]] = []
        self.chunks: list[Chunk] = []

    def whole(self) -> Snapshot:
        """Return the snapshot, once all chunks have arrived."""
        files: dict[str, list[Chunk]] = {}
        for (piece, _), chunk in zip(self.sent, self.chunks, strict=True):
            files.setdefault(piece.file, []).append(chunk)
        made = tuple(SnapshotFile(name, tuple(chunks)) for name, chunks in files.items())
        return Snapshot(self.key, self.kept.stamp.name, self.kept.whereabouts, made)


class SnapshotUpload:
    """What brings one worker's checkpoints to a topic.

    Parameters
    ----------
    store, shelf
        Where they go, and what is there.
    reader
        Knows where checkpoints are.
    term
        That of the worker's lease.
    say
        Is told when one does not arrive.
    """

    def __init__(
        self, store: SnapshotStore, shelf: Shelf, reader: CheckpointReader, *, term: int, say: Callable[[str], None]
    ) -> None:
        self._store = store
        self._disk = reader.disk
        self._directory = reader.directory
        self._term = term
        self._say = say
        self._offered: Kept | None = None
        self._journey: _Journey | None = None
        self._underway: Underway | None = None
        self._has_failed = False
        self._there: list[tuple[SnapshotKey, int]] = [(each.key, each.chunk_count) for each in shelf.whole]
        self._strays = [(each.key, each.chunk_count) for each in shelf.unfinished]

    def offer(self, kept: Kept) -> None:
        """Have a checkpoint leave, after the one that is on its way; of several that wait the newest leaves."""
        self._offered = kept

    def step(self) -> bool:
        """Do a little; return whether there is more to do.

        Raises
        ------
        LeaseError, SourceError
            When the record that names the chunks could not be published: the worker's lead is over, or unclear.
        """
        if self._underway is not None and not self._underway.is_done:
            return True
        if self._journey is None and self._offered is None:
            return False
        try:
            self._go_on()
        except LeaseError:
            raise
        except (SourceError, ConfigError) as error:
            self._give_up(error)
        if self._journey is not None and self._underway is None and not self._journey.pieces:
            try:
                self._publish(self._journey)
            except ConfigError as error:
                self._give_up(error)
        return self._journey is not None or self._offered is not None

    def finish(self, seconds: Callable[[], float]) -> None:
        """Let everything leave that was offered, for `FINISH_S_MAX` at most."""
        until = seconds() + FINISH_S_MAX
        while self.step():
            left_s = until - seconds()
            if left_s <= 0.0:
                self._say("the last snapshot did not leave in time; the journal has everything since the one before")
                return
            if self._underway is not None:
                self._underway.wait(left_s)

    def _go_on(self) -> None:
        """Take down what has arrived, and hand over what comes next."""
        journey = self._journey
        if journey is None:
            assert self._offered is not None  # noqa: S101 - the caller looked
            offered, self._offered = self._offered, None
            self._journey = self._begun(offered)
            return
        if self._underway is not None:
            offset, self._underway = self._underway.result(), None
            if len(journey.chunks) < len(journey.sent):
                piece, digest = journey.sent[-1]
                journey.chunks.append(Chunk(offset, piece.length, digest))
        if journey.pieces:
            piece = journey.pieces.pop(0)
            data = self._read(journey.kept.stamp.name, piece)
            journey.sent.append((piece, sha256(data).hexdigest()))
            self._underway = self._store.put(Entry(journey.key.chunk(len(journey.chunks)), data))

    def _begun(self, kept: Kept) -> _Journey:
        """Return a checkpoint that sets out: its chunks are announced first."""
        pieces = list(self._pieces(kept.stamp.name, self._store.chunk_bytes_max()))
        if len(pieces) > CHUNK_COUNT_MAX:
            msg = f"it has {len(pieces):,} chunks, at most {CHUNK_COUNT_MAX:,} are kept; allow larger ones"
            raise SourceError(msg)
        key = SnapshotKey(kept.whereabouts.sequence, self._term)
        self._strays.append((key, len(pieces)))
        self._underway = self._store.announce(Entry(key.encode(), Announced(key, len(pieces)).encode()))
        return _Journey(kept, key, pieces)

    def _pieces(self, name: str, bytes_max: int) -> Iterator[_Piece]:
        with self._reading():
            entries = self._disk.entries(self._directory / name)
        for entry in entries:
            for begin in range(0, max(1, entry.length), bytes_max):
                yield _Piece(entry.name, begin, min(bytes_max, entry.length - begin))

    def _read(self, name: str, piece: _Piece) -> bytes:
        with self._reading():
            return self._disk.read(self._directory / name / piece.file, piece.length, begin=piece.begin)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """Tell what the disk refuses as what it is."""
        with outside(self._directory, "read"):
            try:
                yield
            except FileNotFoundError:
                msg = "its checkpoint was replaced before it had left; have them be made less often"
                raise SourceError(msg) from None

    def _publish(self, journey: _Journey) -> None:
        """Have the snapshot be one, and give up what it takes the place of."""
        whole = journey.whole()
        there = [*self._there, (journey.key, whole.chunk_count)]
        gone = [*there[:-KEEP_COUNT], *(stray for stray in self._strays if stray[0] != journey.key)]
        keys = [key.encode() for key, _ in gone]
        chunks = [chunk for key, count in gone for chunk in chunk_keys(key, count)]
        self._store.publish(Entry(journey.key.encode(), whole.encode()), keys, chunks)
        self._there, self._strays, self._journey = there[-KEEP_COUNT:], [], None
        self._has_failed = False

    def _give_up(self, error: Exception) -> None:
        """Let a snapshot that does not arrive be, and say so the first time."""
        self._journey = self._underway = None
        if not self._has_failed:
            self._say(f"a snapshot did not arrive in its topic ({error}); the checkpoints on this machine stand")
        self._has_failed = True

"""A snapshot that is newer than any checkpoint on this machine is fetched, and taken in once every byte was verified.

Each chunk's hash is compared before it is written, each file's and the seal as of any checkpoint before it has its
name; nothing is decoded here. One that is damaged, incomplete or of another journal is passed over for the one before.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.errors import SnapshotError
from streams.checkpoint import list_named, outside
from streams.checkpoint_writer import CheckpointWriter
from streams.log_port import Log, LogError
from streams.snapshot_port import SnapshotStore
from streams.snapshot_record import Snapshot, SnapshotFile, check_chunk
from streams.snapshot_shelf import Shelf


def fetch_newer(store: SnapshotStore, shelf: Shelf, log: Log, writer: CheckpointWriter) -> list[str]:
    """Take in the newest snapshot that is newer than the newest checkpoint, and return what a person should know.

    Raises
    ------
    SourceError
        When the log or the disk says no.
    """
    reader = writer.reader
    with outside(reader.directory, "read"):
        here = next((named.position for named in list_named(reader.disk, reader.directory) if named.whole), -1)
    notices = [f"passed over a snapshot: {why}" for why in shelf.refused]
    commits = log.journal_end()
    for snapshot in reversed(shelf.whole):
        if snapshot.position <= here:
            break
        if not snapshot.whereabouts.is_on(log, commits):
            after = f"commit {snapshot.whereabouts.sequence - 1:,} of this journal is not the one it was made after"
            notices.append(f"passed over the snapshot of {snapshot.name}: {after}")
            continue
        try:
            writer.adopt(snapshot.name, _files(store, snapshot))
        except (SnapshotError, LogError) as error:
            notices.append(f"passed over the snapshot of {snapshot.name}: {error}")
            continue
        notices.append(f"fetched {snapshot.name} from the snapshots' topic")
        break
    return notices


def _files(store: SnapshotStore, snapshot: Snapshot) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield the files of a snapshot; each one's chunks must be taken before the next file."""
    first = 0
    for file in snapshot.files:
        yield file.name, _chunks(store, snapshot, file, first)
        first += len(file.chunks)


def _chunks(store: SnapshotStore, snapshot: Snapshot, file: SnapshotFile, first: int) -> Iterator[bytes]:
    for number, chunk in enumerate(file.chunks, first):
        record = store.chunk(chunk.offset)
        if record is None or record.offset != chunk.offset:
            msg = f"chunk {number} of {snapshot.name} is no longer at offset {chunk.offset}"
            raise SnapshotError(msg)
        check_chunk(snapshot, number, chunk, record.key, record.value)
        yield record.value

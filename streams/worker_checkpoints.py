"""A worker's checkpoints: the replica's state, and which commit of which journal it was made after.

A checkpoint may survive what the journal did not (a power cut under `durability = "process"`, a log brought back from
a copy), so it keeps the digest of its last commit: `streams.recovery` continues only from one this journal has seen.
"""

from __future__ import annotations

from typing import NamedTuple

from streams.checkpoint import Content, Stamp
from streams.checkpoint_writer import CheckpointWriter
from streams.replica import Replica
from streams.whereabouts import Whereabouts


class Kept(NamedTuple):
    """A checkpoint that was made, and where the worker stood."""

    stamp: Stamp
    whereabouts: Whereabouts


class WorkerCheckpoints:
    """Where one worker keeps its state.

    Parameters
    ----------
    writer
        Writes them.
    parent
        The checkpoint that the state was recovered from; None if it began at nothing.
    position
        The engine's position there.

    Attributes
    ----------
    behind
        Whether anything was committed since the last checkpoint.
    """

    def __init__(self, writer: CheckpointWriter, parent: Stamp | None, position: int) -> None:
        self._writer = writer
        self._parent = parent
        self.position = position
        self.behind = False

    def keep(self, replica: Replica) -> Kept | None:
        """Make a checkpoint of a replica that stands at the last commit, and return it; None where nothing is new.

        Raises
        ------
        SnapshotError
            When a model cannot give its state.
        SourceError
            When the disk is full, or fails: the older checkpoints stand as they were.
        """
        if not self.behind:
            return None
        engine, rest = replica.snapshot()
        content = Content(replica.engine.position, engine, rest)
        self._parent = self._writer.save(content, self._parent)
        self.position = content.position
        self.behind = False
        return Kept(self._parent, Whereabouts(replica.sequence, tuple(replica.offsets), replica.head))

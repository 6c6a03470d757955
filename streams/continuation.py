"""A replay that survives being killed: checkpoints on the way, and going on from the newest.

Outputs are a function of the input and the checkpoint. A checkpoint holds the engine's state at a position, the length
of every output file there, and the digest of the input up to there; a replay that is started again with the same
arguments restores the state, cuts the files to their lengths, reads past the input it has seen (checking that it is the
same) and goes on. It ends with the bytes of an undisturbed run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from engine.engine import Engine
from engine.errors import SnapshotError
from streams.checkpoint import Checkpoint, Content, Stamp
from streams.checkpoint_reader import CheckpointReader
from streams.checkpoint_seal import SealKey
from streams.checkpoint_writer import CheckpointWriter
from streams.jsonl_sink import JsonlSink
from streams.ports import SourceError
from streams.provenance import ReadRecords
from streams.runner import Runner
from streams.worker_lock import WorkerLock


class Continuation:
    """The checkpoints of one replay.

    Parameters
    ----------
    directory
        Where they are kept.
    identity
        The arguments of this run, as text by name: a checkpoint of others is refused.
    every
        Messages between two checkpoints, at least.
    key
        Signs checkpoints, where there is one.

    Raises
    ------
    SourceError
        When the directory cannot be written, or another replay is using it.
    """

    def __init__(self, directory: str, identity: Mapping[str, str], every: int, key: SealKey | None) -> None:
        self._lock = _lock(Path(directory))
        self._reader = CheckpointReader(directory=Path(directory), identity=identity, key=key)
        self._writer = CheckpointWriter(reader=self._reader)
        self._parent: Stamp | None = None
        self._position = 0
        self._kept: Checkpoint | None = None
        try:
            self._writer.make_ready()
        except BaseException:
            self._lock.release()
            raise
        self._every = every

    def __enter__(self) -> Continuation:
        """Return the continuation, which holds the lock on its directory."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the lock."""
        self._lock.release()

    def restore(self, engine: Engine, *, fallback: bool) -> tuple[str, ...]:
        """Bring the engine to the newest checkpoint, if there is one; return what a person should know about it.

        Raises
        ------
        SnapshotError
            When the newest is damaged (and `fallback` does not allow an older one), or of other arguments or versions.
        """
        engine.snapshot()  # a model that cannot give its state is refused now, not at the first checkpoint
        kept = self._kept = self._reader.newest_verified(fallback=fallback)
        if kept is None:
            return ()
        engine.restore(kept.content.engine)
        self._parent = kept.stamp
        self._position = kept.content.position
        skipped = tuple(f"passed over {name}: {reason}" for name, reason in kept.skipped)
        return (f"going on at position {kept.content.position:,}", *skipped, *kept.differences)

    @property
    def lengths(self) -> dict[str, int] | None:
        """The length of each output file at the checkpoint, in bytes; None where there is no checkpoint."""
        return None if self._kept is None else self._kept.content.caller["lengths"]

    @property
    def alarms(self) -> list[Any]:
        """The alarms up to the checkpoint, as plain data."""
        return [] if self._kept is None else self._kept.content.caller["alarms"]

    def catch_up(self, runner: Runner, records: ReadRecords) -> None:
        """Read past the input that the checkpoint has seen.

        Raises
        ------
        SnapshotError
            When it is not the input that was read then.
        """
        if self._kept is None:
            return
        seen = self._kept.content.caller
        passed = runner.skip(self._position)
        if passed < self._position or records.hexdigest() != seen["input_sha256"]:
            msg = (
                f"the first {seen['record_count']:,} records are not those the checkpoint at position "
                f"{self._position:,} was made from; give it the same input, or name a new --state directory"
            )
            raise SnapshotError(msg)

    def is_due(self, engine: Engine) -> bool:
        """Whether enough has happened since the last checkpoint."""
        return engine.position - self._position >= self._every

    def finish(self, engine: Engine, records: ReadRecords, sink: JsonlSink | None, alarms: list[Any]) -> None:
        """Make the last checkpoint, unless nothing has happened since the one before."""
        if engine.position > self._position or self._parent is None:
            self.keep(engine, records, sink, alarms)

    def keep(self, engine: Engine, records: ReadRecords, sink: JsonlSink | None, alarms: list[Any]) -> None:
        """Make a checkpoint: the outputs are durable before it exists."""
        caller = {
            "lengths": {} if sink is None else sink.lengths(),
            "alarms": alarms,
            "record_count": records.count,
            "input_sha256": records.hexdigest(),
        }
        self._parent = self._writer.save(Content(engine.position, engine.snapshot(), caller), self._parent)
        self._position = engine.position


def _lock(directory: Path) -> WorkerLock:
    """Make the directory, and take it for this process alone."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"{str(directory)!r} cannot be a state directory ({error.strerror}); name one that can be written"
        raise SourceError(msg) from error
    return WorkerLock(directory)

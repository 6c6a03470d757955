"""Recovery: from what is durable to the state of the last commit, bit for bit.

The newest verified checkpoint that this journal has seen, then the journal's tail carried out again without emitting;
every commit that comes out is compared with the one that was made. A difference stops: it is never papered over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from engine.errors import SnapshotError
from streams.checkpoint import Checkpoint, DamagedCheckpointError, Stamp
from streams.checkpoint_reader import CheckpointReader
from streams.checkpoint_versions import Versions, current_versions, differences
from streams.intake import Intake
from streams.journal import decode, digest_of
from streams.log_port import JournalRecord, Log, LogError
from streams.replica import Replica


class Recovered(NamedTuple):
    """A state that stands where the journal ends.

    `parent` is the checkpoint it continued from, `replayed` the commits carried out again and `notices` what a person
    should know.
    """

    replica: Replica
    intake: Intake
    parent: Stamp | None
    replayed: int
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovery:
    """Brings a replica to the journal's end, or to any sequence before it.

    Parameters
    ----------
    log
        Holds inputs and journal.
    checkpoints
        Where states were kept; None begins at nothing, and carries out the whole journal.
    make
        Makes a replica that knows nothing, with the pipeline that the start at a commit began.
    read
        Makes an intake from offsets on.
    fallback
        Whether a damaged checkpoint may be passed over: for the one before it, or for the journal alone.
    tail_may_be_lost
        Whether the journal may have lost its last commits, so that a checkpoint may be ahead of it.
    differences_accepted
        Whether a tail may be carried out under other versions than those it was made with.
    """

    log: Log
    checkpoints: CheckpointReader | None
    make: Callable[[int], Replica]
    read: Callable[[Sequence[int]], Intake]
    fallback: bool = False
    tail_may_be_lost: bool = True
    differences_accepted: bool = False
    watch: Callable[[int, int], None] = field(default=lambda _done, _end: None)

    def recover(self, sequence_max: int | None = None) -> Recovered:
        """Return the state after the journal's last commit, or after `sequence_max` commits.

        Raises
        ------
        SnapshotError
            When the newest checkpoint is refused, or the tail was made with other versions.
        LogError
            When the log does not hold what the journal names, or a commit comes out otherwise than it was made.
        """
        end = self.log.journal_end()
        if sequence_max is not None:
            end = min(end, sequence_max)
        kept, notices = self._newest(end)
        replica = self.make(0 if kept is None else int(kept.content.caller.get("begun_at", 0)))
        if kept is not None:
            replica.restore(kept.content.engine, kept.content.caller)
            notices += [f"passed over {name}: {why}" for name, why in kept.skipped]
            notices.append(f"going on from {kept.stamp.name}")
            if kept.differences:
                notices.append(f"versions differ: {'; '.join(kept.differences)}")
        intake = self.read(replica.offsets)
        replayed = self._follow(replica, intake, kept, end)
        return Recovered(replica, intake, None if kept is None else kept.stamp, replayed, tuple(notices))

    def _newest(self, end: int) -> tuple[Checkpoint | None, list[str]]:
        """Return the newest checkpoint whose last commit this journal holds, and what was passed over on the way."""
        notices: list[str] = []
        position_max: int | None = None
        while self.checkpoints is not None:
            try:
                kept = self.checkpoints.newest_verified(fallback=self.fallback, position_max=position_max)
            except DamagedCheckpointError as error:
                if not self.fallback:
                    raise
                notices.append(f"beginning from the journal alone: {error}")
                return None, notices
            if kept is None:
                return None, notices
            ahead = self._is_foreign(kept.content.caller, end)
            if ahead is None:
                return kept, notices
            if not self.tail_may_be_lost:
                msg = (
                    f"{kept.stamp.name} does not belong to this journal: {ahead}. Under durability = 'power' no commit "
                    "is lost, so the log was replaced by another, or an older copy: put the right one back, or go on "
                    "from what the journal knows with --fallback"
                )
                raise SnapshotError(msg)
            notices.append(f"passed over {kept.stamp.name}: {ahead}")
            position_max = kept.content.position - 1
            if position_max < 0:
                break
        return None, notices

    def _is_foreign(self, caller: dict[str, Any], end: int) -> str | None:
        """Return why a checkpoint does not belong before `end` of this journal; None where it does."""
        sequence = caller["sequence"]
        if sequence > end:
            return f"it was made after commit {sequence:,}, the journal goes to {end:,}"
        if sequence == 0:
            return None
        record = next(self.log.journal(sequence - 1))
        if digest_of(record.data) != caller["head"]:
            return f"commit {sequence - 1:,} of the journal is not the one it was made after"
        return None

    def _follow(self, replica: Replica, intake: Intake, kept: Checkpoint | None, end: int) -> int:
        """Carry the journal out up to a sequence; return how many commits that were."""
        first = replica.sequence
        if first >= end:
            return 0
        ours = current_versions() if self.checkpoints is None else self.checkpoints.versions
        told = () if kept is None else kept.differences
        for record in self.log.journal(first):
            if record.sequence >= end:
                break
            start = decode(record.data, record.sequence).start
            if start is not None:
                told = differences(versions_of(start), ours)
            if told and not self.differences_accepted:
                msg = (
                    f"commit {record.sequence:,} was made with other versions ({'; '.join(told)}): start once with "
                    "those and stop it cleanly; or accept, with --accept-differences, that last bits of what is "
                    "learned again may differ"
                )
                raise SnapshotError(msg)
            carry_out(replica, intake, record)
            self.watch(record.sequence + 1 - first, end - first)
        return end - first


def carry_out(replica: Replica, intake: Intake, record: JournalRecord) -> None:
    """Do again what one commit was about, and compare.

    Raises
    ------
    LogError
        When it comes out otherwise.
    """
    entry = decode(record.data, record.sequence)
    if entry.steps:
        replica.catch_up(entry.steps)
    made = replica.take(intake.take_runs(entry.runs), entry.start).commit
    if made.sequence != record.sequence or made.journal != record.data:
        msg = (
            f"commit {record.sequence:,} was made at position {entry.position:,} with other outputs than come out now "
            f"({decode(made.journal, made.sequence).outputs_sha256[:12]}, not {entry.outputs_sha256[:12]}): the state "
            "cannot be trusted; look for other versions or another machine, and see `sidestream audit`"
        )
        raise LogError(msg)


def versions_of(start: Mapping[str, Any]) -> Versions:
    """Return the versions a worker said it starts with. Raises `LogError` where it said nothing of the kind."""
    try:
        return Versions(**start["versions"])
    except (KeyError, TypeError) as error:
        msg = "a start in the journal does not say with which versions; restore the log from a copy"
        raise LogError(msg) from error

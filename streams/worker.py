"""Takes what has arrived, answers it, commits answers and inputs as one, and only then lets challengers work.

One turn, in this order, and exactly-once follows from it:

1. *take* what is at hand, at most a slice (see `streams.stride`);
2. *answer* it: the champion answers and learns, in memory;
3. *commit* the outputs, and the journal record that names the inputs, in one transaction;
4. *copy* new audit entries to their file, *checkpoint* if one is due, and *send* a piece of the last one away;
5. *catch up*: the challengers take steps for a bounded time; their answers leave with the next commit.

A worker that dies anywhere loses what was not committed, and comes back to the last commit (see `streams.recovery`). A
commit that raises ends it: what happened is in the journal. Read `streams.replica` next. This file knows no file, no
signal and no thread; its clock is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from streams.intake import SLICE_BYTES_MAX, Intake
from streams.log_port import Commit, Lease
from streams.replica import Effects, Replica
from streams.stride import Stride
from streams.worker_checkpoints import Kept, WorkerCheckpoints


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much is done at once; none of it changes an answer.

    Parameters
    ----------
    slice_count
        Records taken at once, at most; None: as many as suit, see `streams.stride`.
    slice_bytes_max
        Bytes of the records taken at once; the one that goes over it is the last.
    checkpoint_every
        Messages between two checkpoints, at least.
    checkpoint_every_s
        Seconds after which there is one all the same, if anything has happened.
    keeping_share
        Share of its time that a worker may spend on checkpoints that are due by their messages: answers wait for them.
    catch_up_s
        Seconds that challengers work before somebody looks whether anything has arrived.
    drain_s
        Seconds that they work where somebody asked for the end, and may not wait for ever.
    """

    slice_count: int | None = None
    slice_bytes_max: int = SLICE_BYTES_MAX
    checkpoint_every: int = 20_000
    checkpoint_every_s: float = 60.0
    keeping_share: float = 0.01
    catch_up_s: float = 0.002
    drain_s: float = 10.0


class Watcher(Protocol):
    """Sees a worker work."""

    def answered(self, effects: Effects, seconds: float) -> None:
        """Is told of a commit, and how long it took from taking the slice."""

    def kept(self) -> None:
        """Is told that there is a checkpoint."""


class AuditCopy(Protocol):
    """Keeps the audit trail where people look for it."""

    def append(self, lines: Sequence[bytes]) -> None:
        """Add entries that were committed."""


class Upload(Protocol):
    """Brings copies of checkpoints to where another machine finds them."""

    def offer(self, kept: Kept) -> None:
        """Have a checkpoint leave."""

    def step(self) -> bool:
        """Do a little, in bounded time; return whether there is more to do."""

    def finish(self, seconds: Callable[[], float]) -> None:
        """Let everything leave that was offered, for a bounded time."""


@dataclass(slots=True)
class Worker:
    """One worker on one log, between its recovery and its end.

    Parameters
    ----------
    replica, intake
        As recovered: they stand at the journal's end.
    lease
        The right to commit, taken before the journal was read.
    checkpoints
        Where the state is kept now and then.
    audit
        Gets a copy of every audit entry.
    watcher
        Sees what happens.
    seconds
        The clock: seconds since anything, never going back.
    pace
        How much at once.
    upload
        Brings checkpoints away from this machine; None where they stay.
    """

    replica: Replica
    intake: Intake
    lease: Lease
    checkpoints: WorkerCheckpoints
    audit: AuditCopy
    watcher: Watcher
    seconds: Callable[[], float]
    pace: Pace = field(default_factory=Pace)
    upload: Upload | None = None
    _stride: Stride = field(init=False)
    _kept_s: float = 0.0
    _keeping_s: float = 0.0
    _step_s: float = 0.0

    def __post_init__(self) -> None:
        """Begin with short slices."""
        self._stride = Stride(self.pace.slice_count)

    def begin(self, start: dict[str, object]) -> None:
        """Write down that this worker leads: from here on nobody of an earlier term has committed anything more."""
        self._kept_s = self.seconds()
        self._commit(self.replica.take((), start), self.seconds())

    def turn(self) -> bool:
        """Do one turn; return whether there was anything to do."""
        started = self.seconds()
        self.intake.look()
        arrivals = self.intake.take(self._stride.count, self.pace.slice_bytes_max)
        if arrivals or self.replica.unwritten:
            effects = self.replica.take(arrivals)
            self._stride.took(len(arrivals), self.seconds() - started)
            self._commit(effects, started)
        if self._is_due():
            self.keep()
        if self.upload is not None:
            self.upload.step()
        return bool(self._catch_up()) or bool(arrivals)

    def drain(self, *, in_haste: bool) -> None:
        """Finish what was taken: challengers catch up, their answers are committed, and the state is kept.

        In haste they have `drain_s`; further steps are kept with the state, and taken after the next start.
        """
        if in_haste:
            self._step(self.pace.drain_s)
        else:
            self.replica.catch_up()
        if self.replica.unwritten:
            self._commit(self.replica.take(()), self.seconds())
        self.keep()

    def keep(self) -> None:
        """Make a checkpoint, unless nothing was committed since the last."""
        started = self.seconds()
        kept = self.checkpoints.keep(self.replica)
        if kept is not None and self.upload is not None:
            self.upload.offer(kept)
        self._kept_s = self.seconds()
        self._keeping_s = self._kept_s - started
        self.watcher.kept()

    def _commit(self, effects: Effects, started: float) -> None:
        """Make a slice durable; what raises here ends the worker."""
        commit = effects.commit
        self.lease.commit(commit)
        self.checkpoints.behind = True
        lines = audit_lines(commit, self.replica.topics.audit)
        if lines:
            self.audit.append(lines)
        self.watcher.answered(effects, self.seconds() - started)

    def _is_due(self) -> bool:
        """Whether it is time for a checkpoint. Never between a step and its commit: the journal must know the step."""
        if self.replica.unwritten or not self.checkpoints.behind:
            return False
        since, since_s = self.replica.engine.position - self.checkpoints.position, self.seconds() - self._kept_s
        if since_s >= self.pace.checkpoint_every_s:
            return True
        return since >= self.pace.checkpoint_every and self._keeping_s <= since_s * self.pace.keeping_share

    def _catch_up(self) -> int:
        """Let challengers take steps for a while, or as many as stand on the tape beyond half of its bound.

        Not all of them: under load the next slice would wait for tens of thousands of steps, and then none.
        """
        engine = self.replica.engine
        if not engine.learner.tape:
            return 0
        beyond = len(engine.learner.tape) - engine.limits.tape_count_max // 2
        if beyond > 0:
            return self.replica.catch_up(beyond)
        return self._step(self.pace.catch_up_s)

    def _step(self, seconds: float) -> int:
        """Let challengers take steps for so long, as the last ones took; return how many."""
        started, taken = self.seconds(), 0
        while self.replica.engine.learner.tape:
            left_s = seconds - (self.seconds() - started)
            if left_s <= 0.0:
                break
            count = max(1, int(left_s / self._step_s)) if self._step_s > 0.0 else 1
            before = self.seconds()
            done = self.replica.catch_up(count)
            self._step_s = (self.seconds() - before) / done
            taken += done
        return taken


def audit_lines(commit: Commit, topic: str) -> list[bytes]:
    """Return the audit entries among the outputs of a commit."""
    return [entry.value for each in commit.outputs if each.topic == topic for entry in each.entries]

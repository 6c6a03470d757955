"""One worker from its start to its end: lead, recover, work until told to stop, drain, let go.

Order is everything here. The lease comes first, the journal is read after it, so nobody can add to it unseen; the
checkpoints are made ready under the lease's lock; the first commit says who leads. This file wires; `streams.worker` is
the loop, `streams.recovery` the way back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from engine.contender import Role
from engine.errors import SnapshotError
from streams.audit_file import AUDIT_FILE, AuditFile
from streams.checkpoint_seal import SealKey
from streams.checkpoint_versions import Versions, current_versions
from streams.checkpoint_writer import CheckpointWriter
from streams.codec_port import JSON, ValueCodec
from streams.disk import Disk, RealDisk
from streams.ground import Ground, begun, checkpoints_of, make_missing_topics, start_at, whole_topic
from streams.log_port import Lease, Log, LogError
from streams.meter import Meter, Status
from streams.pipeline import (
    Pipeline,
    changed_pipeline,
    event_source,
    infer_pipeline,
    resolved_pipeline,
    sample,
)
from streams.provenance import CONTENDER_ARGUMENTS
from streams.recovery import Recovered
from streams.relief import Relief
from streams.settings import Settings, settings_as_data
from streams.snapshot_fetch import fetch_newer
from streams.snapshot_shelf import shelf_of
from streams.snapshot_upload import SnapshotUpload
from streams.standby import Standby, Stop
from streams.worker import AuditCopy, Pace, Worker
from streams.worker_checkpoints import WorkerCheckpoints

IDLE_S_MIN = 0.001
IDLE_S_MAX = 0.02
"""How long an idle worker waits before it looks again: twice as long each time, up to this."""

ARRIVAL_S_MAX = 0.1
"""How long it waits at once where its log tells it of arrivals: so long a wish to stop may go unheard."""


class Observer(Protocol):
    """Sees a worker's life."""

    def recovering(self, done: int, end: int) -> None:
        """Is told how many commits of the journal's tail were carried out again, of how many."""

    def begin(self, ground: Ground, recovered: Recovered, seconds: float) -> None:
        """Is told what runs, from where, and how long recovery took."""

    def working(self, status: Callable[[], Status]) -> None:
        """Is told after each turn; asks for the status when it wants to show it."""

    def end(self, status: Status) -> None:
        """Is told that everything is committed and kept, and how things stand."""


class AuditTrailCopy(AuditCopy, Protocol):
    """A copy of the audit trail that can be brought up to the topic."""

    def bring_up(self, topic: Iterable[bytes], *, may_be_ahead: bool) -> int:
        """Add what is missing; return how many entries that was. `may_be_ahead`: the log may have lost its end."""
        ...


class World(Protocol):
    """Who starts the worker, and its clocks."""

    by: str

    def now_ms(self) -> int:
        """Return the time of day, unix milliseconds."""
        ...

    def seconds(self) -> float:
        """Return seconds since anything, never going back."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What it takes to run a worker.

    Parameters
    ----------
    settings, log
        What to do, and where.
    key
        Signs checkpoints, where there is one.
    world, observer, stop
        The outside.
    once
        Stop when everything that has arrived is answered.
    accept_differences
        Whether a journal's tail may be carried out under other versions.
    change_contenders
        Whether contenders may be others than before: those that stay continue, new ones begin, the champion stays.
    say
        Is told, in one sentence, what a person should know while it runs.
    standby
        Waits until no other worker leads; None fails where one does.
    values
        Reads and writes the values of the topics.
    disk, versions, audit
        Where checkpoints are written, and with what; the copy of the audit trail. By default the machine's, under
        `[log] dir`; tests give their own.
    """

    settings: Settings
    log: Log
    key: SealKey | None
    world: World
    observer: Observer
    stop: Stop
    once: bool = False
    accept_differences: bool = False
    change_contenders: bool = False
    say: Callable[[str], None] = field(default=lambda _: None)
    standby: Standby | None = None
    values: ValueCodec = JSON
    disk: Disk = field(default_factory=RealDisk)
    versions: Versions = field(default_factory=current_versions)
    audit: AuditTrailCopy | None = None
    _meter: Meter = field(init=False)

    def __post_init__(self) -> None:
        """Measure by the world's clock."""
        object.__setattr__(self, "_meter", Meter(self.world.seconds))

    def run(self) -> None:
        """Lead, recover, work until asked to stop, drain.

        Raises
        ------
        LeaseError
            When another worker runs on this log.
        ConfigError
            When the settings do not fit what is there.
        SnapshotError, LogError
            When what is durable is refused: see `streams.recovery`.
        SourceError
            When the log or the disk says no. What was committed stands; start again.
        """
        with self._lead() as lease, self._audit_copy() as audit:
            make_missing_topics(self.log, self.settings)
            is_first = self.log.journal_end() == 0
            ground = self._ground(is_first=is_first)
            worker = self._recover(ground, lease, audit)
            pipeline = ground.pipeline if is_first else self._changed(worker.replica.pipeline)
            worker.begin(self._start(ground, pipeline))
            worker.drain(in_haste=self._work(worker))
            if worker.upload is not None:
                worker.upload.finish(self.world.seconds)
            self.observer.end(self._status(worker))

    def _lead(self) -> Lease:
        """Become the one worker that commits, at once or, as a standby, when the one that leads has ended."""
        return self.log.lead() if self.standby is None else self.standby.wait_for(self.log.lead)

    def _ground(self, *, is_first: bool) -> Ground:
        """Return the ground of the pipeline that the journal began with, or that it is to begin with."""
        if is_first:
            pipeline = infer_pipeline(self.settings, *sample(self.settings, self.log, self.values))
        else:
            start = start_at(self.log, 0)
            pipeline = begun(start)
            _refuse_others(pipeline, resolved_pipeline(self.settings, start["resolved"]))
            _refuse_other_headers(pipeline, self.settings)
        kept = replace(checkpoints_of(self.settings, pipeline, self.key), disk=self.disk, versions=self.versions)
        return Ground(self.settings, self.log, pipeline, kept, self.values)

    def _audit_copy(self) -> AbstractContextManager[AuditTrailCopy]:
        """Return the copy of the audit trail that was handed over, or the one next to the log."""
        if self.audit is not None:
            return nullcontext(self.audit)
        return AuditFile(Path(str(self.settings.log.dir)) / AUDIT_FILE)

    def _recover(self, ground: Ground, lease: Lease, audit: AuditTrailCopy) -> Worker:
        """Return a worker whose state stands at the journal's end."""
        world, run = self.world, self.settings.run
        writer = CheckpointWriter(ground.checkpoints)
        writer.make_ready()
        began_s = world.seconds()
        upload = self._upload(writer, lease)
        tail_may_be_lost = run.fallback or self.settings.log.durability == "process"
        recovered = ground.recovery(
            fallback=run.fallback,
            tail_may_be_lost=tail_may_be_lost,
            differences_accepted=self.accept_differences,
            watch=self.observer.recovering,
        ).recover()
        if recovered.parent is None:
            writer.clear()
        audit.bring_up(whole_topic(self.log, self.settings.topics.audit), may_be_ahead=tail_may_be_lost)
        self.observer.begin(ground, recovered, world.seconds() - began_s)
        replica = recovered.replica
        return Worker(
            replica=replica,
            intake=recovered.intake,
            lease=lease,
            checkpoints=WorkerCheckpoints(writer, recovered.parent, replica.engine.position),
            audit=audit,
            watcher=self._meter,
            seconds=world.seconds,
            pace=Pace(
                slice_count=run.slice,
                checkpoint_every=run.checkpoint_every,
                checkpoint_every_s=run.checkpoint_every_s,
            ),
            upload=upload,
        )

    def _upload(self, writer: CheckpointWriter, lease: Lease) -> SnapshotUpload | None:
        """Fetch a snapshot that is newer than what is here, and return what brings checkpoints to where others are."""
        store = None if self.log.cluster is None else self.log.cluster.snapshots
        if store is None:
            return None
        try:
            shelf = shelf_of(store.records())
        except LogError as error:
            self.say(f"no snapshot is fetched or sent, since there is damage among them: {error}")
            return None
        for notice in fetch_newer(store, shelf, self.log, writer):
            self.say(notice)
        return SnapshotUpload(store, shelf, writer.reader, term=lease.term, say=self.say)

    def _changed(self, pipeline: Pipeline) -> Pipeline | None:
        """Return the pipeline with the contenders that are asked for now; None where they are those there are."""
        differing = _differing(pipeline, resolved_pipeline(self.settings, pipeline.resolved()))
        if not differing:
            return None
        if not self.change_contenders:
            told = "; ".join(differing.values())
            msg = f"this log runs with other contenders: {told}; put them back, or change them with --change-contenders"
            raise SnapshotError(msg)
        return changed_pipeline(pipeline, self.settings)

    def _start(self, ground: Ground, pipeline: Pipeline | None) -> dict[str, Any]:
        """Return what the first commit of this worker says; with a pipeline, what is to be answered from here on."""
        start: dict[str, Any] = {
            "by": self.world.by,
            "at_ms": self.world.now_ms(),
            "versions": asdict(ground.checkpoints.versions),
        }
        if pipeline is not None:
            start["identity"] = dict(pipeline.identity)
            start["resolved"] = pipeline.resolved()
            start["settings"] = settings_as_data(self.settings)
        return start

    def _work(self, worker: Worker) -> bool:
        """Turn after turn, until asked to stop, or, with `once`, until nothing is left to do; return whether asked."""
        idle_s = IDLE_S_MIN
        relief = self._relief(worker)
        while not self.stop.asked():
            if relief is not None:
                relief.look(self.world.seconds(), worker.intake.backlog)
            if worker.turn():
                idle_s = IDLE_S_MIN
            elif self.once:
                return False
            elif not self.log.wait(ARRIVAL_S_MAX):
                self.stop.wait(idle_s)
                idle_s = min(2 * idle_s, IDLE_S_MAX)
            self.observer.working(partial(self._status, worker))
        return True

    def _relief(self, worker: Worker) -> Relief | None:
        """Return who looks whether challengers are to be shed; None where there are none, or nobody waits."""
        rules, engine = self.settings.overload.rules(), worker.replica.engine
        roles = [contender.billing.role for contender in engine.learner.contenders]
        if rules is None or self.once or Role.CHALLENGER not in roles:
            return None
        return Relief(rules, engine, self.log, self.settings.topics.commands, self.world.now_ms)

    def _status(self, worker: Worker) -> Status:
        return self._meter.status(worker.replica.engine, worker.intake.backlog())


def _differing(theirs: Pipeline, ours: Pipeline) -> dict[str, str]:
    """Return in which arguments two pipelines differ, and a word about each."""
    return {
        name: f"{name} was {text}, is {ours.identity[name]}"
        for name, text in theirs.identity.items()
        if ours.identity[name] != text
    }


def _refuse_other_headers(pipeline: Pipeline, settings: Settings) -> None:
    """Refuse to give outputs headers from here on, or none any more: the journal says which they have."""
    theirs, ours = pipeline.event_source is not None, event_source(settings) is not None
    if theirs is not ours and settings.kafka.address is not None:
        was = str(theirs).lower()
        msg = f"this log was begun with [kafka] cloud_events = {was}; set it so again, or begin a log of another name"
        raise SnapshotError(msg)


def _refuse_others(theirs: Pipeline, ours: Pipeline) -> None:
    """Refuse to go on under settings that would answer otherwise; contenders may change, see `Service._changed`."""
    told = "; ".join(word for name, word in _differing(theirs, ours).items() if name not in CONTENDER_ARGUMENTS)
    if told:
        msg = f"this log was begun with other settings: {told}; put them back, or begin a new [log] dir"
        raise SnapshotError(msg)

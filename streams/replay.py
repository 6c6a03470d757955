"""One replay from beginning to end: prepare, run, write the summary, and hand back what there is to show."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

from engine.engine import Engine
from engine.messages import Alarm, Outcomes
from engine.summary import Summary
from streams.checkpoint_seal import key_from
from streams.clock import ModelTimer, Stopwatch
from streams.codec import to_json
from streams.continuation import Continuation
from streams.garbage import looked_for_seldom
from streams.jsonl_sink import JsonlSink
from streams.ports import Source
from streams.preparation import Prepared, prepare
from streams.provenance import arguments
from streams.runner import Runner
from streams.settings import Settings
from streams.stride import SLICE_COUNT


class Observer(Protocol):
    """Sees a replay go by."""

    def begin(self, prepared: Prepared, notices: Sequence[str]) -> None:
        """Is told what is about to run, and what there is to know about where it goes on."""

    def note(self, out: Outcomes) -> None:
        """Is shown what was said about a slice."""

    def progress(self, engine: Engine, seconds: float) -> None:
        """Is shown the engine after a slice."""

    def end(self) -> None:
        """Is told that it is over, however it ended."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a replay came to.

    `durable` depends on the input alone and is what `summary.json` holds; the rest is about this one run.
    """

    summary: Summary
    durable: dict[str, Any]
    wall_s: float
    us_per_event: dict[str, float | None]
    out: str | None

    def as_json(self) -> str:
        """Return everything as one JSON object."""
        data = dict(self.durable)
        data["models"] = {
            name: {**model, "us_per_event": self.us_per_event[name]} for name, model in data["models"].items()
        }
        data["wall_s"] = self.wall_s
        data["events_per_s"] = data["events"] / self.wall_s if self.wall_s else None
        return to_json(data)


def replay(settings: Settings, observer: Observer, source: Source | None = None) -> Result:
    """Replay what the settings describe; with a state directory, from where the last one was killed.

    `source` is read in the place of the paths of the settings.

    Raises
    ------
    ConfigError, SourceError
        Before anything starts, or when the source or the output fails on the way.
    SnapshotError
        When a checkpoint cannot be continued: it is damaged, or of another run.
    """
    prepared = prepare(settings, source)
    with _continuation(settings, prepared) or nullcontext() as kept:
        return _replay(settings, prepared, kept, observer)


def _replay(settings: Settings, prepared: Prepared, kept: Continuation | None, observer: Observer) -> Result:
    """Run what was prepared, from its beginning or from the newest checkpoint."""
    engine = prepared.engine
    timers = _time(engine)
    alarms = AlarmLog(prepared.plan.limits.alarm_count_max)
    notices: tuple[str, ...] = ()
    if kept is not None:
        notices = kept.restore(engine, fallback=settings.run.fallback)
        alarms.restore(kept.alarms)
    out = settings.output.dir
    clock = Stopwatch()
    observer.begin(prepared, notices)
    try:
        with JsonlSink(out, kept.lengths if kept else None) if out else nullcontext() as sink:
            runner = Runner(engine, prepared.feed, prepared.codec, sink)
            if kept is not None:
                kept.catch_up(runner, prepared.records)

            def watch(outcomes: Outcomes) -> None:
                alarms.note(outcomes.alarms)
                observer.note(outcomes)
                if kept is not None and kept.is_due(engine):
                    kept.keep(engine, prepared.records, sink, alarms.snapshot())
                observer.progress(engine, clock.seconds())

            with looked_for_seldom():
                summary = runner.run(settings.run.slice or SLICE_COUNT, watch)
            if kept is not None:
                kept.finish(engine, prepared.records, sink, alarms.snapshot())
            durable = _durable(summary, engine, prepared, alarms)
            if sink is not None:
                sink.write_summary(durable)
    finally:
        observer.end()
    times = {name: timer.us_per_event for name, timer in timers.items()}
    return Result(summary, durable, clock.seconds(), times, out)


def _time(engine: Engine) -> dict[str, ModelTimer]:
    """Put a stopwatch on every model."""
    timers = {}
    for contender in engine.learner.contenders:
        timers[contender.name] = timer = ModelTimer()
        contender.model = timer.around(contender.model)
        contender.wrap = timer.around
    return timers


def _continuation(settings: Settings, prepared: Prepared) -> Continuation | None:
    if settings.run.state is None:
        return None
    identity = arguments(settings, prepared.plan)
    return Continuation(settings.run.state, identity, settings.run.checkpoint_every, key_from(os.environ))


class AlarmLog:
    """The alarms of a run, up to a bound; the engine counts them all."""

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self.kept: list[Alarm] = []

    def note(self, alarms: Sequence[Alarm]) -> None:
        """Keep alarms while there is room."""
        self.kept += alarms[: self._count_max - len(self.kept)]

    def snapshot(self) -> list[Any]:
        """Return the alarms as plain data."""
        return [list(alarm) for alarm in self.kept]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        self.kept = [Alarm(*alarm) for alarm in state]


def _durable(summary: Summary, engine: Engine, prepared: Prepared, alarms: AlarmLog) -> dict[str, Any]:
    """Return the summary that depends on the input alone."""
    shown = [
        {
            "index": alarm.request_index,
            "event_time_ms": alarm.event_time_ms,
            "watched": alarm.watched,
            "detector": alarm.detector,
            "signal": alarm.signal,
            "episode": alarm.episode,
        }
        for alarm in alarms.kept
    ]
    return {
        **summary.data,
        "labels_not_yet_known": prepared.delay.waiting,
        "seed": prepared.plan.seed,
        "task": prepared.plan.task.value,
        "state_digest": engine.state_digest(),
        "alarm_count": engine.alarm_count,
        "alarms": shown,
    }

"""What durability costs: `python -m benchmarks.durable [--rounds N] [--dir DIR] [--json FILE]`.

Three questions, each asked in interleaved rounds and answered by medians:

- *answers*: events per second, and the time from taking a record to the commit that holds its answer, on the embedded
  log with `durability` power and process and on the log in memory, in slices of 1 and of up to 256. The models cost
  next to nothing and each record brings its label, so what differs between two lines is the log.
- *checkpoints*: bytes and time to keep, and to verify and restore, an engine of one real model, beside `pickle` of the
  same River object.
- *recovery*: commits of a journal carried out again and compared, from nothing.

The disk is part of the answer: DIR is where the logs go, the system's directory of temporary files if it is left out,
and one append with its sync is timed there for comparison. A file system in memory makes `power` look free.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, TypeVar

from benchmarks.loop import HEAVY, events, plan
from engine import Engine, Label, Request
from engine.messages import Message
from engine.snapshot import encode
from streams.checkpoint import Content, Stamp
from streams.checkpoint_reader import CheckpointReader
from streams.checkpoint_writer import CheckpointWriter
from streams.clock import SystemClock
from streams.embedded_log import EmbeddedLog
from streams.garbage import looked_for_seldom
from streams.ground import CHECKPOINTS, Ground, checkpoints_of
from streams.log_file import Durability
from streams.log_port import Entry, Log
from streams.memory_log import MemoryLog
from streams.pipeline import infer_pipeline
from streams.replica import Effects
from streams.settings import load_settings
from streams.worker import Pace, Worker
from streams.worker_checkpoints import WorkerCheckpoints

SLICES = (1, 256)
MEMORY = "memory"
LOGS = (*(each.value for each in Durability), MEMORY)
APPEND_COUNT = 500
SYNC_COUNT = 50
SYNC_BYTES = 4_096
FULL = {1: 2_000, 256: 20_000}
TRAIN_COUNT = 10_000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured.

    Parameters
    ----------
    rounds
        Of each measurement.
    event_counts
        Events of one round, by the length of its slices: a sync for every event is slow.
    train_count
        Events a model has learned before its checkpoint is made.
    """

    rounds: int
    event_counts: dict[int, int]
    train_count: int


class Stopclock:
    """Watches a worker: how long each answer took, from its record's being taken to its commit."""

    def __init__(self) -> None:
        self.answer_s: list[float] = []

    def answered(self, effects: Effects, seconds: float) -> None:
        """Take the time of each answer of a commit: they leave together."""
        self.answer_s += [seconds] * sum(len(out.predictions) for out in effects.outcomes)

    def kept(self) -> None:
        """Hear of a checkpoint; none is made while answers are timed."""


class NoTrail:
    """A copy of the audit trail that nobody keeps."""

    def append(self, lines: Sequence[bytes]) -> None:
        """Drop the lines."""


@contextmanager
def ground_on(kind: str, directory: Path, event_count: int) -> Iterator[Ground]:
    """Open a log that holds so many requests, and what is to answer them."""
    rows, targets = events(event_count)
    entries = [
        Entry(None, json.dumps({"id": index, **x, "y": int(y)}).encode())
        for index, (x, y) in enumerate(zip(rows, targets, strict=True))
    ]
    settings = load_settings(
        None,
        {
            "input": {"target": "y", "id": "id", "task": "binary", "positive": 1},
            "labels": {"source": "record"},
            "contenders": {"champion": "majority()"},
            "detectors": {"specs": "none"},
            "schema": {"columns": dict.fromkeys(rows[0], "numeric")},
            "log": {"dir": str(directory), "durability": Durability.POWER if kind == MEMORY else kind},
        },
        {},
    )
    log: Log
    if kind == MEMORY:
        directory.mkdir()
        log = MemoryLog()
    else:
        log = EmbeddedLog(str(directory), durability=Durability(kind), create=True)
    topics = settings.topics
    for topic in topics.names():
        log.create_topic(topic, 1)
    for at in range(0, event_count, APPEND_COUNT):
        log.append(topics.requests, 0, entries[at : at + APPEND_COUNT])
    pipeline = infer_pipeline(settings, (), ())
    try:
        yield Ground(settings, log, pipeline, checkpoints_of(settings, pipeline, None))
    finally:
        log.close()


@contextmanager
def worker_on(ground: Ground, slice_count: int, stopclock: Stopclock) -> Iterator[Worker]:
    """Start a worker on a log where none has run, without checkpoints on the way."""
    with ground.log.lead() as lease:
        recovered = ground.recovery().recover()
        clock = SystemClock()
        worker = Worker(
            replica=recovered.replica,
            intake=recovered.intake,
            lease=lease,
            checkpoints=WorkerCheckpoints(CheckpointWriter(ground.checkpoints), None, 0),
            audit=NoTrail(),
            watcher=stopclock,
            seconds=clock.seconds,
            pace=Pace(slice_count=slice_count, checkpoint_every=1 << 60, checkpoint_every_s=float("inf")),
        )
        worker.begin({"by": "benchmark", "at_ms": 0, "versions": asdict(ground.checkpoints.versions)})
        yield worker


def answers_and_recovery(sizes: Sizes, parent: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return how fast and how soon answers are durable, and how fast the journals of these runs are carried out."""
    spent: dict[tuple[str, int], list[tuple[float, float, float, float]]] = {}
    commits: dict[tuple[str, int], int] = {}
    for number in range(sizes.rounds):
        for slice_count, event_count in sizes.event_counts.items():
            for kind in LOGS:
                directory = parent / f"{kind}-{slice_count}-{number}"
                with ground_on(kind, directory, event_count) as ground:
                    answered = _answer_all(ground, slice_count, event_count)
                    spent.setdefault((kind, slice_count), []).append((*answered, _replay_all(ground)))
                    commits[kind, slice_count] = ground.log.journal_end()
    answers, recovery = {}, {}
    for (kind, slice_count), lines in spent.items():
        event_count = sizes.event_counts[slice_count]
        wall_s, p50_s, p99_s, recovery_s = map(median, zip(*lines, strict=True))
        name = f"{kind}, slices of {slice_count}"
        answers[name] = {"events_per_s": event_count / wall_s, "p50_ms": p50_s * 1e3, "p99_ms": p99_s * 1e3}
        recovery[name] = {
            "events_per_s": event_count / recovery_s,
            "commits_per_s": commits[kind, slice_count] / recovery_s,
        }
    return answers, recovery


def _answer_all(ground: Ground, slice_count: int, event_count: int) -> tuple[float, float, float]:
    """Let a worker answer everything; return the seconds it took, and the median and p99 of the answers."""
    stopclock = Stopclock()
    with worker_on(ground, slice_count, stopclock) as worker:
        started = perf_counter()
        while worker.turn():
            pass
        wall_s = perf_counter() - started
    if len(stopclock.answer_s) != event_count:
        msg = f"{event_count} answers were expected, got {len(stopclock.answer_s)}"
        raise RuntimeError(msg)
    waits = sorted(stopclock.answer_s)
    return wall_s, median(waits), waits[min(len(waits) - 1, len(waits) * 99 // 100)]


def _replay_all(ground: Ground) -> float:
    """Return the seconds it takes to come to the journal's end from nothing; every commit is compared on the way."""
    started = perf_counter()
    recovered = ground.recovery().recover()
    wall_s = perf_counter() - started
    if recovered.replayed != ground.log.journal_end():
        msg = f"{ground.log.journal_end()} commits were expected, got {recovered.replayed}"
        raise RuntimeError(msg)
    return wall_s


def checkpoints(sizes: Sizes, parent: Path) -> dict[str, dict[str, float]]:
    """Return, per model, what its checkpoint weighs and takes, and the same of `pickle`."""
    engines = {name: _trained(spec, sizes.train_count) for name, spec in HEAVY.items()}
    spent: dict[str, list[dict[str, float]]] = {name: [] for name in HEAVY}
    for number in range(sizes.rounds):
        for name, engine in engines.items():
            spent[name].append(_kept(engine, HEAVY[name], parent / f"{CHECKPOINTS}-{number}-{name}"))
    return {name: {key: median(each[key] for each in lines) for key in lines[0]} for name, lines in spent.items()}


def _trained(spec: str, event_count: int) -> Engine:
    """Return an engine of one model that has learned so many events."""
    engine = Engine(plan(spec, {}))
    messages: list[Message] = []
    for index, (x, y) in enumerate(zip(*events(event_count), strict=True)):
        messages += [Request(index, x), Label(index, y)]
    for at in range(0, len(messages), max(SLICES)):
        engine.process(messages[at : at + max(SLICES)])
    return engine


def _kept(engine: Engine, spec: str, directory: Path) -> dict[str, float]:
    """Keep an engine's state and restore it into a new one, which must be the same."""
    reader = CheckpointReader(directory=directory, identity={"spec": spec})
    writer = CheckpointWriter(reader)
    writer.make_ready()
    model = engine.learner.contenders[0].model
    estimator = model.estimator  # type: ignore[attr-defined]
    other = Engine(plan(spec, {}))
    pickle_s, pickled = seconds_of(lambda: pickle.dumps(estimator))
    state_s, state = seconds_of(lambda: encode(model.snapshot()))
    save_s, stamp = seconds_of(lambda: _save(engine, writer))
    restore_s, _ = seconds_of(lambda: _restore(other, reader))
    if other.state_digest() != engine.state_digest():
        msg = f"another state of {spec!r} came back than was kept"
        raise RuntimeError(msg)
    return {
        "checkpoint_bytes": stamp.length,
        "save_ms": save_s * 1e3,
        "restore_ms": restore_s * 1e3,
        "model_bytes": len(state),
        "model_ms": state_s * 1e3,
        "pickle_bytes": len(pickled),
        "pickle_ms": pickle_s * 1e3,
    }


def _save(engine: Engine, writer: CheckpointWriter) -> Stamp:
    return writer.save(Content(engine.position, engine.snapshot(), {}), None)


def _restore(engine: Engine, reader: CheckpointReader) -> None:
    kept = reader.newest_verified()
    if kept is None:
        msg = f"there is no checkpoint in {str(reader.directory)!r}"
        raise RuntimeError(msg)
    engine.restore(kept.content.engine)


def sync_ms(parent: Path) -> float:
    """Return what the disk takes for one append of 4 KiB to a growing file and its sync, for comparison."""
    spent = []
    with (parent / "synced").open("wb", buffering=0) as file:
        for _ in range(SYNC_COUNT):
            started = perf_counter()
            file.write(bytes(SYNC_BYTES))
            os.fsync(file.fileno())
            spent.append(perf_counter() - started)
    return median(spent) * 1e3


def seconds_of(run: Callable[[], T]) -> tuple[float, T]:
    """Return how long something took, and what came of it."""
    started = perf_counter()
    result = run()
    return perf_counter() - started, result


def measured(sizes: Sizes, directory: str | None = None) -> dict[str, Any]:
    """Return everything that is measured here."""
    with tempfile.TemporaryDirectory(dir=directory) as folder, looked_for_seldom():
        parent = Path(folder)
        answers, recovery = answers_and_recovery(sizes, parent)
        return {
            "python": platform.python_version(),
            "sync_ms": sync_ms(parent),
            "answers": answers,
            "recovery": recovery,
            "checkpoints": checkpoints(sizes, parent),
        }


def lines_of(found: dict[str, Any]) -> Iterator[str]:
    """Yield what was measured, for eyes."""
    yield f"one append of {SYNC_BYTES:,} bytes and its sync: {found['sync_ms']:.2f} ms"
    for name, line in found["answers"].items():
        yield (
            f"answers    {name:<22} {line['events_per_s']:>9,.0f} events/s   "
            f"p50 {line['p50_ms']:8.3f} ms   p99 {line['p99_ms']:8.3f} ms"
        )
    for name, line in found["recovery"].items():
        yield (
            f"recovery   {name:<22} {line['events_per_s']:>9,.0f} events/s   {line['commits_per_s']:>8,.0f} commits/s"
        )
    for name, line in found["checkpoints"].items():
        yield (
            f"checkpoint {name:<14} {line['checkpoint_bytes']:>10,.0f} bytes, kept in {line['save_ms']:7.1f} ms, "
            f"restored in {line['restore_ms']:7.1f} ms; the model alone {line['model_bytes']:>10,.0f} bytes in "
            f"{line['model_ms']:7.1f} ms, pickled {line['pickle_bytes']:>10,.0f} bytes in {line['pickle_ms']:6.1f} ms"
        )


def main() -> None:
    """Run everything and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dir", metavar="DIR")
    parser.add_argument("--json", metavar="FILE")
    given = parser.parse_args()
    found = measured(Sizes(given.rounds, FULL, TRAIN_COUNT), given.dir)
    for line in lines_of(found):
        print(line)
    if given.json:
        Path(given.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""A worker's life in memory, for tests that look at one moment of it: a log, a disk, a clock, and nobody who kills."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from streams.checkpoint_versions import Versions, current_versions
from streams.ground import Ground, checkpoints_of, start_at
from streams.log_port import Entry
from streams.memory_log import MemoryLog
from streams.pipeline import resolved_pipeline
from streams.recovery import Recovered
from streams.run import Service
from streams.settings import Settings, load_settings
from streams.simulated_disk import SimulatedDisk

ROOT = Path("/state")
START_MS = 1_700_000_000_000
SECTIONS: dict[str, dict[str, Any]] = {
    "input": {"target": "y", "id": "id", "time": "ts", "drop": ["ts"], "task": "binary", "positive": 1},
    "labels": {"time": "at", "policy": "wait(2h)"},
    "schema": {"columns": {"a": "numeric", "b": "numeric"}},
    "contenders": {
        "champion": "linear=river.linear_model.LogisticRegression()",
        "challengers": {"bayes": "river.naive_bayes.GaussianNB()"},
    },
    "log": {"dir": str(ROOT)},
    "run": {"slice": 4, "checkpoint_every": 20},
}


def settings_of(**changes: dict[str, Any]) -> Settings:
    """Return the settings of a small worker, with these keys changed, by section."""
    sections = {name: {**SECTIONS.get(name, {}), **changes.get(name, {})} for name in {**SECTIONS, **changes}}
    return load_settings(None, sections, {})


class Copy:
    """The copy of the audit trail."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def bring_up(self, topic: Iterable[bytes], *, may_be_ahead: bool) -> int:
        """Take the topic's lines."""
        before, self.lines = len(self.lines), list(topic)
        return len(self.lines) - before

    def append(self, lines: Sequence[bytes]) -> None:
        """Add lines."""
        self.lines += lines


@dataclass
class Life:
    """A log that outlives its workers, and what is around it; it is their clock, signal and observer.

    Time stands still unless `tick_s` says otherwise: each look at the clock lets so much pass.
    """

    log: MemoryLog = field(default_factory=MemoryLog)
    disk: SimulatedDisk = field(default_factory=lambda: SimulatedDisk(ROOT))
    settings: Settings = field(default_factory=settings_of)
    versions: Versions | None = None
    by: str = "a test"
    tick_s: float = 0.0
    now_s: float = 0.0
    count: int = 0
    between: Callable[[], bool] = lambda: False
    copy: Copy = field(default_factory=Copy)
    recovered_at_start: Recovered | None = None

    def __post_init__(self) -> None:
        """Make the inputs."""
        for topic in ("requests", "labels", "commands"):
            self.log.create_topic(topic, 1)

    def arrive(self, count: int) -> None:
        """Let so many requests arrive, and a label for each, an hour later."""
        for number in range(self.count, self.count + count):
            at = START_MS + 60_000 * number
            values = {"id": f"e{number}", "ts": at, "a": (number * 7 % 11) - 5.0, "b": number % 4}
            self.append("requests", values)
            self.append("labels", {"id": f"e{number}", "y": int(number * 7 % 11 > 6), "at": at + 3_600_000})
        self.count += count

    def append(self, topic: str, values: dict[str, Any] | bytes) -> None:
        """Append one record."""
        data = values if isinstance(values, bytes) else json.dumps(values).encode()
        self.log.append(topic, 0, [Entry(None, data)])

    def service(self, **more: Any) -> Service:
        """Return a worker that stops once everything is answered."""
        fields = {"settings": self.settings, "once": True, "versions": self.versions or current_versions(), **more}
        return Service(
            log=self.log, key=None, world=self, observer=self, stop=self, disk=self.disk, audit=self.copy, **fields
        )

    def run(self, **more: Any) -> None:
        """Let a worker live until everything is answered."""
        self.service(**more).run()

    def recovered(self, sequence: int | None = None, **more: Any) -> Recovered:
        """Return the state as a worker would find it."""
        pipeline = resolved_pipeline(self.settings, start_at(self.log, 0)["resolved"])
        kept = checkpoints_of(self.settings, pipeline, None)
        kept = replace(kept, disk=self.disk, versions=self.versions or current_versions())
        return Ground(self.settings, self.log, pipeline, kept).recovery(**more).recover(sequence)

    def now_ms(self) -> int:
        """Return the time of day."""
        return START_MS + int(1_000 * self.now_s)

    def seconds(self) -> float:
        """Return the time that has passed."""
        self.now_s += self.tick_s
        return self.now_s

    def asked(self) -> bool:
        """Whether to stop."""
        return self.between()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now_s += seconds

    def recovering(self, done: int, end: int) -> None:
        """Hear of it."""

    def begin(self, ground: Ground, recovered: Recovered, seconds: float) -> None:
        """Remember from where it goes on."""
        self.recovered_at_start = recovered

    def working(self, status: object) -> None:
        """Hear of it."""

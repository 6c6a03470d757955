"""A seeded world around one worker: a log in memory, a disk that forgets, a clock of its own, and a will to kill.

`python -m tests.simulation.worker_world SEED` repeats one history and says what happened in it;
`python -m tests.simulation.worker_world --count 100000 [--from SEED]` looks for one that goes wrong.

The worker is the real one (`streams.run.Service`), handed a world in which every look at the clock, every operation of
the disk and every commit may be its last. What it must have done `tests.journal_oracle` makes again.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from engine.errors import SnapshotError
from streams.checkpoint import list_named
from streams.ground import Ground
from streams.log_port import LeaseError
from streams.memory_log import Fault, MemoryLog
from streams.ports import SourceError
from streams.run import Service
from streams.settings import load_settings
from streams.simulated_disk import Loss, PowerCut, SimulatedDisk, flip_bit
from tests.journal_oracle import Oracle
from tests.senders import SECTIONS, START_MS, Senders

ROOT = Path("/state")
CHECKPOINTS = ROOT / "checkpoints"


EAGER = {
    "run_length": 1,
    "matured_count_min": 2,
    "positive_count_min": 0,
    "span_min": "0s",
    "margin": -0.2,
    "harm_run_length": 2,
    "epoch_inputs": 4,
}
"""Promotes on next to nothing, so that much happens in a short history."""

WATCHED = {
    "specs": ["e_sr(run_length=2, m=0.1)", "misses=e_sr(run_length=2, m=0.1)", "alert_rate=e_sr(run_length=9, m=0.2)"],
    "settle_count": 3,
    "quiet_count": 5,
}
JUDGEMENTS: list[dict[str, dict[str, Any]]] = [
    {"detectors": {"specs": ["none"]}},
    {
        "detectors": {"specs": ["ddm(warm_up=2, errors_min=1, drift_level=2.1)"]},
        "reactions": {"specs": {"bayes": "reset()"}},
    },
    {
        "detectors": WATCHED,
        "reactions": {
            "specs": {
                "linear": "standby(every_count=3, life_count=9, alpha=0.9)",
                "bayes": "gated(alpha=0.9, lookback_count=4, trial_count=4, buffer_count=20)",
            }
        },
        "promotion": {"mode": "automatic", **EAGER},
    },
    {
        "detectors": WATCHED,
        "reactions": {"specs": ["pool(audition_count=2, lookback_count=3, buffer_count=20)"]},
        "promotion": {"mode": "recommend", **EAGER, "rule": "fixed", "alpha": 0.9},
    },
]
"""What is watched, done about a drift, and promoted; the last two want label windows that close."""


class Killed(BaseException):
    """The process died here."""


class Trail:
    """The copy of the audit trail, which checks that it is one."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def bring_up(self, topic: Iterable[bytes], *, may_be_ahead: bool) -> int:
        """Take the topic's lines; those that were there must be their beginning, unless the log has lost its end."""
        before, self.lines = self.lines, list(topic)
        assert may_be_ahead or self.lines[: len(before)] == before, "the topic lost entries, or changed them"
        return len(self.lines) - len(before)

    def append(self, lines: Sequence[bytes]) -> None:
        """Add lines."""
        self.lines += lines


class World:
    """Everything around one worker, drawn from one seed; it is the worker's clock, its signals and its observer.

    Attributes
    ----------
    told
        What happened, a line each.
    """

    by = "the world"

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.log = MemoryLog()
        self.disk = SimulatedDisk(ROOT)
        self.trail = Trail()
        self.told: list[str] = []
        self.may_lose = random.random() < 0.4
        self._given = self._sections()
        if seed % 2:
            self._given["kafka"] = {"address": "nowhere:9092"}  # outputs have headers, as on Kafka
        self._contenders: dict[str, Any] = SECTIONS["contenders"]
        self.settings = load_settings(None, self._given, {})
        self._now_s = 0.0
        self._asked_count = 0
        self.senders = Senders(random)
        self._left, self._burst = random.randrange(5, 60), 9
        if "promotion" in self._given:
            # Evidence and reactions take a while, and a command begins the evidence anew.
            self.senders = Senders(random, command_share=0.01)
            self._left, self._burst = random.randrange(100, 250), 40
        self._looks_left: int | None = None
        self._turns_left: int | None = None
        self._zombie_in: int | None = None
        for topic in ("requests", "labels", "commands"):
            self.log.create_topic(topic, 1)

    def _sections(self) -> dict[str, dict[str, Any]]:
        random = self.random
        policy = random.choice(["wait(2h)", "negative_after(3h)", "wait"])
        judgement = random.choice(JUDGEMENTS[:2])
        if policy == "negative_after(3h)" and random.random() < 0.6:
            judgement = random.choice(JUDGEMENTS[2:])
        return {
            **SECTIONS,
            **judgement,
            "labels": {"time": "at", "policy": policy},
            "limits": {
                "dedup_count_max": random.choice([0, 3, 1_000]),
                "held_count_max": random.choice([2, 1_000]),
                "pending_count_max": random.choice([4, 1_000]),
                "tape_count_max": random.choice([3, 1_000]),
                "window_count": 20,
            },
            "log": {"dir": str(ROOT), "durability": "process" if self.may_lose else "power"},
            "run": {
                "slice": random.choice([1, 3, 7, 50]),
                "checkpoint_every": random.choice([1, 5, 20, 1_000]),
                "checkpoint_every_s": random.choice([1, 60]),
            },
        }

    # The worker's world.

    def now_ms(self) -> int:
        """Return the time of day."""
        return START_MS + int(self._now_s * 1_000)

    def seconds(self) -> float:
        """Let a little time pass; this look may be the last."""
        self._now_s += self.random.choice([0.0, 0.0001, 0.001, 0.3])
        if self._looks_left is not None:
            self._looks_left -= 1
            if self._looks_left < 0:
                raise Killed
        return self._now_s

    def asked(self) -> bool:
        """Between two turns: let things arrive, and say whether to stop."""
        self._arrive()
        if self._zombie_in is not None:
            self._zombie_in -= 1
            if self._zombie_in < 0:
                self._zombie_in = None
                self._be_replaced()
        if self._turns_left is None:
            return False
        self._turns_left -= 1
        return self._turns_left < 0

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds

    def recovering(self, done: int, end: int) -> None:
        """Hear how far recovery is; it is told by looking at the clock, so it may be the last."""
        self.seconds()

    def begin(self, ground: Ground, recovered: object, seconds: float) -> None:
        """Hear that it works."""

    def end(self, status: object) -> None:
        """Hear that it stopped."""

    def working(self, status: object) -> None:
        """Hear that it worked a turn."""

    # What arrives.

    def _arrive(self) -> None:
        random = self.random
        for _ in range(random.choice([0, 0, 1, 1, 2, self._burst])):
            if self._left <= 0:
                return
            self._left -= 1
            topic, entry = self.senders.send(self.now_ms())
            self.log.append(topic, 0, [entry])

    # Lives and deaths.

    def service(self, *, fallback: bool = False) -> Service:
        """Return a worker that is to live in this world; one day there is a challenger more."""
        if self.random.random() < 0.15 and self._contenders == SECTIONS["contenders"]:
            usual = SECTIONS["contenders"]["challengers"]
            self._contenders = {**self._contenders, "challengers": [*usual, "late=river.naive_bayes.BernoulliNB()"]}
            self.told.append("a challenger joins")
        run = {**self._given["run"], "fallback": fallback}
        flags = {**self._given, "contenders": self._contenders, "run": run}
        return Service(
            settings=load_settings(None, flags, {}),
            log=self.log,
            key=None,
            world=self,
            observer=self,
            stop=self,
            change_contenders=True,
            disk=self.disk,
            audit=self.trail,
        )

    def live(self) -> None:
        """Let one worker live until something ends it."""
        random = self.random
        self._turns_left = random.randrange(40)
        self._looks_left = self._zombie_in = None
        fate = random.choice(["stop", "kill", "kill", "kill", "cut", "cut", "refuse", "vanish", "full", "zombie"])
        if fate == "kill":
            self._looks_left = random.randrange(120)
        elif fate == "cut":
            self.disk.crash_before = self.disk.operation_count + random.randrange(60)
        elif fate in {"refuse", "vanish"}:
            fault = Fault.BEFORE_COMMIT if fate == "refuse" else Fault.AFTER_COMMIT
            self.log.fail(random.randrange(20), fault)
        elif fate == "full":
            self.disk.capacity_bytes = random.randrange(30_000)
        elif fate == "zombie":
            self._zombie_in = random.randrange(10)
        try:
            self.service().run()
            ended = "stopped"
        except (Killed, PowerCut) as death:
            ended = type(death).__name__
        except (SourceError, LeaseError) as error:
            ended = f"gave up: {error}"
        except SnapshotError as error:
            # Who was replaced and does not know may find the other's checkpoints, and must leave them alone.
            if "another worker led meanwhile" not in self.told[-1:]:
                raise
            ended = f"gave up: {error}"
        self.told.append(f"{fate}: {ended}; commits {self.log.journal_end()}")
        self._restart(power_cut=ended == "PowerCut" or (fate == "kill" and random.random() < 0.5))

    def _restart(self, *, power_cut: bool) -> None:
        """Bring the machine back: what nobody synced may be gone, if the power was."""
        random = self.random
        loss = random.choice(list(Loss)) if power_cut else Loss.NOTHING
        if power_cut and self.may_lose:
            count = random.randrange(6)
            self.log.lose(count)
            self.told.append(f"the log lost its last {count} transactions")
        self.disk.capacity_bytes = None
        self.disk = self.disk.restarted(loss, random.randrange(1 << 30))
        self.log.heal()
        self.log.lapse()

    def _be_replaced(self) -> None:
        """Have another worker lead for a while, as when this one was stopped by the system and nobody saw."""
        self.log.lapse()
        kept = self._turns_left
        self._turns_left = self.random.randrange(6)
        self.service().run()
        self.log.lapse()
        self._turns_left = kept
        self.told.append("another worker led meanwhile")

    def damage(self) -> None:
        """Flip one bit of one checkpoint: the next start must refuse it, and go on with `--fallback`."""
        found = [named for named in list_named(self.disk, CHECKPOINTS) if named.whole]
        if not found:
            return
        directory = CHECKPOINTS / found[0].entry.name
        file = self.random.choice(self.disk.entries(directory))
        bit = self.random.randrange(8 * max(1, file.length))
        self.disk = self.disk.tampered(directory / file.name, lambda data: flip_bit(data, bit))
        self._turns_left, self._looks_left, self._zombie_in = 0, None, None
        try:
            self.service().run()
        except SnapshotError:
            self.log.lapse()
            self.told.append(f"a flipped bit in {file.name} was refused")
            self.service(fallback=True).run()
            self.log.lapse()
            return
        raise AssertionError(f"a flipped bit in {file.name} was taken")

    def finish(self) -> None:
        """Let a last worker answer everything that is there, and stop cleanly."""
        self._left = 0
        self._turns_left, self._looks_left, self._zombie_in = 1_000, None, None
        self.service().run()
        self.log.lapse()


def history(seed: int) -> World:
    """Live through one history; raise `AssertionError` when something was lost, doubled or changed by its end."""
    world = World(seed)
    for _ in range(world.random.randrange(1, 7)):
        world.live()
        if world.random.random() < 0.15:
            world.damage()
    world.finish()
    oracle = Oracle(world.settings, world.log, world.disk)
    oracle.run()
    oracle.check(world.trail.lines)
    return world


def main(arguments: list[str]) -> int:
    """Repeat one history, or look for one that goes wrong."""
    if arguments[0] != "--count":
        for line in history(int(arguments[0])).told:
            sys.stdout.write(f"{line}\n")
        return 0
    first = int(arguments[3]) if arguments[2:3] == ["--from"] else 0
    for seed in range(first, first + int(arguments[1])):
        try:
            history(seed)
        except BaseException:
            sys.stdout.write(f"seed {seed} goes wrong; repeat it: python -m tests.simulation.worker_world {seed}\n")
            raise
    sys.stdout.write(f"{arguments[1]} histories from seed {first}: nothing lost, nothing doubled, nothing changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

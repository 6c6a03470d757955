"""A seeded world around one worker: a log in memory, a disk that forgets, a clock of its own, and a will to kill.

`python -m tests.simulation.worker_world SEED` repeats one history and says what happened in it;
`python -m tests.simulation.worker_world --count 100000 [--from SEED]` looks for one that goes wrong.

The worker is the real one (`streams.run.Service`), handed a world in which every look at the clock, every operation of
the disk and every commit may be its last. What it must have done is recomputed by an engine that takes the committed
journal's records one by one, knows nothing of slices, and was never interrupted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

from engine.engine import Engine
from engine.errors import MessageError, SnapshotError
from engine.messages import Command, Outcomes
from streams.audit_trail import Chain, follow_line
from streams.checkpoint import list_named
from streams.codec import RecordCodec, decode_label
from streams.commands import CommandRecord, Verb
from streams.commands import decode as decode_command
from streams.commands import encode as encode_command
from streams.event_lines import commanded_line, promoted_line
from streams.ground import Ground, begun, checkpoints_of, start_at, whole_topic
from streams.intake import Kind
from streams.journal import decode
from streams.jsonl_file import read_record
from streams.log_port import Entry, LeaseError
from streams.memory_log import Fault, MemoryLog
from streams.ports import SourceError
from streams.run import Service
from streams.settings import load_settings
from streams.simulated_disk import Loss, PowerCut, SimulatedDisk, flip_bit

ROOT = Path("/state")
CHECKPOINTS = ROOT / "checkpoints"
START_MS = 1_700_000_000_000
MINUTE = 60_000
COMMANDS = [
    (Verb.PROMOTE, "bayes"),
    (Verb.PROMOTE, "steady"),
    (Verb.PROMOTE, "linear"),
    (Verb.ROLLBACK, None),
    (Verb.BENCH, "bayes"),
    (Verb.BENCH, "linear"),
    (Verb.RESTORE, "bayes"),
    (Verb.RESTORE, "linear"),
    (Verb.PROMOTE, "nobody"),
]
POISON = [b"", b"{", b"\xff\xfe", b"[1]", b'{"id": "x"}', b'{"id": "x", "ts": "soon", "a": 1, "b": 2}', b'{"a": NaN}']


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
        self.settings = load_settings(None, self._given, {})
        self._now_s = 0.0
        self._event_ms = START_MS
        self._asked_count = 0
        self._ids: list[str] = []
        self._left = random.randrange(5, 60)
        self._looks_left: int | None = None
        self._turns_left: int | None = None
        self._zombie_in: int | None = None
        for topic in ("requests", "labels", "commands"):
            self.log.create_topic(topic, 1)

    def _sections(self) -> dict[str, dict[str, Any]]:
        random = self.random
        policy = random.choice(["wait(2h)", "negative_after(3h)", "wait"])
        return {
            "input": {"target": "y", "id": "id", "time": "ts", "drop": ["ts"], "task": "binary", "positive": 1},
            "labels": {"time": "at", "policy": policy},
            "schema": {"columns": {"a": "numeric", "b": "numeric", "c": "category"}},
            "contenders": {
                "champion": "linear=river.linear_model.LogisticRegression()",
                "challengers": {
                    "bayes": "river.naive_bayes.GaussianNB()",
                    "steady": 'rules("a > 0.5 -> 0.9; otherwise 0.1")',
                },
            },
            "detectors": {"specs": [random.choice(["none", "river.drift.binary.DDM(warm_start=5)"])]},
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

    def working(self, status: object) -> None:
        """Hear that it worked a turn."""

    # What arrives.

    def _arrive(self) -> None:
        random = self.random
        for _ in range(random.choice([0, 0, 1, 1, 2, 9])):
            if self._left <= 0:
                return
            self._left -= 1
            draw = random.random()
            if draw < 0.06:
                self.log.append("commands", 0, [Entry(None, self._command())])
            elif draw < 0.55 or not self._ids:
                self.log.append("requests", 0, [Entry(None, self._request())])
            else:
                self.log.append("labels", 0, [Entry(None, self._label())])

    def _command(self) -> bytes:
        if self.random.random() < 0.15:
            return self.random.choice([b"", b"{}", b'{"verb": "start"}'])
        verb, contender = self.random.choice(COMMANDS)
        return encode_command(CommandRecord(verb, contender, "a person", self.now_ms(), "because"))

    def _request(self) -> bytes:
        random = self.random
        if random.random() < 0.08:
            return random.choice(POISON)
        self._event_ms += random.randrange(40 * MINUTE)
        again = self._ids and random.random() < 0.06
        event_id = random.choice(self._ids) if again else f"e{len(self._ids)}"
        self._ids.append(event_id)
        wild = 400 * 86_400_000 if random.random() < 0.02 else 0
        values = {"id": event_id, "ts": self._event_ms + wild, "a": random.gauss(0, 1), "b": random.randrange(4)}
        values["c"] = random.choice(["x", "y", None, f"new{random.randrange(99)}"])
        return json.dumps(values).encode()

    def _label(self) -> bytes:
        random = self.random
        if random.random() < 0.06:
            return random.choice([*POISON, b'{"id": "e0", "y": null, "at": 1700000000000}'])
        event_id = random.choice([random.choice(self._ids), f"e{len(self._ids)}", "nobody"])
        at = self._event_ms + random.choice([0, 0, MINUTE, 90 * MINUTE, 300 * MINUTE])
        return json.dumps({"id": event_id, "y": random.choice([0, 1, 1, "?"]), "at": at}).encode()

    # Lives and deaths.

    def service(self, *, fallback: bool = False) -> Service:
        """Return a worker that is to live in this world; one day there is a challenger more."""
        challengers = self._given["contenders"]["challengers"]
        if self.random.random() < 0.15 and "late" not in challengers:
            challengers["late"] = "river.naive_bayes.BernoulliNB()"
            self.told.append("a challenger joins")
        flags = {**self._given, "run": {**self._given["run"], "fallback": fallback}}
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
            if self.told[-1:] != ["another worker led meanwhile"]:
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

    def end(self) -> None:
        """Let a last worker answer everything that is there, and stop cleanly."""
        self._left = 0
        self._turns_left, self._looks_left, self._zombie_in = 200, None, None
        self.service().run()
        self.log.lapse()


class Oracle:
    """The committed journal's records, taken one by one by an engine that was never interrupted."""

    def __init__(self, world: World) -> None:
        pipeline = begun(start_at(world.log, 0))
        self.world = world
        kept = replace(checkpoints_of(world.settings, pipeline, None), disk=world.disk)
        self.ground = Ground(world.settings, world.log, pipeline, kept)
        self.engine = Engine(pipeline.plan)
        self._codec = RecordCodec(pipeline.request_columns, self.engine.scorer.targets)
        self._labels = pipeline.label_columns
        self.said: list[Outcomes] = []
        self.command_letters = 0
        self.taken = {each.topic: 0 for each in self.ground.inputs()}

    def run(self) -> None:
        """Take everything the journal names."""
        inputs = self.ground.inputs()
        for record in self.world.log.journal(0):
            entry = decode(record.data, record.sequence)
            if record.sequence and entry.start is not None and "resolved" in entry.start:
                engine = Engine(begun(entry.start).plan)
                engine.graft(self.engine.snapshot())
                self.engine = engine
                self._codec = RecordCodec(self._codec.columns, engine.scorer.targets)
            for run in entry.runs:
                topic, partition, kind = inputs[run.input]
                assert run.from_offset == self.taken[topic], "an input was taken twice, or left out"
                for offset in range(run.from_offset, run.next_offset):
                    ((_, _, value),) = self.world.log.read(topic, partition, offset, count_max=1).records
                    self._take(kind, offset, value)
                self.taken[topic] = run.next_offset

    def _take(self, kind: Kind, offset: int, value: bytes) -> None:
        engine = self.engine
        if kind is Kind.COMMAND:
            try:
                asked = decode_command(value)
            except MessageError:
                self.command_letters += 1
                return
            self.said.append(engine.command(Command(asked.verb, asked.contender)))
            return
        record = read_record("any", offset, value, 1 << 20)
        if kind is Kind.LABEL:
            assert self._labels is not None
            self.said.append(engine.process([decode_label(record, self._labels)]))
            return
        request, _ = self._codec.decode(record, engine.scorer.request_count)
        self.said.append(engine.process([request]))

    def check(self) -> None:
        """Compare with what was written, byte for byte, and with the state that is kept."""
        log, topics, codec = self.world.log, self.ground.outputs, self._codec
        written = {topic: [json.loads(v) for v in whole_topic(log, topic)] for topic in topics.names()}
        for topic, count in self.taken.items():
            assert log.end(topic, 0) == count, f"{log.end(topic, 0) - count} records of {topic} have no end"
        assert list(whole_topic(log, topics.predictions)) == self._lines("predictions", codec.prediction_line)
        assert list(whole_topic(log, topics.shadow)) == self._lines("shadow", codec.shadow_line)
        ends = list(whole_topic(log, topics.ends))
        assert [end for end in ends if b'"target":' in end] == self._lines("label_ends", codec.label_line)
        assert [end for end in ends if b'"target":' not in end] == self._lines("request_ends", codec.request_end_line)
        letters = [letter for out in self.said for letter in out.dead_letters]
        assert len(written[topics.dead_letters]) == len(letters) + self.command_letters
        told = [(each["kind"], each["position"], each["reason"]) for each in written[topics.dead_letters]]
        assert [each for each in told if each[0] != "command"] == [(e.kind, e.position, e.reason) for e in letters]
        alarms = list(whole_topic(log, topics.alarms))
        assert [a for a in alarms if b'"event":"promoted"' in a] == self._lines("promotions", promoted_line)
        assert [a for a in alarms if b'"event":"command"' in a] == self._lines("commanded", commanded_line)
        raised = sorted((a["position"], a["watched"]) for a in written[topics.alarms] if a["event"] == "alarm")
        assert raised == sorted((a.position, a.watched) for out in self.said for a in out.alarms)
        self._check_trail()
        recovered = self.ground.recovery().recover().replica
        recovered.catch_up()
        assert recovered.engine.state_digest() == self.engine.state_digest(), "another state was learned"

    def _lines(self, kind: str, line: Any) -> list[bytes]:
        return [line(each)[:-1] for out in self.said for each in getattr(out, kind)]

    def _check_trail(self) -> None:
        chain = Chain()
        lines = list(whole_topic(self.world.log, self.ground.outputs.audit))
        for number, each in enumerate(lines):
            chain = follow_line(chain, each, number)
        assert lines == self.world.trail.lines, "the copy of the audit trail is another"


def history(seed: int) -> World:
    """Live through one history; raise `AssertionError` when something was lost, doubled or changed by its end."""
    world = World(seed)
    for _ in range(world.random.randrange(1, 7)):
        world.live()
        if world.random.random() < 0.15:
            world.damage()
    world.end()
    oracle = Oracle(world)
    oracle.run()
    oracle.check()
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

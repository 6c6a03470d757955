"""Runs of `benchmarks.kafka`: one life of a contestant on topics of its own, and what is measured in it."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic, time
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.kafka_contestants import ROOT, Contestant
from benchmarks.kafka_events import Course, numbers_in
from streams.kafka import KafkaLog, KafkaOptions
from streams.kafka_access import KafkaAccess

BACKLOG_RATE: Final = 1_000.0
"""So many events are between a request of a backlog and its label, as if it had come at this rate."""

BEGIN_S: Final = 0.1
"""How long after everybody is ready a course begins."""

SETTLE_S: Final = 0.5
"""A rate is kept up with where every answer is there so long after the last event was due."""

START_S_MAX: Final = 60.0
BACKLOG_S_MAX: Final = 120.0
STOP_S_MAX: Final = 20.0
QUANTILES: Final = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}


class Unable(Exception):  # noqa: N818 - it is no error: a line is said, and the others go on
    """Somebody cannot take part: what went wrong."""


@dataclass(slots=True)
class Site:
    """A broker, a folder, and how many runs there were."""

    address: str
    folder: Path
    run_count: int = 0


@dataclass(slots=True)
class Run:
    """One life of a contestant."""

    site: Site
    contestant: Contestant
    prefix: str = field(init=False)
    _process: subprocess.Popen[bytes] | None = None
    _next: int = 0

    def __post_init__(self) -> None:
        """Make the topics."""
        self.site.run_count += 1
        self.prefix = f"run{self.site.run_count}"
        with self._log() as log:
            for topic in ("requests", "predictions", *self.contestant.topics):
                log.create_topic(topic, 1)

    def course(self, count: int, rate: float) -> Course:
        """Return the next events."""
        course = Course(self._next, count, rate)
        self._next = course.end
        return course

    def produce(self, course: Course, *, at_once: bool) -> subprocess.Popen[str]:
        """Have a course produced at once, or event by event from a time on that it is told."""
        topics = self.contestant.named_topics(self.prefix)
        return self._started(
            "benchmarks.kafka_producer",
            course,
            topics={name: topics[name] for name in ("requests", "labels") if name in topics},
            at_once=at_once,
        )

    def observe(self, course: Course) -> subprocess.Popen[str]:
        """Have the answers to a course observed, until all are there or until a time that it is told."""
        return self._started(
            "benchmarks.kafka_observer",
            course,
            topic=self.contestant.named_topics(self.prefix)["predictions"],
            out=str(self._seen),
        )

    def seen(self, observer: subprocess.Popen[str]) -> tuple[list[int], list[float]]:
        """Return which events were answered, and when each answer was seen, in order."""
        ended(observer)
        found = json.loads(self._seen.read_text(encoding="utf-8"))
        return found["numbers"], found["seen_s"]

    def start(self) -> None:
        """Start the contestant."""
        self._process = self.contestant.start(self.site.address, self.prefix, self.site.folder / self.prefix)

    def stop(self) -> None:
        """End it: in good order where it ends in time."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def cpu_s(self) -> float | None:
        """Return the processor time it has taken so far, where the system tells."""
        threads = Path(f"/proc/{self._process.pid if self._process else 0}/task").glob("*/schedstat")
        spent_ns = [int(each.read_text(encoding="utf-8").split()[0]) for each in threads]
        return sum(spent_ns) / 1e9 if spent_ns else None

    def said(self) -> str:
        """Return the last it said."""
        return (self.site.folder / self.prefix / "said.txt").read_text(encoding="utf-8", errors="replace")[-1_000:]

    def accounts(self) -> dict[str, int]:
        """Return how its answers compare with its requests.

        An event is *lost* when a later one was answered: what was not answered before it was stopped is not.
        """
        numbers: list[int] = []
        with self._log() as log:
            offset, end = 0, log.end("predictions", 0)
            while offset < end:
                records, offset = log.read("predictions", 0, offset)
                numbers += numbers_in(record.value for record in records)
        counted = Counter(numbers)
        reached = max(counted, default=-1) + 1
        return {
            "requests": self._next,
            "answered": len(counted),
            "lost": reached - len(counted),
            "doubled": len(numbers) - len(counted),
        }

    @property
    def _seen(self) -> Path:
        return self.site.folder / f"{self.prefix}.seen.json"

    def _log(self) -> KafkaLog:
        return KafkaLog("benchmark", KafkaAccess(address=self.site.address), KafkaOptions(prefix=f"{self.prefix}."))

    def _started(self, module: str, course: Course, **asked: object) -> subprocess.Popen[str]:
        told = {"address": self.site.address, "course": [course.first, course.count, course.rate], **asked}
        command = [sys.executable, "-m", module, json.dumps(told)]
        return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own command


def heard(process: subprocess.Popen[str], word: str) -> None:
    """Wait until a process of the benchmark's own has said a word."""
    assert process.stdout is not None  # noqa: S101 - it was started with one
    said = process.stdout.readline().strip()
    if said != word:
        msg = f"{process.args!r} was to say {word!r}, and said {said!r}"
        raise RuntimeError(msg)


def tell(process: subprocess.Popen[str], at_s: float) -> None:
    """Tell a process that is ready a time."""
    assert process.stdin is not None  # noqa: S101 - it was started with one
    process.stdin.write(f"{at_s!r}\n")
    process.stdin.flush()


def ended(process: subprocess.Popen[str]) -> None:
    """Wait until a process of the benchmark's own has done what it was asked."""
    process.communicate()
    if process.returncode:
        msg = f"{process.args!r} ended with {process.returncode}"
        raise RuntimeError(msg)


def throughput(site: Site, contestant: Contestant, count: int) -> dict[str, Any]:
    """Return how fast a backlog is answered, from the first answers seen to the last.

    Where there are challengers, `done_per_s` counts until the last of their answers was written, too.
    """
    run = Run(site, replace(contestant, options={**contestant.options, **contestant.backlog_options}))
    course = run.course(count, BACKLOG_RATE)
    ended(run.produce(course, at_once=True))
    observer = run.observe(course)
    heard(observer, "ready")
    tell(observer, monotonic() + BACKLOG_S_MAX)
    run.start()
    try:
        heard(observer, "first")
        before_s = run.cpu_s()
        heard(observer, "last")
        after_s = run.cpu_s()
    finally:
        run.stop()
    _, seen_s = run.seen(observer)
    accounts = run.accounts()
    if len(seen_s) < count:
        msg = f"{contestant.name}: {len(seen_s):,} of {count:,} answers in {BACKLOG_S_MAX:g} s; {run.said()}"
        raise Unable(msg)
    counted = len(seen_s) - seen_s.count(seen_s[0])
    if not counted:
        msg = f"{contestant.name}: all {count:,} answers came at once; its backlog is too short to be timed"
        raise Unable(msg)
    found: dict[str, Any] = {"events": count, "seconds": seen_s[-1] - seen_s[0], **accounts}
    found["per_s"] = found["done_per_s"] = counted / found["seconds"]
    if "shadow" in contestant.topics:
        shadow = contestant.named_topics(run.prefix)["shadow"]
        last_s = asyncio.run(_last_append_s(site.address, shadow)) - time() + monotonic()
        found["done_per_s"] = counted / max(found["seconds"], last_s - seen_s[0])
    if before_s is not None and after_s is not None:
        found["cpu_us"] = (after_s - before_s) / counted * 1e6
    return found


def latencies(site: Site, contestant: Contestant, warm_count: int, rates: Sequence[float], seconds: float) -> Any:
    """Return how long answers take at rates that rise, until one is too much; and the accounts of it all."""
    run = Run(site, contestant)
    course = run.course(warm_count, BACKLOG_RATE)
    ended(run.produce(course, at_once=True))
    observer = run.observe(course)
    heard(observer, "ready")
    tell(observer, monotonic() + START_S_MAX)
    run.start()
    found = []
    try:
        if len(run.seen(observer)[0]) < warm_count:
            msg = f"{contestant.name} did not answer: {run.said()}"
            raise Unable(msg)
        for rate in rates:
            found.append(_at(run, run.course(int(rate * seconds), rate)))
            if found[-1]["behind"]:
                break
    finally:
        run.stop()
    return found, run.accounts()


def _at(run: Run, course: Course) -> dict[str, Any]:
    """Return how long answers take at one rate, from when their requests were meant to be produced."""
    observer, producer = run.observe(course), run.produce(course, at_once=False)
    heard(observer, "ready")
    heard(producer, "ready")
    begin_s = monotonic() + BEGIN_S
    tell(observer, begin_s + course.span_s + SETTLE_S)
    tell(producer, begin_s)
    first: dict[int, float] = {}
    for number, seen_s in zip(*run.seen(observer), strict=True):
        first.setdefault(number, seen_s - begin_s - course.offset_s(number))
    ended(producer)
    return {
        "rate": course.rate,
        "events": course.count,
        "behind": course.count - len(first),
        "per_s": len(first) / (course.span_s + SETTLE_S),
        "ms": quantiles(first),
    }


def quantiles(waits_s: Mapping[int, float]) -> dict[str, float]:
    """Return quantiles in milliseconds, each a wait that happened.

    >>> quantiles({n: n / 1_000 for n in range(1_000)})
    {'p50': 500.0, 'p99': 990.0, 'p99.9': 999.0}
    """
    ordered = sorted(waits_s.values())
    return {name: 1e3 * ordered[int(len(ordered) * share)] for name, share in QUANTILES.items()} if ordered else {}


async def _last_append_s(address: str, topic: str) -> float:
    """Return when the last record of a topic was appended, in unix seconds."""
    consumer = AIOKafkaConsumer(bootstrap_servers=address, isolation_level="read_committed", enable_auto_commit=False)
    await consumer.start()
    try:
        place = TopicPartition(topic, 0)
        consumer.assign([place])
        end = (await consumer.end_offsets([place]))[place]
        consumer.seek(place, max(0, end - 100))
        last_ms = 0
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                last_ms = max(last_ms, *(record.timestamp for record in records))
        return last_ms / 1e3
    finally:
        await consumer.stop()

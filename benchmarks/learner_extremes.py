"""What `benchmarks.learners` asks of ours alone: the slowest events, two threads at once, memory over many events.

As a program of its own it has one learner learn that many events, and prints what it and the process keep:
`python -m benchmarks.learner_extremes LEARNER EVENTS`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from math import ceil
from pathlib import Path
from statistics import median
from threading import Barrier, Thread
from time import perf_counter, perf_counter_ns
from typing import Final

import numpy as np

from benchmarks.learner_contestants import Contestant, Course, Unable, ours
from benchmarks.learner_streams import Table, clusters
from streams import kernel_cache

PERCENTILES: Final = (50.0, 99.0, 99.9)
POINT_COUNT: Final = 4
CHUNK_COUNT: Final = 50_000
PAGE_BYTES: Final = 4096
THREAD_S: Final = 0.1
TURNS_MAX: Final = 20
"""A thread goes through the events again with new models until it has been at work so long, or so often."""


def latencies(learner: str, table: Table, warm_count: int) -> dict[str, dict[str, float]]:
    """Return microseconds to predict, to learn, and for both, one event at a time, at each percentile."""
    model = ours(learner, table)
    events = list(zip(table.events, table.targets, strict=True))
    for x, y in events[:warm_count]:
        model.predict(x)
        model.learn(x, y, 1.0)
    spent = []
    for x, y in events[warm_count:]:
        start = perf_counter_ns()
        model.predict(x)
        between = perf_counter_ns()
        model.learn(x, y, 1.0)
        spent.append((between - start, perf_counter_ns() - between))
    predict, learn = np.array(spent, dtype=np.float64).T / 1e3
    each = {"predict": predict, "learn": learn, "both": predict + learn}
    return {
        verb: {f"p{at:g}": float(value) for at, value in zip(PERCENTILES, np.percentile(us, PERCENTILES), strict=True)}
        for verb, us in each.items()
    }


def threads(contestant: Contestant, table: Table, round_count: int) -> dict[str, float]:
    """Return events per second of one model in one thread, and of two in two, each with all the events."""
    alone = len(table) / _in_threads(contestant, table, 1, 1)
    turns = min(TURNS_MAX, ceil(THREAD_S / alone))
    pairs = [
        (_in_threads(contestant, table, 1, turns), _in_threads(contestant, table, 2, turns)) for _ in range(round_count)
    ]
    one, two = (median(rates) for rates in zip(*pairs, strict=True))
    return {"one": one, "two": two, "ratio": median(two / one for one, two in pairs)}


def _in_threads(contestant: Contestant, table: Table, count: int, turns: int) -> float:
    """Return events per second of so many threads, each with one new model after another."""
    ready = Barrier(count + 1)

    def work(courses: list[Course]) -> None:
        ready.wait()
        for course in courses:
            course(0, len(table))

    workers = [Thread(target=work, args=([contestant.begin(table) for _ in range(turns)],)) for _ in range(count)]
    for worker in workers:
        worker.start()
    start = perf_counter()  # before the gate opens: behind it, whoever is awake first may keep the others waiting
    ready.wait()
    for worker in workers:
        worker.join()
    return count * turns * len(table) / (perf_counter() - start)


def memory(learner: str, event_count: int) -> list[dict[str, int]]:
    """Return what a learner keeps after each quarter of so many events, measured in a process of its own.

    Raises
    ------
    Unable
        There is no such model.
    """
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "benchmarks.learner_extremes", learner, str(event_count)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[1],
    )
    if done.returncode:
        raise Unable(done.stderr.strip().splitlines()[-1])
    found: list[dict[str, int]] = json.loads(done.stdout)
    return found


def kept(learner: str, event_count: int) -> list[dict[str, int]]:
    """Learn so many events of a made stream, answering each first; return what is kept after each quarter."""
    model = ours(learner, clusters(1, 10, seed=0))
    found = []
    for quarter in range(1, POINT_COUNT + 1):
        end = quarter * event_count // POINT_COUNT
        begin = (quarter - 1) * event_count // POINT_COUNT
        for place in range(begin, end, CHUNK_COUNT):
            part = clusters(min(CHUNK_COUNT, end - place), 10, seed=place)
            model.test_then_train(part.names, part.numbers, part.targets)
        found.append({"events": end, "memory_bytes": model.memory_bytes, "resident_bytes": resident_bytes()})
    return found


def resident_bytes() -> int:
    """Return how much of this process is in memory, where Linux says so."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * PAGE_BYTES


def main() -> None:
    """Print what a learner keeps."""
    kernel_cache.prepare(lambda words: None)
    learner, event_count = sys.argv[1:]
    print(json.dumps(kept(learner, int(event_count))))


if __name__ == "__main__":
    main()

"""Our compiled learners beside River, MOA and Vowpal Wabbit: `python -m benchmarks.learners [--quick] [--json FILE]`.

Every figure is of test-then-train: each event is answered, then learned. All go through the same events of each stream,
in turns, a few rounds long; times are medians over the rounds, and ratios are taken within a round. First the stream's
first events, of which the very first are not timed; then whole streams, for those who need no more than `--patience`
seconds for one; then ours alone: its slowest events, two threads at once, and what it keeps over millions of events.
Laying out the events as each library likes them is not timed. Beside each accuracy stands that of answering with the
target before. Where targets are numbers, an answer is right that is off by half of their deviation at most.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

from benchmarks.circumstances import circumstances
from benchmarks.learner_contestants import (
    ALL,
    MOA,
    OF_NUMBERS,
    RIVER,
    RUNS,
    SINGLE,
    WHOLE,
    Contestant,
    Unable,
    contestants,
)
from benchmarks.learner_extremes import latencies, memory, threads
from benchmarks.learner_plot import plot
from benchmarks.learner_streams import Table, clusters, streams
from benchmarks.learner_tables import tables
from engine.targets import Task
from streams import kernel_cache
from streams.garbage import looked_for_seldom

PACKAGES: Final = ("sidestream", "river", "capymoa", "vowpalwabbit", "numba", "numpy")
TIMED_S: Final = 0.2
REPEATS_MAX: Final = 10
"""Who goes through the events in less time does it again, so that no row is of a millisecond."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    warm_count: int
    timed_count: int
    round_count: int
    stream_count_max: int
    thread_event_count: int
    memory_event_count: int
    patience_s: float


FULL: Final = Size(1_000, 5_000, 3, 1_000_000, 20_000, 2_000_000, 20.0)
QUICK: Final = Size(200, 400, 1, 3_000, 2_000, 40_000, 0.3)


class Said:
    """Lines about what is left out, each said once: on standard error at once, and again under the tables."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, line: str) -> None:
        """Say a line."""
        if line not in self.lines:
            self.lines.append(line)
            print(line, file=sys.stderr)


def timed(contestant: Contestant, table: Table, warm_count: int) -> tuple[float, float]:
    """Return seconds for the events after the first few, and the share of all that was answered rightly."""
    spent: list[float] = []
    while not spent or (sum(spent) < TIMED_S and len(spent) < REPEATS_MAX):
        course = contestant.begin(table)
        right = course(0, warm_count) if warm_count else 0
        start = perf_counter()
        right += course(warm_count, len(table))
        spent.append(perf_counter() - start)
    return median(spent), right / len(table)


def side_by_side(who: Sequence[Contestant], part: Table, size: Size, skip: Said) -> Iterator[dict[str, Any]]:
    """Yield a row for everybody who has this learner, on a stream's first events."""
    able = []
    for contestant in who:
        try:
            # Unmeasured: kernels load, and the JVM compiles what is used often; River has nothing to warm.
            contestant.begin(part)(0, 1 if contestant.who == RIVER else len(part))
        except Unable as error:
            skip(f"{contestant.who.partition(',')[0]}, {contestant.learner}: SKIPPED ({error})")
        else:
            able.append(contestant)
    rounds = [{each.who: timed(each, part, size.warm_count) for each in able} for _ in range(size.round_count)]
    for each in able:
        seconds = median(found[each.who][0] for found in rounds)
        yield {
            "learner": each.learner,
            "stream": part.name,
            "features": len(part.names),
            "who": each.who,
            "events": len(part),
            "us": seconds / (len(part) - size.warm_count) * 1e6,
            "accuracy": rounds[0][each.who][1],
            "no_change": part.no_change,
            **{f"x_{peer}": times(rounds, each.who, peer) for peer in (RIVER, MOA)},
        }


def times(rounds: Sequence[dict[str, tuple[float, float]]], who: str, peer: str) -> float | None:
    """Return how many times as fast as a peer somebody is; None where the peer has no such learner."""
    if peer not in rounds[0]:
        return None
    return median(found[peer][0] / found[who][0] for found in rounds)


def whole(
    rows: Sequence[dict[str, Any]], who: Sequence[Contestant], table: Table, size: Size
) -> Iterator[dict[str, Any]]:
    """Yield a row for everybody who will be through the whole stream soon enough, going by the first events."""
    us = {row["who"]: row["us"] for row in rows}
    for each in who:
        if each.who in {RUNS, SINGLE} or us.get(each.who, float("inf")) * len(table) / 1e6 > size.patience_s:
            continue
        course = each.begin(table)
        start = perf_counter()
        right = course(0, len(table))
        seconds = perf_counter() - start
        yield {
            "learner": each.learner,
            "stream": table.name,
            "who": each.who,
            "events": len(table),
            "us": seconds / len(table) * 1e6,
            "accuracy": right / len(table),
            "no_change": table.no_change,
        }


def of_ours(who: Sequence[Contestant], size: Size, skip: Said) -> dict[str, list[dict[str, Any]]]:
    """Return what is asked of ours alone, on one made stream."""
    part = clusters(size.warm_count + size.timed_count, 10, seed=1)
    long = clusters(size.thread_event_count, 10, seed=1)
    found: dict[str, list[dict[str, Any]]] = {"latency": [], "threads": [], "memory": []}
    for learner in dict.fromkeys(each.learner for each in who if each.learner not in OF_NUMBERS):
        try:
            found["latency"].append({"learner": learner, "us": latencies(learner, part, size.warm_count)})
            for each in who:
                if each.learner == learner and each.who in {WHOLE, RUNS, SINGLE}:
                    rates = threads(each, long, size.round_count)
                    found["threads"].append({"learner": learner, "who": each.who, **rates})
            found["memory"].append({"learner": learner, "kept": memory(learner, size.memory_event_count)})
        except Unable as error:
            skip(f"ours, {learner}: SKIPPED ({error})")
    return found


def measure(size: Size, only: str | None) -> dict[str, Any]:
    """Return everything, and lines about what is left out."""
    skip = Said()
    everybody, missing = contestants()
    for line in missing:
        skip(line)
    everybody = [each for each in everybody if only is None or each.learner == only]
    first: list[dict[str, Any]] = []
    wholly: list[dict[str, Any]] = []
    with looked_for_seldom():
        for stream in streams(skip):
            table, part = stream.first(size.stream_count_max), stream.first(size.warm_count + size.timed_count)
            for learner in dict.fromkeys(each.learner for each in everybody):
                if (learner in OF_NUMBERS) != (table.task is Task.REGRESSION):
                    continue
                print(f"{table.name}: {learner}", file=sys.stderr)
                who = [each for each in everybody if each.learner == learner]
                rows = list(side_by_side(who, part, size, skip))
                first += rows
                wholly += whole(rows, who, table, size)
        alone = of_ours(everybody, size, skip)
    return {"first": first, "whole": wholly, **alone, "skipped": skip.lines}


def main() -> None:
    """Measure, print the tables, and write JSON and a plot where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a look: fewer events, one round")
    parser.add_argument("--rounds", type=int, help="rounds (3)")
    parser.add_argument("--events", type=int, help="events over which memory is looked at (2,000,000)")
    parser.add_argument("--patience", type=float, help="seconds that a whole stream may take (20)")
    parser.add_argument("--only", choices=list(ALL), help="one learner alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw events per second here, a PNG")
    given = parser.parse_args()
    usual = QUICK if given.quick else FULL
    size = Size(
        usual.warm_count,
        usual.timed_count,
        given.rounds or usual.round_count,
        usual.stream_count_max,
        usual.thread_event_count,
        given.events or usual.memory_event_count,
        given.patience or usual.patience_s,
    )
    kernel_cache.prepare(lambda words: print(words, file=sys.stderr))
    found = {**circumstances(PACKAGES), "quick": given.quick, **measure(size, given.only)}
    print("\n".join(tables(found)))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if given.plot:
        print(plot(found, given.plot))


if __name__ == "__main__":
    main()

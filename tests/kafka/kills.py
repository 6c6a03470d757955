"""Workers on a real broker, hurt in every way there is, and what must hold all the same.

`python -m tests.kafka.kills --kills 200 [--seed N]` hurts them so often and prints a table; it fails at the first
difference. What comes from the seed is what is sent and when faults come; the machine decides the rest.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from uuid import uuid4

from streams import kernel_cache
from tests.broker import Broker, jars
from tests.judge import Verdict, check_place
from tests.kafka.faults import BROKER_FAULTS, FAULTS, SECTIONS, World
from tests.kafka.known_streams import KnownStream, known_stream
from tests.kafka.proxy import Proxy
from tests.kafka.site import OUTPUTS, Site
from tests.kafka.witness import Witness
from tests.replays import DATA_VARIABLE
from tests.streams.failpoints import place_of
from tests.streams.lives import live
from tests.streams.worker_process import LIGHT

AT_ONCE = 3
"""How many sites are hurt at once: a worker that starts keeps a core busy for a second."""

ENGINE_POINTS = (
    *("after_answer", "after_learn", "mid_join", "mid_promotion", "before_commit"),
    *("after_commit_before_checkpoint", "mid_checkpoint", "after_rename"),
)
COMMIT_POINTS = ("mid_batches", "batches_written", "commit_asked", "commit_answered", "commit_seen")
LEAD_POINTS = ("thrown_out_others", "leads")
"""The last two come once in a life, those of a commit for the first time when a worker leads."""


STREAM_COUNT = 10_000
"""Records of each known stream, at least."""


class Row(NamedTuple):
    """What one fault came to."""

    fault: str
    runs: int
    verdict: Verdict
    recovery_s: Sequence[float]


@contextmanager
def world_of(broker: Broker) -> Iterator[World]:
    """Give a world on a broker that runs."""
    with Proxy(broker.proxied_address, broker.behind_address) as proxy:
        yield World(broker, proxy)


def hurt(directory: Path, world: World, fault: str, rounds: int, seed: int) -> Row:
    """Hurt a worker of a site of its own so often, and judge."""
    act = {**FAULTS, **BROKER_FAULTS}[fault]
    with Site(directory, world.broker.address, seed, **SECTIONS.get(fault, {})) as site:
        site.send(20)
        act(site, world, rounds)
        return Row(fault, rounds, site.judged(), site.recovery_s)


def hurt_on_stream(directory: Path, world: World, name: str, *, count: int, kills: int) -> Row:
    """Send a known stream, with a kill after each part of it, and judge."""
    rows, sections = known_stream(name, directory)
    with Site(directory / "site", world.broker.address, kills, KnownStream(rows, Random(kills)), **sections) as site:
        for _ in range(kills):
            site.send(count // kills)
            site.kill_under_load()
        return Row(f"kill -9 on {name}", kills, site.judged(), site.recovery_s)


def lives_of(points: Sequence[str], hits: Sequence[int]) -> dict[str, list[tuple[str, int]]]:
    """Return lives that end at each of these points, at each of these hits."""
    return {f"{point}.{hit}": [(point, hit)] for point in points for hit in hits}


RECOVERIES: Mapping[str, list[tuple[str, int]]] = {
    f"recovery.{point}": [("before_commit", -1), (point, 1), (point, 1)]
    for point in ("after_answer", "mid_recovery", "leads")
}
"""Lives that end while they recover what the one before left behind."""


def die_at_points(
    directory: Path, address: str, lives: Mapping[str, Sequence[tuple[str, int]]], **sections: Mapping[str, Any]
) -> Row:
    """Let workers be killed at named points, each with a witness, and judge each."""
    kafka = {"address": address, "prefix": f"{uuid4().hex}.", "timeout_s": 10, "lease_wait_s": 30}
    given = {**LIGHT, **sections, "kafka": kafka}
    places = {name: place_of(directory, name, given) for name in lives}
    with ExitStack() as stack:
        witnesses = {}
        for name, place in places.items():
            with place.opened() as log:
                for topic, count in OUTPUTS.items():
                    log.create_topic(topic, count)
            witnesses[name] = stack.enter_context(Witness(address, str(place.settings.kafka.prefix), OUTPUTS))
        live(directory, lives, given)
        verdicts = [check_place(place, [witnesses[name].told()]) for name, place in places.items()]
    return Row("kill -9 at a named point", sum(map(len, lives.values())), total(verdicts), ())


def all_faults(directory: Path, world: World, kills: int, seed: int) -> Iterator[Row]:
    """Hurt sites in every way, `kills` times with `kill -9`."""
    few = max(1, kills // 50)
    at_points = lives_of(ENGINE_POINTS, [1, -1]) | lives_of(COMMIT_POINTS, [1, 2, 5]) | lives_of(LEAD_POINTS, [1])
    at_random = max(1, kills - len(at_points) - sum(map(len, RECOVERIES.values())))
    shares = [at_random // AT_ONCE + (number < at_random % AT_ONCE) for number in range(AT_ONCE)]
    rounds = {
        "SIGSTOP past the lease": 4 * few,
        "two workers at once": 5 * few,
        "a batch is refused": len(OUTPUTS) + 1,
        **dict.fromkeys([*SECTIONS, "broker gone after commit"], few),
        **dict.fromkeys(["connection cut before commit", "connection cut after commit", "slow network"], 3 * few),
    }
    tasks: list[tuple[str, int]] = [("kill -9 under load", share) for share in shares if share]
    tasks += [(fault, rounds[fault]) for fault in FAULTS if fault in rounds]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        waited = [
            pool.submit(hurt, directory / str(n), world, fault, count, seed + n)
            for n, (fault, count) in enumerate(tasks)
        ]
        yield from merged([each.result() for each in waited])
    yield die_at_points(directory / "points", world.broker.address, at_points)
    yield die_at_points(directory / "recoveries", world.broker.address, RECOVERIES, run={"checkpoint_every": 100_000})
    for name in ("Elec2", "payments"):
        if name == "Elec2" and not os.environ.get(DATA_VARIABLE):
            sys.stdout.write(f"{'kill -9 on Elec2':<30} left out: {DATA_VARIABLE} names no folder that holds it\n")
            continue
        yield hurt_on_stream(directory / name, world, name, count=STREAM_COUNT, kills=4)
    for number, fault in enumerate(BROKER_FAULTS):
        yield hurt(directory / f"broker-{number}", world, fault, 2 * few, seed)


def total(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the sums of what was there."""
    return Verdict(*map(sum, zip(*verdicts, strict=True)))


def merged(rows: Sequence[Row]) -> Iterator[Row]:
    """Return one row for each fault."""
    for fault in dict.fromkeys(row.fault for row in rows):
        of_it = [row for row in rows if row.fault == fault]
        recovery_s = [each for row in of_it for each in row.recovery_s]
        yield Row(fault, sum(row.runs for row in of_it), total([row.verdict for row in of_it]), recovery_s)


def line_of(row: Row) -> str:
    """Return a row of the table; what was learned and what is written was judged before there is one."""
    inputs, commits, lost, doubled = row.verdict
    times = row.recovery_s
    recovery = f"{median(times):.2f} / {max(times):.2f} s" if times else "-"
    figures = f"{row.runs:>5,} {inputs:>7,} {commits:>8,} {lost:>5} {doubled:>8}"
    return f"{row.fault:<30} {figures}   same    clean   {recovery}\n"


def main() -> None:
    """Hurt workers as often as was asked for."""
    parser = ArgumentParser(prog="python -m tests.kafka.kills", description="Hurt workers on a real broker.")
    parser.add_argument("--kills", type=int, default=50, help="how often with kill -9 (default: 50)")
    parser.add_argument("--seed", type=int, default=0, help="what is sent, and when faults come (default: 0)")
    asked = parser.parse_args()
    kernel_cache.prepare(lambda words: None)
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # a broker that starts is asked until it answers
    began = time.monotonic()
    with TemporaryDirectory(prefix="kills-") as name:
        directory = Path(name)
        (directory / "broker").mkdir()
        broker = Broker(directory / "broker", jars())
        broker.start()
        try:
            head = f"{'fault':<30} {'runs':>5} {'inputs':>7} {'commits':>8} {'lost':>5} {'doubled':>8}"
            sys.stdout.write(f"{head}   digest  audit   recovery median / longest\n")
            with world_of(broker) as world:
                for row in all_faults(directory, world, asked.kills, asked.seed):
                    sys.stdout.write(line_of(row))
                    sys.stdout.flush()
        finally:
            broker.kill()
    sys.stdout.write(f"nothing lost, nothing doubled, nothing changed; {time.monotonic() - began:,.0f} s\n")


if __name__ == "__main__":
    main()

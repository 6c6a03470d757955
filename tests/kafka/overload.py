"""A worker on a real broker under what nobody wishes it: a backlog that is far too long, a flood of poison.

`python -m tests.kafka.overload --backlog 1000000` starts a broker of its own (or takes the one that SIDESTREAM_KAFKA
names), sends a tenth of that and then all of it, has a `sidestream run --once` in a process of its own answer each, and
says how much memory that process had at its peak, how fast it was, and what `sidestream audit` finds. `--poison COUNT`
sends a flood of poison with as many good records between. The tests beside this file do the same with less.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic
from typing import Any
from uuid import uuid4

from streams.kafka import KafkaLog, KafkaOptions
from streams.kafka_access import KafkaAccess
from streams.log_port import READ_BYTES_MAX, Entry
from tests.broker import ADDRESS_VARIABLE, Broker, jars
from tests.replays import COMMAND
from tests.streams.test_worker_poison import BAD

ROOT = Path(__file__).resolve().parents[2]
START_MS = 1_700_000_000_000
PARTITIONS = 3
LOOK_AGAIN_S = 0.05
FAT_BYTES = 10_000
"""Poison longer than this is sent `FAT_TIMES` each, and not again and again."""

FAT_TIMES = 3
SETTINGS = """
[log]
dir = "{directory}/state"
[kafka]
address = "{address}"
prefix = "{prefix}"
[input]
target = "y"
id = "id"
time = "ts"
drop = "ts"
task = "binary"
positive = 1
[labels]
source = "record"
[schema]
columns = {{a = "numeric", b = "numeric", c = "category"}}
[contenders]
champion = "logistic()"
challengers = {{bayes = "naive_bayes()"}}
[detectors]
specs = "none"
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """What one worker's process came to: how it ended, its peak of resident memory in MiB, and how long it took."""

    code: int
    said: str
    peak_mib: float
    seconds: float


class Overloaded:
    """One worker's topics on a broker, its directory, and its processes.

    Parameters
    ----------
    address
        The broker.
    directory
        Empty, or to be made.
    """

    def __init__(self, address: str, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.address = address
        self.prefix = f"{uuid4().hex}."
        self.config = directory / "pipeline.toml"
        self.config.write_text(SETTINGS.format(directory=directory, address=address, prefix=self.prefix))
        self.state = directory / "state"

    @contextmanager
    def opened(self) -> Iterator[KafkaLog]:
        """Open the log, as somebody who sends and reads."""
        options = KafkaOptions(prefix=self.prefix)
        with KafkaLog("sidestream", KafkaAccess(address=self.address), options) as log:
            yield log

    def send(self, topic: str, values: Iterable[bytes], partitions: int = 1) -> int:
        """Send records in batches of a megabyte, in turns to all partitions; return how many that were."""
        count = 0
        with self.opened() as log:
            log.create_topic(topic, partitions)
            for number, batch in enumerate(batches(values)):
                log.append(topic, number % partitions, batch)
                count += len(batch)
        return count

    def run(self, *flags: str) -> Ran:
        """Have a worker answer everything there is, and look at its memory meanwhile."""
        began = monotonic()
        said = self.config.parent / "said.txt"
        with said.open("wb") as stderr:
            command = [*COMMAND, "run", "--config", str(self.config), "--once", *flags]
            process = subprocess.Popen(command, cwd=ROOT, stderr=stderr)
        peak_kib = 0
        while process.poll() is None:
            peak_kib = max(peak_kib, peak_of(process.pid))
            Event().wait(LOOK_AGAIN_S)
        return Ran(process.returncode, said.read_text(), peak_kib / 1_024, monotonic() - began)

    def audit(self) -> dict[str, Any]:
        """Return what an audit finds, by the command."""
        command = [*COMMAND, "audit", str(self.state), "--config", str(self.config), "--json"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        found: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"clean": False, "said": done.stderr}
        return found

    def values(self, topic: str) -> Iterator[dict[str, Any]]:
        """Yield what stands on a topic."""
        with self.opened() as log:
            for partition in range(len(next(info for info in log.topics() if info.name == topic).partitions)):
                offset, end = log.begin(topic, partition), log.end(topic, partition)
                while offset < end:
                    records, offset = log.read(topic, partition, offset)
                    yield from (json.loads(record.value) for record in records)


def peak_of(pid: int) -> int:
    """Return the most memory a process has had resident, in KiB; 0 where it is gone."""
    try:
        for line in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def batches(values: Iterable[bytes]) -> Iterator[list[Entry]]:
    """Yield records in lists of a megabyte at most, or one that is longer."""
    held: list[Entry] = []
    size = 0
    for value in values:
        if held and size + len(value) > READ_BYTES_MAX - 100 * len(held) - 200:
            yield held
            held, size = [], 0
        held.append(Entry(None, value))
        size += len(value)
    if held:
        yield held


def good(count: int, first: int = 0) -> Iterator[bytes]:
    """Yield requests that bring their labels."""
    for number in range(first, first + count):
        a, b = number * 7 % 11 - 5, number * 3 % 4
        yield (
            b'{"id":"e%d","ts":%d,"a":%d.5,"b":%d,"c":"%s","y":%d}'
            % (number, START_MS + 60_000 * number, a, b, (b"x", b"y", b"z")[number % 3], a > b)
        )


def poison(topic: str, count: int) -> list[bytes]:
    """Return so many bad records of every kind there is for a topic, and the fat ones a few times."""
    found = [data for data, _, _ in BAD[topic].values()]
    thin = [data for data in found if len(data) <= FAT_BYTES]
    fat = [data for data in found if len(data) > FAT_BYTES] * FAT_TIMES
    return [*islice(cycle(thin), max(0, count - len(fat))), *fat]


def mixed(bad: list[bytes], fine: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a bad record after each good one, and what is left of either."""
    left = iter(bad)
    for value in fine:
        yield value
        yield from islice(left, 1)
    yield from left


def flood(place: Overloaded, count: int) -> tuple[Ran, dict[str, Any], dict[str, int]]:
    """Send poison with as many good requests between; return the run, the audit and what was sent."""
    bad = {topic: poison(topic, count if topic == "requests" else count // 10) for topic in ("requests", "commands")}
    place.send("requests", mixed(bad["requests"], good(count)), PARTITIONS)
    place.send("commands", bad["commands"])
    ran = place.run()
    return ran, place.audit(), {"good": count, **{topic: len(values) for topic, values in bad.items()}}


def backlog(place: Overloaded, count: int) -> tuple[Ran, dict[str, Any]]:
    """Have so many requests wait before a worker starts; return the run and the audit."""
    place.send("requests", good(count), PARTITIONS)
    return place.run(), place.audit()


def main() -> None:
    """Run what is asked for, and say what came of it."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--backlog", type=int, default=0, help="requests that wait, once a tenth of them and once all")
    parser.add_argument("--poison", type=int, default=0, help="bad records, with as many good ones between")
    asked = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        address = os.environ.get(ADDRESS_VARIABLE)
        if address is None:
            broker = Broker(directory, jars())
            broker.start()
            stack.callback(broker.kill)
            address = broker.address
        tasks: Mapping[str, Callable[[Overloaded], tuple[Ran, dict[str, Any], Any]]] = {
            **{
                f"backlog of {count:,}": lambda place, count=count: (*backlog(place, count), None)
                for count in (asked.backlog // 10, asked.backlog)
                if count
            },
            **({f"{asked.poison:,} of poison": lambda place: flood(place, asked.poison)} if asked.poison else {}),
        }
        for number, (name, task) in enumerate(tasks.items()):
            ran, audit, expected = task(Overloaded(address, directory / str(number)))
            say(f"{name}: exit code {ran.code}, {ran.seconds:.0f} s, peak {ran.peak_mib:,.0f} MiB")
            say(f"  {json.dumps(audit)}" + ("" if expected is None else f" sent {json.dumps(expected)}"))
            if ran.code or not audit["clean"]:
                say(ran.said[-2_000:])
                sys.exit(1)


def say(text: str) -> None:
    """Write a line."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

"""The worker on Kafka beside what else does its work: `python -m benchmarks.kafka [--quick] [--peers PYTHON]`.

One broker, and rounds in which everybody has their turn. *Throughput* is over a backlog that is there beforehand, from
the first answers that a reader of committed records sees to the last. *Latency* is from when a request was meant to be
produced (so whoever holds up the producer is not excused) to when its answer was seen, at rates that rise; whoever has
not answered everything half a second after the last request is behind, and no latency is told.

- *floor*: JSON in, a constant, JSON out, in transactions: what the others add to it is their own
- *sidestream*: `sidestream run` with a champion, two challengers and the baseline; labels joined from a topic of their
  own a second later; learning, journal, audit trail. *detectors*: the same, watching for drift as it does where nothing
  is said. *champion alone*: learns at once from the label that its request carries, as the peers do; *no headers*
  does so without CloudEvents
- *Faust* and *Quix*: ask and teach the same model in their own way; under the Python that `--peers` names

Broker, producer, observer and contestant share the cores of one machine. A backlog is as long as takes each a few
seconds. The observer's clock is the producer's: both are on this machine.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.circumstances import circumstances
from benchmarks.kafka_contestants import FLOOR, WHOLE, Contestant, floor, ours, peers
from benchmarks.kafka_plot import plot
from benchmarks.kafka_runs import Site, Unable, latencies, throughput
from benchmarks.kafka_tables import tables
from streams import kernel_cache
from tests.broker import VERSION, Broker, jars

PACKAGES: Final = ("sidestream", "aiokafka", "uvloop", "orjson", "numba", "numpy")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured.

    Parameters
    ----------
    round_count
        Turns that everybody has.
    rates
        Events per second, rising.
    seconds
        How long each rate is kept up.
    warm_count
        Events answered before latencies are measured.
    backlog_count
        Events of a backlog; None for as many as a contestant's own.
    """

    round_count: int
    rates: Sequence[float]
    seconds: float
    warm_count: int
    backlog_count: int | None


FULL: Final = Size(3, (100.0, 1_000.0, 5_000.0, 20_000.0), 6.0, 2_000, None)
QUICK: Final = Size(1, (200.0,), 2.0, 200, 12_000)


def measure(address: str, size: Size, everybody: Sequence[Contestant]) -> dict[str, Any]:
    """Return what was measured of everybody, and lines about who is left out."""
    backlogs: list[dict[str, Any]] = []
    rates: list[dict[str, Any]] = []
    accounts: list[dict[str, Any]] = []
    skipped: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        site = Site(address, Path(folder))
        for number in range(size.round_count):
            for each in everybody:
                about = {"who": each.name, "round": number}
                if each.name in skipped:
                    continue
                print(f"round {number + 1}: {each.name}", file=sys.stderr)
                try:
                    backlogs.append({**about, **throughput(site, each, size.backlog_count or each.backlog_count)})
                    found, answered = latencies(site, each, size.warm_count, size.rates, size.seconds)
                except Unable as error:
                    skipped[each.name] = f"{each.name}: SKIPPED, {error}"
                    print(skipped[each.name], file=sys.stderr)
                    continue
                rates += [{**about, **row} for row in found]
                accounts.append({**about, **answered})
    return {"backlogs": backlogs, "rates": rates, "accounts": accounts, "skipped": list(skipped.values())}


@contextmanager
def broker(address: str | None) -> Iterator[str]:
    """Give the address of a broker: the one that is named, or one of our own."""
    if address is not None:
        yield address
        return
    with tempfile.TemporaryDirectory() as folder:
        own = Broker(Path(folder), jars())
        own.start()
        try:
            yield own.address
        finally:
            own.kill()


def main() -> None:
    """Measure, print the tables, and write JSON and a plot where asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a look: the floor and ours, one rate, a short backlog")
    parser.add_argument("--peers", metavar="PYTHON", help="a Python that has Faust, Quix Streams and this project")
    parser.add_argument("--kafka", metavar="ADDRESS", help="a broker that runs; by default one is started")
    parser.add_argument("--rounds", type=int, help="rounds (3)")
    parser.add_argument("--only", action="append", metavar="NAME", help="one contestant; can be given again")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw throughputs and latencies here, a PNG")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whoever was started is ended on the way out
    usual = QUICK if given.quick else FULL
    size = Size(given.rounds or usual.round_count, usual.rates, usual.seconds, usual.warm_count, usual.backlog_count)
    others, missing = (
        peers(given.peers) if given.peers else ([], ["Faust and Quix: SKIPPED, name a Python with --peers"])
    )
    everybody = [floor(), *ours(), *others]
    names = given.only or ([FLOOR, WHOLE] if given.quick else [each.name for each in everybody])
    kernel_cache.prepare(lambda words: print(words, file=sys.stderr))
    with broker(given.kafka) as address:
        found = {
            **circumstances(PACKAGES),
            "broker": f"Kafka at {given.kafka}" if given.kafka else f"Kafka {VERSION}, one node",
            "quick": given.quick,
            **measure(address, size, [each for each in everybody if each.name in names]),
        }
    found["skipped"] += missing
    print("\n".join(tables(found)))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if given.plot:
        print(plot(found, given.plot))


if __name__ == "__main__":
    main()

"""How soon detectors hear, and how often they cry: `python -m benchmarks.detectors [--quick] [--json FILE]`.

Streams of errors (0/1) at a steady rate for their first half, then at two or three times that rate: at once, over a
width, or for a while. Every detector sees the same streams, a slow one the first of them alone; a stream is a function
of its seed. The figures are those of `streams.detector_bench`; a transient is listened for while it lasts and as long
again. Beside ours stand River's, CapyMOA's and Frouros', the last two where they are installed, each at its own
defaults. Two rows are of detectors that look at nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.circumstances import circumstances
from benchmarks.peer_detectors import LEFT_OUT, PEERS, peers
from streams.detector_bench import OWN, Delays, Make, delays, false_alarms, of_spec, periodic

RATES = (0.01, 0.05, 0.2)
CALM_COUNT = 5_000
AFTER_COUNT = 8_000
STEADY_COUNT = 20_000
TRANSIENT_COUNT = 500
GOAL = 1.5

RIVERS = (
    *("river.drift.ADWIN()", "river.drift.PageHinkley()", "river.drift.binary.DDM()", "river.drift.binary.EDDM()"),
    *("river.drift.binary.HDDMA()", "river.drift.binary.HDDMW()", "river.drift.binary.FHDDM()"),
    "river.drift.KSWIN(seed=1)",
)
OURS = (*OWN, "adwin(delta=0.1)")
"""Ours as `choose-detector` tries them, and one more: an ADWIN as eager as MOA's SEED, its kin, is by default."""

PERIODS = (1_000, 10_000)
SLOW = {
    "river.drift.KSWIN(seed=1)": 10,
    "frouros.KSWIN": 10,
    "kswin()": 4,
    "adwin(clock=1)": 4,
    "frouros.ADWIN": 4,
    "frouros.STEPD": 4,
}
"""Detectors at 20 to 300 us a value, and what share of the streams they see: one in so many."""


@dataclass(frozen=True, slots=True)
class Change:
    """How the rate of errors changes after the calm: to `times` it, over `width` values, for `lasts` values."""

    name: str
    times: float
    width: int = 0
    lasts: int = AFTER_COUNT

    def values(self, rate: float, seed: int) -> list[float]:
        """Return one stream."""
        random = Random(f"{self.name}:{rate}:{seed}")
        found = [float(random.random() < rate) for _ in range(CALM_COUNT)]
        for index in range(AFTER_COUNT):
            share = min(1.0, index / self.width) if self.width else 1.0
            now = rate * (1.0 + (self.times - 1.0) * share) if index < self.lasts else rate
            found.append(float(random.random() < now))
        return found

    @property
    def heard_within(self) -> int:
        """For how long after the onset an alarm counts as one about the change."""
        return min(AFTER_COUNT, 2 * self.lasts)


CHANGES = (
    Change("sudden x2", 2.0),
    Change("sudden x3", 3.0),
    Change("over 500 x3", 3.0, width=500),
    Change("over 1,500 x3", 3.0, width=1_500),
    Change("over 3,000 x3", 3.0, width=3_000),
    Change(f"for {TRANSIENT_COUNT} x3", 3.0, lasts=TRANSIENT_COUNT),
)


def field() -> tuple[dict[str, Make], list[str]]:
    """Return all detectors by name, and a line for everything that is left out."""
    others, skipped = peers()
    makers = {text: of_spec(text) for text in (*OURS, *RIVERS)}
    return makers | others | {f"every {period:,}": periodic(period) for period in PERIODS}, skipped


def streams_for(name: str, stream_count: int) -> int:
    """Return how many of the streams, the first ones, a detector sees: fewer where it is slow."""
    return max(1, stream_count // SLOW.get(name, 1))


def steady(rate: float, stream_count: int) -> Iterator[list[float]]:
    """Yield streams without a change."""
    for seed in range(stream_count):
        random = Random(f"steady:{rate}:{seed}")
        yield [float(random.random() < rate) for _ in range(STEADY_COUNT)]


def measure(stream_count: int) -> Iterator[dict[str, Any]]:
    """Yield one row for every rate and detector."""
    makers, _ = field()
    for rate in RATES:
        streams = {change: [change.values(rate, seed) for seed in range(stream_count)] for change in CHANGES}
        for name, make in makers.items():
            count = streams_for(name, stream_count)
            false = false_alarms(make, steady(rate, count))
            heard = {
                change.name: delays(make, made[:count], CALM_COUNT, change.heard_within)
                for change, made in streams.items()
            }
            yield {
                "rate": rate,
                "detector": name,
                "ours": name in OURS,
                "streams": count,
                "false": false.per_10_000,
                "by_chance": false.by_chance,
                "changes": {name: {**as_data(each), "shown": each.shown()} for name, each in heard.items()},
            }


def as_data(found: Delays) -> dict[str, Any]:
    """Return delays as plain data."""
    return {"median": found.median, "p90": found.p90, "missed": found.missed, "of": found.stream_count}


def table(rows: Sequence[dict[str, Any]], rate: float) -> list[str]:
    """Return the table of one rate; a detector that saw fewer streams than the first has their number beside it."""
    names = [change.name for change in CHANGES]
    lines = [
        f"| errors at {rate} | false per 10,000 | by chance | {' | '.join(names)} |",
        f"|---|---|---|{'---|' * len(names)}",
    ]
    for row in rows:
        chance = "never" if row["by_chance"] is None else f"{row['by_chance']:,.0f}"
        cells = " | ".join(row["changes"][name]["shown"] for name in names)
        fewer = f" ({row['streams']} of {rows[0]['streams']} streams)" if row["streams"] < rows[0]["streams"] else ""
        lines.append(f"| `{row['detector']}`{fewer} | {row['false']:.2f} | {chance} | {cells} |")
    return lines


def goals(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Say for each change whether one of ours comes within 1.5 times the best delay with no more false alarms.

    Only detectors count that miss at most a tenth of the streams, and alarm falsely at most twice in 10,000 values.
    """
    return [
        f"{rate}, {change.name}: {goal([row for row in rows if row['rate'] == rate], change.name)}"
        for rate in RATES
        for change in CHANGES
    ]


def goal(rows: Sequence[dict[str, Any]], change: str) -> str:
    """Say it for one rate and change."""

    def median(row: dict[str, Any]) -> float:
        return float(row["changes"][change]["median"])

    def named(row: dict[str, Any]) -> str:
        return f"{row['detector']} ({median(row):,.0f}, {row['false']:.2f} false)"

    able = [
        row
        for row in rows
        if row["false"] <= 2.0
        and row["changes"][change]["missed"] <= row["changes"][change]["of"] / 10
        and not row["detector"].startswith("every ")
    ]
    others = [row for row in able if not row["ours"]]
    if not able:
        return "nobody hears nine in ten with at most 2 false alarms per 10,000"
    if not others:
        return f"only ours hear it, {named(min(able, key=median))} first"
    best = min(others, key=median)
    calm = sorted((row for row in able if row["ours"] and row["false"] <= best["false"]), key=median)
    within = [named(row) for row in calm if median(row) <= GOAL * median(best)]
    nearest = f"; as calm and next: {named(calm[0])}" if calm and not within else ""
    return f"best of others {named(best)}; within: {', '.join(within) or 'none'}{nearest}"


def main() -> None:
    """Measure, print the tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--streams", type=int, default=40, help="streams of each kind (40)")
    parser.add_argument("--quick", action="store_true", help="6 streams of each kind")
    parser.add_argument("--json", type=Path, help="write everything here")
    arguments = parser.parse_args()
    stream_count = 6 if arguments.quick else arguments.streams
    rows = list(measure(stream_count))
    skipped = field()[1]
    for rate in RATES:
        print("\n".join(table([row for row in rows if row["rate"] == rate], rate)), end="\n\n")
    print("\n".join([*goals(rows), "", *skipped, *LEFT_OUT]))
    if arguments.json:
        about = {**circumstances(("river", *PEERS)), "streams": stream_count, "skipped": skipped}
        arguments.json.write_text(json.dumps({**about, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

"""How soon detectors hear, and how often they cry: `python -m benchmarks.detectors [--quick] [--json FILE]`.

Streams of errors (0/1) at a steady rate for their first half, then at two or three times that rate: at once, over a
width, or for a while. Every detector sees the same streams; a stream is a function of its seed. The figures
are those of `streams.detector_bench`; a transient is listened for while it lasts and as long again. Two rows are of
detectors that look at nothing.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from random import Random
from typing import Any

from streams.detector_bench import OWN, Alarmed, Delays, Make, delays, false_alarms, of_spec, periodic

RATES = (0.01, 0.05, 0.2)
CALM_COUNT = 5_000
AFTER_COUNT = 8_000
STEADY_COUNT = 20_000
TRANSIENT_COUNT = 500
GOAL = 1.5

RIVERS = (
    *("river.drift.ADWIN()", "river.drift.PageHinkley()", "river.drift.binary.DDM()", "river.drift.binary.EDDM()"),
    *("river.drift.binary.HDDMA()", "river.drift.binary.HDDMW()", "river.drift.binary.FHDDM()"),
)
PERIODS = (1_000, 10_000)


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


def of_capymoa(name: str) -> Make:
    """Return a maker of one of CapyMOA's detectors."""

    def make() -> Alarmed:
        from capymoa.drift import detectors

        detector: Any = getattr(detectors, name)()

        def alarmed(value: float) -> bool:
            detector.add_element(value)
            return bool(detector.detected_change())

        return alarmed

    return make


def of_frouros(name: str) -> Make:
    """Return a maker of one of Frouros' detectors."""

    def make() -> Alarmed:
        from frouros.detectors import concept_drift

        detector: Any = getattr(concept_drift, name)()

        def alarmed(value: float) -> bool:
            detector.update(value=value)
            found = bool(detector.status["drift"])
            if found:
                detector.reset()
            return found

        return alarmed

    return make


def field() -> tuple[dict[str, Make], list[str]]:
    """Return all detectors by name, and a line for everything that is left out."""
    makers = {text: of_spec(text) for text in (*OWN, *RIVERS)}
    skipped = ["river.drift.KSWIN: skipped, at 0.3 ms a value"]
    others = {
        "capymoa": (of_capymoa, ("ADWIN", "DDM", "HDDMAverage", "HDDMWeighted", "RDDM", "STEPD")),
        "frouros": (of_frouros, ("ADWIN", "DDM", "HDDMA", "HDDMW", "RDDM", "STEPD")),
    }
    for package, (make, names) in others.items():
        if find_spec(package) is None:
            skipped.append(f"{package}: skipped, it is not installed")
        else:
            makers |= {f"{package}.{name}": make(name) for name in names}
    makers |= {f"every {period:,}": periodic(period) for period in PERIODS}
    return makers, skipped


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
            false = false_alarms(make, steady(rate, stream_count))
            heard = {
                change.name: delays(make, made, CALM_COUNT, change.heard_within) for change, made in streams.items()
            }
            yield {
                "rate": rate,
                "detector": name,
                "ours": name in OWN,
                "false": false.per_10_000,
                "by_chance": false.by_chance,
                "changes": {name: {**as_data(each), "shown": each.shown()} for name, each in heard.items()},
            }


def as_data(found: Delays) -> dict[str, Any]:
    """Return delays as plain data."""
    return {"median": found.median, "p90": found.p90, "missed": found.missed, "of": found.stream_count}


def table(rows: Sequence[dict[str, Any]], rate: float) -> list[str]:
    """Return the table of one rate."""
    names = [change.name for change in CHANGES]
    lines = [
        f"| errors at {rate} | false per 10,000 | by chance | {' | '.join(names)} |",
        f"|---|---|---|{'---|' * len(names)}",
    ]
    for row in rows:
        chance = "never" if row["by_chance"] is None else f"{row['by_chance']:,.0f}"
        cells = " | ".join(row["changes"][name]["shown"] for name in names)
        lines.append(f"| `{row['detector']}` | {row['false']:.2f} | {chance} | {cells} |")
    return lines


def goals(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Say for each change whether one of ours comes within 1.5 times the best delay with no more false alarms.

    Only detectors count that miss at most a tenth of the streams, and alarm falsely at most twice in 10,000 values.
    """
    lines = []
    for rate in RATES:
        for change in CHANGES:
            able = [
                row
                for row in rows
                if row["rate"] == rate
                and row["false"] <= 2.0
                and row["changes"][change.name]["missed"] <= row["changes"][change.name]["of"] / 10
                and not row["detector"].startswith("every ")
            ]
            if not able:
                lines.append(f"{rate}, {change.name}: nobody hears nine in ten with at most 2 false alarms per 10,000")
                continue
            others = [row for row in able if not row["ours"]]
            if not others:
                best = min(able, key=lambda row: row["changes"][change.name]["median"])
                lines.append(f"{rate}, {change.name}: only ours hear it, {best['detector']} first")
                continue
            best = min(others, key=lambda row: row["changes"][change.name]["median"])
            bound = GOAL * best["changes"][change.name]["median"]
            met = [
                row["detector"]
                for row in able
                if row["ours"] and row["changes"][change.name]["median"] <= bound and row["false"] <= best["false"]
            ]
            lines.append(
                f"{rate}, {change.name}: best of others {best['detector']}; within: {', '.join(met) or 'none'}"
            )
    return lines


def main() -> None:
    """Measure, print the tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="6 streams of each kind instead of 40")
    parser.add_argument("--json", type=Path, help="write everything here")
    arguments = parser.parse_args()
    stream_count = 6 if arguments.quick else 40
    rows = list(measure(stream_count))
    skipped = field()[1]
    for rate in RATES:
        print("\n".join(table([row for row in rows if row["rate"] == rate], rate)), end="\n\n")
    print("\n".join([*goals(rows), "", *skipped]))
    if arguments.json:
        about = {"streams": stream_count, "python": platform.python_version(), "skipped": skipped}
        arguments.json.write_text(json.dumps({**about, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

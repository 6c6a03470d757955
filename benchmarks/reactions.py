"""What is done about drift, and what for: `python -m benchmarks.reactions [--quick] [--json FILE]`.

Five tables. The first needs no data: each reaction beside River's `DriftRetrainingClassifier`, on 20 streams without a
change (errors of 5 %, 3,000 events) and on 20 with one. The others are read from the directory that `SIDESTREAM_DATA`
names, and are left out without it: usenet1, whose interest flips at every 300th row and comes back; INSECTS, which
changes gradually; the alarms on SEA and on shuffled covertype; recall and delay on interchanging RBF.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from math import ceil
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from benchmarks.drift_streams import (
    BERNOULLI,
    COVERTYPE,
    INSECTS,
    INSECTS_DETECTOR,
    INSECTS_GATE,
    NAIVE_BAYES,
    RBF,
    RBF_PERIOD,
    SEA,
    TREE,
    USENET,
    Row,
    follow,
    read,
)
from streams import kernel_cache

STREAM_COUNT = 20
CALM_COUNT = 3_000
AFTER_COUNT = 2_000
SWAPS = ("swapped", "reset", "reinstated", "rolled_back")
REACTIONS = ("reset()", "gated()", "standby()", "pool()")
DDM = "river.drift.binary.DDM()"
OURS = "adwin()"
USENET_DETECTORS = ("adwin()", "hddm_w()", "page_hinkley()", "stepd()", "fhddm()", "ddm()")
FLIP = 300
TABLES = ("river", "usenet", "insects", "alarms", "rbf")

Table = dict[str, Any]


def made(seed: int, *, changes: bool) -> list[Row]:
    """Return one stream of numbers that say nothing about its class, which is "1" in 5 %; if it changes, in 95 %."""
    random = Random(f"reactions:{seed}:{changes}")
    rows: list[Row] = []
    for place in range(CALM_COUNT + (AFTER_COUNT if changes else 0)):
        x = {name: random.gauss(0.0, 1.0) for name in "abc"}
        share = 0.95 if changes and place >= CALM_COUNT else 0.05
        rows.append((x, str(int(random.random() < share))))
    return rows


def rivers(rows: Sequence[Row]) -> dict[str, Any]:
    """Return what River's wrapper makes of a stream: which answers were right, the swaps, what the new model had seen.

    It puts a second model in the place of the first at each drift; the second learns from the warning on.
    """
    from river import drift, naive_bayes

    model = drift.DriftRetrainingClassifier(naive_bayes.GaussianNB(), drift_detector=drift.binary.DDM())
    right, swaps, seen = [], [], []
    young_count = 0
    for index, (x, y) in enumerate(rows):
        right.append(model.predict_one(x) == y)
        before = model.model
        model.learn_one(x, y)
        if model.model is not before:
            swaps.append(index)
            seen.append(young_count)
            young_count = 0
        else:
            young_count += model.drift_detector.warning_detected
    return {"right": right, "swaps": swaps, "seen": seen}


def ours(rows: Sequence[Row], detector: str, reaction: str) -> dict[str, Any]:
    """Return the same of a contender of the engine."""
    found = follow(rows, NAIVE_BAYES, (detector,), reaction)
    return {"right": found.right, "swaps": found.steps(*SWAPS)}


def beside_river(stream_count: int) -> Table:
    """Return one row for River's wrapper and for each reaction, with its detector and with our default."""
    makers: dict[str, Callable[[Sequence[Row]], dict[str, Any]]] = {"River's DriftRetrainingClassifier, DDM": rivers}
    # Standbys ask no detector.
    pairs = [(DDM, reaction) for reaction in ("reset()", "gated()", "pool()")]
    pairs += [(OURS, reaction) for reaction in ("none", *REACTIONS)]
    pairs.append((INSECTS_DETECTOR, INSECTS_GATE))
    for detector, reaction in pairs:
        makers[f"`{reaction}`, `{detector}`"] = _of(detector, reaction)
    steady = [made(seed, changes=False) for seed in range(stream_count)]
    changing = [made(seed, changes=True) for seed in range(stream_count)]
    rows = []
    for name, take in makers.items():
        calm = [take(stream) for stream in steady]
        after = [take(stream) for stream in changing]
        seen = [count for run in calm for count in run.get("seen", ())]
        rows.append(
            {
                "who": name,
                "false swaps": sum(len(run["swaps"]) for run in calm),
                "streams with one": sum(bool(run["swaps"]) for run in calm),
                "it had learned (median)": median(seen) if seen else None,
                "% right while steady": _right(calm, 0, CALM_COUNT),
                "% right in 500 after": _right(after, CALM_COUNT, CALM_COUNT + 500),
                "% right in 2,000 after": _right(after, CALM_COUNT, CALM_COUNT + AFTER_COUNT),
            }
        )
    return {"title": f"{stream_count} streams without a change and {stream_count} with one", "rows": rows}


def _of(detector: str, reaction: str) -> Callable[[Sequence[Row]], dict[str, Any]]:
    return lambda rows: ours(rows, detector, reaction)


def _right(runs: Sequence[dict[str, Any]], begin: int, end: int) -> float:
    return 100.0 * sum(sum(run["right"][begin:end]) for run in runs) / (len(runs) * (end - begin))


def usenet(folder: Path) -> Table:
    """Return one row for each detector and reaction: the delay of the first alarm after each flip, and the accuracy."""
    stream = list(read(folder / USENET[0], USENET[1]))
    flips = range(FLIP, len(stream), FLIP)
    rows = []
    for detector in USENET_DETECTORS:
        for reaction in ("none", "reset()", "pool()"):
            found = follow(stream, BERNOULLI, (detector,), reaction)
            row: dict[str, Any] = {"detector": f"`{detector}`", "reaction": f"`{reaction}`"}
            for flip in flips:
                delays = [alarm - flip for alarm in found.alarms if flip <= alarm < flip + FLIP]
                row[f"flip at {flip:,}"] = min(delays, default=None)
            row["reinstated"] = len(found.steps("reinstated"))
            row["% right"] = found.accuracy
            rows.append(row)
    return {"title": "usenet1, Bernoulli naive Bayes: delay after each flip, and % right", "rows": rows}


def insects(folder: Path) -> Table:
    """Return one row for each reaction on INSECTS."""
    stream = list(read(folder / INSECTS[0], INSECTS[1]))
    both = "adwin(delta=0.05, direction='both', clock=8)"
    wanted = [
        (OURS, "none"),
        ("river.drift.ADWIN()", "reset()"),
        *((OURS, reaction) for reaction in REACTIONS),
        (INSECTS_DETECTOR, INSECTS_GATE),
        (both, "gated(alpha=0.2)"),
        (OURS, "standby(every_count=100, life_count=500, alpha=0.05)"),
    ]
    rows = []
    for detector, reaction in wanted:
        found = follow(stream, NAIVE_BAYES, (detector,), reaction)
        steps = found.steps(*SWAPS)
        rows.append(
            {
                "detector": f"`{detector}`",
                "reaction": f"`{reaction}`",
                "alarms": len(found.alarms),
                "swaps": len(steps),
                "% right": found.accuracy,
            }
        )
    return {"title": "INSECTS gradual, `naive_bayes()`", "rows": rows}


def alarms(folder: Path) -> Table:
    """Return where `adwin()` alarms on SEA and on shuffled covertype."""
    rows = []
    for stream, model in ((SEA, TREE), (SEA, NAIVE_BAYES), (COVERTYPE, NAIVE_BAYES)):
        found = follow(read(folder / stream[0], stream[1]), model, (OURS,))
        closed = [each for each in found.episodes if each.stage == "closed"]
        rows.append(
            {
                "stream": stream[0].partition("/")[2].partition(".")[0],
                "model": f"`{model}`",
                "events": len(found.right),
                "alarms": ", ".join(f"{alarm:,}" for alarm in found.alarms) or "none",
                "episodes: kind, onset": "; ".join(f"{each.kind}, {each.onset_index:,}" for each in closed) or "none",
                "% right": found.accuracy,
            }
        )
    return {"title": "Alarms of `adwin()`: SEA changes at 12,500, 25,000 and 37,500, covertype never", "rows": rows}


def rbf(folder: Path, *, quick: bool) -> Table:
    """Return recall and delay on interchanging RBF: 15 classes whose centres trade places at every 3,000th row."""
    count = 30_000 if quick else 100_000
    stream = list(islice(read(folder / RBF[0], RBF[1]), count))
    rows = []
    for detector in (OURS, "hddm_w()", "page_hinkley()", "river.drift.ADWIN()"):
        found = follow(stream, NAIVE_BAYES, (detector,), "reset()")
        changes = range(RBF_PERIOD, count, RBF_PERIOD)
        delays = [
            min((alarm - change for alarm in found.alarms if change <= alarm < change + RBF_PERIOD), default=None)
            for change in changes
        ]
        heard = sorted(delay for delay in delays if delay is not None)
        row: dict[str, Any] = {"detector": f"`{detector}`", "changes": len(delays)}
        for within in (100, 300, 1_000, 3_000):
            row[f"heard within {within:,}"] = f"{sum(delay < within for delay in heard) / len(delays):.0%}"
        row["median delay"] = median(heard) if heard else None
        row["90 %"] = heard[ceil(0.9 * len(heard)) - 1] if heard else None
        row["further alarms"] = len(found.alarms) - len(heard)
        row["% right"] = found.accuracy
        rows.append(row)
    return {"title": f"interchanging RBF, {count:,} rows, `naive_bayes()` with `reset()`", "rows": rows}


def tables(wanted: Sequence[str], *, quick: bool) -> Iterator[Table]:
    """Yield each table as it is done."""
    folder = Path(os.environ.get("SIDESTREAM_DATA", ""))
    makers: dict[str, Callable[[], Table]] = {
        "river": lambda: beside_river(3 if quick else STREAM_COUNT),
        "usenet": lambda: usenet(folder),
        "insects": lambda: insects(folder),
        "alarms": lambda: alarms(folder),
        "rbf": lambda: rbf(folder, quick=quick),
    }
    for name in wanted:
        if name == "river" or "SIDESTREAM_DATA" in os.environ:
            yield makers[name]()


def shown(table: Table) -> str:
    """Return a table for eyes."""
    names = list(table["rows"][0])
    lines = [table["title"], "", f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(_cell(row[name]) for name in names)} |" for row in table["rows"]]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    """Measure, print the tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument("--quick", action="store_true", help="3 streams of each kind, and less of the long files")
    parser.add_argument("--only", nargs="+", choices=TABLES, default=TABLES, help="these tables instead of all")
    parser.add_argument("--json", type=Path, help="write everything here")
    arguments = parser.parse_args()
    kernel_cache.prepare(lambda words: print(words, file=sys.stderr))
    found = []
    for table in tables(arguments.only, quick=arguments.quick):
        print(shown(table), end="\n\n", flush=True)
        found.append(table)
    if "SIDESTREAM_DATA" not in os.environ:
        print("real streams: left out; set SIDESTREAM_DATA to the folder that holds them")
    if arguments.json:
        content = {"python": platform.python_version(), "tables": found}
        arguments.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

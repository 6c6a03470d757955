"""How right forests are: `python -m benchmarks.forest_accuracy [--quick] [--data DIR] [--json FILE]`.

Each stream is answered and then learned, event by event, by our adaptive random forest with each of its seeds, by
River's and by CapyMOA's where it is installed, all of ten trees with the settings each package has by default. Beside
them stands no-change, which says again what was true last: on streams whose neighbours are alike it is hard to beat.

Elec2 (all eight columns) and INSECTS are read from the directory of `--data`, by default `SIDESTREAM_DATA`; without one
they are left out. SEA changes abruptly three times; RBF has 50 features, and centroids that move.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from statistics import fmean, stdev
from time import perf_counter
from typing import Any

import numpy as np

from benchmarks.drift_streams import INSECTS, read
from benchmarks.learner_streams import Table
from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.targets import Task
from streams import kernel_cache

ELEC2 = ("elec2/elec2.csv.gz", "class")
TREES = 10
PUBLISHED = {"elec2": "River 87.66", "insects": "MOA 77.92"}
"""Prequential accuracy of the adaptive random forest, in per cent: River's page of benchmarks; Souza et al. 2020."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is asked: events of a stream at most, seeds of ours, of River's and of CapyMOA's."""

    events: int | None = None
    seeds: int = 10
    river_seeds: int = 1
    capymoa_seeds: int = 3


QUICK = Sizes(events=5_000, seeds=3)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream as a table."""

    name: str
    features: list[str]
    table: np.ndarray
    targets: list[Any]

    def cut(self, count: int | None) -> Stream:
        """Return the first so many events."""
        return Stream(self.name, self.features, self.table[:count], self.targets[:count])


@dataclass(frozen=True, slots=True)
class Measured:
    """One model on one stream, a figure for each seed: accuracy in per cent, and cost."""

    stream: str
    model: str
    accuracies: list[float] = field(default_factory=list)
    microseconds: list[float] = field(default_factory=list)

    def add(self, right: int, count: int, seconds: float) -> None:
        """Add one run."""
        self.accuracies.append(100.0 * right / count)
        self.microseconds.append(1e6 * seconds / count)


def table_of(name: str, rows: Iterator[tuple[dict[Any, float], Any]]) -> Stream:
    """Return rows as a table."""
    listed = list(rows)
    features = [str(each) for each in listed[0][0]]
    table = np.array([list(x.values()) for x, _ in listed], dtype=np.float64)
    return Stream(name, features, table, [y for _, y in listed])


def streams(data: Path | None) -> Iterator[Stream]:
    """Yield the streams there are."""
    from river.datasets import synth

    if data is not None:
        yield table_of("elec2", read(data / ELEC2[0], ELEC2[1]))
        yield table_of("insects", read(data / INSECTS[0], INSECTS[1]))
    parts = [synth.SEA(variant=variant, seed=variant + 1, noise=0.1).take(12_500) for variant in range(4)]
    yield table_of("sea", (each for part in parts for each in part))
    moving = synth.RandomRBFDrift(
        seed_model=1, seed_sample=2, n_classes=5, n_features=50, n_centroids=50, change_speed=0.0001,
        n_drift_centroids=50,
    )  # fmt: skip
    yield table_of("rbf d=50", moving.take(20_000))


def ours(stream: Stream, seed: int) -> int:
    """Return how many answers of our forest are right."""
    forest = AdaptiveRandomForest(Task.MULTICLASS, n_models=TREES, seed=seed)
    answers = forest.test_then_train(stream.features, stream.table, stream.targets)
    decided = answers.argmax(axis=1)
    decided[answers.max(axis=1) == 0.0] = -1
    numbers = {target: number for number, target in enumerate(forest.classes)}
    return int((decided == np.array([numbers[target] for target in stream.targets])).sum())


def rivers(stream: Stream, seed: int) -> int:
    """Return the same of River's."""
    from river.forest import ARFClassifier

    forest, right = ARFClassifier(n_models=TREES, seed=seed), 0
    for row, target in zip(stream.table.tolist(), stream.targets, strict=True):
        x = dict(zip(stream.features, row, strict=True))
        right += forest.predict_one(x) == target
        forest.learn_one(x, target)
    return right


def capymoas(stream: Stream, seed: int) -> int:
    """Return the same of CapyMOA's, at its own defaults."""
    from benchmarks.learner_moa import AdaptiveRandomForestClassifier, of_moa

    def make(schema: Any, _: Task) -> Any:
        return AdaptiveRandomForestClassifier(schema, ensemble_size=TREES, random_seed=seed)

    table = Table(stream.name, tuple(stream.features), stream.table, list(stream.targets), Task.MULTICLASS)
    return of_moa(make)(table)(0, len(table))


def measure(data: Path | None, sizes: Sizes, say: Callable[[str], None]) -> Iterator[Measured]:
    """Yield what each model makes of each stream."""
    models: list[tuple[str, Callable[[Stream, int], int], int]] = [
        ("sidestream", ours, sizes.seeds),
        ("river", rivers, sizes.river_seeds),
    ]
    if find_spec("capymoa") is None:
        say("capymoa: skipped, it is not installed")
    else:
        models.append(("capymoa", capymoas, sizes.capymoa_seeds))
    if data is None:
        say("elec2, insects: skipped, --data or SIDESTREAM_DATA names the directory that holds them")
    for whole in streams(data):
        stream = whole.cut(sizes.events)
        count = len(stream.targets)
        same = Measured(stream.name, "no-change")
        same.add(sum(before == after for before, after in pairwise(stream.targets)), count, 0.0)
        yield same
        for name, model, seeds in models:
            found = Measured(stream.name, name)
            for seed in range(1, seeds + 1):
                begun = perf_counter()
                right = model(stream, seed)
                found.add(right, count, perf_counter() - begun)
            if seeds:
                yield found


def lines_of(found: Sequence[Measured]) -> Iterator[str]:
    """Yield the table as Markdown."""
    yield "| stream | model | seeds | accuracy, % | lowest | highest | us an event | published |"
    yield "|---|---|---|---|---|---|---|---|"
    for each in found:
        spread = f" ± {stdev(each.accuracies):.2f}" if len(each.accuracies) > 1 else ""
        low, high = min(each.accuracies, default=0.0), max(each.accuracies, default=0.0)
        published = PUBLISHED.get(each.stream, "") if each.model != "no-change" else ""
        yield (
            f"| {each.stream} | {each.model} | {len(each.accuracies)} | {fmean(each.accuracies):.2f}{spread} "
            f"| {low:.2f} | {high:.2f} | {min(each.microseconds):,.1f} | {published} |"
        )


def main() -> None:
    """Measure, print the table, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help=f"the first {QUICK.events:,} events, {QUICK.seeds} seeds")
    parser.add_argument("--events", type=int, help="of each stream, the first so many")
    parser.add_argument("--seeds", type=int, help="runs of ours; default 10")
    parser.add_argument("--river-seeds", type=int, help="runs of River's forest, 1 to 2 ms an event; default 1")
    parser.add_argument("--capymoa-seeds", type=int, help="runs of CapyMOA's forest; default 3")
    parser.add_argument("--data", type=Path, default=os.environ.get("SIDESTREAM_DATA"), help="holds elec2 and insects")
    parser.add_argument("--json", type=Path, help="write everything here")
    arguments = parser.parse_args()
    kernel_cache.prepare(print)
    chosen = asdict(QUICK if arguments.quick else Sizes())
    chosen |= {name: value for name in chosen if (value := getattr(arguments, name, None)) is not None}
    found: list[Measured] = []
    for each in measure(Path(arguments.data) if arguments.data else None, Sizes(**chosen), print):
        found.append(each)
        print(f"{each.stream}, {each.model}: {fmean(each.accuracies):.2f} %", flush=True)
    print("\n".join(lines_of(found)))
    if arguments.json:
        about = {
            "date": datetime.now(UTC).date().isoformat(),
            "python": platform.python_version(),
            "river": version("river"),
            "sizes": chosen,
            "published": PUBLISHED,
        }
        rows = [asdict(each) for each in found]
        arguments.json.write_text(json.dumps({**about, "rows": rows}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

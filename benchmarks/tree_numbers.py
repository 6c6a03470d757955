"""How far off trees of numbers are: `python -m benchmarks.tree_numbers [--events N] [--json FILE]`.

Each stream is answered and then learned, event by event. A figure is the root of the mean squared error after the first
twentieth of a stream, in standard deviations of its targets: who answers with their mean has 1. Ours have their
defaults, *means* answers with the mean of its leaf, and *as River* makes River's choices (`river_compat`).

The streams are River's own; *in units* multiplies Friedman's features by factors from .001 to 10,000, *turned* is 25
less the target from the middle on.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
from river import datasets
from river.datasets import synth

from benchmarks.circumstances import circumstances
from benchmarks.learner_streams import Table
from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.models.compiled.hoeffding_adaptive_tree import HoeffdingAdaptiveTree
from engine.models.compiled.hoeffding_tree import HoeffdingTree
from engine.models.compiled.model import Compiled
from engine.targets import Task
from streams import kernel_cache

EVENTS: Final = 20_000
SEED: Final = 3
TURNED_FROM: Final = 25.0
PACKAGES: Final = ("numba", "numpy", "river", "sidestream")

MODELS: Final[Mapping[str, Callable[[], Compiled]]] = {
    "tree of means": lambda: HoeffdingTree(Task.REGRESSION, leaf="mean"),
    "tree": lambda: HoeffdingTree(Task.REGRESSION),
    "adaptive tree": lambda: HoeffdingAdaptiveTree(Task.REGRESSION, seed=1),
    "forest": lambda: AdaptiveRandomForest(Task.REGRESSION, seed=1),
    "adaptive tree, as River": lambda: HoeffdingAdaptiveTree(Task.REGRESSION, river_compat=True, seed=1),
}


def streams(count: int) -> list[Table]:
    """Return the streams, the made ones of so many events."""
    plain = table_of("Friedman", synth.Friedman(seed=SEED), count)
    units = 10.0 ** np.random.default_rng(1).uniform(-3, 4, len(plain.names))
    turned = [y if place < count // 2 else TURNED_FROM - float(y) for place, y in enumerate(plain.targets)]
    drifting = synth.FriedmanDrift(drift_type="gra", position=(count * 7 // 20, count * 14 // 20), seed=SEED)
    return [
        plain,
        replace(plain, name="Friedman, in units", numbers=plain.numbers * units),
        table_of("Friedman, drifting gradually", drifting, count),
        replace(plain, name="Friedman, turned", targets=turned),
        table_of("planes", synth.Planes2D(seed=SEED), count),
        table_of("TrumpApproval", datasets.TrumpApproval()),
        table_of("ChickWeights", datasets.ChickWeights()),
    ]


def table_of(name: str, events: Iterable[Any], count: int | None = None) -> Table:
    """Return so many events of a stream, of None all, without features that are texts."""
    taken = [({str(k): v for k, v in x.items() if not isinstance(v, str)}, float(y)) for x, y in islice(events, count)]
    names = tuple(sorted(taken[0][0]))
    numbers = np.array([[float(x[each]) for each in names] for x, _ in taken])
    return Table(name, names, numbers, [y for _, y in taken], Task.REGRESSION)


def error_of(model: Compiled, stream: Table) -> float:
    """Return how far off a model is that answers each event and then learns it."""
    targets = np.array(stream.targets, dtype=np.float64)
    apart = model.test_then_train(stream.names, stream.numbers, stream.targets)[:, 0] - targets
    return float(np.sqrt(np.mean(apart[len(stream) // 20 :] ** 2)) / np.std(targets))


def measure(count: int) -> dict[str, dict[str, float]]:
    """Return the error of each model on each stream."""
    return {stream.name: {name: error_of(make(), stream) for name, make in MODELS.items()} for stream in streams(count)}


def lines_of(found: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Return the errors as the lines of a table."""
    lines = [f"| | {' | '.join(MODELS)} |", f"|---|{'---|' * len(MODELS)}"]
    for stream, errors in found.items():
        lines.append(f"| {stream} | {' | '.join(f'{errors[name]:,.2f}' for name in MODELS)} |")
    return lines


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=EVENTS, metavar="N", help="events of a made stream (%(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything here")
    given = parser.parse_args()
    kernel_cache.prepare(lambda words: print(words, file=sys.stderr))
    found = {**circumstances(PACKAGES), "events": given.events, "errors": measure(given.events)}
    print("\n".join(lines_of(found["errors"])))
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

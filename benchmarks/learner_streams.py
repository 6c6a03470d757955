"""The streams of `benchmarks.learners`, as tables of numbers: three that are made, and three files of other people's.

A made stream of classes has clusters of two in a unit cube, as MOA's RandomRBF: numpy draws it, so that millions of
events take seconds. The one of numbers is Friedman's function, which turns around in the middle. The files are in the
directory that SIDESTREAM_DATA names.
"""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from engine.messages import Target
from engine.targets import Task

MADE_COUNT: Final = 50_000
CENTROID_COUNT: Final = 50
VARIABLE: Final = "SIDESTREAM_DATA"

LEFT_OUT: Final = {"TX_FRAUD", "TX_FRAUD_SCENARIO", "TX_DATETIME", "TX_TIME_SECONDS", "TX_TIME_DAYS", "TRANSACTION_ID"}
LEFT_OUT_TOO: Final = {"CUSTOMER_ID", "TERMINAL_ID"}
"""What the handbook's models do not see either."""


@dataclass(frozen=True, eq=False)
class Table:
    """A stream: the features of its events as rows of numbers, and their targets."""

    name: str
    names: tuple[str, ...]
    numbers: npt.NDArray[np.float64]
    targets: list[Target]
    task: Task

    def first(self, count: int) -> Table:
        """Return the stream's first events."""
        return Table(self.name, self.names, self.numbers[:count], self.targets[:count], self.task)

    def __len__(self) -> int:
        return len(self.targets)

    @cached_property
    def events(self) -> list[dict[str, float]]:
        """The features of each event by name."""
        return [dict(zip(self.names, row, strict=True)) for row in self.numbers.tolist()]

    @cached_property
    def classes(self) -> list[Target]:
        """The classes in order: what stands for each in a peer's own numbers is its place here."""
        return sorted(set(self.targets), key=repr)

    @cached_property
    def codes(self) -> list[int]:
        """The place of each event's target among the classes."""
        place = {name: number for number, name in enumerate(self.classes)}
        return [place[target] for target in self.targets]

    @cached_property
    def near(self) -> float:
        """How far an answer that is a number may be off to count as right: half of the targets' deviation."""
        return float(np.std(np.array(self.targets, dtype=np.float64))) / 2.0

    @property
    def no_change(self) -> float:
        """The accuracy of answering with the target before."""
        if self.task is Task.REGRESSION:
            return float((abs(np.diff(np.array(self.targets, dtype=np.float64))) <= self.near).sum()) / len(self)
        same = sum(now == before for now, before in zip(self.targets[1:], self.targets, strict=False))
        return same / len(self.targets)


def clusters(count: int, feature_count: int, seed: int) -> Table:
    """Return a made stream; the clusters are a function of the number of features, the events of the seed."""
    world = np.random.default_rng(feature_count)
    centers = world.random((CENTROID_COUNT, feature_count))
    spreads, shares = world.random(CENTROID_COUNT), world.random(CENTROID_COUNT)
    positive = world.random(CENTROID_COUNT) < 0.5
    random = np.random.default_rng(seed)
    chosen = random.choice(CENTROID_COUNT, size=count, p=shares / shares.sum())
    away = random.uniform(-1.0, 1.0, size=(count, feature_count))
    away *= (random.normal(size=count) * spreads[chosen] / np.linalg.norm(away, axis=1))[:, None]
    names = tuple(f"f{place}" for place in range(feature_count))
    return Table(f"RBF {feature_count}", names, centers[chosen] + away, positive[chosen].tolist(), Task.BINARY)


def friedman(count: int, seed: int) -> Table:
    """Return a made stream of numbers: five of ten features matter, and in its second half the other way around."""
    random = np.random.default_rng(seed)
    x = random.random((count, 10))
    level = 10.0 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20.0 * (x[:, 2] - 0.5) ** 2 + 10.0 * x[:, 3] + 5.0 * x[:, 4]
    level[count // 2 :] = 30.0 - level[count // 2 :]
    targets: list[Target] = [*(level + random.normal(size=count)).tolist()]
    return Table("Friedman", tuple(f"f{place}" for place in range(10)), x, targets, Task.REGRESSION)


def read(name: str, path: str, target: str, task: Task, of: Callable[[str], Target]) -> Table:
    """Read a file of numbers.

    Raises
    ------
    FileNotFoundError
        SIDESTREAM_DATA is not set, or has no such file.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        msg = f"{VARIABLE} names no directory of data sets"
        raise FileNotFoundError(msg)
    with gzip.open(Path(folder) / path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        head = next(rows)
        kept = [place for place, each in enumerate(head) if each not in {target, *LEFT_OUT, *LEFT_OUT_TOO}]
        at = head.index(target)
        numbers, targets = [], []
        for row in rows:
            numbers.append([float(row[place]) for place in kept])
            targets.append(of(row[at]))
    return Table(name, tuple(head[place] for place in kept), np.array(numbers), targets, task)


FRAUD: Final = "fraud_handbook/transformed_2018-07-25_2018-08-14.csv.gz"
MAKERS: Final[dict[str, Callable[[], Table]]] = {
    "Elec2": lambda: read("Elec2", "elec2/elec2.csv.gz", "class", Task.BINARY, lambda text: text == "UP"),
    "RBF 10": lambda: clusters(MADE_COUNT, 10, seed=1),
    "RBF 50": lambda: clusters(MADE_COUNT, 50, seed=1),
    "Friedman": lambda: friedman(MADE_COUNT, seed=1),
    "covertype": lambda: read(
        "covertype", "covertype_iid_93k/covertype_iid_93k.csv.gz", "Cover_Type", Task.MULTICLASS, int
    ),
    "fraud": lambda: read("fraud", FRAUD, "TX_FRAUD", Task.BINARY, lambda text: text == "1"),
}
"""The streams by name."""


def streams(skip: Callable[[str], Any]) -> Iterator[Table]:
    """Yield the streams that can be had, and have a line said for each that cannot."""
    for name, make in MAKERS.items():
        try:
            yield make()
        except FileNotFoundError as error:
            skip(f"{name}: SKIPPED, its file is missing ({error}); set {VARIABLE} to the directory that holds it")

"""On electricity prices and insects the compiled tree splits and answers as River's, event by event."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.grown_trees import Example, add_up_from_left_to_right
from tests.oracles.test_trees_against_river import agree
from tests.replays import real


@pytest.fixture(autouse=True)
def _sums_of_python_3_11(monkeypatch: pytest.MonkeyPatch) -> None:
    add_up_from_left_to_right(monkeypatch)


def rows(path: Path) -> Iterator[Example]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            target = row.pop("class")
            yield {name: float(value) for name, value in row.items()}, target


def test_elec2() -> None:
    agree(rows(real("elec2/elec2.csv.gz")), splits_min=24)


def test_insects() -> None:
    agree(rows(real("insects_gradual_balanced/insects_gradual_balanced.csv.gz")), splits_min=1)

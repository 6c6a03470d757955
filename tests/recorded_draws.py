"""River's adaptive trees and forests with their random draws written down, as scripts that our dice can follow.

A script is a list of whole numbers in the order of drawing: for an example's Poisson weight the count, for a leaf's
sample of features their columns. A forest has one for each of its trees, an adaptive tree one alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import exp
from random import Random
from typing import Any

import numpy as np
from river.datasets import synth
from river.forest import ARFClassifier, ARFRegressor
from river.tree import HoeffdingAdaptiveTreeClassifier, HoeffdingAdaptiveTreeRegressor

from engine.messages import Target

Example = tuple[dict[str, float], Target]


class Recorder(Random):
    """River's generator, with what is made of its numbers written down: `random` serves Poisson counts alone."""

    def __init__(self, seed: int, *, mean: float, columns: Sequence[str], tree_count: int = 1) -> None:
        super().__init__(seed)
        self._chance = exp(-mean)
        self._columns = {name: place for place, name in enumerate(columns)}
        self._left, self._calls, self._counts = 1.0, 0, 0
        self.scripts: list[list[int]] = [[] for _ in range(tree_count)]

    def random(self) -> float:
        # `river.utils.random.poisson` multiplies uniform numbers until their product is small enough.
        drawn = super().random()
        self._left *= drawn
        self._calls += 1
        if self._left <= self._chance:
            self.scripts[self._counts % len(self.scripts)].append(self._calls - 1)
            self._left, self._calls = 1.0, 0
            self._counts += 1
        return drawn

    def getrandbits(self, k: int, /) -> int:
        # Said here so that `sample` goes on to draw bits: beside an own `random` alone it would call that.
        return super().getrandbits(k)

    def sample(self, population: Sequence[Any], k: int, *, counts: Any = None) -> list[Any]:
        drawn = super().sample(population, k)
        # The samples of a tree's leaves follow the count that it drew.
        self.scripts[(self._counts - 1) % len(self.scripts)].extend(self._columns[name] for name in drawn)
        return drawn


def recorded_forest(columns: Sequence[str], *, seed: int, regression: bool = False, **settings: Any) -> Any:
    """Return River's forest; its `_rng.scripts` are what it has drawn so far, tree by tree."""
    forest = (ARFRegressor if regression else ARFClassifier)(seed=seed, **settings)
    forest._rng = Recorder(seed, mean=forest.lambda_value, columns=columns, tree_count=forest.n_models)
    return forest


def recorded_tree(columns: Sequence[str], *, seed: int, regression: bool = False, **settings: Any) -> Any:
    """Return River's adaptive tree; its `_rng.scripts[0]` is what it has drawn so far."""
    tree = (HoeffdingAdaptiveTreeRegressor if regression else HoeffdingAdaptiveTreeClassifier)(seed=seed, **settings)
    tree._rng = Recorder(seed, mean=1.0, columns=columns)
    return tree


def scripted(trees: np.ndarray[Any, Any], scripts: Sequence[Sequence[int]]) -> np.ndarray[Any, Any]:
    """Return a forest's array of trees, whose rows end in dice, with a script at the end of each tree's."""
    width = trees.shape[1]
    longer = np.zeros((len(trees), width + max(len(script) for script in scripts)), dtype=np.int64)
    longer[:, :width] = trees
    for row, script in zip(longer[1:], scripts, strict=True):
        row[width : width + len(script)] = script
    return longer


def streams_with_a_break(count: int) -> dict[str, list[Example]]:
    """Return streams of `count` examples whose concept is another in the second half."""
    half = count // 2
    made = {
        "rtg": (_tree(half, 1), _tree(half, 2)),
        "rbf": (_rbf(half, 1), _rbf(half, 7)),
        "sea": (synth.SEA(variant=0, seed=1).take(half), synth.SEA(variant=3, seed=2).take(half)),
        "agrawal": (_agrawal(half, 0), _agrawal(half, 5)),
    }
    return {name: [*_named(before), *_named(after)] for name, (before, after) in made.items()}


def _tree(count: int, seed: int) -> Iterator[Any]:
    return synth.RandomTree(seed, 3, n_num_features=8, n_cat_features=0).take(count)


def _rbf(count: int, seed: int) -> Iterator[Any]:
    return synth.RandomRBF(seed, 4, n_classes=3, n_features=10, n_centroids=30).take(count)


def _agrawal(count: int, function: int) -> Iterator[Any]:
    return synth.Agrawal(function, seed=4).take(count)


def _named(stream: Iterator[Any]) -> Iterator[Example]:
    for x, target in stream:
        yield {str(name): float(value) for name, value in x.items()}, target

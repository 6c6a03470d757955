"""River's Hoeffding trees and ours side by side: their splits, and streams on which they should grow alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest
from river import tree
from river.datasets import synth
from river.tree import nodes
from river.tree.nodes.branch import DTBranch
from river.tree.split_criterion import gini_split_criterion, info_gain_split_criterion

from engine.messages import Target
from engine.models.compiled.adaptive_random_forest import AdaptiveRandomForest
from engine.models.compiled.hoeffding_tree import HoeffdingTree

Features = dict[str, float | str]
Example = tuple[Features, Target]
Split = tuple[tuple[int, ...], str, float | str | None]


def add_up_from_left_to_right(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have River add up as it does on Python 3.11: later ones compensate, which moves a grace period by a bit."""

    def added(values: Iterable[float], start: float = 0) -> float:
        for value in values:
            start += value
        return start

    for module in (nodes.htc_nodes, nodes.hatc_nodes, tree.utils, info_gain_split_criterion, gini_split_criterion):
        monkeypatch.setattr(module, "sum", added, raising=False)


def rivers_splits(node: Any, path: tuple[int, ...] = ()) -> Iterator[Split]:
    if isinstance(node, DTBranch):
        yield path, node.feature, getattr(node, "threshold", getattr(node, "value", None))
        for place, child in enumerate(node.children):
            yield from rivers_splits(child, (*path, place))


def our_splits(model: HoeffdingTree) -> list[Split]:
    layout = model._slab.layout
    root = int(model._slab.cut(model._arrays[:2]).header[layout.ROOT])
    return [] if root == layout.NONE else splits_below(model, root)


def splits_below(model: HoeffdingTree | AdaptiveRandomForest, root: int) -> list[Split]:
    layout, slab = model._slab.layout, model._slab.cut(model._arrays[:2])
    found: list[Split] = []

    def visit(node: int, path: tuple[int, ...]) -> None:
        kind, column = slab.nodes[node, layout.KIND], int(slab.nodes[node, layout.FEATURE])
        if kind == layout.LEAF:
            return
        point = float(slab.weights[node, layout.POINT])
        at: float | str | None = None if kind == layout.FORK else point
        if kind == layout.EQUAL:
            at = model._vectors.texts()[column][int(point)]
        found.append((path, model._vectors.names[column], at))
        child, place = int(slab.nodes[node, layout.LEFT]), 0
        while child != layout.NONE:
            visit(child, (*path, place))
            child, place = int(slab.nodes[child, layout.NEXT]), place + 1

    visit(root, ())
    return found


def roots_of(model: HoeffdingTree | AdaptiveRandomForest) -> list[int]:
    """Return the roots of a model's trees, of those in waiting too."""
    layout, ints = model._slab.layout, model._arrays[0]
    roots = [int(ints[layout.ROOT])]
    if isinstance(model, AdaptiveRandomForest):
        roots = model._arrays[2][1:, [model._kernel.ROOT, model._kernel.WAITING]].ravel().tolist()
    return [root for root in roots if root != layout.NONE]


def leaves_below(model: HoeffdingTree | AdaptiveRandomForest, node: int) -> int:
    """Return how many leaves are at a node or below it; every node knows it of itself."""
    layout, slab = model._slab.layout, model._slab.cut(model._arrays)
    found, child = 0, int(slab.nodes[node, layout.LEFT])
    if slab.nodes[node, layout.KIND] == layout.LEAF:
        found = 1
    else:
        while child != layout.NONE:
            found += leaves_below(model, child)
            child = int(slab.nodes[child, layout.NEXT])
    assert slab.nodes[node, layout.LEAVES] == found
    return found


def named(stream: Iterable[tuple[dict[Any, float], Any]], count: int) -> Iterator[Example]:
    for x, target in islice(stream, count):
        yield {str(name): float(value) for name, value in x.items()}, target


def agrawal(count: int, function: int) -> Iterator[Example]:
    """Agrawal's loans with its three nominal features as texts."""
    for x, target in named(synth.Agrawal(function, seed=3), count):
        yield (
            {name: f"v{value}" if name in {"elevel", "car", "zipcode"} else value for name, value in x.items()},
            target,
        )


def with_holes(stream: Iterable[Example], share: float) -> Iterator[Example]:
    random = Random(5)
    for x, target in stream:
        yield {name: value for name, value in x.items() if random.random() > share}, target


def unruly(count: int, seed: int, *, numbers: bool = False) -> Iterator[Example]:
    """Numbers, whole numbers, a constant and texts with holes; features, texts and a class that come late."""
    random = Random(seed)
    for event in range(count):
        x: Features = {"a": random.gauss(0, 1), "b": float(random.randrange(5)), "constant": 3.0,
                       "t": random.choice("pqrs"), "u": random.choice("xy")}  # fmt: skip
        if event > count // 4:
            x |= {"late": random.random(), "later": random.choice("mno")}
        if event > count // 3 and random.random() < 0.3:
            x["t"] = random.choice("tuv")
        level = (x["a"] > 0) + 2 * (x["t"] in "pq") + (x["u"] == "x" and x["b"] > 2)  # type: ignore[operator]
        target: Target = 3.0 * level + 0.3 * x["a"] + random.gauss(0, 0.2) if numbers else f"c{level}"  # type: ignore[operator]
        if not numbers and event > count // 3 and random.random() < 0.1:
            target = "late class"
        yield {name: value for name, value in x.items() if random.random() > 0.05}, target

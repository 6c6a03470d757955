"""What each feature does to the answer of a tree, read off its slab: loaded when somebody first asks why.

A tree's answer begins with what its root has seen. Each node on the way adds how much its child says otherwise, and its
leaf what it says beyond its share or its mean: naive Bayes and lines are told apart by feature. So the parts and where
they begin from add up to the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

import numpy as np

from engine.kernels import leaf_models, nodes, observers
from engine.kernels import slab as layout
from engine.kernels.scaling import NUMBER_MAX
from engine.models.compiled.model import Array, Floats

WAYS: Final[Any] = nodes

STEPS_COUNT: Final = 32
"""Steps in which evidence is taken in, from none to all of it."""

CANCELLED: Final = 1e-3
"""Where changes cancel each other out to less than this share of them, what is missing is shared out by their size."""


class Reasons(NamedTuple):
    """Where an answer begins from, and what each column adds to that."""

    base: float
    parts: dict[int, float]


def mixed(voters: Iterable[tuple[float, Reasons]]) -> Reasons:
    """Return the reasons of an answer that is the mean of several, each with its weight."""
    base, whole = 0.0, 0.0
    parts: dict[int, float] = {}
    for weight, reasons in voters:
        whole += weight
        base += weight * reasons.base
        for column, part in reasons.parts.items():
            parts[column] = parts.get(column, 0.0) + weight * part
    if whole == 0.0:
        return Reasons(0.0, {})
    return Reasons(base / whole, {column: part / whole for column, part in parts.items()})


def way(slab: Any, root: int, row: Floats) -> list[int]:
    """Return the nodes from a root to the leaf of a row."""
    found = [root]
    while slab.nodes[found[-1], layout.KIND] != layout.LEAF:
        node = found[-1]
        value = row[slab.nodes[node, layout.FEATURE]]
        child = layout.NONE if np.isnan(value) else WAYS.branch.py_func(slab.nodes, slab.weights, node, value)
        found.append(WAYS.heaviest.py_func(slab.nodes, slab.weights, node) if child == layout.NONE else child)
    return found


def of_tree(slab: Any, root: int, row: Floats, number: int) -> Reasons:
    """Return the reasons of a tree: of the share of the class of this number, or of a tree of numbers' answer."""
    on_way = way(slab, root, row)
    base, added = of_leaf(slab, on_way[-1], row, number)
    values = [*(known(slab, node, number) for node in on_way[:-1]), base]
    parts: dict[int, float] = {}
    for node, before, after in zip(on_way, values, values[1:], strict=False):
        column = int(slab.nodes[node, layout.FEATURE])
        parts[column] = parts.get(column, 0.0) + after - before
    for column, part in added.items():
        parts[column] = parts.get(column, 0.0) + part
    return Reasons(values[0], parts)


def known(slab: Any, node: int, number: int) -> float:
    """Return what a node knows of the answer: a class's share, a target's mean."""
    kept = slab.weights[node, layout.CLASS :]
    if slab.header[layout.CRITERION] == layout.VARIANCE:
        return float(kept[layout.T_MEAN])
    whole = kept.sum()
    return float(kept[number] / whole) if whole > 0.0 else 0.0


def of_leaf(slab: Any, leaf: int, row: Floats, number: int) -> Reasons:
    """Return the reasons of a leaf alone: what it says of nothing but being there, and of the features."""
    if slab.header[layout.CRITERION] == layout.VARIANCE:
        return of_line(slab, leaf, row) if answers_by_line(slab, leaf) else Reasons(known(slab, leaf, number), {})
    met = slab.nodes[leaf, layout.CLASSES : layout.CLASSES + slab.nodes[leaf, layout.CLASSES_MET]]
    if number not in met or not has_learned(slab, leaf) or not answers_by_bayes(slab, leaf):
        return Reasons(known(slab, leaf, number), {})
    priors, evidence = bayes(slab, leaf, row, met)
    asked = int(np.flatnonzero(met == number)[0])
    base = float(softmax(priors[:, None])[asked, 0])
    columns = [int(column) for column in watched(slab, leaf)]
    return Reasons(base, dict(zip(columns, taken_in(priors, evidence, asked).tolist(), strict=True)))


def has_learned(slab: Any, leaf: int) -> bool:
    """Say whether a leaf of classes has learned anything."""
    return bool(slab.weights[leaf, layout.CLASS :].sum() > 0.0)


def answers_by_line(slab: Any, leaf: int) -> bool:
    """Say what the kernel's `answer_number` decides."""
    kept, said_by = slab.weights[leaf], slab.header[layout.LEAF_ANSWER]
    less = said_by == leaf_models.BY_LESS_WRONG and kept[leaf_models.MEAN_ERROR] < kept[leaf_models.MODEL_ERROR]
    return bool(said_by != leaf_models.BY_MEAN and not less)


def of_line(slab: Any, leaf: int, row: Floats) -> Reasons:
    """Return the reasons of a line: from its intercept on, each weight times its feature."""
    kept = slab.weights[leaf]
    cells = kept[leaf_models.CELLS :].reshape(-1, leaf_models.CELL)
    parts: dict[int, float] = {}
    for column in np.flatnonzero((slab.columns[:, layout.OFFSET] < 0) & (np.abs(row) <= NUMBER_MAX)).tolist():
        value = row[column]
        if slab.header[layout.AS_RIVER] == 0:
            away = (value - cells[column, leaf_models.MEAN]) * cells[column, leaf_models.SCALE]
            value = min(max(away, -leaf_models.FAR), leaf_models.FAR)
        parts[column] = float(cells[column, leaf_models.W] * value)
    return Reasons(float(kept[leaf_models.INTERCEPT]), parts)


def answers_by_bayes(slab: Any, leaf: int) -> bool:
    """Say what the kernel's `answer_at` decides."""
    said_by, kept = slab.header[layout.LEAF_ANSWER], slab.weights[leaf]
    if slab.nodes[leaf, layout.SLOT] == layout.GIVEN_UP or said_by == observers.BY_MAJORITY:
        return False
    return bool(said_by == observers.BY_BAYES or kept[layout.BAYES_RIGHT] >= kept[layout.MAJORITY_RIGHT])


def watched(slab: Any, leaf: int) -> Array:
    """Return the columns that a leaf watches."""
    slot = slab.nodes[leaf, layout.SLOT]
    if slot < 0:
        return np.zeros(0, dtype=np.int64)
    begin = layout.FEATURES
    found: Array = slab.lists[slot, begin : begin + slab.lists[slot, layout.WATCHED]]
    return found


def bayes(slab: Any, leaf: int, row: Floats, met: Array) -> tuple[Floats, Floats]:
    """Return the log shares of the classes that a leaf met, and the log likelihood of each of its columns in them."""
    weights = slab.weights[leaf, layout.CLASS + met]
    columns, slot = watched(slab, leaf), slab.nodes[leaf, layout.SLOT]
    absent = 0.0 if slab.header[layout.AS_RIVER] == 1 else -np.inf
    priors = np.full(len(met), absent)
    evidence = np.zeros((len(met), len(columns)))
    for place, c in enumerate(met):
        if weights[place] > 0.0:
            priors[place] = np.log(weights[place] / weights.sum())
            for j, column in enumerate(columns):
                evidence[place, j] = likelihood(slab, slab.cells[slot, c, j], slab.counts[slot, c], column, row[column])
    return priors, evidence


def likelihood(slab: Any, cell: Floats, counts: Floats, column: int, value: float) -> float:
    """Return what a column adds in the kernel's `likelihood`."""
    offset, room = slab.columns[column]
    if np.isnan(value):
        return 0.0
    if offset < 0:
        away = value - cell[observers.MEAN]
        density = away * away * cell[observers.SCALE] + cell[observers.LEVEL]
        return float(density) if density > -np.inf else 0.0
    count = counts[offset + int(value)] if 0.0 <= value < room else 0.0
    return float(np.log(count / cell[observers.WEIGHT_OF])) if count > 0.0 else 0.0


def softmax(votes: Floats) -> Floats:
    """Return the probabilities of classes, by column."""
    shares = np.exp(votes - votes.max(axis=0))
    return np.asarray(shares / shares.sum(axis=0))


def taken_in(priors: Floats, evidence: Floats, asked: int) -> Floats:
    """Return what each column's evidence does to a class's probability, all being taken in at once, step by step.

    These are the Aumann-Shapley values: what a column changes on the straight way from no evidence to all of it.
    Step by step they add up to what the probability has changed.
    """
    ends = np.linspace(0.0, 1.0, STEPS_COUNT + 1)
    whole = evidence.sum(axis=1)
    at_ends = softmax(priors[:, None] + np.outer(whole, ends))[asked]
    middles = (ends[1:] + ends[:-1]) / 2.0
    votes = priors[:, None] + np.outer(whole, middles)
    shares = softmax(votes)
    found = np.zeros(evidence.shape[1])
    for step in range(STEPS_COUNT):
        share = shares[:, step]
        slope = share[asked] * (evidence[asked] - share @ evidence) / STEPS_COUNT
        if not slope.any():
            slope = against_a_rival(evidence, votes[:, step], asked)
        found += shared_out(float(at_ends[step + 1] - at_ends[step]), slope)
    return found


def against_a_rival(evidence: Floats, votes: Floats, asked: int) -> Floats:
    """Return by what a class's evidence differs from that of its strongest rival that has other evidence."""
    differing = [evidence[asked] - evidence[rival] for rival in np.argsort(-votes, kind="stable").tolist()]
    return next((each for each in differing if each.any()), np.zeros_like(evidence[asked]))


def shared_out(change: float, slope: Floats) -> Floats:
    """Return a change as the parts that slopes have in it."""
    size, total = np.abs(slope).sum(), slope.sum()
    if size == 0.0:
        return np.zeros_like(slope)
    if abs(total) > CANCELLED * size:
        return np.asarray(slope * (change / total))
    return np.asarray(slope + (change - total) * np.abs(slope) / size)

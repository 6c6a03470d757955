"""Distances, quantiles and the classifier of old and new, against SciPy, scikit-learn and formulas by hand."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from engine.shift.distances import binned_ks, jensen_shannon, ks_and_wasserstein, psi
from engine.shift.old_or_new import auc, old_or_new_auc
from engine.shift.quantiles import (
    chi2_quantile,
    counts_tail,
    kolmogorov_quantile,
    normal_quantile,
    outside_tail,
    unseen_tail,
)

TAILS = (0.5, 0.05, 0.01, 1e-4, 1e-7)


@pytest.mark.parametrize("tail", TAILS)
def test_quantiles_are_those_of_scipy(tail: float) -> None:
    for freedom in (1, 2, 9, 39, 200):
        assert chi2_quantile(freedom, tail) == pytest.approx(stats.chi2.isf(tail, freedom), rel=1e-8)
    assert kolmogorov_quantile(tail) == pytest.approx(stats.kstwobign.isf(tail), rel=1e-8)
    assert normal_quantile(tail) == pytest.approx(stats.norm.isf(tail), rel=1e-8, abs=1e-8)


@pytest.mark.parametrize(
    ("found", "count", "before", "count_before"), [(3, 10, 1, 20), (0, 5, 3, 5), (40, 1_000, 30, 2_000), (5, 5, 0, 9)]
)
def test_the_tail_of_a_count_is_that_of_fishers_exact_test(
    found: int, count: int, before: int, count_before: int
) -> None:
    table = [[found, count - found], [before, count_before - before]]
    expected = stats.fisher_exact(table, alternative="greater").pvalue
    assert counts_tail(found, count, before, count_before) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_distances_are_those_of_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    before, after = np.sort(rng.normal(size=300)), np.sort(rng.normal(seed / 10, 1.5, size=170))
    if seed % 2:
        before, after = np.round(before), np.round(after)
    gap, area = ks_and_wasserstein(before, after)
    assert gap == pytest.approx(stats.ks_2samp(before, after).statistic, abs=1e-12)
    assert area == pytest.approx(stats.wasserstein_distance(before, after), rel=1e-9)
    p, q = rng.integers(0, 50, 12), rng.integers(0, 50, 12)
    assert sqrt(jensen_shannon(p, q)) == pytest.approx(jensenshannon(p, q), rel=1e-9)
    places = np.arange(12)
    assert binned_ks(p, q) == pytest.approx(stats.ks_2samp(np.repeat(places, p), np.repeat(places, q)).statistic)


def test_psi_is_its_formula_with_half_a_count_more_in_every_bin() -> None:
    before, after = [10, 0, 30], [5, 5, 50]
    p = [10.5 / 41.5, 0.5 / 41.5, 30.5 / 41.5]
    q = [5.5 / 61.5, 5.5 / 61.5, 50.5 / 61.5]
    expected = sum((b - a) * log(b / a) for a, b in zip(p, q, strict=True))
    assert psi(before, after) == pytest.approx(expected, rel=1e-12)
    assert psi(before, before) == 0.0


def test_what_lies_outside_or_is_new_by_chance_does_so_no_oftener_than_the_bounds_say() -> None:
    rng = np.random.default_rng(5)
    n, m, runs = 200, 100, 2_000
    outside, unseen = [], []
    for _ in range(runs):
        values = rng.normal(size=n + m)
        low, high = values[:n].min(), values[:n].max()
        outside.append(outside_tail(int(((values[n:] < low) | (values[n:] > high)).sum()), m, n))
        kinds = rng.integers(0, 150, n + m)
        new = int(np.isin(kinds[n:], kinds[:n], invert=True).sum())
        unseen.append(unseen_tail(new, np.bincount(kinds)[np.bincount(kinds) > 0].tolist(), m / (n + m)))
    for tail in (0.2, 0.05, 0.01):
        for found in (outside, unseen):
            assert sum(chance <= tail for chance in found) <= stats.binom.ppf(0.999, runs, tail)


@pytest.mark.parametrize("seed", range(3))
def test_the_auc_is_that_of_scikit_learn_and_ties_count_half(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, is_new = rng.integers(0, 6, 80) / 3.0, rng.random(80) < 0.4
    assert auc(scores, is_new) == pytest.approx(roc_auc_score(is_new, scores), rel=1e-12)


@pytest.mark.parametrize("shift", [0.0, 0.4, 1.0])
def test_old_and_new_are_told_apart_about_as_well_as_by_scikit_learns_classifier(shift: float) -> None:
    rng = np.random.default_rng(8)
    mixed = rng.normal(size=(8, 8)) * 0.5 + np.eye(8)
    old, new = rng.normal(size=(500, 8)) @ mixed, (rng.normal(size=(500, 8)) + shift / sqrt(8)) @ mixed
    rows, is_new = np.concatenate([old, new]), np.repeat([0, 1], 500)
    scaled = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    halves = np.arange(1_000) % 2 == 0
    theirs = []
    for trained in (halves, ~halves):
        fitted = LogisticRegression().fit(scaled[trained], is_new[trained])
        theirs.append(roc_auc_score(is_new[~trained], fitted.decision_function(scaled[~trained])))
    assert old_or_new_auc(old, new) == pytest.approx(sum(theirs) / 2, abs=0.03)


def test_old_and_new_are_compared_where_values_are_missing_constant_or_huge() -> None:
    rng = np.random.default_rng(2)
    old = np.column_stack([rng.normal(size=300), np.full(300, 7.0), rng.normal(size=300) * 1e140])
    new = np.column_stack([rng.normal(2.0, size=300), np.full(300, 7.0), rng.normal(size=300) * 1e140])
    old[::3, 0] = np.nan
    assert 0.85 < old_or_new_auc(old, new) < 1.0
    assert old_or_new_auc(np.full((300, 2), np.nan), np.full((300, 2), 1.0)) == 0.5

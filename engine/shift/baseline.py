"""What requests looked like in the reference, and how far a window is from it, column by column.

A `Baseline` is made of a table once and compared with many windows. What is measured is always everything; what counts
as a finding, the rules say. This file knows nothing of streams, buffers or alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from engine.shift.distances import jensen_shannon, ks_and_wasserstein, psi
from engine.shift.quantiles import chi2_quantile, counts_tail, kolmogorov_quantile, outside_tail, unseen_tail
from engine.shift.rules import JS, KS, MISSING, PSI, UNSEEN, WASSERSTEIN, ShiftRules

PSI_BINS = 10
CATEGORY_BINS = 40
"""Bins of a category: the commonest values, and one for all others."""

EXPECTED_MIN = 5.0
"""Values expected in a bin, in the smaller sample, at least: below, chi-squared says little."""

VALUES_MIN = 30
"""Values of a column, on either side, below which it is not compared."""


class Table(NamedTuple):
    """Requests as columns: numbers with NaN for missing, category codes with -1, and the contenders' scores."""

    numbers: Any
    codes: Any
    scores: Any

    @property
    def height(self) -> int:
        """How many requests."""
        return len(self.numbers)


class Finding(NamedTuple):
    """A test that found something: on which column, how far, and how far it may be by chance."""

    watched: str
    test: str
    distance: float
    limit: float


class Names(NamedTuple):
    """The names of a table's columns that are looked at, with their places."""

    numbers: Sequence[tuple[int, str]]
    categories: Sequence[tuple[int, str]]
    scores: Sequence[tuple[int, str]]

    def test_count(self, tests: Sequence[str]) -> int:
        """How many tests a look makes of these columns: the probability of an error is split among them."""
        of_values = (PSI in tests) + (KS in tests or WASSERSTEIN in tests)
        of_shares = (MISSING in tests) + (UNSEEN in tests)
        return (
            len(self.numbers) * (of_values + of_shares)
            + len(self.categories) * ((JS in tests) + of_shares)
            + len(self.scores) * of_values
        )


class _Number(NamedTuple):
    values: Any
    gone: int
    edges: Any
    counts: Any
    spread: float


class _Category(NamedTuple):
    counts: Any
    gone: int


class Baseline:
    """The columns of a reference.

    Parameters
    ----------
    table
        The reference.
    names
        The columns that are compared.
    window_count
        Requests in a window, for the bins to hold enough of them.

    Notes
    -----
    `compare` costs about 0.15 ms a number, with windows of 1,000 against 2,000.
    """

    def __init__(self, table: Table, names: Names, window_count: int) -> None:
        self._names = names
        self._count = table.height
        self._window_count = window_count
        self._numbers = [self._number(table.numbers[:, place]) for place, _ in names.numbers]
        self._scores = [self._number(table.scores[:, place]) for place, _ in names.scores]
        self._categories = [self._category(table.codes[:, place]) for place, _ in names.categories]

    def _number(self, column: Any) -> _Number:
        values = column[~np.isnan(column)]
        values.sort()
        n = len(values)
        if not n:
            return _Number(values, self._count, values, values, 0.0)
        edges = _psi_edges(values, EXPECTED_MIN * max(1.0, n / self._window_count))
        counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)
        spread = float(values[(3 * n - 1) // 4] - values[(n - 1) // 4]) or float(values[-1] - values[0])
        return _Number(values, self._count - n, edges, counts, spread)

    def _category(self, column: Any) -> _Category:
        counts = np.bincount(column[column >= 0], minlength=1)
        return _Category(counts, int((column < 0).sum()))

    def compare(self, table: Table, rules: ShiftRules, tail: float) -> tuple[dict[str, dict[str, Any]], list[Finding]]:
        """Return how far each column of a window is from the reference, by its watched name, and what was found.

        `tail` is the probability of an error that each single test may have.
        """
        standing: dict[str, dict[str, Any]] = {}
        findings: list[Finding] = []
        look = _Look(rules, tail, standing, findings)
        for number, (place, name) in zip(self._numbers, self._names.numbers, strict=True):
            _compare_number(look, f"feature.{name}", number, table.numbers[:, place], is_score=False)
        for category, (place, name) in zip(self._categories, self._names.categories, strict=True):
            self._compare_category(look, f"feature.{name}", category, table.codes[:, place])
        for number, (place, name) in zip(self._scores, self._names.scores, strict=True):
            _compare_number(look, f"score.{name}", number, table.scores[:, place], is_score=True)
        return standing, findings

    def _compare_category(self, look: _Look, watched: str, before: _Category, column: Any) -> None:
        known = column[column >= 0]
        there = look.begin(watched)
        look.shares(watched, MISSING, (len(column) - len(known), len(column)), (before.gone, self._count))
        n, m = self._count - before.gone, len(known)
        if n < VALUES_MIN or m < VALUES_MIN:
            return
        counts = np.bincount(known, minlength=len(before.counts))
        old = np.append(before.counts, np.zeros(len(counts) - len(before.counts), dtype=np.int64))
        together = old + counts
        unseen = int(counts[old == 0].sum())
        there[UNSEEN] = unseen / m
        kinds = together[together > 0].tolist()
        if unseen > look.rules.share_min * m and unseen_tail(unseen, kinds, m / (n + m)) <= look.tail:
            look.judge(watched, UNSEEN, unseen / m, look.rules.share_min)
        # Which categories have a bin is decided on both samples together: chosen by one, they would stand out in it.
        ranked = np.argsort(-together, kind="stable")[: CATEGORY_BINS - 1]
        kept = ranked[together[ranked] * min(n, m) >= EXPECTED_MIN * (n + m)]
        here, was = counts[kept], old[kept]
        here = np.append(here, m - int(here.sum()))
        was = np.append(was, n - int(was.sum()))
        divergence = jensen_shannon(was, here)
        freedom = max(1, int((was + here > 0).sum()) - 1)
        limit = (1.0 / n + 1.0 / m) * chi2_quantile(freedom, look.tail) / 8.0
        there[JS] = sqrt(divergence)
        # A PSI is about eight times the divergence: one floor serves both.
        look.judge(watched, JS, sqrt(divergence), sqrt(max(look.rules.psi_min / 8.0, limit)))


class _Look(NamedTuple):
    """One comparison under way: the rules, what one test may err, and what has come of it."""

    rules: ShiftRules
    tail: float
    standing: dict[str, dict[str, Any]]
    findings: list[Finding]

    def begin(self, watched: str) -> dict[str, Any]:
        there: dict[str, Any] = {}
        self.standing[watched] = there
        return there

    def judge(self, watched: str, test: str, distance: float, limit: float) -> None:
        """Take a distance down as a finding where its test is asked for and it is beyond its limit."""
        if test in self.rules.tests and distance > limit:
            self.findings.append(Finding(watched, test, distance, limit))

    def shares(self, watched: str, test: str, after: tuple[int, int], before: tuple[int, int]) -> None:
        """Compare two shares exactly."""
        (found, m), (found_before, n) = after, before
        share, share_before = found / m, found_before / n
        self.standing[watched][test] = share
        if abs(share - share_before) <= self.rules.share_min:
            return
        if share > share_before:
            chance = counts_tail(found, m, found_before, n)
        else:
            chance = counts_tail(found_before, n, found, m)
        if chance <= self.tail / 2.0:
            self.judge(watched, test, abs(share - share_before), self.rules.share_min)


def _compare_number(look: _Look, watched: str, before: _Number, column: Any, *, is_score: bool) -> None:
    there = look.begin(watched)
    values = column[~np.isnan(column)]
    values.sort()
    n, m = len(before.values), len(values)
    if not is_score:
        look.shares(watched, MISSING, (len(column) - m, len(column)), (before.gone, n + before.gone))
    if n < VALUES_MIN or m < VALUES_MIN:
        return
    rules, tail = look.rules, look.tail
    if not is_score:
        low, high = np.searchsorted(values, before.values[0]), np.searchsorted(values, before.values[-1], side="right")
        outside = int(low) + m - int(high)
        there[UNSEEN] = outside / m
        if outside > rules.share_min * m and outside_tail(outside, m, n) <= tail:
            look.judge(watched, UNSEEN, outside / m, rules.share_min)
    counts = np.bincount(np.searchsorted(before.edges, values), minlength=len(before.counts))
    there[PSI] = psi(before.counts, counts)
    by_chance = (1.0 / n + 1.0 / m) * chi2_quantile(max(1, len(counts) - 1), tail)
    look.judge(watched, PSI, there[PSI], max(rules.psi_min, by_chance))
    there[KS], area = ks_and_wasserstein(before.values, values)
    gap_limit = kolmogorov_quantile(tail) * sqrt((n + m) / (n * m))
    look.judge(watched, KS, there[KS], gap_limit)
    there[WASSERSTEIN] = None if before.spread == 0.0 else area / before.spread
    if there[WASSERSTEIN] is not None and there[KS] > gap_limit:
        look.judge(watched, WASSERSTEIN, there[WASSERSTEIN], rules.wasserstein_min)


def _psi_edges(values: Any, count_min: float) -> Any:
    """Return the upper ends of all bins but the last: reference quantiles, each bin with enough values."""
    n = len(values)
    edges: list[float] = []
    below = 0
    for k in range(1, PSI_BINS):
        edge = float(values[-(-k * n // PSI_BINS) - 1])
        upto = int(np.searchsorted(values, edge, side="right"))
        if upto - below >= count_min and n - upto >= count_min:
            edges.append(edge)
            below = upto
    return np.array(edges)

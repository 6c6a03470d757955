"""What features looked like lately, block by block: enough to say afterwards which of them moved with a change.

A block of requests is kept as counts over a few bins for each feature, and the sum of each number. Bins are made of
the first blocks. This file knows nothing of episodes, detectors or windows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import sqrt
from typing import Any, NamedTuple

import numpy as np

from engine.messages import Moved
from engine.shift.columns import Columns
from engine.shift.distances import binned_ks, jensen_shannon
from engine.shift.quantiles import chi2_quantile, kolmogorov_quantile, normal_quantile

GRID_BLOCKS = 10
"""Blocks that the bins are made of."""

BINS = 19
"""Bins of a feature: 18 for what it may be, and one for missing."""

MISSING_BIN = BINS - 1
_INNER_QUANTILES = 14
_EDGES = MISSING_BIN - 1

FINE_BLOCKS = 200
"""Blocks that are kept one by one."""

MERGED_BLOCKS = 5
"""Blocks that become one once they are older than that."""

COARSE_BLOCKS = 200
"""Merged blocks that are kept, the oldest dropped: 120,000 requests in all."""

BASELINE_REQUESTS = 5_000
"""How many requests before a change are what it is compared with, at most."""

BLOCKS_MIN = 3
"""Blocks on either side of a change, at least."""

MOVED_COUNT_MAX = 5
"""Features that are named, those that moved most."""

DISTANCE_MIN = 0.1
"""What is closer has not moved, however certain the difference."""

ALPHA = 0.001
"""The probability that anything is named where nothing moved, for values that do not depend on each other."""


class _Bucket(NamedTuple):
    """One block, or several merged: its first and last request, counts (features, bins), and sums (numbers,)."""

    first_index: int
    last_index: int
    counts: Any
    sums: Any


class Trail:
    """The recent past of all features.

    Parameters
    ----------
    columns
        What is read.

    Notes
    -----
    `add` costs about 0.5 us a request of 20 numbers; memory, and a snapshot, at most 400 times 38 bytes a feature.
    """

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self._early: list[tuple[int, int, Any, Any]] = []
        self._edges: Any = None
        self._kept: list[list[int]] = []
        self._fine: deque[_Bucket] = deque()
        self._coarse: deque[_Bucket] = deque(maxlen=COARSE_BLOCKS)

    def add(self, first_index: int, last_index: int, numbers: Any, codes: Any) -> None:
        """Take one block, as `Columns.read` returns it."""
        if self._edges is None:
            self._early.append((first_index, last_index, numbers, codes))
            if len(self._early) < GRID_BLOCKS:
                return
            early, self._early = self._early, []
            self._make_bins([block[2] for block in early], [block[3] for block in early])
            for block in early:
                self._take(*block)
        else:
            self._take(first_index, last_index, numbers, codes)

    def _make_bins(self, numbers: list[Any], codes: list[Any]) -> None:
        values, coded = np.concatenate(numbers), np.concatenate(codes)
        self._edges = np.array([_edges_of(values[:, place]) for place in range(values.shape[1])]).reshape(-1, _EDGES)
        self._kept = [_commonest(coded[:, place]) for place in range(coded.shape[1])]

    def _take(self, first_index: int, last_index: int, numbers: Any, codes: Any) -> None:
        missing = np.isnan(numbers)
        bins = (numbers[:, :, None] > self._edges[None, :, :]).sum(axis=2)
        bins[missing] = MISSING_BIN
        named = [self._category_bins(codes[:, place], kept) for place, kept in enumerate(self._kept)]
        together = np.concatenate([bins, *(each[:, None] for each in named)], axis=1)
        width = together.shape[1]
        flat = (together + np.arange(width) * BINS).ravel()
        counts = np.bincount(flat, minlength=width * BINS).reshape(width, BINS).astype(np.uint16)
        sums = np.cumsum(np.where(missing, 0.0, numbers), axis=0)[-1]
        self._fine.append(_Bucket(first_index, last_index, counts, sums))
        if len(self._fine) > FINE_BLOCKS:
            self._coarse.append(_merged([self._fine.popleft() for _ in range(MERGED_BLOCKS)]))

    @staticmethod
    def _category_bins(codes: Any, kept: list[int]) -> Any:
        """Return the bin of each code: its place among the kept ones, or the bin for all others."""
        bins = np.full(len(codes), MISSING_BIN - 1)
        for place, code in enumerate(kept):
            bins[codes == code] = place
        bins[codes < 0] = MISSING_BIN
        return bins

    def moved(self, onset_index: int, settled_index: int, end_index: int) -> tuple[Moved, ...]:
        """Return the features that are not what they were, those that moved most first.

        Parameters
        ----------
        onset_index
            The request where the change began: what came before is the baseline.
        settled_index, end_index
            Compared are the requests from here to there; where too few came after the change had settled, those of
            the second half since it began.
        """
        if self._edges is None:
            return ()
        buckets = [*self._coarse, *self._fine]
        before = [b for b in buckets if onset_index - BASELINE_REQUESTS <= b.first_index and b.last_index < onset_index]
        after = _between(buckets, settled_index, end_index)
        if len(after) < BLOCKS_MIN:
            after = _between(buckets, (onset_index + end_index) // 2, end_index)
        if len(before) < BLOCKS_MIN or len(after) < BLOCKS_MIN:
            return ()
        old, new = _merged(before), _merged(after)
        width = len(old.counts)
        found = [self._compared(place, old, new, ALPHA / (2 * width)) for place in range(width)]
        moved = [each for each in found if each is not None]
        moved.sort(key=lambda each: -each.distance)
        return tuple(moved[:MOVED_COUNT_MAX])

    def _compared(self, place: int, old: _Bucket, new: _Bucket, tail: float) -> Moved | None:
        """Return how one feature moved; None where it did not."""
        columns = self._columns
        before, after = old.counts[place].astype(np.int64), new.counts[place].astype(np.int64)
        n, m = int(before.sum()), int(after.sum())
        numeric = place < len(columns.numbers)
        name = columns.numbers[place] if numeric else columns.categories[place - len(columns.numbers)]
        gone = _missing_moved(name, (int(before[MISSING_BIN]), n), (int(after[MISSING_BIN]), m), tail)
        there, here = before[:MISSING_BIN], after[:MISSING_BIN]
        n, m = int(there.sum()), int(here.sum())
        if gone is not None or not n or not m:
            return gone
        apart = n * m / (n + m)
        if numeric:
            distance = binned_ks(there, here)
            if distance < DISTANCE_MIN or sqrt(apart) * distance <= kolmogorov_quantile(tail):
                return None
            return Moved(name, float(old.sums[place]) / n, float(new.sums[place]) / m, distance)
        divergence = jensen_shannon(there, here)
        freedom = int(((there + here) > 0).sum()) - 1
        distance = min(1.0, sqrt(divergence / _LN2))
        if distance < DISTANCE_MIN or 8.0 * divergence * apart <= chi2_quantile(max(1, freedom), tail):
            return None
        shift = np.abs(here / m - there / n)
        most = int(shift.argmax())
        words = list(columns.vocabularies[place - len(columns.numbers)])
        kept = self._kept[place - len(columns.numbers)]
        category = words[kept[most]] if most < len(kept) else OTHERS
        return Moved(name, float(there[most]) / n, float(here[most]) / m, distance, category)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data, but for the columns."""
        return {
            "early": [list(block) for block in self._early],
            "edges": self._edges,
            "kept": self._kept,
            "fine": _packed(self._fine),
            "coarse": _packed(self._coarse),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned."""
        self._early = [tuple(block) for block in state["early"]]
        self._edges = state["edges"]
        self._kept = [list(kept) for kept in state["kept"]]
        self._fine = deque(_unpacked(state["fine"]))
        self._coarse = deque(_unpacked(state["coarse"]), maxlen=COARSE_BLOCKS)


OTHERS = "(others)"
"""All categories without a bin of their own."""

GONE = "(missing)"
"""What stands for the category where it is the share of missing values that moved."""

_LN2 = 0.6931471805599453


def _edges_of(column: Any) -> list[float]:
    """Return the upper ends of all bins but the last: quantiles, and two beyond the range on either side."""
    values = np.sort(column[~np.isnan(column)])
    if not len(values):
        return [np.inf] * _EDGES
    low, high = float(values[0]), float(values[-1])
    span = (high - low) or abs(high) or 1.0
    inner = [float(values[-(-k * len(values) // _INNER_QUANTILES) - 1]) for k in range(1, _INNER_QUANTILES)]
    edges = sorted({low - 2.0 * span, float(np.nextafter(low, -np.inf)), *inner, high, high + 2.0 * span})
    return [*edges, *[np.inf] * (_EDGES - len(edges))]


def _commonest(codes: Any) -> list[int]:
    """Return the commonest codes, as many as there are bins for them, the earlier of equals first."""
    counts = np.bincount(codes[codes >= 0])
    ranked = sorted((int(code) for code in np.flatnonzero(counts)), key=lambda code: -int(counts[code]))
    return ranked[: MISSING_BIN - 1]


def _between(buckets: Sequence[_Bucket], first_index: int, last_index: int) -> list[_Bucket]:
    return [b for b in buckets if first_index <= b.first_index and b.last_index <= last_index]


def _merged(buckets: Sequence[_Bucket]) -> _Bucket:
    """Return buckets as one; whole numbers are summed in any order, the others one after the other."""
    counts = np.array([bucket.counts for bucket in buckets], dtype=np.int64).sum(axis=0)
    sums = np.cumsum(np.array([bucket.sums for bucket in buckets]), axis=0)[-1]
    return _Bucket(buckets[0].first_index, buckets[-1].last_index, counts, sums)


def _missing_moved(name: str, before: tuple[int, int], after: tuple[int, int], tail: float) -> Moved | None:
    """Return how the share of missing values moved; None where it did not."""
    (gone_before, n), (gone_after, m) = before, after
    p, q = gone_before / n, gone_after / m
    whole = (gone_before + gone_after) / (n + m)
    deviation = sqrt(whole * (1.0 - whole) * (1.0 / n + 1.0 / m))
    if abs(q - p) < DISTANCE_MIN or abs(q - p) <= normal_quantile(tail / 2.0) * deviation:
        return None
    return Moved(name, p, q, abs(q - p), GONE)


def _packed(buckets: Sequence[_Bucket]) -> list[Any]:
    """Return buckets as four arrays, or nothing."""
    if not buckets:
        return []
    bounds = np.array([[bucket.first_index, bucket.last_index] for bucket in buckets], dtype=np.int64)
    counts = np.array([bucket.counts for bucket in buckets], dtype=np.uint16)
    return [bounds, counts, np.array([bucket.sums for bucket in buckets])]


def _unpacked(state: Sequence[Any]) -> list[_Bucket]:
    if not state:
        return []
    bounds, counts, sums = state
    return [_Bucket(int(first), int(last), counts[place], sums[place]) for place, (first, last) in enumerate(bounds)]

"""The recent past of a watched value, in buckets: enough to say later when a change began and how it went.

A bucket is a sum over consecutive values and the request index at its first one. This file knows nothing of detectors,
episodes or what a value means.
"""

from __future__ import annotations

from collections import deque
from typing import Any

BUCKET_VALUES = 50
"""Values in one bucket: the grain of an onset."""

BUCKET_COUNT = 400
"""Buckets kept, the oldest dropped: 20,000 values."""


class LossHistory:
    """A ring of bucket sums.

    Parameters
    ----------
    bucket_values
        Values in one bucket.
    bucket_count
        Full buckets kept.

    Attributes
    ----------
    count : int
        Values seen. The *place* of a value is how many came before it, so `count` is the place of the next.

    Notes
    -----
    `add` is O(1) and sums one value after the other, so the state is a function of the values in order.
    """

    __slots__ = ("_filled", "_indices", "_partial", "_sums", "bucket_values", "count")

    def __init__(self, bucket_values: int = BUCKET_VALUES, bucket_count: int = BUCKET_COUNT) -> None:
        self.bucket_values = bucket_values
        self.count = 0
        self._sums: deque[float] = deque(maxlen=bucket_count)
        self._indices: deque[int] = deque(maxlen=bucket_count + 1)
        self._partial = 0.0
        self._filled = 0

    def add(self, value: float, index: int) -> None:
        """Take one value and the index of the request it came with."""
        if not self._filled:
            self._indices.append(index)
        self._partial += value
        self._filled += 1
        self.count += 1
        if self._filled == self.bucket_values:
            self._sums.append(self._partial)
            self._partial = 0.0
            self._filled = 0

    @property
    def first_place(self) -> int:
        """The place of the oldest value that is still in a bucket."""
        return self.count - self._filled - len(self._sums) * self.bucket_values

    def means(self, from_place: int = 0) -> tuple[int, list[float]]:
        """Return the mean of each full bucket that begins at `from_place` or later, after the place of the first."""
        behind = max(0, from_place - self.first_place)
        skipped = -(-behind // self.bucket_values)
        place = self.first_place + skipped * self.bucket_values
        return place, [total / self.bucket_values for total in list(self._sums)[skipped:]]

    def index_at(self, place: float) -> int:
        """Return the request index at a place, on a straight line between the first values of two buckets."""
        if not self._indices:
            return 0
        indices = self._indices
        # With a full bucket just closed, the newest index is that of the last full bucket, not of a partial one.
        oldest = self.count - self._filled - (len(indices) - (1 if self._filled else 0)) * self.bucket_values
        ahead = (place - oldest) / self.bucket_values
        bucket = min(max(int(ahead), 0), len(indices) - 1)
        if bucket == len(indices) - 1:
            return indices[bucket]
        part = min(max(ahead - bucket, 0.0), 1.0)
        return indices[bucket] + int(part * (indices[bucket + 1] - indices[bucket]))

    def snapshot(self) -> list[object]:
        """Return the state as plain data."""
        return [list(self._sums), list(self._indices), self._partial, self._filled, self.count]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        sums, indices, self._partial, self._filled, self.count = state
        self._sums = deque(sums, maxlen=self._sums.maxlen)
        self._indices = deque(indices, maxlen=self._indices.maxlen)

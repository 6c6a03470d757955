"""The delay line: a label becomes visible only when event time has reached it.

A file holds the truth beside the request; in the world it came later. The line keeps each label until the watermark
has passed its time, so that a replay learns when a live run would have. It reads no clock, and nothing is flushed: what
has not become visible when the stream ends never did.
"""

from __future__ import annotations

from heapq import heappop, heappush

from engine.errors import ConfigError
from engine.messages import Label, Refused
from engine.watermark import Watermark
from streams.ports import Record


class LabelDelay:
    """Labels in order of the time they become known, and in input order at equal times.

    Before a request is handed on, `release` gives every label strictly below the watermark as that request leaves it:
    at equal times a request comes before a label, and one wild timestamp releases nothing.

    Parameters
    ----------
    watermark
        Believes or doubts request times. The line's own: nothing else may observe into it.
    delayed_count_max
        Labels that may wait at once; one more is refused.

    Attributes
    ----------
    refused_count
        Labels refused because the line was full.

    Notes
    -----
    O(log n) per label, O(1) for a request that releases none.
    """

    def __init__(self, watermark: Watermark, delayed_count_max: int = 1_000_000) -> None:
        if delayed_count_max < 1:
            msg = f"delayed_count_max must be at least 1, got {delayed_count_max}"
            raise ConfigError(msg)
        self._watermark = watermark
        self._delayed_count_max = delayed_count_max
        self._heap: list[tuple[int, int, Label, Record | None]] = []
        self._held_count = 0
        self.refused_count = 0

    @property
    def waiting(self) -> int:
        """Labels that are not visible yet."""
        return len(self._heap)

    def hold(self, label: Label, origin: Record | None = None) -> Refused | None:
        """Keep a label until its time, or refuse it where the line is full.

        Parameters
        ----------
        label
            Its `time_ms` must be set.
        origin
            The record it came from, for a dead letter it may yet become; the line only keeps it.
        """
        if label.time_ms is None:
            msg = f"a delayed label needs its time, got {label!r}"
            raise ValueError(msg)
        if len(self._heap) >= self._delayed_count_max:
            self.refused_count += 1
            detail = f"{len(self._heap)} labels wait for their time already; raise delayed_count_max to hold more"
            return Refused("label", "label", "too_many_delayed", detail)
        heappush(self._heap, (label.time_ms, self._held_count, label, origin))
        self._held_count += 1
        return None

    def release(self, next_request_time_ms: int | None) -> list[tuple[Label, Record | None]]:
        """Observe the time of the request that comes next, and return the labels that became visible before it.

        Each comes with its origin. A request without a time moves nothing.
        """
        if next_request_time_ms is not None:
            self._watermark.observe(next_request_time_ms)
        now_ms = self._watermark.now_ms
        heap = self._heap
        visible: list[tuple[Label, Record | None]] = []
        if now_ms is not None:
            while heap and heap[0][0] < now_ms:
                _, _, label, origin = heappop(heap)
                visible.append((label, origin))
        return visible

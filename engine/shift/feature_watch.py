"""Detectors on features: each is shown one number of every request, once for the whole stream.

A missing value is shown to nobody. This file knows nothing of contenders, labels or windows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from engine.drift.detector import Detector, Verdict
from engine.errors import ModelError
from engine.messages import Features


class FeatureWatch(NamedTuple):
    """A detector, the feature it is shown, and the name it goes by."""

    feature: str
    detector: Detector
    name: str


class FeatureWatches:
    """The detectors of all features.

    Attributes
    ----------
    refused_count
        Values that a detector is not defined for, such as a negative one: they were shown to no more than its door.
    """

    def __init__(self, watches: Sequence[FeatureWatch]) -> None:
        self.watches = tuple(watches)
        self.refused_count = 0

    def see(self, x: Features) -> list[FeatureWatch]:
        """Show one request; return the detectors that found a drift."""
        found = []
        for watch in self.watches:
            value = x.get(watch.feature)
            if value is None:
                continue
            try:
                verdict = watch.detector.update(value)  # type: ignore[arg-type]
            except (ModelError, TypeError):
                self.refused_count += 1
                continue
            if verdict is Verdict.DRIFT:
                found.append(watch)
        return found

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [[watch.detector.snapshot() for watch in self.watches], self.refused_count]

    def restore(self, state: Sequence[Any]) -> None:
        """Take back what `snapshot` returned."""
        kept, self.refused_count = state
        for watch, watched in zip(self.watches, kept, strict=True):
            watch.detector.restore(watched)

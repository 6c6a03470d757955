"""The protocol every detector keeps: one value in, one verdict out."""

from __future__ import annotations

from enum import IntEnum
from typing import Protocol


class Verdict(IntEnum):
    """What a detector makes of the stream after one more value."""

    STABLE = 0
    WARNING = 1
    DRIFT = 2


class Detector(Protocol):
    """Watches a stream of numbers (a loss, a rate, a feature) and says when it changed.

    `binary_only` is True where it is defined for 0/1 values alone: it may watch errors or misses, never a regression's
    loss. A value it is not defined for raises `ModelError` and changes nothing.
    """

    binary_only: bool

    def update(self, value: float) -> Verdict:
        """Take one value and return the verdict; after DRIFT the detector watches for the next change."""
        ...

    def snapshot(self) -> object:
        """Return the state as plain data."""
        ...

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        ...

"""What our own detectors share: the check of every value at the door, and the state as plain data.

A detector here is arithmetic on what it keeps. This file knows nothing of what is kept or why.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from math import isfinite
from typing import Any, ClassVar

from engine.drift.detector import Verdict
from engine.errors import ModelError, SnapshotError

ERRORS = frozenset({0.0, 1.0})


class CheckedDetector(ABC):
    """A detector whose state is the attributes named in `_KEPT`: numbers, flags, None, lists or deques of numbers.

    Attributes
    ----------
    name
        What it is called in a spec.
    binary_only
        Whether it takes 0 and 1 alone.
    """

    name: ClassVar[str]
    binary_only: bool = False
    _KEPT: ClassVar[tuple[str, ...]]

    def update(self, value: float) -> Verdict:
        """Take one value and return the verdict; a value the detector is not defined for is a `ModelError`."""
        self.check(value)
        return self._take(value)

    def check(self, value: float) -> None:
        """Raise `ModelError` for a value the detector is not defined for."""
        if self.binary_only:
            if value not in ERRORS:
                msg = f"{self.name} takes 0 or 1, got {value!r}"
                raise ModelError(msg)
        elif not isfinite(value):
            msg = f"{self.name} takes finite numbers, got {value!r}"
            raise ModelError(msg)

    @abstractmethod
    def _take(self, value: float) -> Verdict:
        """Take one value that has been checked."""

    def snapshot(self) -> object:
        """Return what is kept, by name."""
        return {name.removeprefix("_"): _plain(getattr(self, name)) for name in self._KEPT}

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        names = [name.removeprefix("_") for name in self._KEPT]
        if not isinstance(state, dict) or list(state) != names:
            msg = f"{self.name} keeps {', '.join(names)}, got {state!r:.80}"
            raise SnapshotError(msg)
        restored = [self._restored(name, state[name.removeprefix("_")]) for name in self._KEPT]
        for name, value in zip(self._KEPT, restored, strict=True):
            setattr(self, name, value)

    def _restored(self, name: str, value: object) -> object:
        """Return a kept value in the container that the detector holds it in."""
        held = getattr(self, name)
        if isinstance(value, list) is not isinstance(held, list | deque):
            msg = f"{self.name}: {name.removeprefix('_')} is of another kind in the snapshot, got {value!r:.80}"
            raise SnapshotError(msg)
        if isinstance(value, list):
            return deque(value) if isinstance(held, deque) else _plain(value)
        return value


def _plain(value: Any) -> Any:
    """Return lists all the way down, each a copy."""
    return [_plain(item) for item in value] if isinstance(value, list | deque) else value

"""How many records a worker takes at once: what has arrived, and over a backlog as many as it answers in good time.

A commit costs much the same for one record as for a thousand, and the first answer of a slice waits for its last. So a
slice that was full and was answered well within its time is followed by one twice as long, one that took longer by one
of half the length. The commit does not count: where it is slow, shorter slices would only make more of them. None of it
changes an answer. This file knows no clock: it is told how long a slice took.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SLICE_COUNT = 256
"""Records taken at once by who keeps up with what arrives."""

SLICE_COUNT_MIN = 16
SLICE_COUNT_MAX = 4_096
"""Records taken at once over a backlog, at least and at most."""

SLICE_S = 0.1
"""How long it may take to take and answer a slice, in seconds, before the next one is shorter."""


@dataclass(slots=True)
class Stride:
    """The length of the next slice.

    Parameters
    ----------
    fixed
        Take so many at once, at most, whatever happens; None: as many as suit.

    Attributes
    ----------
    count
        How many records are to be taken next, at most.

    Examples
    --------
    >>> stride = Stride()
    >>> stride.took(256, 0.01)
    >>> stride.count
    512
    >>> stride.took(512, 0.12)
    >>> stride.count
    256
    >>> stride.took(3, 0.01)
    >>> stride.count
    256
    """

    fixed: int | None = None
    count: int = field(init=False)

    def __post_init__(self) -> None:
        """Begin as who keeps up."""
        self.count = SLICE_COUNT if self.fixed is None else self.fixed

    def took(self, taken: int, seconds: float) -> None:
        """Learn how many records the last slice held, and in how many seconds it was taken and answered."""
        if self.fixed is not None:
            return
        if taken < self.count:
            self.count = min(self.count, SLICE_COUNT)
        elif seconds > SLICE_S:
            self.count = max(self.count // 2, SLICE_COUNT_MIN)
        elif seconds <= SLICE_S / 2:
            self.count = min(2 * self.count, SLICE_COUNT_MAX)

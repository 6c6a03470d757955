"""The latest stretch of events on which the challenger gained: what a restarting test speaks of, in figures.

It decides nothing. Where a bad past lies behind a good present, the mean over both says neither.
"""

from __future__ import annotations

from math import log1p

from engine.evidence.betting import BETS

_STAKE = BETS[1]


class Stretch:
    """The events since a small bettor last had nothing more than it began with (CUSUM of ln(1 + .05 d)).

    Where the gain sets in at some event, that is about where the stretch begins.

    Notes
    -----
    O(1) per event. The beginning is chosen after the fact, so the mean gain is a description and no test.

    References
    ----------
    Page 1954, doi 10.1093/biomet/41.1-2.100

    Examples
    --------
    >>> stretch = Stretch()
    >>> for d in [-0.5] * 1_000 + [0.25] * 200:
    ...     stretch.add(d)
    >>> stretch.count, stretch.gain
    (200, 0.25)
    """

    __slots__ = ("_rise", "_sum", "count")

    count: int

    def __init__(self) -> None:
        self.restart()

    @property
    def gain(self) -> float:
        """The mean difference over the stretch; 0 before the first event."""
        return self._sum / self.count if self.count else 0.0

    def add(self, d: float) -> None:
        """Take one difference in [-1, 1]."""
        if self._rise <= 0.0:
            self.restart()
        self._rise += log1p(_STAKE * d)
        self._sum += d
        self.count += 1

    def restart(self) -> None:
        """Begin with the next event."""
        self.count = 0
        self._rise = self._sum = 0.0

    def snapshot(self) -> list[float]:
        """Return the count, the sum and the bettor's rise."""
        return [self.count, self._sum, self._rise]

    def restore(self, state: list[float]) -> None:
        """Take back what `snapshot` returned."""
        count, self._sum, self._rise = state
        self.count = int(count)

"""From a probability to a decision: a threshold, an alert rate, or the model's own mind.

Costs make a threshold: alerting pays where p x cost of a miss > (1 - p) x cost of a false alarm. Binary tasks only.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from typing import Any, Protocol

from engine.errors import ConfigError


class Decide(Protocol):
    """Called once per answer, in order."""

    def __call__(self, probability: float) -> bool:
        """Return whether to alert."""
        ...

    def snapshot(self) -> Any:
        """Return the state as plain data."""
        ...

    def restore(self, state: Any) -> None:
        """Take back what `snapshot` returned."""
        ...


class Threshold:
    """Alert at a probability of at least `threshold`.

    >>> Threshold(0.3)(0.3)
    True
    """

    def __init__(self, threshold: float) -> None:
        if not 0.0 <= threshold <= 1.0:
            msg = f"threshold must be between 0 and 1, got {threshold!r}"
            raise ConfigError(msg)
        self._threshold = threshold

    @classmethod
    def from_costs(cls, false_positive: float, false_negative: float) -> Threshold:
        """Return the threshold of least expected cost, for calibrated probabilities (Elkan 2001).

        >>> Threshold.from_costs(1.0, 9.0)(0.1)
        True
        """
        if false_positive < 0.0 or false_negative < 0.0 or false_positive + false_negative <= 0.0:
            msg = f"costs must be 0 or more and not both 0, got {false_positive!r} and {false_negative!r}"
            raise ConfigError(msg)
        return cls(false_positive / (false_positive + false_negative))

    def __call__(self, probability: float) -> bool:
        """Return whether to alert."""
        return probability >= self._threshold

    def snapshot(self) -> None:
        """Return nothing: a threshold has no state."""

    def restore(self, state: None) -> None:
        """Take nothing back."""


class AlertRate:
    """Alert on the highest `rate` of the scores seen lately: for a team that can look at so many cases and no more.

    A score is an alert if it is above the (1 - rate) quantile of the `window_count` scores before it. Equal scores are
    not above each other, so a model that says the same of everything never alerts. O(log window) to find, O(window)
    to insert, in C.
    """

    def __init__(self, rate: float, window_count: int = 1_000) -> None:
        if not 0.0 < rate < 1.0:
            msg = f"alert_rate must be between 0 and 1, got {rate!r}"
            raise ConfigError(msg)
        self._rate = rate
        self._window_count = window_count
        self._recent: deque[float] = deque()
        self._sorted: list[float] = []

    def __call__(self, probability: float) -> bool:
        """Return whether to alert, and remember the score."""
        scores = self._sorted
        size = len(scores)
        alert = size > 0 and probability > scores[min(size - 1, int(size * (1.0 - self._rate)))]
        if size == self._window_count:
            del scores[bisect_left(scores, self._recent.popleft())]
        self._recent.append(probability)
        insort(scores, probability)
        return alert

    def snapshot(self) -> list[float]:
        """Return the scores of the window, oldest first."""
        return list(self._recent)

    def restore(self, state: list[float]) -> None:
        """Take back what `snapshot` returned."""
        self._recent = deque(state)
        self._sorted = sorted(state)

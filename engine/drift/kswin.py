"""`kswin()`: compares the newest values with a random sample of older ones, by the Kolmogorov-Smirnov test."""

from __future__ import annotations

from collections import deque
from math import comb
from typing import ClassVar
from zlib import crc32

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import DIRECTIONS, Direction, check_choice, check_share, check_whole
from engine.errors import ConfigError

DISTANCE_MIN = 0.1
"""However small the p-value, a distance of no more than this is no alarm (as in River)."""


class Kswin(CheckedDetector):
    """The Kolmogorov-Smirnov windowing method: two samples of equal size, exact p-value, alarm at p <= alpha.

    Parameters
    ----------
    alpha
        The p-value at which a value is an alarm. Every value is a test, so alarms are far more frequent than alpha.
    window
        Values kept.
    sample
        How many are the newest ones, and how many are drawn from the others.
    direction
        Which changes are alarms: "worse" (the newest have the higher mean), "better", or "both", which adds changes of
        shape.
    seed
        Of the draws. Left out of a spec it is derived and written there.

    Notes
    -----
    O(sample log sample) a value. Keeps the newest values after an alarm; River's begins with an empty window, and
    with its first random numbers again. Each value's draws are a function of the seed and of how many values came
    before.

    References
    ----------
    Raab et al. 2020, doi 10.1016/j.neucom.2019.11.111; the exact p-value: Hodges 1958, doi 10.1007/BF02589501.
    """

    name = "kswin"
    _KEPT: ClassVar[tuple[str, ...]] = ("_recent", "_count")

    def __init__(
        self,
        alpha: float = 0.005,
        window: int = 100,
        sample: int = 30,
        direction: Direction = "worse",
        seed: int | None = None,
    ) -> None:
        check_share(self.name, alpha=alpha)
        check_whole(self.name, 2, sample=sample)
        check_whole(self.name, 2 * sample, window=window)
        check_choice(self.name, DIRECTIONS, direction=direction)
        if seed is not None:
            check_whole(self.name, 0, seed=seed)
        self._window = window
        self._sample = sample
        self._direction = direction
        self._seed = seed or 0
        self._steps_min = smallest_significant(sample, alpha)
        self._recent: deque[float] = deque()
        self._count = 0

    def _take(self, value: float) -> Verdict:
        self._count += 1
        self._recent.append(value)
        if len(self._recent) > self._window:
            self._recent.popleft()
        if len(self._recent) < self._window:
            return Verdict.STABLE
        values = list(self._recent)
        newest = values[-self._sample :]
        drawn = self._draw(values[: -self._sample])
        if steps_apart(drawn, newest) < self._steps_min or not self._is_alarm(sum(newest) - sum(drawn)):
            return Verdict.STABLE
        self._recent = deque(newest)
        return Verdict.DRIFT

    def _is_alarm(self, rise: float) -> bool:
        return self._direction == "both" or (rise > 0.0 if self._direction == "worse" else rise < 0.0)

    def _draw(self, older: list[float]) -> list[float]:
        """Return a sample without replacement, by a congruential sequence that begins anew with every value."""
        state = crc32(b"%d:%d" % (self._seed, self._count))
        for index in range(self._sample):
            state = (6364136223846793005 * state + 1442695040888963407) & 0xFFFFFFFFFFFFFFFF
            other = index + (state >> 33) % (len(older) - index)
            older[index], older[other] = older[other], older[index]
        return older[: self._sample]


def steps_apart(one: list[float], other: list[float]) -> int:
    """Return the Kolmogorov-Smirnov distance of two samples of equal size, times that size."""
    one, other = sorted(one), sorted(other)
    size = len(one)
    left = right = farthest = 0
    while left < size and right < size:
        value = min(one[left], other[right])
        while left < size and one[left] == value:
            left += 1
        while right < size and other[right] == value:
            right += 1
        farthest = max(farthest, abs(left - right))
    return farthest


def p_value(size: int, steps: int) -> float:
    """Return how likely two samples of this size from one distribution are at least so many steps apart.

    >>> round(p_value(30, 13), 6)
    0.006548
    """
    if steps <= 0:
        return 1.0
    ways = sum((1 if turn % 2 else -1) * comb(2 * size, size - turn * steps) for turn in range(1, size // steps + 1))
    return 2 * ways / comb(2 * size, size)


def smallest_significant(size: int, alpha: float) -> int:
    """Return how many steps apart two samples must be for an alarm."""
    found = next(
        (steps for steps in range(size + 1) if p_value(size, steps) <= alpha and steps / size > DISTANCE_MIN), None
    )
    if found is None:
        msg = f"kswin: two samples of {size} values never reach alpha, got alpha {alpha!r}; use a larger sample"
        raise ConfigError(msg)
    return found

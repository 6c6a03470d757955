"""`e_sr()`: bets against "the mean is at most m", and alarms when the bets have won too much. A promised run length."""

from __future__ import annotations

from math import exp, inf, log, log1p, sqrt
from typing import ClassVar

from engine.drift.checked import CheckedDetector
from engine.drift.detector import Verdict
from engine.drift.parameters import check_positive, check_whole
from engine.errors import ModelError

BETS_COUNT = 12
LARGEST_BET = 0.9
"""The largest stake, in units of 1/m; every next one is half of it."""

WARNING_FACTOR = 0.1
"""A warning is an alarm's threshold times this."""

DOUBT = 0.01
"""The learned m is too low with about this probability."""

ERRORS_MIN = 30
"""How many ones a warm-up of 0/1 values holds at least."""

VALUE_MAX = 1e100
"""Values beyond this count as this: their squares must not overflow."""


class ESr(CheckedDetector):
    """The e-detector of Shiryaev-Roberts kind: M_l <- (M_l + 1) (1 + l (x - m)), an alarm when mean M_l >= run_length.

    The mean is over 12 stakes l = .9/m, .45/m, ... Where values are not negative and their mean, given the past, is at
    most m, no stake gains in expectation, so the mean number of values before a false alarm is at least `run_length`,
    whatever the distribution and the dependence.

    Parameters
    ----------
    run_length
        Values to a false alarm on average, at least.
    m
        The mean that is no news. None: learned from a warm-up, then fixed until the next alarm.
    warm_up
        Values from which m is learned. Among 0/1 values the warm-up goes on until 30 of them were 1.

    Raises
    ------
    ModelError
        A negative value.

    Notes
    -----
    O(12) a value. The learned m is the upper 99 % bound of the mean: Clopper and Pearson's for 0/1 values; else the
    empirical Bernstein bound with the largest value seen as the range. With it the run length is what was measured
    (docs/guides/detectors.md), not what is promised. After an alarm the stakes start anew, and so does a learned m. It
    hears a rise only. WARNING is a tenth of the threshold. An alarm comes only with a value above m; that can but
    lengthen a run. There is no need for logarithms: before an alarm no M_l exceeds 12 times the run length by more than
    one value's factor.

    References
    ----------
    Shin, Ramdas and Rinaldo 2022, arXiv:2203.03532; Clopper and Pearson 1934, doi 10.1093/biomet/26.4.404; Maurer and
    Pontil 2009, arXiv:0907.3740.
    """

    name = "e_sr"
    _KEPT: ClassVar[tuple[str, ...]] = ("_m", "_evidence", "_count", "_sum", "_squares", "_largest", "_fractional")

    def __init__(self, run_length: float = 10_000, m: float | None = None, warm_up: int = 200) -> None:
        check_positive(self.name, run_length=run_length)
        if m is not None:
            check_positive(self.name, m=m)
        check_whole(self.name, 2, warm_up=warm_up)
        self._run_length = float(run_length)
        self._given_m = m
        self._warm_up = warm_up
        self._start()

    def check(self, value: float) -> None:
        """Raise `ModelError` for a value that is negative or not finite."""
        if value < 0.0:
            msg = f"e_sr takes numbers of at least 0, got {value!r}"
            raise ModelError(msg)
        super().check(value)

    @property
    def m(self) -> float | None:
        """The mean that is no news; None during a warm-up."""
        return self._m

    def _start(self) -> None:
        self._m = self._given_m
        self._evidence = [0.0] * BETS_COUNT
        self._count = 0
        self._sum = 0.0
        self._squares = 0.0
        self._largest = 0.0
        self._fractional = False

    def _take(self, value: float) -> Verdict:
        value = min(value, VALUE_MAX)
        if self._m is None:
            self._learn(value)
            return Verdict.STABLE
        mean = wager(self._evidence, 1.0, LARGEST_BET * (value - self._m) / self._m)
        if value > self._m and mean >= self._run_length:
            self._start()
            return Verdict.DRIFT
        return Verdict.WARNING if mean >= WARNING_FACTOR * self._run_length else Verdict.STABLE

    def _learn(self, value: float) -> None:
        self._count += 1
        self._sum += value
        self._squares += value * value
        self._largest = max(self._largest, value)
        self._fractional = self._fractional or value not in {0.0, 1.0}
        if self._count < self._warm_up:
            return
        if self._fractional:
            self._m = self._bernstein()
        elif self._sum >= ERRORS_MIN:
            self._m = upper_rate(int(self._sum), self._count, DOUBT)

    def _bernstein(self) -> float:
        count, mean = self._count, self._sum / self._count
        variance = max(0.0, (self._squares - count * mean * mean) / (count - 1))
        spent = log(2.0 / DOUBT)
        return mean + sqrt(2.0 * variance * spent / count) + 7.0 * self._largest * spent / (3.0 * (count - 1))


def wager(evidence: list[float], credit: float, gain: float) -> float:
    """Have every stake earn the credit and stake it, the first to win `gain`, each next one half; return the mean."""
    total = 0.0
    for index in range(BETS_COUNT):
        evidence[index] = (evidence[index] + credit) * (1.0 + gain)
        total += evidence[index]
        gain *= 0.5
    return total / BETS_COUNT


def upper_rate(ones: int, count: int, doubt: float) -> float:
    """Return the largest rate under which so few ones, or fewer, have at least this probability.

    >>> round(upper_rate(30, 3000, 0.01), 5)
    0.01509
    """
    low, high = ones / count, 1.0
    if low == 1.0:
        return 1.0
    for _ in range(60):
        rate = 0.5 * (low + high)
        if _at_most(ones, count, rate) < doubt:
            high = rate
        else:
            low = rate
    return high


def _at_most(ones: int, count: int, rate: float) -> float:
    """Return the probability of at most so many ones, summed from the most likely term down."""
    if rate >= 1.0:
        return 0.0
    logs, term = [], count * log1p(-rate)
    for number in range(ones + 1):
        logs.append(term)
        term += log((count - number) / (number + 1)) + log(rate) - log1p(-rate) if number < ones else -inf
    highest = max(logs)
    return exp(highest) * sum(exp(item - highest) for item in logs)

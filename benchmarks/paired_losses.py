"""Differences of losses, champion less challenger, of many seeded streams at once: who is equal, better or was worse.

Each maker returns an array `(streams, events)` in the order in which events mature. No engine is known here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Differences: TypeAlias = NDArray[np.float64]
Maker: TypeAlias = Callable[[np.random.Generator, int, int], Differences]

RATE = 0.05
"""The error of each of two equal models."""

SHARED = 0.8
"""How much of their errors two models have in common, where they do."""

FRAUD_SHARE = 0.1
HORIZON = 500.0
"""Label window, in events."""

RARE_SHARE = 0.01
"""Positives, where they are rare."""


def independent(
    random: np.random.Generator, streams: int, events: int, champion: float = RATE, challenger: float = RATE
) -> Differences:
    """Return the differences of two models that err independently, so often."""
    size = (streams, events)
    return (random.random(size) < champion).astype(float) - (random.random(size) < challenger)


def correlated(random: np.random.Generator, streams: int, events: int) -> Differences:
    """Return those of two models that err mostly on the same events, and both more often now and then."""
    size = (streams, events)
    hard = np.repeat(random.random((streams, -(-events // 100))) < 0.2, 100, axis=1)[:, :events]
    rate = np.where(hard, 4 * RATE, RATE / 2)
    both, own = random.random(size) < SHARED * rate, (1 - SHARED) * rate
    return ((random.random(size) < own) | both).astype(float) - ((random.random(size) < own) | both)


def opposite(random: np.random.Generator, streams: int, events: int) -> Differences:
    """Return those of a champion that only misses, and a challenger that only raises false alarms, as many."""
    return _missed_or_false(random, random.random((streams, events)) < FRAUD_SHARE)


def _missed_or_false(random: np.random.Generator, fraud: NDArray[np.bool_]) -> Differences:
    draw = random.random(fraud.shape)
    miss = fraud & (draw < RATE / FRAUD_SHARE)
    false = ~fraud & (draw < RATE / (1 - FRAUD_SHARE))
    return miss.astype(float) - false


def delayed(random: np.random.Generator, streams: int, events: int) -> Differences:
    """Return those of the same two, of which one fraud in five is reported after its window has closed: too late.

    A fraud that nobody reported in time is none by policy, whoever alerted on it was wrong. Both models are as good by
    what matures: the challenger alerts on fewer of the others instead.
    """
    fraud = random.random((streams, events)) < FRAUD_SHARE
    counted = fraud & (random.exponential(HORIZON / np.log(5.0), fraud.shape) <= HORIZON)
    draw = random.random(fraud.shape)
    miss_share = RATE / FRAUD_SHARE
    miss = counted & (draw < miss_share)
    late = fraud & ~counted
    caught_late = late & (draw < miss_share)
    share = FRAUD_SHARE * 0.8 * miss_share - FRAUD_SHARE * 0.2 * miss_share
    false = ~fraud & (draw < share / (1 - FRAUD_SHARE))
    return miss.astype(float) - (false | caught_late)


def as_reported(random: np.random.Generator, streams: int, events: int) -> Differences:
    """Return what `opposite` gives in order of arrival: frauds at once, others once their window has closed."""
    fraud = random.random((streams, events)) < FRAUD_SHARE
    known = np.arange(events) + np.where(fraud, 0.0, HORIZON)
    order = np.argsort(known, axis=1, kind="stable")
    return np.take_along_axis(_missed_or_false(random, fraud), order, axis=1)


EQUAL: dict[str, Maker] = {
    "independent errors": independent,
    "correlated errors": correlated,
    "misses against false alarms": opposite,
    "the same, delayed": delayed,
}
"""The pairs of which neither is better."""


def better(random: np.random.Generator, streams: int, events: int) -> Differences:
    """Return those of a challenger that errs 4 times in 100, and a champion that errs 5 times, independently."""
    return independent(random, streams, events, 0.05, 0.04)


def better_in_part(random: np.random.Generator, streams: int, events: int) -> Differences:
    """Return those of the same two error rates, of which 3 in 100 are events on which both err."""
    draw = random.random((streams, events))
    return (draw < 0.02).astype(float) - ((draw >= 0.02) & (draw < 0.03))


def better_on_rare(random: np.random.Generator, streams: int, events: int) -> Differences:
    """Return Brier differences where one event in 100 is positive, and the challenger gives positives more.

    The champion's probability is drawn from Beta(1, 4) for a positive (mean 0.2), the challenger's from Beta(2, 3)
    (0.4), independently; both from Beta(1, 99) for a negative (0.01).
    """
    size = (streams, events)
    positive = random.random(size) < RARE_SHARE
    low = [random.beta(1.0, 99.0, size) for _ in "ab"]
    champion = np.where(positive, random.beta(1.0, 4.0, size), low[0])
    challenger = np.where(positive, random.beta(2.0, 3.0, size), low[1])
    target = positive.astype(float)
    return (champion - target) ** 2 - (challenger - target) ** 2


def overtaken(random: np.random.Generator, streams: int, before: int, after: int) -> Differences:
    """Return those of a challenger that errs 6 times in 100 to the champion's 5, and 5 to its 20 from `before` on."""
    return np.concatenate(
        [independent(random, streams, before, 0.05, 0.06), independent(random, streams, after, 0.20, 0.05)], axis=1
    )

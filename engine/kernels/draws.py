"""Seeded draws as parts: the generator is a few numbers of a model's state, so a snapshot keeps its place.

A generator is an int64 array: `WORD`, `NEXT`, and what follows. What follows is a script: values that are drawn, in
order, before the generator is asked for any. A model has none; an oracle that replays another's draws puts them there.

The generator is SplitMix64 (Steele, Lea and Flood 2014, doi 10.1145/2660193.2660195), the same in every process.
"""

from __future__ import annotations

from math import exp
from typing import Any, Final

import numpy as np

from engine.kernels.ground import part

WORD: Final = 0
"""The generator's only word of state; a seed is its first value."""
NEXT: Final = 1
"""Where in the array the next scripted value is; past its end there is none."""
HEAD_COUNT: Final = 2

POISSON_MAX: Final = 1_000
"""No count beyond this is drawn; for means up to 100 that is no bound at all."""

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_BY_27: Final = np.uint64(27)
_BY_30: Final = np.uint64(30)
_BY_31: Final = np.uint64(31)
_BY_32: Final = np.uint64(32)
_BY_11: Final = np.uint64(11)
_LOW: Final = np.uint64(0xFFFFFFFF)
_ULP: Final = 2.0**-53


@part
def bits(dice: Any) -> Any:
    """Return 64 random bits."""
    word = np.uint64(dice[WORD]) + _STEP
    dice[WORD] = np.int64(word)
    word = (word ^ (word >> _BY_30)) * _MIX_1
    word = (word ^ (word >> _BY_27)) * _MIX_2
    return word ^ (word >> _BY_31)


@part
def uniform(dice: Any) -> float:
    """Return a number in [0, 1), one of 2**53 evenly spaced."""
    return np.float64(bits(dice) >> _BY_11) * _ULP


@part
def below(dice: Any, count: int) -> int:
    """Return a whole number in [0, count), each equally likely, for counts up to 2**32 (Lemire 2019)."""
    many = np.uint64(count)
    scaled = (bits(dice) >> _BY_32) * many
    if (scaled & _LOW) < many:
        odd = (_LOW - many + np.uint64(1)) % many
        while (scaled & _LOW) < odd:
            scaled = (bits(dice) >> _BY_32) * many
    return np.int64(scaled >> _BY_32)  # type: ignore[return-value]


@part
def is_scripted(dice: Any) -> bool:
    """Say whether the next draw is written down."""
    return dice[NEXT] < dice.shape[0]


@part
def scripted(dice: Any) -> int:
    """Return the next value of the script."""
    dice[NEXT] += 1
    return dice[dice[NEXT] - 1]


@part
def poisson(dice: Any, mean: float) -> int:
    """Return a count whose mean is `mean`, from one uniform number."""
    if is_scripted(dice):
        return scripted(dice)
    left = uniform(dice)
    chance = exp(-mean)
    count = 0
    while left >= chance and count < POISSON_MAX:
        left -= chance
        count += 1
        chance *= mean / count
    return count


@part
def sample(dice: Any, chosen: Any, count: int, whole: int) -> None:
    """Fill the first `count` places with different whole numbers in [0, whole), each set equally likely, in order.

    Floyd's way: `count` draws, whatever `whole` is. A script's numbers stay in their own order.
    """
    if is_scripted(dice):
        for place in range(count):
            chosen[place] = scripted(dice)
        return
    for place in range(count):
        newest = whole - count + place
        drawn = below(dice, newest + 1)
        for other in range(place):
            if chosen[other] == drawn:
                drawn = newest
        at = place
        while at > 0 and chosen[at - 1] > drawn:
            chosen[at] = chosen[at - 1]
            at -= 1
        chosen[at] = drawn

"""How good a split is: what its sides say of the classes.

`sides` (branches, classes): the weight of each class on each side, below 0 where the class was not seen there. A merit
of -inf is a split that nobody may make: fewer than two of its sides have their share of the weight.
"""

from __future__ import annotations

from math import inf, log2, sqrt
from typing import Any, Final

from engine.kernels.ground import inlined, part

INFO_GAIN: Final = 0
GINI: Final = 1
HELLINGER: Final = 2


@inlined
def side_total(side: Any, width: int) -> float:
    """Return the weight on one side."""
    found = 0.0
    for c in range(width):
        if side[c] > 0.0:
            found += side[c]
    return found


@inlined
def entropy(side: Any, width: int) -> float:
    """Return the entropy of the classes on one side, in bits."""
    spread = 0.0
    found = 0.0
    for c in range(width):
        if side[c] > 0.0:
            spread -= side[c] * log2(side[c])
            found += side[c]
    return (spread + found * log2(found)) / found if found > 0.0 else 0.0


@inlined
def gini(side: Any, width: int, whole: float) -> float:
    """Return the chance that two of one side differ."""
    found = 1.0
    if whole != 0.0:
        for c in range(width):
            if side[c] > 0.0:
                share = side[c] / whole
                found -= share * share
    return found


@part
def hellinger(sides: Any, width: int, as_river: int) -> float:
    """Return how far the two classes are apart on two sides; in River nothing, where one is not seen on both."""
    if width < 2:
        return 0.0
    if as_river == 1 and min(sides[0, 0], sides[0, 1], sides[1, 0], sides[1, 1]) < 0.0:
        return 0.0
    apart = 0.0
    for side in range(2):
        root = 0.0
        for c in range(2):
            whole = max(0.0, sides[0, c]) + max(0.0, sides[1, c])
            share = sqrt(max(0.0, sides[side, c]) / whole)
            root = root + share if c == 0 else root - share
        apart += root * root
    return sqrt(apart)


@inlined
def merit(criterion: int, share_min: float, sides: Any, count: int, width: int, before: float, as_river: int) -> float:
    """Return the merit of a split with `count` sides over `width` classes; `before` is the entropy without it."""
    whole = 0.0
    for side in range(count):
        whole += side_total(sides[side], width)
    large = 0
    for side in range(count):
        if whole > 0.0 and side_total(sides[side], width) / whole > share_min:
            large += 1
    if large < 2:
        return -inf
    if criterion == HELLINGER:
        return hellinger(sides, width, as_river)
    left = 0.0
    for side in range(count):
        weight = side_total(sides[side], width)
        if criterion == INFO_GAIN:
            left += weight * entropy(sides[side], width)
        else:
            left += weight / whole * gini(sides[side], width, weight)
    return before - left / whole if criterion == INFO_GAIN else 1.0 - left

"""Features of linear models: numbers scaled as they come, texts as buckets, and products of two.

`columns` (F, 5) has a row for each column of a step, then one for each pair:

- of numbers: `COUNT`, `MEAN`, `VARIANCE` and `SCALE`, 1 / the standard deviation or 0; `KEY` is the name's checksum;
- of texts: `KEY` is -1, and the step holds the checksum of name and text;
- of a pair: `FIRST` and `SECOND` are its columns.

A feature is a weight's place and the value the weight is multiplied by. Numbers and pairs of numbers have the place of
their row, whatever has a text in it one of the buckets behind these, a power of two, whose number less 1 is `mask`. It
is `ABSENT` where something is missing.
"""

from __future__ import annotations

from math import sqrt
from typing import Any, Final

from engine.kernels.ground import X, inlined, part

COUNT: Final = 0
MEAN: Final = 1
VARIANCE: Final = 2
SCALE: Final = 3
KEY: Final = 4
FIRST: Final = 0
SECOND: Final = 1

NUMBER_MAX: Final = 1e100
"""A number beyond this is missing, and a scaled one no larger: what is squared and summed here stays finite."""

ABSENT: Final = -1
BITS_32: Final = 0xFFFFFFFF
MIXER: Final = 0x5BD1E995


@inlined
def is_there(value: float) -> bool:
    """Say whether a step holds a value that can be used; NaN is none."""
    return abs(value) <= NUMBER_MAX


@inlined
def observe(columns: Any, rows: Any, i: int) -> None:
    """Move mean and variance of the numbers that are there: Welford, as River's `StandardScaler` computes it."""
    for d in range(rows.shape[1] - X):
        value = rows[i, X + d]
        if columns[d, KEY] < 0.0 or not is_there(value):
            continue
        count = columns[d, COUNT] + 1.0
        before = value - columns[d, MEAN]
        mean = columns[d, MEAN] + before / count
        variance = columns[d, VARIANCE] + (before * (value - mean) - columns[d, VARIANCE]) / count
        columns[d, COUNT] = count
        columns[d, MEAN] = mean
        columns[d, VARIANCE] = variance
        columns[d, SCALE] = 1.0 / sqrt(variance) if variance > 0.0 else 0.0


@inlined
def scaled(value: float, mean: float, scale: float) -> float:
    """Return a number in standard deviations from its mean."""
    z = (value - mean) * scale
    if abs(z) <= NUMBER_MAX:
        return z
    return NUMBER_MAX if z > 0.0 else -NUMBER_MAX


@part
def crossed(first: int, second: int) -> int:
    """Return the checksum of two checksums in order."""
    mixed = ((first * MIXER) & BITS_32) ^ second
    mixed = (mixed * MIXER) & BITS_32
    return mixed ^ (mixed >> 15)


@part
def product(columns: Any, mask: int, rows: Any, i: int, f: int) -> tuple[int, float]:
    """Return the place and value of a pair."""
    a, b = int(columns[f, FIRST]), int(columns[f, SECOND])
    first, second = rows[i, X + a], rows[i, X + b]
    if not (is_there(first) and is_there(second)):
        return ABSENT, 0.0
    value = 1.0
    key_a, key_b = columns[a, KEY], columns[b, KEY]
    if key_a >= 0.0:
        value *= scaled(first, columns[a, MEAN], columns[a, SCALE])
    if key_b >= 0.0:
        value *= scaled(second, columns[b, MEAN], columns[b, SCALE])
    value = scaled(value, 0.0, 1.0)
    if key_a >= 0.0 and key_b >= 0.0:
        return f, value
    mixed = crossed(int(first if key_a < 0.0 else key_a), int(second if key_b < 0.0 else key_b))
    return columns.shape[0] + (mixed & mask), value


@inlined
def feature(columns: Any, mask: int, rows: Any, i: int, f: int) -> tuple[int, float]:
    """Return a feature's place and value."""
    if f >= rows.shape[1] - X:
        return product(columns, mask, rows, i, f)
    cell = rows[i, X + f]
    if not is_there(cell):
        return ABSENT, 0.0
    if columns[f, KEY] >= 0.0:
        return f, scaled(cell, columns[f, MEAN], columns[f, SCALE])
    return columns.shape[0] + (int(cell) & mask), 1.0

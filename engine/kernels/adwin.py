"""ADWIN as parts: the detectors inside adaptive trees and forests, each a row of one array.

A detector is a row of `SIZE` numbers: what `ALARMED` to `ROW_COUNT` name, then how many buckets each of `ROWS` rows
holds, then for each bucket the sum of its values, then for each the sum of squared distances from its mean. Row r has
buckets of 2**r values each, the oldest first. A row of zeros is a detector that has seen nothing.

The arithmetic, and its order, are those of River's `drift.ADWIN` with `clock=32, max_buckets=5, min_window_length=5,
grace_period=10`, so alarms come at the same values: after an alarm the next value begins a window anew. The detector
of `engine.drift.adwin` is the published one, which keeps what is new.

References: Bifet and Gavalda 2007, doi 10.1137/1.9781611972771.42; variance of buckets: Babcock et al. 2003,
doi 10.1145/773153.773176.
"""

from __future__ import annotations

from math import log, sqrt
from typing import Any, Final

from engine.kernels.ground import part

ALARMED: Final = 0
"""1.0 from an alarm to the next value."""
WIDTH: Final = 1
TOTAL: Final = 2
SQUARES: Final = 3
TICKS: Final = 4
ROW_COUNT: Final = 5
"""How many rows are in use, but for the first, which always is."""
HEAD_COUNT: Final = 6

ROWS: Final = 24
"""Rows a detector has; the oldest bucket of the last is dropped where it is full, at some 10**8 values."""
BUCKETS: Final = 5
"""Buckets of one size that stay apart; one more merges the two oldest."""
PLACES: Final = BUCKETS + 1

COUNTS: Final = HEAD_COUNT
TOTALS: Final = COUNTS + ROWS
WITHIN: Final = TOTALS + ROWS * PLACES
SIZE: Final = WITHIN + ROWS * PLACES
"""How many numbers a detector is."""

CLOCK: Final = 32
GRACE: Final = 10.0
PART_MIN: Final = 5.0
"""The fewest values on either side of a cut."""


@part
def mean_of(window: Any) -> float:
    """Return the mean of the window, 0 of an empty one."""
    return window[TOTAL] / window[WIDTH] if window[WIDTH] > 0.0 else 0.0


@part
def begin_anew(window: Any) -> None:
    """Forget all values."""
    window[: HEAD_COUNT + ROWS] = 0.0


@part
def drop_buckets(window: Any, row: int, count: int) -> None:
    """Take the oldest buckets out of a row."""
    left = int(window[COUNTS + row]) - count
    first = TOTALS + row * PLACES
    apart = WITHIN - TOTALS
    for place in range(first, first + left):
        window[place] = window[place + count]
        window[place + apart] = window[place + apart + count]
    window[COUNTS + row] = left


@part
def drop_oldest(window: Any) -> None:
    """Take the oldest bucket out of the window."""
    row = int(window[ROW_COUNT])
    first = TOTALS + row * PLACES
    size = float(1 << row)
    mean = window[first] / size
    window[WIDTH] -= size
    window[TOTAL] -= window[first]
    away = mean - window[TOTAL] / window[WIDTH]
    within = window[first + WITHIN - TOTALS]
    window[SQUARES] -= within + size * window[WIDTH] * away * away / (size + window[WIDTH])
    drop_buckets(window, row, 1)
    if window[COUNTS + row] == 0.0 and row > 0:
        window[ROW_COUNT] -= 1.0


@part
def insert(window: Any, value: float) -> None:
    """Add a value as the newest bucket, and merge the two oldest of each row that has one too many."""
    place = TOTALS + int(window[COUNTS])
    window[place] = value
    window[place + WITHIN - TOTALS] = 0.0
    window[COUNTS] += 1.0
    window[WIDTH] += 1.0
    if window[WIDTH] > 1.0:
        away = value - window[TOTAL] / (window[WIDTH] - 1.0)
        window[SQUARES] += (window[WIDTH] - 1.0) * away * away / window[WIDTH]
    window[TOTAL] += value
    row = 0
    while window[COUNTS + row] > BUCKETS:
        if row + 1 == ROWS:
            drop_oldest(window)
            return
        first = TOTALS + row * PLACES
        size = float(1 << row)
        apart = window[first] / size - window[first + 1] / size
        into = TOTALS + (row + 1) * PLACES + int(window[COUNTS + row + 1])
        window[into] = window[first] + window[first + 1]
        first += WITHIN - TOTALS
        window[into + WITHIN - TOTALS] = window[first] + window[first + 1] + size * 0.5 * apart * apart
        window[COUNTS + row + 1] += 1.0
        drop_buckets(window, row, 2)
        row += 1
        window[ROW_COUNT] = max(window[ROW_COUNT], float(row))


@part
def has_cut(window: Any, delta: float) -> bool:
    """Say whether the means on both sides of any cut are too far apart, looking from the oldest on."""
    width = window[WIDTH]
    spent = log(2.0 * log(width) / delta)
    variance = window[SQUARES] / width
    old_count, new_count = 0.0, width
    old_total, new_total = 0.0, window[TOTAL]
    for row in range(int(window[ROW_COUNT]), -1, -1):
        size = float(1 << row)
        first = TOTALS + row * PLACES
        for place in range(first, first + int(window[COUNTS + row])):
            old_count += size
            new_count -= size
            old_total += window[place]
            new_total -= window[place]
            if new_count < PART_MIN:
                return False
            if old_count < PART_MIN:
                continue
            m = 1.0 / (old_count - PART_MIN + 1.0) + 1.0 / (new_count - PART_MIN + 1.0)
            bound = sqrt(2.0 * m * variance * spent) + 2.0 / 3.0 * spent * m
            if abs(old_total / old_count - new_total / new_count) > bound:
                return True
    return False


@part
def update(window: Any, value: float, delta: float) -> bool:
    """Take a value; say whether there is an alarm, which is looked for at every 32nd."""
    if window[ALARMED] != 0.0:
        begin_anew(window)
    insert(window, value)
    window[TICKS] += 1.0
    if int(window[TICKS]) % CLOCK == 0 and window[WIDTH] > GRACE:
        while has_cut(window, delta):
            drop_oldest(window)
            window[ALARMED] = 1.0
    return window[ALARMED] != 0.0

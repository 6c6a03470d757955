"""What a leaf of a tree of numbers knows of its features: what the target was, bucket by bucket, text by text.

A number x falls into bucket floor(x / radius); what lives in buckets stands in their order. There is room for a fixed
number of them: where it runs short the radius doubles, so that two and two become one. A leaf that is given no radius
begins with one so small that each value has a bucket of its own, and ends with one that suits the feature, whatever
its scale (quantization observer: Mastelini and de Leon Ferreira 2021, doi 10.1016/j.patrec.2020.12.022).

A feature's buckets are a row of the slab's `buckets`: first `COUNT` and `WITH_RADIUS`, from `HEAD` on the buckets,
`BUCKET` numbers each. Of texts, `counts` keeps what a bucket keeps of its target.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from engine.kernels.ground import X, inlined, part
from engine.kernels.slab import FEATURES, OFFSET, RADIUS, ROOM, T_MEAN, T_SQUARES, T_WEIGHT, WATCHED, Slab

COUNT: Final = 0
WITH_RADIUS: Final = 1
HEAD: Final = 6

AT: Final = 3
INDEX: Final = 4
BUCKET: Final = 6
"""A bucket: its target's weight, mean and squares, the mean of x, and its number."""

FULL_SHARE: Final = 0.75
"""What share of its room a feature's buckets are brought down to when it is full."""

SMALL: Final = 2.0**-30


@inlined
def learn_target(known: Any, place: int, value: float, weight: float) -> None:
    """Add one target: Welford's update, with the example's weight."""
    before = known[place + T_MEAN]
    known[place + T_WEIGHT] += weight
    known[place + T_MEAN] += weight / known[place + T_WEIGHT] * (value - before)
    known[place + T_SQUARES] += weight * (value - before) * (value - known[place + T_MEAN])


@inlined
def add_targets(known: Any, place: int, other: Any, at: int) -> None:
    """Add what is known of other targets."""
    n, n_other = known[place + T_WEIGHT], other[at + T_WEIGHT]
    apart = known[place + T_MEAN] - other[at + T_MEAN]
    known[place + T_SQUARES] += other[at + T_SQUARES] + apart * apart * n * n_other / (n + n_other)
    known[place + T_MEAN] = (n * known[place + T_MEAN] + n_other * other[at + T_MEAN]) / (n + n_other)
    known[place + T_WEIGHT] = n + n_other


@inlined
def without_targets(left: Any, all_of: Any, place: int, other: Any, at: int) -> None:
    """Fill what is left of all targets without the others."""
    n_all, n_other = all_of[place + T_WEIGHT], other[at + T_WEIGHT]
    n = n_all - n_other
    mean = 0.0
    if n > 0.0:
        mean = (n_all * all_of[place + T_MEAN] - n_other * other[at + T_MEAN]) / n
    else:
        n = 0.0
    apart = mean - other[at + T_MEAN]
    left[T_SQUARES] = all_of[place + T_SQUARES] - other[at + T_SQUARES] - apart * apart * n * n_other / (n + n_other)
    left[T_MEAN] = mean
    left[T_WEIGHT] = n


@inlined
def variance(known: Any, place: int) -> float:
    """Return the variance of targets."""
    n = known[place + T_WEIGHT]
    return known[place + T_SQUARES] / (n - 1.0) if n > 1.0 else 0.0


@inlined
def place_of(buckets: Any, index: float) -> int:
    """Return the place of the first bucket whose number is at least `index`; steps, not branches, find it."""
    low, left = 0, int(buckets[COUNT])
    while left > 0:
        half = (left + 1) // 2
        before = buckets[HEAD + (low + half - 1) * BUCKET + INDEX] < index
        low += half * int(before)
        left = (left - half) if before else half - 1
    return low


@part
def halve(buckets: Any) -> None:
    """Double the radius: buckets that now have the same number become one."""
    buckets[WITH_RADIUS] *= 2.0
    last = -1
    for i in range(int(buckets[COUNT])):
        at = HEAD + i * BUCKET
        index = np.floor(buckets[at + INDEX] * 0.5)
        if last >= 0 and buckets[HEAD + last * BUCKET + INDEX] == index:
            to = HEAD + last * BUCKET
            n, n_other = buckets[to + T_WEIGHT], buckets[at + T_WEIGHT]
            buckets[to + AT] = (n * buckets[to + AT] + n_other * buckets[at + AT]) / (n + n_other)
            add_targets(buckets, to, buckets, at)
        else:
            last += 1
            to = HEAD + last * BUCKET
            for number in range(BUCKET):
                buckets[to + number] = buckets[at + number]
            buckets[to + INDEX] = index
    buckets[COUNT] = last + 1


@part
def make_bucket(buckets: Any, place: int, index: float) -> None:
    """Make an empty bucket at a place, for which there must be room."""
    at = HEAD + place * BUCKET
    for number in range(HEAD + int(buckets[COUNT]) * BUCKET - 1, at - 1, -1):
        buckets[number + BUCKET] = buckets[number]
    for number in range(BUCKET):
        buckets[at + number] = 0.0
    buckets[at + INDEX] = index
    buckets[COUNT] += 1.0


@inlined
def find_bucket(buckets: Any, value: float) -> int:
    """Return the place of a value's bucket, which is made where there is none."""
    room = (buckets.shape[0] - HEAD) // BUCKET
    while True:
        index = np.floor(value / buckets[WITH_RADIUS])
        place = place_of(buckets, index)
        if place < int(buckets[COUNT]) and buckets[HEAD + place * BUCKET + INDEX] == index:
            return place
        if int(buckets[COUNT]) < room:
            make_bucket(buckets, place, index)
            return place
        while buckets[COUNT] > FULL_SHARE * room:
            halve(buckets)


@part
def observe_target(slab: Slab, slot: int, row: Any, target: float, weight: float) -> None:
    """Show a slot the features of one example that it watches; what is missing shows nothing."""
    known, counts, listed, columns = slab.buckets[slot], slab.counts[slot], slab.lists[slot], slab.columns
    radius = slab.settings[RADIUS]
    for j in range(listed[WATCHED]):
        feature = listed[FEATURES + j]
        value = row[X + feature]
        if value != value:
            continue
        if columns[feature, OFFSET] < 0:
            buckets = known[j]
            if buckets[COUNT] == 0.0:
                buckets[WITH_RADIUS] = radius if radius > 0.0 else max(abs(value), SMALL) * SMALL
            at = HEAD + find_bucket(buckets, value) * BUCKET
            learn_target(buckets, at, target, weight)
            buckets[at + AT] += weight / buckets[at + T_WEIGHT] * (value - buckets[at + AT])
        elif 0.0 <= value < columns[feature, ROOM]:
            learn_target(counts[:, columns[feature, OFFSET] + int(value)], 0, target, weight)

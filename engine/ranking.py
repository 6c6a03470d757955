"""Exact ROC AUC and average precision of one set of scores: computed when read, ties and all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby


def roc_auc(scores: Sequence[float], truths: Sequence[bool]) -> float | None:
    """Return the chance that a positive outscores a negative, a tie counting half. None unless both occurred.

    O(n log n). Counts are integers, so the only rounding is the last division.

    >>> roc_auc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    positives = sum(truths)
    negatives = len(truths) - positives
    if not positives or not negatives:
        return None
    twice_won = 0
    below = 0
    for _, tied in groupby(sorted(zip(scores, truths, strict=True)), key=lambda pair: pair[0]):
        group = [truth for _, truth in tied]
        here = sum(group)
        twice_won += here * (2 * below + len(group) - here)
        below += len(group) - here
    return twice_won / (2 * positives * negatives)


def average_precision(scores: Sequence[float], truths: Sequence[bool]) -> float | None:
    """Return the sum over distinct thresholds, from the highest, of (gain in recall) x (precision there).

    None without a positive. O(n log n).

    >>> round(average_precision([0.1, 0.4, 0.35, 0.8], [False, False, True, True]), 4)
    0.8333
    """
    positives = sum(truths)
    if not positives:
        return None
    found = seen = 0
    total = 0.0
    for _, tied in groupby(sorted(zip(scores, truths, strict=True), reverse=True), key=lambda pair: pair[0]):
        group = [truth for _, truth in tied]
        here = sum(group)
        found += here
        seen += len(group)
        total += here / positives * (found / seen)
    return total

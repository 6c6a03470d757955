"""How labels flow: how long they take, for how many requests they come, and how many of them are positive.

Where label windows close, requests are taken in the order in which they end, so that a label reported early counts with
the silence around it. Elsewhere labels are taken as they come. This file knows nothing of features or models.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np

from engine.shift.baseline import VALUES_MIN, Finding
from engine.shift.distances import ks_and_wasserstein
from engine.shift.quantiles import counts_tail, kolmogorov_quantile
from engine.shift.rules import FROZEN, KS, LABELS, ShiftRules
from engine.tape import Row, RowState, Step, StepKind

DELAY, RATE, POSITIVES = "labels.delay", "labels.rate", "labels.positives"
SHARE = "share"

GAP_MIN = 0.1
"""A gap between two distributions of delays that is smaller is not worth saying, however certain."""

_NAN = float("nan")
_, _LEARN, _, _MATURE, _DROP = StepKind


class LabelFlow:
    """The flow of labels, window by window.

    Parameters
    ----------
    rules
        How many ended requests make a reference and a window.
    windowed
        Whether label windows close.
    relearned
        Whether late labels are learned: of a request that expired nothing is heard then until it is forgotten, so the
        share that was labelled is known only where silence is a label.
    binary
        Whether there are positives.

    Notes
    -----
    A delay is the event time of the latest request when the label came, less that of its own request. What waits for
    its window to close is one number for each such request.
    """

    def __init__(self, rules: ShiftRules, *, windowed: bool, relearned: bool, binary: bool) -> None:
        self._rules = rules
        self._windowed = windowed
        self._relearned = relearned
        self._binary = binary
        self._delays: dict[int, float] = {}
        self._ended: list[tuple[float, float]] = []
        self._reference: Any = None
        self.standing: dict[str, dict[str, Any]] = {}

    @property
    def test_count(self) -> int:
        """How many tests a look makes."""
        return 1 + self._windowed + self._binary if LABELS in self._rules.tests else 0

    def take(self, step: Step) -> bool:
        """Take a step that is no PREDICT; return whether a window is full."""
        kind, row, target, when = step
        if kind is _LEARN:
            if not self._windowed:
                return self._end(_delay(row, when.time_ms), target)
            if row.state is RowState.LABELLED:
                self._delays[row.index] = _delay(row, when.time_ms)
        elif kind is _MATURE:
            return self._end(self._delays.pop(row.index, _NAN), target)
        elif kind is _DROP and self._windowed and not self._relearned and row.state is RowState.EXPIRED:
            return self._end(_NAN, None)
        return False

    def _end(self, delay: float, target: object) -> bool:
        self._ended.append((delay, float(target) if self._binary and target is not None else _NAN))  # type: ignore[arg-type]
        return len(self._ended) == self._wanted()

    def _wanted(self) -> int:
        rules = self._rules
        return rules.reference_count if self._reference is None else rules.window_count

    def look(self, tail: float) -> list[Finding]:
        """Compare the window that is full with the reference, and begin another; the first one is the reference."""
        window = np.array(self._ended)
        self._ended = []
        reference = self._reference
        if reference is None:
            self._reference = window
            return []
        if self._rules.reference != FROZEN:
            self._reference = np.concatenate([reference, window])[-self._rules.reference_count :]
        self.standing = {}
        findings = self._compare_delays(reference, window, tail)
        if self._windowed:
            there = [int((~np.isnan(side[:, 0])).sum()) for side in (reference, window)]
            findings += self._compare_shares(RATE, (there[1], len(window)), (there[0], len(reference)), tail)
        if self._binary:
            truths = [side[~np.isnan(side[:, 1]), 1] for side in (reference, window)]
            if all(len(each) >= VALUES_MIN for each in truths):
                old, new = ((int(each.sum()), len(each)) for each in truths)
                findings += self._compare_shares(POSITIVES, new, old, tail)
        return findings if LABELS in self._rules.tests else []

    def _compare_delays(self, reference: Any, window: Any, tail: float) -> list[Finding]:
        old, new = (np.sort(side[~np.isnan(side[:, 0]), 0]) for side in (reference, window))
        n, m = len(old), len(new)
        if n < VALUES_MIN or m < VALUES_MIN:
            return []
        gap, _ = ks_and_wasserstein(old, new)
        limit = max(GAP_MIN, kolmogorov_quantile(tail) * sqrt((n + m) / (n * m)))
        self.standing[DELAY] = {
            KS: gap,
            "median_ms": float(new[(m - 1) // 2]),
            "reference_median_ms": float(old[(n - 1) // 2]),
        }
        return [Finding(DELAY, KS, gap, limit)] if gap > limit else []

    def _compare_shares(
        self, watched: str, after: tuple[int, int], before: tuple[int, int], tail: float
    ) -> list[Finding]:
        (found, m), (found_before, n) = after, before
        share, share_before = found / m, found_before / n
        self.standing[watched] = {SHARE: share, "reference_share": share_before}
        if share > share_before:
            chance = counts_tail(found, m, found_before, n)
        else:
            chance = counts_tail(m - found, m, n - found_before, n)
        smallest = self._rules.share_min
        if chance > tail / 2.0 or abs(share - share_before) <= smallest:
            return []
        return [Finding(watched, SHARE, abs(share - share_before), smallest)]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "waiting": [np.array(list(self._delays), dtype=np.int64), np.array(list(self._delays.values()))],
            "ended": np.array(self._ended).reshape(-1, 2),
            "reference": self._reference,
            "standing": self.standing,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned."""
        indices, delays = state["waiting"]
        self._delays = dict(zip(indices.tolist(), delays.tolist(), strict=True))
        self._ended = [(delay, truth) for delay, truth in state["ended"].tolist()]
        self._reference = state["reference"]
        self.standing = state["standing"]


def _delay(row: Row, time_ms: int | None) -> float:
    return _NAN if time_ms is None or row.time_ms is None else float(time_ms - row.time_ms)

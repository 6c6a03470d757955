"""Windows of requests against their reference: filled block by block, compared when full.

Looks are at counted requests only, so how the stream was sliced changes nothing. This file knows nothing of steps,
labels or alarms.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np

from engine.shift.baseline import Baseline, Finding, Names, Table
from engine.shift.old_or_new import ROWS_MAX, old_or_new_auc
from engine.shift.quantiles import normal_quantile
from engine.shift.rules import D3, FROZEN, ShiftRules

FEATURES = "features"
"""What is watched where all features are looked at together."""


class Windows:
    """The reference, and the window that is filling.

    Parameters
    ----------
    rules
        How long both are, and what is looked for.
    names
        The columns that are looked at.

    Attributes
    ----------
    standing
        How far each column was from the reference at the latest look, by its watched name.
    look_count
        How many looks there were.
    """

    def __init__(self, rules: ShiftRules, names: Names) -> None:
        self._rules = rules
        self._names = names
        self._blocks: list[Table] = []
        self._reference: Table | None = None
        self._baseline: Baseline | None = None
        self.standing: dict[str, dict[str, Any]] = {}
        self.look_count = 0

    @property
    def test_count(self) -> int:
        """How many tests a look makes."""
        return self._names.test_count(self._rules.tests) + self._discerns

    @property
    def _discerns(self) -> bool:
        return D3 in self._rules.tests and len(self._names.numbers) > 1

    def add(self, block: Table) -> bool:
        """Take a block; return whether there is a window to look at."""
        self._blocks.append(block)
        filled_count = self.filled_count
        if self._reference is None:
            if filled_count == self._rules.reference_count:
                self._reference = _joined(self._blocks)
                self._blocks = []
            return False
        return filled_count == self._rules.window_count

    @property
    def filled_count(self) -> int:
        """How many requests the window, or before it the reference, holds so far."""
        return sum(block.height for block in self._blocks)

    def look(self, tail: float) -> list[Finding]:
        """Compare the window with the reference and begin another; `tail` is what each test may err."""
        rules, reference, window = self._rules, self._reference, _joined(self._blocks)
        assert reference is not None  # noqa: S101 - no window is full before there is one
        self._blocks = []
        self.look_count += 1
        if self._baseline is None:
            self._baseline = Baseline(reference, self._names, rules.window_count)
        self.standing, findings = self._baseline.compare(window, rules, tail)
        if self._discerns:
            findings += self._discern(reference, window, tail)
        if rules.reference != FROZEN:
            self._reference = _last(_joined([reference, window]), rules.reference_count)
            self._baseline = None
        return findings

    def _discern(self, reference: Table, window: Table, tail: float) -> list[Finding]:
        places = [place for place, _ in self._names.numbers]
        area = old_or_new_auc(reference.numbers[:, places], window.numbers[:, places])
        n, m = min(reference.height, ROWS_MAX), min(window.height, ROWS_MAX)
        # Twice the variance of one AUC: what sets one half apart by chance sets it apart for the other half's weights.
        by_chance = 0.5 + normal_quantile(min(tail, 0.5)) * sqrt((n + m + 1.0) / (6.0 * n * m))
        limit = max(self._rules.d3_auc_min, by_chance)
        self.standing[FEATURES] = {"auc": area}
        return [Finding(FEATURES, D3, area, limit)] if area > limit else []

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data; the columns of scores are named, for contenders come and go."""
        return {
            "scored": [name for _, name in self._names.scores],
            "blocks": [list(block) for block in self._blocks],
            "reference": None if self._reference is None else list(self._reference),
            "standing": self.standing,
            "look_count": self.look_count,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned; a contender that is not in it has no scores there."""
        scored = state["scored"]
        self._blocks = [self._named(Table(*block), scored) for block in state["blocks"]]
        reference = state["reference"]
        self._reference = None if reference is None else self._named(Table(*reference), scored)
        self._baseline = None
        self.standing = state["standing"]
        self.look_count = state["look_count"]

    def _named(self, table: Table, scored: Sequence[str]) -> Table:
        """Return a table with a column of scores for each contender there is now."""
        wanted = [name for _, name in self._names.scores]
        if wanted == list(scored):
            return table
        scores = np.full((table.height, len(wanted)), np.nan)
        for place, name in enumerate(wanted):
            if name in scored:
                scores[:, place] = table.scores[:, scored.index(name)]
        return table._replace(scores=scores)


def _joined(tables: Sequence[Table]) -> Table:
    return Table(*(np.concatenate(parts) for parts in zip(*tables, strict=True)))


def _last(table: Table, count: int) -> Table:
    return Table(*(part[-count:] for part in table))

"""Prequential figures: test, then train — every answer is scored before its label is learned.

A contender adds (answer, target) pairs; figures are read when somebody looks. Three views share one definition: over
everything, over a sliding window, and fading. Adding a pair only appends it; pairs are folded one by one, in order, in
blocks that begin at fixed counts, so no figure depends on how the stream was sliced or when it was read. What each
figure means is said once, in `engine.figures`.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from engine.figures import BinaryTally, MulticlassTally, Pair, RegressionTally, Tally
from engine.messages import Answer, Target
from engine.targets import Task

BLOCK_COUNT = 256
"""Pairs folded at once."""

FADING_FACTOR = 0.999
"""Weight of the past per further event in the fading view: an event 1,000 back counts e^-1."""

_TALLIES: dict[Task, type[Tally]] = {
    Task.BINARY: BinaryTally,
    Task.MULTICLASS: MulticlassTally,
    Task.REGRESSION: RegressionTally,
}


class Prequential:
    """The figures of one contender.

    Parameters
    ----------
    task
        Decides which figures there are.
    window_count
        Events in the sliding window.
    costs
        (false positive, false negative) per event, binary only; adds the figure `cost`.

    Notes
    -----
    Adding is O(1); memory is one window and one block of pairs. Reading is O(window log window), for the ROC curve.
    """

    __slots__ = ("_block", "_costs", "_fading", "_task", "_total", "_window")

    def __init__(self, task: Task, window_count: int, costs: tuple[float, float] | None = None) -> None:
        self._task = task
        self._costs = costs
        self._block: list[Pair] = []
        self._window: deque[Pair] = deque(maxlen=window_count)
        self._total: Tally = _TALLIES[task]()
        self._fading: Tally = _TALLIES[task](1.0 / FADING_FACTOR)

    def add(self, answer: Answer, target: Target) -> None:
        """Score one served answer against its target."""
        block = self._block
        block.append((answer, target))
        if len(block) == BLOCK_COUNT:
            self._fold()

    @property
    def count(self) -> int:
        """How many answers were scored."""
        return self._total.count + len(self._block)

    def read(self) -> dict[str, Any]:
        """Return the figures: those over everything, then `window` and `fading`. Undefined figures are None."""
        total, fading = self._total.copy(), self._fading.copy()
        total.fold(self._block)
        fading.fold(self._block)
        window = _TALLIES[self._task]()
        recent = self._recent()
        window.fold(recent)
        return {
            **total.figures(self._costs),
            "window": {**window.figures(self._costs), **window.ranking(recent)},
            "fading": fading.rates(self._costs),
        }

    def recent_loss(self) -> float | None:
        """Return the mean 0/1 loss (or absolute error) over the sliding window: what a progress line shows."""
        window = _TALLIES[self._task]()
        window.fold(self._recent())
        return window.mean_loss()

    def _recent(self) -> list[Pair]:
        """Return the pairs of the sliding window, oldest first."""
        size = self._window.maxlen or 0
        return [*self._window, *self._block][-size:]

    def _fold(self) -> None:
        """Move a full block into the tallies."""
        self._total.fold(self._block)
        self._fading.fold(self._block)
        self._window.extend(self._block)
        self._block = []

    def copy(self) -> Prequential:
        """Return an independent copy."""
        twin = Prequential(self._task, self._window.maxlen or 0, self._costs)
        twin.restore(self.snapshot())
        return twin

    def snapshot(self) -> list[object]:
        """Return the state as plain data."""
        return [self._total.snapshot(), self._fading.snapshot(), list(self._window), list(self._block)]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        total, fading, window, block = state
        self._total.restore(total)
        self._fading.restore(fading)
        self._window = deque(window, maxlen=self._window.maxlen)
        self._block = list(block)

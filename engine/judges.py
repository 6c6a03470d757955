"""What scores and watches one contender: its figures, its detectors, and the episodes they make.

A judge is shown answers and targets at their moment and gives verdicts; what is done about a verdict is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.drift.budget import BudgetClock
from engine.drift.detector import Verdict
from engine.drift.episodes import Episodes
from engine.messages import Answer, Target
from engine.prequential import Prequential
from engine.tape import Moment
from engine.watching import Timing, Watch


class Verdicted(NamedTuple):
    """A verdict that is not STABLE, and the watch it came from."""

    watch: Watch
    verdict: Verdict


class Judges:
    """The figures, detectors and episodes of one contender.

    Parameters
    ----------
    labelled
        Counts answers as their labels come.
    matured
        Counts them in order of prediction once their label window has closed; the same object where labels come with
        their requests, and None where no window ever closes.
    make_watches
        Returns the detectors, freshly made.
    episodes
        What the changes in the loss are; None where nothing is watched.
    clock
        What an alarm budget is counted by; None where there is none.
    """

    def __init__(
        self,
        labelled: Prequential,
        matured: Prequential | None,
        make_watches: Callable[[], Sequence[Watch]] = tuple,
        episodes: Episodes | None = None,
        clock: BudgetClock | None = None,
    ) -> None:
        self.labelled = labelled
        self.matured = matured
        self.episodes = episodes
        self._clock = clock
        self._make_watches = make_watches
        self.watches: tuple[Watch, ...] = ()
        self.renew()

    @property
    def windowed(self) -> bool:
        """Whether answers mature after they were labelled."""
        return self.matured is not None and self.matured is not self.labelled

    def renew(self) -> None:
        """Watch with fresh detectors: what they would compare with is no more. What was counted of them stays."""
        before = self.watches
        self.watches = tuple(self._make_watches())
        for watch, former in zip(self.watches, before, strict=False):
            if watch.warrant is not None and former.warrant is not None:
                watch.warrant.ledger = former.warrant.ledger
        self._by_timing = {timing: tuple(w for w in self.watches if w.timing is timing) for timing in Timing}

    def show(self, timing: Timing, answer: Answer, target: Target, when: Moment) -> list[Verdicted]:
        """Show an answer to the detectors that are due; return the verdicts that are not STABLE."""
        found = []
        now = None if self._clock is None else self._clock.read(when)
        for watch in self._by_timing[timing]:
            value = watch.read(answer, target)
            if value is not None:
                verdict = watch.detector.update(value)
                if watch.warrant is not None:
                    verdict = watch.warrant.weigh(value, verdict, now)
                if verdict is not Verdict.STABLE:
                    found.append(Verdicted(watch, verdict))
        return found

    def watched(self, timing: Timing) -> bool:
        """Whether any detector is due then."""
        return bool(self._by_timing[timing])

    def fork(self) -> Judges:
        """Return an independent copy of the figures, without the detectors."""
        labelled = self.labelled.copy()
        if self.matured is self.labelled:
            return Judges(labelled, labelled)
        return Judges(labelled, None if self.matured is None else self.matured.copy())

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data; figures that are one object are written once."""
        return {
            "labelled": self.labelled.snapshot(),
            "matured": self.matured.snapshot() if self.windowed else None,  # type: ignore[union-attr]
            "watches": [watch.snapshot() for watch in self.watches],
            "episodes": None if self.episodes is None else self.episodes.snapshot(),
            **({} if self._clock is None else {"clock": self._clock.snapshot()}),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned."""
        self.labelled.restore(state["labelled"])
        if self.windowed:
            self.matured.restore(state["matured"])  # type: ignore[union-attr]
        for watch, watched in zip(self.watches, state["watches"], strict=True):
            watch.restore(watched)
        if self.episodes is not None:
            self.episodes.restore(state["episodes"])
        if self._clock is not None:
            self._clock.restore(state["clock"])

"""What scores and watches one contender: its figures, its detectors, and the episodes they make.

A judge is shown answers and targets at their moment and gives verdicts; what is done about a verdict is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.drift.detector import Verdict
from engine.drift.episodes import Episodes
from engine.messages import Answer, Target
from engine.prequential import Prequential
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
    """

    def __init__(
        self,
        labelled: Prequential,
        matured: Prequential | None,
        make_watches: Callable[[], Sequence[Watch]] = tuple,
        episodes: Episodes | None = None,
    ) -> None:
        self.labelled = labelled
        self.matured = matured
        self.episodes = episodes
        self._make_watches = make_watches
        self.renew()

    @property
    def windowed(self) -> bool:
        """Whether answers mature after they were labelled."""
        return self.matured is not None and self.matured is not self.labelled

    def renew(self) -> None:
        """Watch with fresh detectors: what they would compare with is no more."""
        self.watches = tuple(self._make_watches())
        self._by_timing = {timing: tuple(w for w in self.watches if w.timing is timing) for timing in Timing}

    def show(self, timing: Timing, answer: Answer, target: Target) -> list[Verdicted]:
        """Show an answer to the detectors that are due; return the verdicts that are not STABLE."""
        found = []
        for watch in self._by_timing[timing]:
            value = watch.read(answer, target)
            if value is not None:
                verdict = watch.detector.update(value)
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
            "watches": [watch.detector.snapshot() for watch in self.watches],
            "episodes": None if self.episodes is None else self.episodes.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned."""
        self.labelled.restore(state["labelled"])
        if self.windowed:
            self.matured.restore(state["matured"])  # type: ignore[union-attr]
        for watch, watched in zip(self.watches, state["watches"], strict=True):
            watch.detector.restore(watched)
        if self.episodes is not None:
            self.episodes.restore(state["episodes"])

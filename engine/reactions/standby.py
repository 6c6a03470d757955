"""`standby()`: young models always learn beside the contender, and one takes its place on evidence alone.

No detector is asked: that a model which knows the recent events alone does better on the same events is what drift
means. It finds slow changes that no alarm does, for the price of `life_count / every_count` more models.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil, log
from typing import Any

from engine.errors import ConfigError
from engine.evidence.restarting import Restarting
from engine.reactions.gated import refuse_counts
from engine.reactions.reaction import Entry, Loss, Place, Show
from engine.reactions.rehearsal import Rehearsal, Rival
from engine.tape import Moment, StepKind


@dataclass(frozen=True, slots=True)
class Standby:
    """What standbys keep to.

    Parameters
    ----------
    every_count
        Labels between one young model and the next.
    life_count
        Events on which each is compared, at most; then it is let go. `life_count / every_count` are alive at most.
    alpha
        Probability, at most, that any of those alive at one time takes the place though it is no better.
    """

    every_count: int = 200
    life_count: int = 1_000
    alpha: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what cannot be kept to."""
        if not 0.0 < self.alpha < 1.0:
            msg = f"alpha must be between 0 and 1, got {self.alpha!r}"
            raise ConfigError(msg)
        refuse_counts(self, {"every_count": 1, "life_count": 1})

    def make(self, place: Place, loss: Loss, final: StepKind) -> StandbyReaction:
        """Return the reaction of one contender."""
        return StandbyReaction(self, place, loss, final)


class StandbyReaction:
    """Young models in the wings; who was replaced joins them, so that a swap that did harm is undone."""

    def __init__(self, rules: Standby, place: Place, loss: Loss, final: StepKind) -> None:
        self._rules = rules
        self._place = place
        self._final = final
        self._rehearsal = Rehearsal(loss, final, buffer_count=1, pace=1)
        self._learned = 0
        self._episode: str | None = None
        self._before: Rival | None = None
        self._count_max = ceil(rules.life_count / rules.every_count)
        self._log_threshold = log(self._count_max * rules.life_count / rules.alpha)

    def record(self, entry: Entry, when: Moment) -> None:
        """Take note of a step; let go who is too old, and swap for who is better."""
        rehearsal = self._rehearsal
        rehearsal.record(entry)
        if entry.kind is self._final:
            alive = [r for r in rehearsal.rivals if r.failed is None and r.count < self._rules.life_count]
            if len(alive) < len(rehearsal.rivals):
                rehearsal.rivals = alive
                if self._before not in alive:
                    self._before = None
            best = max(alive, key=_log_e, default=None)
            if best is not None and _log_e(best) >= self._log_threshold:
                self._swap(best, when)
        if entry.kind is StepKind.LEARN:
            self._learned += 1
            # Where labels count long after they came, the wings fill up, and no more come until some have gone.
            if self._learned % self._rules.every_count == 0 and len(rehearsal.rivals) < self._count_max:
                rehearsal.join(_rival(self._place))

    def warn(self, when: Moment) -> None:
        """Wait for evidence."""

    def drift(self, when: Moment, episode: str) -> None:  # noqa: ARG002 - the evidence decides when
        """Remember what a swap would be about."""
        self._episode = episode

    def halt(self, when: Moment) -> None:  # noqa: ARG002 - nobody was told that they are there
        """Let the young ones go."""
        self._rehearsal.clear()
        self._before = None

    def _swap(self, rival: Rival, when: Moment) -> None:
        step = "rolled_back" if rival is self._before else "swapped"
        said = f"mean loss lower by {rival.gain / rival.count:.4f} on the same {rival.count:,} events"
        before = self._place.replace(rival.mind)
        self._place.say(step, when, self._episode, said)
        self._rehearsal.end()
        self._episode = None
        self._before = Rival(before, Restarting(), learns=True)
        self._rehearsal.join(self._before)

    def state(self, show: Show) -> dict[str, Any]:
        """Return the state as plain data."""
        rivals = self._rehearsal.rivals
        return {
            "rehearsal": self._rehearsal.state(show),
            "learned": self._learned,
            "episode": self._episode,
            "before": None if self._before is None else rivals.index(self._before),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self._rehearsal.restore(state["rehearsal"], partial(_rival, self._place))
        self._learned, self._episode = state["learned"], state["episode"]
        self._before = None if state["before"] is None else self._rehearsal.rivals[state["before"]]


def _rival(place: Place) -> Rival:
    return Rival(place.fresh(), Restarting(), learns=True)


def _log_e(rival: Rival) -> float:
    return rival.evidence.log_e  # type: ignore[union-attr]

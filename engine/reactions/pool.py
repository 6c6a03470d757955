"""`pool()`: keep the models of the past, and when the loss has changed try them all beside a fresh one.

Where what has been comes back, the model that knew it is there at once. A model that is tried learns nothing on the
way, so one that is not chosen stays what it was.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Any

from engine.errors import ConfigError
from engine.reactions.gated import refuse_counts
from engine.reactions.reaction import Entry, Loss, Mind, Place, Show
from engine.reactions.rehearsal import Rehearsal, Rival
from engine.tape import Moment, StepKind


@dataclass(frozen=True, slots=True)
class Pool:
    """What a pool keeps to.

    Parameters
    ----------
    size
        Past models kept; past it the oldest is let go.
    audition_count
        Events after the drift on which all are compared, at most.
    lookback_count
        Labels before the drift that the audition begins with: the change came before its alarm.
    lead
        A model takes the place at once when its losses, since any one event, sum to this much less.
    buffer_count
        Steps kept to be taken again.
    pace
        Steps taken again for each new one, at most, by each model.
    """

    size: int = 5
    audition_count: int = 80
    lookback_count: int = 40
    lead: float = 8.0
    buffer_count: int = 1_000
    pace: int = 8

    def __post_init__(self) -> None:
        """Refuse what cannot be kept to."""
        if not 0.0 < self.lead < inf:
            msg = f"lead must be a positive number, got {self.lead!r}"
            raise ConfigError(msg)
        refuse_counts(self, {"size": 1, "audition_count": 1, "lookback_count": 0, "buffer_count": 1, "pace": 2})

    def make(self, place: Place, loss: Loss, final: StepKind) -> PoolReaction:
        """Return the reaction of one contender."""
        return PoolReaction(self, place, loss, final)


class PoolReaction:
    """Auditions at each drift: who leads clearly takes the place at once, and the best at the end, if any is better."""

    def __init__(self, rules: Pool, place: Place, loss: Loss, final: StepKind) -> None:
        self._rules = rules
        self._place = place
        self._rehearsal = Rehearsal(loss, final, buffer_count=rules.buffer_count, pace=rules.pace)
        self._past: deque[Mind] = deque(maxlen=rules.size)
        self._episode: str | None = None

    def record(self, entry: Entry, when: Moment) -> None:
        """Take note of a step; choose, once enough have been compared."""
        rehearsal = self._rehearsal
        rehearsal.record(entry)
        if rehearsal.rivals and rehearsal.is_live:
            able = [rival for rival in rehearsal.rivals if rival.failed is None and rival.count]
            leader = max(able, key=_lead, default=None)
            if leader is not None and leader.lead >= self._rules.lead:
                self._choose(leader, when)
            elif self._is_over():
                best = max(able, key=_mean_gain, default=None)
                self._choose(None if best is None or best.gain <= 0.0 else best, when)

    def _is_over(self) -> bool:
        rivals, rules = self._rehearsal.rivals, self._rules
        compared = max(rival.count for rival in rivals)
        return compared >= rules.lookback_count + rules.audition_count or all(rival.failed for rival in rivals)

    def warn(self, when: Moment) -> None:
        """Wait for the drift."""

    def drift(self, when: Moment, episode: str) -> None:
        """Begin an audition, unless one is on."""
        if not self._rehearsal.rivals:
            self._episode = episode
            fresh = Rival(self._place.fresh(), None, learns=True)
            past = [Rival(mind, None, learns=False) for mind in self._past]
            self._rehearsal.begin([fresh, *past], self._rules.lookback_count)
            said = f"a fresh model and {len(past)} of the past are tried"
            self._place.say("forked", when, episode, said)

    def halt(self, when: Moment) -> None:
        """End the audition; the models of the past stay."""
        if self._rehearsal.rivals:
            self._place.say("kept", when, self._episode, "the contender was benched")
        self._rehearsal.clear()

    def _choose(self, best: Rival | None, when: Moment) -> None:
        fresh, *past = self._rehearsal.rivals
        failed = [rival.mind for rival in past if rival.failed is not None]
        self._past = deque((mind for mind in self._past if mind not in failed), self._rules.size)
        self._rehearsal.end()
        if best is None:
            self._place.say("kept", when, self._episode, f"none of {len(past) + 1} others did better")
            return
        gain = f"its losses sum to {best.lead:.1f} less since it began to lead, within {best.count:,} events"
        before = self._place.replace(best.mind)
        if best is fresh:
            self._place.say("reset", when, self._episode, f"a fresh model: {gain}")
        else:
            self._past = deque((mind for mind in self._past if mind is not best.mind), self._rules.size)
            self._place.say("reinstated", when, self._episode, f"a model of the past: {gain}")
            self._place.mark_recurring()
        self._past.append(before)

    def state(self, show: Show) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "past": [mind.state(show) for mind in self._past],
            "episode": self._episode,
            "rehearsal": self._rehearsal.state(show),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self._past.clear()
        for each in state["past"]:
            mind = self._place.fresh()
            mind.restore(each)
            self._past.append(mind)
        self._episode = state["episode"]
        # While an audition is on, the models tried after the fresh one are those of the pool.
        minds = iter([self._place.fresh(), *self._past])
        self._rehearsal.restore(state["rehearsal"], partial(_rival, minds))


def _rival(minds: Any) -> Rival:
    return Rival(next(minds), None, learns=False)


def _lead(rival: Rival) -> float:
    return rival.lead


def _mean_gain(rival: Rival) -> float:
    return rival.gain / rival.count

"""`pool()`: keep the models of the past, and when the loss has changed try them all beside a fresh one.

Where what has been comes back, the model that knew it is there at once. A model that is tried learns nothing on the
way, so one that is not chosen stays what it was.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Any

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
        Events on which all are compared.
    lookback_count
        Labels before the drift that the audition begins with.
    buffer_count
        Steps kept to be taken again.
    pace
        Steps taken again for each new one, at most, by each model.
    """

    size: int = 5
    audition_count: int = 40
    lookback_count: int = 40
    buffer_count: int = 1_000
    pace: int = 8

    def __post_init__(self) -> None:
        """Refuse what cannot be kept to."""
        refuse_counts(self, {"size": 1, "audition_count": 1, "lookback_count": 0, "buffer_count": 1, "pace": 2})

    def make(self, place: Place, loss: Loss, final: StepKind) -> PoolReaction:
        """Return the reaction of one contender."""
        return PoolReaction(self, place, loss, final)


class PoolReaction:
    """Auditions at each drift: the best on the events since then takes the place, if it is better than who has it."""

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
            compared = max(rival.count for rival in rehearsal.rivals)
            if compared >= self._rules.audition_count or all(rival.failed for rival in rehearsal.rivals):
                self._choose(when)

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

    def _choose(self, when: Moment) -> None:
        fresh, *past = self._rehearsal.rivals
        failed = [rival.mind for rival in past if rival.failed is not None]
        self._past = deque((mind for mind in self._past if mind not in failed), self._rules.size)
        able = [rival for rival in (*past, fresh) if rival.failed is None and rival.count]
        best = max(able, key=_mean_gain, default=fresh)
        self._rehearsal.end()
        if not able or best.gain <= 0.0:
            self._place.say("kept", when, self._episode, f"none of {len(past) + 1} others did better")
            return
        gain = f"mean loss lower by {_mean_gain(best):.4f} on the same {best.count:,} events"
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


def _mean_gain(rival: Rival) -> float:
    return rival.gain / rival.count

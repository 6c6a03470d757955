"""`gated()`: prepare another model when the loss may be changing, and swap only on evidence that it is better.

idle --warning or drift--> trial: a fresh model takes the recent steps again, then follows
trial --drift confirmed, and evidence--> swapped; probation: the old model follows in turn
trial --`trial_count` events, or none confirmed it--> dropped; idle
probation --evidence for the old model--> rolled back; idle
probation --`trial_count` events, or the next drift--> kept; idle (or the next trial)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import log
from typing import Any

from engine.errors import ConfigError
from engine.evidence.restarting import Restarting
from engine.reactions.reaction import Entry, Loss, Place, Show
from engine.reactions.rehearsal import Rehearsal, Rival
from engine.tape import Moment, StepKind


class Stage(StrEnum):
    """Where a gated reaction stands."""

    IDLE = "idle"
    TRIAL = "trial"
    PROBATION = "probation"


@dataclass(frozen=True, slots=True)
class Gated:
    """What a gated reaction keeps to.

    Parameters
    ----------
    alpha
        Probability of a swap for a model that is no better, per trial, at most.
    lookback_count
        Labels, before the warning, that the new model learns first.
    trial_count
        Events compared in a trial or a probation, at most.
    buffer_count
        Steps kept to be taken again.
    pace
        Steps taken again for each new one, at most.
    """

    alpha: float = 0.05
    lookback_count: int = 200
    trial_count: int = 2_000
    buffer_count: int = 4_000
    pace: int = 4

    def __post_init__(self) -> None:
        """Refuse what cannot be kept to."""
        if not 0.0 < self.alpha < 1.0:
            msg = f"alpha must be between 0 and 1, got {self.alpha!r}"
            raise ConfigError(msg)
        refuse_counts(self, {"lookback_count": 0, "trial_count": 1, "buffer_count": 1, "pace": 2})

    def make(self, place: Place, loss: Loss, final: StepKind) -> GatedReaction:
        """Return the reaction of one contender."""
        return GatedReaction(self, place, loss, final)


class GatedReaction:
    """Warm and gated.

    Notes
    -----
    The evidence is a Shiryaev-Roberts process over the trial, whose expected value after n events under no difference
    is n: it reaches `trial_count / alpha` with probability `alpha` at most, whenever it is looked at. It lets the early
    events go, in which a young model loses.
    """

    def __init__(self, rules: Gated, place: Place, loss: Loss, final: StepKind) -> None:
        self._rules = rules
        self._place = place
        self._rehearsal = Rehearsal(loss, final, buffer_count=rules.buffer_count, pace=rules.pace)
        self._log_threshold = log(rules.trial_count / rules.alpha)
        self._stage = Stage.IDLE
        self._episode: str | None = None

    def record(self, entry: Entry, when: Moment) -> None:
        """Take note of a step, and judge the rival."""
        self._rehearsal.record(entry)
        if self._stage is not Stage.IDLE:
            self._judge(self._rehearsal.rivals[0], when)

    def warn(self, when: Moment) -> None:
        """Begin a trial."""
        if self._stage is Stage.IDLE:
            self._begin("the loss may be rising", when)

    def drift(self, when: Moment, episode: str) -> None:
        """Let the trial, which begins now if it has not yet, end in a swap."""
        if self._stage is Stage.PROBATION:
            self._leave("kept", "the loss has risen again before the model before it proved better", when)
        if self._stage is Stage.IDLE:
            self._begin("the loss has risen", when)
        self._episode = episode

    def halt(self, when: Moment) -> None:
        """End the trial, or the probation."""
        if self._stage is not Stage.IDLE:
            self._leave("dropped" if self._stage is Stage.TRIAL else "kept", "the contender was benched", when)
        self._rehearsal.clear()

    def _begin(self, why: str, when: Moment) -> None:
        rules = self._rules
        rival = Rival(self._place.fresh(), Restarting(), learns=True)
        self._rehearsal.begin([rival], rules.lookback_count)
        self._stage = Stage.TRIAL
        self._place.say("forked", when, self._episode, f"{why}: a fresh model learns from the recent events")

    def _judge(self, rival: Rival, when: Moment) -> None:
        if rival.failed is not None:
            step = "dropped" if self._stage is Stage.TRIAL else "kept"
            self._leave(step, f"the other model failed ({rival.failed})", when)
            return
        if not self._rehearsal.is_live:
            return
        better = rival.evidence is not None and rival.evidence.log_e >= self._log_threshold
        confirmed = self._stage is Stage.PROBATION or self._episode is not None
        if better and confirmed:
            self._swap(rival, when)
        elif rival.count >= self._rules.trial_count:
            in_trial = self._stage is Stage.TRIAL
            self._leave("dropped" if in_trial else "kept", f"no evidence in {rival.count:,} events for the other", when)

    def _swap(self, rival: Rival, when: Moment) -> None:
        gain = rival.gain / rival.count
        before = self._place.replace(rival.mind)
        said = f"mean loss lower by {gain:.4f} on the same {rival.count:,} events"
        if self._stage is Stage.PROBATION:
            self._leave("rolled_back", said, when)
            return
        self._place.say("swapped", when, self._episode, said)
        self._stage = Stage.PROBATION
        self._rehearsal.end()
        self._rehearsal.join(Rival(before, Restarting(), learns=True))

    def _leave(self, step: str, why: str, when: Moment) -> None:
        self._place.say(step, when, self._episode, why)
        self._rehearsal.end()
        self._stage, self._episode = Stage.IDLE, None

    def state(self, show: Show) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"stage": self._stage.value, "episode": self._episode, "rehearsal": self._rehearsal.state(show)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self._stage, self._episode = Stage(state["stage"]), state["episode"]
        self._rehearsal.restore(state["rehearsal"], partial(_rival, self._place))


def _rival(place: Place) -> Rival:
    return Rival(place.fresh(), Restarting(), learns=True)


def refuse_counts(rules: object, least: dict[str, int]) -> None:
    """Refuse a count that is no whole number, or less than it may be."""
    for name, minimum in least.items():
        value = getattr(rules, name)
        if type(value) is not int or value < minimum:
            msg = f"{name} must be a whole number of at least {minimum}, got {value!r}"
            raise ConfigError(msg)

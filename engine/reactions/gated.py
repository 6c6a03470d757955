"""`gated()`: prepare another model when the loss may be changing, and swap only on evidence that it is better.

idle --warning or drift--> trial: a fresh model takes the recent steps again, then follows
trial --drift--> confirmed: from here on others join, which know nothing from before
trial --confirmed, and evidence--> swapped; probation: the old model follows in turn, and young ones join as before
trial --all had their `trial_count` events--> dropped; idle
probation --evidence for a young model--> swapped again
probation --evidence for the old model--> rolled back; idle
probation --all had their `trial_count` events--> kept; idle
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from math import ceil, log
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
        Probability of a swap for a model that is no better, per `rival_count` models tried, at most.
    lookback_count
        Labels, before the warning, that the new model learns first: few, for what was before the change misleads it.
    trial_count
        Events on which a model is compared, in a trial or a probation, at most.
    rival_count
        Models on trial at one time, at most. After a drift or a swap one more joins, and others for `trial_count`
        labels at intervals of `trial_count / rival_count`: who knows only what is now may do better.
    buffer_count
        Steps kept to be taken again.
    pace
        Steps taken again for each new one, at most.
    """

    alpha: float = 0.05
    lookback_count: int = 50
    trial_count: int = 1_000
    rival_count: int = 5
    buffer_count: int = 4_000
    pace: int = 4

    def __post_init__(self) -> None:
        """Refuse what cannot be kept to."""
        if not 0.0 < self.alpha < 1.0:
            msg = f"alpha must be between 0 and 1, got {self.alpha!r}"
            raise ConfigError(msg)
        refuse_counts(self, {"lookback_count": 0, "trial_count": 1, "rival_count": 1, "buffer_count": 1, "pace": 2})

    def make(self, place: Place, loss: Loss, final: StepKind) -> GatedReaction:
        """Return the reaction of one contender."""
        return GatedReaction(self, place, loss, final)


class GatedReaction:
    """Warm and gated.

    Notes
    -----
    The evidence is a Shiryaev-Roberts process over the trial, whose expected value after n events under no difference
    is n: it reaches `trial_count rival_count / alpha` with probability `alpha / rival_count` at most, whenever it is
    looked at. It lets the early events go, in which a young model loses.
    """

    def __init__(self, rules: Gated, place: Place, loss: Loss, final: StepKind) -> None:
        self._rules = rules
        self._place = place
        self._rehearsal = Rehearsal(loss, final, buffer_count=rules.buffer_count, pace=rules.pace)
        self._log_threshold = log(rules.trial_count * rules.rival_count / rules.alpha)
        self._stage = Stage.IDLE
        self._episode: str | None = None
        self._fork_due = False
        self._labels = 0
        self._before: Rival | None = None

    def record(self, entry: Entry, when: Moment) -> None:
        """Take note of a step, and judge the rival."""
        self._rehearsal.record(entry)
        if self._stage is Stage.IDLE:
            return
        if entry.kind is StepKind.LEARN and self._episode is not None:
            self._labels += 1
            spacing = ceil(self._rules.trial_count / self._rules.rival_count)
            self._fork_due |= self._labels < self._rules.trial_count and self._labels % spacing == 0
        self._judge(when)

    def warn(self, when: Moment) -> None:
        """Begin a trial."""
        if self._stage is Stage.IDLE:
            self._begin("the loss may be rising", when)

    def drift(self, when: Moment, episode: str) -> None:
        """Let the trial, which begins now if it has not yet, end in a swap."""
        if self._stage is Stage.IDLE:
            self._begin("the loss has risen", when)
        self._episode = episode
        self._fork_due = self._rules.rival_count > 1
        self._labels = 0

    def halt(self, when: Moment) -> None:
        """End the trial, or the probation."""
        if self._stage is not Stage.IDLE:
            self._leave("dropped" if self._stage is Stage.TRIAL else "kept", "the contender was benched", when)
        self._rehearsal.clear()

    def _begin(self, why: str, when: Moment) -> None:
        rules = self._rules
        self._rehearsal.begin([_rival(self._place)], rules.lookback_count)
        self._stage = Stage.TRIAL
        self._place.say("forked", when, self._episode, f"{why}: a fresh model learns from the recent events")

    def _judge(self, when: Moment) -> None:
        """Let go who failed or had its time, swap for who is proved better, and fork where a drift asked for it."""
        rehearsal, rules = self._rehearsal, self._rules
        rivals = rehearsal.rivals
        able = [rival for rival in rivals if rival.failed is None and rival.count < rules.trial_count]
        best = max(rivals, key=_log_e)
        if rehearsal.is_live:
            if self._episode is not None and best.failed is None and _log_e(best) >= self._log_threshold:
                self._swap(best, when)
                return
            if self._fork_due:
                self._fork_due = False
                young = [rival for rival in able if rival is not self._before]
                room = rules.rival_count - 1 - (len(able) - len(young))
                able = [rival for rival in able if rival is self._before] + young[max(0, len(young) - room) :]
                able.append(_rival(self._place))
        if not able:
            gone = rivals[-1]
            said = f"no evidence in {gone.count:,} events for the other"
            if gone.failed is not None:
                said = f"the other model failed ({gone.failed})"
            self._leave("dropped" if self._stage is Stage.TRIAL else "kept", said, when)
        elif able != rivals:
            rehearsal.rivals = able
            if self._before not in able:
                self._before = None

    def _swap(self, rival: Rival, when: Moment) -> None:
        gain = rival.gain / rival.count
        before = self._place.replace(rival.mind)
        said = f"mean loss lower by {gain:.4f} on the same {rival.count:,} events"
        if rival is self._before:
            self._leave("rolled_back", said, when)
            return
        self._place.say("swapped", when, self._episode, said)
        self._stage = Stage.PROBATION
        self._fork_due, self._labels = self._rules.rival_count > 1, 0
        self._before = Rival(before, Restarting(), learns=True)
        self._rehearsal.end()
        self._rehearsal.join(self._before)

    def _leave(self, step: str, why: str, when: Moment) -> None:
        self._place.say(step, when, self._episode, why)
        self._rehearsal.end()
        self._stage, self._episode, self._before = Stage.IDLE, None, None
        self._fork_due, self._labels = False, 0

    def state(self, show: Show) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "stage": self._stage.value,
            "episode": self._episode,
            "fork_due": self._fork_due,
            "labels": self._labels,
            "before": None if self._before is None else self._rehearsal.rivals.index(self._before),
            "rehearsal": self._rehearsal.state(show),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self._stage, self._episode = Stage(state["stage"]), state["episode"]
        self._fork_due, self._labels = state["fork_due"], state["labels"]
        self._rehearsal.restore(state["rehearsal"], partial(_rival, self._place))
        self._before = None if state["before"] is None else self._rehearsal.rivals[state["before"]]


def _rival(place: Place) -> Rival:
    return Rival(place.fresh(), Restarting(), learns=True)


def _log_e(rival: Rival) -> float:
    return rival.evidence.log_e  # type: ignore[union-attr]


def refuse_counts(rules: object, least: dict[str, int]) -> None:
    """Refuse a count that is no whole number, or less than it may be."""
    for name, minimum in least.items():
        value = getattr(rules, name)
        if type(value) is not int or value < minimum:
            msg = f"{name} must be a whole number of at least {minimum}, got {value!r}"
            raise ConfigError(msg)

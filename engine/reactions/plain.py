"""`reset()` and `forget()`: what can be done at once, on the word of the detector alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engine.errors import ConfigError
from engine.reactions.reaction import Entry, Loss, Place, Show
from engine.tape import Moment, StepKind


@dataclass(frozen=True, slots=True)
class Reset:
    """At a drift, begin with a model that has learned nothing."""

    def make(self, place: Place, loss: Loss, final: StepKind) -> PlainReaction:  # noqa: ARG002 - all are made alike
        """Return the reaction of one contender."""
        return PlainReaction(place, None)


@dataclass(frozen=True, slots=True)
class Forget:
    """At a drift, have the model keep a share of what it has learned.

    Parameters
    ----------
    keep
        The share, in [0, 1).
    """

    keep: float = 0.1

    def __post_init__(self) -> None:
        """Refuse a share that is none."""
        if not 0.0 <= self.keep < 1.0:
            msg = f"keep must be at least 0 and less than 1, got {self.keep!r}"
            raise ConfigError(msg)

    def make(self, place: Place, loss: Loss, final: StepKind) -> PlainReaction:  # noqa: ARG002 - all are made alike
        """Return the reaction of one contender."""
        return PlainReaction(place, self.keep)


class PlainReaction:
    """Resets the model, or has it forget; it remembers nothing and asks for no proof."""

    def __init__(self, place: Place, keep: float | None) -> None:
        self._place = place
        self._keep = keep

    def record(self, entry: Entry, when: Moment) -> None:
        """Take no note."""

    def warn(self, when: Moment) -> None:
        """Wait for the drift."""

    def drift(self, when: Moment, episode: str) -> None:
        """Do it."""
        if self._keep is None:
            self._place.replace(self._place.fresh())
            self._place.say("reset", when, episode, "begins anew")
        else:
            self._place.forget(self._keep)
            self._place.say("forgot", when, episode, f"keeps {self._keep:.0%} of what it had learned")

    def halt(self, when: Moment) -> None:
        """Have nothing to let go of."""

    def state(self, show: Show) -> dict[str, Any]:  # noqa: ARG002 - there is no model here
        """Return nothing: there is no state."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Take nothing back."""

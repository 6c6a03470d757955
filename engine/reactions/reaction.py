"""The protocol of reactions, and the place of a contender as they see it.

A reaction is told of every step that its contender took, and of what the detectors made of its loss. What it does, it
does to the contender's place: it puts another model there, and says so. It knows no other contender, no detector, no
slices and no clock; all it does is a function of the steps, in order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, TypeAlias

from engine.decision import Decide
from engine.messages import Answer, Features, Target
from engine.models.model import Model
from engine.tape import Moment, StepKind

Show: TypeAlias = Callable[[Model], object]
"""Returns a model's state as plain data: its snapshot, or what stands for it in a digest."""

Loss: TypeAlias = Callable[[Answer, Target], float]
"""A loss between 0 and 1: what two models are compared by."""


class Entry(NamedTuple):
    """A step that the contender took: what it saw, and on a step that counts the answer it had served."""

    kind: StepKind
    row_index: int
    x: Features | None
    target: Target | None
    answer: Answer | None


class Mind(NamedTuple):
    """A model, and what turns its probabilities into decisions; None keeps the model's own."""

    model: Model
    decide: Decide | None

    def answer(self, x: Features) -> Answer:
        """Return what the two say of a request."""
        answer = self.model.predict(x)
        return answer if self.decide is None else (self.decide(answer[1]), answer[1])  # type: ignore[arg-type]

    def state(self, show: Show) -> list[object]:
        """Return the state as plain data."""
        return [show(self.model), None if self.decide is None else self.decide.snapshot()]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned, shown as a snapshot."""
        self.model.restore(state[0])
        if self.decide is not None:
            self.decide.restore(state[1])


class Place(Protocol):
    """The contender's place."""

    def fresh(self) -> Mind:
        """Return a model that has learned nothing, made as the first one was."""
        ...

    def replace(self, mind: Mind) -> Mind:
        """Have another model answer and learn from here, watched by fresh detectors; return the one before."""
        ...

    def forget(self, keep: float) -> None:
        """Have the model keep this share of what it has learned."""
        ...

    def say(self, step: str, when: Moment, episode: str | None, reason: str) -> None:
        """Report a step: see `engine.messages.Reaction`."""
        ...

    def mark_recurring(self) -> None:
        """Say that what is now has been before."""
        ...


class Reaction(Protocol):
    """What is done about a drift."""

    def record(self, entry: Entry, when: Moment) -> None:
        """Take note of a step after the contender took it."""
        ...

    def warn(self, when: Moment) -> None:
        """Be told that the loss may be changing."""
        ...

    def drift(self, when: Moment, episode: str) -> None:
        """Be told that the loss has changed."""
        ...

    def halt(self, when: Moment) -> None:
        """Let go of what is on trial: the contender is benched, and takes no steps until it is back."""
        ...

    def state(self, show: Show) -> dict[str, Any]:
        """Return the state as plain data."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned, shown as a snapshot."""
        ...

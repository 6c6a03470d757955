"""The protocol every model keeps, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol, runtime_checkable

from engine.errors import SnapshotError
from engine.messages import Answer, Features, Target


class Model(Protocol):
    """Answers before it learns, and never both at once.

    A model owns its state alone. `predict` changes nothing that a later answer depends on. Both may raise; the
    contender that holds the model decides what that means.
    """

    def predict(self, x: Features) -> Answer:
        """Return (decision, score): see `engine.messages.Answer` for what each task's score is."""
        ...

    def learn(self, x: Features, target: Target, weight: float) -> None:
        """Learn one example. `weight` is positive; 1.0 is one event's worth."""
        ...

    def snapshot(self) -> object:
        """Return the state as plain data: None, bool, int, float, str, bytes, list, tuple and dict of these."""
        ...

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned: from here on both continue identically."""
        ...


class Act(NamedTuple):
    """One step of a run: a question where `target` is None, else an example."""

    x: Features
    target: Target | None = None
    weight: float = 1.0


@runtime_checkable
class Runs(Protocol):
    """A model that takes many steps at once for less than they cost one by one, and with the same result."""

    def run(self, acts: Iterable[Act], answers: list[Answer]) -> None:
        """Take steps in order, and append the answers to the questions among them.

        Where one raises, those before it are taken and answered, and no other is asked for.
        """
        ...


@runtime_checkable
class Forgets(Protocol):
    """A model that can let go of a part of what it has learned, without beginning anew."""

    def forget(self, keep: float) -> None:
        """Have what was learned so far weigh `keep` times as much, in [0, 1)."""
        ...


@runtime_checkable
class Explains(Protocol):
    """A model that can say what each feature does to an answer."""

    def explain(self, x: Features) -> dict[str, float]:
        """Return what each feature adds to the score or to its log odds: the model says which."""
        ...

    def explain_base(self, x: Features) -> float:
        """Return what these values are added to; with it they sum to the score or to its log odds."""
        ...


def fingerprint_of(model: Model) -> object:
    """Return what stands for a model's state in a digest: its snapshot or, where it can give none, its content.

    Every model has a fingerprint, also one whose state cannot be made durable.
    """
    try:
        return model.snapshot()
    except SnapshotError:
        from engine.object_state import fingerprint

        return {"content": fingerprint(model)}

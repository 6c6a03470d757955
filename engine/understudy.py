"""The understudy: the last rung of the ladder, too simple to fail.

It learns every label that the champion learns, and answers only while no contender can. It is judged by nobody: what it
answers counts among the answers that were served.
"""

from __future__ import annotations

from typing import Any

from engine.decision import Decide
from engine.messages import Answer
from engine.models.model import Model
from engine.tape import Moment, Row, Step

UNDERSTUDY = "understudy"
"""Its name, which no contender may have."""


class Understudy:
    """The majority, or the mean, in the wings.

    Parameters
    ----------
    model
        Reads no features, so that it needs no view of them.
    decide
        Turns the probability of the positive class into a decision; None keeps the model's own.

    Attributes
    ----------
    version
        As a contender's.
    """

    name = UNDERSTUDY

    def __init__(self, model: Model, *, decide: Decide | None = None) -> None:
        self.model = model
        self.version = 0
        self._decide = decide

    def answer(self, row: Row, when: Moment) -> Answer:  # noqa: ARG002 - the signature of a contender's
        """Answer a request: this one always can."""
        decision, score = self.model.predict(row.x)  # type: ignore[arg-type]
        return (decision if self._decide is None else self._decide(score)), score  # type: ignore[arg-type]

    def learn(self, step: Step) -> None:
        """Learn a label, as every contender does."""
        _, row, target, when = step
        self.model.learn(row.x, target, 1.0)  # type: ignore[arg-type]
        self.version = when.position + 1

    def version_at(self, row: Row) -> int:  # noqa: ARG002 - the signature of a contender's
        """Return in which version it answered a request, just now."""
        return self.version

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        decide = None if self._decide is None else self._decide.snapshot()
        return {"model": self.model.snapshot(), "decide": decide, "version": self.version}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned."""
        self.model.restore(state["model"])
        self.version = state["version"]
        if self._decide is not None:
            self._decide.restore(state["decide"])

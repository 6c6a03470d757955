"""Takes a stretch of the tape in one run of a model, and hands its answers out step by step.

For a contender whose model nothing replaces in the middle of a stretch: what is made of the answers cannot change any
of them, so all can be had first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.messages import Answer, Features, Target
from engine.models.model import Act, Runs


class Ahead:
    """A model in its contender's eyes, for the steps of one stretch and in their order.

    Parameters
    ----------
    model
        Has taken all the steps when this is made, or those before the one that raised.
    acts
        The steps.
    """

    def __init__(self, model: Runs, acts: Iterable[Act]) -> None:
        self._error: Exception | None = None
        self._asked = 0
        answers: list[Answer] = []
        try:
            model.run(self._counted(acts), answers)
        except Exception as error:  # noqa: BLE001 - it is raised where its step is
            self._error = error
        self._left = self._asked - 1 if self._error is not None else -1
        self._answers = iter(answers)

    def _counted(self, acts: Iterable[Act]) -> Iterator[Act]:
        for act in acts:
            self._asked += 1
            yield act

    def _pass(self) -> None:
        """Go on to the next step, and raise what it raised."""
        if self._left == 0 and self._error is not None:
            raise self._error
        self._left -= 1

    def predict(self, x: Features) -> Answer:  # noqa: ARG002 - the model has been shown it
        """Return the next answer."""
        self._pass()
        return next(self._answers)

    def learn(self, x: Features, target: Target, weight: float) -> None:  # noqa: ARG002 - the model has been shown it
        """Pass the next example, which has been learned."""
        self._pass()

"""CBPE: how well a contender does, from its probabilities alone, before any label has come.

Where probabilities mean what they say, an alert at p is right with probability p. Four running sums give the expected
confusion, and with it accuracy, precision, recall and F1. It holds under a shift of the features, not under a change of
what they mean: that is what the gap to the realised figure is for.
"""

from __future__ import annotations

from typing import Any

from engine.messages import Answer, Target
from engine.watching import loss


class Expected:
    """The expected confusion of one contender's answers, in a binary task.

    Attributes
    ----------
    true_positive, false_positive, false_negative, true_negative : float
        Sums of p, 1 - p, p and 1 - p over the answers that alert, and that do not.
    """

    __slots__ = ("false_negative", "false_positive", "true_negative", "true_positive")

    def __init__(self) -> None:
        self.true_positive = self.false_positive = self.false_negative = self.true_negative = 0.0

    def add(self, answer: Answer) -> None:
        """Take one answer."""
        decision, p = answer
        if decision is True:
            self.true_positive += p  # type: ignore[operator]
            self.false_positive += 1.0 - p  # type: ignore[operator]
        else:
            self.false_negative += p  # type: ignore[operator]
            self.true_negative += 1.0 - p  # type: ignore[operator]

    def figures(self) -> dict[str, float | None]:
        """Return what is expected; what would divide by nothing is None."""
        tp, fp, fn, tn = self.true_positive, self.false_positive, self.false_negative, self.true_negative
        return {
            "accuracy": _ratio(tp + tn, tp + fp + fn + tn),
            "precision": _ratio(tp, tp + fp),
            "recall": _ratio(tp, tp + fn),
            "f1": _ratio(2.0 * tp, 2.0 * tp + fp + fn),
        }

    def snapshot(self) -> list[float]:
        """Return the four sums."""
        return [self.true_positive, self.false_positive, self.false_negative, self.true_negative]

    def restore(self, state: list[float]) -> None:
        """Take back what `snapshot` returned."""
        self.true_positive, self.false_positive, self.false_negative, self.true_negative = state


class Estimate:
    """What is expected of one contender, and how that compares with what came.

    Notes
    -----
    `window` in what is read is the latest whole one, or the reference before the first look. The gap is over events
    that count as evidence: what their answers lost, less what they were expected to lose.
    """

    def __init__(self) -> None:
        self._all = Expected()
        self._window = Expected()
        self._looked: Expected | None = None
        self._evident = Expected()
        self._lost = 0.0
        self._count = 0

    def answered(self, answer: Answer) -> None:
        """Take an answer as it is given."""
        self._all.add(answer)
        self._window.add(answer)

    def counted(self, answer: Answer, target: Target) -> None:
        """Take an answer whose truth counts from here on."""
        self._evident.add(answer)
        self._lost += loss(answer, target)
        self._count += 1

    def look(self) -> None:
        """End the window."""
        self._looked, self._window = self._window, Expected()

    def read(self) -> dict[str, Any]:
        """Return the estimates, over everything and over the latest whole window, and the gap."""
        matured = self._evident.figures()
        expected_loss = None if matured["accuracy"] is None else 1.0 - matured["accuracy"]
        realised_loss = _ratio(self._lost, float(self._count))
        return {
            **self._all.figures(),
            "window": None if self._looked is None else self._looked.figures(),
            "matured": {
                **matured,
                "count": self._count,
                "expected_loss": expected_loss,
                "realised_loss": realised_loss,
                "gap": None if expected_loss is None or realised_loss is None else realised_loss - expected_loss,
            },
        }

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        looked = None if self._looked is None else self._looked.snapshot()
        sums = [self._all.snapshot(), self._window.snapshot(), looked, self._evident.snapshot()]
        return [*sums, self._lost, self._count]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        everything, window, looked, evident, self._lost, self._count = state
        self._all.restore(everything)
        self._window.restore(window)
        self._evident.restore(evident)
        self._looked = None
        if looked is not None:
            self._looked = Expected()
            self._looked.restore(looked)


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None

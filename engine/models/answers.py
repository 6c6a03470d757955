"""The few answers every task shares: what an untrained model says, what a certain one says, and the argmax.

Pure functions of a task and a target. Nothing here holds state or knows a model.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.messages import Answer, Target
from engine.targets import Task


def untrained(task: Task) -> Answer:
    """Return what a model says before it has seen anything.

    >>> untrained(Task.BINARY), untrained(Task.MULTICLASS), untrained(Task.REGRESSION)
    ((False, 0.5), (None, {}), (0.0, 0.0))
    """
    if task is Task.BINARY:
        return False, 0.5
    if task is Task.MULTICLASS:
        return None, {}
    return 0.0, 0.0


def certain(task: Task, target: Target) -> Answer:
    """Return the answer of a model that has no doubt.

    >>> certain(Task.BINARY, True), certain(Task.MULTICLASS, "spam"), certain(Task.REGRESSION, 2.5)
    ((True, 1.0), ('spam', {'spam': 1.0}), (2.5, 2.5))
    """
    if task is Task.BINARY:
        return bool(target), 1.0 if target else 0.0
    if task is Task.MULTICLASS:
        return target, {target: 1.0}
    value = float(target)
    return value, value


def argmax(weights: Mapping[Target, float]) -> Target | None:
    """Return the class of the greatest weight, the first of equals as River does; None where there is no class."""
    return max(weights, key=weights.__getitem__) if weights else None

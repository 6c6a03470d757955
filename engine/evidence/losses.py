"""Losses that can be compared: what one answer cost, between 0 and 1.

Pure functions of an answer as served and its target. Evidence is about the mean of these, so what is named here is what
"better" means; a loss without a bound is clipped to a named range, and the clipped loss is what is tested.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TypeAlias

from engine.errors import ConfigError
from engine.messages import Answer, Target
from engine.values import show_value

Loss: TypeAlias = Callable[[Answer, Target], float]
"""Called once per contender and matured event, in order."""

LOSSES = ("zero_one", "brier", "cost_weighted", "absolute_clipped")


def zero_one(answer: Answer, target: Target) -> float:
    """Return 1 where the decision is wrong, and 0 where it is right; for classes of any number.

    >>> zero_one((True, 0.9), False), zero_one(("ham", {}), "ham")
    (1.0, 0.0)
    """
    return 0.0 if answer[0] == target else 1.0


def brier(answer: Answer, target: Target) -> float:
    """Return the squared distance of a binary answer's probability from what came true.

    >>> brier((True, 0.75), False)
    0.5625
    """
    distance = answer[1] - (1.0 if target else 0.0)  # type: ignore[operator]
    return distance * distance


def cost_weighted(false_positive: float, false_negative: float) -> Loss:
    """Return the 0/1 loss of binary decisions in which each error weighs its cost, the dearer one 1.

    >>> loss = cost_weighted(1.0, 10.0)
    >>> loss((True, 0.9), False), loss((False, 0.4), True), loss((True, 0.9), True)
    (0.1, 1.0, 0.0)
    """
    dearer = max(false_positive, false_negative)
    if not (0.0 <= false_positive < inf and 0.0 <= false_negative < inf and dearer > 0.0):
        msg = f"costs must be finite, 0 or more and not both 0, got {false_positive!r} and {false_negative!r}"
        raise ConfigError(msg)
    false_alarm, miss = false_positive / dearer, false_negative / dearer

    def loss(answer: Answer, target: Target) -> float:
        if answer[0] == target:
            return 0.0
        return miss if target else false_alarm

    return loss


def absolute_clipped(loss_max: float) -> Loss:
    """Return the absolute error of a number as a share of `loss_max`, which larger errors count as.

    >>> loss = absolute_clipped(20.0)
    >>> loss((110.0, 110.0), 105.0), loss((500.0, 500.0), 105.0)
    (0.25, 1.0)
    """
    if not 0.0 < loss_max < inf:
        msg = f"loss_max must be positive and finite, in the unit of the target, got {loss_max!r}"
        raise ConfigError(msg)

    def loss(answer: Answer, target: Target) -> float:
        share = abs(float(answer[0]) - float(target)) / loss_max  # type: ignore[arg-type]
        # Not `min`: an answer that is no number, which a mean of huge targets can be, is as wrong as can be.
        return share if share < 1.0 else 1.0

    return loss


def evidence_loss(name: str, *, costs: tuple[float, float] | None = None, loss_max: float | None = None) -> Loss:
    """Return the loss of this name, one of `LOSSES`.

    Parameters
    ----------
    name
        `zero_one` for classes, `brier` and `cost_weighted` for binary tasks, `absolute_clipped` for numbers.
    costs
        (false positive, false negative) per event: what `cost_weighted` needs, and nobody else takes.
    loss_max
        The error beyond which nothing is worse, in the unit of the target: what `absolute_clipped` needs, likewise.

    Raises
    ------
    ConfigError
        Where the name is unknown, or what it needs is missing, cannot be, or belongs to another loss.
    """
    if name not in LOSSES:
        msg = f"an evidence loss is one of {', '.join(LOSSES)}, got {show_value(name)}"
        raise ConfigError(msg)
    if (costs is not None) != (name == "cost_weighted"):
        msg = f"costs belong to cost_weighted and it needs them, got {name} and costs {costs!r}"
        raise ConfigError(msg)
    if (loss_max is not None) != (name == "absolute_clipped"):
        msg = f"loss_max belongs to absolute_clipped and it needs it, got {name} and loss_max {loss_max!r}"
        raise ConfigError(msg)
    if costs is not None:
        return cost_weighted(*costs)
    if loss_max is not None:
        return absolute_clipped(loss_max)
    return brier if name == "brier" else zero_one

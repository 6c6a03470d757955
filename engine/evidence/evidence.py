"""The protocol all evidence keeps: paired differences in, the logarithm of an e-value out.

A difference is the champion's loss less the challenger's on one matured event, both losses in [0, 1]: above 0 the
challenger was better. An e-value is the wealth of one who bets on the challenger at odds that are fair if it is no
better: it seldom becomes large then, however often one looks. Wealth overflows a float, so everything is in natural
logarithms. This file knows no contender, no join and no decision.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, inf, log
from typing import Any, Protocol


class Evidence(Protocol):
    """Grows while a challenger does better than the champion. A pure function of the differences, in order."""

    @property
    def count(self) -> int:
        """How many differences were taken since the last restart."""
        ...

    @property
    def log_e(self) -> float:
        """The logarithm of the evidence as it stands; to be compared with `EvidenceRules.log_threshold`."""
        ...

    def add(self, d: float) -> None:
        """Take one difference in [-1, 1], or raise `ValueError` and change nothing."""
        ...

    def restart(self) -> None:
        """Forget everything: whoever is compared is another now."""
        ...

    def snapshot(self) -> Any:
        """Return the state as plain data."""
        ...

    def restore(self, state: Any) -> None:
        """Take back what `snapshot` returned."""
        ...


def refuse_difference(d: float) -> None:
    """Raise `ValueError` where a difference is outside [-1, 1] or is NaN."""
    if not -1.0 <= d <= 1.0:
        msg = f"a difference of losses lies in [-1, 1], got {d!r}: scale both losses to [0, 1]"
        raise ValueError(msg)


def log_mean_exp(logs: Sequence[float]) -> float:
    """Return the logarithm of the mean of the numbers whose logarithms these are, without leaving the logarithms.

    >>> log_mean_exp([2000.0, 2000.0]), log_mean_exp([-inf, -inf])
    (2000.0, -inf)
    """
    top = max(logs)
    if top == -inf:
        return top
    total = 0.0
    for value in logs:
        total += exp(value - top)
    return top + log(total / len(logs))

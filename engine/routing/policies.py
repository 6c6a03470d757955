"""With which probability each arm answers next: fixed shares, or what the rewards so far make of them.

A policy knows its arms by number, which of them can answer, and rewards; no request, no model and no draw. The control
is the arm that answers in the place of one that cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, exp, sqrt
from typing import Any, Protocol, TypeAlias

from engine.routing.rules import RoutingMode, RoutingRules

Probabilities: TypeAlias = tuple[float, ...]
"""One per arm, in order; they sum to 1, and an arm that cannot answer has 0."""

PANEL_COUNT = 64
"""Panels of the quadrature by which Thompson's probabilities of more than two arms are found."""

_SPAN = 7.0


class Policy(Protocol):
    """Shares requests out among arms."""

    def probabilities(self, able: Sequence[bool]) -> Probabilities:
        """Return the probabilities as they stand, where these arms can answer; the control always can."""
        ...

    def credit(self, arm: int, reward: float) -> None:
        """Take what an answer of this arm was worth, in [0, 1]."""
        ...

    def snapshot(self) -> Any:
        """Return the state as plain data."""
        ...

    def restore(self, state: Any) -> None:
        """Take back what `snapshot` returned."""
        ...


class Shares:
    """Fixed shares; that of an arm that cannot answer goes to the control."""

    def __init__(self, shares: Sequence[float], control: int) -> None:
        self._shares = tuple(shares)
        self._control = control

    def probabilities(self, able: Sequence[bool]) -> Probabilities:
        """Return the shares."""
        if all(able):
            return self._shares
        found = [share if can else 0.0 for share, can in zip(self._shares, able, strict=True)]
        found[self._control] = 1.0 - sum(share for arm, share in enumerate(found) if arm != self._control)
        return tuple(found)

    def credit(self, arm: int, reward: float) -> None:
        """Stay as they are: shares follow no reward."""

    def snapshot(self) -> None:
        """Return nothing: there is no state."""

    def restore(self, state: None) -> None:
        """Take back nothing."""


class Bandit:
    """What both bandits have: the rewards of each arm, discounted, and a share that is tried evenly.

    The posterior of an arm's mean reward is Beta(1 + sum of r, 1 + sum of (1 - r)): the Bernoulli one, with rewards
    between 0 and 1 counted in part, which is wider than it need be for them. Each reward of any arm multiplies all sums
    by 1 - 1/memory first.
    """

    def __init__(self, count: int, epsilon: float, memory_count: int | None) -> None:
        self._epsilon = epsilon
        self._keep = 1.0 if memory_count is None else 1.0 - 1.0 / memory_count
        self._won = [0.0] * count
        self._lost = [0.0] * count
        self._known: dict[tuple[bool, ...], Probabilities] = {}

    def probabilities(self, able: Sequence[bool]) -> Probabilities:
        """Return the probabilities, which are found once per reward."""
        key = tuple(able)
        found = self._known.get(key)
        if found is None:
            arms = [arm for arm, can in enumerate(key) if can]
            even, rest = self._epsilon / len(arms), 1.0 - self._epsilon
            made = [0.0] * len(key)
            for arm, share in zip(arms, self._preferred(arms), strict=True):
                made[arm] = even + rest * share
            found = self._known[key] = tuple(made)
        return found

    def credit(self, arm: int, reward: float) -> None:
        """Count a reward, and let all others weigh less."""
        keep = self._keep
        if keep < 1.0:
            self._won = [keep * won for won in self._won]
            self._lost = [keep * lost for lost in self._lost]
        self._won[arm] += reward
        self._lost[arm] += 1.0 - reward
        self._known.clear()

    def means(self) -> list[float]:
        """Return each arm's posterior mean reward."""
        return [(1.0 + won) / (2.0 + won + lost) for won, lost in zip(self._won, self._lost, strict=True)]

    def _deviations(self) -> list[float]:
        return [
            sqrt(mean * (1.0 - mean) / (3.0 + won + lost))
            for mean, won, lost in zip(self.means(), self._won, self._lost, strict=True)
        ]

    def _preferred(self, arms: Sequence[int]) -> Sequence[float]:
        """Return the share of each of these arms in what is not tried evenly."""
        raise NotImplementedError

    def snapshot(self) -> list[list[float]]:
        """Return the state as plain data."""
        return [list(self._won), list(self._lost)]

    def restore(self, state: Sequence[Sequence[float]]) -> None:
        """Take back what `snapshot` returned."""
        self._won, self._lost = list(state[0]), list(state[1])
        self._known.clear()


class EpsilonGreedy(Bandit):
    """All to the arm with the highest posterior mean, the first of equals."""

    def _preferred(self, arms: Sequence[int]) -> Sequence[float]:
        means = self.means()
        best = max(arms, key=lambda arm: (means[arm], -arm))
        return [float(arm == best) for arm in arms]


class Thompson(Bandit):
    """To each arm the probability that it is the best.

    No posterior is drawn from: the probabilities are computed, and one draw chooses among the arms by them. That is
    Thompson sampling, and what is logged is exactly what was drawn by.

    Notes
    -----
    The Beta posteriors are taken as Gaussian by their mean and variance. Two arms are then exact, in one `erfc`; more
    are integrated by Simpson's rule over 64 panels, at most once per reward: 65 K (K - 1) calls of `erfc`.

    References
    ----------
    Thompson (1933), doi:10.1093/biomet/25.3-4.285; Agrawal and Goyal (2017), doi:10.1145/3088510
    """

    def _preferred(self, arms: Sequence[int]) -> Sequence[float]:
        means, deviations = self.means(), self._deviations()
        return chances_of_best([(means[arm], deviations[arm]) for arm in arms])


def chances_of_best(arms: Sequence[tuple[float, float]]) -> list[float]:
    """Return the probability of each of several independent Gaussians, as (mean, deviation), to be the largest.

    >>> chances_of_best([(0.5, 0.1), (0.5, 0.1)])
    [0.5, 0.5]
    """
    if len(arms) == 1:
        return [1.0]
    if len(arms) == 2:
        (mean, deviation), (other, other_deviation) = arms
        first = _below((mean - other) / sqrt(deviation * deviation + other_deviation * other_deviation))
        return [first, 1.0 - first]
    found = []
    for number, (mean, deviation) in enumerate(arms):
        others = [each for at, each in enumerate(arms) if at != number]
        total = 0.0
        for panel in range(PANEL_COUNT + 1):
            z = _SPAN * (2.0 * panel / PANEL_COUNT - 1.0)
            weight = 1.0 if panel in {0, PANEL_COUNT} else 4.0 if panel % 2 else 2.0
            value = weight * exp(-0.5 * z * z)
            for other, other_deviation in others:
                value *= _below((mean + z * deviation - other) / other_deviation)
            total += value
        found.append(total)
    whole = sum(found)
    return [each / whole for each in found]


def _below(z: float) -> float:
    """Return the probability that a standard Gaussian is below z."""
    return 0.5 * erfc(-z / sqrt(2.0))


def policy_of(rules: RoutingRules, control: int) -> Policy:
    """Return the policy that these rules ask for, freshly made."""
    if rules.mode is RoutingMode.AB:
        return Shares([float(share or 0.0) for _, share in rules.arms], control)
    made = Thompson if rules.mode is RoutingMode.THOMPSON else EpsilonGreedy
    return made(len(rules.arms), rules.epsilon, rules.memory_count)

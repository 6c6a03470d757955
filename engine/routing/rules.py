"""How requests are shared out among arms: the plan's word on routing, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import fsum
from typing import Any

from engine.errors import ConfigError

SHARE_SLACK = 1e-9
"""How far the shares may be from 1 in all."""


class RoutingMode(StrEnum):
    """Who answers."""

    CHAMPION = "champion"
    """The champion, always."""
    AB = "ab"
    """Each arm its share of the keys, and a key always the same arm."""
    EPSILON_GREEDY = "epsilon_greedy"
    """The arm with the best rewards so far, but for a share of the requests, which are shared out evenly."""
    THOMPSON = "thompson"
    """Each arm as often as it is likely to be the best."""


@dataclass(frozen=True, slots=True)
class RoutingRules:
    """Who answers, and when an experiment may be read.

    Parameters
    ----------
    mode
        `champion`, `ab`, `epsilon_greedy` or `thompson`.
    arms
        (contender, share) pairs, the plan's champion among them. Shares are for `ab` and sum to 1; a bandit has None.
    experiment
        The name of the experiment: the same keys meet other arms in another one.
    epsilon
        Of the bandits: the share of requests that is shared out evenly, so that every arm goes on being tried.
    memory_count
        Of the bandits: a reward weighs 1/e after so many others; None never forgets.
    planned_count
        Of `ab`: matured events per arm at which the fixed-horizon tests are read, on the first so many; None reads
        them never.
    effect
        Of `ab`: the difference of mean losses that matters, where the any-time test is sharpest.
    alpha
        Of `ab`: the level, shared by the comparisons with the control.

    Raises
    ------
    ConfigError
        Where the arms are no arms, or a number is out of range.
    """

    mode: RoutingMode = RoutingMode.CHAMPION
    arms: tuple[tuple[str, float | None], ...] = ()
    experiment: str = "experiment"
    epsilon: float = 0.05
    memory_count: int | None = None
    planned_count: int | None = None
    effect: float = 0.01
    alpha: float = 0.05

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name, least in (("epsilon", 0.0), ("effect", 0.0), ("alpha", 0.0)):
            if not least < getattr(self, name) < 1.0:
                msg = f"{name} must be between 0 and 1, got {getattr(self, name)!r}"
                raise ConfigError(msg)
        for name in ("memory_count", "planned_count"):
            value = getattr(self, name)
            if value is not None and value < 2:
                msg = f"{name} must be at least 2, got {value!r}"
                raise ConfigError(msg)
        if self.mode is not RoutingMode.CHAMPION:
            self._refuse_arms()

    def _refuse_arms(self) -> None:
        names = [name for name, _ in self.arms]
        if len(set(names)) < 2 or len(set(names)) < len(names):
            msg = f"routing needs two or more different arms, the champion among them, got {names!r}; name contenders"
            raise ConfigError(msg)
        shares = [share for _, share in self.arms if share is not None]
        if self.mode is not RoutingMode.AB:
            if shares:
                msg = f"{self.mode} finds the shares of its arms, got {dict(self.arms)!r}; leave them out, or use ab"
                raise ConfigError(msg)
            return
        if len(shares) < len(names) or min(shares) <= 0.0 or abs(fsum(shares) - 1.0) > SHARE_SLACK:
            msg = f"each arm of an A/B test needs a share above 0, and they sum to 1, got {dict(self.arms)!r}"
            raise ConfigError(msg)

    def as_data(self) -> dict[str, Any] | None:
        """Return plain data; None where nothing is shared out."""
        if self.mode is RoutingMode.CHAMPION:
            return None
        names = [name for name in self.__slots__ if name not in {"mode", "arms"}]
        return {
            "mode": self.mode.value,
            "arms": [list(arm) for arm in self.arms],
            **{name: getattr(self, name) for name in names},
        }

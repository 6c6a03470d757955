"""Losses of a linear regression, as parts of a spec: `linear(loss=quantile(alpha=0.9))`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.models.compiled.part import Part


@dataclass(frozen=True, repr=False, slots=True)
class Loss(Part):
    """What every loss has: a number in the kernel, and one parameter at most."""

    number: ClassVar[float]

    @property
    def shape(self) -> float:
        """The loss's parameter, 0 where it has none."""
        return 0.0


@dataclass(frozen=True, repr=False, slots=True)
class Squared(Loss):
    """(p - y)^2: the answer is a mean."""

    number: ClassVar[float] = 1.0


@dataclass(frozen=True, repr=False, slots=True)
class Absolute(Loss):
    """|p - y|: the answer is a median. Every miss pulls alike, by the learning rate, in units of the target."""

    number: ClassVar[float] = 2.0


@dataclass(frozen=True, repr=False, slots=True)
class Huber(Loss):
    """Squared up to epsilon, absolute beyond: (p - y)^2 / 2, then epsilon |p - y|.

    Parameters
    ----------
    epsilon
        Where it changes, in units of the target, > 0.
    """

    number: ClassVar[float] = 3.0

    epsilon: float = 0.1

    def __post_init__(self) -> None:
        self.expect("epsilon", 1e-12, 1e12)

    @property
    def shape(self) -> float:
        """See `Loss`."""
        return float(self.epsilon)


@dataclass(frozen=True, repr=False, slots=True)
class Quantile(Loss):
    """(alpha - [p > y]) (y - p): the answer is a quantile.

    Parameters
    ----------
    alpha
        The share of targets that are to lie below the answer, in (0, 1).

    References
    ----------
    Koenker and Bassett (1978), Regression quantiles, doi 10.2307/1913643.
    """

    number: ClassVar[float] = 4.0

    alpha: float = 0.5

    def __post_init__(self) -> None:
        self.expect("alpha", 1e-12, 1.0 - 1e-12)

    @property
    def shape(self) -> float:
        """See `Loss`."""
        return self.alpha

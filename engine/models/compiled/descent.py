"""Optimisers and learning rates of linear models, as parts of a spec: `logistic(adam(lr=inverse_scaling(0.1)))`.

What they do, `engine.kernels.descent` says; here are their parameters, and how these are laid out for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from engine.errors import ConfigError
from engine.models.compiled.part import Part, is_number

LEAST = 1e-12
RATE_MAX = 1e3
"""No rate above it learns anything."""

PENALTY_MAX = 1e6
GRADIENT_MAX = 1e12
"""River's bound on a gradient of the loss, and ours."""


@dataclass(frozen=True, repr=False, slots=True)
class InverseScaling(Part):
    """A rate that falls as a power of the steps taken: learning_rate / (t + 1)^power.

    Parameters
    ----------
    learning_rate
        The first step's rate, > 0.
    power
        How fast it falls, in [0, 4].

    Examples
    --------
    >>> InverseScaling(0.1).first
    0.1
    """

    learning_rate: float
    power: float = 0.5

    def __post_init__(self) -> None:
        self.expect("learning_rate", LEAST, RATE_MAX)
        self.expect("power", 0.0, 4.0)

    @property
    def laid(self) -> tuple[float, float, float]:
        """Rate, schedule and shape, for the kernel."""
        return self.learning_rate, 1.0, self.power

    @property
    def first(self) -> float:
        """The rate of the first step, which is the largest."""
        return self.learning_rate


@dataclass(frozen=True, repr=False, slots=True)
class Optimal(Part):
    """Bottou's rate 1 / (alpha (t0 + t)), where the first is alpha^(-1/4): 10 for the default alpha.

    Parameters
    ----------
    alpha
        How fast it falls, in [1e-6, 1]; where there is an L2 penalty, its strength is a good choice.

    References
    ----------
    Bottou (2012), Stochastic gradient descent tricks, doi 10.1007/978-3-642-35289-8_25.

    Examples
    --------
    >>> round(Optimal(1e-4).first, 9)
    10.0
    """

    alpha: float = 1e-4

    def __post_init__(self) -> None:
        self.expect("alpha", 1e-6, 1.0)

    @property
    def laid(self) -> tuple[float, float, float]:
        """Strength, schedule and t0, for the kernel."""
        return self.alpha, 2.0, 1.0 / (self.first * self.alpha)

    @property
    def first(self) -> float:
        """The rate of the first step, which is the largest."""
        return float(self.alpha**-0.25)


Rate = float | InverseScaling | Optimal


@dataclass(frozen=True, repr=False, slots=True)
class Optimizer(Part):
    """What every optimiser has: rates, penalties, and a bound on gradients."""

    number: ClassVar[float]
    cells: ClassVar[int]
    """How many cells a weight has, without the one an L1 penalty adds."""

    lr: Rate = 0.01
    l1: float = 0.0
    l2: float = 0.0
    intercept_lr: Rate = 0.01
    clip_gradient: float = GRADIENT_MAX

    def __post_init__(self) -> None:
        self.laid_rate("lr", LEAST)
        self.laid_rate("intercept_lr", 0.0)
        self.expect("l1", 0.0, PENALTY_MAX)
        self.expect("l2", 0.0, PENALTY_MAX)
        self.expect("clip_gradient", LEAST, GRADIENT_MAX)
        self.check_penalties()

    def check_penalties(self) -> None:
        """Refuse L1 and L2 together, as River does: what a weight has paid of L1 does not know of L2's part."""
        if self.l1 > 0.0 and self.l2 > 0.0:
            msg = f"{self.spec_name} takes an l1 or an l2 penalty, got both; ftrl(l1=..., l2=...) takes both"
            raise ConfigError(msg)

    def laid_rate(self, name: str, low: float) -> tuple[float, float, float]:
        """Return a rate's number, schedule and shape; refuse what is none, or lies below `low`."""
        rate = getattr(self, name)
        if isinstance(rate, InverseScaling | Optimal):
            return rate.laid
        if not is_number(rate):
            msg = f"{self.spec_name}'s {name} must be a number, inverse_scaling(...) or optimal(...), got {rate!r}"
            raise ConfigError(msg)
        self.expect(name, low, RATE_MAX)
        return float(rate), 0.0, 0.0

    @property
    def settings(self) -> list[float]:
        """The numbers from `OPTIMIZER` to `FLOOR` of `engine.kernels.descent`."""
        rates = (*self.laid_rate("lr", LEAST), *self.laid_rate("intercept_lr", 0.0))
        return [self.number, *rates, float(self.l1), float(self.l2), *map(float, self.shape)]

    @property
    def shape(self) -> tuple[float, float, float]:
        """The two fading factors, and what keeps a divisor from 0."""
        return 0.0, 0.0, 0.0

    @property
    def cell_count(self) -> int:
        """How many cells a weight has."""
        return self.cells + (self.l1 > 0.0)


@dataclass(frozen=True, repr=False, slots=True)
class Sgd(Optimizer):
    """Stochastic gradient descent: w <- w - lr (g + l2 w).

    Parameters
    ----------
    lr
        Learning rate, a number in (0, 1000] or a schedule; lr l2 is at most 1.
    l1, l2
        Penalties, >= 0, of which one may be set. L2 acts on the features that are there; L1 is paid when a feature is
        there, for all steps since it last was (Tsuruoka et al. 2009, doi 10.3115/1687878.1687946).
    intercept_lr
        The intercept's rate, a number or a schedule; 0 leaves it at 0. It begins at even odds, and that a class has a
        share of 1 % it knows after some 1 / (rate x share) examples: 10,000 of them.
    clip_gradient
        Largest absolute derivative of the loss, the example's weight included, in (0, 1e12].
    """

    number: ClassVar[float] = 0.0
    cells: ClassVar[int] = 1

    def check_penalties(self) -> None:
        """Refuse, beside both together, an L2 penalty that turns weights round and makes them grow."""
        Optimizer.check_penalties(self)
        first = self.lr.first if isinstance(self.lr, InverseScaling | Optimal) else self.lr
        if first * self.l2 > 1.0:
            msg = f"sgd's lr times l2 must be at most 1, or weights swing without end; got {first:g} x {self.l2:g}"
            raise ConfigError(msg)


@dataclass(frozen=True, repr=False, slots=True)
class Adagrad(Optimizer):
    """Gradient descent whose rate falls for each weight with the gradients it has had.

    Parameters
    ----------
    lr, l1, l2, intercept_lr, clip_gradient
        See `Sgd`.
    eps
        Added to the sum of squares under the root.

    References
    ----------
    Duchi, Hazan and Singer (2011), Adaptive subgradient methods, jmlr.org/papers/v12/duchi11a.html.
    """

    number: ClassVar[float] = 1.0
    cells: ClassVar[int] = 2

    lr: Rate = 0.1
    eps: float = 1e-8

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        self.expect("eps", LEAST, 1.0)

    @property
    def shape(self) -> tuple[float, float, float]:
        """See `Optimizer`."""
        return 0.0, 0.0, self.eps


@dataclass(frozen=True, repr=False, slots=True)
class Adam(Optimizer):
    """Gradient descent along a fading average of gradients, over the root of one of their squares.

    Averages fade with the steps in which their feature is there.

    Parameters
    ----------
    lr, l1, l2, intercept_lr, clip_gradient
        See `Sgd`.
    beta_1, beta_2
        What is kept of each average per step, in [0, 0.999999].
    eps
        Added to the root.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, arXiv 1412.6980.
    """

    number: ClassVar[float] = 2.0
    cells: ClassVar[int] = 3

    lr: Rate = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        self.expect("beta_1", 0.0, 0.999999)
        self.expect("beta_2", 0.0, 0.999999)
        self.expect("eps", LEAST, 1.0)

    @property
    def shape(self) -> tuple[float, float, float]:
        """See `Optimizer`."""
        return self.beta_1, self.beta_2, self.eps


@dataclass(frozen=True, repr=False, slots=True)
class Ftrl(Optimizer):
    """Follow the regularised leader, proximal: AdaGrad's rates, and weights that are 0 until L1 is overcome.

    Parameters
    ----------
    lr
        The paper's alpha, in (0, 1000]: a weight's rate is lr / (beta + root of its sum of squared gradients).
    l1, l2
        Penalties, >= 0, both at once if wished.
    intercept_lr, clip_gradient
        See `Sgd`; the intercept takes plain steps, and no penalty.
    beta
        See `lr`; > 0 where l2 is 0.

    Notes
    -----
    A weight follows each gradient at once, as published; River's `FTRLProximal` takes it into account a step late, and
    leaves a weight that L1 should make 0 where it was.

    References
    ----------
    McMahan et al. (2013), Ad click prediction: a view from the trenches, doi 10.1145/2487575.2488200.
    """

    number: ClassVar[float] = 3.0
    cells: ClassVar[int] = 3

    lr: Rate = 0.05
    l2: float = 1.0
    beta: float = 1.0

    def __post_init__(self) -> None:
        Optimizer.__post_init__(self)
        self.expect("lr", LEAST, RATE_MAX)
        self.expect("beta", 0.0, PENALTY_MAX)

    def check_penalties(self) -> None:
        """Refuse a first step without a bound."""
        if self.beta == 0.0 and self.l2 == 0.0:
            msg = "ftrl's beta and l2 are both 0, and its first step would have no bound; leave one above 0"
            raise ConfigError(msg)

    @property
    def shape(self) -> tuple[float, float, float]:
        """See `Optimizer`."""
        return 0.0, 0.0, self.beta

    @property
    def cell_count(self) -> int:
        """How many cells a weight has: its z knows of L1."""
        return self.cells

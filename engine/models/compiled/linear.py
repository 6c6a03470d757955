"""`logistic()`, `linear()` and `softmax()`: linear models over scaled numbers and hashed texts, compiled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from engine.errors import ConfigError
from engine.messages import Features, Target
from engine.models.compiled.descent import Optimizer, Sgd
from engine.models.compiled.glm import INTERCEPT, Glm, Pairs
from engine.models.compiled.losses import Loss, Squared
from engine.models.compiled.model import CompiledNumber
from engine.models.compiled.part import expect_part, is_number
from engine.targets import Task

SHARE_MAX: Final = 1e6
"""An example of one class weighs at most this many of another."""

BALANCED: Final = 0.0
"""What stands for a class's share where the kernel keeps the balance."""

ClassWeight: TypeAlias = str | Mapping[Target, float] | None


class Logistic(Glm, CompiledNumber):
    """Logistic regression: p = 1 / (1 + exp(-(b + sum of w z))), one step down the gradient of log loss per example.

    A number is scaled by the mean and deviation it has had so far, its own value included when it is learned. A text is
    a feature of value 1 that is there or not. What is missing adds nothing and moves nothing.

    Parameters
    ----------
    task
        Binary.
    optimizer
        `sgd()`, `adagrad()`, `adam()` or `ftrl()`: how weights move, with rates and penalties.
    class_weight
        What an example of each class weighs: {True: 20} counts a positive as 20, "balanced" has both classes weigh the
        same so far, n / (2 n_c); None is 1 for each. Answers then are those of a world with such a share of classes.
    hash_bits
        Texts, and pairs that have one, share 2^hash_bits weights; from 1 to 24. Kept from the first text on.
    pairs
        Products of two features beside these themselves: True for all, or a list of pairs of names; 10,000 at most.
    scaled
        Whether numbers are scaled, or taken as they come.

    Notes
    -----
    O(features there) per step, whatever number of weights is kept. `logistic()` gives the answers of River's
    `StandardScaler() | LogisticRegression()` to 1e-12. Example weights multiply the gradient, not the scaling, as in
    River. A number beyond 1e100 is missing, a gradient beyond 1e12 is cut: no input makes a weight infinite.
    River's answer is 0 or 1 beyond 30 log odds; here it is what it is.

    References
    ----------
    West (1979), doi 10.1145/359146.359153, for mean and variance; McMahan et al. (2013), doi 10.1145/2487575.2488200.

    Examples
    --------
    >>> from engine.models.compiled.descent import Adagrad
    >>> model = Logistic(Task.BINARY, Adagrad(lr=0.5))
    >>> for step in range(60):
    ...     model.learn({"amount": float(step % 6), "country": "NL"}, step % 6 > 3, 1.0)
    >>> model.predict({"amount": 5.0, "country": "NL"})[0], model.predict({"amount": 1.0, "country": "NL"})[0]
    (True, False)
    """

    tasks = frozenset({Task.BINARY})
    loss_number = 0.0

    def __init__(  # noqa: PLR0913 - one parameter for each thing a spec can say
        self,
        task: Task,
        optimizer: Optimizer = Sgd(),  # noqa: B008 - it is frozen
        *,
        class_weight: ClassWeight = None,
        hash_bits: int = 16,
        pairs: Pairs = False,
        scaled: bool = True,
    ) -> None:
        self._class_weight = _read_class_weight("logistic", class_weight)
        if isinstance(class_weight, Mapping) and not class_weight.keys() <= {False, True}:
            unknown = next(name for name in class_weight if name not in {False, True})
            msg = f"logistic's class_weight names {unknown!r}; its classes are True and False"
            raise ConfigError(msg)
        super().__init__(task, optimizer, hash_bits=hash_bits, pairs=pairs, scaled=scaled)

    @property
    def _shares(self) -> list[float]:
        return [_share_of(self._class_weight, target) for target in (False, True)]

    @property
    def _fingerprint(self) -> object:
        return [super()._fingerprint, self._shares]

    @property
    def intercept(self) -> float:
        """The log odds where no feature adds anything."""
        return float(self._arrays[2][1, INTERCEPT])

    def explain(self, x: Features) -> dict[str, float]:
        """Return what each feature adds to the log odds of True; with `explain_base` they sum to these.

        A pair has the name "a * b", in the order in which the two were first learned. What is missing is left out.
        """
        return _summed(self._parts(x, 0))

    def explain_base(self, x: Features) -> float:  # noqa: ARG002 - the same for all
        """Return what the values of `explain` are added to: the intercept."""
        return self.intercept


class Linear(Glm, CompiledNumber):
    """Linear regression: b + sum of w z, one step down the gradient of a loss per example.

    Features are those of `Logistic`.

    Parameters
    ----------
    task
        Regression.
    optimizer
        `sgd()`, `adagrad()`, `adam()` or `ftrl()`: how weights move, with rates and penalties.
    loss
        `squared()`, `absolute()`, `huber()` or `quantile()`, of targets in their own unit.
    hash_bits, pairs, scaled
        See `Logistic`.

    Notes
    -----
    Costs and bounds are those of `Logistic`. `linear()` gives the answers of River's `StandardScaler() |
    LinearRegression()` to 1e-12 of the target's unit; its squared loss has the slope 2 (p - y), and an absolute or
    quantile loss treats an exact answer as one that is too low, both as River's do.

    Examples
    --------
    >>> model = Linear(Task.REGRESSION)
    >>> for step in range(500):
    ...     model.learn({"size": float(step % 7)}, 3.0 * (step % 7) + 1.0, 1.0)
    >>> round(model.predict({"size": 4.0})[0], 1)
    13.0
    """

    tasks = frozenset({Task.REGRESSION})

    def __init__(  # noqa: PLR0913 - one parameter for each thing a spec can say
        self,
        task: Task,
        optimizer: Optimizer = Sgd(),  # noqa: B008 - it is frozen
        *,
        loss: Loss = Squared(),  # noqa: B008 - it is frozen
        hash_bits: int = 16,
        pairs: Pairs = False,
        scaled: bool = True,
    ) -> None:
        self._loss_part = expect_part("linear", "loss", loss, Loss, "squared(), absolute(), huber() or quantile()")
        super().__init__(task, optimizer, hash_bits=hash_bits, pairs=pairs, scaled=scaled)

    @property
    def _loss(self) -> tuple[float, float]:
        return self._loss_part.number, self._loss_part.shape

    @property
    def intercept(self) -> float:
        """The answer where no feature adds anything."""
        return float(self._arrays[2][1, INTERCEPT])

    def explain(self, x: Features) -> dict[str, float]:
        """Return what each feature adds to the answer, in the target's unit; with `explain_base` they sum to it.

        See `Logistic.explain`.
        """
        return _summed(self._parts(x, 0))

    def explain_base(self, x: Features) -> float:  # noqa: ARG002 - the same for all
        """Return what the values of `explain` are added to: the intercept."""
        return self.intercept


class Softmax(Glm):
    """Softmax regression: the probabilities of classes are in proportion to exp(b + sum of w z), with w and b of each.

    Features are those of `Logistic`; classes come in the order in which they are first learned.

    Parameters
    ----------
    task
        Binary or multiclass.
    optimizer
        `sgd()`, `adagrad()`, `adam()` or `ftrl()`, for each class apart.
    class_weight
        What an example of each class weighs: {"rare": 20}, 1 for those not named; "balanced" has the classes seen so
        far weigh the same, n / (classes n_c).
    hash_bits, pairs, scaled
        See `Logistic`; each class has weights of its own.

    Notes
    -----
    O(classes x features there) per step; from the first text on, classes x 2^hash_bits weights. With `intercept_lr=0`
    it gives the answers of River's `StandardScaler() | SoftmaxRegression()` to 1e-12, which has no intercept, and so
    cannot know that a class is rare. Its class weights multiply the gradients of an output; here they are those of an
    example.

    Examples
    --------
    >>> model = Softmax(Task.MULTICLASS)
    >>> for size, kind in ((1.0, "cat"), (8.0, "cow"), (1.4, "cat"), (9.0, "cow")) * 10:
    ...     model.learn({"size": size}, kind, 1.0)
    >>> model.predict({"size": 1.2})[0]
    'cat'
    """

    tasks = frozenset({Task.BINARY, Task.MULTICLASS})
    loss_number = 5.0

    def __init__(  # noqa: PLR0913 - one parameter for each thing a spec can say
        self,
        task: Task,
        optimizer: Optimizer = Sgd(),  # noqa: B008 - it is frozen
        *,
        class_weight: ClassWeight = None,
        hash_bits: int = 16,
        pairs: Pairs = False,
        scaled: bool = True,
    ) -> None:
        self._class_weight = _read_class_weight("softmax", class_weight)
        super().__init__(task, optimizer, hash_bits=hash_bits, pairs=pairs, scaled=scaled)

    @property
    def _shares(self) -> list[float]:
        return [_share_of(self._class_weight, target) for target in self._classes]

    @property
    def _output_count(self) -> int:
        return len(self._classes)

    @property
    def _fingerprint(self) -> object:
        weights = self._class_weight
        return [super()._fingerprint, sorted(map(repr, weights.items())) if isinstance(weights, dict) else weights]

    @property
    def intercepts(self) -> dict[Target, float]:
        """Each class's sum where no feature adds anything."""
        return dict(zip(self._classes, self._arrays[2][1:, INTERCEPT].tolist(), strict=True))

    def explain(self, x: Features) -> dict[str, float]:
        """Return what each feature adds to the log of the odds of the decision against the next best class.

        For a binary task they are the odds of True against False. With `explain_base` the values sum to the log of the
        odds. Empty before two classes were learned.
        """
        if len(self._classes) < 2:
            return {}
        best, other = self._two(x)
        against = _summed(self._parts(x, other))
        return {name: value - against[name] for name, value in _summed(self._parts(x, best)).items()}

    def explain_base(self, x: Features) -> float:
        """Return what the values of `explain` are added to: the difference of the two intercepts."""
        if len(self._classes) < 2:
            return 0.0
        best, other = self._two(x)
        return float(self._arrays[2][1 + best, INTERCEPT] - self._arrays[2][1 + other, INTERCEPT])


def _summed(parts: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Return the parts by name; a name that comes as a number and as a text has one sum."""
    said: dict[str, float] = {}
    for name, value in parts:
        said[name] = said.get(name, 0.0) + value
    return said


def _read_class_weight(name: str, weights: ClassWeight) -> str | dict[Target, float] | None:
    if weights is None or weights == "balanced":
        return weights
    if isinstance(weights, Mapping) and all(is_number(one) and 0.0 < one <= SHARE_MAX for one in weights.values()):
        return dict(weights)
    msg = (
        f'{name}\'s class_weight must be None, "balanced" or a dict from classes to numbers in (0, {SHARE_MAX:g}], '
        f"got {weights!r:.80}"
    )
    raise ConfigError(msg)


def _share_of(weights: str | dict[Target, float] | None, target: Target) -> float:
    if isinstance(weights, dict):
        return float(weights.get(target, 1.0))
    return 1.0 if weights is None else BALANCED

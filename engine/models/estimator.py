"""Any object in River's idiom (`predict_proba_one`, `predict_one`, `learn_one`) as one of our models.

This file duck-types: it imports no library of models, and holds the object it was given as its only state. What the
object answers is checked here, once, so that nothing behind this line meets a NaN or a string for a probability.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from math import inf
from numbers import Real
from typing import Any

from engine.errors import ConfigError, ModelError, SnapshotError
from engine.messages import Answer, Features, Target
from engine.models.answers import argmax, untrained
from engine.object_state import freeze
from engine.object_thaw import thaw
from engine.targets import Task

PROBABILITY_EXCESS_MAX = 1e-9
"""How far rounding may carry a probability outside [0, 1]; it is clipped, and anything further is refused."""

CODE_MIN = 2**62
"""The first code of a class that is text: beyond every class that is a number."""

_CLASS_TYPES = (bool, int, float, str)


class EstimatorModel(ABC):
    """What the three tasks share: learning, snapshots, and how the estimator is asked.

    Build one with `adapt`.

    Parameters
    ----------
    estimator
        Has `learn_one(x, y)`, and `predict_proba_one(x)` or `predict_one(x)`. The model owns it.

    Raises
    ------
    ConfigError
        A method is missing.

    Notes
    -----
    A weight other than 1.0 is passed as `w=` to a `learn_one` that names that parameter (in a pipeline: the last
    step's). An estimator that knows no weights learns the example once, whatever its weight.

    River's factorisation machines (`river.facto`) draw the weights of a name they first meet in a question, so with
    them alone the order of questions counts; it is the tape's order, and replays the same.

    River's own objects are handed the engine's features; any other object gets a copy, since it may change them.
    """

    def __init__(self, estimator: object) -> None:
        self._bind(estimator)

    @abstractmethod
    def predict(self, x: Features) -> Answer:
        """Return (decision, score), or raise `ModelError` for what is no answer."""

    def learn(self, x: Features, target: Target, weight: float) -> None:
        """Let the estimator learn one example."""
        if weight != 1.0 and self._takes_weight:
            self._learn_one(x, target, w=weight)
        else:
            self._learn_one(x, target)

    def snapshot(self) -> object:
        """Return the estimator's state, or raise `SnapshotError` where it has no way to give it."""
        if self._is_river:
            return {"river": freeze(self.estimator)}
        return {"own": self._own("snapshot")()}

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        """Say what an unrestorable model consists of, for its fingerprint: how it is asked is no part of it."""
        return type(self), (self.estimator,)

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        kind = "river" if self._is_river else "own"
        if not isinstance(state, dict) or state.keys() != {kind}:
            msg = f"{_name(self.estimator)} keeps {kind!r} state, got {state!r:.80}"
            raise SnapshotError(msg)
        if not self._is_river:
            self._own("restore")(state["own"])
            return

        estimator = thaw(state["river"])
        if type(estimator) is not type(self.estimator):
            msg = f"the snapshot holds a {_name(estimator)}, this spec builds a {_name(self.estimator)}"
            raise SnapshotError(msg)
        self._bind(estimator)

    def _bind(self, estimator: object) -> None:
        self.estimator = estimator
        self._is_river = _is_river(estimator)
        self._takes_weight = _takes_weight(estimator)
        self._learn_one = self._require("learn_one")
        self._ask = self._first_question()

    def _first_question(self) -> Callable[[Any], Any]:
        if self._method("predict_proba_one") is None:
            return self._ask_decision_by(self._require("predict_one"))
        return self._ask_first

    def _ask_first(self, x: Features) -> Any:
        """Find out on the first question whether the estimator gives probabilities; from then on nothing is asked."""
        ask = self._require("predict_proba_one")
        try:
            proba = ask(x)
        except NotImplementedError:
            self._ask = self._ask_decision_by(self._require("predict_one"))
            return self._ask(x)
        self._ask = ask
        return proba

    @staticmethod
    def _ask_decision_by(predict_one: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def ask(x: Features) -> dict[Target, float]:
            decision = predict_one(x)
            return {} if decision is None else {decision: 1.0}

        return ask

    def _method(self, name: str) -> Callable[..., Any] | None:
        method: Callable[..., Any] | None = getattr(self.estimator, name, None)
        if method is None or self._is_river:
            return method
        return lambda x, *rest, **named: method(dict(x), *rest, **named)

    def _require(self, name: str) -> Callable[..., Any]:
        method = self._method(name)
        if method is None:
            msg = f"{_name(self.estimator)} has no {name}; a model needs learn_one and a way to predict"
            raise ConfigError(msg)
        return method

    def _own(self, name: str) -> Callable[..., Any]:
        if not (hasattr(self.estimator, "snapshot") and hasattr(self.estimator, "restore")):
            msg = f"durable state needs both snapshot() and restore(state), which {_name(self.estimator)} does not have"
            raise SnapshotError(msg)
        method: Callable[..., Any] = getattr(self.estimator, name)
        return method

    def _probabilities(self, proba: Mapping[Target, Any]) -> dict[Target, float]:
        """Return plain floats in [0, 1] by class, or raise `ModelError`."""
        checked: dict[Target, float] = {}
        for name, value in proba.items():
            number = float(value) if isinstance(value, Real) else None
            if number is None or not -PROBABILITY_EXCESS_MAX <= number <= 1.0 + PROBABILITY_EXCESS_MAX:
                raise self._no_answer(proba, f"a probability in [0, 1] for class {name!r}")
            if type(name) not in _CLASS_TYPES:
                raise self._no_answer(proba, "classes that are bool, int, float or str")
            checked[name] = min(max(number, 0.0), 1.0)
        return checked

    def _no_answer(self, got: object, expected: str) -> ModelError:
        return ModelError(f"{_name(self.estimator)} answered {got!r:.200}; expected {expected}")


class _Binary(EstimatorModel):
    """Score: the probability of True. Decision: the more probable class, the first given of equals, as in River."""

    def predict(self, x: Features) -> Answer:
        proba = self._ask(x)
        try:
            yes, no = proba.get(True, -1.0), proba.get(False, -1.0)
            if type(yes) is float and (0.0 <= no < yes <= 1.0 or 0.0 <= yes < no <= 1.0):
                return yes > no, yes
        except (AttributeError, TypeError):
            raise self._no_answer(proba, "a dict of probabilities by class") from None
        return self._settle(proba)

    def _settle(self, proba: Mapping[Target, Any]) -> Answer:
        """Answer in the rarer cases: nothing known yet, one class only, a tie, a number that is no plain float."""
        if not proba:
            return untrained(Task.BINARY)
        checked = self._probabilities(proba)
        if not checked.keys() <= {True, False}:
            raise self._no_answer(proba, "the classes True and False of a binary task")
        return bool(argmax(checked)), checked.get(True, 0.0)


class _Multiclass(EstimatorModel):
    """Score: the probabilities by class. Decision: the most probable class, the first given of equals, as in River."""

    def predict(self, x: Features) -> Answer:
        proba = self._ask(x)
        try:
            for name, value in proba.items():
                if type(value) is not float or not 0.0 <= value <= 1.0 or type(name) not in _CLASS_TYPES:
                    proba = self._probabilities(proba)
                    break
        except AttributeError:
            raise self._no_answer(proba, "a dict of probabilities by class") from None
        return argmax(proba), dict(proba)


class _CodedMulticlass(_Multiclass):
    """River's estimators see a class that is text as a number, in the order in which the classes were learned.

    Several of them keep classes in sets, and a set of texts is iterated in an order that differs from process to
    process: the same stream would break ties, and fill leaves, differently. Whole numbers do not have this.
    """

    def __init__(self, estimator: object) -> None:
        super().__init__(estimator)
        self._codes: dict[Target, Target] = {}
        self._names: dict[Target, Target] = {}

    def predict(self, x: Features) -> Answer:
        decision, scores = super().predict(x)
        if not self._names:
            return decision, scores
        names = self._names
        named = {names.get(code, code): p for code, p in scores.items()}  # type: ignore[union-attr]
        return None if decision is None else names.get(decision, decision), named

    def learn(self, x: Features, target: Target, weight: float) -> None:
        if type(target) is str:
            code = self._codes.get(target)
            if code is None:
                code = self._admit(target)
            target = code
        super().learn(x, target, weight)

    def _admit(self, name: str) -> Target:
        code = CODE_MIN + len(self._codes)
        self._codes[name] = code
        self._names[code] = name
        return code

    def snapshot(self) -> object:
        """Return the estimator's state, and the names in the order of their codes."""
        return {"estimator": super().snapshot(), "names": list(self._codes)}

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        if not isinstance(state, dict) or state.keys() != {"estimator", "names"}:
            msg = f"{_name(self.estimator)} keeps its state and class names, got {state!r:.80}"
            raise SnapshotError(msg)
        super().restore(state["estimator"])
        self._codes, self._names = {}, {}
        for name in state["names"]:
            self._admit(name)


class _Regression(EstimatorModel):
    """Score and decision: the number predicted; None, which River says before it has learned, is 0.0."""

    def predict(self, x: Features) -> Answer:
        value = self._ask(x)
        if type(value) is not float:
            if value is None:
                return untrained(Task.REGRESSION)
            if not isinstance(value, Real):
                raise self._no_answer(value, "a number")
            value = float(value)
        if not -inf < value < inf:
            raise self._no_answer(value, "a finite number")
        return value, value

    def _first_question(self) -> Callable[[Any], Any]:
        return self._require("predict_one")


_BY_TASK: dict[Task, type[EstimatorModel]] = {
    Task.BINARY: _Binary,
    Task.MULTICLASS: _Multiclass,
    Task.REGRESSION: _Regression,
}


def adapt(estimator: object, task: Task) -> EstimatorModel:
    """Return the estimator as a model for this task.

    Parameters
    ----------
    estimator
        An object in River's idiom, River's or your own. The model owns it from here on.
    task
        Decides what an answer is: see `engine.messages.Answer`.

    Raises
    ------
    ConfigError
        A method the task needs is missing.

    Notes
    -----
    Beyond the estimator's own work a binary answer costs a fraction of a microsecond, whatever the estimator.
    """
    made = _CodedMulticlass if task is Task.MULTICLASS and _is_river(estimator) else _BY_TASK[task]
    return made(estimator)


def _is_river(estimator: object) -> bool:
    return type(estimator).__module__.partition(".")[0] == "river"


def _name(estimator: object) -> str:
    return type(estimator).__name__


def _takes_weight(estimator: object) -> bool:
    """Say whether `learn_one` names `w`; a pipeline passes it on to its last step."""
    last = estimator
    while isinstance(steps := getattr(last, "steps", None), dict) and steps:
        last = list(steps.values())[-1]
    try:
        return "w" in inspect.signature(last.learn_one).parameters  # type: ignore[attr-defined]
    except (AttributeError, TypeError, ValueError):
        return False

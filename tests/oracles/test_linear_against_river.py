"""Linear models against River's, answer by answer over 20,000 events: `learn_one` after `predict_proba_one`.

The stream has what breaks an update: numbers missing, constant, late, of any size, the first event, example weights.
River's FTRL takes a gradient into account one step late, so its own regression runs here with an optimiser in the
published order; a test of its own shows the delay.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from math import copysign
from random import Random
from typing import Any

import pytest
from river import compose, linear_model, optim, preprocessing

from engine.messages import Answer
from engine.models.compiled.descent import Adagrad, Adam, Ftrl, InverseScaling, Optimal, Optimizer, Sgd
from engine.models.compiled.glm import checksum
from engine.models.compiled.linear import Linear, Logistic, Softmax
from engine.models.compiled.losses import Absolute, Huber, Loss, Quantile, Squared
from engine.models.compiled.model import Compiled
from engine.models.model import Act
from engine.targets import Task

COUNT = 20_000
CLOSE = 1e-12
WORDS = ("NL", "BE", "DE", "", "\N{SNOWMAN}")
Event = tuple[dict[str, Any], float, float]
"""Features, what drives the target, and the example's weight."""


class Published(optim.FTRLProximal):
    """FTRL-proximal with each weight brought up to date by its own step, and 0 where L1 is not overcome."""

    def _step_with_dict(self, w: Any, g: Any) -> Any:
        for name, slope in g.items():
            pulled = ((self.n[name] + slope**2) ** 0.5 - self.n[name] ** 0.5) / self.alpha
            self.z[name] += slope - pulled * w.get(name, 0.0)
            self.n[name] += slope**2
            beyond = max(abs(self.z[name]) - self.l1, 0.0)
            divisor = (self.beta + self.n[name] ** 0.5) / self.alpha + self.l2
            w[name] = -copysign(beyond, self.z[name]) / divisor
        return w


def stream(seed: int, *, texts: bool = False, count: int = COUNT) -> Iterator[Event]:
    random = Random(seed)
    for step in range(count):
        x: dict[str, Any] = {f"n{column}": random.gauss(column, 1.0 + column) for column in range(5)}
        score = x["n0"] - 0.5 * (x["n1"] - 1.0) + 0.2 * (x["n2"] - 2.0)
        x |= {"constant": 3.0, "huge": random.gauss(1e9, 1e6), "tiny": random.gauss(0.0, 1e-9)}
        if step >= 5_000:
            x["late"] = random.gauss(-2.0, 0.5)
            score += x["late"] + 2.0
        if texts:
            x |= {"word": random.choice(WORDS), "size": random.choice("SML")}
            score += 0.7 if x["word"] == "BE" else 0.0
        for name in list(x):
            if random.random() < 0.1:
                del x[name]
        yield (
            dict(random.sample(list(x.items()), len(x))),
            score + random.gauss(0.0, 0.5),
            random.choice((0.25, 1.0, 3.0)),
        )


def answers_of(model: Compiled, events: list[tuple[Any, Any, float]]) -> list[Any]:
    """Return the answer to each event, given before it is learned."""
    answers: list[Answer] = []
    steps = ((Act(x), Act(x, target, weight)) for x, target, weight in events)
    model.run(chain.from_iterable(steps), answers)
    return answers


def scaled(estimator: Any) -> Any:
    return preprocessing.StandardScaler() | estimator


OPTIMIZERS: dict[str, tuple[Optimizer, Any, dict[str, Any]]] = {
    "sgd": (Sgd(), optim.SGD(0.01), {}),
    "sgd l2": (Sgd(lr=0.05, l2=0.01), optim.SGD(0.05), {"l2": 0.01}),
    "sgd l1": (Sgd(lr=0.05, l1=0.01), optim.SGD(0.05), {"l1": 0.01}),
    "sgd inverse scaling": (
        Sgd(lr=InverseScaling(0.5, power=0.6), intercept_lr=InverseScaling(0.1)),
        optim.SGD(optim.schedulers.InverseScaling(0.5, power=0.6)),
        {"intercept_lr": optim.schedulers.InverseScaling(0.1)},
    ),
    "sgd optimal": (
        Sgd(lr=Optimal(0.01), intercept_lr=0.0),
        optim.SGD(optim.schedulers.Optimal(optim.losses.Log(), alpha=0.01)),
        {"intercept_lr": 0.0},
    ),
    "sgd inverse scaling l1": (
        Sgd(lr=InverseScaling(0.5), l1=0.003),
        optim.SGD(optim.schedulers.InverseScaling(0.5)),
        {"l1": 0.003},
    ),
    "sgd clipped": (Sgd(clip_gradient=0.3), optim.SGD(0.01), {"clip_gradient": 0.3}),
    "adagrad": (Adagrad(), optim.AdaGrad(), {}),
    "adagrad l2": (Adagrad(lr=0.3, l2=0.02), optim.AdaGrad(0.3), {"l2": 0.02}),
    "adagrad l1": (Adagrad(l1=0.001), optim.AdaGrad(), {"l1": 0.001}),
    "adam": (Adam(lr=0.01), optim.Adam(0.01), {}),
    "adam l2": (
        Adam(lr=InverseScaling(0.1), beta_1=0.8, beta_2=0.99, l2=0.01),
        optim.Adam(optim.schedulers.InverseScaling(0.1), beta_1=0.8, beta_2=0.99),
        {"l2": 0.01},
    ),
    "adam l1": (Adam(lr=0.01, l1=0.01), optim.Adam(0.01), {"l1": 0.01}),
    "ftrl": (Ftrl(), Published(), {}),
    "ftrl l1 l2": (Ftrl(lr=0.2, beta=0.5, l1=3.0, l2=0.1), Published(0.2, 0.5, l1=3.0, l2=0.1), {}),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_logistic_regression_answers_as_rivers(name: str) -> None:
    ours, theirs, parameters = OPTIMIZERS[name]
    model, river = Logistic(Task.BINARY, ours), scaled(linear_model.LogisticRegression(theirs, **parameters))
    events = [(x, score > 0.0, weight) for x, score, weight in stream(seed=1)]
    answers = answers_of(model, events)
    for (x, target, weight), (_, share) in zip(events, answers, strict=True):
        assert abs(share - river.predict_proba_one(x)[True]) <= CLOSE
        river.learn_one(x, target, w=weight)


LOSSES: list[tuple[Loss, Any]] = [
    (Squared(), optim.losses.Squared()),
    (Absolute(), optim.losses.Absolute()),
    (Huber(0.3), optim.losses.Huber(0.3)),
    (Quantile(0.9), optim.losses.Quantile(0.9)),
]


@pytest.mark.parametrize(("ours", "theirs"), LOSSES, ids=[str(loss) for loss, _ in LOSSES])
def test_a_linear_regression_answers_as_rivers_under_each_loss(ours: Loss, theirs: Any) -> None:
    model = Linear(Task.REGRESSION, Sgd(lr=0.003), loss=ours)
    river = scaled(linear_model.LinearRegression(optim.SGD(0.003), loss=theirs))
    events = list(stream(seed=2))
    answers = answers_of(model, events)
    for (x, target, weight), (value, _) in zip(events, answers, strict=True):
        assert abs(value - river.predict_one(x)) <= CLOSE
        river.learn_one(x, target, w=weight)


@pytest.mark.parametrize("name", ["adagrad", "adam", "adam l1", "ftrl", "ftrl l1 l2"])
def test_a_linear_regression_answers_as_rivers_with_each_optimiser(name: str) -> None:
    ours, theirs, parameters = OPTIMIZERS[name]
    model = Linear(Task.REGRESSION, ours)
    river = scaled(linear_model.LinearRegression(theirs.clone(), **parameters))
    events = list(stream(seed=3))
    answers = answers_of(model, events)
    for (x, target, weight), (value, _) in zip(events, answers, strict=True):
        assert abs(value - river.predict_one(x)) <= CLOSE * max(1.0, abs(value))
        river.learn_one(x, target, w=weight)


def kind_of(step: int, score: float) -> str:
    """Return one of three classes, with a fourth that is new in the middle of the stream."""
    if step > COUNT // 2 and step % 11 == 0:
        return "new"
    return "low" if score < -1.0 else "middle" if score < 1.0 else "high"


SOFTMAX: dict[str, tuple[Optimizer, Any, float]] = {
    "sgd": (Sgd(intercept_lr=0.0), optim.SGD(0.01), 0.0),
    "sgd l2": (Sgd(lr=0.05, l2=0.01, intercept_lr=0.0), optim.SGD(0.05), 0.01),
    "adagrad": (Adagrad(intercept_lr=0.0), optim.AdaGrad(), 0.0),
    "adam": (Adam(lr=0.01, intercept_lr=0.0), optim.Adam(0.01), 0.0),
    "ftrl": (Ftrl(l1=0.5, intercept_lr=0.0), Published(l1=0.5), 0.0),
}


@pytest.mark.parametrize("name", SOFTMAX)
def test_a_softmax_regression_answers_as_rivers_which_has_no_intercept(name: str) -> None:
    ours, theirs, l2 = SOFTMAX[name]
    model, river = Softmax(Task.MULTICLASS, ours), scaled(linear_model.SoftmaxRegression(theirs, l2=l2))
    events = [(x, kind_of(step, score), 1.0) for step, (x, score, _) in enumerate(stream(seed=4))]
    answers = answers_of(model, events)
    for (x, target, _), (_, shares) in zip(events, answers, strict=True):
        expected = river.predict_proba_one(x)
        assert isinstance(shares, dict)
        assert shares.keys() == expected.keys()
        assert all(abs(shares[kind] - share) <= CLOSE for kind, share in expected.items())
        river.learn_one(x, target)


@pytest.mark.parametrize("name", ["sgd l2", "adagrad", "adam l1", "ftrl"])
def test_texts_answer_as_rivers_one_hot_columns_that_are_there_or_not(name: str) -> None:
    ours, theirs, parameters = OPTIMIZERS[name]
    coded = preprocessing.OneHotEncoder(drop_zeros=True)
    numbers = compose.SelectType((int, float)) | preprocessing.StandardScaler()
    river = (numbers + (compose.SelectType(str) | coded)) | linear_model.LogisticRegression(
        theirs.clone(), **parameters
    )
    model = Logistic(Task.BINARY, ours)
    texts = [("word", text) for text in WORDS] + [("size", text) for text in "SML"]
    assert len({checksum(*text) % 2**16 for text in texts}) == len(texts)
    events = [(x, score > 0.0, weight) for x, score, weight in stream(seed=5, texts=True)]
    answers = answers_of(model, events)
    for (x, target, weight), (_, share) in zip(events, answers, strict=True):
        assert abs(share - river.predict_proba_one(x)[True]) <= CLOSE
        river.learn_one(x, target, w=weight)


def test_a_dict_of_class_weights_is_rivers_weight_of_positives_and_negatives() -> None:
    loss = optim.losses.Log(weight_pos=5.0, weight_neg=0.5)
    model = Logistic(Task.BINARY, class_weight={True: 5.0, False: 0.5})
    river = scaled(linear_model.LogisticRegression(loss=loss))
    events = [(x, score > 1.0, weight) for x, score, weight in stream(seed=6)]
    answers = answers_of(model, events)
    for (x, target, weight), (_, share) in zip(events, answers, strict=True):
        assert abs(share - river.predict_proba_one(x)[True]) <= CLOSE
        river.learn_one(x, target, w=weight)


def test_numbers_as_they_come_answer_as_river_without_a_scaler() -> None:
    model, river = Logistic(Task.BINARY, scaled=False), linear_model.LogisticRegression()
    events = [
        ({name: value for name, value in x.items() if name != "huge"}, score > 0.0, weight)
        for x, score, weight in stream(seed=7)
    ]
    answers = answers_of(model, events)
    for (x, target, weight), (_, share) in zip(events, answers, strict=True):
        assert abs(share - river.predict_proba_one(x)[True]) <= CLOSE
        river.learn_one(x, target, w=weight)


def test_pairs_answer_as_river_given_the_products_of_scaled_numbers() -> None:
    scaler, river = preprocessing.StandardScaler(), linear_model.LogisticRegression()
    model = Logistic(Task.BINARY, pairs=[["n0", "n1"], ["late", "n0"]])

    def extended(x: dict[str, float]) -> dict[str, float]:
        z = scaler.transform_one(x)
        wanted = [pair for pair in (("n0", "n1"), ("late", "n0")) if pair[0] in z and pair[1] in z]
        return z | {" * ".join(pair): z[pair[0]] * z[pair[1]] for pair in wanted}

    events = [(x, score > 0.0, weight) for x, score, weight in stream(seed=8)]
    answers = answers_of(model, events)
    for (x, target, weight), (_, share) in zip(events, answers, strict=True):
        assert abs(share - river.predict_proba_one(extended(x))[True]) <= CLOSE
        scaler.learn_one(x)
        river.learn_one(extended(x), target, w=weight)


def test_rivers_own_ftrl_answers_a_step_late() -> None:
    model = Logistic(Task.BINARY, Ftrl(intercept_lr=0.0), scaled=False)
    river = linear_model.LogisticRegression(optim.FTRLProximal(), intercept_lr=0.0)
    model.learn({"a": 1.0}, True, 1.0)
    river.learn_one({"a": 1.0}, True)
    assert river.predict_proba_one({"a": 1.0})[True] == 0.5
    assert model.predict({"a": 1.0})[1] > 0.5

"""`logistic()`, `linear()`, `softmax()`: what they say of themselves, what they refuse, what cannot break them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from math import exp, isfinite, log
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, ModelError, SnapshotError
from engine.messages import Answer, Features
from engine.models.compiled import glm
from engine.models.compiled.descent import Adagrad, Adam, Ftrl, InverseScaling, Optimal, Optimizer, Sgd
from engine.models.compiled.glm import Glm
from engine.models.compiled.linear import Linear, Logistic, Softmax
from engine.models.compiled.losses import Absolute, Huber, Loss, Quantile, Squared
from engine.models.model import Act, Explains, Forgets
from engine.models.spec import parse_model
from engine.snapshot import decode, encode
from engine.targets import Task

ROOT = Path(__file__).resolve().parents[3]
OPTIMIZERS: list[Optimizer] = [Sgd(), Sgd(l1=0.001), Sgd(lr=0.9, l2=1.0), Adagrad(), Adam(l2=1.0), Ftrl(l1=0.1)]
LOSSES: list[Loss] = [Squared(), Absolute(), Huber(), Quantile(0.9)]
optimizers = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=map(str, OPTIMIZERS))


def built(text: str, task: Task) -> Glm:
    model = parse_model(text, task=task, seed=1, name="contender").model
    assert isinstance(model, Glm)
    return model


def stream(count: int, seed: int = 1) -> Iterator[tuple[dict[str, Any], float]]:
    """Yield numbers and texts, some missing, and the score they add up to."""
    random = Random(seed)
    for _ in range(count):
        x: dict[str, Any] = {"a": random.gauss(5.0, 2.0), "b": random.gauss(0.0, 1.0)}
        x |= {"country": random.choice(("NL", "BE")), "shop": random.choice("xyz")}
        score = x["a"] - 5.0 + x["b"] + (2.0 if (x["country"], x["shop"]) == ("NL", "x") else 0.0)
        if random.random() < 0.2:
            del x[random.choice(list(x))]
        yield x, score


@optimizers
@pytest.mark.parametrize("pairs", [False, True])
def test_what_features_add_sums_with_the_intercept_to_the_answer_to_the_bit(
    optimizer: Optimizer, *, pairs: bool
) -> None:
    model = Linear(Task.REGRESSION, optimizer, pairs=pairs)
    for x, score in stream(500):
        total = model.intercept
        for value in model.explain(x).values():
            total += value
        assert total == model.predict(x)[0]
        model.learn(x, score, 1.0)
    assert len(model.explain({"a": 1.0, "b": 1.0, "shop": "x"})) == (6 if pairs else 3)


def test_a_logistic_explanation_is_in_log_odds_and_names_what_is_there() -> None:
    model = Logistic(Task.BINARY, pairs=[("country", "shop")])
    for x, score in stream(500):
        model.learn(x, score > 0.0, 1.0)
    x = {"b": 0.5, "country": "NL", "shop": "x", "never": 3.0}
    said = model.explain(x)
    assert list(said) == ["b", "country", "shop", "country * shop"]
    share = model.predict(x)[1]
    assert isinstance(share, float)
    assert model.intercept + sum(said.values()) == pytest.approx(log(share / (1.0 - share)), abs=1e-12)
    assert isinstance(model, Explains)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
def test_a_softmax_explanation_is_the_log_odds_of_the_decision_against_the_next_best(task: Task) -> None:
    model = Softmax(task, Adagrad())
    assert model.explain({"a": 1.0}) == {}
    for x, score in stream(800):
        kind = score > 0.0 if task is Task.BINARY else "low" if score < -1.0 else "high" if score > 1.0 else "mid"
        model.learn(x, kind, 1.0)
    for x, _ in stream(50, seed=2):
        said, intercepts, score = model.explain(x), model.intercepts, model.predict(x)[1]
        if isinstance(score, dict):
            best, other = sorted(score, key=score.__getitem__, reverse=True)[:2]
            odds, prior = score[best] / score[other], intercepts[best] - intercepts[other]
        else:
            odds, prior = score / (1.0 - score), intercepts[True] - intercepts[False]
        assert prior + sum(said.values()) == pytest.approx(log(odds), abs=1e-9)


def rare(count: int, seed: int, share: float = 0.01) -> Iterator[tuple[dict[str, Any], bool]]:
    """Yield frauds, one event in a hundred, that differ in two numbers and in a country."""
    random = Random(seed)
    for _ in range(count):
        fraud = random.random() < share
        away = 1.5 if fraud else 0.0
        country = random.choice(("XX", "NL")) if fraud else random.choice(("NL", "BE", "DE"))
        yield {"amount": random.gauss(away, 1.0), "hour": random.gauss(-away, 1.0), "country": country}, fraud


@pytest.mark.parametrize("text", ["sgd()", "adagrad()", "adam(lr=0.01)", "ftrl()"])
def test_in_balance_frauds_of_one_percent_are_found(text: str) -> None:
    model = built(f'logistic({text}, class_weight="balanced")', Task.BINARY)
    for x, fraud in rare(20_000, seed=1):
        model.learn(x, fraud, 1.0)
    found = {True: 0, False: 0}
    seen = {True: 0, False: 0}
    for x, fraud in rare(20_000, seed=2):
        seen[fraud] += 1
        found[fraud] += model.predict(x)[0] is True
    assert found[True] / seen[True] > 0.8
    assert found[False] / seen[False] < 0.15


def test_without_balance_the_probabilities_of_one_percent_are_calibrated() -> None:
    model = built("logistic(adagrad(intercept_lr=0.1))", Task.BINARY)
    said, happened = 0.0, 0
    for step, (x, fraud) in enumerate(rare(20_000, seed=3)):
        if step > 5_000:
            share = model.predict(x)[1]
            assert isinstance(share, float)
            said += share
            happened += fraud
        model.learn(x, fraud, 1.0)
    assert said == pytest.approx(happened, rel=0.15)


def test_balance_is_that_of_the_classes_seen_so_far() -> None:
    """The first has a weight of 1; once both were seen, each weighs half of all."""
    balanced, given_ = built('logistic(class_weight="balanced")', Task.BINARY), built("logistic()", Task.BINARY)
    seen = {False: 0.0, True: 0.0}
    for x, fraud in rare(500, seed=4, share=0.1):
        seen[fraud] += 1.0
        classes = sum(weight > 0.0 for weight in seen.values())
        balanced.learn(x, fraud, 1.0)
        given_.learn(x, fraud, sum(seen.values()) / (classes * seen[fraud]))
        assert balanced.predict(x) == given_.predict(x)


def test_a_softmax_weighs_examples_by_their_class() -> None:
    weighted = built("softmax(class_weight={'a': 3.0, 7: 0.5})", Task.MULTICLASS)
    given_ = built("softmax()", Task.MULTICLASS)
    for step, (x, _) in enumerate(stream(300)):
        kind = ("a", 7, "other")[step % 3]
        weighted.learn(x, kind, 1.0)
        given_.learn(x, kind, (3.0, 0.5, 1.0)[step % 3])
    for x, _ in stream(20, seed=2):
        assert weighted.predict(x) == given_.predict(x)


ABSURD = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e300, -1e300, 1.7e308, -1.7e308, 5e-324, 1e-300, 1e100, -1e100, 1e99, 0.0, "text"]),
)
EVENTS = st.lists(
    st.tuples(st.dictionaries(st.sampled_from("abc"), ABSURD), st.floats(allow_nan=False, allow_infinity=False)),
    max_size=12,
)


@optimizers
@given(events=EVENTS, scaled=st.booleans(), loss=st.sampled_from(LOSSES))
def test_no_number_makes_a_weight_or_an_answer_infinite(
    optimizer: Optimizer, events: list[tuple[Features, float]], loss: Loss, *, scaled: bool
) -> None:
    models: list[Glm] = [
        Linear(Task.REGRESSION, optimizer, loss=loss, pairs=True, scaled=scaled, hash_bits=4),
        Logistic(Task.BINARY, optimizer, pairs=True, scaled=scaled, hash_bits=4),
        Softmax(Task.MULTICLASS, optimizer, pairs=True, scaled=scaled, hash_bits=4),
    ]
    for x, value in events:
        for model, target in zip(models, (value, value > 0.0, "abc"[int(abs(value)) % 3]), strict=True):
            model.learn(x, target, 1.0)
            score = model.predict(x)[1]
            assert all(map(isfinite, score.values() if isinstance(score, dict) else [score]))
            assert all(np.isfinite(array).all() for array in model._arrays)


def test_after_absurd_numbers_a_model_still_learns() -> None:
    model = built("logistic()", Task.BINARY)
    for value in (1e300, -1e300, 1.7e308, 1e200):
        model.learn({"a": value}, True, 1.0)
    spared = built("logistic()", Task.BINARY)
    for _ in range(4):
        spared.learn({}, True, 1.0)
    for x, score in stream(300):
        model.learn(x, score > 0.0, 1.0)
        spared.learn(x, score > 0.0, 1.0)
        assert model.predict(x) == spared.predict(x)


@pytest.mark.parametrize("text", ["", "a", "\ud800", "\N{SNOWMAN}" * 1_000])
def test_any_text_has_a_bucket(text: str) -> None:
    model = built("logistic(hash_bits=1)", Task.BINARY)
    model.learn({"word": text}, True, 1.0)
    assert model.predict({"word": text})[0] is True


def test_texts_without_end_take_no_more_memory_and_no_place_in_a_snapshot() -> None:
    model = built("softmax(hash_bits=10)", Task.MULTICLASS)
    model.learn({"word": "first"}, "a", 1.0)
    model.learn({"word": "first"}, "b", 1.0)
    before, length = model.memory_bytes, len(encode(model.snapshot()))
    for step in range(5_000):
        model.learn({"word": f"word {step}"}, "ab"[step % 2], 1.0)
    assert model.memory_bytes == before
    assert len(encode(model.snapshot())) <= length + 16


def test_buckets_are_made_with_the_first_text_and_keep_what_numbers_learned() -> None:
    model, without = built("logistic()", Task.BINARY), built("logistic()", Task.BINARY)
    for x, score in stream(200):
        numbers = {name: value for name, value in x.items() if name in {"a", "b"}}
        model.learn(numbers, score > 0.0, 1.0)
        without.learn(numbers, score > 0.0, 1.0)
    assert model.memory_bytes < 1_000
    model.learn({"word": "x"}, True, 1.0)
    without.learn({}, True, 1.0)
    assert model.memory_bytes > 8 * 2**16
    assert model.predict({"a": 1.0, "b": 2.0})[1] == pytest.approx(without.predict({"a": 1.0, "b": 2.0})[1], abs=1e-2)


def test_pairs_learn_what_no_single_feature_shows() -> None:
    """Whether two texts are alike, and whether two numbers have one sign."""
    random = Random(1)
    models = {pairs: Logistic(Task.BINARY, Adagrad(), pairs=pairs) for pairs in (False, True)}
    right = dict.fromkeys(models, 0)
    for step in range(3_000):
        x: dict[str, Any] = {"u": random.choice("ab"), "v": random.choice("ab")}
        x |= {"p": random.gauss(0.0, 1.0), "q": random.gauss(0.0, 1.0)}
        target = x["u"] == x["v"] if step % 2 else x["p"] * x["q"] > 0.0
        x = {name: x[name] for name in (("u", "v") if step % 2 else ("p", "q"))}
        for pairs, model in models.items():
            right[pairs] += step > 1_000 and model.predict(x)[0] is target
            model.learn(x, target, 1.0)
    assert right[True] > 1_900
    assert right[False] < 1_200


def test_a_number_times_a_text_is_a_slope_for_each_text() -> None:
    model = Linear(Task.REGRESSION, Adagrad(lr=0.5), pairs=[["size", "kind"]], scaled=False)
    random = Random(2)
    for _ in range(5_000):
        size, kind = random.uniform(-1.0, 1.0), random.choice("ab")
        model.learn({"size": size, "kind": kind}, 3.0 * size if kind == "a" else -2.0 * size, 1.0)
    assert model.predict({"size": 1.0, "kind": "a"})[0] == pytest.approx(3.0, abs=0.05)
    assert model.predict({"size": 1.0, "kind": "b"})[0] == pytest.approx(-2.0, abs=0.05)


def test_pairs_without_end_are_refused_and_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glm, "PAIRS_COUNT_MAX", 3)
    model = built("logistic(pairs=True)", Task.BINARY)
    model.learn({"a": 1.0, "b": 2.0, "c": 3.0}, True, 1.0)
    before = encode(model.snapshot())
    with pytest.raises(ModelError, match="more than 3 pairs of features"):
        model.learn({"d": 1.0}, True, 1.0)
    with pytest.raises(ModelError, match="more than 3 pairs of features"):
        model.test_then_train(["d"], np.ones((1, 1)), [True])
    assert encode(model.snapshot()) == before
    model.learn({"a": 1.0}, False, 1.0)


def test_under_l1_ftrl_leaves_the_weights_of_noise_at_0() -> None:
    model, random = Logistic(Task.BINARY, Ftrl(l1=60.0, l2=0.0)), Random(3)
    for _ in range(5_000):
        x = {f"noise {column}": random.gauss(0.0, 1.0) for column in range(20)} | {"signal": random.gauss(0.0, 1.0)}
        model.learn(x, x["signal"] + random.gauss(0.0, 0.5) > 0.0, 1.0)
    said = model.explain(dict.fromkeys([f"noise {column}" for column in range(20)], 1.0) | {"signal": 1.0})
    assert said.pop("signal") > 0.5
    assert sum(value == 0.0 for value in said.values()) >= 18


def test_a_quantile_loss_finds_the_quantile() -> None:
    model, random = Linear(Task.REGRESSION, Sgd(lr=0.01), loss=Quantile(0.9)), Random(4)
    below = 0
    for step in range(20_000):
        target = random.expovariate(1.0)
        below += step >= 10_000 and target < model.predict({})[0]
        model.learn({}, target, 1.0)
    assert below / 10_000 == pytest.approx(0.9, abs=0.02)


def errors_after_a_flip(keep: float | None, optimizer: Optimizer) -> int:
    """Count the errors in the thousand events after what one number meant has turned round, and another has moved."""
    model, random, wrong = Logistic(Task.BINARY, optimizer), Random(5), 0
    for step in range(6_000):
        if step == 5_000 and keep is not None:
            model.forget(keep)
        x = {"a": random.gauss(0.0 if step < 5_000 else 5.0, 1.0), "b": random.gauss(0.0, 1.0)}
        target = (x["b"] + random.gauss(0.0, 0.5) > 0.0) is (step < 5_000)
        wrong += step >= 5_000 and model.predict(x)[0] is not target
        model.learn(x, target, 1.0)
    return wrong


@pytest.mark.parametrize("optimizer", [Sgd(), Adagrad(), Ftrl(), Sgd(lr=InverseScaling(0.5, power=1.0))], ids=str)
def test_after_a_change_a_model_that_forgets_is_right_sooner(optimizer: Optimizer) -> None:
    kept, faded, forgotten = (errors_after_a_flip(keep, optimizer) for keep in (None, 0.1, 0.0))
    assert faded < 0.7 * kept
    assert forgotten < faded


@optimizers
def test_after_forgetting_features_say_that_much_less_and_the_level_stays(optimizer: Optimizer) -> None:
    model = Linear(Task.REGRESSION, optimizer, pairs=True)
    for x, score in stream(300):
        model.learn(x, score + 7.0, 1.0)
    x = {"a": 9.0, "country": "NL"}
    said, intercept = model.explain(x), model.intercept
    model.forget(0.25)
    assert model.explain(x) == pytest.approx({name: 0.25 * value for name, value in said.items()})
    assert model.intercept == intercept


@optimizers
def test_forgetting_all_begins_the_scaling_anew_and_keeps_the_model_whole(optimizer: Optimizer) -> None:
    model = Logistic(Task.BINARY, optimizer, class_weight="balanced")
    for x, score in stream(300):
        model.learn(x, score > 0.0, 1.0)
    model.forget(0.0)
    model.learn({"a": 1e6}, True, 1.0)
    assert model.explain({"a": 1e6}) == {"a": 0.0}
    for x, score in stream(300, seed=2):
        model.learn(x, score > 0.0, 1.0)
        assert isfinite(model.predict(x)[1])  # type: ignore[arg-type]
    assert isinstance(model, Forgets)


def test_after_forgetting_ftrl_goes_on_from_where_its_weights_are() -> None:
    model = Logistic(Task.BINARY, Ftrl(l1=0.1), hash_bits=4)
    for x, score in stream(300):
        model.learn(x, score > 0.0, 1.0)
    model.forget(0.25)
    before = model.explain({"a": 9.0, "country": "NL"})
    model.learn({"a": 5.0, "country": "NL"}, True, 1e-12)
    assert model.explain({"a": 9.0, "country": "NL"}) == pytest.approx(before, rel=0.05)


WRONG = [
    ("logistic(optimizer=1)", r"logistic's optimizer must be sgd\(\), adagrad\(\), adam\(\) or ftrl\(\), got 1"),
    ("logistic(sgd)", "a bare name means nothing"),
    ("logistic(sgd(lr=0))", "sgd's lr must be a number from 1e-12 to 1000, got 0"),
    ("logistic(sgd(lr=True))", r"sgd's lr must be a number, inverse_scaling\(...\) or optimal\(...\), got True"),
    ("logistic(sgd(l1=.1, l2=.1))", r"sgd takes an l1 or an l2 penalty, got both; ftrl\("),
    ("logistic(adagrad(l1=.1, l2=.1))", "adagrad takes an l1 or an l2 penalty"),
    ("logistic(sgd(lr=10, l2=1))", "sgd's lr times l2 must be at most 1"),
    ("logistic(sgd(l2=-1))", "sgd's l2 must be a number from 0 to 1e[+]06, got -1"),
    ("logistic(sgd(clip_gradient=0))", "sgd's clip_gradient must be a number from 1e-12 to 1e[+]12, got 0"),
    ("logistic(sgd(lr=inverse_scaling(0)))", "inverse_scaling's learning_rate must be a number"),
    ("logistic(sgd(lr=optimal(2)))", "optimal's alpha must be a number from 1e-06 to 1, got 2"),
    ("logistic(adam(beta_2=1))", "adam's beta_2 must be a number from 0 to 0.999999, got 1"),
    ("logistic(adagrad(eps=0))", "adagrad's eps must be a number from 1e-12 to 1, got 0"),
    ("logistic(ftrl(beta=0, l2=0))", "ftrl's beta and l2 are both 0"),
    ("logistic(ftrl(lr=optimal()))", r"ftrl's lr must be a number from 1e-12 to 1000, got optimal\(\)"),
    ("logistic(ftrl(rate=1))", r"ftrl: .*; it takes \(lr=0.05, l1=0.0, l2=1.0"),
    ("logistic(hash_bits=0)", "logistic's hash_bits must be a whole number from 1 to 24, got 0"),
    ("logistic(hash_bits=True)", "logistic's hash_bits must be a whole number from 1 to 24, got True"),
    ("logistic(scaled=1)", "logistic's scaled must be True or False, got 1"),
    ("logistic(pairs=[['a', 'a']])", "logistic's pairs must be True, False or a list of pairs of two names"),
    ("logistic(pairs=['ab'])", "logistic's pairs must be True, False or a list of pairs of two names"),
    ("logistic(class_weight='even')", 'logistic\'s class_weight must be None, "balanced" or a dict'),
    ("logistic(class_weight={True: 0})", "logistic's class_weight must be None"),
    ("logistic(class_weight={'fraud': 2})", "logistic's class_weight names 'fraud'; its classes are True and False"),
    ("linear()", "linear is for regression tasks, this one is binary"),
    ("sgd()", "a binary task needs a classifier"),
]


@pytest.mark.parametrize(("text", "problem"), WRONG)
def test_what_cannot_be_meant_is_refused_with_the_remedy(text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        parse_model(text, task=Task.BINARY, seed=1, name="contender")


@pytest.mark.parametrize("loss", ["'squared'", "huber(0)", "quantile(1)"])
def test_a_loss_that_is_none_is_refused(loss: str) -> None:
    with pytest.raises(ConfigError, match=r"linear's loss|huber's epsilon|quantile's alpha"):
        parse_model(f"linear(loss={loss})", task=Task.REGRESSION, seed=1, name="contender")


@pytest.mark.parametrize(
    "other",
    [
        *("logistic(adam())", "logistic(ftrl(lr=0.1))", "logistic(sgd(lr=0.02))", "logistic(scaled=False)"),
        *("logistic(hash_bits=4)", "logistic(pairs=True)", "logistic(pairs=[['a', 'b']])", "softmax()"),
        *("logistic(class_weight='balanced')", "logistic(class_weight={True: 2.0})", "logistic(sgd(l1=0.1))"),
    ],
)
def test_a_snapshot_of_other_parameters_is_refused_and_changes_nothing(other: str) -> None:
    model, stranger = built("logistic()", Task.BINARY), built(other, Task.BINARY)
    for x, score in stream(50):
        model.learn(x, score > 0.0, 1.0)
        stranger.learn(x, score > 0.0, 1.0)
    before = encode(model.snapshot())
    with pytest.raises(SnapshotError, match="other parameters"):
        model.restore(decode(encode(stranger.snapshot())))
    assert encode(model.snapshot()) == before


def test_parts_show_themselves_as_a_spec_writes_them() -> None:
    assert (
        repr(Sgd(lr=InverseScaling(0.1, power=0.7), l2=0.5))
        == "sgd(lr=inverse_scaling(learning_rate=0.1, power=0.7), l2=0.5)"
    )
    assert repr(Adam(lr=Optimal())) == "adam(lr=optimal())"
    parsed = parse_model(f"logistic({Ftrl(l1=3.0)!r})", task=Task.BINARY, seed=1, name="contender")
    assert parsed.text == "logistic(ftrl(l1=3.0))"
    assert parsed.reads == "mixed"


NAMES = st.sampled_from(["a", "b", "word", "unit"])
VALUES = st.one_of(st.floats(-1e6, 1e6), st.integers(-9, 9), st.booleans(), st.sampled_from(["x", "y", ""]))
STEPS = st.lists(
    st.tuples(
        st.dictionaries(NAMES, VALUES), st.one_of(st.none(), st.sampled_from("abc")), st.sampled_from([0.5, 1.0, 8.0])
    ),
    max_size=40,
)


@optimizers
@given(steps=STEPS, cut=st.integers(0, 40))
def test_a_run_with_a_snapshot_anywhere_is_its_steps_one_by_one(
    optimizer: Optimizer, steps: list[tuple[Features, str | None, float]], cut: int
) -> None:
    first, second, alone = (Softmax(Task.MULTICLASS, optimizer, pairs=True, hash_bits=5) for _ in range(3))
    acts = [Act(*step) for step in steps]
    answers: list[Answer] = []
    first.run(acts[:cut], answers)
    second.restore(decode(encode(first.snapshot())))
    second.run(acts[cut:], answers)
    expected: list[Answer] = []
    for x, target, weight in acts:
        if target is None:
            expected.append(alone.predict(x))
        else:
            alone.learn(x, target, weight)
    assert answers == expected
    assert encode(second.snapshot()) == encode(alone.snapshot())


CHILD = """
from engine.snapshot import digest
from streams import kernel_cache
kernel_cache.prepare(lambda words: None)
from tests.engine.models.test_linear_models import built, stream
from engine.targets import Task
model = built("softmax(adam(), pairs=True, class_weight='balanced')", Task.MULTICLASS)
for x, score in stream(300):
    model.learn(x, "low" if score < 0.0 else "high", 1.0)
print(digest(model.snapshot()))
"""


def test_two_processes_that_hash_differently_learn_the_same_bytes() -> None:
    digests = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", CHILD], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1
    assert digests.pop().strip()


def test_the_probability_of_far_odds_is_small_and_no_0() -> None:
    model = Logistic(Task.BINARY, Sgd(lr=1.0), scaled=False)
    model.learn({"a": 40.0}, False, 1.0)
    share = model.predict({"a": 2.0})[1]
    assert isinstance(share, float)
    assert share == pytest.approx(exp(-40.0), rel=0.02)

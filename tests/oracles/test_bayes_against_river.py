"""Naive Bayes against River's `GaussianNB` over 20,000 events, and its texts against counts kept in dictionaries."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import chain
from math import exp, log
from random import Random
from typing import Any

import pytest
from river import naive_bayes

from engine.messages import Answer, Features, Target
from engine.models.compiled.naive_bayes import NaiveBayes
from engine.models.model import Act
from engine.targets import Task

COUNT = 20_000
CLOSE = 1e-12


def stream(seed: int, count: int = COUNT) -> Iterator[tuple[dict[str, float], str]]:
    """Yield numbers of any size, some missing, constant or late, and classes of which one comes half way."""
    random = Random(seed)
    for step in range(count):
        kind = random.choices(("a", "b", "rare"), (50, 50, 1))[0]
        kind = "new" if step > count // 2 and random.random() < 0.05 else kind
        away = {"a": 0.0, "b": 1.0, "rare": 3.0, "new": -2.0}[kind]
        x = {f"n{column}": random.gauss(away * column, 1.0 + column) for column in range(4)}
        x |= {"constant": 3.0, "huge": random.gauss(1e9, 1e6), "tiny": random.gauss(away * 1e-9, 1e-9)}
        x["whole"] = float(random.randrange(3))
        if step > count // 4:
            x["late"] = random.gauss(away, 1.0)
        for name in list(x):
            if random.random() < 0.1:
                del x[name]
        yield x, kind


def answers_of(model: NaiveBayes, events: list[tuple[Any, Any]]) -> list[Any]:
    """Return the answer to each event, given before it is learned."""
    answers: list[Answer] = []
    model.run(chain.from_iterable((Act(x), Act(x, target)) for x, target in events), answers)
    return answers


def test_numbers_answer_as_rivers_from_the_first_event_on() -> None:
    model, river = NaiveBayes(Task.MULTICLASS), naive_bayes.GaussianNB()
    events = list(stream(seed=1))
    for (x, target), (_, shares) in zip(events, answers_of(model, events), strict=True):
        expected = river.predict_proba_one(x)
        assert isinstance(shares, dict)
        assert shares.keys() == expected.keys()
        assert all(abs(shares[kind] - share) <= CLOSE for kind, share in expected.items())
        river.learn_one(x, target)


def test_two_classes_answer_as_rivers_with_the_probability_of_true() -> None:
    model, river = NaiveBayes(Task.BINARY), naive_bayes.GaussianNB()
    events = [(x, kind == "b") for x, kind in stream(seed=2)]
    for (x, target), (_, share) in zip(events, answers_of(model, events), strict=True):
        expected = river.predict_proba_one(x).get(True, 0.0) if river.class_counts else 0.5
        assert abs(share - expected) <= CLOSE
        river.learn_one(x, target)


class Counted:
    """Naive Bayes over texts, as the class's docstring tells it, in dictionaries."""

    def __init__(self) -> None:
        self.classes: Counter[Target] = Counter()
        self.shown: defaultdict[Target, Counter[str]] = defaultdict(Counter)
        self.texts: defaultdict[tuple[Target, str], Counter[str]] = defaultdict(Counter)
        self.known: defaultdict[str, set[str]] = defaultdict(set)

    def learn(self, x: Features, target: Target, weight: float) -> None:
        self.classes[target] += weight  # type: ignore[assignment]
        for name, text in x.items():
            self.shown[target][name] += weight  # type: ignore[assignment]
            self.texts[target, name][str(text)] += weight  # type: ignore[assignment]
            self.known[name].add(str(text))

    def shares(self, x: Features) -> dict[Target, float]:
        total = sum(self.classes.values())
        said = {}
        for kind, weight in self.classes.items():
            said[kind] = log(weight / total)
            for name, text in x.items():
                if name in self.known:
                    pseudo = len(self.known[name]) + 1.0
                    said[kind] += log((self.texts[kind, name][str(text)] + 1.0) / (self.shown[kind][name] + pseudo))
        best = max(said.values(), default=0.0)
        whole = sum(exp(value - best) for value in said.values())
        return {kind: exp(value - best) / whole for kind, value in said.items()}


def test_texts_answer_as_counts_in_dictionaries_do() -> None:
    random = Random(3)
    model, counted = NaiveBayes(Task.MULTICLASS), Counted()
    for step in range(5_000):
        kind = random.choice("abc")
        words = {
            "country": random.choice("NDBF" if kind == "a" else "DBFU"),
            "shop": f"{random.randrange(9 + step // 50)}",
        }
        x = {name: text for name, text in words.items() if random.random() < 0.9}
        shares, expected = model.predict(x)[1], counted.shares(x)
        assert isinstance(shares, dict)
        assert shares.keys() == expected.keys()
        assert all(abs(shares[key] - share) <= CLOSE for key, share in expected.items())
        weight = random.choice((0.5, 1.0, 2.0))
        model.learn(x, kind, weight)
        counted.learn(x, kind, weight)


def mixed(seed: int, count: int) -> Iterator[tuple[dict[str, Any], str]]:
    random = Random(seed)
    for x, kind in stream(seed, count):
        yield {**x, "word": random.choice("xyz" if kind == "a" else "yzw")}, kind


def test_what_features_add_sums_to_the_log_odds_of_the_decision() -> None:
    model = NaiveBayes(Task.MULTICLASS)
    seen: Counter[str] = Counter()
    for x, kind in mixed(4, 2_000):
        if len(seen) > 1:
            shares = model.predict(x)[1]
            assert isinstance(shares, dict)
            best, other = sorted(shares, key=shares.__getitem__, reverse=True)[:2]
            if shares[other] > 1e-200:
                prior = log(seen[str(best)] / seen[str(other)])
                odds = log(shares[best] / shares[other])
                assert sum(model.explain(x).values()) + prior == pytest.approx(odds, abs=1e-9)
        model.learn(x, kind, 1.0)
        seen[kind] += 1


def test_an_event_of_weight_3_is_three_events_of_weight_1() -> None:
    weighted, repeated = NaiveBayes(Task.MULTICLASS), NaiveBayes(Task.MULTICLASS)
    events = list(mixed(5, 3_000))
    for x, kind in events:
        weighted.learn(x, kind, 3.0)
        for _ in range(3):
            repeated.learn(x, kind, 1.0)
    for x, _ in events:
        ours, theirs = weighted.predict(x)[1], repeated.predict(x)[1]
        assert isinstance(ours, dict)
        assert isinstance(theirs, dict)
        assert all(abs(ours[kind] - share) <= CLOSE for kind, share in theirs.items())

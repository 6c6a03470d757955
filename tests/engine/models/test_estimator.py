"""The adapter for River's idiom: River's answers one by one, and nothing that is no answer gets through."""

from __future__ import annotations

from typing import Any

import pytest
from river import datasets, linear_model, naive_bayes, optim, preprocessing, tree

from engine.errors import ConfigError, ModelError, SnapshotError
from engine.models.estimator import adapt
from engine.models.spec import parse_model
from engine.targets import Task


class Told:
    """An estimator that answers what it was told to, and keeps what it learns."""

    def __init__(self, says: Any, *, proba: bool = True) -> None:
        self.says = says
        self.learned: list[Any] = []
        if proba:
            self.predict_proba_one = self.predict_one

    def predict_one(self, x: dict[str, Any]) -> Any:
        return self.says

    def learn_one(self, x: dict[str, Any], y: Any) -> None:
        self.learned.append((x, y))


class Weighted(Told):
    def learn_one(self, x: dict[str, Any], y: Any, w: float = 1.0) -> None:
        self.learned.append(w)


def test_phishing_is_answered_as_river_answers_it_one_by_one_and_scores_what_its_docs_print() -> None:
    theirs = preprocessing.StandardScaler() | linear_model.LogisticRegression(optimizer=optim.SGD(0.1))
    ours = parse_model(
        "river.preprocessing.StandardScaler() | river.linear_model.LogisticRegression(optimizer=river.optim.SGD(.1))",
        task=Task.BINARY,
        seed=1,
        name="a",
    ).model
    right = 0
    for x, y in datasets.Phishing():
        decision, score = ours.predict(x)
        assert (decision, score) == (theirs.predict_one(x), theirs.predict_proba_one(x)[True])
        right += decision == y
        ours.learn(x, y, 1.0)
        theirs.learn_one(x, y)
    assert f"{right / 1250:.2%}" == "88.96%"


@pytest.mark.parametrize("make", [naive_bayes.GaussianNB, tree.HoeffdingTreeClassifier, linear_model.PAClassifier])
def test_binary_decisions_are_rivers_own_at_every_event(make: Any) -> None:
    theirs, ours = make(), adapt(make(), Task.BINARY)
    for x, y in datasets.Phishing():
        assert ours.predict(x)[0] == (theirs.predict_one(x) or False)
        ours.learn(x, y, 1.0)
        theirs.learn_one(x, y)


def test_multiclass_decisions_are_rivers_own_at_every_event() -> None:
    theirs, ours = naive_bayes.GaussianNB(), adapt(naive_bayes.GaussianNB(), Task.MULTICLASS)
    for x, y in datasets.ImageSegments().take(500):
        assert ours.predict(x) == (theirs.predict_one(x), theirs.predict_proba_one(x))
        ours.learn(x, y, 1.0)
        theirs.learn_one(x, y)


def test_numbers_are_rivers_own_at_every_event() -> None:
    theirs = preprocessing.StandardScaler() | linear_model.LinearRegression()
    ours = adapt(preprocessing.StandardScaler() | linear_model.LinearRegression(), Task.REGRESSION)
    for x, y in datasets.TrumpApproval():
        assert ours.predict(x)[1] == theirs.predict_one(x)
        ours.learn(x, y, 1.0)
        theirs.learn_one(x, y)


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        ({True: 0.7, False: 0.3}, (True, 0.7)),
        ({False: 0.5, True: 0.5}, (False, 0.5)),
        ({True: 0.5, False: 0.5}, (True, 0.5)),
        ({False: 0.25}, (False, 0.0)),
        ({True: 0.25}, (True, 0.25)),
        ({}, (False, 0.5)),
        ({1: 1, 0: 0}, (True, 1.0)),
        ({True: 1.0 + 1e-12, False: -1e-12}, (True, 1.0)),
    ],
)
def test_a_binary_answer_is_the_argmax_first_of_equals_and_the_probability_of_true(says: Any, answer: Any) -> None:
    model = adapt(Told(says), Task.BINARY)
    assert model.predict({}) == answer
    assert type(model.predict({})[1]) is float


@pytest.mark.parametrize(
    ("says", "answer"),
    [
        ({}, (None, {})),
        ({"b": 0.5, "a": 0.5}, ("b", {"b": 0.5, "a": 0.5})),
        ({"b": 1}, ("b", {"b": 1.0})),
    ],
)
def test_a_multiclass_answer_is_the_argmax_first_of_equals_and_all_probabilities(says: Any, answer: Any) -> None:
    assert adapt(Told(says), Task.MULTICLASS).predict({}) == answer


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS])
@pytest.mark.parametrize(
    "says",
    [
        None,
        0.5,
        "spam",
        [0.3, 0.7],
        {True: float("nan"), False: 0.5},
        {True: 0.5, False: float("nan")},
        {True: float("inf")},
        {True: 1.1},
        {True: -0.1},
        {True: "0.5"},
        {True: None, False: 0.1},
        {(1, 2): 0.5},
    ],
)
def test_what_is_no_probability_is_a_model_error_that_shows_it(says: Any, task: Task) -> None:
    with pytest.raises(ModelError, match="Told answered"):
        adapt(Told(says), task).predict({})


@pytest.mark.parametrize("says", [{"spam": 0.9}, {"spam": 0.9, True: 0.1}, {"spam": 0.9, "ham": 0.1}])
def test_a_class_other_than_true_and_false_is_no_binary_answer(says: Any) -> None:
    with pytest.raises(ModelError, match="True and False"):
        adapt(Told(says), Task.BINARY).predict({})


@pytest.mark.parametrize("says", ["1.0", float("nan"), float("inf"), [1.0], {"a": 1.0}, 1j])
def test_what_is_no_finite_number_is_a_model_error(says: Any) -> None:
    with pytest.raises(ModelError, match="Told answered"):
        adapt(Told(says), Task.REGRESSION).predict({})


def test_a_regressor_that_has_nothing_to_say_yet_says_zero() -> None:
    assert adapt(Told(None), Task.REGRESSION).predict({}) == (0.0, 0.0)
    assert adapt(Told(3), Task.REGRESSION).predict({}) == (3.0, 3.0)


def test_a_classifier_without_probabilities_is_certain_of_its_decision() -> None:
    assert adapt(Told(True, proba=False), Task.BINARY).predict({}) == (True, 1.0)
    assert adapt(Told(None, proba=False), Task.BINARY).predict({}) == (False, 0.5)
    assert adapt(Told("a", proba=False), Task.MULTICLASS).predict({}) == ("a", {"a": 1.0})


def test_a_classifier_whose_probabilities_are_not_implemented_is_asked_for_them_once() -> None:
    class Shy(Told):
        asked = 0

        def predict_proba_one(self, x: dict[str, Any]) -> Any:
            Shy.asked += 1
            raise NotImplementedError

    model = adapt(Shy(True, proba=False), Task.BINARY)
    assert [model.predict({}) for _ in range(3)] == [(True, 1.0)] * 3
    assert Shy.asked == 1


def test_a_weight_reaches_who_takes_it_and_one_event_is_learned_once_by_who_does_not() -> None:
    takes, does_not = Weighted({}), Told({})
    for estimator in (takes, does_not):
        model = adapt(estimator, Task.BINARY)
        model.learn({}, True, 1.0)
        model.learn({}, True, 2.5)
    assert takes.learned == [1.0, 2.5]
    assert len(does_not.learned) == 2


def test_a_pipeline_hands_the_weight_to_its_last_step() -> None:
    def scaled() -> Any:
        return preprocessing.StandardScaler() | linear_model.LogisticRegression()

    ours, theirs = adapt(scaled(), Task.BINARY), scaled()
    for x, y in datasets.Phishing().take(50):
        ours.learn(x, y, 0.5)
        theirs.learn_one(x, y, w=0.5)
        assert ours.predict(x)[1] == theirs.predict_proba_one(x)[True]


def test_a_foreign_estimator_cannot_change_the_features() -> None:
    class Greedy(Told):
        def predict_proba_one(self, x: dict[str, Any]) -> Any:
            x.clear()
            return {True: 1.0}

        def learn_one(self, x: dict[str, Any], y: Any) -> None:
            x["leak"] = y

    model = adapt(Greedy(None, proba=False), Task.BINARY)
    x = {"amount": 1.0}
    model.predict(x)
    model.predict(x)
    model.learn(x, True, 1.0)
    assert x == {"amount": 1.0}


def test_an_object_without_the_methods_is_refused_before_anything_starts() -> None:
    class Mute:
        def learn_one(self, x: Any, y: Any) -> None: ...

    for estimator, task in ((object(), Task.BINARY), (Mute(), Task.BINARY), (Mute(), Task.REGRESSION)):
        with pytest.raises(ConfigError, match="has no"):
            adapt(estimator, task)


def test_a_foreign_estimator_keeps_its_own_state_or_says_that_it_cannot() -> None:
    class Keeper(Told):
        def snapshot(self) -> Any:
            return self.says

        def restore(self, state: Any) -> None:
            self.says = state

    model = adapt(Keeper({True: 0.9}), Task.BINARY)
    other = adapt(Keeper({}), Task.BINARY)
    other.restore(model.snapshot())
    assert other.predict({}) == (True, 0.9)
    with pytest.raises(SnapshotError, match="snapshot\\(\\) and restore"):
        adapt(Told({}), Task.BINARY).snapshot()


def test_the_state_of_another_estimator_is_refused() -> None:
    bayes, forest = adapt(naive_bayes.GaussianNB(), Task.BINARY), adapt(naive_bayes.BernoulliNB(), Task.BINARY)
    with pytest.raises(SnapshotError, match="holds a BernoulliNB, this spec builds a GaussianNB"):
        bayes.restore(forest.snapshot())
    for state in (None, {}, {"own": 1}, 3):
        with pytest.raises(SnapshotError, match="'river' state"):
            bayes.restore(state)

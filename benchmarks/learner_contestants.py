"""Who takes part in `benchmarks.learners`, each in one shape: a course that answers events, and then learns them.

To begin a course is to make a model that has learned nothing and to lay out the events as its library likes them, which
is not timed. `go(begin, end)` then tests and trains on these events, in order, and says how many it answered rightly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple, TypeAlias, cast

import numpy as np

from benchmarks.learner_streams import Table
from engine.errors import SidestreamError
from engine.messages import Answer
from engine.models.answers import untrained
from engine.models.compiled.model import Compiled
from engine.models.model import Act
from engine.models.spec import parse_model
from engine.targets import Task

Course: TypeAlias = Callable[[int, int], int]
"""Tests and trains from one event up to another; returns how many answers were right."""

LEARNERS: Final = {
    "logistic": "logistic()",
    "naive Bayes": "naive_bayes()",
    "Hoeffding tree": "hoeffding_tree()",
    "adaptive tree": "hoeffding_adaptive_tree(seed=1)",
    "ARF10": "adaptive_random_forest(n_models=10, seed=1)",
}
"""The learners by name, and our spec of each."""

OF_NUMBERS: Final = {
    "tree of numbers": "hoeffding_tree()",
    "tree of means": "hoeffding_tree(leaf='mean')",
    "adaptive tree of numbers": "hoeffding_adaptive_tree(seed=1)",
    "ARF10 of numbers": "adaptive_random_forest(n_models=10, seed=1)",
}
"""The learners of streams whose targets are numbers; there an answer is right within `Table.near`."""

ALL: Final = {**LEARNERS, **OF_NUMBERS}

OF_CLASSES: Final = {"logistic": "softmax()"}
"""Our spec where there are more than two classes, if it is another; River's and Vowpal Wabbit's are one against all."""

WHOLE, RUNS, SINGLE = "ours, tables", "ours, runs", "ours, one at a time"
RIVER, MOA, WABBIT = "River", "MOA", "Vowpal Wabbit"


class Unable(Exception):  # noqa: N818 - it is no error: a line is said, and the others go on
    """Somebody cannot take part: what is missing."""


class Contestant(NamedTuple):
    """A way to run one learner."""

    who: str
    learner: str
    begin: Callable[[Table], Course]


def ours(learner: str, table: Table) -> Compiled:
    """Return our model of this learner, which has learned nothing.

    Raises
    ------
    Unable
        There is none, or none for the task.
    """
    spec = {**ALL, **LEARNERS}[learner]
    if table.task is Task.MULTICLASS:
        spec = OF_CLASSES.get(learner, spec)
    try:
        model = parse_model(spec, task=table.task, seed=1, name="benchmark").model
    except SidestreamError as error:
        raise Unable(str(error)) from error
    return cast("Compiled", model)


def of_tables(learner: str) -> Callable[[Table], Course]:
    """Return ours with whole tables."""

    def begin(table: Table) -> Course:
        model = ours(learner, table)
        targets = np.array(table.targets, dtype=object)

        def go(begin: int, end: int) -> int:
            answers = model.test_then_train(table.names, table.numbers[begin:end], table.targets[begin:end])
            if table.task is Task.REGRESSION:
                return int((abs(answers[:, 0] - targets[begin:end]) <= table.near).sum())
            if answers.shape[1] == 1 and not model.classes:
                return int(((answers[:, 0] > 0.5) == targets[begin:end]).sum())
            decided = np.array(model.classes, dtype=object)[answers.argmax(axis=1)]
            decided[answers.max(axis=1) == 0.0] = untrained(table.task)[0]
            return int((decided == targets[begin:end]).sum())

        return go

    return begin


def of_runs(learner: str) -> Callable[[Table], Course]:
    """Return ours with runs of questions and examples."""

    def begin(table: Table) -> Course:
        model = ours(learner, table)
        acts = [act for x, y in zip(table.events, table.targets, strict=True) for act in (Act(x), Act(x, y))]

        def go(begin: int, end: int) -> int:
            answers: list[Answer] = []
            model.run(acts[2 * begin : 2 * end], answers)
            if table.task is Task.REGRESSION:
                return near(table, [answer[0] for answer in answers], begin, end)
            return sum(answer[0] == y for answer, y in zip(answers, table.targets[begin:end], strict=True))

        return go

    return begin


def of_single(learner: str) -> Callable[[Table], Course]:
    """Return ours with one event at a time."""

    def begin(table: Table) -> Course:
        model = ours(learner, table)

        def go(begin: int, end: int) -> int:
            right = 0
            for x, y in zip(table.events[begin:end], table.targets[begin:end], strict=True):
                right += model.predict(x)[0] == y
                model.learn(x, y, 1.0)
            return right

        def go_by_numbers(begin: int, end: int) -> int:
            said = []
            for x, y in zip(table.events[begin:end], table.targets[begin:end], strict=True):
                said.append(model.predict(x)[0])
                model.learn(x, y, 1.0)
            return near(table, said, begin, end)

        table.events  # noqa: B018 - laid out here, and not while it is timed
        return go_by_numbers if table.task is Task.REGRESSION else go

    return begin


def near(table: Table, said: Sequence[Any], begin: int, end: int) -> int:
    """Return how many answers that are numbers are near their targets."""
    away = np.array(said, dtype=np.float64) - np.array(table.targets[begin:end], dtype=np.float64)
    return int((abs(away) <= table.near).sum())


def rivers(learner: str, task: Task) -> Any:
    """Return River's model of this learner."""
    from river import forest, linear_model, multiclass, naive_bayes, preprocessing, tree

    if learner == "logistic":
        linear: Any = linear_model.LogisticRegression()
        if task is Task.MULTICLASS:
            linear = multiclass.OneVsRestClassifier(linear)
        return preprocessing.StandardScaler() | linear
    return {
        "naive Bayes": naive_bayes.GaussianNB,
        "Hoeffding tree": tree.HoeffdingTreeClassifier,
        "adaptive tree": lambda: tree.HoeffdingAdaptiveTreeClassifier(seed=1),
        "ARF10": lambda: forest.ARFClassifier(n_models=10, seed=1),
        "tree of numbers": tree.HoeffdingTreeRegressor,
        "tree of means": lambda: tree.HoeffdingTreeRegressor(leaf_prediction="mean"),
        "adaptive tree of numbers": lambda: tree.HoeffdingAdaptiveTreeRegressor(seed=1),
        "ARF10 of numbers": lambda: forest.ARFRegressor(n_models=10, seed=1),
    }[learner]()


def of_river(learner: str) -> Callable[[Table], Course]:
    """Return River's own loop."""

    def begin(table: Table) -> Course:
        model = rivers(learner, table.task)

        def go(begin: int, end: int) -> int:
            right = 0
            for x, y in zip(table.events[begin:end], table.targets[begin:end], strict=True):
                right += model.predict_one(x) == y
                model.learn_one(x, y)
            return right

        def go_by_numbers(begin: int, end: int) -> int:
            said = []
            for x, y in zip(table.events[begin:end], table.targets[begin:end], strict=True):
                said.append(model.predict_one(x))
                model.learn_one(x, y)
            return near(table, said, begin, end)

        table.events  # noqa: B018 - laid out here, and not while it is timed
        return go_by_numbers if table.task is Task.REGRESSION else go

    return begin


def of_wabbit(table: Table) -> Course:
    """Return Vowpal Wabbit learning examples that were parsed before; what it says of one is what it said before it."""
    many = table.task is Task.MULTICLASS
    reduction = f"--oaa {len(table.classes)}" if many else "--link logistic"
    workspace = import_module("vowpalwabbit").Workspace(f"--quiet --loss_function logistic {reduction}")
    parsed = [workspace.example(line) for line in wabbit_lines(table)]
    learn = workspace.learn

    def go(begin: int, end: int) -> int:
        right = 0
        if many:
            for example, code in zip(parsed[begin:end], table.codes[begin:end], strict=True):
                learn(example)
                right += example.get_multiclass_prediction() == code + 1
        else:
            for example, y in zip(parsed[begin:end], table.targets[begin:end], strict=True):
                learn(example)
                right += (example.get_simplelabel_prediction() > 0.5) == y
        return right

    return go


def wabbit_lines(table: Table) -> list[str]:
    """Return the events as Vowpal Wabbit writes them: 1 or -1 for two classes, else their numbers from 1 on."""
    many = table.task is Task.MULTICLASS
    lines = []
    for row, code in zip(table.numbers.tolist(), table.codes, strict=True):
        label = code + 1 if many else 2 * code - 1
        lines.append(f"{label} | " + " ".join(f"{place}:{value!r}" for place, value in enumerate(row)))
    return lines


def contestants() -> tuple[list[Contestant], list[str]]:
    """Return who can take part here, and a line for everybody who cannot, with the remedy."""
    found: list[Contestant] = []
    skipped: list[str] = []
    for learner in ALL:
        found += [Contestant(WHOLE, learner, of_tables(learner)), Contestant(RUNS, learner, of_runs(learner))]
        found += [Contestant(SINGLE, learner, of_single(learner)), Contestant(RIVER, learner, of_river(learner))]
    try:
        from benchmarks.learner_moa import moas
    except (ImportError, RuntimeError) as error:  # a RuntimeError is CapyMOA's word for a missing Java
        skipped.append(f"{MOA}: SKIPPED ({error}); pip install capymoa, with Java 17")
    else:
        found += [Contestant(who, learner, begin) for who, learner, begin in moas()]
    try:
        import_module("vowpalwabbit")
    except ImportError as error:
        skipped.append(f"{WABBIT}: SKIPPED ({error}); pip install vowpalwabbit")
    else:
        found.append(Contestant(WABBIT, "logistic", of_wabbit))
    return found, skipped

"""A challenger's model takes a stretch of the tape in one run, and nobody can tell but by the time it takes."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from engine import Engine, Label, Outcomes, Plan, Request
from engine.messages import Answer, Features, Message, Target
from engine.models.model import Act, Model
from engine.snapshot import digest
from engine.targets import Task

FAILS_AT = 130
"""The act, from 0 on, that the failing model cannot take."""


class Counts:
    """Answers with the share of acts that taught it True; its 131st act raises where it is told to fail."""

    def __init__(self, *, fails: bool) -> None:
        self.acts = 0
        self.positives = 0
        self.fails = fails

    def _act(self) -> None:
        if self.fails and self.acts == FAILS_AT:
            msg = "no more"
            raise ValueError(msg)
        self.acts += 1

    def predict(self, x: Features) -> Answer:
        self._act()
        share = self.positives / self.acts
        return share > 0.5, share

    def learn(self, x: Features, target: Target, weight: float) -> None:
        self._act()
        self.positives += target is True

    def snapshot(self) -> object:
        return [self.acts, self.positives]

    def restore(self, state: object) -> None:
        raise NotImplementedError


class CountsInRuns(Counts):
    """The same, and it takes runs."""

    runs = 0

    def run(self, acts: Iterable[Act], answers: list[Answer]) -> None:
        self.runs += 1
        for x, target, weight in acts:
            if target is None:
                answers.append(self.predict(x))
            else:
                self.learn(x, target, weight)


def messages(count: int) -> list[Message]:
    random = Random(5)
    found: list[Message] = []
    for index in range(count):
        found.append(Request(index, {"a": random.gauss(0.0, 1.0)}))
        if index % 3:
            found.append(Label(index, random.random() < 0.4))
    return found


def engine_with(model: Model | None, **fields: Any) -> Engine:
    plan = Plan(
        task=Task.BINARY,
        classes=(False, True),
        positive=True,
        champion="majority()",
        challengers={"other": "naive_bayes()"},
        baseline=False,
        **fields,
    )
    engine = Engine(plan)
    if model is not None:
        engine.learner.contenders[1].model = model
    return engine


def said(engine: Engine, given: list[Message], slice_count: int) -> list[Outcomes]:
    return [engine.process(given[begin : begin + slice_count]) for begin in range(0, len(given), slice_count)]


def told(found: list[Outcomes], name: str) -> list[Any]:
    return [each for out in found for each in getattr(out, name)]


@pytest.mark.parametrize("slice_count", [1, 7, 200])
@pytest.mark.parametrize("fails", [False, True])
def test_the_same_is_answered_and_the_same_step_benches(slice_count: int, *, fails: bool) -> None:
    given = messages(200)
    one, run = engine_with(Counts(fails=fails)), engine_with(CountsInRuns(fails=fails))
    expected, found = said(one, given, 1), said(run, given, slice_count)
    for name in ("predictions", "label_ends", "shadow", "benched"):
        assert told(found, name) == told(expected, name)
    assert bool(told(found, "benched")) is fails
    assert run.learner.contenders[1].learned_count == one.learner.contenders[1].learned_count
    assert run.learner.contenders[1].model.snapshot() == one.learner.contenders[1].model.snapshot()


def test_a_slice_is_one_run() -> None:
    model = CountsInRuns(fails=False)
    said(engine_with(model), messages(200), 100)
    assert model.runs == -(-len(messages(200)) // 100)


def test_a_reaction_may_replace_the_model_at_any_step_so_it_takes_them_one_by_one() -> None:
    model = CountsInRuns(fails=False)
    said(engine_with(model, detectors=("adwin()",), reactions=((None, "reset()"),)), messages(200), 100)
    assert model.runs == 0
    assert model.acts > 0


@pytest.mark.parametrize("slice_count", [1, 50, 600])
def test_compiled_models_leave_the_same_state_however_the_tape_is_cut(slice_count: int) -> None:
    given = messages(300)
    whole, cut = engine_with(None), engine_with(None)
    said(whole, given, len(given))
    said(cut, given, slice_count)
    assert digest(cut.snapshot()) == digest(whole.snapshot())

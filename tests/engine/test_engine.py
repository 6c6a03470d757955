"""The engine from a Python caller's seat."""

from __future__ import annotations

from typing import Any

import pytest

import engine as package
from engine import ConfigError, Engine, Label, Plan, Request, SnapshotError
from engine.targets import Task


class Counting:
    """The smallest model of one's own: no snapshot, no restore."""

    def __init__(self) -> None:
        self.seen = 0

    def predict_proba_one(self, x: dict[str, float]) -> dict[bool, float]:
        share = self.seen / (self.seen + 1)
        return {True: share, False: 1.0 - share}

    def learn_one(self, x: dict[str, float], y: bool) -> None:
        self.seen += 1


def test_every_public_name_can_be_imported() -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        package.nothing  # noqa: B018


def test_an_object_of_ones_own_answers_and_learns_but_cannot_be_made_durable() -> None:
    engine = Engine(Plan(champion=Counting()))
    for i in range(3):
        engine.process([Request(i, {"a": 1.0}), Label(i, True)])
    assert engine.process([Request(3, {"a": 1.0})]).predictions[0].answer == (True, 0.75)
    with pytest.raises(SnapshotError, match="snapshot"):
        engine.snapshot()


def test_a_digest_exists_for_any_model_and_tells_states_apart() -> None:
    digests = set()
    for count in (3, 3, 4):
        engine = Engine(Plan(champion=Counting()))
        engine.process([message for i in range(count) for message in (Request(i, {"a": 1.0}), Label(i, True))])
        digests.add(engine.state_digest())
    assert len(digests) == 2


def test_a_summary_shows_itself_in_a_notebook() -> None:
    engine = Engine(Plan(champion="majority()", challengers={"<b>": "no_change()"}))
    engine.process([Request(0, {"a": 1.0}), Label(0, True)])
    html = engine.summary()._repr_html_()
    assert html.count("<tr>") == 3
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


def test_what_is_no_message_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match="got dict"):
        Engine(Plan()).process([{"id": 1}])  # type: ignore[list-item]


def test_two_contenders_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="different names"):
        Engine(Plan(champion="majority()", challengers={"majority": "no_change()"}))


def test_a_snapshot_of_other_contenders_or_of_another_format_is_refused() -> None:
    state = Engine(Plan(champion="majority()")).snapshot()
    with pytest.raises(SnapshotError, match="wire it the same way"):
        Engine(Plan(champion="no_change()")).restore(state)
    with pytest.raises(SnapshotError, match="format 99"):
        Engine(Plan(champion="majority()")).restore({**state, "format": 99})


def test_a_tape_at_its_bound_makes_the_challengers_catch_up() -> None:
    limits: Any = package.Limits(tape_count_max=10)
    engine = Engine(Plan(challengers={"other": "no_change()"}, limits=limits))
    shadow = [len(engine.answer([Request(i, {"a": 1.0}), Label(i, True)]).shadow) for i in range(12)]
    assert sum(shadow) > 0
    assert engine.forced_catch_ups > 0
    assert len(engine.learner.tape) <= 10


def test_equal_class_spellings_are_one_class() -> None:
    engine = Engine(Plan(task=Task.MULTICLASS, classes=(), positive=None, champion="majority()"))
    for i, spelled in enumerate(["1", 1, 1.0, "1.0"]):
        engine.process([Request(i, {"a": 1.0}), Label(i, spelled)])
    assert engine.scorer.targets.classes == [1]

"""Free text reaches the models that make something of it, and no compiled one, which would count it as a category."""

from __future__ import annotations

import pytest

from engine import Engine, Label, Plan, Request
from engine.models.spec import parse_model
from engine.schema import Column, Kind, Schema
from engine.targets import Task

SCHEMA = Schema(
    (Column("size", Kind.NUMERIC), Column("colour", Kind.CATEGORY), Column("note", Kind.TEXT)),
)
MODELS = ["naive_bayes()", "blend(naive_bayes(), majority())"]


def scores(model: str, column: str) -> list[object]:
    """Return the answers where a column says which class it is, and the others say nothing."""
    engine = Engine(
        Plan(task=Task.BINARY, classes=(False, True), positive=True, champion=model, baseline=False, schema=SCHEMA)
    )
    answers = []
    for index in range(40):
        is_odd = index % 2 == 1
        told = {"size": 1.0, "colour": "red", "note": "the same"}
        told[column] = {
            "size": 5.0 * is_odd + index % 7 / 10,
            "colour": "blue" if is_odd else "red",
            "note": f"odd {is_odd}",
        }[column]
        out = engine.process([Request(index, told), Label(index, is_odd)])
        answers.append(out.predictions[0].answer[0] == is_odd)
    return answers[20:]


@pytest.mark.parametrize("model", MODELS)
def test_a_compiled_model_learns_from_numbers_and_categories_and_not_from_free_text(model: str) -> None:
    assert all(scores(model, "size"))
    assert all(scores(model, "colour"))
    assert not all(scores(model, "note"))


def test_the_view_is_part_of_what_a_spec_says() -> None:
    for spec, reads in (
        ("naive_bayes()", "mixed"),
        ("majority()", "raw"),
        ("blend(naive_bayes(), rules(\"note matches 'odd' -> 1; otherwise 0\"))", "raw"),
        ("blend(naive_bayes(), river.naive_bayes.GaussianNB())", "numeric"),
    ):
        assert parse_model(spec, task=Task.BINARY, seed=1, name="a").reads == reads

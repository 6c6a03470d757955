"""Single values: a hostile one is refused in a short sentence, never in a traceback of the refusal itself."""

from __future__ import annotations

import pytest

from engine.errors import MessageError
from engine.targets import Targets, Task
from engine.values import show_value


def _nested(depth: int) -> list[object]:
    nest: list[object] = []
    for _ in range(depth):
        nest = [nest]
    return nest


HOSTILE = [
    pytest.param(10**5_000, id="5000 digits"),
    pytest.param(_nested(100_000), id="100,000 deep"),
    pytest.param(b"x" * 10**6, id="a megabyte"),
    pytest.param({"k": "v" * 10**6}, id="a large object"),
]


@pytest.mark.parametrize("value", [*HOSTILE, pytest.param("x" * 10**6, id="a long text")])
def test_any_value_can_be_shown_in_a_line(value: object) -> None:
    """Neither size nor depth nor digits break what a refusal quotes."""
    assert len(show_value(value)) < 150


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_regression_target_is_a_message_error(value: object) -> None:
    """It ends as one dead letter, and its sentence is short."""
    with pytest.raises(MessageError) as refused:
        Targets(Task.REGRESSION).encode(value)
    assert refused.value.reason == "target_not_a_number"
    assert len(refused.value.detail) < 200


@pytest.mark.parametrize("spelling", ["1", " 1 ", "1.0", "1.", 1, 1.0, True])
def test_a_binary_class_has_one_spelling(spelling: object) -> None:
    """Files written by different tools agree on what 1 is."""
    assert Targets(Task.BINARY, classes=(0, 1), positive=1).encode(spelling) is True

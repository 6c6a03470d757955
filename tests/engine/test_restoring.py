"""What an engine takes back, what it refuses, and in which words; and engines that go on with other contenders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Command, Engine, Label, LabelRules, Limits, Plan, Request, SnapshotError, Verb, parse_policy
from engine.messages import Message
from engine.snapshot import decode, encode
from tests.worlds import world

PLAN = Plan(
    champion="majority()",
    champion_name="a",
    challengers={"b": "river.naive_bayes.GaussianNB()", "c": "rules('otherwise 0.5')"},
    labels=LabelRules(parse_policy("negative_after(1d)"), delayed=True, relearn=True),
    limits=Limits(pending_count_max=20, dedup_count_max=20, window_count=20),
)
MESSAGES = world(5, 120)


def state_after(messages: list[Message], plan: Plan = PLAN, *commands: Command) -> dict[str, Any]:
    engine = Engine(plan)
    engine.process(messages)
    for command in commands:
        engine.command(command)
    state: dict[str, Any] = decode(encode(engine.snapshot()))
    return state


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to every value in a state."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


STATE = state_after(MESSAGES, PLAN, Command(Verb.PROMOTE, "b"), Command(Verb.BENCH, "b"))
PLACES = [path for path in places(STATE) if path]
JUNK = st.sampled_from([None, -1, 10**9, 2.5, "junk", b"junk", [], ["junk"], {}, [[1, 2]], True])


def garbled(path: tuple[Any, ...], junk: object) -> dict[str, Any]:
    state: dict[str, Any] = decode(encode(STATE))
    inner: Any = state
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = junk
    return state


@pytest.mark.parametrize("verb", ["restore", "graft"])
@given(path=st.sampled_from(PLACES), junk=JUNK)
@settings(max_examples=300, deadline=None)
def test_a_garbled_state_is_taken_or_refused_by_name_and_half_of_one_is_never_used(
    verb: str, path: tuple[Any, ...], junk: object
) -> None:
    engine = Engine(PLAN)
    untouched = engine.state_digest()
    try:
        getattr(engine, verb)(garbled(path, junk))
    except SnapshotError:
        try:
            assert engine.state_digest() == untouched
        except SnapshotError:
            for call in (engine.snapshot, engine.catch_up, lambda: engine.process([]), engine.reset_figures):
                with pytest.raises(SnapshotError, match="make a new one"):
                    call()
            with pytest.raises(SnapshotError, match="make a new one"):
                engine.command(Command(Verb.PROMOTE, "c"))
        engine.restore(STATE)
        assert engine.state_digest() == EXPECTED


def digest_of(state: dict[str, Any]) -> str:
    engine = Engine(PLAN)
    engine.restore(state)
    return engine.state_digest()


EXPECTED = digest_of(STATE)


def test_a_state_that_is_none_is_refused() -> None:
    with pytest.raises(SnapshotError, match="garbled"):
        Engine(PLAN).restore([1, 2])  # type: ignore[arg-type]
    with pytest.raises(SnapshotError, match="format None"):
        Engine(PLAN).restore({})


def test_a_graft_needs_the_champion_of_the_snapshot() -> None:
    state = state_after(MESSAGES, PLAN, Command(Verb.PROMOTE, "c"))
    without = replace(PLAN, challengers={"b": "river.naive_bayes.GaussianNB()"})
    with pytest.raises(SnapshotError, match="champion c=rules"):
        Engine(without).graft(state)
    another = replace(PLAN, challengers={"c": "rules('otherwise 0.4')"})
    with pytest.raises(SnapshotError, match="champion c=rules"):
        Engine(another).graft(state)


def test_a_graft_keeps_who_answers_and_forgets_champions_that_are_no_more() -> None:
    state = state_after(MESSAGES, PLAN, Command(Verb.PROMOTE, "b"), Command(Verb.PROMOTE, "c"))
    engine = Engine(replace(PLAN, challengers={"c": "rules('otherwise 0.5')"}))
    engine.graft(state)
    assert engine.summary().data["champion"] == "c"
    assert engine.command(Command(Verb.ROLLBACK)).commanded[0].champion == "a", "b is no more"
    assert engine.command(Command(Verb.ROLLBACK)).commanded[0].refused is not None


def test_the_understudy_may_answer_across_a_graft() -> None:
    benchings = [Command(Verb.BENCH, name) for name in "abc"]
    engine = Engine(replace(PLAN, challengers={"d": "majority()"}))
    engine.graft(state_after(MESSAGES, PLAN, *benchings))
    (prediction,) = engine.process([Request("new", {"a": 1.0, "b": 1, "c": "x"}, 1)]).predictions
    assert (prediction.model, prediction.rung) == ("understudy", "understudy")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"labels": LabelRules(parse_policy("wait(2d)"), delayed=True)}, "labels"),
        ({"limits": Limits()}, "limits"),
        ({"detectors": ()}, "detectors"),
        ({"seed": 1, "classes": (0, 1), "positive": 1}, "classes, positive, seed"),
    ],
)
def test_a_graft_changes_contenders_only(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(SnapshotError, match=f"of another {named};"):
        Engine(replace(PLAN, **changes)).graft(STATE)


def test_a_graft_needs_a_tape_that_was_caught_up_and_a_new_engine() -> None:
    engine = Engine(PLAN)
    engine.answer(MESSAGES)
    state = engine.snapshot()
    with pytest.raises(SnapshotError, match="catch up before"):
        Engine(PLAN).graft(state)
    engine.catch_up()
    with pytest.raises(SnapshotError, match="graft onto a new one"):
        engine.graft(engine.snapshot())


def test_a_grafted_contender_that_reads_numbers_learns_from_requests_that_came_before_it() -> None:
    first = replace(PLAN, challengers={}, detectors=())
    second = replace(first, challengers={"linear": "river.linear_model.LogisticRegression()"})
    asked: list[Message] = [Request(i, {"a": 1.0, "c": "xy"[i % 2]}, i) for i in range(4)]
    engine = Engine(second)
    engine.graft(state_after(asked, first))
    out = engine.process([Label(i, i % 2 == 0, 10) for i in range(4)])
    assert not out.benched
    model = engine.summary().data["models"]["linear"]
    assert (model["learned_count"], model["metrics"]["count"]) == (4, 0), "it learns what it never answered"

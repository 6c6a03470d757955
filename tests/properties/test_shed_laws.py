"""Whoever is shed when: the champion's answers are the same bits, and every input has its end."""

from __future__ import annotations

from itertools import chain
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Command, Engine, Verb
from engine.messages import Outcomes
from engine.targets import Task
from tests.successions import POLICIES, RULES, TREES, Fickle, FickleNumber, fickle_plan, run
from tests.worlds import world

NAMES = ("second", "first", "rules", "nobody")


def sheddings(seed: int, count: int) -> dict[int, list[Command]]:
    random = Random(seed)
    placed: dict[int, list[Command]] = {}
    for _ in range(random.randrange(1, 20)):
        command = Command(random.choice([Verb.SHED, Verb.RESUME]), random.choice(NAMES))
        placed.setdefault(random.randrange(count), []).append(command)
    return placed


def chained(said: list[Outcomes], name: str) -> list[object]:
    return list(chain.from_iterable(getattr(out, name) for out in said))


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("task", [Task.BINARY, Task.REGRESSION])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_the_champion_answers_the_same_bits_whoever_is_shed(policy: str, task: Task, seed: int) -> None:
    messages = world(seed, 150, task)
    found = []
    for commands in ({}, sheddings(seed, 200)):
        # This champion never fails: whom the ladder finds may well depend on who was shed.
        fields = {"champion": TREES[task], "challengers": {"rules": RULES[task], "second": fickle(seed, task)}}
        engine = Engine(fickle_plan(seed % 1_000, policy, task, **fields))
        said = run(engine, messages, commands, 7)
        data = engine.summary().data
        named = ("predictions", "label_ends", "request_ends", "dead_letters")
        found.append(repr([[chained(said, name) for name in named], data["served"], data["requests"], data["labels"]]))
    assert found[0] == found[1]


def fickle(seed: int, task: Task) -> Fickle:
    """Return a challenger that fails now and then."""
    return (FickleNumber if task is Task.REGRESSION else Fickle)(seed % 1_000 + 1, task)

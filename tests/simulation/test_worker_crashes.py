"""A worker is killed, cut off, replaced, refused and starved of disk, two thousand times: nothing may come of it.

One test takes `HISTORIES_EACH` seeds, so that the run can be shared among processes. A failure names its seed, and the
command that repeats it.
"""

from __future__ import annotations

import json

import pytest

from streams.ground import whole_topic
from tests.simulation.worker_world import history

HISTORY_COUNT = 2_000
HISTORIES_EACH = 50


@pytest.mark.parametrize("first", range(0, HISTORY_COUNT, HISTORIES_EACH))
def test_whatever_ends_a_worker_nothing_is_lost_doubled_or_learned_otherwise(first: int) -> None:
    for seed in range(first, first + HISTORIES_EACH):
        try:
            history(seed)
        except BaseException as error:
            error.add_note(f"repeat it: python -m tests.simulation.worker_world {seed}")
            raise


def test_the_same_seed_lives_through_the_same_history() -> None:
    assert history(7).told == history(7).told


def test_the_histories_meet_everything_they_are_for() -> None:
    told = "\n".join(line for seed in range(40) for line in history(seed).told)
    for what in (
        "Killed",
        "PowerCut",
        "stopped",
        "gave up",
        "another worker led",
        "lost its last",
        "flipped bit",
        "joins",
    ):
        assert what in told, f"no history of forty has {what!r}"


def test_the_histories_judge_and_act() -> None:
    """Judgement is part of what is killed: alarms, episodes, reactions, and promotions on evidence, said or done."""
    found = set()
    for seed in range(60):
        for line in whole_topic(history(seed).log, "alarms"):
            told = json.loads(line)
            found.add(told.get("step") or told.get("rule") or told["event"])
    wanted = {"alarm", "episode", "forked", "kept", "reset", "restarting", "harm", "fixed", "command"}
    assert found >= wanted, wanted - found

"""A worker as others see it: what is shown, in which state, and how seldom somebody looks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from streams.worker_view import SHOWN_EVERY_S, WorkerView
from tests.workers import Life


class Eyes(WorkerView):
    """A view that remembers everything it has shown."""

    def __init__(self, life: Life, talk_every_s: float = 10.0) -> None:
        self.said: list[str] = []
        self.states: list[str] = []
        super().__init__(self.said.append, life.seconds, life.now_ms, talk_every_s)

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name == "shown":
            self.states.append(value["state"])


def lived(life: Life, eyes: Eyes) -> dict[str, Any]:
    replace(life.service(), observer=eyes).run()
    return eyes.shown


def test_what_is_shown_is_where_the_worker_stands() -> None:
    life = Life()
    life.arrive(30)
    shown = lived(life, Eyes(life))
    assert (shown["position"], shown["lag"], shown["champion"]) == (60, 0, "linear")
    assert shown["commits"] == life.log.journal_end() == shown["last_commit"]["sequence"] + 1
    assert {name: each["role"] for name, each in shown["contenders"].items()} == {
        "linear": "champion",
        "bayes": "challenger",
        "no_change": "baseline",
    }
    assert shown["contenders"]["linear"]["figures"]["accuracy"] is not None
    assert shown["labels"]["learned"] == 30
    assert json.loads(json.dumps(shown)) == shown


def test_the_states_of_a_workers_life_follow_each_other() -> None:
    life = Life()
    life.arrive(30)
    first, second = Eyes(life), Eyes(life)
    lived(life, first)
    life.arrive(5)
    lived(replace(life, recovered_at_start=None), second)
    assert first.states == ["starting", "working", "stopped"]
    assert second.states[0] == "starting"
    assert second.said[-1] == "stopped: everything taken is committed, the state is kept"
    second.recovering(3, 7)
    assert second.shown == {"state": "recovering", "replayed": 3, "to_replay": 7}
    second.failed(RuntimeError("no"))
    assert (second.shown["state"], second.shown["failure"]) == ("failed", "no")


def test_nobody_looks_more_often_than_once_in_a_while() -> None:
    life = Life()
    life.arrive(100)
    eyes = Eyes(life)
    lived(life, eyes)
    assert eyes.states.count("working") == 1, "time stands still in this life"
    ticking = Life(tick_s=SHOWN_EVERY_S)
    ticking.arrive(100)
    eyes = Eyes(ticking)
    lived(ticking, eyes)
    assert eyes.states.count("working") > 10

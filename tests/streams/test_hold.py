"""`hold` and `allow`: what evidence would have done is not done from one position to another, and the trail says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.messages import Verb
from streams.commands import CommandRecord, encode
from tests.workers import START_MS, Life, settings_of

PROMOTING: dict[str, dict[str, Any]] = {
    "contenders": {"champion": "majority()", "challengers": {"tree": "river.tree.HoeffdingTreeClassifier()"}},
    "promotion": {
        "mode": "automatic",
        "run_length": 20,
        "matured_count_min": 20,
        "positive_count_min": 5,
        "span_min": "10m",
        "epoch_inputs": 16,
    },
}


def a_life(**changes: dict[str, Any]) -> Life:
    return Life(settings=settings_of(**{**PROMOTING, **changes}))


def ask(life: Life, verb: Verb, name: str = "tree", reason: str = "") -> None:
    life.append("commands", encode(CommandRecord(verb, name, "ann", START_MS, reason)))


def trail(life: Life) -> list[dict[str, Any]]:
    found = [json.loads(record.value) for record in life.log.read("audit", 0, 0).records]
    return [entry for entry in found if entry["verb"] != "start"]


def champions(life: Life) -> list[str]:
    """Who answered, in order, each named once."""
    records = life.log.read("predictions", 0, 0).records
    return list(dict.fromkeys(json.loads(record.value)["model"] for record in records))


def test_evidence_promotes_who_is_not_held() -> None:
    life = a_life()
    life.arrive(600)
    life.run()
    assert champions(life) == ["majority", "tree"]


def test_who_is_held_is_not_promoted_and_the_audit_trail_says_why_and_at_which_position() -> None:
    life = a_life()
    ask(life, Verb.HOLD, reason="p99 of 40 ms, 20 are allowed")
    life.arrive(600)
    life.run()
    assert champions(life) == ["majority"]
    (held,) = trail(life)
    assert (held["verb"], held["contender"], held["effect"], held["position"]) == ("hold", "tree", "done", 0)
    assert held["reason"] == "p99 of 40 ms, 20 are allowed"
    standing = life.recovered().replica.engine.summary().data["promotion"]["standings"]["tree"]
    assert (standing["eligible"], standing["because"]) == (False, "held by command")


def test_who_is_allowed_again_is_promoted_on_what_was_gathered_meanwhile() -> None:
    life = a_life()
    ask(life, Verb.HOLD)
    life.arrive(600)
    life.run()
    ask(life, Verb.ALLOW)
    life.arrive(120)
    life.run()
    assert champions(life) == ["majority", "tree"]
    assert [(entry["verb"], entry["effect"]) for entry in trail(life)[:2]] == [("hold", "done"), ("allow", "done")]
    assert trail(life)[1]["position"] > 0


def test_a_worker_that_comes_back_still_holds() -> None:
    life = a_life()
    ask(life, Verb.HOLD)
    life.arrive(20)
    life.run()
    life.arrive(580)
    life.run()
    assert champions(life) == ["majority"]


@pytest.mark.parametrize(
    ("verb", "name", "mode", "why"),
    [
        (Verb.HOLD, "tree", "off", "refused: no evidence is gathered, so nothing promotes anybody but a command"),
        (
            Verb.HOLD,
            "trees",
            "automatic",
            "refused: there is no contender 'trees'; there are majority, tree, no_change",
        ),
        (Verb.ALLOW, "tree", "automatic", "refused: 'tree' is not held"),
    ],
)
def test_what_changes_nothing_is_refused_in_the_trail(verb: Verb, name: str, mode: str, why: str) -> None:
    life = a_life(promotion={**PROMOTING["promotion"], "mode": mode})
    ask(life, verb, name)
    life.arrive(4)
    life.run()
    assert [entry["effect"] for entry in trail(life)] == [why]

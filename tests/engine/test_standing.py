"""Every reason why a challenger may not be promoted yet can be met, and is said in words."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from engine.evidence.losses import zero_one
from engine.evidence.rules import EvidenceRules
from engine.messages import Answer
from engine.promotion_rules import PromotionRules
from engine.snapshot import decode, encode
from engine.standing import Standing
from engine.tape import Row
from tests.worlds import DAY, HOUR

YES, NO = (True, 0.9), (False, 0.1)
Event = tuple[Answer, Answer, bool]
CAUGHT: Event = (NO, YES, True)
"""A positive that only the challenger saw."""
CLEARED: Event = (YES, NO, False)
"""A negative that only the champion alerted on."""
WORSE: Event = (YES, NO, True)
SAME: Event = (YES, YES, True)


def standing(events: Iterable[Event], *, step_ms: int | None = HOUR, **rules: Any) -> Standing:
    """Return how a challenger stands after these events, an hour apart, where nothing is asked for but the evidence."""
    little: dict[str, Any] = {"matured_count_min": 0, "positive_count_min": 0, "span_ms_min": 0, **rules}
    made = Standing(PromotionRules(**little), zero_one, binary=True)
    take(made, events, step_ms=step_ms)
    return made


def take(made: Standing, events: Iterable[Event], *, step_ms: int | None = HOUR) -> None:
    for index, (champion, challenger, target) in enumerate(events, made.count):
        row = Row(index, index, None if step_ms is None else index * step_ms, None, 2)
        made.add(row, champion, challenger, target)


ALWAYS_BETTER = [CAUGHT, CLEARED] * 50


def test_a_challenger_that_is_always_the_right_one_may_be_promoted() -> None:
    assert standing(ALWAYS_BETTER).hindrance(1) is None


@pytest.mark.parametrize(
    ("events", "rules", "says"),
    [
        (ALWAYS_BETTER, {"matured_count_min": 1_101}, "100 of 1,101 matured events"),
        (ALWAYS_BETTER, {"positive_count_min": 51}, "50 of 51 positives"),
        (ALWAYS_BETTER, {"span_ms_min": 5 * DAY}, "events of 99h, 5d are asked for"),
        ([SAME] * 100, {}, "no evidence yet"),
        ([WORSE] * 3, {}, "evidence e^0.7 of e^11.5"),
        (ALWAYS_BETTER, {"margin": 0.9}, "evidence e^5.8 of e^11.5"),
        (ALWAYS_BETTER, {"evidence": EvidenceRules("fixed", "bernstein", alpha=1e-30)}, "evidence e^38.0 of e^69.1"),
        (
            [CAUGHT] * 100,
            {"calibration_gap_max": 0.05},
            "its mean probability is off by -0.1000, 0.05 is allowed",
        ),
        (
            [CAUGHT, CAUGHT, CLEARED] * 40,
            {"alert_ratio_max": 1.5},
            "it alerts on 66.63% of the latest events, the champion on 33.37%",
        ),
    ],
)
def test_what_is_missing_is_said_in_words(events: list[Event], rules: dict[str, Any], says: str) -> None:
    found = standing(events, **rules)
    assert found.hindrance(1) == says


@pytest.mark.parametrize(
    ("rules", "met"),
    [
        ({"matured_count_min": 101}, [CAUGHT]),
        ({"positive_count_min": 51}, [CAUGHT]),
        ({"span_ms_min": 100 * HOUR}, [CLEARED]),
        ({"margin": 0.8}, ALWAYS_BETTER),
        ({"calibration_gap_max": 0.05}, []),
        ({"alert_ratio_max": 1.01}, []),
    ],
)
def test_what_was_missing_and_has_come_hinders_no_more(rules: dict[str, Any], met: list[Event]) -> None:
    made = standing(ALWAYS_BETTER, **rules)
    assert (made.hindrance(1) is None) == (not met)
    take(made, met)
    assert made.hindrance(1) is None


def test_where_events_have_no_time_no_span_is_asked_for() -> None:
    assert standing(ALWAYS_BETTER, step_ms=None, span_ms_min=30 * DAY).hindrance(1) is None


def test_of_two_reasons_the_one_that_waiting_cures_is_said() -> None:
    made = standing([CAUGHT] * 100, matured_count_min=200, calibration_gap_max=0.05)
    assert made.hindrance(1) == "100 of 200 matured events"


def test_each_further_challenger_is_one_more_chance_to_be_wrong_and_asks_for_more() -> None:
    enough_alone = standing([CAUGHT] * 24, evidence=EvidenceRules("fixed", alpha=0.0001))
    assert enough_alone.hindrance(1) is None
    assert enough_alone.hindrance(10) == "evidence e^11.0 of e^11.5"


def test_after_a_restart_older_requests_count_for_nobody_and_nothing_is_left() -> None:
    made = standing(ALWAYS_BETTER)
    made.restart(since_index=149)
    fresh = standing([])
    fresh.since_index = 149
    assert made.snapshot() == fresh.snapshot()
    for index in (99, 149):
        made.add(Row(index, index, None, None, 2), *CAUGHT)
    assert made.count == 0
    made.add(Row(150, 150, None, None, 2), *CAUGHT)
    assert made.count == 1


def test_a_guardrail_looks_at_what_is_now() -> None:
    """A challenger that was miscalibrated long ago is not held back by it, nor let through by a good past."""
    rules: dict[str, Any] = {"calibration_gap_max": 0.2}
    off, right = ((NO, (True, 0.6), True)), ((NO, (True, 0.95), True))
    assert standing([off] * 100 + [right] * 8_000, **rules).hindrance(1) is None
    assert "is off by" in str(standing([right] * 100 + [off] * 8_000, **rules).hindrance(1))


def test_restored_from_a_snapshot_it_says_the_same_of_everything_to_come() -> None:
    first, second = standing(ALWAYS_BETTER[:30], calibration_gap_max=0.05), standing([], calibration_gap_max=0.05)
    second.restore(decode(encode(first.snapshot())))
    for event in [*ALWAYS_BETTER, SAME, WORSE, *[CAUGHT] * 200]:
        assert first.read(2) == second.read(2)
        assert first.hindrance(2) == second.hindrance(2)
        take(first, [event])
        take(second, [event])

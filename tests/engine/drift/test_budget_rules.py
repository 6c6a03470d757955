"""The alarm budget: how it is written, what it earns, what it is counted by."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.drift.budget import CREDIT_MAX, AlarmBudget, BudgetClock, BudgetUnit, parse_budget, split
from engine.errors import ConfigError
from engine.limits import Limits
from engine.tape import Moment

DAY = 86_400_000
budgets = st.builds(AlarmBudget, st.integers(1, 10**13), st.sampled_from(BudgetUnit), st.integers(1, 10**9 - 1))


@given(budget=budgets)
def test_a_budget_is_read_back_from_what_it_is_shown_as(budget: AlarmBudget) -> None:
    assert parse_budget(str(budget)) == budget


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("1 per 30d", AlarmBudget(30 * DAY, BudgetUnit.MS)),
        ("  3  per 1.5h ", AlarmBudget(5_400_000, BudgetUnit.MS, 3)),
        ("1 per 100_000 events", AlarmBudget(100_000, BudgetUnit.EVENTS)),
        ("2 per 1 event", AlarmBudget(1, BudgetUnit.EVENTS, 2)),
    ],
)
def test_a_budget_is_a_number_per_duration_or_events(text: str, budget: AlarmBudget) -> None:
    assert parse_budget(text) == budget


@pytest.mark.parametrize("text", ["", "1", "30d", "0 per 30d", "1 per 0 events", "1 per 0s", "-1 per 30d", None, 1])
def test_what_is_no_budget_is_refused(text: object) -> None:
    with pytest.raises(ConfigError):
        parse_budget(text)


@given(budget=budgets, gaps=st.lists(st.integers(-5, 10**12), max_size=20))
def test_what_is_earned_is_never_more_than_the_budget_nor_than_a_silence_may_earn(
    budget: AlarmBudget, gaps: list[int]
) -> None:
    earned = [budget.credit(gap) for gap in gaps]
    assert all(0.0 <= each <= CREDIT_MAX for each in earned)
    assert sum(earned) <= sum(max(0, gap) for gap in gaps) / budget.run_length * (1.0 + 1e-12)


@given(watches=st.integers(0, 1_000), groups=st.integers(0, 20))
def test_the_shares_make_no_more_than_the_whole(watches: int, groups: int) -> None:
    assert (watches + groups) * split(watches, groups) == pytest.approx(1.0 if watches + groups else 0.0)


def test_a_clock_of_events_counts_requests() -> None:
    clock = BudgetClock(parse_budget("1 per 10 events"), Limits())
    assert [clock.read(Moment(9, index, None)) for index in (0, 0, 7)] == [0, 0, 7]


def test_a_wild_clock_does_not_agree_with_itself_however_many_labels_repeat_its_time() -> None:
    clock = BudgetClock(parse_budget("1 per 30d"), Limits())
    assert clock.read(Moment(0, 0, DAY)) == DAY
    assert clock.read(Moment(1, 1, DAY + 5)) == DAY + 5
    assert {clock.read(Moment(position, 2, 10_000 * DAY)) for position in range(2, 100)} == {DAY + 5}
    assert clock.read(Moment(100, 3, DAY + 9)) == DAY + 9


def test_a_silence_that_enough_messages_agree_on_passes() -> None:
    clock = BudgetClock(parse_budget("1 per 30d"), Limits())
    for index in range(2):
        clock.read(Moment(index, index, DAY + index))
    seen = [clock.read(Moment(index, index, 9 * DAY + index)) for index in range(2, 14)]
    assert seen[0] == DAY + 1
    assert seen[-1] == 9 * DAY + 13


def test_without_event_time_a_clock_of_time_stands_still() -> None:
    assert BudgetClock(parse_budget("1 per 30d"), Limits()).read(Moment(5, 5, None)) is None


def test_a_restored_clock_goes_on() -> None:
    one, other = (BudgetClock(parse_budget("1 per 30d"), Limits()) for _ in range(2))
    times = [DAY, DAY + 9, *([5_000 * DAY] * 6), DAY + 20, *([9 * DAY] * 12)]
    for index, time_ms in enumerate(times[:12]):
        one.read(Moment(index, index, time_ms))
    other.restore(one.snapshot())
    rest = [Moment(index, index, time_ms) for index, time_ms in enumerate(times[12:], 12)]
    assert [one.read(when) for when in rest] == [other.read(when) for when in rest]

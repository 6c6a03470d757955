"""How many records are taken at once: more over a backlog, fewer where they take long, and never without a bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streams.stride import SLICE_COUNT, SLICE_COUNT_MAX, SLICE_COUNT_MIN, SLICE_S, Stride


def test_a_backlog_that_is_answered_quickly_is_taken_in_longer_slices_up_to_the_bound() -> None:
    stride = Stride()
    for _ in range(20):
        stride.took(stride.count, SLICE_S / 10)
    assert stride.count == SLICE_COUNT_MAX


def test_slow_models_have_short_slices() -> None:
    stride = Stride()
    for _ in range(20):
        stride.took(stride.count, 2 * SLICE_S)
    assert stride.count == SLICE_COUNT_MIN


def test_who_has_caught_up_begins_the_next_burst_with_a_short_slice() -> None:
    stride = Stride()
    stride.took(SLICE_COUNT, 0.0)
    stride.took(1, 0.0)
    assert stride.count == SLICE_COUNT


def test_a_length_that_was_asked_for_is_kept() -> None:
    stride = Stride(7)
    stride.took(7, 0.0)
    stride.took(7, 10 * SLICE_S)
    assert stride.count == 7


@given(cost_s=st.floats(1e-6, 1e-3), overhead_s=st.floats(0.0, 0.02))
def test_over_a_steady_backlog_a_slice_comes_to_take_its_time_and_no_more(cost_s: float, overhead_s: float) -> None:
    stride = Stride()
    for _ in range(20):
        stride.took(stride.count, overhead_s + stride.count * cost_s)
    shorter, longer = stride.count // 2, stride.count * 2
    assert stride.count == SLICE_COUNT_MIN or overhead_s + shorter * cost_s <= SLICE_S
    assert stride.count == SLICE_COUNT_MAX or overhead_s + longer * cost_s > SLICE_S / 2

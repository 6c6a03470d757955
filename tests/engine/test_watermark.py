"""Event time advances with the stream, and with nothing less."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.watermark import TimeVerdict, Watermark

DAY = 86_400_000


def watermark() -> Watermark:
    return Watermark(jump_ms=DAY, agreeing_count=10)


def test_ordinary_times_advance_and_older_ones_change_nothing() -> None:
    w = watermark()
    assert [w.observe(t) for t in (100, 90, 200)] == [TimeVerdict.ADVANCED, TimeVerdict.SAME, TimeVerdict.ADVANCED]
    assert w.now_ms == 200


@given(st.lists(st.integers(0, DAY // 100), min_size=30, max_size=60), st.integers(1, 29))
def test_one_wild_event_anywhere_never_moves_the_watermark(gaps: list[int], where: int) -> None:
    calm, wild = watermark(), watermark()
    now = 10 * DAY
    for i, gap in enumerate(gaps):
        now += gap
        calm.observe(now)
        if i == where:
            assert wild.observe(now + 1_000 * DAY) is TimeVerdict.SUSPECT
        wild.observe(now)
        assert wild.now_ms == calm.now_ms


def test_a_wild_first_event_is_taken_back_by_the_second() -> None:
    w = watermark()
    w.observe(400_000 * DAY)
    assert w.observe(5 * DAY) is TimeVerdict.REBASED
    assert w.observe(5 * DAY + 1) is TimeVerdict.ADVANCED
    assert w.now_ms == 5 * DAY + 1


def test_a_true_silence_passes_after_ten_others_agree() -> None:
    w = watermark()
    w.observe(0)
    w.observe(1)
    late = [2 * DAY + 10 * i for i in range(11)]
    verdicts = [w.observe(t) for t in late]
    assert verdicts == [TimeVerdict.SUSPECT] * 10 + [TimeVerdict.CONFIRMED]
    assert w.now_ms == late[-1]
    assert w.suspects == []


def test_a_sparse_stream_advances_ten_events_behind_its_head() -> None:
    w = watermark()
    times = [3 * DAY * i for i in range(40)]
    for t in times:
        w.observe(t)
    assert w.now_ms == times[-11]


def test_a_wild_event_in_a_sparse_stream_is_never_believed() -> None:
    w = watermark()
    for i in range(40):
        w.observe(3 * DAY * i)
        if i == 5:
            w.observe(100_000 * DAY)
    assert w.now_ms is not None
    assert w.now_ms < 3 * DAY * 40


@given(st.lists(st.integers(0, 50 * DAY), min_size=2, max_size=80), st.integers(0, 79))
def test_restored_watermark_goes_on_identically(times: list[int], cut: int) -> None:
    cut = min(cut, len(times))
    whole, first, second = watermark(), watermark(), watermark()
    for t in times:
        whole.observe(t)
    for t in times[:cut]:
        first.observe(t)
    second.restore(first.snapshot())
    for t in times[cut:]:
        second.observe(t)
    assert second.snapshot() == whole.snapshot()

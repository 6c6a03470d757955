"""Drift on real and reference streams: alarms where the concept changes, reactions that pay for themselves."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.drift_streams import (
    BERNOULLI,
    COVERTYPE,
    INSECTS,
    INSECTS_DETECTOR,
    INSECTS_GATE,
    NAIVE_BAYES,
    RBF,
    RBF_PERIOD,
    SEA,
    TREE,
    USENET,
    follow,
    read,
)
from tests.replays import real

OURS = ("adwin()",)
SWAPS = ("swapped", "rolled_back", "reset", "reinstated")


def test_a_tree_on_sea_is_told_of_the_second_change_which_alone_raises_its_loss_at_once() -> None:
    found = follow(read(real(SEA[0]), SEA[1]), TREE, OURS)
    assert any(25_000 <= alarm < 26_500 for alarm in found.alarms)
    assert not any(alarm < 25_000 for alarm in found.alarms)
    first = next(each for each in found.episodes if each.stage == "closed")
    assert first.kind in {"sudden", "uncertain"}
    assert first.onset_index == pytest.approx(25_000, abs=500)


def test_naive_bayes_on_sea_is_told_of_the_first_and_of_the_third_change() -> None:
    found = follow(read(real(SEA[0]), SEA[1]), NAIVE_BAYES, OURS)
    for begin, end in ((12_500, 14_000), (37_500, 39_000)):
        assert any(begin <= alarm < end for alarm in found.alarms)
    assert not any(alarm < 12_500 for alarm in found.alarms)
    onsets = [each.onset_index for each in found.episodes if each.stage == "closed"]
    assert onsets == pytest.approx([12_500, 37_500], abs=500)


def test_naive_bayes_on_a_shuffled_stream_raises_no_alarm() -> None:
    found = follow(read(real(COVERTYPE[0]), COVERTYPE[1]), NAIVE_BAYES, OURS)
    assert len(found.right) == 92_962
    assert found.alarms == []


def test_gated_naive_bayes_on_insects_swaps_at_most_12_times_and_has_70_per_cent_right() -> None:
    found = follow(read(real(INSECTS[0]), INSECTS[1]), NAIVE_BAYES, (INSECTS_DETECTOR,), INSECTS_GATE)
    assert len(found.right) == 24_150
    assert found.accuracy >= 70.0
    assert len(found.steps(*SWAPS)) <= 12


def test_by_default_gated_naive_bayes_on_insects_is_much_better_than_one_that_is_left_alone() -> None:
    rows = list(read(real(INSECTS[0]), INSECTS[1]))
    alone, gated = follow(rows, NAIVE_BAYES, OURS), follow(rows, NAIVE_BAYES, OURS, "gated()")
    assert gated.accuracy >= alone.accuracy + 15.0
    assert len(gated.steps(*SWAPS)) <= 12


@pytest.mark.parametrize("detector", ["adwin()", "page_hinkley()"])
def test_on_interchanging_rbf_each_change_is_heard_within_100_rows_and_nothing_else(detector: str) -> None:
    rows = islice(read(real(RBF[0]), RBF[1]), 30_000)
    alarms = follow(rows, NAIVE_BAYES, (detector,), "reset()").alarms
    changes = range(RBF_PERIOD, 30_000, RBF_PERIOD)
    assert len(alarms) == len(changes)
    assert all(change <= alarm < change + 100 for change, alarm in zip(changes, alarms, strict=True))


@pytest.mark.parametrize("detector", ["adwin()", "hddm_w()"])
def test_on_usenet1_whose_interest_comes_back_a_pool_is_better_than_a_reset_and_each_flip_is_heard(
    detector: str,
) -> None:
    rows = list(read(real(USENET[0]), USENET[1]))
    reset = follow(rows, BERNOULLI, (detector,), "reset()")
    pool = follow(rows, BERNOULLI, (detector,), "pool()")
    assert pool.accuracy > reset.accuracy
    assert pool.steps("reinstated")
    for flip in (300, 600, 900, 1_200):
        assert any(flip <= alarm < flip + 100 for alarm in pool.alarms)

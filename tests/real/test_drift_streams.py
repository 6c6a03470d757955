"""Drift on real and reference streams: alarms where the concept changes, reactions that pay for themselves."""

from __future__ import annotations

from itertools import islice

import pytest

from benchmarks.drift_streams import (
    BERNOULLI,
    COVERTYPE,
    INSECTS,
    NAIVE_BAYES,
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
    """The first 12,000 rows here; `benchmarks/reactions.py` asks the same of all 92,962."""
    found = follow(islice(read(real(COVERTYPE[0]), COVERTYPE[1]), 12_000), NAIVE_BAYES, OURS)
    assert found.alarms == []


def test_gated_naive_bayes_on_insects_swaps_a_few_times_and_is_the_better_for_it() -> None:
    """The first 3,000 rows here; `benchmarks/reactions.py` has all 24,150."""
    rows = list(islice(read(real(INSECTS[0]), INSECTS[1]), 3_000))
    found = follow(rows, NAIVE_BAYES, OURS, "gated()")
    assert found.accuracy >= follow(rows, NAIVE_BAYES, OURS).accuracy + 4.0
    assert 1 <= len(found.steps(*SWAPS)) <= 8


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

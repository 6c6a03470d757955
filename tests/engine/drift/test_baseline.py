"""The baseline: an upper bound on a mean, which is too low as seldom as it says."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from engine.drift.baseline import NUMBERS_A_BLOCK, ONES_A_BLOCK, Baseline, upper_mean
from engine.snapshot import decode, encode


@given(ones=st.integers(0, 400), count=st.integers(1, 400), spent=st.floats(0.1, 12.0))
def test_the_bound_of_a_rate_is_above_it_and_so_few_ones_are_as_unlikely_there_as_was_asked(
    ones: int, count: int, spent: float
) -> None:
    ones = min(ones, count)
    bound = upper_mean(ones / count, spent / count)
    assert ones / count <= bound <= 1.0
    if bound < 1.0:
        assert binom.cdf(ones, count, bound) <= 2.718281828 ** (-spent) * (1.0 + 1e-6)


@pytest.mark.parametrize(("rate", "doubt"), [(0.5, 0.3), (0.1, 0.3)])
def test_however_many_blocks_there_are_the_bound_is_too_low_no_more_often_than_the_doubt(
    rate: float, doubt: float
) -> None:
    streams, too_low = 60, 0
    for seed in range(streams):
        random, baseline = Random(seed), Baseline(doubt)
        for _ in range(int(800 / rate)):
            baseline.learn(float(random.random() < rate))
        too_low += baseline.m is not None and baseline.m < rate
    assert too_low <= binom.ppf(0.999, streams, doubt)


def test_a_bound_is_learned_from_thirty_ones_and_tightens_with_every_block() -> None:
    random, baseline = Random(3), Baseline(0.001)
    known: list[float] = []
    for _ in range(60_000):
        baseline.learn(float(random.random() < 0.05))
        if baseline.m is not None and (not known or baseline.m != known[-1]):
            known.append(baseline.m)
    assert 0.07 < known[0] < 0.12
    assert 0.05 < known[-1] < 0.062
    assert known == sorted(known, reverse=True)


def test_a_rate_that_rises_does_not_move_the_bound_and_one_that_falls_does() -> None:
    random, baseline = Random(4), Baseline(0.001)
    for _ in range(20_000):
        baseline.learn(float(random.random() < 0.1))
    before = baseline.m
    for _ in range(20_000):
        baseline.learn(float(random.random() < 0.3))
    assert baseline.m == before
    for _ in range(60_000):
        baseline.learn(float(random.random() < 0.02))
    assert baseline.m is not None
    assert baseline.m < 0.04


def test_no_ones_at_all_make_a_bound_in_the_end() -> None:
    baseline = Baseline(0.001)
    for _ in range(9_999):
        baseline.learn(0.0)
    assert baseline.m is None
    baseline.learn(0.0)
    assert baseline.m is not None
    assert 0.0 < baseline.m < 0.002


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_numbers_of_any_size_get_a_bound_above_their_mean(scale: float) -> None:
    random, baseline = Random(5), Baseline(0.001)
    for _ in range(100 * NUMBERS_A_BLOCK):
        baseline.learn(scale * random.expovariate(1.0))
    assert baseline.m is not None
    assert scale < baseline.m < 1.2 * scale


def test_a_rate_of_one_is_a_bound_of_one() -> None:
    baseline = Baseline(0.001)
    for _ in range(ONES_A_BLOCK):
        baseline.learn(1.0)
    assert baseline.m == 1.0


@given(cut=st.integers(0, 3_000), fractional=st.booleans())
def test_a_restored_baseline_goes_on(cut: int, fractional: bool) -> None:
    random = Random(6)
    values = [random.random() if fractional else float(random.random() < 0.3) for _ in range(3_000)]
    one, other = Baseline(0.01), Baseline(0.01)
    for value in values[:cut]:
        one.learn(value)
    other.restore(decode(encode(one.snapshot())))
    for value in values[cut:]:
        one.learn(value)
        other.learn(value)
    assert other.snapshot() == one.snapshot()

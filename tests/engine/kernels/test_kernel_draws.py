"""The seeded draws: the published generator, fair in every count they make, and replayed where a script is there."""

from __future__ import annotations

from math import exp, factorial

import numpy as np
import pytest

from engine.kernels import draws

COUNT = 60_000


def dice(seed: int, *script: int) -> np.ndarray:
    return np.array([seed, draws.HEAD_COUNT, *script], dtype=np.int64)


def chi_square(seen: np.ndarray, chances: np.ndarray) -> float:
    expected = chances * seen.sum()
    return float(((seen - expected) ** 2 / expected).sum())


def test_the_generator_is_the_published_one() -> None:
    state = dice(1_234_567)
    assert [int(draws.bits(state)) for _ in range(5)] == [
        6_457_827_717_110_365_317,
        3_203_168_211_198_807_973,
        9_817_491_932_198_370_423,
        4_593_380_528_125_082_431,
        16_408_922_859_458_223_821,
    ]


def test_uniform_numbers_fill_the_unit_interval_evenly() -> None:
    state = dice(1)
    numbers = np.array([draws.uniform(state) for _ in range(COUNT)])
    assert 0.0 <= numbers.min() < numbers.max() < 1.0
    seen, _ = np.histogram(numbers, bins=50, range=(0.0, 1.0))
    assert chi_square(seen, np.full(50, 1 / 50)) < 85.0  # the 0.999 quantile of 49 degrees


@pytest.mark.parametrize("count", [1, 2, 3, 7, 50])
def test_whole_numbers_are_equally_likely(count: int) -> None:
    state = dice(2)
    seen = np.bincount([draws.below(state, count) for _ in range(COUNT)], minlength=count)
    assert len(seen) == count
    assert chi_square(seen, np.full(count, 1 / count)) < count - 1 + 4.5 * np.sqrt(2.0 * count)


def test_no_number_of_a_large_range_is_favoured() -> None:
    # Without rejection, multiplying 32 bits would hit one third of this range twice as often as the rest.
    state, count = dice(3), 3 * 2**30
    thirds = np.bincount([draws.below(state, count) % 3 for _ in range(COUNT)], minlength=3)
    assert chi_square(thirds, np.full(3, 1 / 3)) < 13.9  # the 0.999 quantile of 2 degrees


@pytest.mark.parametrize("mean", [1.0, 6.0])
def test_counts_are_poisson(mean: float) -> None:
    state = dice(4)
    top = int(mean * 2.5) + 2
    seen = np.bincount(np.minimum([draws.poisson(state, mean) for _ in range(COUNT)], top), minlength=top + 1)
    chances = np.array([exp(-mean) * mean**k / factorial(k) for k in range(top)])
    assert chi_square(seen, np.append(chances, 1.0 - chances.sum())) < top + 4.5 * np.sqrt(2.0 * top)


def test_a_mean_beyond_sense_still_ends() -> None:
    assert draws.poisson(dice(5), 5_000.0) == draws.POISSON_MAX


def test_samples_hold_different_numbers_in_order_and_each_as_often() -> None:
    state, chosen = dice(6), np.zeros(3, dtype=np.int64)
    seen = np.zeros((8, 8), dtype=int)
    for _ in range(COUNT // 3):
        draws.sample(state, chosen, 3, 8)
        assert list(chosen) == sorted(set(chosen))
        seen[chosen[0], chosen[1]] += 1
        seen[chosen[0], chosen[2]] += 1
        seen[chosen[1], chosen[2]] += 1
    pairs = seen[np.triu_indices(8, 1)]
    assert chi_square(pairs, np.full(28, 1 / 28)) < 27 + 4.5 * np.sqrt(54.0)


def test_a_sample_of_all_is_all() -> None:
    chosen = np.zeros(5, dtype=np.int64)
    draws.sample(dice(7), chosen, 5, 5)
    assert list(chosen) == [0, 1, 2, 3, 4]


def test_a_script_is_drawn_first_and_then_the_generator() -> None:
    scripted, plain = dice(8, 3, 9, 2, 7), dice(8)
    chosen = np.zeros(3, dtype=np.int64)
    assert draws.poisson(scripted, 6.0) == 3
    draws.sample(scripted, chosen, 3, 10)
    assert list(chosen) == [9, 2, 7]
    assert [draws.poisson(scripted, 6.0) for _ in range(9)] == [draws.poisson(plain, 6.0) for _ in range(9)]

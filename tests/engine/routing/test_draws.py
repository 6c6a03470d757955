"""Who meets which arm: the same key the same one, in any process, and every experiment anew."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, chi2

from engine.routing.draws import splitmix64, sticky, uniform

COUNT = 20_000


def test_the_generator_gives_the_published_numbers() -> None:
    """The first three of the reference implementation, from the seed 1234567."""
    state, found = 1234567, []
    for _ in range(3):
        found.append(splitmix64(state))
        state = (state + 0x9E3779B97F4A7C15) % 2**64
    assert found == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_a_key_has_its_place_in_any_process() -> None:
    keys = [f"card {number}" for number in range(50)]
    script = "import sys; from engine.routing.draws import sticky; print([sticky('e', k) for k in sys.argv[1:]])"
    said = [
        subprocess.run(
            [sys.executable, "-c", script, *keys],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert said == [f"{[sticky('e', key) for key in keys]}\n"] * 2


def test_shares_of_keys_are_within_the_binomial_band() -> None:
    for share in (0.01, 0.3, 0.5):
        for name in ("a", "b", "experiment"):
            below = sum(sticky(name, str(number)) < share for number in range(COUNT))
            assert binom.ppf(1e-5, COUNT, share) <= below <= binom.ppf(1 - 1e-5, COUNT, share)


def test_two_experiments_share_the_same_keys_out_independently() -> None:
    """CRC-32 alone would not: for names of one length, its values differ by one constant."""
    for other in ("two", "abc", "longer"):
        both = [0] * 4
        for number in range(COUNT):
            key = f"card {number}"
            both[2 * (sticky("one", key) < 0.5) + (sticky(other, key) < 0.5)] += 1
        assert sum((count - COUNT / 4) ** 2 / (COUNT / 4) for count in both) < chi2.ppf(1 - 1e-5, 3)


@given(seed=st.integers(-(2**70), 2**70), index=st.integers(0, 2**50))
def test_a_draw_is_a_function_of_seed_and_index_within_0_and_1(seed: int, index: int) -> None:
    assert 0.0 <= uniform(seed, index) < 1.0
    assert uniform(seed, index) == uniform(seed, index)


def test_draws_of_neighbouring_seeds_and_indices_are_even() -> None:
    for seed in range(3):
        tenths = [0] * 10
        for index in range(COUNT):
            tenths[int(10 * uniform(seed, index))] += 1
        assert sum((count - COUNT / 10) ** 2 / (COUNT / 10) for count in tenths) < chi2.ppf(1 - 1e-5, 9)

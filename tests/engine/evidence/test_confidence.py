"""The interval around the gain covers it, tightens, and starts anew where the gain moved."""

from __future__ import annotations

from math import log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.evidence.confidence import ConfidenceSequence

fractions = st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=50)


def filled(alpha: float, differences: list[float]) -> ConfidenceSequence:
    gain = ConfidenceSequence(alpha)
    for d in differences:
        gain.add(d)
    return gain


def published(alpha: float, differences: list[float]) -> tuple[float, float]:
    """Return centre and half-width as the paper writes them, for the whole sequence at once, on [-1, 1]."""
    x = (np.array(differences) + 1) / 2
    t = np.arange(1, len(x) + 1)
    mean = (0.5 + np.cumsum(x)) / (t + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (t + 1)
    mean_before, variance_before = np.r_[0.5, mean[:-1]], np.r_[0.25, variance[:-1]]
    bet = np.minimum(0.5, np.sqrt(2 * log(2 / alpha) / (variance_before * t * np.log(1 + t))))
    penalty = ((x - mean_before) ** 2 * 4) @ ((-np.log(1 - bet) - bet) / 4)
    return 2 * float(bet @ x / bet.sum()) - 1, 2 * float((log(2 / alpha) + penalty) / bet.sum())


@given(differences=fractions, alpha=st.sampled_from([0.01, 0.05, 0.5]))
def test_the_interval_is_the_published_one_and_its_bounds_are_the_best_so_far(
    differences: list[float], alpha: float
) -> None:
    gain = filled(alpha, differences)
    if gain.moved_count:
        return
    each = [published(alpha, differences[:k]) for k in range(1, len(differences) + 1)]
    assert gain.centre == pytest.approx(each[-1][0], abs=1e-9)
    assert gain.lower == pytest.approx(max(-1.0, *(centre - half for centre, half in each)), abs=1e-9)
    assert gain.upper == pytest.approx(min(1.0, *(centre + half for centre, half in each)), abs=1e-9)


def test_before_the_first_difference_everything_is_possible() -> None:
    gain = ConfidenceSequence(0.05)
    assert (gain.lower, gain.centre, gain.upper, gain.count) == (-1.0, 0.0, 1.0, 0)


@given(differences=fractions)
def test_the_bounds_of_the_opposite_are_the_opposite_bounds(differences: list[float]) -> None:
    gain, loss = filled(0.05, differences), filled(0.05, [-d for d in differences])
    assert (gain.lower, gain.centre, gain.upper) == pytest.approx((-loss.upper, -loss.centre, -loss.lower), abs=1e-9)


@pytest.mark.parametrize("mean", [0.0, 0.02, -0.3])
def test_the_interval_covers_the_mean_at_all_times_in_all_but_a_share_of_alpha(mean: float) -> None:
    """1,000 events, 300 worlds; the share that ever misses is at most alpha, but for a chance of 1 in 1,000."""
    worlds, alpha = 300, 0.1
    random = np.random.default_rng(8)
    win = (0.4 + mean) / 2
    missed = 0
    for _ in range(worlds):
        gain = ConfidenceSequence(alpha)
        for u in random.random(1_000).tolist():
            gain.add(1.0 if u < win else -1.0 if u < 0.4 else 0.0)
            if not gain.lower <= mean <= gain.upper or gain.moved_count:
                missed += 1
                break
    assert missed <= worlds * alpha + 3.1 * sqrt(worlds * alpha * (1 - alpha))


def test_a_narrower_spread_gives_a_narrower_interval() -> None:
    narrow, wide = filled(0.05, [0.1, -0.1] * 500), filled(0.05, [1.0, -1.0] * 500)
    assert narrow.upper - narrow.lower < (wide.upper - wide.lower) / 3


def test_a_gain_that_moved_starts_the_interval_anew_and_is_counted() -> None:
    gain = filled(0.05, [-1.0] * 300 + [1.0] * 2_000)
    assert gain.moved_count == 1
    assert gain.lower > 0.9
    assert gain.count < 2_000


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, float("nan")])
def test_a_level_that_is_none_is_refused(alpha: float) -> None:
    with pytest.raises(ConfigError, match="alpha must be between 0 and 1, got"):
        ConfidenceSequence(alpha)

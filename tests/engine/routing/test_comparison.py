"""Tests that keep their level: at a planned count, or however often one looks."""

from __future__ import annotations

from math import sqrt
from random import Random
from statistics import median

import pytest
from scipy.stats import binom

from engine import ConfigError
from engine.routing.comparison import LOOKED_FROM, AnyTime, ArmTally, chi_square, welch
from engine.routing.moments import Moments
from engine.routing.power import Power, days

ALPHA = 0.05
STREAMS = 300


def looked_at(seed: int, rates: tuple[float, float], count: int, effect: float) -> tuple[int | None, bool]:
    """Return at which event per arm the any-time test stops, and whether a t-test with peeking ever would."""
    random, control, arm, test = Random(seed), Moments(), Moments(), AnyTime(effect)
    stopped, peeked = None, False
    for number in range(1, count + 1):
        control.add(float(random.random() < rates[0]))
        arm.add(float(random.random() < rates[1]))
        test.look(control, arm)
        if stopped is None and test.p <= ALPHA:
            stopped = number
        if number >= LOOKED_FROM and number % 10 == 0 and not peeked:
            spread = sqrt((control.variance + arm.variance) / number)
            peeked = spread > 0.0 and abs(arm.mean - control.mean) > 1.96 * spread
    return stopped, peeked


@pytest.mark.parametrize("rate", [0.01, 0.3])
def test_under_no_difference_the_any_time_test_seldom_stops_and_a_t_test_with_peeking_often_does(rate: float) -> None:
    found = [looked_at(seed, (rate, rate), 1_200, 0.05) for seed in range(STREAMS)]
    most = binom.ppf(0.999, STREAMS, ALPHA)
    assert sum(stopped is not None for stopped, _ in found) <= most
    assert sum(peeked for _, peeked in found) > most


def test_with_the_planned_difference_the_tests_are_as_strong_and_as_quick_as_planned() -> None:
    planned = Power(0.3, 0.1)
    count, streams = planned.fixed_count(), 200
    found = chi = 0
    for seed in range(streams):
        random = Random(seed)
        pairs = [(float(random.random() < 0.3), float(random.random() < 0.2)) for _ in range(count)]
        control, arm = Moments(), Moments()
        for one, other in pairs:
            control.add(one)
            arm.add(other)
        found += welch(control, arm)[2] <= ALPHA
        wrong = [sum(pair[place] for pair in pairs) for place in (0, 1)]
        chi += chi_square((count, int(wrong[0])), (count, int(wrong[1])))[1] <= ALPHA
    low, high = binom.ppf(0.001, streams, 0.8), binom.ppf(0.999, streams, 0.8)
    assert low <= found <= high
    assert low <= chi <= high
    stops = [looked_at(seed, (0.3, 0.2), 4 * count, 0.1)[0] or 4 * count for seed in range(streams // 2)]
    assert median(stops) == pytest.approx(planned.any_time_count(), rel=0.25)


def test_the_first_planned_events_are_what_is_tested_whatever_comes_after() -> None:
    tally = ArmTally(3)
    for loss in (1.0, 0.0, 1.0, 0.0, 0.0):
        tally.add(loss, wrong=loss == 1.0)
    assert (tally.first.count, tally.first.mean, tally.wrong) == (3, pytest.approx(2 / 3), 2)
    assert (tally.all.count, tally.all.mean) == (5, pytest.approx(2 / 5))


def test_arms_that_never_vary_differ_surely_or_not_at_all() -> None:
    silent, wrong = Moments(), Moments()
    for _ in range(5):
        silent.add(0.0)
        wrong.add(1.0)
    assert welch(silent, silent)[::2] == (0.0, 1.0)
    assert welch(silent, wrong)[2] == 0.0
    assert chi_square((5, 0), (5, 0)) == chi_square((5, 5), (5, 5)) == (0.0, 1.0)


def test_more_is_needed_for_less_and_days_are_those_of_the_smaller_arm() -> None:
    assert Power(0.05, 0.005).fixed_count() > 3 * Power(0.05, 0.01).fixed_count()
    assert Power(0.05, 0.01, power=0.9).fixed_count() > Power(0.05, 0.01).fixed_count()
    assert days(1_000, 0.1, 10_000) == pytest.approx(days(1_000, 0.9, 10_000)) == pytest.approx(1.0)
    assert Power(0.01, 0.05).other == pytest.approx(0.06), "there is no room below"


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ({"baseline": 0.0, "effect": 0.1}, "baseline must be between 0 and 1, got 0.0"),
        ({"baseline": 0.5, "effect": 1.5}, "effect must be between 0 and 1, got 1.5"),
        ({"baseline": 0.5, "effect": 0.6}, "leaves"),
        ({"baseline": 0.5, "effect": 0.1, "power": 0.02}, "power must be above alpha / 2"),
    ],
)
def test_what_cannot_be_planned_is_refused(asked: dict[str, float], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        Power(**asked)

"""Evidence against scipy, against exact fractions, and against every sequence there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import product
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betainc, betaln

from engine.evidence.bernstein import RATES, Bernstein
from engine.evidence.betting import BETS, Betting
from engine.evidence.evidence import Evidence
from engine.evidence.mcnemar import McNemar
from engine.evidence.restarting import Restarting

EXACT_BETS = [Fraction(str(bet)) for bet in BETS]
WITHIN_FLOATS = [
    (wins, losses)
    for wins in (0, 1, 2, 7, 50, 51, 400, 1_000, 5_000, 200_000)
    for losses in (0, 1, 3, 50, 380, 1_010, 4_700, 199_000)
    if betainc(1 + losses, 1 + wins, 0.5) > 1e-290
]
"""Counts at which scipy's tail, which is no logarithm, has not left the floats."""

signs = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=14)
fractions = st.lists(st.sampled_from([k / 8 for k in range(-8, 9)]), max_size=12)


def log_e(make: Callable[[], Evidence], differences: tuple[float, ...] | list[float]) -> float:
    evidence = make()
    for d in differences:
        evidence.add(d)
    return evidence.log_e


def mcnemar(wins: int, losses: int) -> float:
    evidence = McNemar()
    evidence.restore([wins + losses, wins, losses])
    return evidence.log_e


@pytest.mark.parametrize(("wins", "losses"), WITHIN_FLOATS)
def test_mcnemar_is_the_formula_in_scipys_beta_functions(wins: int, losses: int) -> None:
    tail = log(betainc(1 + losses, 1 + wins, 0.5))
    theirs = (wins + losses + 1) * log(2.0) + tail + betaln(1 + wins, 1 + losses)
    assert mcnemar(wins, losses) == pytest.approx(theirs, rel=1e-9, abs=1e-7)


@given(wins=st.integers(0, 60), losses=st.integers(0, 60))
def test_mcnemar_is_the_exact_beta_integral(wins: int, losses: int) -> None:
    """The evidence is 2 int_{1/2}^1 (2p)^a (2(1-p))^b dp, here by the recursion that parts of it obey, in fractions."""
    exact = Fraction(1)
    for k in range(wins):
        exact = (2 * (k + 1) * exact + 1) / (k + 2)
    for k in range(losses):
        exact = (2 * (k + 1) * exact - 1) / (wins + k + 2)
    assert exp(mcnemar(wins, losses)) == pytest.approx(float(exact), rel=1e-12)


@given(differences=fractions)
def test_betting_is_the_mean_of_the_products(differences: list[float]) -> None:
    exact = Fraction(0)
    for bet in EXACT_BETS:
        wealth = Fraction(1)
        for d in differences:
            wealth *= 1 + bet * Fraction(d)
        exact += wealth / len(EXACT_BETS)
    assert exp(log_e(Betting, differences)) == pytest.approx(float(exact), rel=1e-12)


@given(differences=fractions.filter(any))
def test_restarting_is_the_sum_over_every_start_of_what_a_bettor_from_there_has(differences: list[float]) -> None:
    exact = Fraction(0)
    played = [d for d in differences if d]
    for bet in EXACT_BETS:
        for start in range(len(played)):
            wealth = Fraction(1)
            for d in played[start:]:
                wealth *= 1 + bet * Fraction(d)
            exact += wealth / len(EXACT_BETS)
    assert exp(log_e(Restarting, differences)) == pytest.approx(float(exact), rel=1e-12)


@given(differences=fractions)
def test_bernstein_is_its_formula(differences: list[float]) -> None:
    mixed = 0.0
    for rate in RATES:
        penalty = (-log(1 - 2 * rate) - 2 * rate) / 4
        centres = [sum(differences[:k]) / k if k else 0.0 for k in range(len(differences))]
        spread = sum((d - centre) ** 2 for d, centre in zip(differences, centres, strict=True))
        mixed += exp(rate * sum(differences) - penalty * spread) / len(RATES)
    assert exp(log_e(Bernstein, differences)) == pytest.approx(mixed, rel=1e-12)


def fair_worlds(length: int) -> Iterator[tuple[tuple[float, ...], float]]:
    """Yield every sequence of the length with its probability: a win and a loss are equally likely at every event."""
    for sequence in product((-1.0, 1.0), repeat=length):
        yield sequence, 2.0**-length


@pytest.mark.parametrize("make", [McNemar, Betting, Bernstein])
@pytest.mark.parametrize("length", range(1, 11))
def test_evidence_with_one_start_is_at_most_one_in_expectation_if_there_is_no_difference(
    make: Callable[[], Evidence], length: int
) -> None:
    expected = sum(chance * exp(log_e(make, sequence)) for sequence, chance in fair_worlds(length))
    assert expected <= 1.0 + 1e-12
    if make is Betting:
        assert expected == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("length", range(1, 11))
def test_restarting_evidence_is_the_number_of_events_in_expectation_if_there_is_no_difference(length: int) -> None:
    expected = sum(chance * exp(log_e(Restarting, sequence)) for sequence, chance in fair_worlds(length))
    assert expected == pytest.approx(length, rel=1e-12)


@pytest.mark.parametrize("make", [McNemar, Betting, Bernstein])
def test_evidence_with_one_start_reaches_its_threshold_with_at_most_its_level(make: Callable[[], Evidence]) -> None:
    """Ville's inequality in all worlds of 12 events, looking after each; at 1/4 some are long enough to cross."""
    crossed = 0.0
    for sequence, chance in fair_worlds(12):
        evidence = make()
        for d in sequence:
            evidence.add(d)
            if evidence.log_e >= log(4.0):
                crossed += chance
                break
    assert 0.0 < crossed <= 0.25


@given(differences=signs)
def test_mcnemar_does_not_mind_the_order(differences: list[float]) -> None:
    assert log_e(McNemar, differences) == log_e(McNemar, sorted(differences))

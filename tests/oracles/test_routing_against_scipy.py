"""Tails, tests and chances of ours beside SciPy's."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, special, stats

from engine.routing.comparison import chi_square, welch
from engine.routing.moments import Moments
from engine.routing.policies import chances_of_best
from engine.routing.tails import beta_share, chi_square_tail, student_tail


@given(x=st.floats(0.0, 200.0))
def test_the_tail_of_chi_square_is_scipys(x: float) -> None:
    assert chi_square_tail(x) == pytest.approx(stats.chi2.sf(x, 1), rel=1e-10)


@given(t=st.floats(-40.0, 40.0), df=st.floats(0.5, 1e6))
def test_the_tail_of_student_is_scipys(t: float, df: float) -> None:
    assert student_tail(t, df) == pytest.approx(2.0 * stats.t.sf(abs(t), df), rel=1e-7, abs=1e-300)


@given(a=st.floats(0.05, 500.0), b=st.floats(0.05, 500.0), x=st.floats(0.0, 1.0))
def test_the_incomplete_beta_function_is_scipys(a: float, b: float, x: float) -> None:
    assert beta_share(a, b, x, 1.0 - x) == pytest.approx(special.betainc(a, b, x), rel=1e-8, abs=1e-12)


def moments(values: list[float]) -> Moments:
    found = Moments()
    for value in values:
        found.add(value)
    return found


@pytest.mark.parametrize("seed", range(8))
def test_welchs_test_is_scipys(seed: int) -> None:
    random = Random(seed)
    one = [random.random() for _ in range(random.randrange(2, 80))]
    other = [random.random() ** 2 for _ in range(random.randrange(2, 300))]
    expected = stats.ttest_ind(other, one, equal_var=False)
    t, df, p = welch(moments(one), moments(other))
    assert (t, df, p) == pytest.approx((expected.statistic, expected.df, expected.pvalue), rel=1e-9)


@given(n=st.integers(2, 5_000), m=st.integers(2, 5_000), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_chi_square_is_scipys(n: int, m: int, shares: tuple[float, float]) -> None:
    x, y = round(n * shares[0]), round(m * shares[1])
    statistic, p = chi_square((n, x), (m, y))
    if x + y in {0, n + m}:
        assert (statistic, p) == (0.0, 1.0)
    else:
        expected = stats.chi2_contingency([[x, n - x], [y, m - y]], correction=False)
        assert (statistic, p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)


def density(z: float, mean: float, deviation: float, others: list[tuple[float, float]]) -> float:
    """Return how likely an arm is to be there, and all others below."""
    found = float(stats.norm.pdf(z))
    for other, other_deviation in others:
        found *= float(stats.norm.cdf((mean + z * deviation - other) / other_deviation))
    return found


@pytest.mark.parametrize(
    "arms",
    [
        [(0.5, 0.1), (0.6, 0.05)],
        [(0.5, 0.1), (0.6, 0.05), (0.55, 0.2)],
        [(0.9, 0.001), (0.901, 0.002), (0.9, 0.03), (0.2, 0.1)],
    ],
)
def test_the_chance_to_be_the_best_is_the_integral(arms: list[tuple[float, float]]) -> None:
    for number, found in enumerate(chances_of_best(arms)):
        mean, deviation = arms[number]
        others = [each for at, each in enumerate(arms) if at != number]

        expected, _ = integrate.quad(density, -8.0, 8.0, args=(mean, deviation, others), limit=200)
        # Simpson's panels are wide where another arm's deviation is a thirtieth of this one's.
        assert found == pytest.approx(expected, abs=2e-3)

"""The budget is kept where nothing changes, not by silence, and what is asserted fails where it is not applied."""

from __future__ import annotations

from functools import cache

import pytest
from scipy.stats import binom

from benchmarks.budget import BUDGETS, RESTLESS, calm, heard
from engine.drift.budget import parse_budget

SPARSE = tuple(text for text in RESTLESS if not text.startswith("calibration"))
RUNS, DAYS = 2, 60


@cache
def months(budget: str | None) -> dict[str, float]:
    """Return what four calm months of three contenders at the fraud base rate brought, under this budget or none."""
    return calm(SPARSE, None if budget is None else parse_budget(budget), RUNS, DAYS)


def band(budget: str) -> float:
    """Return how many alarms there may be: one in so many values, as the budget allows, in 999 of 1,000 such months."""
    found = months(budget)
    return float(binom.ppf(0.999, int(found["values"]), found["allowed"] / found["values"]))


@pytest.mark.parametrize("budget", BUDGETS)
def test_calm_months_at_the_fraud_base_rate_stay_within_the_budget(budget: str) -> None:
    assert months(budget)["allowed"] > 2.0, "the watches must have been able to alarm for most of the time"
    assert months(budget)["alarms"] <= band(budget)


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_same_detectors_without_a_budget_break_it(budget: str) -> None:
    assert months(None)["alarms"] > 2 * band(budget)


def test_under_a_budget_a_tripling_of_misses_is_heard_within_two_weeks() -> None:
    found = heard(SPARSE, parse_budget("1 per 30d"), runs=2)
    assert found["missed"] == 0
    assert found["p90"] < 14.0

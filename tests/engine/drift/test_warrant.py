"""The warrant: what it lets pass, what it promises by construction, and that the promise is not idle."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from engine.drift.budget import AlarmBudget, parse_budget
from engine.drift.detector import Verdict
from engine.drift.e_sr import BETS_COUNT, LARGEST_BET, wager
from engine.drift.warrant import EVIDENCE_MAX, Warrant

STABLE, WARNING, DRIFT = Verdict
EVENTS = parse_budget("1 per 1000 events")


def knowing(m: float, budget: AlarmBudget = EVENTS, share: float = 1.0) -> Warrant:
    """Return a warrant that has learned its baseline."""
    warrant = Warrant(budget, share)
    state = warrant.snapshot()
    state[0][0] = m
    warrant.restore(state)
    return warrant


@given(
    m=st.integers(1, 63).map(lambda number: Fraction(number, 64)),
    evidence=st.lists(st.integers(0, 2**20), min_size=BETS_COUNT, max_size=BETS_COUNT),
    credit=st.integers(0, 64),
)
def test_at_the_baseline_no_stake_gains_but_what_it_earns(m: Fraction, evidence: list[int], credit: int) -> None:
    """The expectation over a value of 0 or 1 with mean m, added up in exact numbers."""
    expected = Fraction(0)
    for value, chance in ((1, m), (0, 1 - m)):
        held = [float(each) for each in evidence]
        mean = wager(held, float(credit), LARGEST_BET * float((value - m) / m))
        expected += chance * Fraction(mean)
    earned = Fraction(sum(evidence), BETS_COUNT) + credit
    assert abs(expected - earned) <= earned * Fraction(1, 10**12)


def test_what_always_says_drift_alarms_as_often_as_the_budget_bears_and_no_more() -> None:
    """At the baseline itself the promise is nearly used up: a bound that were twice too low would be seen."""
    rate, count, alarms = 0.3, 4_000, 0
    streams = 60
    for seed in range(streams):
        random, warrant = Random(seed), knowing(rate)
        for index in range(count):
            if warrant.weigh(float(random.random() < rate), DRIFT, index) is DRIFT:
                alarms += 1
                warrant = knowing(rate)
                warrant.weigh(0.0, STABLE, index)
    values = streams * count
    allowed = values / EVENTS.run_length
    assert 0.5 * allowed < alarms <= binom.ppf(0.999, values, allowed / values)


@pytest.mark.parametrize("pace", [1, 7, 40])
def test_the_budget_is_kept_in_time_whatever_the_pace_and_the_bursts_of_events(pace: int) -> None:
    """Time between values is drawn anew each time; values come in runs whose mean, given the past, is the baseline."""
    rate, alarms, allowed = 0.3, 0, 0.0
    for seed in range(40 if pace > 1 else 5):
        random, warrant, now = Random(f"{pace}:{seed}"), knowing(rate, parse_budget("1 per 10s")), 0
        burst = 0.2
        while now < 200_000:
            now += int(random.expovariate(1.0 / (pace * (1_000 if random.random() < 0.01 else 10))))
            burst = 0.95 * burst + 0.05 * random.random()
            value = float(random.random() < rate) if burst < 0.5 else random.choice([0.0, 2.0 * rate])
            if warrant.weigh(value, DRIFT, now) is DRIFT:
                alarms += 1
                spent = warrant.ledger
                warrant = knowing(rate, parse_budget("1 per 10s"))
                warrant.ledger = spent
                warrant.weigh(0.0, STABLE, now)
        allowed += warrant.ledger.allowed
    assert 0 < alarms <= binom.ppf(0.999, 100_000, allowed / 100_000)


def test_a_drift_is_held_until_the_evidence_agrees() -> None:
    warrant, random = knowing(0.1), Random(1)
    assert warrant.weigh(1.0, DRIFT, 0) is WARNING
    said = [STABLE]
    while said[-1] is not DRIFT and len(said) < 200:
        said.append(warrant.weigh(float(random.random() < 0.5), STABLE, len(said)))
    assert set(said[:-1]) == {STABLE}
    assert said[-1] is DRIFT
    assert (warrant.ledger.drifts, warrant.ledger.alarms, warrant.ledger.lapsed) == (1, 1, 0)
    assert warrant.m is None, "after an alarm the baseline is learned anew"


def test_evidence_alone_is_no_alarm_and_grows_no_further_than_its_bound() -> None:
    warrant = knowing(0.1)
    for index in range(2_000):
        assert warrant.weigh(1.0, STABLE, index) is STABLE
    assert max(warrant.snapshot()[1]) <= 12 * EVIDENCE_MAX
    assert warrant.weigh(1.0, DRIFT, 2_000) is DRIFT


def test_a_drift_without_evidence_lapses_after_a_span_of_the_budget() -> None:
    warrant = knowing(0.1)
    warrant.weigh(0.0, DRIFT, 0)
    warrant.weigh(0.0, STABLE, 1_000)
    assert warrant.ledger.lapsed == 0
    warrant.weigh(0.0, STABLE, 1_001)
    assert warrant.ledger.lapsed == 1


def test_a_year_of_silence_is_no_evidence() -> None:
    warrant = knowing(0.1, parse_budget("1 per 30d"))
    warrant.weigh(0.0, STABLE, 0)
    assert warrant.weigh(1.0, DRIFT, 365 * 86_400_000) is WARNING


def test_nothing_is_an_alarm_and_nothing_is_earned_while_the_baseline_is_learned() -> None:
    warrant = Warrant(EVENTS, 1.0)
    said = [warrant.weigh(1.0, DRIFT, index) for index in range(30)]
    assert set(said) == {WARNING}
    assert (warrant.ledger.elapsed, warrant.ledger.allowed) == (0, 0.0)


def test_where_time_never_passes_there_is_no_alarm() -> None:
    warrant = knowing(0.1)
    assert {warrant.weigh(1.0, DRIFT, None) for _ in range(500)} == {WARNING}


@given(share=st.floats(0.001, 1.0), gaps=st.lists(st.integers(0, 500), min_size=1, max_size=50))
def test_the_ledger_allows_a_watch_its_share_of_the_budget(share: float, gaps: list[int]) -> None:
    warrant, now = knowing(0.5, share=share), 0
    warrant.weigh(0.0, STABLE, now)
    for gap in gaps:
        now += gap
        warrant.weigh(0.0, STABLE, now)
    assert warrant.ledger.allowed == pytest.approx(share * sum(map(EVENTS.credit, gaps)))
    assert warrant.ledger.elapsed == sum(gaps)
    assert warrant.promised == pytest.approx(1_000 / share)

"""The formulas inside our detectors against SciPy's, and against slower ways of the same arithmetic."""

from __future__ import annotations

from math import sqrt
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engine.drift.adwin import Adwin
from engine.drift.detector import Verdict
from engine.drift.e_sr import BETS_COUNT, LARGEST_BET, ESr, upper_rate
from engine.drift.kswin import p_value, smallest_significant, steps_apart
from engine.drift.rddm import CONCEPT_KEPT, WARNING_MAX, Rddm
from engine.drift.stepd import Stepd

SAMPLES = st.integers(2, 40).flatmap(
    lambda size: st.tuples(*[st.lists(st.integers(0, 5) | st.floats(0, 5), min_size=size, max_size=size)] * 2)
)


@settings(max_examples=80, deadline=None)
@given(SAMPLES)
def test_kswins_distance_and_p_value_are_scipys(samples: tuple[list[float], list[float]]) -> None:
    one, other = samples
    steps = steps_apart(list(one), list(other))
    assert steps / len(one) == pytest.approx(stats.ks_2samp(one, other, method="asymp").statistic)
    if steps < 2:  # SciPy's own exact value comes out above 1 by rounding, and it gives up
        assert p_value(len(one), steps) == 1.0
    else:
        theirs = stats.ks_2samp(one, other, method="exact")
        assert p_value(len(one), steps) == pytest.approx(theirs.pvalue, rel=1e-9)


def test_kswins_threshold_is_the_first_significant_distance() -> None:
    steps = smallest_significant(30, 0.005)
    assert p_value(30, steps) <= 0.005 < p_value(30, steps - 1)


@pytest.mark.parametrize(("ones", "count"), [(0, 50), (1, 200), (30, 200), (30, 3_000), (40, 200), (199, 200)])
def test_e_srs_upper_bound_is_clopper_and_pearsons(ones: int, count: int) -> None:
    assert upper_rate(ones, count, 0.01) == pytest.approx(stats.beta.ppf(0.99, ones + 1, count - ones), rel=1e-9)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), min_size=61, max_size=300))
def test_stepds_p_value_is_that_of_a_normal_with_yates_correction(values: list[bool]) -> None:
    detector = Stepd(errors_min=10**9)
    for value in values:
        detector.update(float(value))
    older, recent = values[:-30], values[-30:]
    rise = sum(recent) / 30 - sum(older) / len(older)
    share, each = sum(values) / len(values), 1 / len(older) + 1 / 30
    expected = 1.0
    if rise > each / 2:
        expected = 2 * stats.norm.sf((rise - each / 2) / sqrt(share * (1 - share) * each))
    assert detector.p_value() == pytest.approx(expected)


def test_e_sr_is_the_recursion_of_the_paper_in_logarithms() -> None:
    np = pytest.importorskip("numpy")
    random = Random(5)
    values = [float(random.random() < 0.2) for _ in range(3_000)]
    detector, m = ESr(run_length=1e12, m=0.2), 0.2
    stakes = LARGEST_BET / m * 0.5 ** np.arange(BETS_COUNT)
    logs = np.full(BETS_COUNT, -np.inf)
    for value in values:
        assert detector.update(value) is not Verdict.DRIFT
        logs = np.logaddexp(logs, 0.0) + np.log1p(stakes * (value - m))
        state = detector.snapshot()
        assert isinstance(state, dict)
        assert state["evidence"] == pytest.approx(np.exp(logs), rel=1e-9)


def test_e_sr_keeps_its_promise_at_the_boundary_and_under_dependence() -> None:
    """The mean run to an alarm is at least the promised one, for independent errors and for errors in bursts."""
    random, promised, runs = Random(11), 200.0, {"independent": [], "bursts": []}
    for kind, found in runs.items():
        for _ in range(150):
            detector, taken, value = ESr(run_length=promised, m=0.2), 0, 0.0
            while taken < 20_000:
                # In bursts an error follows an error more often; given the past, the mean stays at most m.
                rate = 0.2 if kind == "independent" or value else 0.1
                value = float(random.random() < rate)
                taken += 1
                if detector.update(value) is Verdict.DRIFT:
                    break
            found.append(taken)
    for found in runs.values():
        mean = sum(found) / len(found)
        error = stats.sem(found)
        assert mean + 3.0 * error >= promised
    assert sum(runs["independent"]) / 150 < 20 * promised, "a promise kept by silence is none"


class SlowAdwin:
    """ADWIN over every value of its window, cut where the buckets of the fast one end."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.sizes: list[int] = []

    def add(self, value: float) -> None:
        self.values.append(value)
        self.sizes.append(1)
        size = 1
        while self.sizes.count(size) > 5:
            at = self.sizes.index(size)
            self.sizes[at : at + 2] = [2 * size]
            size *= 2

    def ends(self) -> list[int]:
        return [sum(self.sizes[: index + 1]) for index in range(len(self.sizes) - 1)]

    def cut(self, delta: float) -> bool:
        np = pytest.importorskip("numpy")
        spent = np.log(2 * np.log(len(self.values)) / delta)
        for end in self.ends():
            old, new = self.values[:end], self.values[end:]
            if len(old) < 5 or len(new) < 5:
                continue
            m = 1 / (len(old) - 4) + 1 / (len(new) - 4)
            bound = np.sqrt(2 * m * np.var(self.values) * spent) + 2 / 3 * m * spent
            if abs(np.mean(old) - np.mean(new)) > bound:
                return True
        return False

    def shrink(self, delta: float) -> bool:
        found = False
        while self.cut(delta):
            found = True
            del self.values[: self.sizes[0]]
            del self.sizes[0]
        return found


def test_adwin_is_the_slow_one_over_all_its_values_through_several_changes() -> None:
    random = Random(8)
    fast, slow = Adwin(delta=0.05, direction="both"), SlowAdwin()
    alarms = 0
    for index in range(2_400):
        value = random.gauss((0.0, 1.0, 0.2)[index // 800], 0.5)
        verdict = fast.update(value)
        slow.add(value)
        shrunk = (index + 1) % 32 == 0 and len(slow.values) > 10 and slow.shrink(0.05)
        assert (verdict is Verdict.DRIFT) is bool(shrunk)
        assert fast.width == len(slow.values)
        alarms += shrunk
    assert alarms >= 2


class SlowRddm:
    """RDDM with its rates counted from the values themselves at every step."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self.lowest: tuple[float, float] | None = None
        self.warned = 0

    def rate(self, count: int) -> tuple[float, float]:
        p = sum(self.values[:count]) / count
        return p, sqrt(p * (1 - p) / count)

    def note_lowest(self, count: int) -> None:
        if count >= 129:
            p, s = self.rate(count)
            if self.lowest is None or p + s < sum(self.lowest):
                self.lowest = (p, s)

    def update(self, value: float) -> Verdict:
        self.values.append(value)
        count = len(self.values)
        self.note_lowest(count)
        if self.lowest is None or count < 129:
            return Verdict.STABLE
        p, s = self.rate(count)
        level = (p + s - self.lowest[0]) / self.lowest[1]
        if level > 1.773 and level <= 2.258:
            self.warned += 1
        if level > 2.258 or self.warned > WARNING_MAX:
            since = 1 if self.warned > WARNING_MAX else self.warned + 1
            self.values, self.lowest, self.warned = self.values[-since:], None, 0
            for begun in range(1, since + 1):
                self.note_lowest(begun)
            return Verdict.DRIFT
        if level > 1.773:
            return Verdict.WARNING
        self.warned = 0
        return Verdict.STABLE


@pytest.mark.parametrize("rates", [(0.2, 0.2), (0.2, 0.3), (0.3, 0.6)])
def test_rddm_is_the_slow_one_that_counts_everything_again(rates: tuple[float, float]) -> None:
    random = Random(3)
    fast, slow, verdicts = Rddm(errors_min=0), SlowRddm(), set()
    for index in range(3_000):
        value = float(random.random() < rates[index // 1_500])
        verdict = slow.update(value)
        verdicts.add(verdict)
        assert fast.update(value) is verdict
    assert len(verdicts) == 3


def test_rddm_cuts_a_long_concept_to_its_end_and_warns_no_longer_than_it_may() -> None:
    random = Random(6)
    detector = Rddm(concept_max=CONCEPT_KEPT + 1_000, drift_level=50.0)
    for index in range(CONCEPT_KEPT + 3_000):
        detector.update(float(random.random() < 0.2))
        if index > CONCEPT_KEPT and index % 100 == 0:
            state = detector.snapshot()
            assert isinstance(state, dict)
            assert CONCEPT_KEPT <= state["count"] <= CONCEPT_KEPT + 1_000 + WARNING_MAX
            assert len(state["recent"]) == CONCEPT_KEPT
    warned = 0
    for _ in range(20_000):
        verdict = detector.update(float(random.random() < 0.3))
        warned = warned + 1 if verdict is Verdict.WARNING else 0
        assert warned <= WARNING_MAX
        if verdict is Verdict.DRIFT:
            break
    assert verdict is Verdict.DRIFT

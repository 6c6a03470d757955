"""What each of our detectors does that the shared lists do not ask: its rule, its warm-up, its parameters."""

from __future__ import annotations

from random import Random

import pytest

from engine.drift.adwin import Adwin
from engine.drift.cusum import Cusum
from engine.drift.ddm import Ddm
from engine.drift.detector import Detector, Verdict
from engine.drift.e_sr import ESr
from engine.drift.ecdd import Ecdd
from engine.drift.hddm_w import HddmW
from engine.drift.kswin import Kswin
from engine.drift.page_hinkley import PageHinkley
from engine.drift.stepd import Stepd
from engine.drift.vote import Vote
from engine.errors import ConfigError, ModelError
from engine.models.spec import parse_detector


class Says:
    """Gives the verdicts it was given, then stable ones."""

    binary_only = False

    def __init__(self, *verdicts: Verdict) -> None:
        self._verdicts = list(verdicts)
        self.taken: list[float] = []

    def check(self, value: float) -> None:
        """Take everything."""

    def update(self, value: float) -> Verdict:
        self.taken.append(value)
        return self._verdicts.pop(0) if self._verdicts else Verdict.STABLE

    def snapshot(self) -> object:
        return len(self._verdicts)

    def restore(self, state: object) -> None:
        """Take nothing back."""


STABLE, WARNING, DRIFT = Verdict


def errors(rate: float, count: int, seed: int = 1) -> list[float]:
    random = Random(seed)
    return [float(random.random() < rate) for _ in range(count)]


def alarms(detector: Detector, values: list[float]) -> list[int]:
    return [index for index, value in enumerate(values) if detector.update(value) is DRIFT]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("adwin(delta=1.0)", "adwin: delta must be between 0 and 1, both excluded, got 1.0"),
        ("adwin(direction='up')", "adwin: direction must be one of 'worse', 'better', 'both', got 'up'"),
        ("adwin(clock=0)", "adwin: clock must be a whole number of at least 1, got 0"),
        ("adwin(clock=2.0)", "adwin: clock must be a whole number of at least 1, got 2.0"),
        ("adwin(delta=True)", "adwin: delta must be between 0 and 1, both excluded, got True"),
        ("cusum(threshold=0)", "cusum: threshold must be a number above 0, got 0"),
        ("cusum(slack=-.1)", "cusum: slack must be a number of at least 0, got -0.1"),
        ("cusum(warm_up=1)", "cusum: warm_up must be a whole number of at least 2, got 1"),
        ("ddm(warning_level=3.0)", "ddm: warning_level must be below drift_level, which is 3.0, got 3.0"),
        ("ddm(errors_min=-1)", "ddm: errors_min must be a whole number of at least 0, got -1"),
        ("e_sr(run_length=0)", "e_sr: run_length must be a number above 0, got 0"),
        ("e_sr(m='a')", "e_sr: m must be a number above 0, got 'a'"),
        ("ecdd(run_length=1000)", "ecdd: run_length must be one of 100, 400, got 1000"),
        ("eddm(drift_level=.95)", "eddm: drift_level must be below warning_level, which is 0.95, got 0.95"),
        ("fhddm(short_window=0)", "fhddm: short_window must be a whole number of at least 1, got 0"),
        ("fhddm(short_window=101)", "fhddm: short_window must be below window, which is 100, got 101"),
        ("hddm_a(drift_confidence=.01)", "hddm_a: drift_confidence must be below warning_confidence, which is 0.005"),
        ("hddm_w(weight=0)", "hddm_w: weight must be between 0 and 1, both excluded, got 0"),
        ("kswin(window=59)", "kswin: window must be a whole number of at least 60, got 59"),
        ("kswin(sample=2, alpha=.001)", "kswin: two samples of 2 values never reach alpha, got alpha 0.001"),
        ("page_hinkley(scale='log')", "page_hinkley: scale must be one of 'spread', 'fixed', got 'log'"),
        ("rddm(concept_max=7000)", "rddm: concept_max must be a whole number of at least 7001, got 7000"),
        ("stepd(window='30')", "stepd: window must be a whole number of at least 1, got '30'"),
        ("vote(adwin(), ddm(), within=0)", "vote: within must be a whole number of at least 1, got 0"),
    ],
)
def test_a_parameter_out_of_its_range_is_refused_with_the_range(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_detector(text, seed=1, name="d")
    assert str(caught.value).startswith(said)


def test_adwin_warns_before_it_alarms_and_no_longer_once_the_window_is_of_one_kind() -> None:
    detector = Adwin(clock=1)
    verdicts = [detector.update(value) for value in [*errors(0.2, 2_000), *errors(0.35, 3_000, 2)]]
    first = verdicts.index(DRIFT)
    assert first > 2_000
    assert WARNING in verdicts[2_000:first]
    assert verdicts[-500:] == [STABLE] * 500


def test_one_sudden_change_may_raise_several_alarms_of_adwin_but_they_end() -> None:
    found = alarms(Adwin(clock=1), [*errors(0.1, 3_000), *errors(0.6, 5_000, 2)])
    assert 1 <= len(found) <= 30
    assert all(3_000 < index < 3_400 for index in found)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_a_threshold_in_standard_deviations_knows_no_unit(factor: float) -> None:
    random = Random(4)
    values = [random.expovariate(1.0 if index < 3_000 else 0.6) for index in range(5_000)]
    for make in (PageHinkley, Cusum):
        found = alarms(make(), values)
        assert found
        assert alarms(make(), [value * factor for value in values]) == found


def test_page_hinkley_with_a_fixed_threshold_is_deaf_where_the_unit_is_small() -> None:
    values = [*errors(0.01, 3_000), *errors(0.03, 1_500, 2)]
    assert not alarms(PageHinkley(50, 0.005, "fixed"), values)
    assert alarms(PageHinkley(), values)


def test_cusum_holds_on_to_its_warm_up_where_page_hinkley_follows() -> None:
    random = Random(12)
    slowly = [index / 20_000 + random.gauss(0.0, 1.0) for index in range(20_000)]
    assert alarms(Cusum(slack=0.25), slowly)[0] < alarms(PageHinkley(delta=0.25), slowly)[0]


def test_e_sr_learns_m_from_no_fewer_than_thirty_errors_and_anew_after_an_alarm() -> None:
    detector = ESr()
    values = errors(0.05, 2_000)
    thirtieth = [index for index, value in enumerate(values) if value][29]
    for value in values[:thirtieth]:
        detector.update(value)
    assert detector.m is None
    detector.update(values[thirtieth])
    assert detector.m is not None
    assert 0.05 < detector.m < 0.12
    for value in values[thirtieth + 1 :]:
        assert detector.update(value) is not DRIFT
    assert alarms(detector, errors(0.4, 150, 3))
    assert detector.m is None


def test_e_sr_learns_m_from_sizes_by_their_spread_and_hears_when_they_grow() -> None:
    random = Random(2)
    detector = ESr()
    for _ in range(1_500):
        assert detector.update(random.expovariate(1.0 / 50.0)) is not DRIFT
    assert detector.m is not None
    assert 50.0 < detector.m < 100.0
    assert alarms(detector, [random.expovariate(1.0 / 150.0) for _ in range(500)])


def test_e_sr_with_a_given_m_needs_no_warm_up_and_keeps_it() -> None:
    detector = ESr(m=0.1)
    first = alarms(detector, [1.0] * 20)
    assert first
    assert first[0] < 10
    assert detector.m == 0.1


def test_e_sr_takes_nothing_negative() -> None:
    detector = ESr()
    before = detector.snapshot()
    with pytest.raises(ModelError, match=r"e_sr takes numbers of at least 0, got -0\.5"):
        detector.update(-0.5)
    assert detector.snapshot() == before


def test_rare_errors_are_no_news_to_those_that_wait_for_thirty() -> None:
    values = errors(0.005, 6_000)
    for waits, at_once in ((Ddm(), Ddm(errors_min=0)), (Stepd(), Stepd(errors_min=0)), (Ecdd(), Ecdd(errors_min=0))):
        assert len(alarms(waits, values)) < len(alarms(at_once, values))


def test_a_larger_limit_makes_ecdd_quieter() -> None:
    values = errors(0.2, 10_000)
    counts = [len(alarms(Ecdd(limit=limit), values)) for limit in (2.5, 3.0, 4.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
    assert len(alarms(Ecdd(run_length=100), values)) > len(alarms(Ecdd(run_length=400), values))


def test_hddm_w_hears_no_rise_below_its_bound() -> None:
    assert not alarms(HddmW(), [*errors(0.01, 3_000), *errors(0.03, 8_000, 2)])
    assert alarms(HddmW(weight=0.005), [*errors(0.01, 6_000), *errors(0.25, 1_000, 2)])


def test_kswin_hears_a_change_of_shape_only_if_asked_for_both_directions() -> None:
    random = Random(9)
    values = [random.gauss(0.0, 0.1) for _ in range(300)] + [random.choice([-1.0, 1.0]) for _ in range(40)]
    assert alarms(Kswin(direction="both", alpha=1e-4), values)
    up = [0.0] * 100 + [1.0] * 50
    assert alarms(Kswin(), up)
    assert not alarms(Kswin(direction="better"), up)


def test_kswins_draws_hang_on_its_seed() -> None:
    values = [Random(index).random() for index in range(3_000)]
    assert alarms(Kswin(alpha=0.05, seed=1), values) == alarms(Kswin(alpha=0.05, seed=1), values)
    assert alarms(Kswin(alpha=0.05, seed=1), values) != alarms(Kswin(alpha=0.05, seed=2), values)


def test_a_vote_is_an_alarm_when_k_agree_within_the_span() -> None:
    vote = Vote(Says(DRIFT), Says(STABLE, STABLE, DRIFT), k=2, within=3)
    assert [vote.update(0.0) for _ in range(5)] == [WARNING, WARNING, DRIFT, STABLE, STABLE]


def test_a_vote_lapses_when_the_span_is_over() -> None:
    vote = Vote(Says(DRIFT), Says(STABLE, STABLE, DRIFT), k=2, within=2)
    assert [vote.update(0.0) for _ in range(5)] == [WARNING, WARNING, WARNING, WARNING, STABLE]


def test_members_that_warn_make_a_vote_warn_when_there_are_k_of_them() -> None:
    vote = Vote(Says(WARNING, WARNING), Says(STABLE, WARNING), Says(), k=2)
    assert [vote.update(0.0) for _ in range(3)] == [STABLE, WARNING, STABLE]


def test_a_value_that_one_member_refuses_reaches_none() -> None:
    first = Says()
    vote = Vote(first, Ddm())
    with pytest.raises(ModelError, match=r"ddm takes 0 or 1, got 0\.5"):
        vote.update(0.5)
    assert first.taken == []

"""Our detectors against River's: equal alarms where both mean the same, and each deviation shown where they do not."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river import drift
from river.drift import binary

from engine.drift.adwin import Adwin
from engine.drift.ddm import Ddm
from engine.drift.detector import Detector, Verdict
from engine.drift.eddm import Eddm
from engine.drift.fhddm import Fhddm
from engine.drift.hddm_a import HddmA
from engine.drift.hddm_w import HddmW
from engine.drift.kswin import Kswin
from engine.drift.page_hinkley import PageHinkley

RATES = [(0.01, 0.03), (0.05, 0.15), (0.2, 0.4), (0.2, 0.6), (0.5, 0.1), (0.1, 0.1)]
WIDTHS = [0, 1_000]

PAIRS: dict[str, tuple[Callable[[], Detector], Callable[[], Any]]] = {
    "ddm": (lambda: Ddm(errors_min=0), binary.DDM),
    "ddm, other levels": (
        lambda: Ddm(warm_up=100, errors_min=0, warning_level=1.5, drift_level=2.5),
        lambda: binary.DDM(warm_start=100, warning_threshold=1.5, drift_threshold=2.5),
    ),
    "eddm": (lambda: Eddm(errors_min=0), binary.EDDM),
    "hddm_a": (HddmA, binary.HDDMA),
    "hddm_a, both": (lambda: HddmA(direction="both"), lambda: binary.HDDMA(two_sided_test=True)),
    "hddm_w": (HddmW, binary.HDDMW),
    "hddm_w, both": (lambda: HddmW(direction="both"), lambda: binary.HDDMW(two_sided_test=True)),
    "hddm_w, slow": (lambda: HddmW(weight=0.01), lambda: binary.HDDMW(lambda_val=0.01)),
    "page_hinkley, both": (lambda: fixed("both"), drift.PageHinkley),
    "page_hinkley, worse": (lambda: fixed("worse", 10), lambda: drift.PageHinkley(threshold=10, mode="up")),
    "page_hinkley, better": (lambda: fixed("better", 10), lambda: drift.PageHinkley(threshold=10, mode="down")),
}
WARNS = ("ddm", "eddm", "hddm")


def fixed(direction: Any, threshold: float = 50) -> PageHinkley:
    return PageHinkley(threshold=threshold, delta=0.005, scale="fixed", direction=direction, warm_up=30)


def errors(before: float, after: float, width: int, seed: int, count: int = 5_000) -> list[float]:
    """Return 0/1 values whose rate goes from one to the other half way, at once or over a width."""
    random = Random(seed)
    shares = (min(1.0, max(0.0, (index - count // 2) / (width or 1))) for index in range(count))
    return [float(random.random() < before + (after - before) * share) for share in shares]


def ours(detector: Detector, values: list[float]) -> list[Verdict]:
    return [detector.update(value) for value in values]


def rivers(detector: Any, values: list[float]) -> list[Verdict]:
    verdicts = []
    for value in values:
        detector.update(value)
        warned = Verdict.WARNING if getattr(detector, "warning_detected", False) else Verdict.STABLE
        verdicts.append(Verdict.DRIFT if detector.drift_detected else warned)
    return verdicts


def alarms(verdicts: list[Verdict]) -> list[int]:
    return [index for index, verdict in enumerate(verdicts) if verdict is Verdict.DRIFT]


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("rates", RATES)
@pytest.mark.parametrize("name", PAIRS)
def test_verdicts_are_rivers(name: str, rates: tuple[float, float], width: int) -> None:
    make, make_river = PAIRS[name]
    for seed in range(2):
        values = errors(*rates, width, seed)
        assert ours(make(), values) == rivers(make_river(), values)


def test_the_streams_of_these_comparisons_hold_alarms_and_warnings_to_agree_on() -> None:
    for name, (make, _) in PAIRS.items():
        verdicts = [v for rates in RATES for width in WIDTHS for v in ours(make(), errors(*rates, width, 0))]
        assert Verdict.DRIFT in verdicts, name
        assert (Verdict.WARNING in verdicts) is name.startswith(WARNS), name


@pytest.mark.parametrize("short", [None, 25])
@pytest.mark.parametrize("rates", RATES)
def test_fhddm_hears_errors_where_rivers_hears_the_flipped_stream(
    rates: tuple[float, float], short: int | None
) -> None:
    for seed in range(2):
        values = errors(*rates, 0, seed)
        flipped = [1.0 - value for value in values]
        river = binary.FHDDM(short_window_size=short)
        assert ours(Fhddm(short_window=short), values) == rivers(river, flipped)
    rising = [0.0] * 500 + [1.0] * 500
    assert alarms(ours(Fhddm(short_window=short), rising))
    assert not alarms(rivers(binary.FHDDM(short_window_size=short), rising))


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**31),
    st.sampled_from([0.002, 0.05, 0.3]),
    st.sampled_from([1, 4, 32]),
    st.sampled_from([5, 10, 50]),
    st.booleans(),
)
def test_adwins_first_alarm_comes_where_rivers_does(
    seed: int, delta: float, clock: int, grace: int, is_binary: bool
) -> None:
    random = Random(seed)
    before, after, at = random.random(), random.random(), random.randrange(20, 800)
    values = [
        float(random.random() < (before if index < at else after))
        if is_binary
        else random.gauss(before if index < at else after, 0.3)
        for index in range(1_200)
    ]
    found = alarms(ours(Adwin(delta, "both", clock, grace), values))
    river = drift.ADWIN(delta=delta, clock=clock, grace_period=grace)
    assert found[:1] == alarms(rivers(river, values))[:1]


def test_after_an_alarm_adwin_keeps_what_is_new_where_rivers_keeps_nothing() -> None:
    values = errors(0.1, 0.7, 0, 3)
    detector, river = Adwin(direction="both"), drift.ADWIN()
    first = alarms(ours(Adwin(direction="both"), values))[0]
    ours(detector, values[: first + 2])
    rivers(river, values[: first + 2])
    assert river.width == 1
    assert 20 < detector.width < first
    ours(detector, values[first + 2 :])
    assert 2_400 < detector.width <= 2_600
    assert detector.mean == pytest.approx(0.7, abs=0.05)


def test_one_sided_adwin_is_silent_at_an_improvement_and_follows_it() -> None:
    values = errors(0.6, 0.1, 0, 4)
    detector = Adwin()
    assert not alarms(ours(detector, values))
    assert alarms(ours(Adwin(direction="better"), values))
    assert detector.mean == pytest.approx(0.1, abs=0.03)
    assert alarms(ours(detector, errors(0.6, 0.6, 0, 5, count=300))), "what improved is held to it"


def test_a_warm_up_by_errors_silences_ddm_on_rare_events() -> None:
    values = errors(0.01, 0.01, 0, 7, count=20_000)
    assert len(alarms(rivers(binary.DDM(), values))) > 5
    assert not alarms(ours(Ddm(), values))


def test_kswin_keeps_the_newest_where_river_keeps_nothing_and_repeats_its_draws() -> None:
    values = [0.0] * 100 + [1.0] * 60
    detector, river = Kswin(seed=1), drift.KSWIN(seed=1)
    first = alarms(ours(Kswin(seed=1), values))[0]
    ours(detector, values[: first + 2])
    rivers(river, values[: first + 2])
    state = detector.snapshot()
    assert isinstance(state, dict)
    assert len(state["recent"]) == 31
    assert len(river.window) == 1

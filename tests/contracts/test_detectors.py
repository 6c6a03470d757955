"""What every detector keeps, ours or River's: one list, run over all of them and over choices that change a path."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.drift.budget import parse_budget
from engine.drift.detector import Detector, Verdict
from engine.drift.presets import PRESETS
from engine.drift.warrant import Warrant
from engine.errors import ModelError, SnapshotError
from engine.models.spec import OWN_DETECTORS, list_detectors, parse_detector
from engine.snapshot import decode, encode
from engine.watching import Watch, split_signal

OURS = [f"{name}()" for name in OWN_DETECTORS if name != "vote"]
VARIANTS = [
    "adwin(direction='both', clock=1)",
    "adwin(direction='better')",
    "cusum(direction='both', warm_up=50)",
    "ddm(errors_min=0)",
    "e_sr(m=.25)",
    "e_sr(run_length=300, warm_up=30)",
    "ecdd(run_length=100, errors_min=0)",
    "ecdd(limit=4.5)",
    "eddm(errors_min=0)",
    "fhddm(window=50, short_window=20)",
    "hddm_a(direction='both')",
    "hddm_w(direction='both')",
    "kswin(direction='both', window=60)",
    "page_hinkley(scale='fixed', threshold=20, delta=.005, direction='both')",
    "vote(adwin(), hddm_w(), k=1)",
    "vote(adwin(), vote(stepd(), e_sr(), river.drift.ADWIN()), k=2, within=400)",
]
RIVERS = [f"{entry.name}()" for entry in list_detectors() if entry.name.startswith("river.")]
ALL = [*OURS, *VARIANTS, *RIVERS]
DEAF = [
    "river.drift.DummyDriftDetector()",  # it counts, and looks at nothing
    "river.drift.NoDrift()",
    "river.drift.binary.FHDDM()",  # it hears improvement only
    "adwin(direction='better')",
]
RESTLESS = ["ecdd(run_length=100, errors_min=0)", "river.drift.KSWIN()"]
"""They start anew so often that a change can fall into their warm-up."""
SLOW = ["river.drift.KSWIN()"]


def built(text: str) -> Detector:
    return parse_detector(text, seed=4, name="watch").detector


def errors(rates: list[float], each: int, seed: int) -> list[float]:
    """Return 0/1 values, so many at each rate."""
    random = Random(seed)
    return [float(random.random() < rate) for rate in rates for _ in range(each)]


def values_for(detector: Detector, seed: int, each: int) -> list[float]:
    """Return a stream with two changes: 0/1 where nothing else is taken, sizes of any kind elsewhere."""
    if detector.binary_only:
        return errors([0.2, 0.7, 0.1], each, seed)
    random = Random(seed)
    return [random.expovariate(1.0 / mean) for mean in (0.3, 1.5, 0.2) for _ in range(each)]


BINARY = [text for text in ALL if built(text).binary_only]
ANY_NUMBER = [text for text in ALL if text not in BINARY]
CONSTANTS = [
    (text, value)
    for text in ALL
    for value in ((0.0, 1.0) if text in BINARY else (0.0, 1.0, 0.25, 1e9))
    if text != "river.drift.DummyDriftDetector()" and not (text == "e_sr(m=.25)" and value > 0.25)
]

every_detector = pytest.mark.parametrize("text", ALL)


@every_detector
def test_every_value_gets_a_verdict_and_equal_runs_give_equal_ones(text: str) -> None:
    one, other = built(text), built(text)
    values = values_for(one, 3, 100)
    verdicts = [one.update(value) for value in values]
    assert all(type(verdict) is Verdict for verdict in verdicts)
    assert [other.update(value) for value in values] == verdicts
    assert other.snapshot() == one.snapshot()


@every_detector
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_a_restored_detector_goes_on_as_the_one_it_was_taken_from(text: str, data: st.DataObject) -> None:
    original, restored = built(text), built(text)
    values = values_for(original, data.draw(st.integers(0, 99)), 50 if text in SLOW else 400)
    at = data.draw(st.integers(0, len(values)))
    for value in values[:at]:
        original.update(value)
    state = original.snapshot()
    kept = encode(state)
    restored.restore(decode(kept))
    assert encode(restored.snapshot()) == kept
    assert [restored.update(value) for value in values[at:]] == [original.update(value) for value in values[at:]]
    assert encode(restored.snapshot()) == encode(original.snapshot())
    assert encode(state) == kept, "a snapshot is a value: it must not move with the detector"


@every_detector
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_not_finite_is_refused_and_changes_nothing(text: str, value: float) -> None:
    detector = built(text)
    for taken in values_for(detector, 1, 20):
        detector.update(taken)
    before = encode(detector.snapshot())
    with pytest.raises(ModelError):
        detector.update(value)
    assert encode(detector.snapshot()) == before


@pytest.mark.parametrize("text", BINARY)
@pytest.mark.parametrize("value", [0.5, -1.0, 2.0])
def test_a_detector_of_errors_refuses_all_but_zero_and_one(text: str, value: float) -> None:
    detector = built(text)
    before = encode(detector.snapshot())
    with pytest.raises(ModelError, match="0 or 1"):
        detector.update(value)
    assert encode(detector.snapshot()) == before


@pytest.mark.parametrize(("text", "value"), CONSTANTS)
def test_equal_values_raise_no_alarm_however_many_they_are(text: str, value: float) -> None:
    detector = built(text)
    for _ in range(50_000 if text in OURS and value <= 1.0 else 2_000):
        assert detector.update(value) is not Verdict.DRIFT


@pytest.mark.parametrize("text", [text for text in ALL if text not in DEAF])
def test_errors_that_rise_from_a_fifth_to_three_fifths_are_found(text: str) -> None:
    found = 0
    for seed in range(5):
        detector = built(text)
        verdicts = [detector.update(value) for value in errors([0.2, 0.6], 1_500 if text not in SLOW else 300, seed)]
        found += Verdict.DRIFT in verdicts[len(verdicts) // 2 :]
    assert found == 5 or (text in RESTLESS and found >= 3)


def warranted(text: str) -> Watch:
    """Return a watch whose budget is so large that a true change may well be an alarm."""
    return Watch(text, built(text), warrant=Warrant(parse_budget("1 per 50 events"), 1.0))


def say(watch: Watch, value: float, index: int) -> Verdict:
    assert watch.warrant is not None
    return watch.warrant.weigh(value, watch.detector.update(value), index)


@every_detector
@settings(max_examples=4, deadline=None)
@given(data=st.data())
def test_under_a_budget_it_alarms_only_after_it_said_drift_and_goes_on_when_restored(
    text: str, data: st.DataObject
) -> None:
    original, restored, alone = warranted(text), warranted(text), built(text)
    values = values_for(alone, data.draw(st.integers(0, 99)), 50 if text in SLOW else 300)
    at = data.draw(st.integers(0, len(values)))
    drifts = alarms = 0
    for index, value in enumerate(values[:at]):
        drifts += alone.update(value) is Verdict.DRIFT
        alarms += say(original, value, index) is Verdict.DRIFT
        assert alarms <= drifts
    restored.restore(decode(encode(original.snapshot())))
    rest = list(enumerate(values[at:], at))
    assert [say(restored, value, index) for index, value in rest] == [
        say(original, value, index) for index, value in rest
    ]
    assert encode(restored.snapshot()) == encode(original.snapshot())


@pytest.mark.parametrize("text", [text for preset in PRESETS.values() for text in preset.specs])
def test_every_detector_of_a_preset_hears_its_signal_rise_and_keeps_the_list_above(text: str) -> None:
    _, spec = split_signal(text)
    assert spec in ALL
    assert spec not in DEAF


@every_detector
@pytest.mark.parametrize("state", [None, [], {}, {"river": None}, {"count": 3}])
def test_a_state_of_something_else_is_refused_and_changes_nothing(text: str, state: object) -> None:
    detector = built(text)
    before = encode(detector.snapshot())
    with pytest.raises(SnapshotError):
        detector.restore(state)
    assert encode(detector.snapshot()) == before


@pytest.mark.parametrize("text", [text for text in ANY_NUMBER if "river." not in text])
def test_ours_go_on_after_the_largest_number_there_is(text: str) -> None:
    detector = built(text)
    for value in [0.1, 1.7976931348623157e308, 0.1, 1.7976931348623157e308]:
        assert type(detector.update(value)) is Verdict
    for value in errors([0.2], 3_000, 5):
        detector.update(value)
    encode(detector.snapshot())

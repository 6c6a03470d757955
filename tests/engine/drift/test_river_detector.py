"""River's detectors behind our protocol: River's alarms at River's places; values they are not made for are refused."""

from __future__ import annotations

from random import Random

import pytest
from river import drift

from engine.drift.detector import Verdict
from engine.drift.river_detector import RiverDetector
from engine.errors import ConfigError, ModelError, SnapshotError
from engine.models.spec import list_detectors, parse_detector
from engine.snapshot import decode, encode

NAMES = [entry.name for entry in list_detectors() if entry.name.startswith("river.")]


def errors(count: int = 3000, seed: int = 2) -> list[float]:
    """Return 0/1 errors whose rate rises half way."""
    random = Random(seed)
    return [float(random.random() < (0.1 if index < count / 2 else 0.6)) for index in range(count)]


def built(name: str) -> RiverDetector:
    detector = parse_detector(f"{name}()", seed=4, name="watch").detector
    assert isinstance(detector, RiverDetector)
    return detector


@pytest.mark.parametrize("name", NAMES)
def test_verdicts_are_rivers_flags_at_every_value(name: str) -> None:
    ours, theirs = built(name), built(name).detector
    for value in errors(600):
        verdict = ours.update(value)
        theirs.update(value)
        assert (verdict is Verdict.DRIFT) is theirs.drift_detected
        if verdict is not Verdict.DRIFT:
            assert (verdict is Verdict.WARNING) is getattr(theirs, "warning_detected", False)


@pytest.mark.parametrize("name", ["river.drift.binary.DDM", "river.drift.binary.HDDMA", "river.drift.binary.HDDMW"])
def test_a_detector_that_warns_warns_before_it_alarms(name: str) -> None:
    detector = built(name)
    verdicts = [detector.update(value) for value in errors()]
    assert Verdict.WARNING in verdicts[: verdicts.index(Verdict.DRIFT)]


@pytest.mark.parametrize("name", NAMES)
def test_a_restored_detector_continues_as_the_one_it_was_taken_from(name: str) -> None:
    values = errors(700)
    original, restored = built(name), built(name)
    for value in values[:370]:
        original.update(value)
    restored.restore(decode(encode(original.snapshot())))
    assert restored.snapshot() == original.snapshot()
    assert [restored.update(value) for value in values[370:]] == [original.update(value) for value in values[370:]]
    assert restored.snapshot() == original.snapshot()


def test_rivers_adwin_starts_from_an_empty_window_after_an_alarm() -> None:
    detector = built("river.drift.ADWIN")
    values = iter(errors())
    assert any(detector.update(value) is Verdict.DRIFT for value in values)
    detector.update(next(values))
    assert detector.detector.width == 1


def test_rivers_fhddm_hears_a_fall_and_not_a_rise() -> None:
    rising, falling = built("river.drift.binary.FHDDM"), built("river.drift.binary.FHDDM")
    assert all(rising.update(value) is Verdict.STABLE for value in errors())
    assert any(falling.update(value) is Verdict.DRIFT for value in reversed(errors()))


@pytest.mark.parametrize("value", [0.5, -1.0, 2.0, float("nan"), float("inf")])
def test_a_binary_detector_takes_zero_and_one_only(value: float) -> None:
    detector = RiverDetector(drift.binary.DDM())
    before = detector.snapshot()
    with pytest.raises(ModelError, match="takes 0 or 1"):
        detector.update(value)
    assert detector.snapshot() == before


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_no_detector_is_fed_what_is_not_finite(value: float) -> None:
    detector = RiverDetector(drift.ADWIN())
    before = detector.snapshot()
    with pytest.raises(ModelError, match="finite"):
        detector.update(value)
    assert detector.snapshot() == before


def test_what_is_no_detector_and_the_state_of_another_are_refused() -> None:
    with pytest.raises(ConfigError, match="no drift detector"):
        RiverDetector(object())
    adwin = RiverDetector(drift.ADWIN())
    with pytest.raises(SnapshotError, match="holds a DDM, this spec builds a ADWIN"):
        adwin.restore(RiverDetector(drift.binary.DDM()).snapshot())
    with pytest.raises(SnapshotError, match="'river' state"):
        adwin.restore(None)

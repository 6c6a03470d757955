"""Changes whose shape is known are named by it; what cannot be told is called uncertain."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from engine.drift.history import LossHistory
from engine.drift.kind import Characterised, Kind, characterise

ONSET, COUNT = 4_000, 9_000
LOW, HIGH = 0.1, 0.4
Rate = Callable[[int], float]


def step(past: int) -> float:
    return HIGH if past >= 0 else LOW


def ramp(past: int) -> float:
    return LOW + (HIGH - LOW) * min(1.0, max(0.0, past / 2_000))


def slope(past: int) -> float:
    return LOW + (HIGH - LOW) * max(0.0, past / (COUNT - ONSET))


def pulse(past: int) -> float:
    return HIGH if 0 <= past < 1_000 else LOW


def flat(past: int) -> float:
    return LOW


def seen(rate: Rate, *, noisy: bool = True, scale: float = 1.0, shift: float = 0.0, every: int = 1) -> Characterised:
    """Return what is said of a stream of errors at this rate, the alarm 300 values after the onset."""
    random, history = Random(7), LossHistory()
    for place in range(COUNT):
        wanted = rate(place - ONSET)
        value = float(random.random() < wanted) if noisy else wanted
        history.add(scale * value + shift, place * every)
    return characterise(history, ONSET + 300)


SHAPES = [
    (step, Kind.SUDDEN, 0, HIGH - LOW),
    (ramp, Kind.GRADUAL, 2_000, HIGH - LOW),
    (slope, Kind.INCREMENTAL, COUNT - ONSET, HIGH - LOW),
    (pulse, Kind.TRANSIENT, 1_000, HIGH - LOW),
]


@pytest.mark.parametrize("noisy", [False, True], ids=["means alone", "errors"])
@pytest.mark.parametrize(("rate", "kind", "width", "severity"), SHAPES, ids=["step", "ramp", "slope", "pulse"])
def test_a_shape_is_named_with_its_onset_its_width_and_its_severity(
    rate: Rate, kind: Kind, width: int, severity: float, noisy: bool
) -> None:
    found = seen(rate, noisy=noisy)
    assert found.kind is kind
    assert found.onset_index == pytest.approx(ONSET, abs=400 if noisy else 50)
    assert found.width == pytest.approx(width, abs=600 if noisy else 50)
    assert found.severity == pytest.approx(severity, abs=0.08 if noisy else 0.01)


@pytest.mark.parametrize(("rate", "kind"), [shape[:2] for shape in SHAPES], ids=["step", "ramp", "slope", "pulse"])
def test_a_loss_in_another_unit_is_named_alike(rate: Rate, kind: Kind) -> None:
    plain = seen(rate)
    for scale, shift in ((1_000.0, 0.0), (1e-9, 0.0), (1.0, 5.0), (1e300, 0.0)):
        found = seen(rate, scale=scale, shift=shift)
        assert (found.kind, found.onset_index, found.width) == (plain.kind, plain.onset_index, plain.width)
        assert found.severity == pytest.approx(scale * plain.severity, rel=1e-6)


def test_a_fall_is_as_much_a_change_as_a_rise() -> None:
    found = seen(lambda past: 0.5 - step(past))
    assert found.kind is Kind.SUDDEN
    assert found.severity == pytest.approx(LOW - HIGH, abs=0.05)


def test_indices_are_those_of_requests_however_many_of_them_are_watched() -> None:
    every_one, every_third = seen(ramp), seen(ramp, every=3)
    assert every_third.kind is every_one.kind
    assert every_third.onset_index == pytest.approx(3 * every_one.onset_index, abs=3)
    assert every_third.width == pytest.approx(3 * every_one.width, abs=3)


@pytest.mark.parametrize("noisy", [False, True], ids=["means alone", "errors"])
def test_where_nothing_changed_the_kind_is_uncertain(noisy: bool) -> None:
    assert seen(flat, noisy=noisy).kind is Kind.UNCERTAIN


def test_where_too_little_was_seen_the_kind_is_uncertain_and_the_onset_is_the_alarm() -> None:
    history = LossHistory()
    for place in range(500):
        history.add(step(place - 250), place)
    assert characterise(history, 300) == Characterised(Kind.UNCERTAIN, 300, 0, 0.0, 0.0, 300)
    assert characterise(history, 300, recurring=True).kind is Kind.RECURRING


def test_what_came_before_the_baseline_does_not_count() -> None:
    """A model that learns: its loss falls first, further than it rises later."""
    random, history = Random(3), LossHistory()
    for place in range(COUNT):
        rate = 0.9 if place < 1_000 else step(place - ONSET)
        history.add(float(random.random() < rate), place)
    assert characterise(history, ONSET + 300).onset_index < 1_500
    found = characterise(history, ONSET + 300, baseline_place=1_000)
    assert found.kind is Kind.SUDDEN
    assert found.onset_index == pytest.approx(ONSET, abs=200)


def test_a_recurring_change_keeps_the_shape_it_has() -> None:
    random, history = Random(7), LossHistory()
    for place in range(COUNT):
        history.add(float(random.random() < step(place - ONSET)), place)
    plain, recurring = characterise(history, ONSET + 300), characterise(history, ONSET + 300, recurring=True)
    assert recurring == plain._replace(kind=Kind.RECURRING)

"""The stretch: the events on which the challenger gained, as far back as the gain goes."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from engine.evidence.stretch import Stretch

differences = st.lists(st.sampled_from([-1.0, -0.25, 0.0, 0.5, 1.0]), max_size=60)


def filled(values: list[float]) -> Stretch:
    stretch = Stretch()
    for d in values:
        stretch.add(d)
    return stretch


@given(values=differences)
def test_it_is_the_mean_of_so_many_of_the_latest_differences(values: list[float]) -> None:
    stretch = filled(values)
    latest = values[len(values) - stretch.count :]
    assert stretch.gain == (sum(latest) / len(latest) if latest else 0.0)


@given(values=differences, more=differences)
def test_a_restored_stretch_goes_on_as_if_nothing_had_happened(values: list[float], more: list[float]) -> None:
    whole, restored = filled(values), Stretch()
    restored.restore(whole.snapshot())
    for d in more:
        whole.add(d)
        restored.add(d)
    assert restored.snapshot() == whole.snapshot()


def test_a_gain_after_a_long_bad_past_is_told_without_that_past() -> None:
    random = Random(1)
    stretch = filled([random.choice([-1.0, -1.0, 1.0, 0.0]) for _ in range(20_000)])
    for _ in range(1_000):
        stretch.add(random.choice([1.0, 1.0, -1.0, 0.0]))
    assert 950 <= stretch.count <= 1_100
    assert 0.2 <= stretch.gain <= 0.3

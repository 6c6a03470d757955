"""The compiled ADWIN alarms where River's does, with the same window, for each setting trees and forests use."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from river.drift import ADWIN

from engine.kernels import adwin

COUNT = 50_000

Stream = Callable[[Random, int], float]


def steps(random: Random, i: int) -> float:
    return float(random.random() < (0.1, 0.3, 0.05, 0.5)[i // 5_000 % 4])


def steady(random: Random, i: int) -> float:
    return float(random.random() < 0.2)


def ramps(random: Random, i: int) -> float:
    return float(random.random() < 0.1 + 0.4 * (i % 10_000) / 10_000)


def graded(random: Random, i: int) -> float:
    return min(1.0, max(0.0, random.gauss(0.3 + 0.2 * (i // 8_000 % 2), 0.15)))


def constant(random: Random, i: int) -> float:
    return 1.0


@pytest.mark.parametrize("delta", [0.01, 0.002, 0.001])
@pytest.mark.parametrize("stream", [steps, steady, ramps, graded, constant])
def test_alarms_windows_and_means_are_rivers(stream: Stream, delta: float) -> None:
    random = Random(7)
    theirs, ours = ADWIN(delta=delta), np.zeros(adwin.SIZE)
    alarms = 0
    for i in range(COUNT):
        value = stream(random, i)
        theirs.update(value)
        alarm = adwin.update(ours, value, delta)
        assert alarm == theirs.drift_detected, i
        assert ours[adwin.WIDTH] == theirs.width, i
        assert adwin.mean_of(ours) == pytest.approx(theirs.estimation, rel=0.0, abs=1e-12)
        alarms += alarm
    if stream in (steps, ramps, graded):
        assert alarms > 0
    if stream is constant:
        assert alarms == 0


def test_the_window_is_bounded() -> None:
    window = np.zeros(adwin.SIZE)
    for row in range(adwin.ROWS):
        window[adwin.COUNTS + row] = adwin.BUCKETS
    window[adwin.WIDTH] = adwin.BUCKETS * (2.0**adwin.ROWS - 1.0)
    window[adwin.ROW_COUNT] = adwin.ROWS - 1
    before = window[adwin.WIDTH]
    adwin.update(window, 0.0, 0.001)
    assert window[adwin.WIDTH] == before + 1.0 - 2.0 ** (adwin.ROWS - 1)
    assert window[adwin.COUNTS + adwin.ROWS - 1] == adwin.BUCKETS

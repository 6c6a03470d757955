"""What kind of change it was: shapes fitted to the past of a watched value, the best one named, or none.

Five shapes are fitted to bucket means by least squares: flat, a step, a ramp that reaches a plateau, a slope that is
still going on at the end, and a pulse that returns to where it began. BIC chooses (Schwarz 1978, doi
10.1214/aos/1176344136). Where the data cannot tell a step from a ramp, the kind is `uncertain`, and says so. This file
knows nothing of detectors, episodes or what comes after.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import log
from typing import Any, NamedTuple

import numpy as np

from engine.drift.history import LossHistory

SIDE_BUCKETS = 4
"""Buckets of the old level that must be seen before a change, and of the level after a pulse or a plateau."""

BUCKETS_MIN = 12
"""Fewer buckets than this are not judged."""

GRADUAL_GAIN_MIN = 1.0
"""By how much the BIC of a ramp must be better than that of a step to be called one."""

SUDDEN_WIDTH_MAX = 1_000
"""A step is called sudden if no ramp wider than this many values fits nearly as well."""

NEARLY = 3.84
"""Nearly as well: within this much of twice the log-likelihood (chi-squared of one degree, 95 %)."""

CHANGE_GAIN_MIN = 2.0
"""By how much the BIC of a shape must be better than that of a flat line to be called a change."""

STEP_PARTS = 10
"""Places inside a bucket at which a step is tried."""

VALUE_MAX = 1e300
"""Means are held to this, so that squares of their ratios stay finite."""


class Kind(StrEnum):
    """How a change went."""

    SUDDEN = "sudden"
    """From one level to another at once."""
    GRADUAL = "gradual"
    """From one level to another over a while, and there it stayed."""
    INCREMENTAL = "incremental"
    """On and on: no plateau so far."""
    TRANSIENT = "transient"
    """To another level and back."""
    RECURRING = "recurring"
    """Back to what was known before: a past model fits again. Only who keeps past models can say so."""
    UNCERTAIN = "uncertain"
    """The values do not tell."""


class Characterised(NamedTuple):
    """A change, as far as it was seen.

    `onset_index` is a request's; `width` counts requests and is 0 for a step. `severity` is the level after the change
    less the level before; of a transient, the level within it. `gain` is the BIC of the best ramp over the best step:
    above 0 speaks for a ramp. `settled_place` is the place of the value from which the new level holds.
    """

    kind: Kind
    onset_index: int
    width: int
    severity: float
    gain: float
    settled_place: int


class _Shape(NamedTuple):
    """A fitted shape: its BIC (larger is better), where it begins and ends in buckets, and how far it rises."""

    evidence: float
    begin: float
    end: float
    rise: float


@dataclass(frozen=True, slots=True)
class _Means:
    """Bucket means around 0, their prefix sums (plain and weighted by bucket centres), and where a change may begin."""

    y: Any
    below: Any
    moment: Any
    begin_max: int

    @property
    def count(self) -> int:
        return len(self.y)

    def evidence(self, unexplained: float, parameters: int) -> float:
        return -self.count * log(unexplained) - parameters * log(self.count)


def characterise(
    history: LossHistory, alarm_place: int, *, baseline_place: int = 0, recurring: bool = False
) -> Characterised:
    """Name the change that an alarm announced.

    Parameters
    ----------
    history
        The watched value, up to now. What it held before the change is the baseline.
    alarm_place
        Place of the value at which the alarm was raised: the change began before it.
    baseline_place
        Place of the first value to take into account: nothing before it counts as baseline.
    recurring
        A past model fits again. The caller knows; the shapes still say where and how far.

    Notes
    -----
    O(B^2) for B buckets, about 2 ms for 150. Only elementwise operations and running sums, so equal input gives equal
    bits. Values are taken as independent: a loss that clusters looks more certain than it is.
    """
    first, means = history.means(baseline_place)
    size = history.bucket_values
    begin_max = min((alarm_place - first) // size, len(means) - SIDE_BUCKETS)
    if len(means) < BUCKETS_MIN or begin_max < SIDE_BUCKETS:
        return _unseen(history, alarm_place, recurring=recurring)
    y = np.clip(np.array(means, dtype=np.float64), -VALUE_MAX, VALUE_MAX)
    scale = float(np.abs(y).max()) or 1.0
    y = y / scale
    y = y - np.cumsum(y)[-1] / len(y)
    spread = float(np.cumsum(y * y)[-1])
    if spread < 1e-18:
        return _unseen(history, alarm_place, recurring=recurring)
    centres = np.arange(len(y)) + 0.5
    fitted = _Means(y, _prefix(y), _prefix(y * centres), begin_max)

    kind, shape, gain = _named(fitted, spread, size)
    onset = first + shape.begin * size
    settled = first + shape.end * size
    onset_index = history.index_at(onset)
    width = 0 if shape.end - shape.begin < 1 else max(0, history.index_at(settled) - onset_index)
    kind = Kind.RECURRING if recurring else kind
    return Characterised(kind, onset_index, width, shape.rise * scale, gain, int(settled))


def _unseen(history: LossHistory, alarm_place: int, *, recurring: bool) -> Characterised:
    """Return what is said of a change before which too little was seen, or in which nothing moved."""
    kind = Kind.RECURRING if recurring else Kind.UNCERTAIN
    return Characterised(kind, history.index_at(alarm_place), 0, 0.0, 0.0, alarm_place)


def _named(fitted: _Means, spread: float, bucket_values: int) -> tuple[Kind, _Shape, float]:
    """Choose among the shapes by BIC and return the kind, its shape, and the gain of a ramp over a step."""
    floor = 1e-12 * spread
    flat = fitted.evidence(spread, 1)
    step = _best_step(fitted, spread, floor)
    ramp, slope, width_max = _best_ramps(fitted, spread, floor)
    pulse = _best_pulse(fitted, spread, floor)
    rising = max(ramp, slope)
    gain = rising.evidence - step.evidence
    lasting = max(step, rising)
    if max(lasting, pulse).evidence - flat < CHANGE_GAIN_MIN:
        return Kind.UNCERTAIN, lasting, gain
    if pulse.evidence > lasting.evidence:
        return Kind.TRANSIENT, pulse, gain
    if gain >= GRADUAL_GAIN_MIN:
        return (Kind.GRADUAL if rising is ramp else Kind.INCREMENTAL), rising, gain
    if gain < 0.0 and width_max * bucket_values <= SUDDEN_WIDTH_MAX:
        return Kind.SUDDEN, step, gain
    return Kind.UNCERTAIN, lasting, gain


def _prefix(values: Any) -> Any:
    """Return the sums of the first 0, 1, 2, ... values."""
    return np.concatenate([np.zeros(1), np.cumsum(values)])


def _explained(fitted: _Means, sums: Any, squares: Any, products: Any) -> tuple[Any, Any]:
    """Return how much of the spread a regressor explains, and its slope, from the regressor's sums."""
    variation = squares - sums * sums / fitted.count
    variation = np.where(variation > 1e-9, variation, np.inf)
    slope = products / variation
    return slope * products, slope


def _best_step(fitted: _Means, spread: float, floor: float) -> _Shape:
    """Fit steps at every bucket, and at places inside it."""
    begin = np.arange(SIDE_BUCKETS, fitted.begin_max + 1)[:, None]
    part = (np.arange(STEP_PARTS) / STEP_PARTS)[None, :]
    after = fitted.count - begin - part
    squares = fitted.count - begin - 1 + (1.0 - part) * (1.0 - part)
    products = (1.0 - part) * fitted.y[begin] - fitted.below[begin + 1]
    explained, slope = _explained(fitted, after, squares, products)
    row, column = np.unravel_index(int(np.argmax(explained)), explained.shape)
    place = float(begin[row, 0] + part[0, column])
    left = max(spread - float(explained[row, column]), floor)
    return _Shape(fitted.evidence(left, 3), place, place, float(slope[row, column]))


def _best_ramps(fitted: _Means, spread: float, floor: float) -> tuple[_Shape, _Shape, int]:
    """Fit ramps of two buckets and more; return the best with a plateau, the best without, and the widest good one."""
    count = fitted.count
    begin = np.arange(SIDE_BUCKETS, fitted.begin_max + 1)[:, None]
    width = np.arange(2, count - SIDE_BUCKETS + 1)[None, :]
    end = np.minimum(begin + width, count)
    fits = begin + width <= count
    after = count - end
    below, moment = fitted.below, fitted.moment
    within = (moment[end] - moment[begin] - begin * (below[end] - below[begin])) / width
    explained, slope = _explained(
        fitted,
        width / 2.0 + after,
        width / 3.0 - 1.0 / (12.0 * width) + after,
        within - below[end],
    )
    explained = np.where(fits, explained, -1.0)

    def shape(mask: Any, parameters: int) -> _Shape:
        masked = np.where(mask, explained, -1.0)
        row, column = np.unravel_index(int(np.argmax(masked)), masked.shape)
        left = max(spread - float(masked[row, column]), floor)
        evidence = fitted.evidence(left, parameters)
        return _Shape(evidence, float(begin[row, 0]), float(end[row, column]), float(slope[row, column]))

    ramp = shape(fits & (after >= SIDE_BUCKETS), 4)
    slope_on = shape(fits & (after == 0), 3)
    by_width = np.maximum(spread - explained.max(axis=0), floor)
    near = count * np.log(by_width / by_width.min()) <= NEARLY
    return ramp, slope_on, int(width[0, near].max())


def _best_pulse(fitted: _Means, spread: float, floor: float) -> _Shape:
    """Fit pulses that begin before the alarm and end before the values do."""
    count = fitted.count
    begin = np.arange(SIDE_BUCKETS, fitted.begin_max + 1)[:, None]
    end = np.arange(SIDE_BUCKETS + 1, count - SIDE_BUCKETS + 1)[None, :]
    length = np.maximum(end - begin, 1) * 1.0
    explained, slope = _explained(fitted, length, length, fitted.below[end] - fitted.below[begin])
    explained = np.where(end > begin, explained, -1.0)
    row, column = np.unravel_index(int(np.argmax(explained)), explained.shape)
    left = max(spread - float(explained[row, column]), floor)
    evidence = fitted.evidence(left, 4)
    return _Shape(evidence, float(begin[row, 0]), float(end[0, column]), float(slope[row, column]))

"""Which detector for this series of losses: changes are put into copies of its calm stretch, and everybody listens.

The copies are drawn by blocks, so that losses that cluster go on clustering, and errors that come one by one go on
coming so; a detector whose false alarms were promised for independent values shows here what the promise is worth. All
draws have a seed: equal series, equal table. Where the series came from is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from engine.errors import ConfigError
from engine.models.spec import parse_detector
from streams.detector_bench import OWN, Delays, FalseAlarms, delays, false_alarms, of_spec, periodic

COUNT_MIN = 500
"""Losses there must be, at least."""

CALM_COUNT = 4_000
AFTER_COUNT = 6_000
STEADY_COUNT = 20_000
GRADUAL_WIDTH = 1_500
TRANSIENT_COUNT = 500
STREAM_COUNT, STREAM_COUNT_QUICK = 20, 4
MISSED_SHARE_MAX = 0.1
"""A detector that misses more of the sudden or the gradual changes is not recommended."""

PER_MAX = 1_000_000
LASTING_COUNT = 2
_LAG_MAX = 200
_LAG_VALUES = 5_000
_TOO_SLOW = ("kswin()",)  # 30 µs a value


class Budget(NamedTuple):
    """So many false alarms are bearable in so many values."""

    alarms: int
    values: int

    @property
    def run_length(self) -> int:
        """Return the values to a false alarm."""
        return max(1, self.values // self.alarms)


@dataclass(frozen=True, slots=True)
class Asked:
    """What should be heard, and at which price.

    Parameters
    ----------
    budget
        The false alarms that are bearable.
    times
        The changes that should be heard: the mean becomes so many times what it was.
    stream_count
        Copies that are made for each change, and without one.
    seed
        Of all draws.
    """

    budget: Budget
    times: float
    stream_count: int = STREAM_COUNT
    seed: int = 0

    @property
    def changes(self) -> tuple[Change, ...]:
        """Return the changes that are put in: two that last, and one that passes."""
        times = self.times
        return (
            Change(f"x{times:g} at once", times),
            Change(f"x{times:g} over {GRADUAL_WIDTH:,}", times, width=GRADUAL_WIDTH),
            Change(f"x{times:g} for {TRANSIENT_COUNT:,}", times, lasts=TRANSIENT_COUNT),
        )


@dataclass(frozen=True, slots=True)
class Change:
    """How the mean of the losses changes: to `times` what it was, over `width` values, for `lasts` values."""

    name: str
    times: float
    width: int = 0
    lasts: int = AFTER_COUNT

    @property
    def heard_within(self) -> int:
        """For how long after the onset it is listened to; a transient, while it lasts and as long again."""
        return min(AFTER_COUNT, 2 * self.lasts)

    def put(self, values: Sequence[float], random: Random, *, rate: float | None) -> list[float]:
        """Return the values with the change in them, from `CALM_COUNT` on.

        Losses of 0 and 1 turn to 1 at random, as often as it takes; others are multiplied. `rate` is the mean of the
        former; None says that they are others.
        """
        changed = list(values)
        for index in range(min(self.lasts, len(values) - CALM_COUNT)):
            share = min(1.0, index / self.width) if self.width else 1.0
            more = (self.times - 1.0) * share
            at = CALM_COUNT + index
            if rate is None:
                changed[at] *= 1.0 + more
            elif not changed[at] and random.random() < more * rate / (1.0 - rate):
                changed[at] = 1.0
        return changed


@dataclass(frozen=True, slots=True)
class Row:
    """One detector: its false alarms, its delays by change, and whether it keeps to the budget."""

    detector: str
    false: FalseAlarms
    delays: dict[str, Delays]
    keeps: bool

    @property
    def hears(self) -> bool:
        """Whether it misses few of the lasting changes."""
        return all(each.missed <= MISSED_SHARE_MAX * each.stream_count for each in self._lasting)

    @property
    def delay(self) -> float:
        """Return the mean delay of the lasting changes, in which one that is missed counts as long as was listened."""
        lasting = self._lasting
        return sum((sum(each.heard) + each.missed * AFTER_COUNT) / each.stream_count for each in lasting) / len(lasting)

    @property
    def _lasting(self) -> list[Delays]:
        return list(self.delays.values())[:LASTING_COUNT]


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the bench found: the series it rests on, a row for every detector, and the best of them, if any will do."""

    calm_from: int
    calm_count: int
    mean: float
    block_count: int
    changes: tuple[str, ...]
    rows: tuple[Row, ...]
    best: Row | None


def choose(losses: Sequence[float], asked: Asked, step: Callable[[int, int], None]) -> Chosen:
    """Try our detectors on copies of the losses' calm stretch.

    Parameters
    ----------
    losses
        In their order, none negative.
    asked
        What should be heard, and at which price.
    step
        Told how many detectors of how many are done.

    Raises
    ------
    ConfigError
        When the losses are too few, never above 0, or cannot become so large.

    Notes
    -----
    50,000 values a copy for each of some 15 detectors, at 1 to 5 µs a value.
    """
    begin, calm = calm_stretch(losses)
    budget, seed, changes = asked.budget, asked.seed, asked.changes
    rate = _rate(calm, asked.times)
    block = block_length(calm)
    stream_count = asked.stream_count
    steady_count = max(stream_count, -(-budget.run_length // STEADY_COUNT))
    steady = [drawn(calm, block, STEADY_COUNT, Random(f"steady:{seed}:{at}")) for at in range(steady_count)]
    calm_count = CALM_COUNT + AFTER_COUNT
    usual = [drawn(calm, block, calm_count, Random(f"calm:{seed}:{at}")) for at in range(stream_count)]
    changed = {
        change: [change.put(each, Random(f"{change.name}:{seed}:{at}"), rate=rate) for at, each in enumerate(usual)]
        for change in changes
    }
    specs = _field(budget, numeric=rate is None)
    makers = {spec: of_spec(spec) for spec in specs} | {f"every {budget.run_length:,}": periodic(budget.run_length)}
    rows = []
    for done, (name, make) in enumerate(makers.items(), 1):
        false = false_alarms(make, steady)
        heard = {
            change.name: delays(make, streams, CALM_COUNT, change.heard_within) for change, streams in changed.items()
        }
        rows.append(Row(name, false, heard, false.alarms * budget.values <= budget.alarms * false.values))
        step(done, len(makers))
    able = [row for row in rows if row.keeps and row.hears and row.detector in specs]
    best = min(able, key=lambda row: row.delay, default=None)
    rows.sort(key=lambda row: (not row.keeps, row.delay))
    names = tuple(change.name for change in changes)
    return Chosen(begin, len(calm), sum(calm) / len(calm), block, names, tuple(rows), best)


def calm_stretch(losses: Sequence[float]) -> tuple[int, list[float]]:
    """Return where the calmest half of the losses begins, and that half: the means of its tenths lie closest together.

    Raises
    ------
    ConfigError
        When there are too few.
    """
    count = len(losses)
    if count < COUNT_MIN:
        msg = f"{count:,} losses say too little about what is usual, at least {COUNT_MIN:,} do; give a longer series"
        raise ConfigError(msg)
    length = max(COUNT_MIN // 2, count // 2)
    tenth = length // 10

    def spread(begin: int) -> float:
        means = [sum(losses[at : at + tenth]) / tenth for at in range(begin, begin + 10 * tenth, tenth)]
        return max(means) - min(means)

    begin = min(range(0, count - length + 1, max(1, count // 40)), key=spread)
    return begin, [float(value) for value in losses[begin : begin + length]]


def block_length(calm: Sequence[float]) -> int:
    """Return how long blocks are drawn: twice the lag from which the losses no longer go together, and at least 20."""
    values = calm[:_LAG_VALUES]
    count = len(values)
    mean = sum(values) / count
    around = [value - mean for value in values]
    power = sum(value * value for value in around)
    limit = 2.0 / count**0.5
    lag = 1
    while power and lag < _LAG_MAX:
        together = sum(a * b for a, b in zip(around, around[lag:], strict=False)) / power
        if together < limit:
            break
        lag += 1
    return min(max(20, 2 * lag), count // 10)


def drawn(calm: Sequence[float], block: int, count: int, random: Random) -> list[float]:
    """Return so many values, in blocks from anywhere in the calm stretch, one after the other."""
    values: list[float] = []
    while len(values) < count:
        begin = random.randrange(len(calm) - block + 1)
        values += calm[begin : begin + block]
    return values[:count]


def _rate(calm: Sequence[float], times: float) -> float | None:
    """Return the mean of losses of 0 and 1, None for others; refuse what cannot become so large."""
    mean = sum(calm) / len(calm)
    if min(calm) < 0.0:
        msg = f"a loss is not negative, got {min(calm)!r}"
        raise ConfigError(msg)
    if not mean:
        msg = f"no loss is above 0 in the calm stretch of {len(calm):,}; give a longer series"
        raise ConfigError(msg)
    if times <= 1.0:
        msg = f"a change makes losses larger, so times must be above 1, got {times!r}"
        raise ConfigError(msg)
    if not set(calm) <= {0.0, 1.0}:
        return None
    if times * mean > 1.0:
        msg = f"the mean loss is {mean:.4f} and cannot become {times:g} times that; at most {1.0 / mean:.2f}"
        raise ConfigError(msg)
    return mean


def _field(budget: Budget, *, numeric: bool) -> list[str]:
    """Return the detectors that take such losses."""
    quieter = (f"e_sr(run_length={10 * budget.run_length})", "adwin(delta=1e-05)")
    specs = [*(spec for spec in OWN if spec not in _TOO_SLOW), *quieter]
    return [spec for spec in specs if not (numeric and parse_detector(spec, seed=1, name="choice").binary_only)]

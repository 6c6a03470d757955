"""The alarm budget: at most so many false alarms per span, over everything that is watched, as a frozen value.

Here is what a budget allows and how it is split; how an alarm is held to it, `engine.drift.warrant` knows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from engine.errors import ConfigError
from engine.event_time import parse_duration, show_duration
from engine.limits import Limits
from engine.tape import Moment
from engine.values import show_value
from engine.watermark import Watermark

CREDIT_MAX = 0.1
"""What a single silence earns at most, in alarms: a pause is no reason to believe the next value more."""

_FORM = re.compile(r"([0-9]{1,9}) per (?:([0-9][0-9_]{0,17}) events?|(.+))")


class BudgetUnit(StrEnum):
    """What a span is counted in."""

    MS = "ms"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class AlarmBudget:
    """At most `count` false alarms per `span`, in expectation, over any stretch of the stream.

    Parameters
    ----------
    span
        Milliseconds of event time, or requests.
    unit
        Which of the two.
    count
        How many false alarms are bearable in a span.

    Raises
    ------
    ConfigError
        Where either is not positive.
    """

    span: int
    unit: BudgetUnit
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse a budget of nothing, and one without end."""
        for name in ("span", "count"):
            if getattr(self, name) < 1:
                msg = f"an alarm budget's {name} must be at least 1, got {getattr(self, name)!r}"
                raise ConfigError(msg)

    @property
    def run_length(self) -> float:
        """The span for a single alarm."""
        return self.span / self.count

    def credit(self, elapsed: int) -> float:
        """Return how many false alarms all watches together may raise for what passed, in the budget's unit.

        A single silence earns `CREDIT_MAX` at most. Who looks now and then, at a level alpha, may take its share of
        this as alpha, with what passed since its look before.

        >>> parse_budget("1 per 1000 events").credit(50), parse_budget("1 per 1000 events").credit(700)
        (0.05, 0.1)
        """
        return min(max(0, elapsed) / self.run_length, CREDIT_MAX)

    def __str__(self) -> str:
        """Return the text that `parse_budget` reads back."""
        span = show_duration(self.span) if self.unit is BudgetUnit.MS else f"{self.span} events"
        return f"{self.count} per {span}"


def parse_budget(text: object) -> AlarmBudget:
    """Return the budget written as `1 per 30d` or `1 per 100000 events`, or raise `ConfigError`.

    >>> parse_budget("1 per 30d").span, str(parse_budget("2 per 100_000 events"))
    (2592000000, '2 per 100000 events')
    """
    match = _FORM.fullmatch(" ".join(text.split())) if isinstance(text, str) else None
    if match is None:
        msg = f"an alarm budget is written '1 per 30d' or '1 per 100000 events', got {show_value(text)}"
        raise ConfigError(msg)
    if match[2] is not None:
        return AlarmBudget(int(match[2]), BudgetUnit.EVENTS, int(match[1]))
    return AlarmBudget(parse_duration(match[3]), BudgetUnit.MS, int(match[1]))


def split(watch_count: int, group_count: int = 0) -> float:
    """Return the share of the budget that each watch gets, and each group of watches that alarms as one.

    A watch is one detector on one contender. A group, such as all features looked at without labels, counts as one.

    >>> split(3, group_count=1)
    0.25
    """
    return 1.0 / max(1, watch_count + group_count)


class BudgetClock:
    """What a budget's span is counted by: requests, or event time as far as it is believed.

    Parameters
    ----------
    budget
        Says which of the two.
    limits
        How far one message may move event time, and how many must agree to more.
    """

    def __init__(self, budget: AlarmBudget, limits: Limits) -> None:
        self._timed = budget.unit is BudgetUnit.MS
        self._watermark = Watermark(limits.jump_ms, limits.jump_agreeing_count)
        self._request_index = -1

    def read(self, when: Moment) -> int | None:
        """Return what it is by now; None where no event had a time."""
        if not self._timed:
            return when.request_index
        # Steps between two requests repeat the time of the one before: a wild clock must not agree with itself.
        if when.time_ms is not None and when.request_index > self._request_index:
            self._request_index = when.request_index
            self._watermark.observe(when.time_ms)
        return self._watermark.now_ms

    def snapshot(self) -> Any:
        """Return the state as plain data."""
        return [self._request_index, self._watermark.snapshot()]

    def restore(self, state: Any) -> None:
        """Take back what `snapshot` returned."""
        self._request_index, watermark = state
        self._watermark.restore(watermark)


class Allowance:
    """What a group that looks now and then, and alarms as one, may take of a budget at each look.

    Parameters
    ----------
    budget
        What is allowed.
    share
        The group's part of it: see `split`.
    limits
        Those of the clock.

    Attributes
    ----------
    looks
        How often it looked.
    elapsed
        How much has passed until its latest look, in the budget's unit.
    allowed
        How many false alarms it may have raised by then, in expectation.
    """

    def __init__(self, budget: AlarmBudget, share: float, limits: Limits) -> None:
        self._budget = budget
        self._share = share
        self._clock = BudgetClock(budget, limits)
        self._now: int | None = None
        self._last: int | None = None
        self.looks = self.elapsed = 0
        self.allowed = 0.0

    @property
    def promised(self) -> float:
        """How far apart false alarms of this group are on average, at least, in the budget's unit."""
        return self._budget.run_length / self._share

    def see(self, when: Moment) -> None:
        """Let time pass; what is earned begins here."""
        self._now = self._clock.read(when)
        if self._last is None:
            self._last = self._now

    def spend(self) -> float:
        """Return the level of a look: what was earned since the look before."""
        elapsed = 0 if self._now is None or self._last is None else max(0, self._now - self._last)
        self._last = self._now
        level = self._share * self._budget.credit(elapsed)
        self.looks += 1
        self.elapsed += elapsed
        self.allowed += level
        return level

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self._clock.snapshot(), self._now, self._last, self.looks, self.elapsed, self.allowed]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        clock, self._now, self._last, self.looks, self.elapsed, self.allowed = state
        self._clock.restore(clock)

"""When challengers are shed, and when they come back: decided from numbers, so that a scripted clock can try it.

A worker that falls behind sheds challengers first, the costliest first, one at a time; when it has been level for a
while, they come back, one at a time. Whoever had to go again soon waits twice as long the next time, so a load at the
edge moves nobody to and fro. This file asks and remembers: it knows no engine, no log and no clock. What it asks for
becomes a command, and takes effect where that is journalled.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.messages import Verb


@dataclass(frozen=True, slots=True, kw_only=True)
class OverloadRules:
    """When a worker is behind, and when it is level again.

    Parameters
    ----------
    backlog_max
        Records waiting; with more than these a worker is behind. With a tenth of them or fewer it is level.
    after_s
        Seconds without a break that it must have been behind before anybody is shed.
    level_s
        A backlog that shrinks so fast that it is gone within so many seconds sheds nobody.
    share_min
        The share of its time that challengers must have taken; shedding them would not help otherwise.
    calm_s
        Seconds without a break that it must have been level before one of them comes back.
    calm_s_max
        What `calm_s` grows to at most: it doubles when somebody has to be shed again.
    """

    backlog_max: int = 20_000
    after_s: float = 30.0
    level_s: float = 600.0
    share_min: float = 0.25
    calm_s: float = 120.0
    calm_s_max: float = 3_600.0


class Load(NamedTuple):
    """How things are at one moment.

    `spent_s` is what each challenger has cost since the start, in seconds; `shed` names those that are shed now.
    """

    now_s: float
    backlog: int
    spent_s: Mapping[str, float]
    shed: Collection[str]


class Asked(NamedTuple):
    """What is to be done to whom, and why."""

    verb: Verb
    contender: str
    reason: str


class Shedding:
    """Looks at the load now and then, and says what is to be done.

    Parameters
    ----------
    rules
        When.

    Attributes
    ----------
    calm_s
        How long the worker must be level now before somebody comes back.
    """

    def __init__(self, rules: OverloadRules) -> None:
        self._rules = rules
        self.calm_s = rules.calm_s
        self._behind_from: Load | None = None
        self._level_since_s: float | None = None
        self._cost: dict[str, float] = {}
        self._has_resumed = False

    def look(self, load: Load) -> Asked | None:
        """Return what is to be done now; None for nothing."""
        rules = self._rules
        if load.backlog <= rules.backlog_max:
            self._behind_from = None
        elif self._behind_from is None:
            self._behind_from = load
        if load.backlog * 10 > rules.backlog_max:
            self._level_since_s = None
        elif self._level_since_s is None:
            self._level_since_s = load.now_s
        if self._behind_from is not None and load.now_s - self._behind_from.now_s >= rules.after_s:
            begin, self._behind_from = self._behind_from, load
            return self._shed(begin, load)
        if self._level_since_s is not None and load.now_s - self._level_since_s >= self.calm_s:
            return self._resume(load)
        return None

    def _shed(self, begin: Load, load: Load) -> Asked | None:
        """Return the costliest challenger since the worker was behind, if to shed it is of use."""
        rules, seconds = self._rules, load.now_s - begin.now_s
        shrunk = begin.backlog - load.backlog
        if shrunk > 0 and load.backlog * seconds <= shrunk * rules.level_s:
            return None
        spent = {
            name: spent_s - begin.spent_s.get(name, 0.0)
            for name, spent_s in load.spent_s.items()
            if name not in load.shed
        }
        if sum(spent.values()) < rules.share_min * seconds or not spent:
            return None
        name = max(spent, key=lambda each: (spent[each], each))
        if self._has_resumed:
            self.calm_s = min(2.0 * self.calm_s, rules.calm_s_max)
            self._has_resumed = False
        share = self._cost[name] = spent[name] / seconds
        return Asked(Verb.SHED, name, f"{load.backlog:,} records behind, this challenger took {share:.0%} of the time")

    def _resume(self, load: Load) -> Asked | None:
        """Return the cheapest of those shed; once nobody has been for long enough, the pauses are as at first again."""
        level_s = load.now_s - self._level_since_s  # type: ignore[operator]
        if not load.shed:
            if level_s >= self._rules.calm_s_max:
                self.calm_s, self._has_resumed = self._rules.calm_s, False
            return None
        self._level_since_s = load.now_s
        self._has_resumed = True
        name = min(load.shed, key=lambda each: (self._cost.get(each, 0.0), each))
        return Asked(Verb.RESUME, name, f"no more than {load.backlog:,} records behind for {level_s:,.0f} s")

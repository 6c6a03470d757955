"""A warrant: what a detector's drift needs, under an alarm budget, to become an alarm.

One per watch. It sees the same values as the detector, bets against "the mean is no higher than it was", and grows with
what the budget earns. It knows the clock only as a number, and nothing of signals or contenders.
"""

from __future__ import annotations

from typing import Any

from engine.drift.baseline import Baseline
from engine.drift.budget import AlarmBudget
from engine.drift.detector import Verdict
from engine.drift.e_sr import BETS_COUNT, LARGEST_BET, VALUE_MAX, wager

DOUBT = 0.01
"""The probability that any watch of a budget has too low a baseline, from one of its alarms to the next."""

EVIDENCE_MAX = 1e100
"""Where a change stays and its detector is silent, evidence grows no further than this."""


class Ledger:
    """What a watch was shown, said, and was allowed, from the start of the figures on.

    Attributes
    ----------
    values
        How many values it was shown.
    elapsed
        For how long it could have alarmed, in the budget's unit: not while its baseline is learned.
    allowed
        How many false alarms it may have raised in that time, in expectation.
    drifts, alarms, lapsed
        How often its detector said drift, and what became of it: an alarm, or nothing in the span for which it is held.
        The others were said while one was held.
    """

    __slots__ = ("alarms", "allowed", "drifts", "elapsed", "lapsed", "values")

    def __init__(self) -> None:
        self.values = self.elapsed = self.drifts = self.alarms = self.lapsed = 0
        self.allowed = 0.0

    def snapshot(self) -> list[Any]:
        """Return the counts."""
        return [self.values, self.elapsed, self.allowed, self.drifts, self.alarms, self.lapsed]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        self.values, self.elapsed, self.allowed, self.drifts, self.alarms, self.lapsed = state


class Warrant:
    """Lets a drift pass as an alarm when M, the mean over 12 stakes l of (M_l + w) (1 + l (x - m)), is at least 1.

    w is this watch's share of what the budget earned since the value before. While the mean of x, given the past, is
    at most m, M less the sum of w is a supermartingale, and so is the number of alarms plus M less that sum, since an
    alarm takes M from 1 or more to 0. So over any stretch, whatever the dependence and the pace of events, a watch
    raises no more false alarms in expectation than its share of the budget, and all together no more than the budget.

    Parameters
    ----------
    budget
        What is allowed.
    share
        This watch's part of it: see `engine.drift.budget.split`.

    Notes
    -----
    m is learned: see `engine.drift.baseline`. Until it is, and anew after each alarm, no alarm is raised and nothing is
    earned. A drift that has no warrant yet is WARNING, and is held for a span of the budget: the alarm comes as soon as
    M allows, since a detector that has said it once may never say it again. Only a rise is heard. O(12) a value.

    References
    ----------
    Shin, Ramdas and Rinaldo 2024, E-detectors, doi 10.51387/23-NEJSDS51
    """

    __slots__ = ("_baseline", "_budget", "_evidence", "_held", "_hold", "_last", "_share", "ledger")

    def __init__(self, budget: AlarmBudget, share: float) -> None:
        self._budget = budget
        self._share = share
        self._hold = int(budget.run_length)
        self._last: int | None = None
        self.ledger = Ledger()
        self._restart()

    def _restart(self) -> None:
        self._baseline = Baseline(DOUBT * self._share)
        self._evidence = [0.0] * BETS_COUNT
        self._held: int | None = None

    @property
    def m(self) -> float | None:
        """The mean that is no news; None while it is learned."""
        return self._baseline.m

    @property
    def promised(self) -> float:
        """How far apart false alarms of this watch are on average, at least, in the budget's unit."""
        return self._budget.run_length / self._share

    def weigh(self, value: float, verdict: Verdict, now: int | None) -> Verdict:
        """Take a value, what the detector said of it, and the budget's clock; return what may be said."""
        elapsed = 0 if now is None or self._last is None else max(0, now - self._last)
        if now is not None:
            self._last = now
        ledger, m = self.ledger, self._baseline.m
        ledger.values += 1
        value = min(value, VALUE_MAX)
        mean = 0.0
        if m is not None:
            credit = self._share * self._budget.credit(elapsed)
            ledger.elapsed += elapsed
            ledger.allowed += credit
            mean = wager(self._evidence, credit, LARGEST_BET * (value - m) / m)
            if mean > EVIDENCE_MAX:
                self._evidence = [min(each, EVIDENCE_MAX) for each in self._evidence]
        self._baseline.learn(value)
        self._hold_on(verdict, elapsed)
        if self._held is not None and mean >= 1.0:
            ledger.alarms += 1
            self._restart()
            return Verdict.DRIFT
        return min(verdict, Verdict.WARNING)

    def _hold_on(self, verdict: Verdict, elapsed: int) -> None:
        """Hold a drift, or let the one that is held lapse."""
        if verdict is Verdict.DRIFT:
            self.ledger.drifts += 1
            self._held = self._hold
        elif self._held is not None:
            self._held -= elapsed
            if self._held < 0:
                self._held = None
                self.ledger.lapsed += 1

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self._baseline.snapshot(), list(self._evidence), self._held, self._last, self.ledger.snapshot()]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        baseline, evidence, self._held, self._last, ledger = state
        self._baseline.restore(baseline)
        self._evidence = list(evidence)
        self.ledger.restore(ledger)

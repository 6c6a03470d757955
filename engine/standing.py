"""How a challenger stands against the champion: the evidence so far, and what still keeps it from being promoted.

One standing per challenger, fed with pairs of answers to the same matured events. It knows no positions and no roles.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.event_time import show_duration
from engine.evidence.confidence import ConfidenceSequence
from engine.evidence.losses import Loss
from engine.evidence.restarting import Restarting
from engine.messages import Answer, Target
from engine.promotion_rules import PromotionRules
from engine.tape import Row

GAIN_ALPHA = 0.05
"""The confidence sequence of the gain holds with 95 %."""


class Standing:
    """One challenger against one champion.

    Parameters
    ----------
    rules
        What must hold.
    loss
        What "better" means.
    binary
        Whether there are positives.
    """

    def __init__(self, rules: PromotionRules, loss: Loss, *, binary: bool) -> None:
        self._rules = rules
        self._loss = loss
        self._binary = binary
        self.evidence = rules.evidence.make()
        self.gain = ConfidenceSequence(GAIN_ALPHA)
        self.harm: Restarting | None = None
        self.since_index = -1
        self._forget()

    def _forget(self) -> None:
        self.count = self.positives = self.alerts = self.champion_alerts = 0
        self._probability_sum = 0.0
        self._times: tuple[int, int] | None = None

    def restart(self, since_index: int) -> None:
        """Begin anew with the requests after this one."""
        self.evidence.restart()
        self.gain.restart()
        if self.harm is not None:
            self.harm.restart()
        self.since_index = since_index
        self._forget()

    def add(self, row: Row, champion: Answer, challenger: Answer, target: Target) -> None:
        """Take the two answers to one matured event."""
        if row.index <= self.since_index:
            return
        loss = self._loss
        difference = loss(champion, target) - loss(challenger, target)
        self.evidence.add(difference)
        self.gain.add(difference)
        if self.harm is not None:
            self.harm.add(difference)
        self.count += 1
        if self._binary:
            self.positives += target is True
            self.alerts += challenger[0] is True
            self.champion_alerts += champion[0] is True
            self._probability_sum += challenger[1]  # type: ignore[operator]
        if row.time_ms is not None:
            first, last = self._times or (row.time_ms, row.time_ms)
            self._times = (min(first, row.time_ms), max(last, row.time_ms))

    def hindrance(self, challenger_count: int) -> str | None:
        """Return why the challenger may not be promoted; None where it may."""
        checks: tuple[Callable[[], str | None], ...] = (
            self._too_little,
            lambda: self._unproven(challenger_count),
            self._guarded,
        )
        for check in checks:
            found = check()
            if found is not None:
                return found
        return None

    def _too_little(self) -> str | None:
        rules = self._rules
        if self.count < rules.matured_count_min:
            return f"{self.count:,} of {rules.matured_count_min:,} matured events"
        if self._binary and self.positives < rules.positive_count_min:
            return f"{self.positives:,} of {rules.positive_count_min:,} positives"
        if self._times is not None:
            span_ms = self._times[1] - self._times[0]
            if span_ms < rules.span_ms_min:
                return f"events of {show_duration(span_ms)}, {show_duration(rules.span_ms_min)} are asked for"
        return None

    def _unproven(self, challenger_count: int) -> str | None:
        wanted = self._rules.evidence.log_threshold(challenger_count)
        if self.evidence.log_e < wanted:
            return f"evidence e^{self.evidence.log_e:.1f} of e^{wanted:.1f}"
        if self.gain.lower <= self._rules.margin:
            return f"the gain is {self.gain.centre:.4f}, by its confidence bound only {self.gain.lower:.4f}"
        return None

    def _guarded(self) -> str | None:
        rules = self._rules
        if not self._binary or not self.count:
            return None
        gap = (self._probability_sum - self.positives) / self.count
        if rules.calibration_gap_max is not None and abs(gap) > rules.calibration_gap_max:
            return f"its mean probability is off by {gap:+.4f}, {rules.calibration_gap_max} is allowed"
        if rules.alert_ratio_max is not None and self.alerts > rules.alert_ratio_max * max(1, self.champion_alerts):
            return f"{self.alerts:,} alerts for {self.champion_alerts:,} of the champion's"
        return None

    def read(self, challenger_count: int) -> dict[str, Any]:
        """Return the evidence in figures, fit for JSON."""
        return {
            "test": f"{self._rules.evidence.rule} {self._rules.evidence.test}",
            "log_e": self.evidence.log_e if self.count else None,
            "log_threshold": self._rules.evidence.log_threshold(challenger_count),
            "matured": self.count,
            "positives": self.positives if self._binary else None,
            "gain": self.gain.centre if self.count else None,
            "gain_bounds": [self.gain.lower, self.gain.upper],
        }

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [
            self.evidence.snapshot(),
            self.gain.snapshot(),
            None if self.harm is None else self.harm.snapshot(),
            self.since_index,
            [self.count, self.positives, self.alerts, self.champion_alerts, self._probability_sum],
            None if self._times is None else list(self._times),
        ]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        evidence, gain, harm, self.since_index, counts, times = state
        self.evidence.restore(evidence)
        self.gain.restore(gain)
        self.harm = None
        if harm is not None:
            self.harm = Restarting()
            self.harm.restore(harm)
        self.count, self.positives, self.alerts, self.champion_alerts, self._probability_sum = counts
        self._times = None if times is None else (times[0], times[1])

"""How a challenger stands against the champion: the evidence so far, and what still keeps it from being promoted.

One standing per challenger, fed with pairs of answers to the same matured events. It knows no positions and no roles.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from typing import Any

from engine.event_time import show_duration
from engine.evidence.confidence import ConfidenceSequence
from engine.evidence.losses import Loss
from engine.evidence.restarting import Restarting
from engine.evidence.stretch import Stretch
from engine.messages import Answer, Target
from engine.promotion_rules import PromotionRules
from engine.tape import Row

GAIN_ALPHA = 0.05
"""The confidence sequence of the gain holds with 95 %."""

GUARD_EVENTS_MIN = 1_000
"""Guardrails look at about so many of the latest events, or at `matured_count_min` where that is more."""


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
        self.stretch = Stretch()
        self.harm: Restarting | None = None
        self.since_index = -1
        self._keep = 1.0 - 1.0 / max(GUARD_EVENTS_MIN, rules.matured_count_min)
        self._forget()

    def _forget(self) -> None:
        self.count = self.positives = 0
        self._recent = [0.0] * 4
        """Fading sums: events, the challenger's alerts, the champion's, probability less truth."""
        self._times: tuple[int, int] | None = None

    def restart(self, since_index: int) -> None:
        """Begin anew with the requests after this one."""
        self.evidence.restart()
        self.gain.restart()
        self.stretch.restart()
        if self.harm is not None:
            self.harm.restart()
        self.since_index = since_index
        self._forget()

    def add(self, row: Row, champion: Answer, challenger: Answer, target: Target) -> None:
        """Take the two answers to one matured event."""
        if row.index <= self.since_index:
            return
        difference = self._loss(champion, target) - self._loss(challenger, target)
        margin = self._rules.margin
        if self.harm is not None:
            # Who was displaced for one that is not much worse comes back as one that is better, or they take turns.
            margin = abs(margin)
        self.evidence.add(_beyond(difference, margin))
        self.gain.add(difference)
        self.stretch.add(difference)
        if self.harm is not None:
            self.harm.add(_beyond(difference, max(0.0, -self._rules.margin)))
        self.count += 1
        if self._binary:
            self.positives += target is True
            off = challenger[1] - (1.0 if target else 0.0)  # type: ignore[operator]
            now = (1.0, float(challenger[0] is True), float(champion[0] is True), off)
            self._recent = [self._keep * kept + each for kept, each in zip(self._recent, now, strict=True)]
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
        if self.evidence.log_e >= wanted:
            return None
        return f"evidence e^{self.evidence.log_e:.1f} of e^{wanted:.1f}" if self._is_begun else "no evidence yet"

    def _guarded(self) -> str | None:
        rules, (count, alerts, champion_alerts, off) = self._rules, self._recent
        if not count:
            return None
        if rules.calibration_gap_max is not None and abs(off / count) > rules.calibration_gap_max:
            return f"its mean probability is off by {off / count:+.4f}, {rules.calibration_gap_max} is allowed"
        if rules.alert_ratio_max is not None and alerts > rules.alert_ratio_max * max(1.0, champion_alerts):
            return (
                f"it alerts on {alerts / count:.2%} of the latest events, the champion on {champion_alerts / count:.2%}"
            )
        return None

    @property
    def _is_begun(self) -> bool:
        """Whether anything spoke for or against it yet."""
        return isfinite(self.evidence.log_e)

    def read(self, challenger_count: int) -> dict[str, Any]:
        """Return the evidence in figures, fit for JSON."""
        return {
            "test": f"{self._rules.evidence.rule} {self._rules.evidence.test}",
            "log_e": self.evidence.log_e if self._is_begun else None,
            "log_threshold": self._rules.evidence.log_threshold(challenger_count),
            "matured": self.count,
            "positives": self.positives if self._binary else None,
            "gain": self.gain.centre if self.count else None,
            "gain_bounds": [self.gain.lower, self.gain.upper],
            "gain_matured": self.gain.count,
            "latest_matured": self.stretch.count,
            "latest_gain": self.stretch.gain if self.count else None,
        }

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [
            self.evidence.snapshot(),
            self.gain.snapshot(),
            None if self.harm is None else self.harm.snapshot(),
            self.since_index,
            self.stretch.snapshot(),
            [self.count, self.positives, *self._recent],
            None if self._times is None else list(self._times),
        ]

    def restore(self, state: list[Any]) -> None:
        """Take back what `snapshot` returned."""
        evidence, gain, harm, self.since_index, stretch, counts, times = state
        self.evidence.restore(evidence)
        self.gain.restore(gain)
        self.harm = None
        if harm is not None:
            self.harm = Restarting()
            self.harm.restore(harm)
        self.stretch.restore(stretch)
        self.count, self.positives, *self._recent = counts
        self._times = None if times is None else (times[0], times[1])


def _beyond(difference: float, margin: float) -> float:
    """Return a difference of losses less the margin, scaled back into [-1, 1]."""
    return (difference - margin) / (1.0 + abs(margin)) if margin else difference

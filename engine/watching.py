"""What a detector is shown: one number per event, made from an answer and its target.

Each signal has its moment: answers as they are given, labels as they come, or labels in order of prediction once their
window has closed. What is rising is what is getting worse, so one direction serves all. This file knows no detector.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from engine.drift.detector import Detector
from engine.drift.warrant import Warrant
from engine.errors import ConfigError
from engine.messages import Answer, Target
from engine.targets import Task

LOSS_MAX = 1.7976931348623157e308
"""What a loss that overflows is taken as."""

Read: TypeAlias = Callable[[Answer, Target], float | None]
"""Returns what the detector is shown of an answer and its target; None where it is shown nothing."""


class Signal(StrEnum):
    """What can be watched of one contender."""

    LOSS = "loss"
    """0 or 1 for a class, the absolute error for a number; matured."""
    MISSES = "misses"
    """Among positives, as their labels come: 1 where it did not alert."""
    FALSE_ALERTS = "false_alerts"
    """Among its alerts, matured: 1 where there was nothing; it rises as precision falls."""
    ALERT_RATE = "alert_rate"
    """Of every answer as it is given: 1 where it alerts."""
    CALIBRATION = "calibration"
    """Half of (1 + target - probability), matured: 0.5 on average where probabilities mean what they say."""
    ESTIMATE_GAP = "estimate_gap"
    """Half of (1 + loss - expected loss), matured: above 0.5 where it errs more often than its probabilities say."""


class Timing(StrEnum):
    """When a signal has its value."""

    ANSWERED = "answered"
    LABELLED = "labelled"
    MATURED = "matured"


def loss(answer: Answer, target: Target) -> float:
    """Return 0 or 1 for a class, the absolute error for a number."""
    if type(target) is float:
        error = abs(answer[0] - target)  # type: ignore[operator]
        # Not `min`: an answer that is no number, which a mean of huge targets can be, is as wrong as can be.
        return error if error < LOSS_MAX else LOSS_MAX
    return 0.0 if answer[0] == target else 1.0


def _miss(answer: Answer, target: Target) -> float | None:
    return None if target is not True else float(answer[0] is not True)


def _false_alert(answer: Answer, target: Target) -> float | None:
    return None if answer[0] is not True else float(target is not True)


def _alert(answer: Answer, target: Target) -> float:  # noqa: ARG001 - every signal reads both
    return float(answer[0] is True)


def _calibration(answer: Answer, target: Target) -> float:
    return (1.0 + target - answer[1]) / 2.0  # type: ignore[operator]


def _estimate_gap(answer: Answer, target: Target) -> float:
    decision, p = answer
    # What an alert at p is expected to lose is 1 - p, and silence p.
    expected = 1.0 - p if decision is True else p  # type: ignore[operator]
    return (1.0 + loss(answer, target) - expected) / 2.0  # type: ignore[operator]


_READS: Mapping[Signal, tuple[Timing, Read]] = {
    Signal.LOSS: (Timing.MATURED, loss),
    Signal.MISSES: (Timing.LABELLED, _miss),
    Signal.FALSE_ALERTS: (Timing.MATURED, _false_alert),
    Signal.ALERT_RATE: (Timing.ANSWERED, _alert),
    Signal.CALIBRATION: (Timing.MATURED, _calibration),
    Signal.ESTIMATE_GAP: (Timing.MATURED, _estimate_gap),
}
_OF_ZERO_AND_ONE = frozenset({Signal.MISSES, Signal.FALSE_ALERTS, Signal.ALERT_RATE})


@dataclass(frozen=True, slots=True)
class Watch:
    """A detector, the name it goes by, the signal it is shown, and under a budget what its alarms need."""

    name: str
    detector: Detector
    signal: Signal = Signal.LOSS
    warrant: Warrant | None = None

    @property
    def timing(self) -> Timing:
        """When it is shown something."""
        return _READS[self.signal][0]

    @property
    def read(self) -> Read:
        """What it is shown."""
        return _READS[self.signal][1]

    def snapshot(self) -> object:
        """Return the detector's state, and the warrant's where there is one."""
        state = self.detector.snapshot()
        return state if self.warrant is None else {"detector": state, "warrant": self.warrant.snapshot()}

    def restore(self, state: Any) -> None:
        """Take back what `snapshot` returned."""
        if self.warrant is not None:
            self.warrant.restore(state["warrant"])
            state = state["detector"]
        self.detector.restore(state)


def split_signal(text: str) -> tuple[Signal, str]:
    """Split `SIGNAL=SPEC`; a spec alone is about the loss.

    Raises
    ------
    ConfigError
        For a signal there is not.

    Examples
    --------
    >>> split_signal("misses=hddm_w()"), split_signal("adwin(delta=0.01)")
    ((<Signal.MISSES: 'misses'>, 'hddm_w()'), (<Signal.LOSS: 'loss'>, 'adwin(delta=0.01)'))
    """
    head, sign, rest = text.partition("=")
    if not sign or "(" in head:
        return Signal.LOSS, text.strip()
    try:
        return Signal(head.strip()), rest.strip()
    except ValueError:
        msg = f"a detector watches {', '.join(Signal)} or feature.NAME, got {head.strip()!r:.80} in {text!r:.80}"
        raise ConfigError(msg) from None


def split_feature(text: str) -> tuple[str, str] | None:
    """Split `feature.NAME=SPEC`; None for whatever watches contenders.

    >>> split_feature("feature.amount=adwin()"), split_feature("misses=adwin()"), split_feature("adwin()")
    (('amount', 'adwin()'), None, None)
    """
    head, sign, spec = text.partition("=")
    word, dot, name = head.strip().partition(".")
    return (name, spec.strip()) if sign and dot and word == "feature" and name else None


def refuse_unfit(signal: Signal, text: str, task: Task, *, binary_only: bool) -> None:
    """Refuse a detector on a signal that the task does not have, or that shows it other numbers than it takes."""
    if signal is not Signal.LOSS and task is not Task.BINARY:
        msg = f"{signal}={text} is for binary tasks, where there is a positive class; this one is {task.value}"
        raise ConfigError(msg)
    if binary_only and task is Task.REGRESSION:
        msg = f"{text} takes only 0 and 1, and the loss of a regression is a number; use adwin()"
        raise ConfigError(msg)
    if binary_only and signal is not Signal.LOSS and signal not in _OF_ZERO_AND_ONE:
        msg = f"{text} takes only 0 and 1, and {signal} shows it fractions; use adwin()"
        raise ConfigError(msg)


def refuse_deaf(text: str) -> None:
    """Refuse under a budget what would never alarm: a warrant hears a rise, and this detector a fall."""
    if "direction='better'" in text:
        msg = f"{text} hears what falls, and an alarm budget is about what rises; leave one of the two out"
        raise ConfigError(msg)

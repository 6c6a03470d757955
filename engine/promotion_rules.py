"""What must hold before evidence changes the champion: the plan's word on promotion, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from engine.errors import ConfigError
from engine.evidence.losses import Loss, evidence_loss
from engine.evidence.rules import EvidenceRules
from engine.targets import Task

DAY_MS = 86_400_000


class PromotionMode(StrEnum):
    """What is done with evidence."""

    OFF = "off"
    """It is not gathered."""
    RECOMMEND = "recommend"
    """It is gathered, and said; a person promotes."""
    AUTOMATIC = "automatic"
    """It promotes, and takes back what did harm."""


@dataclass(frozen=True, slots=True)
class PromotionRules:
    """When a challenger may become the champion.

    Parameters
    ----------
    mode
        `off`, `recommend` or `automatic`.
    evidence
        How false promotions are bounded.
    loss
        What "better" means, one of `engine.evidence.losses.LOSSES`; None takes the costs where there are any, else the
        clipped error for numbers and 0/1 for classes.
    loss_max
        Of `absolute_clipped`: the error beyond which nothing is worse.
    matured_count_min, positive_count_min, span_ms_min
        Compared events, positives among them, and event time between the first and the last, at least. Positives are
        asked for in binary tasks, and time where events have it.
    margin
        The evidence must be that the gain is above this, in units of the loss: differences are tested less the margin,
        scaled back into [-1, 1]. Below 0 it lets a challenger pass that is not worse by more.
    calibration_gap_max
        Mean probability less share of positives, at most, either way; None does not ask.
    alert_ratio_max
        Alerts for each alert of the champion, at most; None does not ask.
    harm_run_length
        After a promotion on evidence: the bearable mean distance, in matured events, between takings-back of one that
        did no harm.
    epoch_inputs
        Inputs between two looks at the evidence. What is seen at one look takes effect at the next.
    """

    mode: PromotionMode = PromotionMode.OFF
    evidence: EvidenceRules = field(default_factory=EvidenceRules)
    loss: str | None = None
    loss_max: float | None = None
    matured_count_min: int = 1_000
    positive_count_min: int = 100
    span_ms_min: int = 7 * DAY_MS
    margin: float = 0.0
    calibration_gap_max: float | None = None
    alert_ratio_max: float | None = None
    harm_run_length: float = 20_000.0
    epoch_inputs: int = 256

    def __post_init__(self) -> None:
        """Refuse what cannot be kept to."""
        for name in ("matured_count_min", "positive_count_min", "span_ms_min"):
            if getattr(self, name) < 0:
                msg = f"{name} must be at least 0, got {getattr(self, name)!r}"
                raise ConfigError(msg)
        if self.epoch_inputs < 1:
            msg = f"epoch_inputs must be at least 1, got {self.epoch_inputs!r}"
            raise ConfigError(msg)
        if not -1.0 <= self.margin < 1.0:
            msg = f"margin must be at least -1 and less than 1, got {self.margin!r}"
            raise ConfigError(msg)
        if self.margin and self.evidence.test == "mcnemar":
            msg = f"the test mcnemar counts right and wrong and knows no margin, got {self.margin!r}; use betting"
            raise ConfigError(msg)
        if self.harm_run_length < 1.0:
            msg = f"harm_run_length must be at least 1, got {self.harm_run_length!r}"
            raise ConfigError(msg)

    def loss_for(self, task: Task, costs: tuple[float, float] | None) -> Loss:
        """Return what models are compared by.

        Raises
        ------
        ConfigError
            Where the task has no such loss, or what it needs is missing.
        """
        name = self.loss
        if name is None:
            if task is Task.REGRESSION:
                name = "absolute_clipped"
            else:
                name = "zero_one" if costs is None else "cost_weighted"
        fits = {Task.REGRESSION: {"absolute_clipped"}, Task.MULTICLASS: {"zero_one"}}.get(
            task, {"zero_one", "brier", "cost_weighted"}
        )
        if name not in fits:
            msg = f"the loss {name} is not for a {task.value} task; use {' or '.join(sorted(fits))}"
            raise ConfigError(msg)
        if name == "absolute_clipped" and self.loss_max is None:
            msg = "models of numbers are compared by their error up to loss_max; set it, in the unit of the target"
            raise ConfigError(msg)
        if self.evidence.test == "mcnemar" and name != "zero_one":
            msg = f"the test mcnemar counts right and wrong, and the loss is {name}; use the test betting"
            raise ConfigError(msg)
        return evidence_loss(name, costs=costs if name == "cost_weighted" else None, loss_max=self.loss_max)

"""The settings of judgement: what watches for drift, what is done about it, and what evidence may do.

Like the other sections, each knows its own keys and nothing of the others.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from engine.drift.episode_rules import EpisodeRules
from engine.evidence.rules import EvidenceRules
from engine.promotion_rules import PromotionMode, PromotionRules
from streams.settings_fields import Cost, DurationMs, Rate, Section, Specs, Texts, setting


class DetectorSettings(Section):
    """What watches for drift, and how alarms are gathered into episodes."""

    specs: Texts = setting(
        (),
        "a detector spec, as SPEC or SIGNAL=SPEC, a list of them, or 'none'",
        "Detectors on every contender; the signal is `loss` unless it is said to be `misses`, `false_alerts`, "
        "`alert_rate` or `calibration`. By default `river.drift.ADWIN()`, and `none` switches them off.",
    )
    settle_count: int = setting(
        EpisodeRules().settle_count,
        "a whole number of at least 1",
        "An episode is characterised after so many losses: what kind of change it is, since when, how wide.",
        ge=1,
    )
    quiet_count: int = setting(
        EpisodeRules().quiet_count,
        "a whole number of at least 1",
        "An episode closes after so many losses without an alarm.",
        ge=1,
    )


class ReactionSettings(Section):
    """What contenders do about a drift in their loss."""

    specs: Specs = setting(
        (),
        "a reaction, as SPEC or NAME=SPEC, a list of them, or a table of them by name",
        "`reset()`, `forget()`, `gated()`, `standby()`, `pool()` or `none`, for the contender NAME, or for all that "
        "are not named; by default nothing is done.",
    )


class PromotionSettings(Section):
    """When evidence makes a challenger the champion."""

    mode: Annotated[PromotionMode, Field(strict=False)] = setting(
        PromotionMode.OFF,
        "'off', 'recommend' or 'automatic'",
        "Whether evidence is gathered, and whether it promotes or is only said.",
    )
    rule: Literal["restarting", "fixed"] = setting(
        EvidenceRules().rule,
        "'restarting' or 'fixed'",
        "`restarting` forgets a bad past and bounds how often a promotion is false; `fixed` bounds the chance that any "
        "ever is.",
    )
    test: Literal["betting", "mcnemar", "bernstein"] = setting(
        EvidenceRules().test,
        "'betting', 'mcnemar' or 'bernstein'",
        "How evidence is gathered; `restarting` bets, `mcnemar` counts right and wrong.",
    )
    alpha: Rate = setting(
        EvidenceRules().alpha, "a number between 0 and 1", "Of `fixed`: the bearable chance of a false promotion."
    )
    run_length: int = setting(
        int(EvidenceRules().run_length),
        "a whole number of at least 1",
        "Of `restarting`: the bearable mean distance between false promotions, in matured events.",
        ge=1,
    )
    loss: Literal["zero_one", "brier", "cost_weighted", "absolute_clipped"] | None = setting(
        None,
        "'zero_one', 'brier', 'cost_weighted' or 'absolute_clipped'",
        "What better means: by default the costs where [decision] has them, the Brier score where fewer than a tenth "
        "of the first labels are positive, else right or wrong; for numbers the error up to `loss_max`.",
    )
    loss_max: Cost = setting(None, "a positive number", "The error beyond which nothing is worse, for numbers.")
    matured_count_min: int = setting(
        PromotionRules().matured_count_min, "a whole number of at least 0", "Matured events compared, at least.", ge=0
    )
    positive_count_min: int = setting(
        PromotionRules().positive_count_min,
        "a whole number of at least 0",
        "Positives among them, at least, in binary tasks.",
        ge=0,
    )
    span_ms_min: DurationMs = setting(
        PromotionRules().span_ms_min,
        "a duration such as '7d'",
        "Event time between the first and the last of them, at least, where events have it.",
        alias="span_min",
    )
    margin: float = setting(
        PromotionRules().margin,
        "a number of at least -1 and less than 1",
        "The evidence must be that the loss is lower by more than this; below 0, by how much it may be higher.",
        ge=-1,
        lt=1,
    )
    calibration_gap_max: Rate = setting(
        None,
        "a number between 0 and 1",
        "How far the challenger's mean probability may be from the share of positives; by default nobody asks.",
    )
    alert_ratio_max: Cost = setting(
        None, "a positive number", "Alerts it may raise for each of the champion's; by default nobody asks."
    )
    harm_run_length: int = setting(
        int(PromotionRules().harm_run_length),
        "a whole number of at least 1",
        "After a promotion on evidence: the bearable mean distance between takings-back of one that did no harm.",
        ge=1,
    )
    epoch_inputs: int = setting(
        PromotionRules().epoch_inputs,
        "a whole number of at least 1",
        "Inputs between two looks at the evidence.",
        ge=1,
    )

    def rules(self, loss: str | None) -> PromotionRules:
        """Return what these say; `loss` is used where none is named."""
        values = self.model_dump()
        evidence = EvidenceRules(*(values.pop(name) for name in ("rule", "test", "alpha", "run_length")))
        values["loss"] = values["loss"] or loss
        return PromotionRules(evidence=evidence, **values)

"""The settings of watching without labels: what requests, answers and labels are compared with, and how often.

Like the other sections, it knows its own keys and nothing of the others.
"""

from __future__ import annotations

from typing import Literal

from engine.shift.rules import ALL, BLOCK_COUNT, HELD_COUNT_MAX, NONE, ShiftRules
from streams.settings_fields import Section, Texts, setting

_RULES = ShiftRules()


class ShiftSettings(Section):
    """What is watched without labels: features, scores, how labels flow, and what may be expected of each contender."""

    watch: Texts = setting(
        (NONE,),
        "'all', 'none' or a list of features",
        "Features that are compared with their reference; scores, labels and estimates are watched with any of them.",
    )
    reference: Literal["frozen", "rolling"] = setting(
        "frozen",
        "'frozen' or 'rolling'",
        "`frozen` compares with the first requests for ever, `rolling` with those just before the window.",
    )
    reference_count: int = setting(
        _RULES.reference_count,
        f"a multiple of {BLOCK_COUNT}",
        "Requests in the reference.",
        ge=BLOCK_COUNT,
        le=HELD_COUNT_MAX,
        multiple_of=BLOCK_COUNT,
    )
    window_count: int = setting(
        _RULES.window_count,
        f"a multiple of {BLOCK_COUNT}",
        "Requests between two looks.",
        ge=BLOCK_COUNT,
        le=HELD_COUNT_MAX,
        multiple_of=BLOCK_COUNT,
    )
    alpha: float = setting(
        _RULES.alpha,
        "a number between 0 and 1",
        "The probability of any finding in a look at a stream that does not change, over everything watched.",
        gt=0,
        lt=1,
    )
    tests: Texts = setting(
        _RULES.tests,
        "a list of 'psi', 'ks', 'wasserstein', 'js', 'missing', 'unseen', 'd3' and 'labels'",
        "What may raise an alarm; every distance is measured whether or not its test is among them.",
    )
    moved: bool = setting(
        _RULES.moved,
        "true or false",
        "Whether episodes say which features moved with them.",
    )

    def rules(self) -> ShiftRules:
        """Return what these say."""
        values = self.model_dump()
        values["watch"] = self.watch[0] if self.watch in {(ALL,), (NONE,)} else self.watch
        return ShiftRules(**values)

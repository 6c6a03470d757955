"""Models that say what the stream tells them to: any two of them err on the same events, or apart, as a test wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine import Engine, Label, LabelRules, Limits, Plan, Request, parse_policy
from engine.evidence.rules import EvidenceRules
from engine.messages import Message
from engine.promotion_rules import PromotionMode, PromotionRules
from tests.worlds import DAY


class Reads:
    """Answers the number in one column as the probability; it learns nothing."""

    def __init__(self, column: str) -> None:
        self.column = column

    def predict_proba_one(self, x: Mapping[str, float]) -> dict[bool, float]:
        """Return what the stream says."""
        return {True: x[self.column], False: 1.0 - x[self.column]}

    def learn_one(self, x: Mapping[str, float], y: bool) -> None:
        """Learn nothing."""

    def snapshot(self) -> str:
        """Return the column."""
        return self.column

    def restore(self, state: str) -> None:
        """Take the column back."""
        self.column = state


def rules_of(**changes: Any) -> PromotionRules:
    """Return rules of automatic promotion that ask for nothing but evidence, and look often."""
    fields: dict[str, Any] = {
        "mode": PromotionMode.AUTOMATIC,
        "evidence": EvidenceRules("fixed", alpha=0.05),
        "matured_count_min": 0,
        "positive_count_min": 0,
        "span_ms_min": 0,
        "epoch_inputs": 8,
    }
    return PromotionRules(**(fields | changes))


def engine_of(
    rules: PromotionRules, *, policy: str | None = None, others: Sequence[str] = ("b",), **plan: Any
) -> Engine:
    """Return an engine whose champion `a` and challengers read columns of their names; labels come at once, or late."""
    labels = LabelRules() if policy is None else LabelRules(parse_policy(policy), delayed=True)
    fields: dict[str, Any] = {
        "champion": Reads("a"),
        "champion_name": "a",
        "challengers": {name: Reads(name) for name in others},
        "baseline": False,
        "detectors": (),
        "promotion": rules,
        "labels": labels,
        "limits": Limits(jump_ms=1_000 * DAY, window_count=10),
    }
    return Engine(Plan(**(fields | plan)))


def stream(events: Iterable[tuple[Mapping[str, float], bool]], *, first: int = 0, step_ms: int = 1) -> list[Message]:
    """Return each request and its label, at once."""
    messages: list[Message] = []
    for index, (x, target) in enumerate(events, first):
        messages += [Request(index, dict(x), index * step_ms), Label(index, target)]
    return messages


def right(name: str, *others: str) -> tuple[dict[str, float], bool]:
    """Return a positive that the first one sees and the others miss."""
    return {name: 0.9, **dict.fromkeys(others, 0.1)}, True

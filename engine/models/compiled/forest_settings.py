"""What can be set about an adaptive random forest, beside what can be about its trees."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2, sqrt
from typing import ClassVar, Final

from engine.models.compiled.tree_settings import TreeSettings

RIVERS_FOREST: Final = {"max_features": "sqrt"}
"""River's defaults, where ours differ, beside those of its trees."""

AGGREGATIONS: Final = ("median", "mean")

MODELS_COUNT_MAX: Final = 1_000
MEAN_COUNT_MAX: Final = 100.0
"""How often a tree may take an example, on average; what `engine.kernels.draws` counts to is ten times that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestSettings(TreeSettings):
    """The settings of a forest; `AdaptiveRandomForest` says what each means."""

    n_models: int = 10
    max_features: str | float | None = "sqrt+1"
    lambda_value: float = 6.0
    warning_delta: float | None = 0.01
    drift_delta: float | None = 0.001
    weighted_vote: bool = True
    aggregation: str = "median"
    seed: int = 1
    grace_count: float = 50
    delta: float = 0.01

    name: ClassVar[str] = "adaptive_random_forest"
    rivers_delta: ClassVar[float] = 0.01

    def __post_init__(self) -> None:
        """Refuse what is out of its range."""
        TreeSettings.__post_init__(self)
        self._check("n_models", 1 <= self.n_models <= MODELS_COUNT_MAX, f"in [1, {MODELS_COUNT_MAX}]")
        self._check(
            "max_features", self._is_choice(), "sqrt+1, sqrt, log2, None, a count from 1 on or a share in (0, 1]"
        )
        self._check("lambda_value", 0.0 < self.lambda_value <= MEAN_COUNT_MAX, f"in (0, {MEAN_COUNT_MAX:g}]")
        self._check("aggregation", self.aggregation in AGGREGATIONS, f"one of {', '.join(AGGREGATIONS)}")
        for name in ("warning_delta", "drift_delta"):
            delta = getattr(self, name)
            self._check(name, delta is None or 0.0 < delta < 1.0, "in (0, 1), or None for no detector")

    def _is_choice(self) -> bool:
        many = self.max_features
        if many is None or isinstance(many, str):
            return many in {None, "sqrt+1", "sqrt", "log2"}
        return many >= 1 if isinstance(many, int) else 0.0 < many <= 1.0

    def watched_count(self, column_count: int) -> int:
        """Return how many of so many columns a leaf watches."""
        many = self.max_features
        if many in {"sqrt", "sqrt+1"}:
            many = round(sqrt(column_count)) + (many == "sqrt+1")
        elif many == "log2":
            many = round(log2(max(1, column_count)))
        elif isinstance(many, float):
            many = int(many * column_count)
        return min(column_count, column_count if many is None else max(1, int(many)))

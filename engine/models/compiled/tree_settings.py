"""What can be set about a Hoeffding tree, checked, and as the numbers its kernel reads."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, fields
from math import inf, isfinite, log
from typing import Any, ClassVar, Final, TypeVar

from engine.errors import ConfigError
from engine.targets import Task

LEAF_ANSWERS: Final = ("majority", "nb", "nba")
LEAVES: Final = ("mean", "model", "adaptive")
CRITERIA: Final = ("info_gain", "gini", "hellinger")

DEPTH_MAX: Final = 1_000
"""What no depth exceeds, set or not."""

BUCKETS_COUNT: Final = 64
"""Buckets of a feature in a leaf of a regression tree, at most."""

PRESETS: Final[dict[str, dict[str, Any]]] = {
    "fraud": {"leaf_answer": "majority", "branch_share_min": 0.0},
}
"""Settings that belong together, by the name of what they are for."""

RIVERS: Final[dict[Task, dict[str, Any]]] = {
    Task.BINARY: {"majority_share_max": 0.99},
    Task.MULTICLASS: {"majority_share_max": 0.99},
    Task.REGRESSION: {"radius": 0.25, "leaf": "adaptive"},
}
"""River's defaults, where ours differ; `rivers_delta` is another."""

FOR_CLASSES: Final = frozenset(
    {"leaf_answer", "criterion", "branch_share_min", "majority_share_max", "points_count", "preset", "weighted_vote"}
)
FOR_NUMBERS: Final = frozenset({"branch_weight_min", "radius", "aggregation", "leaf", "leaf_decay"})
"""Settings of one kind of tree alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeSettings:
    """The settings of a tree; `HoeffdingTree` says what each means."""

    grace_count: float = 200
    delta: float = 1e-3
    tau: float = 0.05
    leaf_answer: str = "nba"
    criterion: str = "info_gain"
    branch_share_min: float = 0.01
    majority_share_max: float = 1.0
    depth_max: int = DEPTH_MAX
    leaf_count_max: int | None = None
    binary_splits: bool = False
    points_count: int = 10
    branch_weight_min: float = 5
    radius: float | None = None
    leaf: str = "adaptive"
    leaf_decay: float = 0.95
    memory_mb_max: float = 100.0
    preset: str | None = None
    river_compat: bool = False

    name: ClassVar[str] = "hoeffding_tree"
    rivers_delta: ClassVar[float] = 1e-7

    def __post_init__(self) -> None:
        """Refuse what is out of its range."""
        self._check("grace_count", self.grace_count >= 1, "at least 1")
        self._check("delta", 0.0 < self.delta < 1.0, "in (0, 1)")
        self._check("tau", self.tau >= 0.0, "at least 0")
        self._check("leaf_answer", self.leaf_answer in LEAF_ANSWERS, f"one of {', '.join(LEAF_ANSWERS)}")
        self._check("criterion", self.criterion in CRITERIA, f"one of {', '.join(CRITERIA)}")
        self._check("branch_share_min", 0.0 <= self.branch_share_min < 0.5, "in [0, 0.5)")
        self._check("majority_share_max", 0.5 <= self.majority_share_max <= 1.0, "in [0.5, 1]")
        self._check("depth_max", 1 <= self.depth_max <= DEPTH_MAX, f"in [1, {DEPTH_MAX}]")
        most = self.leaf_count_max
        self._check("leaf_count_max", most is None or most >= 1, "at least 1, or None for no bound")
        self._check("points_count", 1 <= self.points_count <= 1_000, "in [1, 1000]")
        self._check("branch_weight_min", self.branch_weight_min >= 1, "at least 1")
        self._check("radius", self.radius is None or 0.0 < self.radius < inf, "positive, or None")
        self._check("leaf", self.leaf in LEAVES, f"one of {', '.join(LEAVES)}")
        self._check("leaf_decay", 0.0 <= self.leaf_decay <= 1.0, "in [0, 1]")
        self._check("memory_mb_max", self.memory_mb_max >= 0.1 and isfinite(self.memory_mb_max), "at least 0.1")

    def _check(self, name: str, fits: bool, expected: str) -> None:  # noqa: FBT001 - what is said of the value
        if not fits:
            msg = f"{self.name}'s {name} must be {expected}, got {getattr(self, name)!r}"
            raise ConfigError(msg)

    @property
    def bytes_max(self) -> int:
        """What the arrays may take."""
        return int(self.memory_mb_max * 2**20)

    def whole(self, layout: Any) -> dict[int, int]:
        """Return the settings that are whole numbers, by their place in a slab's header."""
        return {
            layout.CRITERION: CRITERIA.index(self.criterion),
            layout.LEAF_ANSWER: LEAF_ANSWERS.index(self.leaf_answer),
            layout.DEPTH_MAX: self.depth_max,
            layout.LEAF_COUNT_MAX: self.leaf_count_max or 0,
            layout.BINARY_SPLITS: int(self.binary_splits or self.criterion == "hellinger"),
            layout.AS_RIVER: int(self.river_compat),
            layout.POINTS: self.points_count,
        }

    def broken(self, layout: Any) -> dict[int, float]:
        """Return the settings that are not, by their place among a slab's settings."""
        return {
            layout.GRACE: float(self.grace_count),
            layout.CONFIDENCE: log(1.0 / self.delta),
            layout.TAU: self.tau,
            layout.BRANCH_SHARE_MIN: self.branch_share_min,
            layout.MAJORITY_SHARE_MAX: self.majority_share_max,
            layout.BRANCH_WEIGHT_MIN: float(self.branch_weight_min),
            layout.RADIUS: self.radius or 0.0,
            layout.LEAF_DECAY: self.leaf_decay,
        }


Settings = TypeVar("Settings", bound=TreeSettings)


def read_settings(task: Task, given: dict[str, Any], kind: type[Settings]) -> Settings:
    """Return settings of a kind, with what a preset or River says where nothing is given."""
    others = FOR_CLASSES if task is Task.REGRESSION else FOR_NUMBERS
    if misplaced := sorted(others & given.keys()):
        msg = f"{kind.name}'s {misplaced[0]} says nothing in a {task.value} task, got {given[misplaced[0]]!r}"
        raise ConfigError(msg)
    preset = given.get("preset")
    if preset is not None and preset not in PRESETS:
        msg = f"{kind.name}'s preset must be one of {', '.join(PRESETS)}, got {preset!r}"
        raise ConfigError(msg)
    if task is Task.MULTICLASS and given.get("criterion") == "hellinger" and not given.get("river_compat"):
        msg = f"{kind.name}'s criterion hellinger is for two classes; take info_gain or gini in a multiclass task"
        raise ConfigError(msg)
    rivers = {**RIVERS[task], "delta": kind.rivers_delta} if given.get("river_compat") else {}
    said = {**rivers, **(PRESETS[preset] if preset else {})}
    return kind(**{**said, **given})


def signature_of(settings: type[Any]) -> inspect.Signature:
    """Return the signature of a model that takes these settings by name, and its task."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    named = [
        inspect.Parameter(field.name, keyword, default=field.default, annotation=field.type)
        for field in fields(settings)
    ]
    return inspect.Signature([inspect.Parameter("task", inspect.Parameter.POSITIONAL_OR_KEYWORD), *named])

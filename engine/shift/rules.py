"""What is watched without labels, against what, and how often: the plan's word, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import ConfigError

ALL = "all"
NONE = "none"
FROZEN = "frozen"
ROLLING = "rolling"

PSI, KS, WASSERSTEIN, JS = "psi", "ks", "wasserstein", "js"
MISSING, UNSEEN = "missing", "unseen"
D3 = "d3"
LABELS = "labels"
TESTS = (PSI, KS, WASSERSTEIN, JS, MISSING, UNSEEN, D3, LABELS)
DEFAULT_TESTS = (PSI, JS, MISSING, UNSEEN, D3, LABELS)

BLOCK_COUNT = 100
"""Requests that are read at once."""

BLOCK_COUNT_MAX = 1_000
"""Counts of a block are kept in two bytes each, five blocks together."""

FEATURE_COUNT_MAX = 256
"""Features that are looked at, the first ones; how many more there were is counted."""

HELD_COUNT_MAX = 100_000
"""The most requests that a reference, or a window, may hold."""


@dataclass(frozen=True, slots=True)
class ShiftRules:
    """What is watched without labels, against what, and how often.

    Parameters
    ----------
    watch
        `all`, `none`, or the features; scores, labels and estimates are watched with any of them.
    reference
        `frozen` compares with the first requests for ever, `rolling` with those just before the window.
    reference_count
        Requests in the reference.
    window_count
        Requests between two looks; both counts are multiples of `block_count`.
    alpha
        The probability of any finding in a look at a stream that does not change, over everything watched.
    tests
        Which of `TESTS` may find something; every distance is measured whether or not its test is among them.
    psi_min, wasserstein_min, share_min, d3_auc_min
        What is too small to be worth saying, however certain: a PSI, a Wasserstein distance in interquartile ranges, a
        difference between two shares, the AUC of the classifier that tells old from new.
    moved
        Whether episodes say which features moved with them.
    block_count
        Requests that are read at once.
    """

    watch: str | tuple[str, ...] = NONE
    reference: str = FROZEN
    reference_count: int = 2_000
    window_count: int = 1_000
    alpha: float = 0.01
    tests: tuple[str, ...] = DEFAULT_TESTS
    psi_min: float = 0.1
    wasserstein_min: float = 0.25
    share_min: float = 0.01
    d3_auc_min: float = 0.7
    moved: bool = True
    block_count: int = BLOCK_COUNT

    def __post_init__(self) -> None:
        """Refuse what cannot be watched so."""
        if isinstance(self.watch, str) and self.watch not in {ALL, NONE}:
            msg = f"watch is 'all', 'none' or a list of features, got {self.watch!r}"
            raise ConfigError(msg)
        if self.reference not in {FROZEN, ROLLING}:
            msg = f"reference is 'frozen' or 'rolling', got {self.reference!r}"
            raise ConfigError(msg)
        unknown = [name for name in self.tests if name not in TESTS]
        if unknown:
            msg = f"tests are among {', '.join(TESTS)}, got {unknown[0]!r}"
            raise ConfigError(msg)
        if not 0.0 < self.alpha < 1.0:
            msg = f"alpha must be between 0 and 1, got {self.alpha!r}"
            raise ConfigError(msg)
        if not 1 <= self.block_count <= BLOCK_COUNT_MAX:
            msg = f"block_count must be between 1 and {BLOCK_COUNT_MAX}, got {self.block_count!r}"
            raise ConfigError(msg)
        for name in ("reference_count", "window_count"):
            value = getattr(self, name)
            if value % self.block_count or not self.block_count <= value <= HELD_COUNT_MAX:
                msg = (
                    f"{name} must be a multiple of {self.block_count} between {self.block_count} and "
                    f"{HELD_COUNT_MAX}, got {value!r}"
                )
                raise ConfigError(msg)

    @property
    def watches(self) -> bool:
        """Whether anything is looked at."""
        return self.watch != NONE

    def wants(self, feature: str) -> bool:
        """Whether a feature is looked at."""
        return self.watch == ALL or (not isinstance(self.watch, str) and feature in self.watch)

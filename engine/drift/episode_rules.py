"""When an episode is characterised and when it closes: the plan's word on episodes, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass

from engine.drift.history import BUCKET_COUNT, BUCKET_VALUES
from engine.errors import ConfigError

BASELINE_VALUES = 5_000
"""How many values before an episode count as its baseline, at most."""

LENGTH_LIMIT = BUCKET_COUNT * BUCKET_VALUES - BASELINE_VALUES
"""The longest an episode may be said to last: its whole baseline is then still in the history."""


@dataclass(frozen=True, slots=True)
class EpisodeRules:
    """When an episode is characterised and when it closes, in values of the watched loss.

    Parameters
    ----------
    settle_count
        After this many from the opening the kind is first said.
    quiet_count
        After this many without a signal the episode closes.
    length_count_max
        After this many it closes whatever the signals, and the next one opens another: a detector that never rests
        must not keep one episode open for ever. At most `LENGTH_LIMIT`.
    """

    settle_count: int = 1_000
    quiet_count: int = 2_000
    length_count_max: int = 10_000

    def __post_init__(self) -> None:
        for name in ("settle_count", "quiet_count"):
            value = getattr(self, name)
            if not 1 <= value <= self.length_count_max:
                msg = f"{name} must be between 1 and length_count_max ({self.length_count_max!r}), got {value!r}"
                raise ConfigError(msg)
        if self.length_count_max > LENGTH_LIMIT:
            msg = f"length_count_max must be at most {LENGTH_LIMIT}, got {self.length_count_max!r}"
            raise ConfigError(msg)

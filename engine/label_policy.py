"""What silence means: how long a request waits for its label, and how it ends when none comes.

Only the rule lives here, as a frozen value; the join applies it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from engine.errors import ConfigError
from engine.event_time import parse_duration, show_duration
from engine.values import show_value

_FORM = re.compile(r"([a-z_]+)(?:\(([^()]*)\))?")


class Silence(StrEnum):
    """What is made of a request whose label did not come."""

    WAIT = "wait"
    NEGATIVE_AFTER = "negative_after"


@dataclass(frozen=True, slots=True)
class LabelPolicy:
    """The rule for requests whose label stays away.

    `wait` with no horizon keeps a request pending until a bound pushes it out; `wait` with one ends it as `expired`;
    `negative_after` ends it as `negative_by_policy` and teaches the models that it was negative.

    Parameters
    ----------
    kind
        What silence means.
    horizon_ms
        How long after the request, in event time; positive. None only for `wait`.

    Raises
    ------
    ConfigError
        Where the horizon is missing or not positive.
    """

    kind: Silence = Silence.WAIT
    horizon_ms: int | None = None

    def __post_init__(self) -> None:
        """Refuse a horizon that cannot be."""
        if self.horizon_ms is None and self.kind is Silence.NEGATIVE_AFTER:
            msg = "negative_after needs its horizon: write negative_after(90d)"
            raise ConfigError(msg)
        if self.horizon_ms is not None and self.horizon_ms <= 0:
            msg = f"horizon_ms must be positive, got {self.horizon_ms}"
            raise ConfigError(msg)

    def __str__(self) -> str:
        """Return the text that `parse_policy` reads back."""
        return self.kind.value if self.horizon_ms is None else f"{self.kind.value}({show_duration(self.horizon_ms)})"


def parse_policy(text: object) -> LabelPolicy:
    """Return the policy written as `wait`, `wait(7d)` or `negative_after(90d)`, or raise `ConfigError`.

    >>> parse_policy("wait(7d)").horizon_ms, str(parse_policy("negative_after(90d)"))
    (604800000, 'negative_after(90d)')
    """
    match = _FORM.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None or match[1] not in {kind.value for kind in Silence}:
        msg = f"a label policy is wait, wait(7d) or negative_after(90d), got {show_value(text)}"
        raise ConfigError(msg)
    horizon_ms = None if match[2] is None else parse_duration(match[2])
    return LabelPolicy(Silence(match[1]), horizon_ms)

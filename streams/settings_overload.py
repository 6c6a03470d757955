"""The settings of overload: when a worker that falls behind sheds its challengers, and when they come back.

Like the other sections, it knows its own keys and nothing of the others.
"""

from __future__ import annotations

from streams.settings_fields import Section, setting
from streams.shedding import OverloadRules

_DEFAULT = OverloadRules()
_POSITIVE = "a positive number"


class OverloadSettings(Section):
    """When a worker sheds challengers: it never does with `--once`, where nobody waits for an answer."""

    shed: bool = setting(
        default=True,
        expected="true or false",
        description="Whether challengers are shed, the costliest first, where the worker falls behind.",
    )
    backlog_max: int = setting(
        _DEFAULT.backlog_max,
        "a whole number of at least 10",
        "Records that wait; with more the worker is behind, with a tenth of them or fewer it is level again.",
        ge=10,
    )
    after_s: float = setting(
        _DEFAULT.after_s, _POSITIVE, "Seconds behind without a break before a challenger is shed, or another one.", gt=0
    )
    level_s: float = setting(
        _DEFAULT.level_s,
        _POSITIVE,
        "Nobody is shed while the backlog shrinks so fast that it is gone in so many seconds.",
        gt=0,
    )
    share_min: float = setting(
        _DEFAULT.share_min,
        "a number between 0 and 1",
        "The share of its time that challengers must take, for the worker to shed one.",
        gt=0,
        lt=1,
    )
    calm_s: float = setting(
        _DEFAULT.calm_s,
        _POSITIVE,
        "Seconds level without a break before one comes back; doubled each time one has to go again.",
        gt=0,
    )
    calm_s_max: float = setting(_DEFAULT.calm_s_max, _POSITIVE, "What `calm_s` grows to at most.", gt=0)

    def rules(self) -> OverloadRules | None:
        """Return what these say; None where nobody is shed."""
        return OverloadRules(**self.model_dump(exclude={"shed"})) if self.shed else None

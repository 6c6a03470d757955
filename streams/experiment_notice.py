"""What an A/B test that is about to begin will take, as far as the sample tells.

The rate of events is that of the sampled event times; the mean loss of the control is not known yet, so the error of
one who always names the commonest class stands for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from engine.errors import ConfigError, MessageError
from engine.event_time import parse_event_time
from engine.plan import Plan
from engine.routing.power import Power, days
from engine.routing.rules import RoutingMode
from engine.targets import Task, spell_class

DAY_MS = 86_400_000


def experiment_notices(
    plan: Plan, rows: Sequence[Mapping[str, object]], targets: Sequence[object], time_column: str | None
) -> list[str]:
    """Return how many events an A/B test needs, and how long it takes where the sample tells; else nothing."""
    rules = plan.routing
    error = _commonest_error(targets)
    if rules.mode is not RoutingMode.AB or plan.task is Task.REGRESSION or error is None:
        return []
    level = rules.alpha / (len(rules.arms) - 1)
    try:
        power = Power(error, rules.effect, alpha=level)
        fixed, any_time = power.fixed_count(), power.any_time_count()
    except ConfigError:
        return []
    said = (
        f"experiment {rules.experiment!r}: to find an effect of {rules.effect} in a loss of {error:.4f} (the error of "
        f"the commonest class) with 80 % power takes {fixed:,} matured events per arm, any time about {any_time:,}"
    )
    per_day = _events_per_day(rows, time_column)
    if per_day is not None:
        smallest = min(share or 0.0 for _, share in rules.arms)
        longest = days(max(rules.planned_count or fixed, any_time), smallest, per_day)
        said += f"; {longest:,.1f} days at {per_day:,.0f} events a day"
    if rules.planned_count is None:
        said += f"; set [routing] planned_count = {fixed} to have the fixed-horizon tests read there"
    return [said]


def _commonest_error(targets: Sequence[object]) -> float | None:
    """Return the error of one who always names the commonest class; None where there is no error, or no class."""
    counts: Counter[object] = Counter()
    for raw in targets:
        try:
            counts[spell_class(raw)] += 1
        except MessageError:
            continue
    whole = counts.total()
    return 1.0 - max(counts.values()) / whole if len(counts) > 1 else None


def _events_per_day(rows: Sequence[Mapping[str, object]], time_column: str | None) -> float | None:
    """Return the rate between the 5th and the 95th percentile of the sampled event times: a wild clock is outside."""
    times = []
    for row in rows:
        try:
            times.append(parse_event_time(row.get(time_column or "")))
        except MessageError:
            continue
    times.sort()
    first, last = len(times) // 20, len(times) - 1 - len(times) // 20
    if last <= first or times[last] <= times[first]:
        return None
    return (last - first) * DAY_MS / (times[last] - times[first])

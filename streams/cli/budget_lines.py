"""What became of an alarm budget, in lines for eyes."""

from __future__ import annotations

from typing import Any

from engine.event_time import show_duration

_DAY_MS = 86_400_000


def budget_lines(report: dict[str, Any] | None) -> list[str]:
    """Return the budget and what was spent of it, and a line for every watch."""
    if report is None:
        return []
    unit, watches = report["unit"], report["watches"]
    head = (
        f"alarm budget: {report['budget']} over {len(watches):,} watches; {_alarms(report['alarms'])}, of which up to "
        f"{report['allowed']:.2f} may be expected to be false"
    )
    return [head, *(f"  {_watch(watch, unit)}" for watch in watches)]


def _watch(watch: dict[str, Any], unit: str) -> str:
    said = (
        f"{watch['watched']} {watch['detector']}: {_alarms(watch['alarms'])} in {watch['values']:,} values and "
        f"{_span(watch['elapsed'], unit)}, one in {_span(watch['run_length_promised'], unit)} may be false"
    )
    if watch["alarms"]:
        said = f"{said}; one in {watch['values_per_alarm']:,.0f} values was raised"
    if watch["m"] is None:
        return f"{said}; its baseline is still learned"
    return f"{said}; {watch['lapsed']:,} drifts lapsed" if watch["lapsed"] else said


def _alarms(count: int) -> str:
    return f"{count:,} alarm{'s' * (count != 1)}"


def _span(span: float, unit: str) -> str:
    """Return a span in days or requests; a short one as it is."""
    if unit == "events":
        return f"{span:,.0f} events"
    return f"{span / _DAY_MS:,.1f} days" if span >= _DAY_MS else show_duration(int(span) // 1_000 * 1_000)

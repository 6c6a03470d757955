"""What became of an alarm budget, in lines for eyes."""

from __future__ import annotations

from typing import Any

from engine.event_time import show_duration

_DAY_MS = 86_400_000


def budget_lines(report: dict[str, Any] | None) -> list[str]:
    """Return the budget and what was spent of it, and a line for every watch."""
    if report is None:
        return []
    unit, watches, looks = report["unit"], report["watches"], report["looks"]
    count = len(watches) + len(looks)
    head = (
        f"alarm budget: {report['budget']} over {count:,} watches; {_alarms(report['alarms'])}, and "
        f"{report['allowed']:.2f} false ones borne so far"
    )
    return [head, *(f"  {_watch(watch, unit)}" for watch in watches), *(f"  {_look(look, unit)}" for look in looks)]


def _look(look: dict[str, Any], unit: str) -> str:
    return (
        f"{look['watched']} without labels: {_alarms(look['alarms'])} in {look['looks']:,} looks, "
        f"{_span(look['elapsed'], unit)}; promised: a false one in {_span(look['run_length_promised'], unit)}"
    )


def _watch(watch: dict[str, Any], unit: str) -> str:
    said = (
        f"{watch['watched']} {watch['detector']}: {_alarms(watch['alarms'])} in {watch['values']:,} values, "
        f"{_span(watch['elapsed'], unit)}; promised: a false one in {_span(watch['run_length_promised'], unit)}"
    )
    return f"{said}; its baseline is still learned" if watch["m"] is None else said


def _alarms(count: int) -> str:
    return f"{count:,} alarm{'s' * (count != 1)}"


def _span(span: float, unit: str) -> str:
    """Return a span in days or requests; a short one as it is."""
    if unit == "events":
        return f"{span:,.0f} events"
    return f"{span / _DAY_MS:,.1f} days" if span >= _DAY_MS else show_duration(int(span) // 1_000 * 1_000)

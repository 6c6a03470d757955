"""What became of an alarm budget: what it allowed, what was spent, and how far apart each watch's alarms were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.contender import Contender
from engine.drift.budget import AlarmBudget
from engine.shift.watcher import Watcher


def report_budget(
    budget: AlarmBudget | None, contenders: Sequence[Contender], watcher: Watcher | None
) -> dict[str, Any] | None:
    """Return the budget and its watches as plain data; None where there is no budget.

    `allowed` is how many false alarms the budget bears in the time that was watched; true alarms come on top, and are
    counted in `alarms` with the others.
    """
    if budget is None:
        return None
    watches = [
        {
            "watched": f"{contender.name}.{watch.signal}",
            "detector": watch.name,
            "values": ledger.values,
            "elapsed": ledger.elapsed,
            "drifts": ledger.drifts,
            "alarms": ledger.alarms,
            "lapsed": ledger.lapsed,
            "allowed": ledger.allowed,
            "run_length_promised": watch.warrant.promised,
            "run_length": ledger.elapsed / ledger.alarms if ledger.alarms else None,
            "values_per_alarm": ledger.values / ledger.alarms if ledger.alarms else None,
            "m": watch.warrant.m,
        }
        for contender in contenders
        for watch in contender.judges.watches
        if watch.warrant is not None
        for ledger in (watch.warrant.ledger,)
    ]
    looks = [
        {
            "watched": watched,
            "looks": allowance.looks,
            "elapsed": allowance.elapsed,
            "alarms": raised,
            "allowed": allowance.allowed,
            "run_length_promised": allowance.promised,
            "run_length": allowance.elapsed / raised if raised else None,
        }
        for watched, allowance, raised in zip(
            ("requests", "labels"),
            () if watcher is None else watcher.allowances,
            (0, 0) if watcher is None else watcher.raised,
            strict=False,
        )
    ]
    return {
        "budget": str(budget),
        "unit": budget.unit.value,
        "allowed": sum(each["allowed"] for each in (*watches, *looks)),
        "alarms": sum(each["alarms"] for each in (*watches, *looks)),
        "watches": watches,
        "looks": looks,
    }

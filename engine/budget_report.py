"""What became of an alarm budget: what it allowed, what was spent, and how far apart each watch's alarms were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.contender import Contender
from engine.drift.budget import AlarmBudget


def report_budget(budget: AlarmBudget | None, contenders: Sequence[Contender]) -> dict[str, Any] | None:
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
    return {
        "budget": str(budget),
        "unit": budget.unit.value,
        "allowed": sum(watch["allowed"] for watch in watches),
        "alarms": sum(watch["alarms"] for watch in watches),
        "watches": watches,
    }

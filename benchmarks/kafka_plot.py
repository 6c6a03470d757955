"""The figures of `benchmarks.kafka` as a picture, where matplotlib is installed."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.kafka_tables import grouped, kept_up


def plot(found: dict[str, Any], path: Path) -> str:
    """Draw everybody's throughput and their p50 and p99 by rate; return a line that says so."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return f"{path}: SKIPPED, matplotlib is not installed; pip install matplotlib"
    figure = Figure(figsize=(12.0, 4.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    rates = {who: median(row["per_s"] for row in rows) for (who,), rows in grouped(found["backlogs"], "who").items()}
    bars = left.barh(list(rates), list(rates.values()), color=[colour(who) for who in rates])
    left.bar_label(bars, labels=[f"{rate:,.0f}" for rate in rates.values()], padding=3)
    left.set_xscale("log")
    left.set_xlabel("events per second over a backlog")
    left.invert_yaxis()
    left.margins(x=0.15)
    for (who,), rows in grouped(found["rates"], "who").items():
        kept = {rate: kept_up(at_rate) for (rate,), at_rate in grouped(rows, "rate").items()}
        known = [rate for rate in kept if kept[rate]]
        for name, line in (("p99", "-"), ("p50", ":")):
            waits = [median(row["ms"][name] for row in kept[rate]) for rate in known]
            right.plot(known, waits, line, marker="o", label=f"{who}, {name}", alpha=0.8)
    right.set_xscale("log")
    right.set_yscale("log")
    right.set_xlabel("events per second")
    right.set_ylabel("ms from due to committed and seen")
    right.legend(fontsize="x-small")
    figure.savefig(path, dpi=120)
    return f"drawn: {path}"


def colour(who: str) -> str:
    """Return a bar's colour."""
    return "tab:blue" if who.startswith("sidestream") else "tab:gray"

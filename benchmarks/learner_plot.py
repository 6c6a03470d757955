"""The figures of `benchmarks.learners` as a picture, where matplotlib is installed."""

from __future__ import annotations

from math import exp, log
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.learner_contestants import LEARNERS


def plot(found: dict[str, Any], path: Path) -> str:
    """Draw everybody's events per second, the geometric mean over the streams; return a line that says so."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return f"{path}: SKIPPED, matplotlib is not installed; pip install matplotlib"
    rates = means(found["first"])
    figure = Figure(figsize=(10.0, 0.9 + 0.3 * len(rates)), layout="constrained")
    axes = figure.subplots()
    labels = [f"{learner}: {who}" for learner, who in rates]
    colours = ["tab:blue" if who.startswith("ours") else "tab:gray" for _, who in rates]
    bars = axes.barh(labels, list(rates.values()), color=colours)
    axes.bar_label(bars, labels=[f"{rate:,.0f}" for rate in rates.values()], padding=3)
    axes.set_xscale("log")
    axes.set_xlabel("events per second, tested then trained; geometric mean over the streams")
    axes.invert_yaxis()
    axes.margins(x=0.15, y=0.02)
    figure.savefig(path, dpi=120)
    return f"drawn: {path}"


def means(rows: list[dict[str, Any]]) -> dict[tuple[str, str], float]:
    """Return events per second by learner and who."""
    logs: dict[tuple[str, str], list[float]] = {}
    for learner in LEARNERS:
        for row in rows:
            if row["learner"] == learner:
                logs.setdefault((learner, row["who"]), []).append(log(1e6 / row["us"]))
    return {key: exp(fmean(each)) for key, each in logs.items()}

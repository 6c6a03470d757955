"""The durable benchmark runs, at a size that measures nothing."""

from __future__ import annotations

from pathlib import Path

from benchmarks.durable import LOGS, SLICES, Sizes, lines_of, measured
from benchmarks.loop import HEAVY


def test_every_line_of_the_benchmark_is_there_and_every_figure_is_positive(tmp_path: Path) -> None:
    found = measured(Sizes(rounds=1, event_counts=dict.fromkeys(SLICES, 9), train_count=60), str(tmp_path))
    runs = {f"{log}, slices of {length}" for log in LOGS for length in SLICES}
    assert set(found["answers"]) == set(found["recovery"]) == runs
    assert set(found["checkpoints"]) == set(HEAVY)
    figures = [*found["answers"].values(), *found["recovery"].values(), *found["checkpoints"].values()]
    assert all(value > 0 for line in figures for value in line.values())
    assert len(list(lines_of(found))) == 1 + len(figures)
    assert list(tmp_path.iterdir()) == []

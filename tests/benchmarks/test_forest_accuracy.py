"""The forests' benchmark measures what it says, on a stream small enough for every run."""

from __future__ import annotations

from itertools import pairwise

from river.datasets import synth

from benchmarks.forest_accuracy import Measured, lines_of, ours, rivers, table_of

COUNT = 600


def test_forests_beat_no_change_on_a_stream_without_memory() -> None:
    stream = table_of("sea", synth.SEA(seed=1).take(COUNT))
    same = sum(before == after for before, after in pairwise(stream.targets))
    for forest in (ours, rivers):
        assert forest(stream, 1) > same + COUNT // 10


def test_a_cut_stream_is_its_beginning() -> None:
    stream = table_of("sea", synth.SEA(seed=1).take(COUNT))
    assert stream.cut(100).targets == stream.targets[:100]
    assert stream.cut(None).targets == stream.targets
    assert stream.features == ["0", "1", "2"]


def test_the_table_says_mean_spread_and_what_was_published() -> None:
    found = Measured("elec2", "sidestream")
    found.add(80, 100, 1.0)
    found.add(90, 100, 2.0)
    *_, line = lines_of([found])
    assert line == "| elec2 | sidestream | 2 | 85.00 ± 7.07 | 80.00 | 90.00 | 10,000.0 | River 87.66 |"

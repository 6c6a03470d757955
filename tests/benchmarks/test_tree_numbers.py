"""The benchmark of trees of numbers measures what it says, on streams small enough for every run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.tree_numbers import MODELS, error_of, lines_of, streams, table_of
from engine.models.compiled.hoeffding_tree import HoeffdingTree
from engine.targets import Task


def test_who_knows_nothing_is_a_deviation_off_and_a_tree_less() -> None:
    stream = streams(1_500)[0]
    blind = replace(stream, numbers=np.zeros_like(stream.numbers))
    assert 0.95 < error_of(HoeffdingTree(Task.REGRESSION, leaf="mean"), blind) < 1.05
    assert error_of(HoeffdingTree(Task.REGRESSION), stream) < 0.8


def test_units_and_turns_change_what_they_say_and_nothing_else() -> None:
    plain, in_units, _, turned, *_ = streams(400)
    factors = in_units.numbers / plain.numbers
    assert np.allclose(factors, factors[0])
    assert in_units.targets == plain.targets
    assert turned.targets[:200] == plain.targets[:200]
    assert turned.targets[200:] == [25.0 - float(y) for y in plain.targets[200:]]
    assert turned.numbers is plain.numbers


def test_texts_are_no_features() -> None:
    stream = table_of("any", iter([({"a": 1, "b": "x"}, 2)] * 3), 2)
    assert (stream.names, stream.numbers.tolist(), stream.targets) == (("a",), [[1.0], [1.0]], [2.0, 2.0])


def test_the_table_has_a_line_for_each_stream() -> None:
    *_, line = lines_of({"planes": dict.fromkeys(MODELS, 0.5)})
    assert line == f"| planes |{' 0.50 |' * len(MODELS)}"

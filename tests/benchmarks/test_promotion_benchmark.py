"""The promotion benchmark runs, at a size that measures nothing, and its arrays speak of the standing there is."""

from __future__ import annotations

import numpy as np

from benchmarks.paired_losses import EQUAL, overtaken
from benchmarks.promotion import PEEKING, RULES, Sizes, crossings, lines_of, measured, standing_crossing


def test_every_line_of_the_benchmark_is_there() -> None:
    found = measured(Sizes(4, 50, 4, 50, 4, 1, (0, 50), 400))
    names = {*RULES, PEEKING}
    assert {(row["kind"], row["rule"]) for row in found["equal"]} == {(kind, name) for kind in EQUAL for name in names}
    assert {row["rule"] for row in found["power"]} == names
    assert {(row["before"], row["rule"]) for row in found["forgetting"]} == {
        (at, name) for at in (0, 50) for name in RULES
    }
    assert all(0.0 <= row["promoted"] <= 1.0 for row in [*found["equal"], *found["power"]])
    lines = list(lines_of(found))
    assert len(lines) == 2 + len(names) + 1 + 2 + len(found["power"]) + 1 + 2 + len(found["forgetting"])


def test_where_enough_events_have_matured_a_standing_is_as_fast_as_its_evidence() -> None:
    d = overtaken(np.random.default_rng(1), 1, 2_000, 900)
    for name, rules in RULES.items():
        (alone,) = crossings(name, d)
        assert standing_crossing(rules, d[0], 2_000) == alone
    assert crossings("restarting betting", d)[0] > 2_000

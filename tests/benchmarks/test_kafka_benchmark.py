"""The benchmark on Kafka answers every event once and says so in its tables, at a size that measures nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.kafka import QUICK, measure
from benchmarks.kafka_contestants import FAUST, FLOOR, QUIX, QUIX_ONCE, WHOLE, floor, ours, peers
from benchmarks.kafka_events import BEGIN_MS, LABEL_DELAY_S, Course, Records, numbers_in, rows
from benchmarks.kafka_plot import plot
from benchmarks.kafka_tables import goals, kept_up, latencies, tables

ABOUT = {"date": "", "machine": {"processor": "", "cores": 2}, "python": "", "versions": {}, "broker": ""}


def test_the_floor_and_the_worker_answer_every_event_once(kafka: str, tmp_path: Path) -> None:
    whole = next(each for each in ours() if each.name == WHOLE)
    found = measure(kafka, QUICK, [floor(), whole])
    assert found["skipped"] == []
    assert [row["who"] for row in found["backlogs"]] == [FLOOR, WHOLE]
    for row in found["backlogs"]:
        assert row["events"] == row["answered"] == row["requests"] == QUICK.backlog_count
        assert row["done_per_s"] > 0
    for row in [*found["backlogs"], *found["accounts"]]:
        assert (row["lost"], row["doubled"]) == (0, 0)
    for row in found["rates"]:
        waits_ms = list(row["ms"].values())
        assert waits_ms == sorted(waits_ms)
        assert all(wait_ms > 0.0 for wait_ms in waits_ms), "nothing is answered before it is due"
    assert "| sidestream |" in "\n".join(tables({**ABOUT, **found}))
    assert str(tmp_path / "plot.png") in plot(found, tmp_path / "plot.png")


def test_an_event_is_due_at_its_time_and_not_when_the_one_before_was_answered() -> None:
    course = Course(first=100, count=10, rate=5.0)
    assert [course.due(at) for at in (-0.1, 0.0, 0.19, 0.2, 1.0, 99.0)] == [100, 101, 101, 102, 106, 110]
    assert course.offset_s(105) == 1.0


def test_a_request_carries_the_target_that_its_label_brings_later() -> None:
    records = Records()
    request, label = json.loads(records.request(3_000)), json.loads(records.label(3_000, 200.0))
    assert request["id"] == label["id"] == 3_000
    assert request["y"] == label["y"]
    assert label["known"] - request["ts"] == 200 * LABEL_DELAY_S
    assert request["ts"] == BEGIN_MS + 3_000
    assert rows() == rows()


def test_the_number_of_an_answer_is_found_however_its_json_is_spaced() -> None:
    assert numbers_in([b'{"index":3,"id":"12"}', b'{"id": 7, "model": "m"}', b"{}"]) == [12, 7]


def test_who_is_not_installed_is_skipped_with_the_remedy() -> None:
    found, skipped = peers(sys.executable)
    names = [each.name for each in found]
    for name in (FAUST, QUIX_ONCE, QUIX):
        assert (name in names) != any(name in line for line in skipped)
    assert all("SKIPPED" in line and "pip install" in line for line in skipped)


def rate(who: str, behind: int, *, p99: float = 1.0, rate: float = 1_000.0) -> dict[str, Any]:
    ms = {"p50": 0.5, "p99": p99, "p99.9": p99}
    return {"who": who, "rate": rate, "events": 100, "behind": behind, "per_s": 400.0, "ms": ms}


def test_a_rate_counts_where_most_rounds_kept_up_with_it() -> None:
    good, bad = rate(WHOLE, 0), rate(WHOLE, 9)
    assert kept_up([good, bad, good]) == [good, good]
    assert kept_up([good, bad]) == []
    assert kept_up([]) == []


def test_who_fell_behind_is_told_by_how_much_and_at_higher_rates_that_it_did_before() -> None:
    *_, at_thousand, _, higher = latencies([rate(FLOOR, 0), rate(WHOLE, 9), rate(FLOOR, 0, rate=5_000.0)])
    assert "| 1,000 | sidestream | falls behind: 400/s, 9 of 100 unanswered 0.5 s after the last |" in at_thousand
    assert "| 5,000 | sidestream | falls behind at 1,000 already |" in higher


@pytest.mark.parametrize(("per_s", "p99", "met"), [(60.0, 6.0, "met"), (59.0, 6.1, "missed")])
def test_a_goal_is_met_or_missed_by_both_its_sides(per_s: float, p99: float, met: str) -> None:
    backlogs = [{"who": FLOOR, "done_per_s": 100.0}, {"who": WHOLE, "done_per_s": per_s}]
    lines = list(goals({"backlogs": backlogs, "rates": [rate(FLOOR, 0, p99=1.0), rate(WHOLE, 0, p99=p99)]}))
    assert [line.rpartition(", ")[2] for line in lines] == [met, met]

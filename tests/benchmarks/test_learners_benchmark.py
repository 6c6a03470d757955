"""The benchmark of learners gives what it promises, on a few events; who is missing is named with the remedy."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import learners
from benchmarks.learner_contestants import LEARNERS, RIVER, RUNS, SINGLE, WHOLE, contestants
from benchmarks.learner_extremes import latencies, memory, threads
from benchmarks.learner_plot import means
from benchmarks.learner_streams import Table, clusters, friedman, streams
from benchmarks.learner_tables import tables
from benchmarks.learners import QUICK, Said, Size, measure, side_by_side
from engine.targets import Task

SIZE: Size = replace(QUICK, warm_count=50, timed_count=100, thread_event_count=200, memory_event_count=4_000)
PART = clusters(150, 4, seed=1)
BAYES = "naive Bayes"


@pytest.fixture(autouse=True)
def without_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    """MOA and Vowpal Wabbit are not asked for, whether they are installed or not."""
    for name in ("benchmarks.learner_moa", "vowpalwabbit"):
        monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]


def test_a_made_stream_is_a_function_of_its_seed_and_its_clusters_are_not() -> None:
    one, same, other = clusters(2_000, 4, seed=1), clusters(2_000, 4, seed=1), clusters(2_000, 4, seed=2)
    assert np.array_equal(one.numbers, same.numbers)
    assert one.targets == same.targets
    assert not np.array_equal(one.numbers, other.numbers)
    assert np.allclose(one.numbers.mean(axis=0), other.numbers.mean(axis=0), atol=0.1)


def test_answering_with_the_target_before_is_right_where_it_did_not_change() -> None:
    table = Table("four", ("f0",), np.zeros((4, 1)), [True, True, False, False], Task.BINARY)
    assert table.no_change == 2 / 4


def test_our_three_ways_are_right_on_the_same_events_and_as_often_as_river() -> None:
    found = {each.who: each.begin(PART)(0, len(PART)) for each in contestants()[0] if each.learner == BAYES}
    assert found[WHOLE] == found[RUNS] == found[SINGLE] == found[RIVER] > len(PART) // 2


def test_our_three_ways_are_near_the_same_numbers_and_river_about_as_often() -> None:
    table = friedman(2_000, seed=1)
    found = {each.who: each.begin(table)(0, len(table)) for each in contestants()[0] if each.learner == "tree of means"}
    assert found[WHOLE] == found[RUNS] == found[SINGLE] > len(table) * table.no_change
    assert found[RIVER] == pytest.approx(found[WHOLE], rel=0.2)


def test_ratios_are_to_those_who_take_part() -> None:
    who = [each for each in contestants()[0] if each.learner == BAYES]
    rows = {row["who"]: row for row in side_by_side(who, PART, SIZE, Said())}
    assert list(rows) == [WHOLE, RUNS, SINGLE, RIVER]
    assert rows[RIVER]["x_River"] == 1.0
    assert rows[WHOLE]["x_River"] > 0.0
    assert rows[WHOLE]["x_MOA"] is None


def test_who_is_missing_is_named_with_the_remedy() -> None:
    lines = contestants()[1]
    assert [line.partition(":")[0] for line in lines] == ["MOA", "Vowpal Wabbit"]
    assert all("SKIPPED" in line and "pip install" in line for line in lines)


def test_a_learner_that_we_do_not_have_is_skipped_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(LEARNERS, BAYES, "no_such_model()")
    said = Said()
    who = [each for each in contestants()[0] if each.learner == BAYES]
    assert [row["who"] for row in side_by_side(who, PART, SIZE, said)] == [RIVER]
    assert len(said.lines) == 1
    assert capsys.readouterr().err.startswith("ours, naive Bayes: SKIPPED (unknown name 'no_such_model'")


def test_a_file_that_is_missing_is_skipped_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIDESTREAM_DATA", raising=False)
    lines: list[str] = []
    assert [table.name for table in streams(lines.append)] == ["RBF 10", "RBF 50", "Friedman"]
    assert [line.partition(":")[0] for line in lines] == ["Elec2", "covertype", "fraud"]
    assert all("SKIPPED" in line and "set SIDESTREAM_DATA" in line for line in lines)


def test_the_slowest_events_are_slower_than_the_median() -> None:
    found = latencies(BAYES, PART, 50)
    assert list(found) == ["predict", "learn", "both"]
    assert all(0.0 < us["p50"] <= us["p99"] <= us["p99.9"] for us in found.values())


def test_two_threads_go_through_twice_the_events() -> None:
    (single,) = (each for each in contestants()[0] if each.learner == BAYES and each.who == SINGLE)
    found = threads(single, PART, 1)
    assert found["ratio"] == pytest.approx(found["two"] / found["one"])


def test_naive_bayes_keeps_no_more_after_more_events() -> None:
    kept = memory(BAYES, 4_000)
    assert [point["events"] for point in kept] == [1_000, 2_000, 3_000, 4_000]
    assert len({point["memory_bytes"] for point in kept}) == 1
    assert all(point["resident_bytes"] > point["memory_bytes"] for point in kept)


def test_everything_measured_stands_in_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learners, "streams", lambda skip: [clusters(200, 4, seed=1)])
    found = measure(SIZE, BAYES)
    about = {"date": "", "machine": {"processor": "", "cores": 1}, "python": "", "versions": {}}
    text = "\n".join(tables({**about, **found}))
    for title in ("first 150 events", "whole streams", "One event at a time", "two threads", "Memory"):
        assert title in text
    assert all(f"| {who} |" in text for who in (WHOLE, RUNS, SINGLE, RIVER))
    assert "MOA: SKIPPED" in text
    assert list(means(found["first"])) == [(BAYES, who) for who in (WHOLE, RUNS, SINGLE, RIVER)]

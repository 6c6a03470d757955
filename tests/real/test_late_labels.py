"""Real label delays: every end and every figure is computed again, from the output files and the source's own times.

Nothing here asks the engine. When a label is known, whether it came in time, how its request ends and in which order
answers are scored follows from the two time columns of the source; the answers are those of the output files.

A label is visible before the first later request whose event time lies beyond it; at equal times requests come first.
A request that no label reached within its horizon ends once event time lies beyond its deadline.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.figures_oracle import Scored, assert_same, binary_figures
from tests.replays import Replayed, real, replayed

DAY_MS = 86_400_000
TREE = "tree=river.tree.HoeffdingTreeClassifier()"
LOGISTIC = "logistic=river.preprocessing.StandardScaler() | river.linear_model.LogisticRegression()"


@dataclass(frozen=True)
class Event:
    """One row of a source: when it happened, when its truth was known (None for never), and the truth."""

    time_ms: int
    known_ms: int | None
    truth: bool


@dataclass(frozen=True)
class Expected:
    """What the times of a stream alone imply."""

    label_ends: list[tuple[int, int, str]]
    """(position, request, end), in order."""
    request_ends: list[tuple[int, int]]
    """(position, request) of those that ended without a label, in order."""
    unseen: set[int]
    """Requests whose label was not known when the stream ended."""
    closed: list[int]
    """Requests whose window closed before the stream ended, in order."""


def rows_of(path: Path) -> Iterator[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def tomcat(path: Path) -> list[Event]:
    return [
        Event(
            int(row["commit_ts"]) * 1_000,
            int(row["bug_found_ts"]) * 1_000 if row["bug_found_ts"] else None,
            row["contains_bug"] == "1",
        )
        for row in rows_of(path)
    ]


def flights(path: Path, count: int) -> list[Event]:
    found = []
    for row, _ in zip(rows_of(path), range(count), strict=False):
        departs, known = (
            datetime.fromisoformat(row[name]).replace(tzinfo=UTC) for name in ("sched_dep_ts", "label_ts")
        )
        found.append(Event(int(departs.timestamp()) * 1_000, int(known.timestamp()) * 1_000, row["delayed"] == "1"))
    return found


def expected_of(events: list[Event], horizon_ms: int | None) -> Expected:
    """Walk through the events once, in order of time; both real streams are sorted, which is asserted."""
    assert all(before.time_ms <= after.time_ms for before, after in pairwise(events))
    waiting = sorted((event.known_ms, i) for i, event in enumerate(events) if event.known_ms is not None)
    assert all(known_ms >= events[i].time_ms for known_ms, i in waiting)
    label_ends: list[tuple[int, int, str]] = []
    request_ends: list[tuple[int, int]] = []
    settled: set[int] = set()
    oldest = position = 0

    def close(now_ms: int) -> None:
        nonlocal oldest
        while horizon_ms is not None and events[oldest].time_ms + horizon_ms < now_ms:
            if oldest not in settled:
                settled.add(oldest)
                request_ends.append((position, oldest))
            oldest += 1

    for event in events:
        while waiting and waiting[0][0] < event.time_ms:
            known_ms, i = waiting.pop(0)
            close(known_ms)
            label_ends.append((position, i, "late" if i in settled else "learned"))
            settled.add(i)
            position += 1
        close(event.time_ms)
        position += 1
    return Expected(label_ends, request_ends, {i for _, i in waiting}, list(range(oldest)))


def check_ends(run: Replayed, events: list[Event], expected: Expected, silence: str) -> None:
    """Every label's end, every request's end, and the counts of both."""
    assert [(line["position"], line["index"], line["end"]) for line in run.labels] == expected.label_ends
    for line in run.labels:
        event = events[line["index"]]
        assert (line["label_time_ms"], line["target"]) == (event.known_ms, int(event.truth))
    assert [(line["position"], line["index"], line["end"]) for line in run.ends] == [
        (position, index, silence) for position, index in expected.request_ends
    ]
    assert [(line["index"], line["event_time_ms"]) for line in run.predictions] == [
        (i, event.time_ms) for i, event in enumerate(events)
    ]
    ends = Counter(end for _, _, end in expected.label_ends)
    requests = {"labelled": ends["learned"], "expired": 0, "negative_by_policy": 0, "dead": 0}
    requests[silence] = len(expected.request_ends)
    requests["pending"] = len(events) - sum(requests.values())
    assert run.summary["requests"] == requests
    labels = {"held": 0, "superseded": 0, "duplicate": 0, "unmatched": 0, "dead": 0}
    assert run.summary["labels"] == {**labels, "learned": ends["learned"], "late": ends["late"]}
    assert run.summary["labels_not_yet_known"] == len(expected.unseen)
    assert run.summary["events"] == run.summary["predictions"] == len(events)
    assert run.dead_letters == []


def check_figures(run: Replayed, expected: Expected, positive: Any) -> None:
    """Every figure of every contender, as labelled and as matured, from the answers that were served."""
    # A label lets time pass before it is joined: of one position the silent ends come first.
    learned = [
        (line["position"], 1, line["index"], line["target"] == positive)
        for line in run.labels
        if line["end"] == "learned"
    ]
    silent = [(line["position"], 0, line["index"], False) for line in run.ends if line["end"] == "negative_by_policy"]
    in_order = [(index, truth) for _, _, index, truth in sorted(learned + silent, key=lambda end: end[:2])]
    truths = dict(in_order)
    matured = [(index, truths[index]) for index in expected.closed if index in truths]
    answers = run.answers
    assert answers.keys() == run.summary["models"].keys()
    for name, model in run.summary["models"].items():
        assert len(answers[name]) == run.summary["events"]
        assert model["learned_count"] == len(in_order)
        for view, scored in (("metrics", in_order), ("matured", matured)):
            if view == "matured" and not expected.closed:
                assert model[view] is None
                continue
            served = [
                Scored(answers[name][i]["prediction"] == positive, answers[name][i]["probability"], truth)
                for i, truth in scored
            ]
            assert_same(model[view], binary_figures(served), f"{name}.{view}")


TOMCAT = ("--time", "commit_ts", "--target", "contains_bug", "--drop", "commit_type")
TOMCAT_LATE = (*TOMCAT, "--label-time", "bug_found_ts", "--label-policy", "negative_after(90d)")
CONTENDERS = ("--champion", TREE, "--challenger", "majority()", "--challenger", LOGISTIC)


def test_bugs_found_late_and_silence_that_means_clean(tmp_path: Path) -> None:
    path = real("jit_sdp/tomcat.csv.gz")
    events = tomcat(path)
    run = replayed(str(path), *TOMCAT_LATE, *CONTENDERS, out=tmp_path)
    expected = expected_of(events, 90 * DAY_MS)
    assert {end for _, _, end in expected.label_ends} == {"learned", "late"}
    check_ends(run, events, expected, "negative_by_policy")
    check_figures(run, expected, positive=1)


def test_a_blank_label_time_is_never_visible_and_nothing_is_flushed_at_the_end(tmp_path: Path) -> None:
    path = real("jit_sdp/tomcat.csv.gz")
    events = tomcat(path)[:6_000]
    run = replayed(str(path), *TOMCAT_LATE, "--limit", "6000", out=tmp_path)
    seen = {line["index"] for line in run.labels}
    blank = {i for i, event in enumerate(events) if event.known_ms is None}
    assert any(events[i].truth for i in blank)
    assert not seen & blank
    unseen = {i for i, event in enumerate(events) if event.known_ms is not None} - seen
    assert run.summary["labels_not_yet_known"] == len(unseen) > 0
    ended = seen | {line["index"] for line in run.ends}
    assert run.summary["requests"]["pending"] == len(events) - len(ended) > 0
    last_ms = events[-1].time_ms
    assert all(events[i].time_ms + 90 * DAY_MS >= last_ms for i in set(range(len(events))) - ended)


def test_labels_in_a_second_file_give_what_labels_in_the_same_file_give(tmp_path: Path) -> None:
    rows = [dict(row, id=f"c{i}") for i, row in zip(range(6_000), rows_of(real("jit_sdp/tomcat.csv.gz")), strict=False)]
    late = ("contains_bug", "bug_found_ts")
    features = [name for name in rows[0] if name not in late]
    files = {"one": list(rows[0]), "features": features, "labels": ["id", *late]}
    for name, columns in files.items():
        with (tmp_path / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            # The order of the labels' file is no information: its times are.
            writer.writerows(sorted(rows, key=lambda row: row["id"]) if name == "labels" else rows)
    flags = (*TOMCAT_LATE, "--id", "id", *CONTENDERS)
    one = replayed(str(tmp_path / "one.csv"), *flags, out=tmp_path / "of_one")
    labels = str(tmp_path / "labels.csv")
    two = replayed(str(tmp_path / "features.csv"), "--labels", labels, *flags, out=tmp_path / "of_two")
    assert two.summary == one.summary
    for name in ("predictions", "shadow", "labels", "ends"):
        assert (tmp_path / f"of_two/{name}.jsonl").read_bytes() == (tmp_path / f"of_one/{name}.jsonl").read_bytes()
    assert one.summary["labels"]["learned"] > 0


@pytest.mark.parametrize(("policy", "horizon_ms"), [(None, 7 * DAY_MS), ("wait(2d)", 2 * DAY_MS)])
def test_a_fixed_delay(policy: str | None, horizon_ms: int, tmp_path: Path) -> None:
    """Without a policy a request waits just as long as labels take; with a shorter one every label comes late."""
    path = real("jit_sdp/tomcat.csv.gz")
    events = [Event(e.time_ms, e.time_ms + 7 * DAY_MS, e.truth) for e in tomcat(path)[:6_000]]
    flags = (*TOMCAT, "--drop", "bug_found_ts", "--label-delay", "7d", "--limit", "6000", *CONTENDERS)
    if policy is not None:
        run = replayed(str(path), *flags, "--label-policy", policy, out=tmp_path)
        assert run.summary["labels"]["learned"] == 0 < run.summary["labels"]["late"]
        check_ends(run, events, expected_of(events, horizon_ms), "expired")
        return
    run = replayed(str(path), *flags, out=tmp_path)
    expected = expected_of(events, horizon_ms)
    assert expected.request_ends == []
    check_ends(run, events, expected, "expired")
    check_figures(run, expected, positive=1)


@pytest.mark.parametrize(("policy", "horizon_ms"), [("wait(2d)", 2 * DAY_MS), ("wait(2h)", DAY_MS // 12), (None, None)])
def test_flights_are_labelled_when_they_land(policy: str | None, horizon_ms: int | None, tmp_path: Path) -> None:
    count = 20_000
    path = real("hflights_2011/hflights_2011.csv.gz")
    flags = ["--target", "delayed", "--positive", "1", "--time", "sched_dep_ts", "--label-time", "label_ts"]
    for leak in ("dep_delay", "arr_delay", "actual_elapsed", "delayed15"):
        flags += ["--drop", leak]
    flags += ["--limit", str(count), "--champion", TREE, "--challenger", "majority()"]
    if policy is not None:
        flags += ["--label-policy", policy]
    run = replayed(str(path), *flags, out=tmp_path)
    events = flights(path, count)
    expected = expected_of(events, horizon_ms)
    check_ends(run, events, expected, "expired")
    check_figures(run, expected, positive=1)
    if policy == "wait(2h)":
        assert run.summary["requests"]["expired"] > 1_000 < run.summary["labels"]["late"]

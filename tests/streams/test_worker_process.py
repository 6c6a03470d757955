"""Workers that are really killed: at random, at every named point, by signals; and what must hold all the same.

`python -m tests.streams.killed_worker --kills 200` does the first at length.
"""

from __future__ import annotations

import signal
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.judge import check_place
from tests.senders import START_MS, Senders, Sent
from tests.streams.failpoints import POINTS
from tests.streams.killed_worker import Campaign
from tests.streams.lives import live
from tests.streams.worker_process import (
    LIGHT,
    Place,
    append,
    replayed_after,
)

HITS = {"first": 1, "second": 2, "last": -1}


def some(seed: int, count: int) -> list[Sent]:
    senders = Senders(Random(seed))
    return [senders.send(START_MS) for _ in range(count)]


@pytest.mark.parametrize(("seed", "kill_count", "sections"), [(1, 8, LIGHT), (2, 8, LIGHT), (3, 4, {})])
def test_killed_at_random_again_and_again_nothing_is_lost_doubled_or_changed(
    tmp_path: Path, seed: int, kill_count: int, sections: dict[str, Any]
) -> None:
    campaign = Campaign(tmp_path, seed, sections)
    campaign.run(kill_count)
    assert campaign.sent > 20 + kill_count
    assert len(campaign.recovery_s) >= kill_count / 4


def lived(directory: Path, lives: dict[str, list[tuple[str, int]]], **sections: Any) -> dict[str, int]:
    """Live these lives, check each place, and return how often a life that nothing kills hits each point."""
    hits = live(directory, lives, sections)
    for name in lives:
        check_place(Place(directory / name, **sections))
    return hits


@pytest.mark.parametrize("point", sorted(POINTS.keys() - {"mid_recovery"}))
def test_killed_at_a_named_point_it_comes_back_whole(tmp_path: Path, point: str) -> None:
    hits = lived(tmp_path, {name: [(point, hit)] for name, hit in HITS.items()})
    assert hits[point] > HITS["second"]


def test_killed_while_it_recovers_it_comes_back_whole(tmp_path: Path) -> None:
    """No checkpoint is made on the way, so every life but the first begins by carrying out a long tail again."""
    points = ["after_answer", "after_learn", "mid_join", "mid_promotion", "mid_recovery"]
    lives = {point: [("before_commit", -1), (point, 2), (point, 1)] for point in points}
    lived(tmp_path, lives, run={"checkpoint_every": 100_000})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_what_was_taken_is_committed_kept_and_not_done_again(
    tmp_path: Path, number: signal.Signals
) -> None:
    place = Place(tmp_path, **LIGHT, run={"slice": 1, "checkpoint_every": 100_000})
    with place.opened() as log:
        append(log, some(6, 80))
        with place.worker() as worker:
            worker.wait_until_it_works(log, 0)
            worker.send(number)
            assert worker.ending() == 0, worker.said
    assert replayed_after(place) == 0
    with place.worker("--once") as worker:
        assert worker.ending() == 0, worker.said
        assert "going on from checkpoint" in worker.said
        assert "recovered" not in worker.said
    check_place(place)


def test_a_second_signal_stops_at_once_and_loses_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, **LIGHT, run={"slice": 1, "checkpoint_every": 100_000})
    with place.opened() as log:
        append(log, some(7, 80))
        with place.worker() as worker:
            worker.wait_until_it_works(log, 0)
            worker.send(signal.SIGTERM, signal.SIGINT)
            assert worker.ending() == 130, worker.said
    assert replayed_after(place) > 0
    with place.worker("--once") as worker:
        assert worker.ending() == 0, worker.said
    check_place(place)

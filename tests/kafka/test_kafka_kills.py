"""Workers that are hurt on a real broker: whatever it was, nothing is lost, doubled or learned otherwise, and nobody
who reads committed records meanwhile ever saw anything else.

`python -m tests.kafka.kills --kills 200` does all of it at length.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.broker import Broker
from tests.kafka.faults import BROKER_FAULTS, FAULTS, World
from tests.kafka.kills import (
    COMMIT_POINTS,
    ENGINE_POINTS,
    LEAD_POINTS,
    RECOVERIES,
    Row,
    die_at_points,
    hurt,
    hurt_on_stream,
    lives_of,
    world_of,
)
from tests.kafka.site import OUTPUTS

ROUNDS = {"SIGSTOP past the lease": 2, "two workers at once": 5, "a batch is refused": len(OUTPUTS) + 1}
STREAM_COUNT = 1_200


@pytest.fixture
def world(own_broker: Broker) -> Iterator[World]:
    with world_of(own_broker) as made:
        yield made


def test_killed_at_random_on_a_broker_a_reader_sees_each_commit_once(world: World, tmp_path: Path) -> None:
    def one(number: int) -> Row:
        return hurt(tmp_path / str(number), world, "kill -9 under load", 5, seed=number)

    with ThreadPoolExecutor(4) as pool:
        rows = list(pool.map(one, range(4)))
    assert sum(row.runs for row in rows) == 20
    assert all(row.verdict.inputs > 20 and row.verdict.commits > 4 for row in rows)


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"kill -9 under load"}))
def test_hurt_by_a_fault_on_a_broker_a_worker_comes_back_whole(world: World, tmp_path: Path, fault: str) -> None:
    row = hurt(tmp_path, world, fault, ROUNDS.get(fault, 1), seed=1)
    assert row.verdict.commits > 5


@pytest.mark.parametrize("fault", BROKER_FAULTS)
def test_a_broker_that_ends_within_a_commit_takes_nothing_with_it(world: World, tmp_path: Path, fault: str) -> None:
    row = hurt(tmp_path, world, fault, 2, seed=2)
    assert row.verdict.commits > 5


def test_killed_at_a_point_of_a_commit_on_a_broker_it_comes_back_whole(own_broker: Broker, tmp_path: Path) -> None:
    lives = lives_of(COMMIT_POINTS, [1, 3]) | lives_of(LEAD_POINTS, [1])
    assert die_at_points(tmp_path, own_broker.address, lives).runs == 12


def test_killed_at_a_point_of_its_work_on_a_broker_it_comes_back_whole(own_broker: Broker, tmp_path: Path) -> None:
    assert die_at_points(tmp_path, own_broker.address, lives_of(ENGINE_POINTS, [-1])).runs == 8


def test_killed_again_while_it_recovers_on_a_broker_it_comes_back_whole(own_broker: Broker, tmp_path: Path) -> None:
    row = die_at_points(tmp_path, own_broker.address, RECOVERIES, run={"checkpoint_every": 100_000})
    assert row.runs == 3 * len(RECOVERIES)


@pytest.mark.parametrize("name", ["Elec2", "payments"])
def test_what_a_killed_worker_says_to_a_known_stream_is_what_a_replay_says(
    world: World, tmp_path: Path, name: str
) -> None:
    row = hurt_on_stream(tmp_path, world, name, count=STREAM_COUNT, kills=2)
    assert row.verdict.inputs >= STREAM_COUNT

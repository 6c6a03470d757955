"""`fork`: a model that joins later has the figures it would have had, the others those of their lines."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from engine.errors import ConfigError
from streams.commands import Verb
from streams.fork import fork
from streams.history import before_position
from streams.journal import decode
from tests.figures_oracle import Scored, assert_same, binary_figures
from tests.pasts import BINARY, START_MS, Past, Stream
from tests.said import Said

NEW = "late=river.naive_bayes.BernoulliNB()"
RECORD = {"source": "record", "time": None, "policy": "wait"}


def live_through(past: Past, seed: int, *, in_record: bool) -> Past:
    stream = Stream(seed, in_record=in_record)
    stream.send(past, 40)
    past.live()
    for verb, contender in [(Verb.PROMOTE, "bayes"), (Verb.BENCH, "bayes"), (Verb.RESTORE, "bayes")]:
        past.command(verb, contender)
        stream.send(past, 20)
        past.live()
    return past


@pytest.mark.parametrize("in_record", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_from_the_beginning_the_figures_are_those_of_a_run_that_had_it(
    tmp_path: Path, seed: int, in_record: bool
) -> None:
    changes: dict[str, Any] = {"labels": RECORD if in_record else {}}
    without = live_through(Past(tmp_path / "a", changes, partition_count=2), seed, in_record=in_record)
    challengers = [*BINARY["contenders"]["challengers"], NEW]
    changes["contenders"] = {**BINARY["contenders"], "challengers": challengers}
    having = live_through(Past(tmp_path / "b", changes, partition_count=2), seed, in_record=in_record)
    with having.ground() as ground:
        replica = ground.recovery().recover().replica
        replica.catch_up()
        expected = replica.engine.summary().data
    with without.ground() as ground:
        found = fork(ground, 0, (NEW,)).data
    assert found == expected
    assert found["models"]["late"]["learned_count"] > 5


def test_a_twin_of_a_challenger_has_its_figures_from_the_beginning_and_not_later(tmp_path: Path) -> None:
    past = live_through(Past(tmp_path / "state"), 3, in_record=False)
    twin = 'twin=rules("a > 0.5 -> 0.9; otherwise 0.1")'
    with past.ground() as ground:
        for position in (0, 31):
            models = fork(ground, position, (twin, "second=river.naive_bayes.GaussianNB()")).data["models"]
            assert models["twin"]["metrics"] == models["steady"]["metrics"]
        assert models["second"]["learned_count"] < models["bayes"]["learned_count"]


def past_of_one_champion(tmp_path: Path, seed: int, *, in_record: bool) -> Past:
    labels = RECORD if in_record else {"policy": "wait"}
    past = Past(tmp_path / "state", {"labels": labels, "limits": {"window_count": 1_000}})
    stream = Stream(seed, in_record=in_record)
    for count in (40, 100, 120):
        stream.send(past, count)
        past.live()
    return past


@pytest.mark.parametrize("in_record", [False, True])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.61])
def test_from_a_position_on_the_figures_are_those_of_the_lines_of_later_requests(
    tmp_path: Path, share: float, in_record: bool
) -> None:
    past = past_of_one_champion(tmp_path, 11, in_record=in_record)
    with past.ground() as ground:
        end = ground.recovery().recover().replica.engine.position
        position = int(share * end)
        first = before_position(ground, position).replica.engine.scorer.request_count
        models = fork(ground, position, (NEW,)).data["models"]
    answered: dict[str, dict[int, dict[str, Any]]] = {}
    for line in (*past.lines("predictions"), *past.lines("shadow")):
        if "duplicate_of" not in line:
            answered.setdefault(line["model"], {})[line["index"]] = line
    learned = [each for each in past.lines("ends") if each["end"] == "learned" and each["index"] >= first]
    for name, lines in answered.items():
        scored = [
            Scored(bool(lines[each["index"]]["prediction"]), lines[each["index"]]["probability"], bool(each["target"]))
            for each in learned
        ]
        assert len(scored) > 5
        assert_same(models[name]["metrics"], binary_figures(scored), name)


def contents(directory: Path) -> dict[str, str]:
    """Return every file of a log, but for SQLite's index of its own write-ahead log, which each reader may write."""
    return {
        str(path.relative_to(directory)): sha256(path.read_bytes()).hexdigest()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")
    }


def test_whoever_looks_at_the_past_changes_no_byte_of_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    past = live_through(Past(tmp_path / "state"), 5, in_record=False)
    event_id = past.answers()[0]["id"]
    with past.log():
        before = contents(past.directory)
        for arguments in (
            ("fork", "--at", 9, "--challenger", NEW, "--log", past.directory),
            ("rebuild", event_id, "--log", past.directory),
            ("audit", past.directory),
        ):
            assert Said(capsys, *arguments).code == 0
            assert contents(past.directory) == before


def test_json_and_the_table_tell_of_the_new_one_beside_the_old(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past = live_through(Past(tmp_path / "state"), 5, in_record=False)
    flags = ("--at", 9, "--challenger", NEW, "--challenger", "mine=no_change()", "--log", past.directory)
    found = json.loads(Said(capsys, "fork", *flags, "--json").out)
    assert list(found["models"]) == ["linear", "bayes", "steady", "late", "mine"]
    table = Said(capsys, "fork", *flags).out
    assert "late" in table
    assert "mine" in table


def test_at_the_very_end_there_is_nothing_to_count_and_beyond_it_a_refusal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past = live_through(Past(tmp_path / "state"), 5, in_record=False)
    with past.ground() as ground:
        end = ground.recovery().recover().replica.engine.position
    flags = ("--challenger", NEW, "--log", past.directory)
    assert Said(capsys, "fork", "--at", end, *flags).code == 0
    said = Said(capsys, "fork", "--at", end + 1, *flags)
    assert (said.code, said.out) == (2, "")
    assert f"the journal ends at position {end:,}, got {end + 1:,}" in said.err


@pytest.mark.parametrize(
    ("challengers", "says"),
    [
        (("bayes=no_change()",), "there is a contender 'bayes' already; give the new one another name"),
        (("linear=no_change()",), "there is a contender 'linear' already"),
        (("a=no_change()", "a=no_change()"), "there is a contender 'a' already"),
        (("river.tree.NoSuchTree()",), "NoSuchTree"),
        (("understudy=no_change()",), "understudy"),
        (("=no_change()",), ""),
        (("",), ""),
        (("rules(",), "rules("),
        (("river.linear_model.LinearRegression()",), "LinearRegression"),
    ],
)
def test_what_cannot_join_is_refused_before_anything_is_carried_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], challengers: tuple[str, ...], says: str
) -> None:
    past = Past(tmp_path / "state")
    past.append("requests", {"id": 1, "ts": START_MS, "a": 1, "b": 1, "c": "x"})
    past.live()
    flags = [flag for each in challengers for flag in ("--challenger", each)]
    said = Said(capsys, "fork", "--at", 0, *flags, "--log", past.directory)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert said.err.startswith("sidestream: ")


def test_a_position_between_a_request_and_its_own_label_is_taken_as_after_both(tmp_path: Path) -> None:
    past = Past(tmp_path / "state", {"labels": RECORD})
    past.append("requests", *({"id": n, "ts": START_MS, "a": n, "b": 1, "c": "x", "y": n % 2} for n in range(4)))
    past.live()
    with past.ground() as ground:
        assert decode(next(ground.log.journal(1)).data, 1).position == 0
        assert before_position(ground, 3).replica.engine.position == 4
        assert fork(ground, 3, (NEW,)).data["models"]["late"]["learned_count"] == 2
        with pytest.raises(ConfigError, match="ends at position 8"):
            before_position(ground, 9)

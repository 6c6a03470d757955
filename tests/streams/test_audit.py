"""`audit`: nothing is found where nothing is wrong, also under a worker that runs; what was altered is, by its name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from streams.audit import Audit, Auditor
from streams.audit_file import AUDIT_FILE
from streams.commands import Verb
from streams.ground import ground_of, whole_topic
from streams.history import rebuild
from streams.log_port import Entry
from tests.journal_oracle import Oracle
from tests.pasts import JOURNAL, START_MS, Past, Stream
from tests.said import Said
from tests.simulation.worker_world import history

Change = Callable[[list[Entry]], Sequence[Entry]]


def busy_past(tmp_path: Path, seed: int = 3, **more: Any) -> Past:
    """Return a log with everything on it: all outputs, commands, three starts, three checkpoints."""
    past = Past(tmp_path / "state", {"detectors": {"specs": ["river.drift.binary.DDM(warm_start=5)"]}}, **more)
    stream = Stream(seed)
    stream.send(past, 40)
    past.live()
    for verb, contender in [(Verb.PROMOTE, "bayes"), (Verb.BENCH, "bayes"), (Verb.PROMOTE, "nobody")]:
        past.command(verb, contender)
        past.append("commands", b"{}")
        stream.send(past, 25)
        past.live()
    return past


def audited(past: Past) -> Audit:
    with past.ground() as ground:
        return Auditor(ground).run()


@pytest.mark.parametrize("partition_count", [1, 3])
def test_what_a_worker_wrote_holds_and_everything_is_counted(tmp_path: Path, partition_count: int) -> None:
    past = busy_past(tmp_path, partition_count=partition_count)
    found = audited(past)
    assert found.findings == []
    with past.log() as log:
        assert found.counts["commits"] == log.journal_end()
        for info in log.topics():
            if info.name not in {"requests", "labels", "commands"}:
                assert found.counts[f"records on {info.name}"] == sum(each.end for each in info.partitions) > 0
            if info.name == "requests":
                assert found.counts["requests"] == sum(each.end for each in info.partitions)
    assert found.counts["checkpoints"] > 1
    assert found.counts["of them in audit.jsonl"] == found.counts["entries of the audit trail"]
    past.append("requests", b"{", b"{")
    found = audited(past)
    assert found.findings == []
    assert found.counts["records not taken yet"] == 2


class BusyLog:
    """A log on which a worker lives on whenever somebody looks at it."""

    def __init__(self, log: Any, live: Callable[[], None], seed: int) -> None:
        self._log = log
        self._live = live
        self._random = Random(seed)

    def __getattr__(self, name: str) -> Any:
        if self._random.random() < 0.2:
            self._live()
        found = getattr(self._log, name)
        return self._between(found) if name == "journal" else found

    def _between(self, journal: Callable[[int], Any]) -> Callable[[int], Any]:
        def yielded(from_sequence: int) -> Any:
            for record in journal(from_sequence):
                if self._random.random() < 0.1:
                    self._live()
                yield record

        return yielded


@pytest.mark.parametrize("seed", range(5))
def test_a_worker_that_runs_meanwhile_raises_no_alarm(tmp_path: Path, seed: int) -> None:
    past = busy_past(tmp_path, seed)
    stream = Stream(seed + 100)
    lives = 0

    def live() -> None:
        nonlocal lives
        if lives < 12:
            lives += 1
            stream.send(past, 4)
            past.live()

    with past.log() as log:
        ground = ground_of(BusyLog(log, live, seed), str(past.directory), None)  # type: ignore[arg-type]
        assert Auditor(ground).run().findings == []
    assert lives > 3


@pytest.mark.parametrize("seed", range(12))
def test_whatever_crashed_nothing_is_found_and_every_decision_comes_out_again(tmp_path: Path, seed: int) -> None:
    world = history(seed)
    (tmp_path / AUDIT_FILE).write_bytes(b"".join(line + b"\n" for line in world.trail.lines))
    log = world.settings.log.model_copy(update={"dir": str(tmp_path)})
    ground = replace(Oracle(world.settings, world.log, world.disk).ground, settings=replace(world.settings, log=log))
    assert Auditor(ground).run().findings == []
    answers = [json.loads(value) for value in whole_topic(world.log, "predictions")]
    for event_id in {answer["id"] for answer in answers}:
        assert rebuild(ground, event_id).is_equal


def alter_value(number: int) -> Change:
    def change(entries: list[Entry]) -> list[Entry]:
        at = number % len(entries)
        value = entries[at].value
        middle = len(value) // 2
        other = entries[at]._replace(value=value[:middle] + bytes([value[middle] ^ 1]) + value[middle + 1 :])
        return [*entries[:at], other, *entries[at + 1 :]]

    return change


ALTERED: dict[str, Change] = {
    "the first altered": alter_value(0),
    "one in the middle altered": alter_value(2),
    "the last altered": alter_value(-1),
    "the first taken out": lambda entries: entries[1:],
    "the last taken out": lambda entries: entries[:-1],
    "one put in between": lambda entries: [*entries[:1], Entry(None, b"{}"), *entries[1:]],
    "one put at the end": lambda entries: [*entries, entries[0]],
    "two exchanged": lambda entries: [entries[1], entries[0], *entries[2:]],
    "another key": lambda entries: [entries[0]._replace(key=b"another"), *entries[1:]],
}


@pytest.mark.parametrize("topic", ["predictions", "shadow", "ends", "alarms", "dead_letters", "audit"])
def test_every_altered_output_is_found_and_named(tmp_path: Path, topic: str) -> None:
    past = busy_past(tmp_path)
    kept: list[Entry] = []
    past.alter(topic, lambda entries: kept.extend(entries) or entries)
    for name, change in ALTERED.items():
        past.alter(topic, lambda _, change=change: change(list(kept)))
        found = audited(past).findings
        assert found, name
        assert all(f"{topic}/0" in told or f"topic '{topic}'" in told for told in found), found
    past.alter(topic, lambda _: kept)
    assert audited(past).findings == []


def test_what_somebody_appended_to_an_output_is_found_with_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past = busy_past(tmp_path)
    assert Said(capsys, "audit", past.directory).code == 0
    past.append("predictions", b"{}", b"{}")
    said = Said(capsys, "audit", past.directory, "--json")
    assert said.code == 1
    assert json.loads(said.out)["findings"] == ["2 records on predictions/0 were written by no commit"]
    assert "FOUND: 2 records on predictions/0" in Said(capsys, "audit", past.directory).out


def of_the_journal(**fields: object) -> Change:
    def change(entries: list[Entry]) -> list[Entry]:
        data = json.loads(entries[5].value)
        assert data | fields != data
        value = json.dumps({**data, **fields}, separators=(",", ":")).encode()
        return [*entries[:5], entries[5]._replace(value=value), *entries[6:]]

    return change


@pytest.mark.parametrize(
    ("change", "says", "count"),
    [
        (of_the_journal(outputs="0" * 64), "commit 5 of the journal is not as a worker writes it", 1),
        (of_the_journal(more=1), "commit 5 of the journal is not as a worker writes it", 1),
        (of_the_journal(position=1), "commit 5 was made at position 1 with other outputs", 2),
        (of_the_journal(steps=10**6), "commit 5 was made at position", 2),
        (of_the_journal(runs=[]), "commit 5 of the journal is not as a worker writes it", None),
        (of_the_journal(runs=[[7, 0, 1, 1]]), "commit 5: the journal names input 7", 2),
        (of_the_journal(runs=[[0, 0, 9_999, 9_999]]), "commit 5: the journal names records 0 to 9999", 2),
        (lambda entries: entries[:-2], "were written by no commit", None),
        (lambda entries: [*entries[:5], *entries[6:]], "commit 5", None),
        (
            lambda entries: [*entries[:5], entries[5]._replace(key=b"9"), *entries[6:]],
            "is of term 1, after one of",
            None,
        ),
    ],
)
def test_an_altered_journal_is_found(tmp_path: Path, change: Change, says: str, count: int | None) -> None:
    past = busy_past(tmp_path)
    past.alter(JOURNAL, change)
    shutil.rmtree(past.directory / "checkpoints")
    found = audited(past).findings
    assert any(says in told for told in found), found
    assert count in {None, len(found)}, found


def test_settings_that_were_altered_in_the_journal_are_found(tmp_path: Path) -> None:
    past = busy_past(tmp_path)

    def change(entries: list[Entry]) -> list[Entry]:
        data = json.loads(entries[0].value)
        data["start"]["settings"]["limits"]["alarm_count_max"] = 7
        return [entries[0]._replace(value=json.dumps(data, separators=(",", ":")).encode()), *entries[1:]]

    past.alter(JOURNAL, change)
    assert any("the settings in commit 0 are not those" in told for told in audited(past).findings)


def test_an_input_that_was_altered_is_found_where_it_was_taken(tmp_path: Path) -> None:
    past = Past(tmp_path / "state")
    for number in range(9):
        past.append("requests", {"id": number, "ts": START_MS, "a": number, "b": 1, "c": "x"})
        past.live()
    kept: list[Entry] = []
    past.alter("requests", lambda entries: kept.extend(entries) or [*entries[:4], Entry(None, b"{}"), *entries[5:]])
    made, *rest = audited(past).findings
    assert "with other outputs than come out now" in made
    assert any("cannot be looked at" in told for told in rest)
    past.alter("requests", lambda _: kept[:7])
    gone, *rest = audited(past).findings
    assert "and the log holds others there" in gone
    assert any("cannot be looked at" in told for told in rest)


def test_a_checkpoint_with_one_bit_flipped_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    past = busy_past(tmp_path)
    newest = max((past.directory / "checkpoints").glob("checkpoint-*"))
    for path in sorted(newest.iterdir()):
        data = path.read_bytes()
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
        said = Said(capsys, "audit", past.directory)
        assert said.code == 1
        assert f"FOUND: {newest.name} is refused" in said.out
        path.write_bytes(data)
    assert Said(capsys, "audit", past.directory).code == 0


def test_a_checkpoint_of_another_log_is_found(tmp_path: Path) -> None:
    past, other = busy_past(tmp_path / "a"), busy_past(tmp_path / "b", seed=4)
    ours, theirs = (max((each.directory / "checkpoints").glob("checkpoint-*")) for each in (past, other))
    shutil.rmtree(ours)
    shutil.copytree(theirs, ours.parent / theirs.name)
    (told,) = audited(past).findings
    assert told.startswith(f"{theirs.name} was made after a commit ")
    assert told.endswith("that this journal does not hold")


def test_a_checkpoint_of_other_settings_is_found(tmp_path: Path) -> None:
    past, other = busy_past(tmp_path / "a"), Past(tmp_path / "b", {"limits": {"window_count": 3}})
    Stream(3).send(other, 20)
    other.live()
    theirs = max((other.directory / "checkpoints").glob("checkpoint-*"))
    shutil.copytree(theirs, past.directory / "checkpoints" / theirs.name)
    (told,) = audited(past).findings
    assert f"{theirs.name} is refused" in told
    assert "limits.window_count was '3', is '20'" in told


def test_an_altered_missing_or_longer_copy_of_the_audit_trail_is_found(tmp_path: Path) -> None:
    past = busy_past(tmp_path)
    path = past.directory / "audit.jsonl"
    data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    for made, says in [
        (data.replace(b"because", b"no idea", 1), "line 3 of"),
        (b"".join(lines[1:]), "line 1 of"),
        (data + b"{}\n", "holds more than topic 'audit'"),
        (data + b"\n", "holds more than topic 'audit'"),
        (data[:-1] + b"x", f"line {len(lines)} of"),
        (b"".join([*lines[:2], b"\n", *lines[2:]]), "line 3 of"),
    ]:
        path.write_bytes(made)
        (told,) = audited(past).findings
        assert says in told
    path.unlink()
    (told,) = audited(past).findings
    assert "is missing; the next start of a worker writes it anew" in told


def test_a_copy_that_a_crash_left_short_or_torn_is_no_finding_and_counted(tmp_path: Path) -> None:
    past = busy_past(tmp_path)
    path = past.directory / "audit.jsonl"
    data = path.read_bytes()
    lines = data.splitlines(keepends=True)
    for made, count in [
        (b"".join(lines[:-1]), len(lines) - 1),
        (data[:-9], len(lines) - 1),
        (data[:-9] + b"\0" * 9, len(lines) - 1),
        (b"", 0),
    ]:
        path.write_bytes(made)
        found = audited(past)
        assert found.findings == []
        assert found.counts["of them in audit.jsonl"] == count


def test_a_log_that_cannot_be_read_is_exit_code_3_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    past = busy_past(tmp_path)
    past.alter(JOURNAL, lambda entries: [*entries[:3], Entry(b"1", b"{"), *entries[4:]])
    said = Said(capsys, "audit", past.directory)
    assert (said.code, said.err.count("\n")) == (3, 1)
    assert "commit 3 of the journal is none of sidestream's" in said.err

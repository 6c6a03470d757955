"""`promote`, `rollback` and the others: the command stands on its topic, and the worker's effect comes back."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.audit_trail import DONE, AuditError, Chain, Where, line, refused
from streams.cli.send_command import pauses_of, wait_for_effect
from streams.commands import CommandRecord, Verb, decode, encode
from streams.embedded_log import EmbeddedLog
from streams.log_file import Durability
from streams.log_port import Entry
from streams.memory_log import MemoryLog
from tests.said import Said

ROOT = Path(__file__).resolve().parents[2]
COMMAND = CommandRecord(Verb.PROMOTE, "tree", "ann@desk", 0, "")


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A log without topics."""
    with EmbeddedLog(str(tmp_path), durability=Durability.PROCESS, create=True):
        return tmp_path


def commands(directory: Path, topic: str = "commands") -> list[CommandRecord]:
    with EmbeddedLog(str(directory)) as log:
        return [decode(record.value) for record in log.read(topic, 0, 0).records]


@pytest.mark.parametrize(
    ("arguments", "verb", "contender"),
    [
        (("promote", "tree"), Verb.PROMOTE, "tree"),
        (("rollback",), Verb.ROLLBACK, None),
        (("bench", "tree"), Verb.BENCH, "tree"),
        (("restore", "tree"), Verb.RESTORE, "tree"),
        (("hold", "tree"), Verb.HOLD, "tree"),
        (("allow", "tree"), Verb.ALLOW, "tree"),
    ],
)
def test_a_command_stands_on_its_topic_with_who_asked_and_why(
    directory: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    verb: Verb,
    contender: str | None,
) -> None:
    flags = ("--log", directory, "--reason", "so", "--by", "ann", "--wait", 0)
    name = " ".join(map(repr, arguments)).replace(f"'{verb}'", verb)
    for offset in range(2):
        said = Said(capsys, *arguments, *flags)
        assert said.code == 0
        assert said.err == f"{name} is command {offset} of 'commands'\n"
        assert said.out == f"{name}: queued: it takes effect when one runs\n"
    first, second = commands(directory)
    assert (first.verb, first.contender, first.by, first.reason) == (verb, contender, "ann", "so")
    assert 0 < first.at_ms <= second.at_ms


def test_without_by_it_is_the_systems_user_and_host(
    directory: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "zoe")
    assert Said(capsys, "rollback", "--log", directory, "--wait", 0, "--topic", "orders").code == 0
    (record,) = commands(directory, "orders")
    assert record.by.startswith("zoe@")
    assert record.reason == ""


def test_a_command_that_nobody_takes_is_queued(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = Said(capsys, "bench", "tree", "--log", directory, "--wait", 1)
    assert said.code == 0
    assert said.out == "bench 'tree': queued: no worker took it within 1 s; it takes effect when one runs\n"


@pytest.mark.parametrize(
    ("effect", "code", "says"),
    [
        (DONE, 0, "promote 'tree': done, at position 1,234, entry 2 of 'audit'\n"),
        (refused("'tree' is benched"), 1, "promote 'tree': refused: 'tree' is benched, at position 1,234, entry 2 of"),
    ],
)
def test_the_effect_that_a_worker_writes_is_said_and_is_the_exit_code(
    directory: Path, effect: str, code: int, says: str
) -> None:
    """The worker is this test: another process asks, and waits much longer than this takes."""
    with EmbeddedLog(str(directory), durability=Durability.PROCESS) as log:
        log.create_topic("commands", 1)
        log.create_topic("audit", 1)
        log.append("commands", 0, [Entry(None, encode(COMMAND))])
        chain, before = Chain().append(COMMAND, DONE, Where(0, 0, 0))
        log.append("audit", 0, [Entry(None, line(before))])
        command = [sys.executable, "-c", "from streams.cli.app import main; main()"]
        command += ["promote", "tree", "--log", str(directory), "--wait", "200"]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with subprocess.Popen(command, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
            assert process.stderr.readline() == "promote 'tree' is command 1 of 'commands'\n"
            chain, other = chain.append(COMMAND, refused("not this one"), Where(1, 7, 0))
            _, mine = chain.append(COMMAND, effect, Where(1, 1_234, 1))
            log.append("audit", 0, [Entry(None, line(other)), Entry(None, line(mine))])
            assert says in process.stdout.read()
            assert process.wait() == code


def test_it_is_looked_for_after_each_pause_also_on_a_topic_that_is_made_meanwhile() -> None:
    log = MemoryLog()

    def worker() -> Iterator[None]:
        yield
        log.create_topic("audit", 1)
        yield
        chain, other = Chain().append(COMMAND, DONE, Where(0, 0, 4))
        log.append("audit", 0, [Entry(None, line(other))])
        yield
        log.append("audit", 0, [Entry(None, line(chain.append(COMMAND, DONE, Where(1, 9, 5))[1]))])
        yield
        pytest.fail("it was there already")

    found = wait_for_effect(log, "audit", 0, 5, worker())
    assert found is not None
    assert (found.number, found.position) == (1, 9)
    assert wait_for_effect(log, "audit", 2, 5, [None]) is None
    assert wait_for_effect(log, "audit", 0, 5, []) is None


def test_what_is_no_audit_entry_is_not_believed() -> None:
    log = MemoryLog()
    log.create_topic("audit", 1)
    log.append("audit", 0, [Entry(None, b'{"offset": 5, "effect": "done"}')])
    with pytest.raises(AuditError):
        wait_for_effect(log, "audit", 0, 5, [None])


def test_not_to_wait_is_not_to_pause() -> None:
    assert list(pauses_of(0)) == []


@pytest.mark.parametrize(
    "case",
    [
        (("promote", "x" * 65), 2, "contender must be text of 1 to 64 characters"),
        (("promote", "a\nb"), 2, "contender must be printable text"),
        (("rollback", "--reason", "x" * 1_001), 2, "reason must be text of 0 to 1000 characters"),
        (("rollback", "--by", "a\tb"), 2, "by must be printable text on one line, got '\\t' as character 2"),
        (("rollback", "--topic", "audit"), 2, "--topic and --audit are both 'audit'"),
        (("rollback", "--topic", "two"), 2, "topic 'two' has 2 partitions, not 1"),
        (("rollback", "--log", "none"), 4, "'none' holds no log"),
    ],
)
def test_what_cannot_be_asked_is_said_in_one_line_and_appends_nothing(
    directory: Path, capsys: pytest.CaptureFixture[str], case: tuple[tuple[str, ...], int, str]
) -> None:
    (verb, *rest), code, says = case
    with EmbeddedLog(str(directory)) as log:
        log.create_topic("two", 2)
    said = Said(capsys, verb, "--log", directory, *rest)
    assert said.code == code
    assert says in said.err
    assert said.err.count("\n") == 1
    with EmbeddedLog(str(directory)) as log:
        assert [topic.name for topic in log.topics()] == ["two"]
        assert [info.end for info in log.topics()[0].partitions] == [0, 0]

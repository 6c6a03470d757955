"""The desk for commands of another door: each is on the topic once, says who and why, or is refused in words."""

from __future__ import annotations

import json

import pytest

from streams.audit_trail import DONE, read_line
from streams.command_desk import CommandDesk
from streams.commands import CommandRecord, Verb, decode, encode
from streams.log_port import Entry
from streams.memory_log import MemoryLog
from tests.workers import Life

PROMOTE = CommandRecord(Verb.PROMOTE, "bayes", "ann@desk", 1_700_000_000_000, "ahead since May")


def asked(**changes: object) -> bytes:
    return json.dumps({**json.loads(encode(PROMOTE)), **changes}, indent=1).encode()


def values(log: MemoryLog, topic: str = "commands") -> list[bytes]:
    return [record.value for record in log.read(topic, 0, 0).records]


def test_a_command_from_another_door_is_carried_out_and_audited_as_a_persons_is() -> None:
    life = Life()
    reply = CommandDesk(life.log, "commands", "replies").take(asked())
    assert reply == {"command": 0, "repeated": False, "refused": None}
    life.run()
    (entry,) = [entry for entry in map(read_line, life.copy.lines) if entry.offset == 0]
    assert (entry.verb, entry.contender, entry.by, entry.reason) == ("promote", "bayes", "ann@desk", "ahead since May")
    assert entry.effect == DONE


def test_a_command_that_is_delivered_again_stands_on_the_topic_once() -> None:
    log = MemoryLog()
    rollback = CommandRecord(Verb.ROLLBACK, None, "ann@desk", 1, "too early")
    CommandDesk(log, "commands", "replies").take(asked())
    replies = [CommandDesk(log, "commands", "replies").take(encode(rollback)) for _ in range(3)]
    assert [(each["command"], each["repeated"]) for each in replies] == [(1, False), (1, True), (1, True)]
    assert [decode(value) for value in values(log)] == [PROMOTE, rollback]


def test_who_asks_again_at_another_time_is_heard_again() -> None:
    log = MemoryLog()
    desk = CommandDesk(log, "commands", "replies")
    assert [desk.take(asked(at_ms=at))["command"] for at in (1, 2)] == [0, 1]


def test_so_many_commands_are_remembered_and_no_more() -> None:
    log = MemoryLog()
    desk = CommandDesk(log, "commands", "replies", 3)
    for at in (1, 2, 3):
        desk.take(asked(at_ms=at))
    assert desk.take(asked(at_ms=1))["command"] == 0
    log.append("commands", 0, [Entry(None, b"{}")])
    assert desk.take(asked(at_ms=2))["command"] == 1
    assert desk.take(asked(at_ms=1))["repeated"] is False


def test_commands_of_others_are_remembered_and_those_that_were_trimmed_are_not() -> None:
    log = MemoryLog()
    desk = CommandDesk(log, "commands", "replies")
    log.append("commands", 0, [Entry(None, encode(PROMOTE))])
    assert desk.take(asked()) == {"command": 0, "repeated": True, "refused": None}
    log.trim("commands", 0, 1)
    assert CommandDesk(log, "commands", "replies").take(asked())["command"] == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"promote bayes", "JSON"),
        (b'{"verb": "promote"}', "a command is an object of verb, contender, by, at_ms, reason, got verb"),
        (asked(verb="promte"), "did you mean 'promote'?"),
        (asked(by=""), "by must be text of 1 to 200 characters"),
        (asked(reason=" "), "reason says why"),
        (asked(verb="start"), "said by workers alone"),
        (asked(by="ann\x1b[2J"), "printable text on one line"),
    ],
)
def test_what_is_no_command_is_refused_in_words_and_stands_nowhere(data: bytes, said: str) -> None:
    log = MemoryLog()
    reply = CommandDesk(log, "commands", "replies").take(data)
    assert reply["command"] is None
    assert said in reply["refused"]
    assert values(log) == []
    assert list(map(json.loads, values(log, "replies"))) == [reply]

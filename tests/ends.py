"""A ledger from bytes alone: each record that was sent has one end, and answers stand in the order of their requests.

It knows no state and no journal, only what any reader of the topics sees.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from engine.event_time import parse_event_time
from streams.log_port import Log, LogRecord


class Columns(NamedTuple):
    """Which columns say which event it is, what it is about, and when its label was known."""

    id: str
    key: str
    label_time: str


def check_ends(log: Log, columns: Columns, held_count: int) -> None:
    """Find one end for each request, label and command.

    Parameters
    ----------
    log
        Its worker has taken everything.
    columns
        Where the records say what they are.
    held_count
        Labels that still wait for their request.
    """
    letters = _letters(log)
    for number in range(_partition_count(log, "requests")):
        _check_answers(log, columns, number, letters)
    _check_labels(log, columns, letters, held_count)
    commands = {record.offset for record in _records(log, "commands")}
    told = [each["offset"] for each in _lines(log, "audit") if each["offset"] is not None]
    told += [letters.pop(("commands/0", offset)) and offset for offset in commands if ("commands/0", offset) in letters]
    assert sorted(told) == sorted(commands)
    assert not letters, "dead letters of records that nobody sent, or that have another end as well"


def _check_answers(log: Log, columns: Columns, number: int, letters: dict[tuple[str, int], dict[str, Any]]) -> None:
    """Walk requests and answers of one partition side by side: then equal keys are in order too."""
    answers = _records(log, "predictions", number)
    for request in _records(log, "requests", number):
        if letters.pop((f"requests/{number}", request.offset), None) is None:
            answer = next(answers)
            asked = json.loads(request.value)
            assert json.loads(answer.value)["id"] == asked[columns.id]
            assert answer.key == str(asked.get(columns.key, asked[columns.id])).encode()
    assert next(answers, None) is None, "an answer to no request"


def _check_labels(log: Log, columns: Columns, letters: dict[tuple[str, int], dict[str, Any]], held_count: int) -> None:
    """Compare as multisets: labels end in another order than they come, and those that are held have no end yet."""
    ended = Counter((end["id"], end["label_time_ms"]) for end in _lines(log, "ends") if "target" in end)
    sent: Counter[tuple[str, int]] = Counter()
    for number in range(_partition_count(log, "labels")):
        for record in _records(log, "labels", number):
            if letters.pop((f"labels/{number}", record.offset), None) is None:
                label = json.loads(record.value)
                sent[label[columns.id], parse_event_time(label[columns.label_time])] += 1
    assert not ended - sent, "ends of labels that nobody sent, or that ended before"
    assert (sent - ended).total() == held_count


def _letters(log: Log) -> dict[tuple[str, int], dict[str, Any]]:
    found = list(_lines(log, "dead_letters"))
    by_place = {(letter["source"], letter["row"]): letter for letter in found}
    assert len(by_place) == len(found), "two dead letters of one record"
    return by_place


def _lines(log: Log, topic: str) -> Iterator[dict[str, Any]]:
    return (json.loads(record.value) for record in _records(log, topic))


def _records(log: Log, topic: str, partition: int = 0) -> Iterator[LogRecord]:
    offset = 0
    while records := (span := log.read(topic, partition, offset)).records:
        yield from records
        offset = span.next_offset


def _partition_count(log: Log, topic: str) -> int:
    return next(len(info.partitions) for info in log.topics() if info.name == topic)

"""Payments at a rate: what arrives, in which order, how fast, and where somebody goes on who starts again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streams.log_port import Entry
from streams.memory_log import MemoryLog
from streams.production import BATCH_COUNT_MAX, Production
from streams.synthetic import PAYMENT_COUNT, CardPayments
from tests.said import Said

SETTINGS = """
[input]
target = "fraud"
task = "binary"
positive = 1
id = "id"
time = "at"
drop = ["at", "card"]
[labels]
time = "reported_at"
policy = "negative_after(5d)"
[contenders]
champion = "majority()"
challengers = ["none=no_change()"]
"""


class Hours:
    """A clock that shows what has been waited for, and nobody who stops."""

    def __init__(self, look_s: float = 0.0) -> None:
        self.now_s = 0.0
        self.waits = 0
        self._look_s = look_s

    def seconds(self) -> float:
        self.now_s += self._look_s
        return self.now_s

    def asked(self) -> bool:
        return False

    def wait(self, seconds: float) -> None:
        assert seconds > 0
        self.waits += 1
        self.now_s += seconds


def produced(log: MemoryLog, count: int, seed: int = 0) -> Production:
    production = Production(log, "requests", "labels", seed)
    hours = Hours(0.1)
    production.run(hours, hours, 1_000.0, count)
    return production


def rows(log: MemoryLog, topic: str, partition: int = 0) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    offset, end = 0, log.end(topic, partition)
    while offset < end:
        records, offset = log.read(topic, partition, offset)
        found += [json.loads(record.value) for record in records]
    return found


def test_payments_are_those_of_the_demo_and_only_frauds_are_reported_when_their_time_has_come() -> None:
    log = MemoryLog()
    produced(log, 2_000)
    payments, reports = rows(log, "requests"), rows(log, "labels")
    demo = [row for row, _ in zip(CardPayments(0).rows(), range(2_000), strict=False)]
    assert [(each["id"], each["at"], f"{each['amount']:.2f}") for each in payments] == [
        (row[0], row[1], row[6]) for row in demo
    ]
    known = {row[0]: row[10] for row in demo if row[10] and row[10] <= demo[-1][1]}
    assert {each["id"]: each["reported_at"] for each in reports} == known
    assert [each["reported_at"] for each in reports] == sorted(known.values())
    assert all(each["fraud"] == 1 for each in reports)


def test_who_starts_again_goes_on_where_the_last_one_was() -> None:
    whole, parts = MemoryLog(), MemoryLog()
    produced(whole, 1_500)
    for first, count in ((0, 700), (700, 1), (701, 799)):
        assert produced(parts, count).first == first
    for topic in ("requests", "labels"):
        assert rows(parts, topic) == rows(whole, topic)


def test_reports_that_a_killed_one_left_out_are_appended_by_the_next() -> None:
    whole, torn = MemoryLog(), MemoryLog()
    produced(whole, 1_501)
    produced(torn, 1_500)
    shortened = MemoryLog()
    for topic, left_out in (("requests", 0), ("labels", 3)):
        shortened.create_topic(topic, 1)
        values = [Entry(None, json.dumps(row).encode()) for row in rows(torn, topic)]
        shortened.append(topic, 0, values[: len(values) - left_out])
    produced(shortened, 1)
    assert rows(shortened, "labels") == rows(whole, "labels")


def test_a_card_keeps_to_one_partition_and_nothing_is_left_out() -> None:
    log = MemoryLog()
    log.create_topic("requests", 3)
    produced(log, 600)
    produced(log, 300)
    by_partition = [rows(log, "requests", number) for number in range(3)]
    cards = [{each["card"] for each in payments} for payments in by_partition]
    assert not cards[0] & cards[1] | cards[0] & cards[2] | cards[1] & cards[2]
    assert sorted(int(each["id"][1:]) for payments in by_partition for each in payments) == list(range(900))


def test_something_else_on_a_topic_is_no_payment() -> None:
    log = MemoryLog()
    produced(log, 10)
    log.append("requests", 0, [Entry(None, b"not JSON"), Entry(None, b'{"id": "e900"}'), Entry(None, b'{"id": "p"}')])
    assert Production(log, "requests", "labels", 0).first == 10


def test_payments_come_at_the_rate_and_who_has_fallen_behind_catches_up_in_steps() -> None:
    log = MemoryLog()
    steady = Hours()
    Production(log, "requests", "labels", 0).run(steady, steady, 4.0, 21)
    assert (steady.now_s, steady.waits) == (5.0, 20)
    sizes = []

    class Counting(MemoryLog):
        def append(self, topic: str, partition: int, entries: Any) -> int:
            sizes.append((topic, len(entries)))
            return super().append(topic, partition, entries)

    behind = Hours(10.0)
    Production(Counting(), "requests", "labels", 0).run(behind, behind, 200.0, 1_200)
    assert [size for topic, size in sizes if topic == "requests"] == [BATCH_COUNT_MAX, BATCH_COUNT_MAX, 200]


def test_payments_go_on_after_the_demo_has_ended() -> None:
    *_, last = CardPayments(0).rows(PAYMENT_COUNT + 10)
    assert last[0] == f"p{PAYMENT_COUNT + 9}"


def test_a_worker_answers_what_is_produced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "pipeline.toml"
    config.write_text(f'{SETTINGS}[log]\ndir = "{tmp_path / "state"}"\ndurability = "process"\n')
    for first in (0, 1_500):
        said = Said(capsys, "produce", "--config", config, "--rate", 100_000, "--count", 1_500)
        assert said.code == 0, said.err
        assert f"payments from p{first} on onto 'requests', 100000 a second" in said.err
        assert "appended 1,500 payments, and" in said.err
        assert Said(capsys, "run", "--config", config, "--once").code == 0
    audited = Said(capsys, "audit", tmp_path / "state", "--json")
    assert audited.code == 0, audited.out
    counts = json.loads(audited.out)["counts"]
    assert counts["requests"] == 3_000
    assert counts["requests labelled"] > 0
    assert counts["requests negative by policy"] > 0
    assert counts["labels dead"] == counts["requests dead"] == counts["requests duplicates"] == 0

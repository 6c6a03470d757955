"""The poison corpus through the worker: each bad record has one dead letter, the next good one its answer."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from streams.audit import Auditor
from streams.commands import CommandRecord, Verb
from streams.commands import encode as encode_command
from streams.ports import RAW_BYTES_MAX
from tests.pasts import MINUTE, START_MS, Past
from tests.streams.test_poison import JSON_POISON

Bad = dict[str, tuple[bytes, str, str]]

READ: Bad = {name: (data.rstrip(b"\n"), "read", reason) for name, (data, reason) in JSON_POISON.items()}
"""Bytes that are no record, whatever topic they stand on."""


def request(**changes: object) -> bytes:
    return json.dumps({"id": "bad", "ts": START_MS, "a": 1, "b": 2, "c": "x"} | changes).encode()


def label(**changes: object) -> bytes:
    return json.dumps({"id": "good 0", "y": 1, "at": START_MS} | changes).encode()


def command(**changes: object) -> bytes:
    data = {"verb": "bench", "contender": "steady", "by": "ann", "at_ms": START_MS, "reason": ""}
    return json.dumps(data | changes).encode()


BAD: dict[str, Bad] = {
    "requests": READ
    | {
        "no fields": (b"{}", "decode", "missing_id"),
        "a blank id": (request(id=" "), "decode", "missing_id"),
        "a list as id": (request(id=["bad"]), "decode", "bad_id"),
        "an endless id": (request(id="x" * 600), "decode", "bad_id"),
        "no time": (request(ts=None), "decode", "missing_time"),
        "a word as time": (request(ts="soon"), "decode", "bad_time"),
        "an endless time": (request(ts=10**300), "decode", "bad_time"),
        "a word as number": (request(a="much"), "schema", "not_a_number"),
        "a list as number": (request(a=[1]), "schema", "wrong_type"),
        "infinity as text": (request(a="1e999"), "schema", "not_finite"),
        "NaN as text": (request(a="NaN"), "schema", "not_finite"),
        "an endless number": (request(c=10**300), "schema", "text_too_long"),
        "an endless word": (request(c="x" * 200_000), "schema", "text_too_long"),
    },
    "labels": READ
    | {
        "no fields": (b"{}", "decode", "missing_id"),
        "an object as id": (label(id={}), "decode", "missing_id"),
        "no target": (label(y=None), "decode", "missing_target"),
        "no time": (label(at=""), "decode", "missing_target"),
        "a word as time": (label(at="soon"), "decode", "bad_label_time"),
        "a list as target": (label(y=[1]), "label", "bad_class"),
        "half a class": (label(y=0.5), "label", "bad_class"),
        "a third class": (label(y="maybe"), "label", "unknown_class"),
        "a number that is no class": (label(y=10**30), "label", "unknown_class"),
        "an endless number": (label(y=10**300), "label", "bad_class"),
        "an endless word": (label(y="x" * 300), "label", "bad_class"),
    },
    "commands": READ
    | {
        "no fields": (b"{}", "decode", "bad_command"),
        "one field more": (command(more=1), "decode", "bad_command"),
        "another verb": (command(verb="stop"), "decode", "bad_command"),
        "a worker's verb": (command(verb="start", contender=None), "decode", "bad_command"),
        "a list as contender": (command(contender=["steady"]), "decode", "bad_command"),
        "what moves a cursor": (command(reason="\x1b[2J"), "decode", "bad_command"),
        "100 kB": (command(reason="x" * 100_000), "decode", "bad_command"),
        "a command before 2 MB of blanks": (command() + b" " * 2_000_000, "read", "too_large"),
    },
}


def interleaved(past: Past, topic: str, good: list[bytes], bad: Bad) -> dict[int, tuple[bytes, str, str]]:
    """Append each bad record between two good ones; return the bad by their offsets."""
    with past.log() as log:
        begin = log.end(topic, 0)
    records = [good[0]]
    for after, (data, _, _) in zip(good[1:], bad.values(), strict=True):
        records += [data, after]
    past.append(topic, *records)
    return {begin + 2 * number + 1: each for number, each in enumerate(bad.values())}


def check_letter(letter: dict[str, Any], data: bytes) -> None:
    shown = b64decode(letter["base64"]) if "base64" in letter else letter["text"].encode()
    assert letter["length"] == len(data)
    assert letter["sha256"] == sha256(data).hexdigest()
    assert letter["truncated"] is (len(data) > RAW_BYTES_MAX)
    assert data[:RAW_BYTES_MAX].startswith(shown)
    assert len(shown) == min(len(data), RAW_BYTES_MAX)
    assert len(letter["detail"]) < 400


def test_each_bad_record_costs_itself_alone_on_every_topic(tmp_path: Path) -> None:
    past = Past(tmp_path / "state", {"labels": {"policy": "wait"}})
    past.append("requests", request(id="first"))
    past.append("labels", label(id="first"), label(id="first", y=0))
    past.live()
    counts = {topic: len(bad) + 1 for topic, bad in BAD.items()}
    sent = {
        "requests": [request(id=f"good {n}", ts=START_MS + n) for n in range(counts["requests"])],
        "labels": [label(id=f"good {n}", y=n % 2, at=START_MS + MINUTE) for n in range(counts["labels"])],
        "commands": [
            encode_command(CommandRecord(verb, "steady", "ann", START_MS, ""))
            for verb in [Verb.BENCH, Verb.RESTORE] * counts["commands"]
        ][: counts["commands"]],
    }
    placed = {f"{topic}/0": interleaved(past, topic, good, BAD[topic]) for topic, good in sent.items()}
    past.live()
    letters = past.lines("dead_letters")
    found = {(letter["source"], letter["row"]): letter for letter in letters}
    assert len(found) == len(letters) == sum(map(len, BAD.values()))
    for source, bad in placed.items():
        for offset, (data, stage, reason) in bad.items():
            letter = found[source, offset]
            assert (letter["stage"], letter["reason"]) == (stage, reason), data[:80]
            assert letter["kind"] == source.split("s/")[0]
            check_letter(letter, data)
    assert [line["id"] for line in past.lines("predictions")] == ["first"] + [
        f"good {n}" for n in range(counts["requests"])
    ]
    learned = [end["id"] for end in past.lines("ends") if end["end"] == "learned"]
    assert sorted(learned) == sorted(["first", *(f"good {n}" for n in range(counts["labels"]))])
    done = [line for line in past.lines("alarms") if line["event"] == "command"]
    assert [line["refused"] for line in done] == [None] * counts["commands"]
    with past.ground() as ground:
        before = Auditor(ground).run()
    assert before.findings == []
    assert before.counts["records not taken yet"] == 0
    assert before.counts["requests dead"] == len(BAD["requests"])
    assert before.counts["labels dead"] == len(BAD["labels"])
    with past.log() as log:
        ends = {info.name: info for info in log.topics() if info.name != "audit"}
    past.live()
    with past.log() as log:
        assert {info.name: info for info in log.topics() if info.name != "audit"} == ends


def test_the_first_records_of_all_may_be_bad(tmp_path: Path) -> None:
    past = Past(tmp_path / "state")
    past.append("requests", *(data for data, _, _ in READ.values()), request(id="good"))
    past.live()
    assert [line["id"] for line in past.lines("predictions")] == ["good"]
    assert len(past.lines("dead_letters")) == len(READ)


@pytest.mark.parametrize("in_record", [True, False])
def test_a_class_that_no_line_could_hold_costs_its_label_alone(tmp_path: Path, in_record: bool) -> None:
    source = {"source": "record", "time": None, "policy": "wait"} if in_record else {"policy": "wait"}
    changes = {
        "input": {"task": "multiclass", "positive": None},
        "labels": source,
        "contenders": {"champion": "bayes=river.naive_bayes.GaussianNB()", "challengers": []},
    }
    past = Past(tmp_path / "state", changes)
    targets = [0, 1, 2**63, 10**30, -(10**200), "1e30", True, "\0", "x" * 1_000, 2]
    for number, target in enumerate(targets):
        truth = {"y": target} if in_record else {}
        past.append("requests", request(id=number, ts=START_MS + number, **truth))
        if not in_record:
            past.append("labels", label(id=number, y=target))
    past.live()
    assert [line["id"] for line in past.lines("predictions")] == [str(number) for number in range(len(targets))]
    ended = len(past.lines("ends")) + len(past.lines("dead_letters"))
    assert ended == len(targets)
    with past.ground() as ground:
        assert Auditor(ground).run().findings == []


def test_a_new_category_and_a_new_name_with_every_event_are_bounded_and_counted(tmp_path: Path) -> None:
    past = Past(tmp_path / "state", {"contenders": {"champion": "majority()", "challengers": []}})
    count = 300
    past.append("requests", request(id="first", c=None))
    past.live()
    past.append("requests", *(request(id=n, ts=START_MS + n, c=f"v{n}", **{f"f{n}": n}) for n in range(count)))
    past.live()
    assert len(past.lines("predictions")) == count + 1
    with past.ground() as ground:
        engine = ground.recovery().recover().replica.engine
    counters = engine.summary().data["features"]
    assert counters == {"unknown_columns": count, "categories_over_bound": count - 4}
    assert len(engine.scorer.features.snapshot()["admission"][0]) == 5  # type: ignore[index]

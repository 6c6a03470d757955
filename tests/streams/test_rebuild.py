"""`rebuild`: every past decision comes out again, bit for bit, whatever happened around it; what was altered shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from engine.errors import SnapshotError
from engine.messages import Answer
from engine.models.majority import Majority
from streams.audit import Auditor
from streams.commands import Verb
from streams.fork import fork
from streams.history import rebuild
from streams.log_port import Entry, LogError
from tests.pasts import BINARY, JOURNAL, MINUTE, START_MS, Past, Stream
from tests.said import Said

STORIES: dict[str, tuple[dict[str, dict[str, Any]], dict[str, Any], int]] = {
    "labels on a topic": ({}, {}, 1),
    "three partitions of requests": ({"run": {"slice": 1_000, "checkpoint_every": 1_000}}, {}, 3),
    "labels in the record": ({"labels": {"source": "record", "time": None}}, {"in_record": True}, 2),
    "events without names, labels in the record": (
        {
            "input": {"id": None},
            "labels": {"source": "record", "time": None, "policy": "wait"},
            "limits": {"tape_count_max": 1},
        },
        {"in_record": True, "named": False},
        1,
    ),
    "late labels are learned, little is remembered": (
        {
            "labels": {"on_late": "relearn", "policy": "negative_after(1h)"},
            "limits": {"tape_count_max": 2, "dedup_count_max": 5, "pending_count_max": 6, "held_count_max": 2},
            "run": {"slice": 1, "checkpoint_every": 3},
        },
        {},
        2,
    ),
    "several classes": (
        {
            "input": {"task": "multiclass", "positive": None},
            "contenders": {
                "champion": "linear=river.multiclass.OneVsRestClassifier(river.linear_model.LogisticRegression())",
                "challengers": [
                    "bayes=river.naive_bayes.GaussianNB()",
                    'steady=rules("a > 0.5 -> 1; otherwise 0")',
                ],
            },
        },
        {},
        1,
    ),
}


def story(tmp_path: Path, name: str) -> Past:
    """Live through a story: the champion is replaced, benched, and breaks; a worker is started again and again."""
    changes, kind, partition_count = STORIES[name]
    past = Past(tmp_path / "state", changes, partition_count=partition_count)
    stream = Stream(7, **kind)
    stream.send(past, 40)
    past.live()
    for verb, contender in [
        (Verb.PROMOTE, "bayes"),
        (Verb.BENCH, "bayes"),
        (Verb.RESTORE, "bayes"),
        (Verb.BENCH, "linear"),
        (Verb.BENCH, "steady"),
        (Verb.BENCH, "bayes"),
        (Verb.RESTORE, "linear"),
    ]:
        past.command(verb, contender)
        stream.send(past, 12)
        past.live()
    return past


def score_in(written: dict[str, Any]) -> object:
    return written["probabilities"] if "probabilities" in written else written["probability"]


def score_of(answer: Answer | None) -> object:
    if answer is None or not isinstance(answer[1], dict):
        return None if answer is None else answer[1]
    return {str(name): share for name, share in answer[1].items()}


@pytest.mark.parametrize("name", STORIES)
def test_every_answer_comes_out_again_with_its_features_shadows_and_labels(tmp_path: Path, name: str) -> None:
    past = story(tmp_path, name)
    first: dict[str, dict[str, Any]] = {}
    for line in sorted(past.answers(), key=lambda line: line["index"]):
        first.setdefault(str(line["id"]), line)
    shadow = {(line["index"], line["model"]): line for line in past.lines("shadow")}
    ends = past.lines("ends")
    rungs = set()
    with past.ground() as ground:
        for event_id, line in first.items():
            found = rebuild(ground, event_id)
            assert found.is_equal, event_id
            assert json.loads(found.committed) == line
            assert found.features["b"] in {0.0, 1.0, 2.0, 3.0}
            for each in found.contenders:
                written = line if each.name == line["model"] else shadow.get((line["index"], each.name))
                assert (each.benched is None) == (each.answer is not None), each
                assert (None if written is None else score_in(written)) == score_of(each.answer), each
            assert [end for end in found.ends if end["index"] is not None] == [
                end for end in ends if end["index"] == line["index"]
            ]
            rungs.add(line.get("rung"))
    assert len(first) > 40
    assert {None, "challenger", "understudy"} <= rungs


def test_a_champion_that_breaks_on_the_very_request_is_shown_and_so_is_who_answered(tmp_path: Path) -> None:
    wild = "linear=river.linear_model.LogisticRegression(river.optim.SGD(1e308))"
    past = Past(tmp_path / "state", {"contenders": {**BINARY["contenders"], "champion": wild}})
    for number in range(6):
        time_ms = START_MS + number * MINUTE
        past.append("requests", {"id": f"e{number}", "ts": time_ms, "a": 1.5 - number, "b": 5 * number, "c": "x"})
        past.append("labels", {"id": f"e{number}", "y": number % 2, "at": time_ms + 1})
    past.live()
    broke = next(line for line in past.lines("predictions") if "rung" in line)
    with past.ground() as ground:
        found = rebuild(ground, broke["id"])
    assert found.is_equal
    then = {each.name: each for each in found.contenders}
    assert then["linear"].role == "champion"
    assert then["linear"].answer is None
    assert then["linear"].benched is not None
    assert broke["model"] == "bayes"
    assert then["bayes"].answer is not None
    assert then["bayes"].answer[1] == broke["probability"]


def test_features_are_what_the_models_saw_beyond_the_bound_on_categories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    past = Past(tmp_path / "state", {"contenders": {"champion": "majority()", "challengers": []}})
    for number in range(12):
        past.append("requests", {"id": number, "ts": START_MS, "a": number, "b": None, "c": f"v{number}"})
    past.live()
    seen: list[dict[str, Any]] = []
    answer = Majority.predict

    def watched(self: Majority, x: Any) -> Any:
        seen.append(dict(x))
        return answer(self, x)

    with past.ground() as ground:
        for number in range(12):
            seen.clear()
            monkeypatch.setattr(Majority, "predict", watched)
            found = rebuild(ground, str(number))
            monkeypatch.undo()
            assert found.features in seen
            assert found.features["c"] == (f"v{number}" if number < 4 else "(other)")
            assert "b" not in found.features


def test_checkpoints_that_cannot_be_used_only_cost_time(tmp_path: Path) -> None:
    past = story(tmp_path, "labels on a topic")
    event_id = past.answers()[-1]["id"]
    for manifest in (past.directory / "checkpoints").glob("*/manifest.json"):
        manifest.write_bytes(b"{}")
    with past.ground() as ground:
        assert rebuild(ground, event_id).is_equal


def short(tmp_path: Path) -> Past:
    past = Past(tmp_path / "state")
    past.append("requests", *({"id": f"e{n}", "ts": START_MS + n, "a": n, "b": n, "c": "x"} for n in range(6)), b"{")
    past.append("requests", {"id": "bad", "ts": START_MS, "a": "much", "b": 1, "c": "x"})
    past.append("labels", {"id": "e0", "y": 1, "at": START_MS + 9}, {"id": "e1", "y": 0, "at": START_MS + 9})
    past.live()
    return past


def changed(number: int, change: Callable[[bytes], bytes]) -> Callable[[list[Entry]], list[Entry]]:
    def altered(entries: list[Entry]) -> list[Entry]:
        entry = entries[number]
        made = entry._replace(value=change(entry.value))
        assert made != entry
        return [*entries[:number], made, *entries[number + 1 :]]

    return altered


@pytest.mark.parametrize(
    ("edit", "code", "says"),
    [
        ((b'"probability":', b'"probability":1e-9,"was":'), 1, "NOT THE SAME"),
        ((b'"index":3', b'"index":2'), 1, "NOT THE SAME"),
        ((b'"index":3', b'"index":6'), 3, "names request 6, which had none"),
        ((b'"index":3', b'"index":600'), 3, "names request 600, which had none"),
        ((b'"index":3', b'"index":-3'), 3, "a line on predictions/0 is none that a worker writes"),
        ((b'"index":3', b'"index":"3"'), 3, "a line on predictions/0 is none that a worker writes"),
        ((b'"index":3', b'"index":null'), 3, "was taken from requests/0 at 3, and no answer to it is on topic"),
        ((b'"index":3,', b""), 3, "a line on predictions/0 is none that a worker writes"),
        ((b'{"index"', b'["index"'), 3, "a line on predictions/0 is none that a worker writes"),
        ((b'"id":"e3"', b'"id":"x3"'), 3, "was taken from requests/0 at 3, and no answer to it is on topic"),
        ((b'"model":"linear"', b'"model":"bayes"'), 1, "NOT THE SAME"),
    ],
)
def test_an_altered_answer_is_told_and_never_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], edit: tuple[bytes, bytes], code: int, says: str
) -> None:
    past = short(tmp_path)
    past.alter("predictions", changed(3, lambda value: value.replace(*edit)))
    said = Said(capsys, "rebuild", "e3", "--log", past.directory)
    assert said.code == code
    assert says in said.out + said.err
    assert "Traceback" not in said.err
    assert Said(capsys, "rebuild", "e3", "--log", past.directory, "--json").code == code


def alterations(record: bytes) -> list[bytes]:
    """Return journal records as no worker wrote them: every field of another kind, and half of it."""

    def compact(data: dict[str, Any]) -> bytes:
        return json.dumps(data, separators=(",", ":")).encode()

    found = json.loads(record)
    other: list[object] = [None, -1, 10**9, "x", "\ud800", [[0, 0]], [[9, 0, 1, 1]], {}, float("nan")]
    made = [b"", b"{", b"[]", b"null", record[:-9], b"[" * 100_000, record + b" "]
    for name in found:
        made += [compact({**found, name: value}) for value in other]
        made.append(compact({key: value for key, value in found.items() if key != name}))
    start = found.get("start", {})
    for name in start:
        made += [compact({**found, "start": {**start, name: value}}) for value in other]
        made.append(compact({**found, "start": {key: value for key, value in start.items() if key != name}}))
    return made


@pytest.mark.parametrize("number", [0, 1])
def test_an_altered_journal_is_told_and_never_a_traceback(tmp_path: Path, number: int) -> None:
    past = short(tmp_path)
    held: list[Entry] = []
    past.alter(JOURNAL, lambda entries: held.extend(entries) or entries)
    for value in alterations(held[number].value):
        past.alter(JOURNAL, lambda _, value=value: changed(number, lambda _: value)(held))
        for verb in (lambda ground: rebuild(ground, "e3"), lambda ground: fork(ground, 2, ("no_change()",))):
            with suppress(LogError, SnapshotError), past.ground() as ground:
                verb(ground)
        with suppress(LogError, SnapshotError), past.ground() as ground:
            assert Auditor(ground).run().findings, value


@pytest.mark.parametrize(
    ("event_id", "says"),
    [
        ("e9", "no answer to event 'e9' is on topic 'predictions'; check the id (`sidestream peek predictions`"),
        ("bad", "event 'bad' was never answered: requests/0 at 7 is a dead letter (not_a_number)"),
        ("new", "event 'new' is not answered yet: it stands in requests/0 at 8; start a worker"),
    ],
)
def test_an_event_without_an_answer_is_told_why_there_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], event_id: str, says: str
) -> None:
    past = short(tmp_path)
    past.append("requests", {"id": "new", "ts": START_MS, "a": 1, "b": 1, "c": "x"})
    said = Said(capsys, "rebuild", event_id, "--log", past.directory)
    assert (said.code, said.out) == (2, "")
    assert says in said.err
    assert said.err.count("\n") == 1


def test_a_log_on_which_nobody_ran_and_no_log_at_all_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Past(tmp_path / "state")
    said = Said(capsys, "rebuild", "e1", "--log", tmp_path / "state")
    assert (said.code, said.err.count("\n")) == (2, 1)
    assert "no worker has run on" in said.err
    assert Said(capsys, "rebuild", "e1", "--log", tmp_path / "nowhere").code == 4
    assert Said(capsys, "rebuild", "e1").code == 2


def test_of_an_event_answered_again_long_after_the_first_answer_is_meant_and_its_own_ends(tmp_path: Path) -> None:
    past = Past(tmp_path / "state", {"limits": {"dedup_count_max": 0}}, partition_count=2)
    event = {"id": "e", "ts": START_MS, "a": 1, "b": 1, "c": "x"}
    past.append("requests", event, partition=1)
    past.live()
    past.append("labels", {"id": "e", "y": 1, "at": START_MS})
    past.live()
    past.append("requests", {**event, "ts": START_MS + MINUTE, "a": 2}, partition=0)
    past.live()
    past.append("labels", {"id": "e", "y": 0, "at": START_MS + MINUTE})
    past.live()
    assert [line["index"] for line in past.answers()] == [1, 0]
    with past.ground() as ground:
        found = rebuild(ground, "e")
    assert found.is_equal
    assert found.features["a"] == 1.0
    assert [end["target"] for end in found.ends] == [1]

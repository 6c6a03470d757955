"""The pipeline of a worker: inferred once, from a sample or from declarations, and the same at every later start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import Engine
from engine.errors import ConfigError, SnapshotError
from engine.messages import Label, Request
from engine.schema import Column, Kind
from engine.targets import Task
from streams.codec import RecordCodec, read_id, read_label
from streams.codec_port import JSON, read_record
from streams.log_port import Entry
from streams.memory_log import MemoryLog
from streams.pipeline import Pipeline, infer_pipeline, resolved_pipeline, sample
from streams.settings import Settings, load_settings
from tests.payments import payments, typed, write_csv

LABEL_FIELDS = ("id", "fraud", "label_ts")

Given = dict[str, dict[str, object]]


def settings_of(**sections: dict[str, object]) -> Settings:
    """Return the settings of a worker on payments, with what a test adds."""
    base: Given = {
        "input": {"target": "fraud", "id": "id", "time": "ts"},
        "labels": {"time": "label_ts", "policy": "wait(30d)"},
        "log": {"dir": "state"},
    }
    return load_settings(None, {name: {**base.get(name, {}), **sections.get(name, {})} for name in base | sections}, {})


def log_of(rows: list[dict[str, str]], partition_count: int = 1) -> MemoryLog:
    """Return a log with the requests and the labels of payments, the requests dealt to the partitions."""
    log = MemoryLog()
    log.create_topic("requests", partition_count)
    log.create_topic("labels", 1)
    for number, row in enumerate(rows):
        fields = typed(row)
        request = {name: value for name, value in fields.items() if name not in {"fraud", "label_ts"}}
        log.append("requests", number % partition_count, [Entry(None, json.dumps(request).encode())])
        log.append("labels", 0, [Entry(None, json.dumps({name: fields[name] for name in LABEL_FIELDS}).encode())])
    return log


def inferred(settings: Settings, log: MemoryLog | None) -> Pipeline:
    return infer_pipeline(settings, *sample(settings, log))


def through_json(data: Mapping[str, Any], *, sort_keys: bool = False) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(json.dumps(data, sort_keys=sort_keys))
    return read


def test_a_log_of_requests_and_labels_tells_task_classes_and_columns() -> None:
    rows = payments(300)
    pipeline = inferred(settings_of(), log_of(rows))
    plan = pipeline.plan
    assert (plan.task, plan.classes, plan.positive) == (Task.BINARY, (0, 1), 1)
    assert plan.schema is not None
    assert [(c.name, c.kind) for c in plan.schema.columns] == [
        ("ts", Kind.NUMERIC),
        ("amount", Kind.NUMERIC),
        ("age", Kind.NUMERIC),
        ("country", Kind.CATEGORY),
        ("note", Kind.TEXT),
    ]
    assert plan.labels.delayed
    assert list(plan.challengers) == ["naive_bayes", "hoeffding_tree"]
    assert pipeline.notices[0] == "task: binary, inferred from the first 300 labels"
    assert pipeline.notices[1].startswith("positive class: 1 (the rarer; ")


def test_what_is_on_the_topics_can_be_answered_and_learned() -> None:
    """The columns read requests and labels of the log into messages that an engine of the plan takes."""
    log = log_of(payments(60))
    pipeline = inferred(settings_of(), log)
    engine = Engine(pipeline.plan)
    codec = RecordCodec(pipeline.request_columns, engine.scorer.targets)
    columns = pipeline.label_columns
    assert columns is not None
    messages: list[Request | Label] = []
    for number, entry in enumerate(log.read("requests", 0, 0).records):
        request, beside = codec.decode(read_record(JSON, "requests", number, entry.value, 1_000), number)
        assert isinstance(request, Request)
        assert beside is None
        messages.append(request)
    for number, entry in enumerate(log.read("labels", 0, 0).records):
        values = read_record(JSON, "labels", number, entry.value, 1_000).values
        assert values is not None
        label = read_label(values, read_id(values, "id"), columns)
        if isinstance(label, Label):
            messages.append(label)
    out = engine.process(messages)
    assert len(out.predictions) == 60
    assert not out.dead_letters
    assert [end.end for end in out.label_ends].count("learned") > 30


def test_partitions_are_sampled_in_turn() -> None:
    """A thousand records of five partitions are two hundred of each, in the order in which each begins."""
    rows = [dict(row, id=f"p{number}") for number, row in enumerate(payments(1_500))]
    found, targets = sample(settings_of(), log_of(rows, 5))
    assert [row["id"] for row in found] == [f"p{number}" for number in range(1_000)]
    assert len(targets) == 1_000


def test_what_cannot_be_read_is_passed_over_and_a_topic_that_is_not_there_is_empty() -> None:
    log = MemoryLog()
    log.create_topic("requests", 1)
    log.append("requests", 0, [Entry(None, b"{"), Entry(None, b'{"id":1,"a":' + b" " * 2_000_000 + b"2}")])
    log.append("requests", 0, [Entry(None, b'{"id":2,"a":3}')])
    assert sample(settings_of(), log) == ([{"id": 2, "a": 3}], [])
    assert sample(settings_of(), None) == ([], [])


def test_a_trimmed_log_is_sampled_from_where_it_begins() -> None:
    log = log_of(payments(20))
    log.trim("requests", 0, 15)
    found, _ = sample(settings_of(), log)
    assert len(found) == 5


def test_files_named_as_a_sample_are_looked_at_in_place_of_the_log(tmp_path: Path) -> None:
    """The truth stands beside its request there, and so does its label time, which is no feature and not missed."""
    path = write_csv(tmp_path / "payments.csv", payments(200))
    settings = settings_of(input={"paths": str(path)})
    pipeline = inferred(settings, None)
    schema = pipeline.plan.schema
    assert schema is not None
    assert [column.name for column in schema.columns] == ["ts", "amount", "age", "country", "note"]
    assert pipeline.plan.classes == (0, 1)
    assert pipeline.label_columns is not None
    assert not pipeline.request_columns.labels_in_record


def test_a_label_time_that_has_the_name_of_the_event_time_takes_no_feature_away() -> None:
    settings = settings_of(labels={"time": "ts", "source": "topic"})
    pipeline = inferred(settings, log_of(payments(50)))
    assert pipeline.plan.schema is not None
    assert pipeline.plan.schema.columns[0] == Column("ts", Kind.NUMERIC, required=True)


def test_a_declared_feature_may_have_the_name_of_the_label_time() -> None:
    settings = settings_of(labels={"source": "topic"}, schema={"columns": {"label_ts": "numeric"}})
    pipeline = inferred(settings, log_of(payments(50)))
    assert pipeline.plan.schema is not None
    assert Column("label_ts", Kind.NUMERIC) in pipeline.plan.schema.columns
    assert "label_ts" not in pipeline.request_columns.hidden


def test_a_sample_without_truth_takes_the_targets_of_the_log(tmp_path: Path) -> None:
    rows = payments(100)
    path = write_csv(tmp_path / "requests.csv", [{k: v for k, v in row.items() if k != "fraud"} for row in rows])
    settings = settings_of(input={"paths": str(path)})
    assert inferred(settings, log_of(rows)).plan.classes == (0, 1)


def test_each_request_may_bring_its_label() -> None:
    log = MemoryLog()
    log.create_topic("requests", 1)
    log.append("requests", 0, [Entry(None, json.dumps({"x": n, "y": n % 3 == 0}).encode()) for n in range(60)])
    flags: Given = {"input": {"target": "y"}, "labels": {"source": "record"}, "log": {"dir": "state"}}
    pipeline = inferred(load_settings(None, flags, {}), log)
    assert pipeline.label_columns is None
    assert pipeline.request_columns.labels_in_record
    assert not pipeline.plan.labels.delayed
    assert pipeline.plan.classes == (False, True)


DECLARED: Given = {"input": {"task": "binary", "positive": True}, "schema": {"columns": {"amount": "numeric"}}}


def test_where_everything_is_declared_nothing_is_sampled() -> None:
    pipeline = inferred(settings_of(**DECLARED), None)
    assert pipeline.plan.classes == (False, True)
    assert pipeline.plan.schema is not None
    assert pipeline.plan.schema.columns == (Column("amount", Kind.NUMERIC),)
    assert pipeline.plan.challengers["hoeffding_tree"] == "hoeffding_tree()"
    assert pipeline.notices == (
        "positive class: True (as asked), not False",
        "columns: those that [schema] declares, for there was no request to look at",
    )


@pytest.mark.parametrize(
    ("positive", "classes"), [(1, (0, 1)), (0, (1, 0)), (True, (False, True)), (False, (True, False))]
)
def test_a_declared_class_of_a_pair_tells_the_other(positive: object, classes: tuple[object, ...]) -> None:
    declared = {**DECLARED, "input": {"task": "binary", "positive": positive}}
    found = inferred(settings_of(**declared), None).plan.classes
    assert [(type(name), name) for name in found] == [(type(name), name) for name in classes]


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_other_tasks_need_no_class_and_learn_them_as_they_come(task: str) -> None:
    pipeline = inferred(settings_of(**{**DECLARED, "input": {"task": task}}), None)
    engine = Engine(pipeline.plan)
    names = [1.5, 2.5, 3.5] if task == "regression" else ["a", "b", "c"]
    for number in range(30):
        request = Request(str(number), {"amount": float(number)}, number)
        out = engine.process([request, Label(str(number), names[number % 3], number)])
        assert len(out.predictions) == 1
        assert not out.dead_letters
    assert pipeline.plan.classes == ()


ASKED_ROWS = (
    "[schema] columns is empty, and there is no request to infer the columns from: declare them, append records to "
    "topic 'requests' first, or name a sample under [input] paths"
)
OTHERWISE = "append labels to topic 'labels' first, or name a sample that holds them under [input] paths"
WHY = "there is no value of 'fraud' to infer it from"


@pytest.mark.parametrize(
    ("sections", "told"),
    [
        ({"schema": {}}, [ASKED_ROWS]),
        ({"input": {}}, [f"[input] task is missing, and {WHY}: declare it, {OTHERWISE}"]),
        (
            {"input": {"task": "binary"}},
            [f"[input] positive is missing, and {WHY}: declare true, false, 1 or 0, {OTHERWISE}"],
        ),
        (
            {"input": {"task": "binary", "positive": "fraud"}},
            [
                f"[input] positive is 'fraud', which does not tell the other class, and {WHY}: declare true, false, 1 "
                f"or 0, {OTHERWISE}"
            ],
        ),
        (
            {"input": {}, "schema": {}},
            [
                "2 settings cannot be used:",
                f"- {ASKED_ROWS}",
                f"- [input] task is missing, and {WHY}: declare it, {OTHERWISE}",
            ],
        ),
    ],
)
def test_what_must_be_declared_where_nothing_shows_it_is_told(sections: Given, told: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        inferred(settings_of(**{**DECLARED, **sections}), None)
    assert str(refused.value).splitlines() == told


def test_a_column_that_no_sampled_request_has_is_refused_with_the_one_that_was_meant() -> None:
    log = log_of(payments(20))
    with pytest.raises(ConfigError, match="topic 'requests' has no column 'countri'; did you mean 'country'"):
        inferred(settings_of(input={"drop": "countri"}), log)
    with pytest.raises(ConfigError, match="topic 'requests' has no column 'fraud'"):
        inferred(settings_of(labels={"source": "record", "time": None}), log)


def test_remedies_are_lines_of_the_file_for_a_worker_has_no_flags() -> None:
    rows = [dict(row, order=f"o{number}") for number, row in enumerate(payments(200))]
    notices = inferred(settings_of(labels={"policy": "wait"}), log_of(rows)).notices
    assert any("say [input] id = 'order', if not [input] drop = 'order'" in notice for notice in notices)
    assert any(notice.endswith("give one, such as [labels] policy = 'wait(30d)'") for notice in notices)
    assert not any("--" in notice for notice in notices)


def test_a_worker_starts_on_no_settings_that_it_cannot_use() -> None:
    flags = {"output": {"dir": "out"}}
    for start in (
        lambda settings: sample(settings, None),
        lambda settings: infer_pipeline(settings, [], []),
        lambda settings: resolved_pipeline(settings, {}),
    ):
        with pytest.raises(ConfigError, match=r"\[output\] dir is for replay"):
            start(settings_of(**flags))


VARIANTS: list[Given] = [
    {},
    {"input": {"task": "multiclass"}},
    {"input": {"target": "age", "task": "regression"}, "detectors": {"specs": "none"}},
    {"contenders": {"champion": "first=majority()", "challengers": {"z": "no_change()", "a": "majority()"}}},
    {"contenders": {"challengers": ["majority()", "majority()"]}, "decision": {"threshold": 0.3}},
    {"schema": {"columns": {"age": "category", "later": "text"}, "unknown": "refuse"}, "input": {"key": "country"}},
    {"limits": {"window_count": 7}, "detectors": {"specs": ["river.drift.binary.DDM()"]}, "run": {"seed": 3}},
    {"labels": {"on_late": "relearn"}, "input": {"positive": 0}},
]


@given(variant=st.sampled_from(VARIANTS), seed=st.integers(0, 5), count=st.integers(30, 60), sort_keys=st.booleans())
def test_what_was_resolved_makes_the_same_pipeline_again(
    *, variant: Given, seed: int, count: int, sort_keys: bool
) -> None:
    """Whatever was inferred, through JSON and back: equal plans in every order, columns, identity and engine."""
    settings = settings_of(**variant)
    rows = payments(count, seed)
    first = infer_pipeline(
        settings,
        [{k: v for k, v in typed(row).items() if k not in {"fraud", "label_ts"}} for row in rows],
        [row[str(settings.input.target)] for row in rows],
    )
    again = resolved_pipeline(settings, through_json(first.resolved(), sort_keys=sort_keys))
    assert again.plan == first.plan
    assert list(again.plan.challengers.items()) == list(first.plan.challengers.items())
    assert [type(name) for name in again.plan.classes] == [type(name) for name in first.plan.classes]
    assert again.identity == first.identity
    assert replace(again, notices=()) == replace(first, notices=())
    assert again.resolved() == first.resolved()
    assert Engine(again.plan).state_digest() == Engine(first.plan).state_digest()


RESOLVED = inferred(settings_of(), log_of(payments(60))).resolved()
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
PLAIN = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)


@given(name=st.sampled_from(sorted(RESOLVED)), value=PLAIN)
def test_a_garbled_record_of_what_was_resolved_is_refused(name: str, value: object) -> None:
    garbled = {**RESOLVED, name: value}
    if json.dumps(garbled, sort_keys=True) == json.dumps(RESOLVED, sort_keys=True):
        return
    with pytest.raises(SnapshotError, match="what the worker resolved at its first start cannot be read"):
        resolved_pipeline(settings_of(), garbled)
    with pytest.raises(SnapshotError):
        resolved_pipeline(settings_of(), {key: each for key, each in RESOLVED.items() if key != name})


@given(PLAIN)
def test_what_is_no_record_at_all_is_refused(value: Any) -> None:
    with pytest.raises(SnapshotError, match="restore the log from a copy"):
        resolved_pipeline(settings_of(), value)


FREE: list[Given] = [
    {"run": {"slice": 7}},
    {"run": {"checkpoint_every": 7, "checkpoint_every_s": 7, "status_every_s": 7, "fallback": True}},
    {"log": {"dir": "elsewhere", "durability": "process"}},
    {"input": {"paths": "sample.csv", "format": "csv"}},
    {"labels": {"source": "topic"}},
]
BOUND: list[tuple[Given, str]] = [
    ({"topics": {"requests": "payments"}}, "topics.requests"),
    ({"topics": {"audit": "trail"}}, "topics.audit"),
    ({"input": {"key": "country"}}, "input.key"),
    ({"input": {"record_bytes_max": 500}}, "input.record_bytes_max"),
    ({"labels": {"policy": "wait(1d)"}}, "labels.policy"),
    ({"decision": {"threshold": 0.5}}, "decision.threshold"),
    ({"run": {"seed": 1}}, "run.seed"),
]


@pytest.mark.parametrize("flags", FREE)
def test_an_identity_does_not_know_what_changes_no_answer(flags: Given) -> None:
    assert (
        resolved_pipeline(settings_of(**flags), RESOLVED).identity
        == resolved_pipeline(settings_of(), RESOLVED).identity
    )


@pytest.mark.parametrize(("flags", "name"), BOUND)
def test_an_identity_names_each_setting_that_differs(flags: Given, name: str) -> None:
    one = resolved_pipeline(settings_of(), RESOLVED).identity
    other = resolved_pipeline(settings_of(**flags), RESOLVED).identity
    assert {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)} == {name}


def test_an_identity_tells_what_was_inferred_otherwise() -> None:
    log = log_of(payments(60))
    one = inferred(settings_of(), log).identity
    rows, targets = sample(settings_of(), log)
    words = [{1: "yes", 0: "no"}.get(int(str(target))) for target in targets]
    other = infer_pipeline(settings_of(), [dict(row, more=1) for row in rows], words).identity
    assert {name for name in one if one[name] != other[name]} == {"inferred classes", "inferred schema"}

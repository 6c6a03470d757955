"""What a worker is made of: the plan of its engine, and how the records of its topics are read.

A worker infers at its first start alone, from a sample of its log or of files, and journals what came out: `resolved`.
Every later start makes the same pipeline from that, and infers nothing. What a worker does is not known here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from itertools import chain, islice, zip_longest
from typing import Any

from engine.engine import Engine
from engine.errors import ConfigError, SnapshotError
from engine.limits import Limits
from engine.models.spec import default_name, split_name
from engine.plan import Plan
from engine.schema import Schema
from engine.schema_inference import SAMPLE_COUNT_MAX
from engine.targets import Task
from engine.values import is_missing
from streams.codec import Columns
from streams.codec_port import JSON, ValueCodec, read_record
from streams.files import open_source
from streams.log_port import Log, LogRecord
from streams.planning import FILE, Decided, Sample, make_plan, plan_of, require_columns, seed_notices
from streams.ports import Record
from streams.provenance import worker_arguments
from streams.settings import Settings
from streams.settings_conflicts import run_conflicts, task_conflicts
from streams.settings_layers import refuse_all
from streams.usual_contenders import contenders, named

RESOLVED_FORMAT = 3
RESOLVED_FORMATS = {2, 3}
"""Raised with every change of what `Pipeline.resolved` returns, and those that are read.

Under format 2 the key of a record never was that of its answer, and no output had headers.
"""


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What a worker is made of.

    Parameters
    ----------
    plan
        What its engine is to be.
    request_columns
        What the fields of a request mean.
    label_columns
        What the fields of a label mean; None where each request brings its own.
    identity
        What a checkpoint must agree with, as text by name.
    notices
        What was inferred, in sentences.
    event_source
        What outputs name as their source in their headers (CloudEvents); None writes no headers.
    keeps_keys
        Whether an answer has the key of the record it is about, where that has one.
    """

    plan: Plan
    request_columns: Columns
    label_columns: Columns | None
    identity: Mapping[str, str]
    notices: tuple[str, ...]
    event_source: str | None = None
    keeps_keys: bool = True

    def resolved(self) -> dict[str, Any]:
        """Return plain data, fit for JSON, from which `resolved_pipeline` makes the same pipeline again."""
        plan = self.plan
        data = {
            "format": RESOLVED_FORMAT,
            "task": plan.task.value,
            "classes": list(plan.classes),
            "schema": None if plan.schema is None else plan.schema.snapshot(),
            "limits": asdict(plan.limits),
            "champion": [plan.champion_name, plan.champion],
            "challengers": [[name, spec] for name, spec in plan.challengers.items()],
            "detectors": list(plan.detectors),
            "evidence_loss": plan.promotion.loss,
            "event_source": self.event_source,
            "keeps_keys": self.keeps_keys,
        }
        return {**data, "sha256": _sha256(data)}


def infer_pipeline(settings: Settings, rows: Sequence[Mapping[str, object]], targets: Sequence[object]) -> Pipeline:
    """Return the pipeline of a worker that starts for the first time.

    Parameters
    ----------
    settings
        What was asked for.
    rows
        The fields of some requests. None are needed where [schema] declares the columns.
    targets
        Some targets as they were written. None are needed where the task is declared and, for a binary one, a positive
        class that tells the other.

    Raises
    ------
    ConfigError
        When a worker cannot use the settings, they do not fit the sample, or something must be declared that the sample
        does not show.
    """
    _refuse_conflicts(settings)
    columns = _request_columns(settings)
    if rows:
        asked = settings.input
        wanted = (asked.id, asked.time, asked.key, *asked.drop, asked.target if columns.labels_in_record else None)
        require_columns(wanted, rows, " and ".join(map(repr, asked.paths)) or f"topic {settings.topics.requests!r}")
    seen = [target for target in targets if not is_missing(target)]
    missing = [*_missing_rows(settings, rows), *_missing_targets(settings, seen)]
    if missing:
        refuse_all(missing)
    sampled = Sample(rows, targets if seen else ())
    plan, notices = make_plan(settings, columns, sampled, delayed=settings.labels.on_topic, remedies=FILE)
    seeds = seed_notices(Engine(plan).learner.contenders)
    return replace(_pipeline(settings, plan, (*notices, *seeds)), event_source=event_source(settings))


def resolved_pipeline(settings: Settings, resolved: Mapping[str, Any]) -> Pipeline:
    """Return the pipeline whose `resolved` this is.

    Raises
    ------
    ConfigError
        When a worker cannot use the settings, or the task has no use for one of them.
    SnapshotError
        When it is not what `Pipeline.resolved` returns.
    """
    _refuse_conflicts(settings)
    try:
        decided = _decided(resolved)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, ConfigError) as error:
        msg = (
            f"what the worker resolved at its first start cannot be read ({type(error).__name__}: {error}); restore "
            "the log from a copy, or continue it with the sidestream that wrote it"
        )
        raise SnapshotError(msg) from error
    found = task_conflicts(settings, decided.task)
    if found:
        refuse_all(found)
    pipeline = _pipeline(settings, plan_of(settings, decided, delayed=settings.labels.on_topic), ())
    source, keeps_keys = resolved.get("event_source"), resolved.get("keeps_keys", False)
    return replace(pipeline, event_source=source, keeps_keys=keeps_keys)


def changed_pipeline(pipeline: Pipeline, settings: Settings) -> Pipeline:
    """Return a pipeline with the contenders that the settings name, and with nothing else changed.

    Raises
    ------
    ConfigError
        When one of them cannot be built, or two have one name.
    """
    plan = pipeline.plan
    champion, challengers = contenders(settings, plan.task, plan.schema or Schema(()), rare=False)
    given, spec = split_name(champion)
    name = given or default_name(spec)
    changed = replace(plan, champion=spec, champion_name=given, challengers=named(challengers, name))
    made = _pipeline(settings, changed, tuple(seed_notices(Engine(changed).learner.contenders)))
    return replace(made, event_source=pipeline.event_source, keeps_keys=pipeline.keeps_keys)


def event_source(settings: Settings) -> str | None:
    """Return what outputs are to name as their source; None where they are to have no headers."""
    kafka = settings.kafka
    return f"/sidestream/{kafka.prefix}{kafka.name}" if kafka.address is not None and kafka.cloud_events else None


def sample(
    settings: Settings, log: Log | None, values: ValueCodec = JSON
) -> tuple[list[Mapping[str, object]], list[object]]:
    """Return the fields of the first requests, and the first targets: of [input] paths, else of the log's topics.

    Either may be empty. What cannot be read is passed over: the worker gives it its dead letter.

    Parameters
    ----------
    settings
        Name the paths, or the topics.
    log
        The log; None where there is none yet.
    values
        Reads the values of its topics.

    Raises
    ------
    ConfigError
        When a worker cannot use the settings, or a path is not usable.
    SourceError
        When a path cannot be read.
    LogError
        When the log is damaged.
    """
    _refuse_conflicts(settings)
    size = settings.input.record_bytes_max
    target = str(settings.input.target)
    if settings.input.paths:
        source = open_source(settings.input.paths, file_format=settings.input.format, record_bytes_max=size)
        rows = _fields(source)
    else:
        rows = _fields(_first_of(log, settings.topics.requests, size, values))
    labelled = rows
    if settings.labels.on_topic and all(is_missing(row.get(target)) for row in rows):
        labelled = _fields(_first_of(log, settings.topics.labels, size, values))
    return rows, [row.get(target) for row in labelled]


def _fields(records: Iterable[Record]) -> list[Mapping[str, object]]:
    return [record.values for record in islice(records, SAMPLE_COUNT_MAX) if record.values is not None]


def _first_of(log: Log | None, topic: str, bytes_max: int, values: ValueCodec) -> Iterator[Record]:
    """Yield the first records of a topic, its partitions in turn."""
    if log is None:
        return
    count = sum(len(info.partitions) for info in log.topics() if info.name == topic)
    turns = zip_longest(*(_records(log, topic, number, SAMPLE_COUNT_MAX // count) for number in range(count)))
    for partition, record in (each for each in chain.from_iterable(turns) if each is not None):
        yield read_record(values, f"{topic}/{partition}", record.offset, record.value, bytes_max)


def _records(log: Log, topic: str, number: int, at_once: int) -> Iterator[tuple[int, LogRecord]]:
    """Yield the records that a partition holds now, with its number."""
    offset, end = log.begin(topic, number), log.end(topic, number)
    while offset < end:
        found = log.read(topic, number, offset, count_max=max(1, at_once))
        yield from ((number, record) for record in found.records)
        offset = found.next_offset


def _refuse_conflicts(settings: Settings) -> None:
    found = run_conflicts(settings)
    if found:
        refuse_all(found)


def _missing_rows(settings: Settings, rows: Sequence[object]) -> Iterator[str]:
    if not rows and not settings.schema.columns:
        yield (
            "[schema] columns is empty, and there is no request to infer the columns from: declare them, append "
            f"records to topic {settings.topics.requests!r} first, or name a sample under [input] paths"
        )


def _missing_targets(settings: Settings, seen: Sequence[object]) -> Iterator[str]:
    """Yield what a task needs to have declared where no target was seen."""
    if seen:
        return
    asked = settings.input
    where = settings.topics.labels if settings.labels.on_topic else settings.topics.requests
    why = f"there is no value of {asked.target!r} to infer it from"
    otherwise = f"append labels to topic {where!r} first, or name a sample that holds them under [input] paths"
    if asked.task is None:
        yield f"[input] task is missing, and {why}: declare it, {otherwise}"
    elif asked.task is Task.BINARY and asked.positive not in {0, 1}:  # true and false are 1 and 0
        what = "is missing" if asked.positive is None else f"is {asked.positive!r}, which does not tell the other class"
        yield f"[input] positive {what}, and {why}: declare true, false, 1 or 0, {otherwise}"


def _request_columns(settings: Settings) -> Columns:
    """Return what the fields of a request mean; one called like the label time is no feature, unless asked for."""
    asked, labels = settings.input, settings.labels
    hidden = () if labels.time in {None, asked.time, *settings.schema.columns} else (str(labels.time),)
    return Columns(
        target=asked.target,
        id=asked.id,
        time=asked.time,
        key=asked.key,
        dropped=(*asked.drop, *hidden),
        labels_in_record=not labels.on_topic,
    )


def _label_columns(settings: Settings) -> Columns | None:
    asked, labels = settings.input, settings.labels
    return Columns(target=asked.target, id=asked.id, label_time=labels.time) if labels.on_topic else None


def _pipeline(settings: Settings, plan: Plan, notices: tuple[str, ...]) -> Pipeline:
    identity = worker_arguments(settings, plan)
    return Pipeline(plan, _request_columns(settings), _label_columns(settings), identity, notices)


def _decided(resolved: Mapping[str, Any]) -> Decided:
    """Return what was decided, or raise whatever comes of a text that is not as it was written."""
    data = {name: value for name, value in resolved.items() if name != "sha256"}
    if data["format"] not in RESOLVED_FORMATS:
        msg = f"it has format {data['format']!r}, and this sidestream reads {RESOLVED_FORMAT}"
        raise ValueError(msg)
    if _sha256(data) != resolved["sha256"]:
        msg = "its SHA-256 is another one"
        raise ValueError(msg)
    name, spec = data["champion"]
    return Decided(
        task=Task(data["task"]),
        classes=tuple(data["classes"]),
        schema=None if data["schema"] is None else Schema.restored(data["schema"]),
        limits=Limits(**data["limits"]),
        champion_name=name,
        champion=spec,
        challengers=dict(data["challengers"]),
        detectors=tuple(data["detectors"]),
        evidence_loss=data["evidence_loss"],
    )


def _sha256(data: Mapping[str, Any]) -> str:
    """Return the digest of plain data, in whatever order a mapping came out of JSON."""
    return sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()

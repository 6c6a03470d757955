"""From settings and a look at the data to a run that is ready to start: plan, feed, engine, and what there is to say.

Everything that is inferred — task, positive class, columns, how sparse the stream is — is inferred here, from the
first 1,000 records, and said in a notice, so that nothing is decided silently. Nothing has been processed yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import chain, islice, pairwise
from typing import Any, NamedTuple

from engine.engine import Engine
from engine.errors import ConfigError, MessageError
from engine.event_time import parse_event_time, show_duration
from engine.label_policy import LabelPolicy, Silence
from engine.limits import Limits
from engine.messages import Target
from engine.models.spec import default_name, split_name
from engine.plan import DecisionRules, LabelRules, Plan
from engine.schema import Kind, Schema
from engine.schema_inference import GARBAGE_SHARE_MAX, SAMPLE_COUNT_MAX, infer_schema, infer_task
from engine.targets import Task, spell_class
from engine.values import is_missing
from engine.watermark import Watermark
from streams.codec import Columns, RecordCodec
from streams.feed import Feed
from streams.files import open_source
from streams.label_delay import LabelDelay
from streams.labels_file import LabelsFile
from streams.ports import Record, Source, SourceError
from streams.provenance import ReadRecords
from streams.settings import Settings
from streams.settings_conflicts import task_conflicts
from streams.settings_layers import refuse_all
from streams.usual_contenders import RARE_SHARE_MAX, contenders, named

NONE = "none"
_SPARSE_QUANTILE = 0.99
_SPARSE_FACTOR = 10
_DAY_MS = 86_400_000
_IDENTIFIER_COUNT_MIN = 100


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run that can start: its engine, what feeds it, how it is written down, and what was decided on the way."""

    plan: Plan
    engine: Engine
    feed: Feed
    codec: RecordCodec
    delay: LabelDelay
    source: Source
    records: ReadRecords
    notices: tuple[str, ...]


class Inferred(NamedTuple):
    """What the first records told."""

    task: Task
    classes: tuple[Target, ...]
    schema: Schema


def prepare(settings: Settings) -> Prepared:
    """Open the source, look at its first records, and wire the run.

    Raises
    ------
    ConfigError
        When the settings do not fit the data.
    SourceError
        When the source cannot be read, or holds no readable record.
    """
    source = open_source(
        settings.input.paths, file_format=settings.input.format, record_bytes_max=settings.input.record_bytes_max
    )
    columns = _columns(settings, getattr(source, "target", None))
    records: Iterator[Record] = iter(islice(source, settings.input.limit))
    sample = list(islice(records, SAMPLE_COUNT_MAX))
    rows = [record.values for record in sample if record.values is not None]
    if not rows:
        raise SourceError(_nothing_to_read(source.name, sample))
    _require_columns(columns, rows, source.name)
    notices: list[str] = []
    raw_targets = _sampled_targets(settings, columns, rows)
    task, classes = _task(settings, raw_targets, notices)
    schema = infer_schema(
        rows,
        time_column=columns.time,
        carried=columns.hidden,
        declared=settings.schema.columns,
        unknown=settings.schema.unknown,
    )
    notices += [*schema.notices, *_identifier_notices(schema, rows)]
    limits = _limits(settings, columns, rows, notices)
    rare = task is Task.BINARY and _share(raw_targets, classes[1]) <= RARE_SHARE_MAX
    usual = contenders(settings, task, schema, rare=rare)
    plan = _plan(settings, usual, Inferred(task, classes, schema), limits)
    notices += _label_notices(plan)
    engine = Engine(plan)
    notices += _seed_notices(engine)
    codec = RecordCodec(columns, engine.scorer.targets)
    delay = LabelDelay(Watermark(limits.jump_ms, limits.jump_agreeing_count), limits.delayed_count_max)
    read = ReadRecords(chain(sample, records), digested=settings.run.state is not None)
    feed = Feed(
        read,
        codec,
        delay,
        label_delay_ms=settings.labels.delay_ms if settings.labels.path is None else None,
        labels_file=_labels_file(settings),
    )
    return Prepared(plan, engine, feed, codec, delay, source, read, tuple(notices))


def _columns(settings: Settings, given_target: str | None) -> Columns:
    target = settings.input.target or given_target
    if target is None:
        msg = "which column is the target? name it: --target COL, or target under [input]"
        raise ConfigError(msg)
    beside = settings.labels.path is None
    return Columns(
        target=target,
        id=settings.input.id,
        time=settings.input.time,
        label_time=settings.labels.time if beside else None,
        dropped=settings.input.drop,
        labels_in_record=beside,
    )


def _nothing_to_read(name: str, sample: list[Record]) -> str:
    """Say why there is nothing to replay."""
    if not sample:
        return f"{name!r} holds no record, only the names of its columns; give a file that holds records"
    refusal = sample[0].refusal
    why = "unreadable" if refusal is None else refusal.detail
    return f"{name!r} has no readable record among the first {len(sample)}; the first: {why}"


def _require_columns(columns: Columns, rows: list[Mapping[str, object]], name: str) -> None:
    """Refuse a column that is in no sampled row, saying which was probably meant."""
    known = dict.fromkeys(column for row in rows for column in row)
    wanted = [columns.id, columns.time, columns.label_time, *columns.dropped]
    if columns.labels_in_record:
        wanted.insert(0, columns.target)
    for column in wanted:
        if column is not None and column not in known:
            close = get_close_matches(column, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(map(repr, known))}"
            msg = f"{name!r} has no column {column!r}; {hint}"
            raise ConfigError(msg)


def _sampled_targets(settings: Settings, columns: Columns, rows: list[Mapping[str, object]]) -> list[object]:
    """Return the first targets, from wherever the labels are."""
    if settings.labels.path is None:
        return [row.get(str(columns.target)) for row in rows]
    labels = open_source(settings.labels.path, record_bytes_max=settings.input.record_bytes_max)
    first = [record.values for record in islice(labels, SAMPLE_COUNT_MAX) if record.values is not None]
    label_columns = replace(columns, time=None, label_time=settings.labels.time, dropped=(), labels_in_record=True)
    _require_columns(label_columns, first, labels.name)
    return [row.get(str(columns.target)) for row in first]


def _task(settings: Settings, raw_targets: list[object], notices: list[str]) -> tuple[Task, tuple[Target, ...]]:
    """Return the task and its classes, (negative, positive) for a binary one, and say how they were found."""
    task = settings.input.task
    positive = settings.input.positive
    if task is Task.REGRESSION:
        return task, ()
    if task is Task.MULTICLASS:
        return task, _classes(raw_targets)
    if task is None or positive is None:
        inferred, classes = infer_task(raw_targets)
        if task is None:
            task = inferred
            notices.append(f"task: {task.value}, inferred from the first {len(raw_targets):,} labels")
    if task is Task.BINARY:
        if positive is not None:
            classes = _pair(raw_targets, positive)
        elif len(classes) != 2:
            msg = f"a binary task has two classes, the first labels show {classes!r}; use --task multiclass"
            raise ConfigError(msg)
        share = _share(raw_targets, classes[1])
        how = "as asked" if positive is not None else "the rarer"
        notices.append(f"positive class: {classes[1]!r} ({how}; {share:.1%} of the first labels), not {classes[0]!r}")
    found = task_conflicts(settings, task)
    if found:
        refuse_all(found)
    return task, classes


def _classes(raw_targets: Iterable[object]) -> tuple[Target, ...]:
    """Return the distinct classes, in order of appearance."""
    found: dict[Target, None] = {}
    for raw in raw_targets:
        try:
            found[spell_class(raw)] = None
        except MessageError:
            continue
    return tuple(found)


def _pair(raw_targets: list[object], positive: Target) -> tuple[Target, ...]:
    """Return (negative, positive) for a positive class that was asked for."""
    classes = _classes(raw_targets)
    others = _without_garbage(raw_targets, [name for name in classes if name != positive])
    if positive not in classes and len(others) > 1:
        msg = f"positive class {positive!r} is not among the first labels, which show {classes!r}"
        raise ConfigError(msg)
    if len(others) != 1:
        if not others and isinstance(positive, bool):
            return not positive, positive
        if not others and positive in {0, 1}:
            return 1 - int(positive), positive
        msg = f"a binary task has one class besides {positive!r}, the first labels show {others!r}; use task multiclass"
        raise ConfigError(msg)
    return others[0], positive


def _without_garbage(raw_targets: list[object], others: list[Target]) -> list[Target]:
    """Return the most frequent of the classes alone where the rest are so few that they are mistakes."""
    counts = {name: sum(_is(raw, name) for raw in raw_targets) for name in others}
    most = max(others, key=counts.__getitem__, default=None)
    if most is not None and sum(counts.values()) - counts[most] <= GARBAGE_SHARE_MAX * len(raw_targets):
        return [most]
    return others


def _share(raw_targets: list[object], name: Target) -> float:
    """Return the share of a class among the sampled labels."""
    return sum(_is(raw, name) for raw in raw_targets) / max(1, len(raw_targets))


def _is(raw: object, name: Target) -> bool:
    try:
        return spell_class(raw) == name
    except MessageError:
        return False


def _identifier_notices(schema: Schema, rows: list[Mapping[str, object]]) -> Iterator[str]:
    """Yield a word about each column of words that never repeat: no model learns from a name seen once."""
    for column in schema.columns:
        words = [row[column.name] for row in rows if not is_missing(row.get(column.name))]
        if column.kind is Kind.CATEGORY and len(words) >= _IDENTIFIER_COUNT_MIN and len(set(words)) == len(words):
            yield (
                f"column {column.name!r} has another value in each of {len(words):,} rows: if it names events say "
                f"--id {column.name}, if not --drop {column.name}"
            )


def _limits(settings: Settings, columns: Columns, rows: list[Mapping[str, object]], notices: list[str]) -> Limits:
    """Return the bounds: the settings', but for what the stream itself makes pointless or too tight."""
    limits = settings.limits
    if columns.id is None and settings.labels.policy.horizon_ms is None:
        limits = replace(limits, dedup_count_max=0)
    if columns.time is not None and limits.jump_ms == Limits().jump_ms:
        jump_ms = _SPARSE_FACTOR * _usual_gap_ms(columns.time, rows) // _DAY_MS * _DAY_MS
        if jump_ms > limits.jump_ms:
            notices.append(
                f"sparse stream: event time may move {show_duration(jump_ms)} at once ({_SPARSE_FACTOR} times the "
                f"99th percentile of its gaps); set [limits] jump_ms to say otherwise"
            )
            limits = replace(limits, jump_ms=jump_ms)
    return limits


def _usual_gap_ms(time_column: str, rows: list[Mapping[str, object]]) -> int:
    """Return the 99th percentile of the gaps between sampled event times: one wild clock does not show in it."""
    times: list[int] = []
    for row in rows:
        try:
            times.append(parse_event_time(row.get(time_column)))
        except MessageError:
            continue
    gaps = sorted(after - before for before, after in pairwise(times) if after > before)
    return gaps[int(len(gaps) * _SPARSE_QUANTILE)] if gaps else 0


def _plan(settings: Settings, asked: tuple[str, tuple[str, ...]], inferred: Inferred, limits: Limits) -> Plan:
    """Return what the engine is to be."""
    champion, challengers = asked
    task, classes, schema = inferred
    champion_name, champion_spec = split_name(champion)
    decision = settings.decision
    costs = None
    if decision.cost_false_positive is not None and decision.cost_false_negative is not None:
        costs = (decision.cost_false_positive, decision.cost_false_negative)
    detectors = settings.detectors.specs
    fields: dict[str, Any] = {} if not detectors else {"detectors": () if detectors == (NONE,) else detectors}
    return Plan(
        task=task,
        classes=classes,
        positive=classes[1] if task is Task.BINARY else None,
        schema=schema,
        champion=champion_spec,
        champion_name=champion_name,
        challengers=named(challengers, champion_name or default_name(champion_spec)),
        labels=_label_rules(settings),
        decision=DecisionRules(decision.threshold, decision.alert_rate, costs),
        limits=limits,
        seed=settings.run.seed,
        **fields,
    )


def _label_rules(settings: Settings) -> LabelRules:
    """Return the label rules; a fixed delay without a policy waits exactly that long."""
    labels = settings.labels
    policy = labels.policy
    if labels.delay_ms and policy == LabelPolicy():
        policy = LabelPolicy(Silence.WAIT, labels.delay_ms)
    delayed = labels.time is not None or bool(labels.delay_ms)
    return LabelRules(policy, delayed=delayed, relearn=labels.on_late == "relearn")


def _seed_notices(engine: Engine) -> list[str]:
    """Say which model runs with which seeds: what a spec left out was derived."""
    billings = [contender.billing for contender in engine.learner.contenders]
    return [
        f"seeds: {billing.name} = {billing.spec}"
        for billing in billings
        if "seed=" in billing.spec or "random_state=" in billing.spec
    ]


def _label_notices(plan: Plan) -> list[str]:
    if plan.labels.delayed and not plan.labels.windowed:
        return [
            "labels come late and the policy has no horizon, so no label window ever closes: there are no matured "
            "figures; give one, such as --label-policy 'wait(30d)'"
        ]
    return []


def _labels_file(settings: Settings) -> LabelsFile | None:
    labels = settings.labels
    if labels.path is None:
        return None
    columns = Columns(target=settings.input.target, id=settings.input.id, label_time=labels.time)
    source = open_source(labels.path, record_bytes_max=settings.input.record_bytes_max)
    return LabelsFile(source, columns, delay_ms=labels.delay_ms)

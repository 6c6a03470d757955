"""From settings to a replay that is ready to start: the source opened, the plan made, feed and engine wired.

What the settings leave open is inferred by `planning` from the first 1,000 records, and said in a notice, so that
nothing is decided silently. Nothing has been processed yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice

from engine.engine import Engine
from engine.errors import ConfigError
from engine.plan import Plan
from engine.schema_inference import SAMPLE_COUNT_MAX
from engine.watermark import Watermark
from streams.codec import Columns, RecordCodec
from streams.feed import Feed
from streams.files import open_source
from streams.label_delay import LabelDelay
from streams.labels_file import LabelsFile
from streams.planning import FLAGS, Sample, make_plan, require_columns, seed_notices
from streams.ports import Record, Source, SourceError
from streams.provenance import ReadRecords
from streams.settings import Settings


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


def prepare(settings: Settings, source: Source | None = None) -> Prepared:
    """Open the source, look at its first records, and wire the run; one that is given is not opened.

    Raises
    ------
    ConfigError
        When the settings do not fit the data.
    SourceError
        When the source cannot be read, or holds no readable record.
    """
    source = source or open_source(
        settings.input.paths, file_format=settings.input.format, record_bytes_max=settings.input.record_bytes_max
    )
    columns = _columns(settings, getattr(source, "target", None))
    records: Iterator[Record] = iter(islice(source, settings.input.limit))
    sample = list(islice(records, SAMPLE_COUNT_MAX))
    rows = [record.values for record in sample if record.values is not None]
    if not rows:
        raise SourceError(_nothing_to_read(source.name, sample))
    _require(columns, rows, source.name)
    sampled = Sample(rows, _sampled_targets(settings, columns, rows))
    delayed = settings.labels.time is not None or bool(settings.labels.delay_ms)
    plan, notices = make_plan(settings, columns, sampled, delayed=delayed, remedies=FLAGS)
    engine = Engine(plan)
    notices += tuple(seed_notices(engine.learner.contenders))
    codec = RecordCodec(columns, engine.scorer.targets)
    limits = plan.limits
    delay = LabelDelay(Watermark(limits.jump_ms, limits.jump_agreeing_count), limits.delayed_count_max)
    read = ReadRecords(chain(sample, records), digested=settings.run.state is not None)
    feed = Feed(
        read,
        codec,
        delay,
        label_delay_ms=settings.labels.delay_ms if settings.labels.path is None else None,
        labels_file=_labels_file(settings),
    )
    return Prepared(plan, engine, feed, codec, delay, source, read, notices)


def _columns(settings: Settings, given_target: str | None) -> Columns:
    target = settings.input.target or given_target
    if target is None:
        msg = "which column is the target? name it: --target COL, or target under [input]"
        raise ConfigError(msg)
    beside = settings.labels.path is None
    label_time = settings.labels.time if beside else None
    if label_time is not None and label_time == settings.input.time:
        msg = f"[input] time and [labels] time are both column {label_time!r} of one file; a column has one role"
        raise ConfigError(msg)
    return Columns(
        target=target,
        id=settings.input.id,
        time=settings.input.time,
        label_time=label_time,
        key=settings.input.key,
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


def _require(columns: Columns, rows: Sequence[Mapping[str, object]], name: str) -> None:
    target = columns.target if columns.labels_in_record else None
    require_columns(
        (target, columns.id, columns.time, columns.label_time, columns.key, *columns.dropped), rows, repr(name)
    )


def _sampled_targets(settings: Settings, columns: Columns, rows: Sequence[Mapping[str, object]]) -> Sequence[object]:
    """Return the first targets, from wherever the labels are."""
    if settings.labels.path is None:
        return [row.get(str(columns.target)) for row in rows]
    labels = open_source(settings.labels.path, record_bytes_max=settings.input.record_bytes_max)
    first = [record.values for record in islice(labels, SAMPLE_COUNT_MAX) if record.values is not None]
    label_columns = replace(
        columns, time=None, label_time=settings.labels.time, key=None, dropped=(), labels_in_record=True
    )
    _require(label_columns, first, labels.name)
    return [row.get(str(columns.target)) for row in first]


def _labels_file(settings: Settings) -> LabelsFile | None:
    labels = settings.labels
    if labels.path is None:
        return None
    columns = Columns(target=settings.input.target, id=settings.input.id, label_time=labels.time)
    source = open_source(labels.path, record_bytes_max=settings.input.record_bytes_max)
    return LabelsFile(source, columns, delay_ms=labels.delay_ms)

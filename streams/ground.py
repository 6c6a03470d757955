"""What a pipeline stands on: its log, its topics, its inputs, its checkpoints, by the settings that name them.

Everybody who follows a journal — the worker, `audit`, `rebuild`, `fork` — builds the same replica from here. This file
starts nothing and writes nothing but missing topics, when asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.errors import ConfigError
from streams.checkpoint_reader import CheckpointReader
from streams.checkpoint_seal import SealKey
from streams.codec_port import JSON, ValueCodec
from streams.intake import Input, Intake, Kind, Reading
from streams.journal import decode
from streams.log_port import Log, LogError, TopicInfo
from streams.outputs import OutputTopics
from streams.pipeline import Pipeline, resolved_pipeline
from streams.provenance import CONTENDER_ARGUMENTS
from streams.recovery import Recovery
from streams.replica import Replica
from streams.settings import Settings, load_settings
from streams.topic_needs import needs_of

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True, slots=True)
class Ground:
    """A log, a pipeline on it, and where its states are kept.

    Parameters
    ----------
    settings
        Name the topics.
    log
        Holds them.
    pipeline
        What is answered, by whom.
    checkpoints
        Where states are kept.
    values
        Reads and writes the values of its topics.
    """

    settings: Settings
    log: Log
    pipeline: Pipeline
    checkpoints: CheckpointReader
    values: ValueCodec = JSON

    @property
    def outputs(self) -> OutputTopics:
        """The topics that are written."""
        topics = self.settings.topics
        return OutputTopics(
            topics.predictions, topics.shadow, topics.ends, topics.alarms, topics.dead_letters, topics.audit
        )

    def inputs(self) -> tuple[Input, ...]:
        """Return the partitions that are read: requests, labels, commands. Their order numbers them in the journal."""
        return inputs_of(self.settings, self.log.topics())

    def replica(self, start_sequence: int = 0) -> Replica:
        """Return a state that knows nothing, with the pipeline that the start at this commit began."""
        pipeline = self.pipeline if start_sequence == 0 else begun(start_at(self.log, start_sequence))
        return Replica(pipeline, self.inputs(), self.outputs, begun, self.values)

    def intake(self, offsets: Sequence[int]) -> Intake:
        """Return the inputs, read from these offsets on."""
        labels = self.pipeline.label_columns
        times = {
            Kind.REQUEST: self.pipeline.request_columns.time,
            Kind.LABEL: None if labels is None else labels.label_time,
        }
        reading = Reading(times, self.settings.input.record_bytes_max, self.values)
        return Intake(self.log, self.inputs(), offsets, reading)

    def recovery(self, **more: Any) -> Recovery:
        """Return the way back to any commit."""
        return Recovery(log=self.log, checkpoints=self.checkpoints, make=self.replica, read=self.intake, **more)


def inputs_of(settings: Settings, there: Sequence[TopicInfo]) -> tuple[Input, ...]:
    """Return the partitions that are read under these settings, of the topics that are there."""
    topics = settings.topics
    counts = {info.name: len(info.partitions) for info in there}
    wanted = [(topics.requests, Kind.REQUEST)]
    if settings.labels.on_topic:
        wanted.append((topics.labels, Kind.LABEL))
    wanted.append((topics.commands, Kind.COMMAND))
    return tuple(Input(topic, number, kind) for topic, kind in wanted for number in range(counts.get(topic, 1)))


def make_missing_topics(log: Log, settings: Settings) -> None:
    """Make the topics that a worker needs and that are not there; those that are stay as they are."""
    there = {info.name: len(info.partitions) for info in log.topics()}
    for need in needs_of(settings, there):
        if need.name not in there:
            log.create_topic(need.name, need.partition_count)


def start_at(log: Log, sequence: int) -> Mapping[str, Any]:
    """Return what the start at a commit says: the settings, what was inferred, and the identity of both.

    Raises
    ------
    LogError
        When it was trimmed, or begins no pipeline.
    """
    start = decode(next(log.journal(sequence)).data, sequence).start
    if start is None or not {"settings", "resolved", "identity"} <= start.keys():
        msg = f"commit {sequence} of the journal does not begin a pipeline; is this the log you mean?"
        raise LogError(msg)
    return start


def ground_of(log: Log, directory: str, key: SealKey | None) -> Ground:
    """Return the ground of a pipeline that has run before, under the settings it was begun with.

    Raises
    ------
    ConfigError
        When no worker has ever run on this log.
    LogError, SnapshotError
        When the journal's first commit cannot be read.
    """
    if log.journal_end() == 0:
        msg = f"no worker has run on {log.name!r} yet; start one: sidestream run --config F"
        raise ConfigError(msg)
    start = start_at(log, 0)
    try:
        settings = load_settings(None, {**start["settings"], "log": {"dir": directory}}, {})
        pipeline = begun(start)
    except (ConfigError, AttributeError, TypeError, ValueError) as error:
        msg = f"the settings in the journal's first commit cannot be used ({error}); use the sidestream that wrote them"
        raise LogError(f"{msg}, or restore the log from a copy") from error
    return Ground(settings, log, pipeline, checkpoints_of(settings, pipeline, key))


def begun(start: Mapping[str, Any]) -> Pipeline:
    """Return the pipeline that a start began.

    Raises
    ------
    SnapshotError
        When it is not what was written.
    """
    return resolved_pipeline(load_settings(None, start["settings"], {}), start["resolved"])


def checkpoints_of(settings: Settings, pipeline: Pipeline, key: SealKey | None) -> CheckpointReader:
    """Return where the states of a pipeline are kept. Who its contenders were, each state says for itself."""
    identity = {name: text for name, text in pipeline.identity.items() if name not in CONTENDER_ARGUMENTS}
    return CheckpointReader(directory=Path(str(settings.log.dir)) / CHECKPOINTS, identity=identity, key=key)


def whole_topic(log: Log, topic: str, partition: int = 0) -> Iterator[bytes]:
    """Yield every value of a partition that is still held."""
    offset = log.begin(topic, partition)
    while records := (span := log.read(topic, partition, offset)).records:
        yield from (record.value for record in records)
        offset = span.next_offset

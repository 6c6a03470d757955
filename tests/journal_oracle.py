"""What a worker must have done: the committed journal's records, taken one by one by an engine never interrupted.

It knows nothing of slices, of the replica or of recovery. From the journal it takes the order of the inputs and nothing
else; everything that was written, and the state that is kept, has to come out of that again.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engine.engine import Engine
from engine.errors import MessageError
from engine.messages import Command, Outcomes
from streams.audit_trail import Chain, follow_line
from streams.codec import RecordCodec, decode_label
from streams.codec_port import JSON, read_record
from streams.commands import decode as decode_command
from streams.disk import Disk
from streams.event_lines import (
    alarm_line,
    benched_line,
    commanded_line,
    episode_line,
    promoted_line,
    reaction_line,
    recommended_line,
)
from streams.ground import Ground, begun, checkpoints_of, start_at, whole_topic
from streams.intake import Input, Kind
from streams.journal import decode
from streams.log_port import Log, LogRecord
from streams.pipeline import Pipeline
from streams.settings import Settings
from tests.pasts import read_all


class Oracle:
    """The engine that was never interrupted, and what it said.

    Parameters
    ----------
    settings, log
        Those of the worker, which has stopped.
    disk
        Where its checkpoints are; by default the machine's.
    """

    def __init__(self, settings: Settings, log: Log, disk: Disk | None = None) -> None:
        pipeline = begun(start_at(log, 0))
        self.log = log
        kept = checkpoints_of(settings, pipeline, None)
        self.ground = Ground(settings, log, pipeline, kept if disk is None else replace(kept, disk=disk))
        self.engine = Engine(pipeline.plan)
        self.inputs = self.ground.inputs()
        self._records = [read_all(log, topic, partition) for topic, partition, _ in self.inputs]
        self._codec = RecordCodec(pipeline.request_columns, self.engine.scorer.targets)
        self._labels = pipeline.label_columns
        self._said: list[Outcomes] = []
        self._answers: dict[tuple[str, int], list[bytes]] = {}
        self._command_letters = 0

    def run(self) -> None:
        """Take everything the journal names."""
        for record in self.log.journal(0):
            entry = decode(record.data, record.sequence)
            if record.sequence and entry.start is not None and "resolved" in entry.start:
                self._change(begun(entry.start))
            for run in entry.runs:
                for _ in range(run.record_count):
                    arrived = next(self._records[run.input], None)
                    assert arrived is not None, "the journal names records that are not there"
                    is_named = run.from_offset <= arrived.offset < run.next_offset
                    assert is_named, "an input was taken twice, or left out"
                    self._take(self.inputs[run.input], arrived)

    def _change(self, pipeline: Pipeline) -> None:
        """Go on with other contenders."""
        engine = Engine(pipeline.plan)
        engine.graft(self.engine.snapshot())
        self.engine = engine
        self._codec = RecordCodec(pipeline.request_columns, engine.scorer.targets)

    def _take(self, place: Input, arrived: LogRecord) -> None:
        engine, value = self.engine, arrived.value
        if place.kind is Kind.COMMAND:
            try:
                asked = decode_command(value)
            except MessageError:
                self._command_letters += 1
                return
            self._said.append(engine.command(Command(asked.verb, asked.contender)))
            return
        record = read_record(JSON, "any", arrived.offset, value, 1 << 20)
        if place.kind is Kind.LABEL:
            assert self._labels is not None
            self._said.append(engine.process([decode_label(record, self._labels)]))
            return
        request, _ = self._codec.decode(record, engine.scorer.request_count)
        out = engine.process([request])
        self._said.append(out)
        answers = self._answers.setdefault((self.ground.outputs.predictions, place.partition), [])
        answers += [self._codec.prediction_line(each)[:-1] for each in out.predictions]

    def check(self, trail: Sequence[bytes]) -> None:
        """Compare with what was written, byte for byte, and with the state that is kept.

        Parameters
        ----------
        trail
            The copy of the audit trail, a line each.
        """
        log, topics, codec = self.log, self.ground.outputs, self._codec
        for place, records in zip(self.inputs, self._records, strict=True):
            left = len(list(records))
            assert left == 0, f"{left} records of {place.topic}/{place.partition} have no end"
            if place.kind is Kind.REQUEST:
                answers = self._answers.get((topics.predictions, place.partition), [])
                assert list(whole_topic(log, topics.predictions, place.partition)) == answers
        assert list(whole_topic(log, topics.shadow)) == self._lines("shadow", codec.shadow_line)
        ends = list(whole_topic(log, topics.ends))
        assert [end for end in ends if b'"target":' in end] == self._lines("label_ends", codec.label_line)
        assert [end for end in ends if b'"target":' not in end] == self._lines("request_ends", codec.request_end_line)
        self._check_letters()
        self._check_alarms()
        self._check_trail(trail)
        recovered = self.ground.recovery().recover().replica
        recovered.catch_up()
        assert recovered.engine.state_digest() == self.engine.state_digest(), "another state was learned"

    def _check_letters(self) -> None:
        written = [json.loads(line) for line in whole_topic(self.log, self.ground.outputs.dead_letters)]
        letters = [letter for out in self._said for letter in out.dead_letters]
        assert len(written) == len(letters) + self._command_letters
        told = [(each["kind"], each["position"], each["reason"]) for each in written if each["kind"] != "command"]
        assert told == [(each.kind, each.position, each.reason) for each in letters]

    def _check_alarms(self) -> None:
        written = list(whole_topic(self.log, self.ground.outputs.alarms))
        assert [line for line in written if b'"event":"promoted"' in line] == self._lines("promotions", promoted_line)
        assert [line for line in written if b'"event":"command"' in line] == self._lines("commanded", commanded_line)
        for kind, event, line in (
            ("alarms", "alarm", alarm_line),
            ("episodes", "episode", episode_line),
            ("reactions", "reaction", reaction_line),
            ("benched", "benched", benched_line),
            ("recommended", "recommended", recommended_line),
        ):
            # Where a challenger lags, what it does at one position is said after what the champion does at a later one.
            said = [each for each in written if each.startswith(b'{"event":"%s"' % event.encode())]
            assert sorted(said) == sorted(self._lines(kind, line)), f"another {event} was told"

    def _check_trail(self, trail: Sequence[bytes]) -> None:
        chain = Chain()
        lines = list(whole_topic(self.log, self.ground.outputs.audit))
        for number, each in enumerate(lines):
            chain = follow_line(chain, each, number)
        assert lines == list(trail), "the copy of the audit trail is another"

    def _lines(self, kind: str, line: Any) -> list[bytes]:
        return [line(each)[:-1] for out in self._said for each in getattr(out, kind)]

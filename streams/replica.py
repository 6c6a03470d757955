"""The replica: everything a worker knows, as a function of the journal.

The engine, where each input is to be read on, the sequence of the next commit and the head of the audit chain move
together, by two verbs: `catch_up` lets challengers take steps, `take` carries out one slice and returns the commit it
makes. A worker calls them as records arrive and writes the commit; whoever replays calls them as the journal says and
compares the commit. There is no third way to change anything here, and no clock, so both come to the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from engine.engine import Engine
from engine.errors import MessageError, SnapshotError
from engine.messages import Command, DeadLetter, Message, Outcomes, Promoted, Request, Verb
from streams.audit_trail import DONE, STARTED, Chain, Where, refused
from streams.audit_trail import line as audit_line
from streams.cloud_events import CloudEvents, handed_on
from streams.codec import RecordCodec, decode_label
from streams.codec_port import JSON, ValueCodec
from streams.commands import REASON_CHARS_MAX, START, CommandRecord, decode
from streams.intake import Arrival, Input, Kind, runs_of
from streams.journal import NOTHING_BEFORE, JournalEntry, digest_of
from streams.log_port import Commit, Headers
from streams.outputs import Origin, Outputs, OutputTopics, key_of
from streams.pipeline import Pipeline

OURSELVES = "sidestream"
"""Who did what nobody asked for: a change of the champion by the fallback ladder."""

COMMAND_RULE = "command"


class Effects(NamedTuple):
    """What one slice came to: the commit, what was said, and how many records it took, for those who watch."""

    commit: Commit
    outcomes: tuple[Outcomes, ...]
    record_count: int


class Replica:
    """The state that follows a journal.

    Parameters
    ----------
    pipeline
        What is to be answered, by whom.
    inputs
        The partitions that are read.
    topics
        Where outputs go.
    begun
        Returns the pipeline of a start that changes the contenders.
    values
        Writes the values of outputs.

    Attributes
    ----------
    sequence
        Of the next commit.
    offsets
        Where each input is to be read on.
    chain
        The head of the audit trail.
    head
        The digest of the journal's last record, which names the whole journal up to there.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        inputs: Sequence[Input],
        topics: OutputTopics,
        begun: Callable[[Mapping[str, Any]], Pipeline],
        values: ValueCodec = JSON,
    ) -> None:
        self.pipeline = pipeline
        self._begun = begun
        self._begun_at = 0
        self.inputs = tuple(inputs)
        self.topics = topics
        self.engine = Engine(pipeline.plan)
        self.sequence = 0
        self.offsets = [0] * len(self.inputs)
        self.chain = Chain()
        self.head = NOTHING_BEFORE
        self._codec = RecordCodec(pipeline.request_columns, self.engine.scorer.targets)
        source = pipeline.event_source
        self._events = None if source is None else CloudEvents(source, values.content_type)
        self._outputs = Outputs(topics, self._codec, values, self._events)
        self._steps = 0
        self._caught_up = Outcomes()
        self._said: list[Outcomes] = []
        self._messages: list[Message] = []
        self._origins: list[Origin] = []
        self._request_count = 0

    @property
    def unwritten(self) -> bool:
        """Whether there are steps whose answers no commit has written yet."""
        return self._steps > 0

    def catch_up(self, step_count_max: int | None = None) -> int:
        """Let the challengers take steps of the tape; return how many they took."""
        tape = self.engine.learner.tape
        before = len(tape)
        self.engine.catch_up(self._caught_up, step_count_max)
        taken = before - len(tape)
        self._steps += taken
        return taken

    def take(self, arrivals: Sequence[Arrival], start: Mapping[str, Any] | None = None) -> Effects:
        """Carry out one slice, and return the commit that makes it durable.

        Parameters
        ----------
        arrivals
            Records, in order; commands take effect where they stand among them.
        start
            What begins a worker's life, see `streams.journal.JournalEntry`.
        """
        position, steps = self.engine.position, self._steps
        if self._events is not None:
            self._events.begin(self.sequence)
        # In one piece, however often the challengers stopped on the way: the journal says how far they came, not how.
        self._hear(self._caught_up, (), position)
        self._caught_up = Outcomes()
        if start is not None:
            if "resolved" in start and self.sequence:
                self._change(start)
            began = CommandRecord(START, None, start["by"], start["at_ms"], "")
            contenders = {each.name: each.billing.spec for each in self.engine.learner.contenders}
            self._note(began, STARTED, detail={"versions": start["versions"], "contenders": contenders})
        for arrival in arrivals:
            self._take_one(arrival)
            self.offsets[arrival.input] = arrival.offset + 1
        self._answer()
        if self._events is not None:
            self._events.forget(len(self.engine.learner.tape))
        deliveries, digest = self._outputs.finish()
        entry = JournalEntry(position, steps, runs_of(arrivals), digest, self.head, start)
        commit = Commit(self.sequence, entry.encode(), deliveries)
        self.head = digest_of(commit.journal)
        said, self._said = tuple(self._said), []
        self._steps = 0
        self.sequence += 1
        return Effects(commit, said, len(arrivals))

    def _change(self, start: Mapping[str, Any]) -> None:
        """Go on with other contenders: those that stay continue, new ones know nothing yet, the champion stays."""
        self._hear(self.engine.catch_up(), (), self.engine.position)
        pipeline = self._begun(start)
        engine = Engine(pipeline.plan)
        engine.graft(self.engine.snapshot())
        self.pipeline, self.engine, self._begun_at = pipeline, engine, self.sequence
        self._codec = RecordCodec(pipeline.request_columns, engine.scorer.targets)
        self._outputs.codec = self._codec

    def _take_one(self, arrival: Arrival) -> None:
        """Turn one record into messages, or carry out the command that it is."""
        place = self.inputs[arrival.input]
        record = arrival.record
        if place.kind is Kind.COMMAND:
            self._answer()
            self._command(arrival)
            return
        if place.kind is Kind.LABEL:
            columns = self.pipeline.label_columns
            assert columns is not None  # noqa: S101 - there is no such input without them
            self._messages.append(decode_label(record, columns))
            self._origins.append(Origin(place.partition, record, None, self._about(arrival)))
            return
        index = self.engine.scorer.request_count + self._request_count
        request, label = self._codec.decode(record, index)
        key = arrival.key if self.pipeline.keeps_keys else None
        if key is None and isinstance(request, Request):
            key = key_of(request)
        self._request_count += 1
        origin = Origin(place.partition, record, key, self._about(arrival))
        self._messages.append(request)
        self._origins.append(origin)
        if label is not None:
            self._messages.append(label)
            self._origins.append(origin)

    def _about(self, arrival: Arrival) -> Headers:
        """Return what a record hands on to the headers of what is said about it."""
        if self._events is None:
            return ()
        return handed_on(arrival.record.origin, arrival.offset, arrival.headers)

    def _answer(self) -> None:
        """Have the engine take the messages gathered so far."""
        if not self._messages:
            return
        first, messages, origins = self.engine.position, self._messages, self._origins
        self._messages, self._origins, self._request_count = [], [], 0
        self._hear(self.engine.answer(messages), origins, first)

    def _command(self, arrival: Arrival) -> None:
        """Carry out what a person asked for, and write down who, what and why."""
        position, record = self.engine.position, arrival.record
        try:
            if record.refusal is not None:
                raise record.refusal
            asked = decode(record.raw)
        except MessageError as error:
            letter = DeadLetter(position, None, "command", error.stage, error.reason, error.detail)
            origin = Origin(0, record, None, self._about(arrival))
            self._hear(Outcomes(dead_letters=[letter]), [origin], position)
            return
        out = self.engine.command(Command(Verb(asked.verb), asked.contender))
        self._hear(out, (), position)
        why = out.commanded[-1].refused
        self._note(asked, DONE if why is None else refused(why), arrival)

    def _hear(self, out: Outcomes, origins: Sequence[Origin], first: int) -> None:
        """Take down what was said."""
        self._outputs.add(out, origins, first)
        self._said.append(out)
        for promoted in out.promotions:
            if promoted.rule != COMMAND_RULE:
                own = CommandRecord(Verb.PROMOTE, promoted.after, OURSELVES, None, _one_line(promoted))
                self._note(own, DONE)

    def _note(
        self,
        asked: CommandRecord,
        effect: str,
        arrival: Arrival | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an entry to the audit trail."""
        where = Where(self.sequence, self.engine.position, None if arrival is None else arrival.offset)
        self.chain, entry = self.chain.append(asked, effect, where, detail)
        self._outputs.add_audit(audit_line(entry), () if arrival is None else self._about(arrival))

    def snapshot(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the engine's state, and the rest, as plain data.

        Raises
        ------
        SnapshotError
            When a model cannot give its state.
        """
        rest: dict[str, Any] = {
            "sequence": self.sequence,
            "offsets": list(self.offsets),
            "head": self.head,
            "begun_at": self._begun_at,
            "chain": [self.chain.number, self.chain.head],
        }
        if self._events is not None:
            rest["handed_on"] = self._events.snapshot()
        return self.engine.snapshot(), rest

    def restore(self, engine: dict[str, Any], rest: Mapping[str, Any]) -> None:
        """Take back what `snapshot` returned.

        Raises
        ------
        SnapshotError
            When it is of other contenders or other inputs, or has another shape.
        """
        offsets = rest.get("offsets")
        if not isinstance(offsets, list) or len(offsets) != len(self.inputs):
            msg = f"the checkpoint has offsets {offsets!r:.80} for {len(self.inputs)} inputs; is this the log you mean?"
            raise SnapshotError(msg)
        self.engine.restore(engine)
        try:
            self.sequence, self.head, self.chain = int(rest["sequence"]), str(rest["head"]), Chain(*rest["chain"])
            if self._events is not None:
                self._events.restore(rest["handed_on"])
        except (KeyError, TypeError, ValueError) as error:
            msg = f"the checkpoint does not say which commit it was made after ({error!r}); use another one"
            raise SnapshotError(msg) from error
        self.offsets = list(offsets)
        self._begun_at = rest["begun_at"]


def _one_line(promoted: Promoted) -> str:
    """Return why the champion changed, fit for an audit entry: an exception may say anything."""
    said = f"{promoted.rule}: {promoted.reason}"
    return "".join(character if character.isprintable() else " " for character in said)[:REASON_CHARS_MAX]

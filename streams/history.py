"""The past of a log: the state as it stood before any message, and every decision made again.

The journal names each input in order and the replica is a function of them, so every past state can be had: from the
newest checkpoint before it, and the commits after that. Nothing here writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from engine.errors import ConfigError
from engine.messages import Answer, Features, Outcomes
from engine.tape import StepKind
from streams.ground import Ground, whole_topic
from streams.intake import Arrival, Intake, Kind
from streams.journal import JournalEntry, decode
from streams.replica import Replica


class Moment(NamedTuple):
    """A state in the middle of a commit: the replica before `arrivals`, which are the rest of it."""

    replica: Replica
    intake: Intake
    arrivals: Sequence[Arrival]
    sequence: int


class ContenderThen(NamedTuple):
    """One contender as it stood at a request, and its answer; None from one that was benched."""

    name: str
    role: str
    spec: str
    learned_count: int
    benched: str | None
    answer: Answer | None


class Rebuilt(NamedTuple):
    """One past decision, made again.

    `committed` is the line that was written then, `recomputed` what comes out now: equal bytes, or the log, the code or
    the machine is not what it was. `digest` names the engine's state just before the request, `features` are as the
    models saw them, `ends` what became of its labels, as they were written.
    """

    position: int
    sequence: int
    digest: str
    features: Features
    contenders: tuple[ContenderThen, ...]
    committed: bytes
    recomputed: bytes
    ends: tuple[dict[str, Any], ...]

    @property
    def is_equal(self) -> bool:
        """Whether the same bits came out."""
        return self.committed == self.recomputed


def before_position(ground: Ground, position: int) -> Moment:
    """Return the state before the message at a position, every challenger caught up.

    Raises
    ------
    ConfigError
        When the journal does not come as far.
    LogError, SnapshotError
        As `streams.recovery`.
    """
    sequence = 0
    for number, entry in _entries(ground):
        if entry.position > position:
            break
        sequence = number
    moment = _within(ground, sequence, lambda replica, _: replica.engine.position >= position)
    at = moment.replica.engine.position
    if at < position:
        msg = f"the journal ends at position {at:,}, got {position:,}"
        raise ConfigError(msg)
    return moment


def before_request(ground: Ground, index: int) -> Moment:
    """Return the state before the request of an index, every challenger caught up; it is the first of `arrivals`."""
    kinds = [each.kind for each in ground.inputs()]
    count = sequence = 0
    for number, entry in _entries(ground):
        sequence = number
        count += sum(run.record_count for run in entry.runs if kinds[run.input] is Kind.REQUEST)
        if count > index:
            break

    def is_next(replica: Replica, arrival: Arrival) -> bool:
        return kinds[arrival.input] is Kind.REQUEST and replica.engine.scorer.request_count == index

    return _within(ground, sequence, is_next)


def rebuild(ground: Ground, event_id: str) -> Rebuilt:
    """Make a past decision again: the first answer to this event.

    Raises
    ------
    ConfigError
        When no answer to it is on the topic.
    """
    committed, line = _committed(ground, event_id)
    index = line["index"]
    moment = before_request(ground, index)
    replica, engine = moment.replica, moment.replica.engine
    position, digest = engine.position, engine.state_digest()
    succession = engine.succession
    then = [
        (each.name, succession.role_of(each), each.billing.spec, each.learned_count, each.benched)
        for each in engine.learner.contenders
    ]
    champion = succession.answerer.name
    effects = replica.take(moment.arrivals[:1])
    features: Features = next(
        dict(row.x or {}) for kind, row, _, _ in engine.learner.tape if kind is StepKind.PREDICT and row.index == index
    )
    replica.catch_up()
    answers = _answers((*effects.outcomes, *replica.take(()).outcomes), index, champion)
    made = [
        entry.value
        for each in effects.commit.outputs
        if each.topic == replica.topics.predictions
        for entry in each.entries
    ]
    return Rebuilt(
        position=position,
        sequence=moment.sequence,
        digest=digest,
        features=features,
        contenders=tuple(ContenderThen(*each, answers.get(each[0])) for each in then),
        committed=committed,
        recomputed=made[0],
        ends=tuple(_ends(ground, index, line["id"])),
    )


def _entries(ground: Ground) -> Iterator[tuple[int, JournalEntry]]:
    """Yield the journal's entries with their sequences."""
    for record in ground.log.journal(ground.log.journal_begin()):
        yield record.sequence, decode(record.data, record.sequence)


def _within(ground: Ground, sequence: int, until: Callable[[Replica, Arrival], bool]) -> Moment:
    """Return the state within one commit, before the first of its arrivals that is asked for, or at its end."""
    recovered = ground.recovery().recover(sequence_max=sequence)
    replica, intake = recovered.replica, recovered.intake
    entry = decode(next(ground.log.journal(sequence)).data, sequence)
    arrivals: Sequence[Arrival] = intake.take_runs(entry.runs)
    replica.take((), entry.start)
    while arrivals and not until(replica, arrivals[0]):
        replica.take(arrivals[:1])
        arrivals = arrivals[1:]
    replica.catch_up()
    replica.take(())
    return Moment(replica, intake, arrivals, sequence)


def _committed(ground: Ground, event_id: str) -> tuple[bytes, dict[str, Any]]:
    """Return the line of the first answer to an event, as written and as read."""
    topic = ground.settings.topics.predictions
    partitions = next((info.partitions for info in ground.log.topics() if info.name == topic), ())
    for number in range(len(partitions)):
        for value in whole_topic(ground.log, topic, number):
            if event_id.encode() in value:
                line = json.loads(value)
                if str(line["id"]) == event_id and "duplicate_of" not in line:
                    return value, line
    msg = f"no answer to event {event_id!r} is on topic {topic!r}; check the id (`sidestream peek {topic}` shows some)"
    raise ConfigError(msg)


def _answers(outcomes: Sequence[Outcomes], index: int, champion: str) -> dict[str, Answer]:
    """Return who answered a request with what."""
    found: dict[str, Answer] = {}
    wanted = index, champion
    for out in outcomes:
        found |= {each.model: each.answer for each in out.shadow if each.request_index == index}
        found |= {each.model: each.answer for each in out.predictions if (each.request_index, each.model) == wanted}
    return found


def _ends(ground: Ground, index: int, event_id: object) -> Iterator[dict[str, Any]]:
    """Yield what became of a request's labels, and of itself, as it was written."""
    for value in whole_topic(ground.log, ground.settings.topics.ends):
        if b'"index":%d,' % index in value or json.dumps(event_id).encode() in value:
            line = json.loads(value)
            if line["index"] == index or line["id"] == event_id:
                yield line

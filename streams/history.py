"""The past of a log: the state as it stood before any message, and every decision made again.

The journal names each input in order and the replica is a function of them, so every past state can be had: from the
newest checkpoint before it, and the commits after that; where no checkpoint can be used, from the journal alone. Every
commit on the way is compared with the one that was made. Nothing here writes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from engine.errors import ConfigError, SnapshotError
from engine.messages import Answer, Features, Outcomes, Request
from engine.values import show_value
from streams.codec import RecordCodec
from streams.ground import Ground, whole_topic
from streams.intake import Arrival, Intake, Kind
from streams.journal import JournalEntry, decode
from streams.log_port import LogError
from streams.recovery import Recovered
from streams.replica import Replica
from streams.unanswered import unanswered


class Moment(NamedTuple):
    """A state in the middle of a commit: the replica before `arrivals`, which are the rest of it."""

    replica: Replica
    intake: Intake
    arrivals: Sequence[Arrival]
    sequence: int


class ContenderThen(NamedTuple):
    """One contender as it stood at a request, and its answer.

    Where there is none, `benched` says why: it had been benched before, or broke on this very request.
    """

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
    sequence, later = 0, False
    for number, entry in _entries(ground):
        later = entry.position > position
        if later:
            break
        sequence = number
    moment = _within(ground, sequence, lambda replica, _: replica.engine.position >= position)
    at = moment.replica.engine.position
    if at < position and later:
        msg = f"commit {sequence:,} ends at position {at:,}, and the next is not of there; look with `sidestream audit`"
        raise LogError(msg)
    if at < position:
        msg = f"the journal ends at position {at:,}, got {position:,}"
        raise ConfigError(msg)
    return moment


def before_request(ground: Ground, index: int) -> Moment:
    """Return the state before the request of an index, every challenger caught up; it is the first of `arrivals`."""
    requests = {number for number, each in enumerate(ground.inputs()) if each.kind is Kind.REQUEST}
    count = sequence = 0
    for number, entry in _entries(ground):
        sequence = number
        count += sum(run.record_count for run in entry.runs if run.input in requests)
        if count > index:
            break

    def is_next(replica: Replica, arrival: Arrival) -> bool:
        return arrival.input in requests and replica.engine.scorer.request_count == index

    return _within(ground, sequence, is_next)


def rebuild(ground: Ground, event_id: str) -> Rebuilt:
    """Make a past decision again: the first answer to this event.

    Raises
    ------
    ConfigError
        When the event was not answered: it never came, waits, or was refused.
    LogError
        When it must have been answered and the answer is not there, or one is there that was never given.
    """
    found = _committed(ground, event_id)
    if found is None:
        raise unanswered(ground, event_id)
    committed, line = found
    index = line["index"]
    moment = before_request(ground, index)
    replica, engine = moment.replica, moment.replica.engine
    position, digest = engine.position, engine.state_digest()
    role_of = engine.succession.role_of
    then = [(each, role_of(each), each.learned_count, each.benched) for each in engine.learner.contenders]
    effects = replica.take(moment.arrivals[:1])
    made = [
        entry.value
        for each in effects.commit.outputs
        if each.topic == replica.topics.predictions
        for entry in each.entries
    ]
    if not made:
        msg = f"an answer to event {event_id!r} names request {index}, which had none; look with `sidestream audit`"
        raise LogError(msg)
    replica.catch_up()
    said = (*effects.outcomes, *replica.take(()).outcomes)
    answers, broken = _answers(said, index), _broken(said, position)
    return Rebuilt(
        position=position,
        sequence=moment.sequence,
        digest=digest,
        features=_features(replica, moment.arrivals[0], index),
        contenders=tuple(
            ContenderThen(
                each.name,
                role,
                each.billing.spec,
                learned_count,
                benched or broken.get(each.name),
                answers.get(each.name),
            )
            for each, role, learned_count, benched in then
        ),
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
    recovered = _recovered(ground, sequence)
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


def _recovered(ground: Ground, sequence: int) -> Recovered:
    """Return the state after so many commits; a checkpoint only makes it faster, so none that is refused stops it."""
    recovery = ground.recovery(fallback=True, differences_accepted=True)
    try:
        return recovery.recover(sequence_max=sequence)
    except SnapshotError:
        return replace(recovery, checkpoints=None).recover(sequence_max=sequence)


def _committed(ground: Ground, event_id: str) -> tuple[bytes, dict[str, Any]] | None:
    """Return the line of the first answer to an event, as written and as read."""
    topic = ground.settings.topics.predictions
    partitions = next((info.partitions for info in ground.log.topics() if info.name == topic), ())
    spelled = _spelled(event_id)
    found = []
    for number in range(len(partitions)):
        for value in whole_topic(ground.log, topic, number):
            if spelled in value:
                line = _read(value, f"{topic}/{number}")
                if str(line["id"]) == event_id and line["index"] is not None and "duplicate_of" not in line:
                    found.append((value, line))
    return min(found, key=lambda each: each[1]["index"], default=None)


def _answers(outcomes: Sequence[Outcomes], index: int) -> dict[str, Answer]:
    """Return who answered a request with what."""
    found: dict[str, Answer] = {}
    for out in outcomes:
        found |= {each.model: each.answer for each in out.shadow if each.request_index == index}
        found |= {each.model: each.answer for each in out.predictions if each.request_index == index}
    return found


def _broken(outcomes: Sequence[Outcomes], position: int) -> dict[str, str]:
    """Return who was benched at a position, and why."""
    return {each.contender: each.reason for out in outcomes for each in out.benched if each.position == position}


def _features(replica: Replica, arrival: Arrival, index: int) -> Features:
    """Return a request's features as its models saw them, read once more by a reader that has admitted them already."""
    codec = RecordCodec(replica.pipeline.request_columns, replica.engine.scorer.targets)
    request, _ = codec.decode(arrival.record, index)
    assert isinstance(request, Request)  # noqa: S101 - it was answered
    return replica.engine.scorer.features.read(request.features)


def _ends(ground: Ground, index: int, event_id: object) -> Iterator[dict[str, Any]]:
    """Yield what became of a request, and of labels under its name that never found one, as it was written."""
    topic = ground.settings.topics.ends
    spelled = _spelled(str(event_id))
    for value in whole_topic(ground.log, topic):
        if b'"index":%d,' % index in value or spelled in value:
            line = _read(value, topic)
            if line["index"] == index or (line["index"] is None and line["id"] == event_id):
                yield line


def _spelled(event_id: str) -> bytes:
    r"""Return the bytes of an id inside the text of a line.

    >>> print(_spelled('café "7"').decode())
    café \\"7\\"
    """
    return json.dumps(event_id, ensure_ascii=False)[1:-1].encode(errors="replace")


def _read(value: bytes, place: str) -> dict[str, Any]:
    """Return a line about one request, or raise `LogError` where it is none that was written."""
    try:
        line = json.loads(value)
        index = line["index"]
        if "id" in line and (index is None or (type(index) is int and index >= 0)):
            return dict(line)
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    msg = f"a line on {place} is none that a worker writes: {show_value(value)}; look with `sidestream audit`"
    raise LogError(msg)

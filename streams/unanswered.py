"""Why an event has no answer: it never came, waits to be taken, or was refused; or its answer was taken away.

The inputs say whether it came, the journal whether it was taken, the dead letters whether it was refused. Nothing here
writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.errors import ConfigError, MessageError, SidestreamError
from streams.codec import read_id
from streams.codec_port import read_record
from streams.dead_letters import Place, letters
from streams.ground import Ground
from streams.intake import Kind
from streams.journal import decode
from streams.log_port import LogError


def unanswered(ground: Ground, event_id: str) -> SidestreamError:
    """Return what there is to say to somebody who asks for the answer to an event that has none."""
    topics = ground.settings.topics
    came = list(_places(ground, event_id))
    if not came:
        return ConfigError(
            f"no answer to event {event_id!r} is on topic {topics.predictions!r}; check the id "
            f"(`sidestream peek {topics.predictions}` shows some)"
        )
    taken = _taken(ground)
    waiting = [place for place in came if place.offset >= taken.get(place[:2], 0)]
    if len(waiting) == len(came):
        return ConfigError(
            f"event {event_id!r} is not answered yet: it stands in {came[0]}; start a worker (`sidestream run`)"
        )
    refused = next((told for place in came if (told := _letter(ground, place)) is not None), None)
    if refused is not None:
        return ConfigError(f"event {event_id!r} was never answered: {refused}")
    return LogError(
        f"event {event_id!r} was taken from {came[0]}, and no answer to it is on topic {topics.predictions!r}; look "
        "with `sidestream audit`, and restore the log from a copy"
    )


def _places(ground: Ground, event_id: str) -> Iterator[Place]:
    """Yield where requests of this name stand; where no column names them there are none."""
    column = ground.pipeline.request_columns.id
    if column is None:
        return
    bytes_max = ground.settings.input.record_bytes_max
    for topic, partition, kind in ground.inputs():
        offset = ground.log.begin(topic, partition) if kind is Kind.REQUEST else ground.log.end(topic, partition)
        while records := (span := ground.log.read(topic, partition, offset)).records:
            for record in records:
                values = read_record(ground.values, topic, record.offset, record.value, bytes_max).values
                if values is not None and _names(values, column, event_id):
                    yield Place(topic, partition, record.offset)
            offset = span.next_offset


def _names(values: Mapping[str, object], column: str, event_id: str) -> bool:
    try:
        return read_id(values, column) == event_id
    except MessageError:
        return False


def _taken(ground: Ground) -> dict[tuple[str, int], int]:
    """Return how far each partition was taken."""
    inputs = ground.inputs()
    taken: dict[tuple[str, int], int] = {}
    for record in ground.log.journal(0):
        for run in decode(record.data, record.sequence).runs:
            if run.input < len(inputs):
                taken[inputs[run.input][:2]] = run.next_offset
    return taken


def _letter(ground: Ground, place: Place) -> str | None:
    """Return what the dead letter of a record says, if it has one."""
    topic = ground.settings.topics.dead_letters
    source = f"{place.topic}/{place.partition}"
    for letter in letters(ground.log, topic, ground.log.begin(topic, 0)):
        told = letter.fields
        if (told["kind"], told["source"], told["row"]) == ("request", source, place.offset):
            return (
                f"{place} is a dead letter ({letter.reason}); see it: `sidestream dead show {letter.offset} --log DIR`"
            )
    return None

"""The outputs of one commit: outcomes become records on topics, and a digest of them all becomes the journal's proof.

A prediction goes to the partition number its request came from; everything else has one partition. The digest covers
every topic, key, header and byte, so a replay that comes to one other bit is found out. This file knows no log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from struct import Struct, pack

from engine.messages import Outcomes, Request
from streams.cloud_events import CloudEvents, at, by_model
from streams.codec import RecordCodec, dead_letter_line
from streams.codec_port import JSON, ValueCodec
from streams.event_lines import named_lines
from streams.log_port import Delivery, Entry, Headers
from streams.ports import Record

_lengths = Struct("<ii").pack


@dataclass(frozen=True, slots=True)
class OutputTopics:
    """What the topics of the outputs are called."""

    predictions: str
    shadow: str
    ends: str
    alarms: str
    dead_letters: str
    audit: str

    def names(self) -> tuple[str, ...]:
        """Return all of them; predictions have as many partitions as requests, the others one."""
        return (self.predictions, self.shadow, self.ends, self.alarms, self.dead_letters, self.audit)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a message came from: the partition, the record, the key of what is said about it, and its headers."""

    partition: int
    record: Record
    key: bytes | None
    about: Headers = ()


class Outputs:
    """What is to be written with the next commit.

    Parameters
    ----------
    topics
        Where things go.
    codec
        Turns outcomes into fields.
    values
        Writes fields as the values of records.
    events
        Gives each record its headers; None gives none.
    """

    def __init__(
        self,
        topics: OutputTopics,
        codec: RecordCodec,
        values: ValueCodec = JSON,
        events: CloudEvents | None = None,
    ) -> None:
        self._topics = topics
        self.codec = codec
        self._values = values
        self._events = events
        self._entries: dict[tuple[str, int], list[Entry]] = {}

    def add(self, out: Outcomes, origins: Sequence[Origin] = (), first: int = 0) -> None:
        """Add everything that was said about messages from position `first` on, whose origins are given."""
        topics, events = self._topics, self._events
        self._add_answers(out, origins, first)
        encode, label_fields, end_fields = self._values.encode, self.codec.label_fields, self.codec.request_end_fields
        for end in out.label_ends:
            # A label that was held was taken before, and where it stood is known no more.
            about = origins[end.position - first].about if end.position >= first and origins else ()
            headers = events.of("label_end", (*at(end.time_ms), *about)) if events else ()
            self._put(topics.ends, 0, Entry(None, encode(label_fields(end)), headers))
        for ended in out.request_ends:
            headers = events.of("request_end") if events else ()
            self._put(topics.ends, 0, Entry(None, encode(end_fields(ended)), headers))
        for kind, line in named_lines(out):
            self._put(topics.alarms, 0, Entry(None, line[:-1], events.of_json(kind) if events else ()))
        for letter in out.dead_letters:
            origin = origins[letter.position - first]
            line = dead_letter_line(letter, origin.record)[:-1]
            headers = events.of_json("dead_letter", origin.about) if events else ()
            self._put(topics.dead_letters, 0, Entry(None, line, headers))

    def _add_answers(self, out: Outcomes, origins: Sequence[Origin], first: int) -> None:
        """Add what was served, and what was answered in the shadow."""
        topics, events, encode = self._topics, self._events, self._values.encode
        prediction_fields, shadow_fields = self.codec.prediction_fields, self.codec.shadow_fields
        headers: Headers = ()
        for prediction in out.predictions:
            origin = origins[prediction.position - first]
            if events is not None:
                about = (*at(prediction.time_ms), *origin.about)
                headers = events.of("prediction", (*by_model(prediction.model, prediction.version), *about))
                if prediction.duplicate_of is None:
                    events.remember(prediction.request_index, about)
            entry = Entry(origin.key, encode(prediction_fields(prediction)), headers)
            self._put(topics.predictions, origin.partition, entry)
        for shadow in out.shadow:
            if events is not None:
                named = by_model(shadow.model, shadow.version)
                headers = events.of("shadow_prediction", (*named, *events.about(shadow.request_index)))
            self._put(topics.shadow, 0, Entry(None, encode(shadow_fields(shadow)), headers))

    def add_audit(self, line: bytes, about: Headers) -> None:
        """Add one entry of the audit trail."""
        headers = self._events.of_json("audit", about) if self._events else ()
        self._put(self._topics.audit, 0, Entry(None, line, headers))

    def finish(self) -> tuple[tuple[Delivery, ...], str]:
        """Return what there is to write, by topic and partition, and its digest; begin anew."""
        entries, self._entries = self._entries, {}
        digest = sha256()
        deliveries = []
        for topic, partition in sorted(entries):
            lines = entries[topic, partition]
            spelled = [f"{topic}/{partition}/{len(lines)}\n".encode()]
            for key, value, _ in lines:
                spelled += (_lengths(-1 if key is None else len(key), len(value)), key or b"", value)
            digest.update(b"".join(spelled))
            digest.update(_spelled([entry.headers for entry in lines]))
            deliveries.append(Delivery(topic, partition, lines))
        return tuple(deliveries), digest.hexdigest()

    def _put(self, topic: str, partition: int, entry: Entry) -> None:
        self._entries.setdefault((topic, partition), []).append(entry)


def _spelled(headers: Sequence[Headers]) -> bytes:
    """Return the one spelling of the headers of some records: nothing where there are none.

    How many each record has, the lengths of all values, the names and the values; no name of ours holds a line feed.
    """
    pairs = list(chain.from_iterable(headers))
    if not pairs:
        return b""
    values = [value for _, value in pairs]
    lengths = [*map(len, headers), *map(len, values)]
    names = "\n".join([name for name, _ in pairs])
    return pack(f"<{len(lengths)}I", *lengths) + names.encode() + b"\n" + b"".join(values)


def key_of(request: Request) -> bytes:
    """Return the key of what is said about a request: its own, or the event's name.

    >>> key_of(Request("p7", {}, None, "card 12")), key_of(Request(7, {}))
    (b'card 12', b'7')
    """
    return str(request.event_id if request.key is None else request.key).encode()

"""The outputs of one commit: outcomes become records on topics, and a digest of them all becomes the journal's proof.

A prediction goes to the partition number its request came from; everything else has one partition. The digest covers
every topic, key and byte, so a replay that comes to one other bit is found out. This file knows no log.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from struct import pack

from engine.messages import Outcomes, Request
from streams.codec import RecordCodec, dead_letter_line
from streams.event_lines import event_lines
from streams.log_port import Delivery, Entry
from streams.ports import Record


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
    """Where a message came from: the partition, the record, and the key of what is said about it."""

    partition: int
    record: Record
    key: bytes | None


class Outputs:
    """What is to be written with the next commit.

    Parameters
    ----------
    topics
        Where things go.
    codec
        Writes outcomes as lines.
    """

    def __init__(self, topics: OutputTopics, codec: RecordCodec) -> None:
        self._topics = topics
        self.codec = codec
        self._entries: dict[tuple[str, int], list[Entry]] = {}

    def add(self, out: Outcomes, origins: Sequence[Origin] = (), first: int = 0) -> None:
        """Add everything that was said about messages from position `first` on, whose origins are given."""
        codec, topics = self.codec, self._topics
        for prediction in out.predictions:
            origin = origins[prediction.position - first]
            self._put(topics.predictions, origin.partition, Entry(origin.key, codec.prediction_line(prediction)[:-1]))
        self._put_lines(topics.shadow, map(codec.shadow_line, out.shadow))
        self._put_lines(topics.ends, map(codec.label_line, out.label_ends))
        self._put_lines(topics.ends, map(codec.request_end_line, out.request_ends))
        self._put_lines(topics.alarms, event_lines(out))
        letters = (dead_letter_line(letter, origins[letter.position - first].record) for letter in out.dead_letters)
        self._put_lines(topics.dead_letters, letters)

    def add_line(self, topic: str, line: bytes) -> None:
        """Add one line, without its line end, to a topic of one partition."""
        self._put(topic, 0, Entry(None, line))

    def finish(self) -> tuple[tuple[Delivery, ...], str]:
        """Return what there is to write, by topic and partition, and its digest; begin anew."""
        entries, self._entries = self._entries, {}
        digest = sha256()
        deliveries = []
        for topic, partition in sorted(entries):
            lines = entries[topic, partition]
            digest.update(f"{topic}/{partition}/{len(lines)}\n".encode())
            for key, value in lines:
                digest.update(pack("<ii", -1 if key is None else len(key), len(value)))
                digest.update((key or b"") + value)
            deliveries.append(Delivery(topic, partition, lines))
        return tuple(deliveries), digest.hexdigest()

    def _put(self, topic: str, partition: int, entry: Entry) -> None:
        self._entries.setdefault((topic, partition), []).append(entry)

    def _put_lines(self, topic: str, lines: Iterable[bytes]) -> None:
        for line in lines:
            self._put(topic, 0, Entry(None, line[:-1]))


def key_of(request: Request) -> bytes:
    """Return the key of what is said about a request: its own, or the event's name.

    >>> key_of(Request("p7", {}, None, "card 12")), key_of(Request(7, {}))
    (b'card 12', b'7')
    """
    return str(request.event_id if request.key is None else request.key).encode()

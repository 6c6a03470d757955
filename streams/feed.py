"""The feed: records become the one ordered sequence of messages that the engine journals.

Requests come in the order of the source. A label comes straight after its request where the record carries it, and
otherwise when event time has reached it: the delay line decides. Each message travels with the record it came from, so
that a dead letter can show the original bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from engine.messages import Label, Message, Refused, Request
from streams.codec import RecordCodec
from streams.label_delay import LabelDelay
from streams.labels_file import LabelsFile
from streams.ports import Record


class Piece(NamedTuple):
    """One message and the record it came from; None where no single record did."""

    message: Message
    record: Record | None


class Feed:
    """Requests and labels of one stream, in the order in which the engine takes them.

    Parameters
    ----------
    records
        The source.
    codec
        Reads records.
    delay
        Holds labels that have a time back until event time reaches it.
    label_delay_ms
        Labels in the records become known so long after their request; None for at once, or at their own time.
    labels_file
        Labels in a file of their own, if there is one.

    Notes
    -----
    At the end of the source nothing is flushed: labels whose time has not come stay where they are, counted by
    `delay.waiting`.
    """

    def __init__(
        self,
        records: Iterable[Record],
        codec: RecordCodec,
        delay: LabelDelay,
        *,
        label_delay_ms: int | None = None,
        labels_file: LabelsFile | None = None,
    ) -> None:
        self._records = records
        self._codec = codec
        self._delay = delay
        self._label_delay_ms = label_delay_ms
        self._labels_file = labels_file

    def __iter__(self) -> Iterator[Piece]:
        """Yield the pieces, in order."""
        if self._labels_file is not None:
            yield from self._open_labels(self._labels_file)
        for index, record in enumerate(self._records):
            request, label = self._codec.decode(record, index)
            if isinstance(request, Request):
                for due, origin in self._delay.release(request.time_ms):
                    yield Piece(due, origin)
            yield Piece(request, record)
            if label is not None:
                yield from self._deliver(label, request, record)
            if self._labels_file is not None and isinstance(request, Request):
                for filed in self._labels_file.take(request):
                    yield from self._deliver(filed, request, None)
        if self._labels_file is not None:
            for left in self._labels_file.take_unrequested():
                yield Piece(left, None)

    def _open_labels(self, labels_file: LabelsFile) -> Iterator[Piece]:
        """Read the labels' file: what cannot be read ends at once, what has a time waits for it."""
        for record, refused in labels_file.load():
            yield Piece(refused, record)
        for label in labels_file.take_dated():
            yield from self._hold(label, None)

    def _deliver(self, label: Label | Refused, request: Request | Refused, record: Record | None) -> Iterator[Piece]:
        """Hand a label on at once, or hold it back until it is known."""
        if isinstance(label, Label) and isinstance(request, Request):
            if label.time_ms is None and self._label_delay_ms is not None and request.time_ms is not None:
                label = label._replace(time_ms=request.time_ms + self._label_delay_ms)
            if label.time_ms is not None:
                yield from self._hold(label, record)
                return
        yield Piece(label, record)

    def _hold(self, label: Label, record: Record | None) -> Iterator[Piece]:
        """Put a label on the delay line; one that finds it full is refused."""
        origin = None if record is None else record._replace(values=None)
        refused = self._delay.hold(label, origin)
        if refused is not None:
            yield Piece(refused, record)

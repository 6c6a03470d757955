"""Labels in a file of their own, joined to requests by id.

When a label becomes visible is the file's business or the operator's: at its own label time, at a fixed delay after its
request, or, with neither, straight after its request. This file says which labels a request brings and when they become
known; to hold them back until then is the delay line's part.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.errors import ConfigError
from engine.messages import Label, Refused, Request
from streams.codec import Columns, read_label_record
from streams.ports import Record, Source


class LabelsFile:
    """The labels of one source, by event id.

    Parameters
    ----------
    source
        Where the labels are read from, once, by `load`.
    columns
        Its id and target, and its label time if it has one.
    delay_ms
        How long after its request a label becomes known; None for a file with label times, or to show it at once.
    label_count_max
        Labels held in memory; a file with more is refused.

    Attributes
    ----------
    never_visible_count
        Rows whose target or label time is blank.

    Raises
    ------
    ConfigError
        When there is no id or target column, or both a label time and a delay.
    """

    def __init__(
        self, source: Source, columns: Columns, *, delay_ms: int | None = None, label_count_max: int = 10_000_000
    ) -> None:
        if columns.id is None or columns.target is None:
            msg = f"labels in a file of their own are joined by id: name the id and target columns of {source.name!r}"
            raise ConfigError(msg)
        if delay_ms is not None and columns.label_time is not None:
            msg = f"labels of {source.name!r} have a time ({columns.label_time!r}) and a delay; set one of the two"
            raise ConfigError(msg)
        if delay_ms is not None and delay_ms < 0:
            msg = f"delay_ms must not be negative, got {delay_ms}"
            raise ConfigError(msg)
        self._source = source
        self._columns = columns
        self._delay_ms = delay_ms
        self._label_count_max = label_count_max
        self._by_id: dict[str, list[Label]] = {}
        self._dated: list[Label] = []
        self.never_visible_count = 0

    def load(self) -> Iterator[tuple[Record, Refused]]:
        """Read the whole source; yield each row that cannot be read as a label, and why."""
        count = 0
        for record in self._source:
            label = read_label_record(record, self._columns)
            if label is None:
                self.never_visible_count += 1
            elif isinstance(label, Refused):
                yield record, label
            else:
                count += 1
                if count > self._label_count_max:
                    msg = f"{self._source.name!r} holds more than {self._label_count_max} labels; split the replay"
                    raise ConfigError(msg)
                if label.time_ms is not None:
                    self._dated.append(label)
                else:
                    self._by_id.setdefault(str(label.event_id), []).append(label)

    def take_dated(self) -> list[Label]:
        """Return, once, the labels that have a time of their own, in file order: the delay line's from the start."""
        dated, self._dated = self._dated, []
        return dated

    def take(self, request: Request) -> list[Label]:
        """Return, once, the labels of this request: with the time they become known, or without one for at once.

        Raises `ConfigError` where a delay is set and the request has no time to count it from.
        """
        labels = self._by_id.pop(str(request.event_id), [])
        time_ms = None
        if self._delay_ms is not None:
            if request.time_ms is None:
                msg = "a label delay counts from the request's time, and requests have none; name their time column"
                raise ConfigError(msg)
            time_ms = request.time_ms + self._delay_ms
        return [Label(request.event_id, label.target, time_ms) for label in labels]

    def take_unrequested(self) -> list[Label]:
        """Return, at the end of the stream, the labels whose id no request had, in file order of their ids."""
        labels = [label for labels in self._by_id.values() for label in labels]
        self._by_id.clear()
        return labels

"""Records into messages, outcomes into lines: the only place that knows both columns and the engine's vocabulary.

On the way in, a record becomes a `Request` and, where it carries its truth, a `Label`; on the way out each outcome
becomes one line of JSON with its keys in a fixed order. The codec keeps no state but a table of class names.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite

import orjson

from engine.errors import ConfigError, MessageError
from engine.event_time import parse_event_time
from engine.messages import (
    Answer,
    DeadLetter,
    EventId,
    Label,
    LabelEnd,
    Prediction,
    Refused,
    Request,
    RequestEnd,
    ShadowPrediction,
    Target,
)
from engine.targets import Targets, Task
from engine.values import is_missing, show_value
from streams.ports import RAW_BYTES_MAX, Record

ID_CHARS_MAX = 512
"""Characters of an event id."""

# A model of a third party may answer with NumPy scalars.
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a record mean.

    Parameters
    ----------
    target
        Holds the truth; None where no record carries one. Never a feature.
    id
        Names the event; None numbers the requests. Never a feature.
    time
        Event time of the request. It stays a feature unless dropped.
    label_time
        When the truth became known. Never a feature.
    key
        What the event is about, such as a card. It stays a feature unless dropped.
    dropped
        Columns no model may see.
    labels_in_record
        Whether a record carries its own truth; False where labels come from elsewhere.

    Raises
    ------
    ConfigError
        When one column is asked to be two things, or a label time is set without a target.
    """

    target: str | None = None
    id: str | None = None
    time: str | None = None
    label_time: str | None = None
    key: str | None = None
    dropped: tuple[str, ...] = ()
    labels_in_record: bool = True

    def __post_init__(self) -> None:
        """Refuse columns that contradict each other."""
        if self.target is not None and self.target in {self.id, self.time, self.label_time, self.key}:
            msg = f"column {self.target!r} is the target and cannot also be the id, a time or the key"
            raise ConfigError(msg)
        if self.label_time is not None and self.target is None:
            msg = f"label_time={self.label_time!r} needs a target; name the column that holds the truth"
            raise ConfigError(msg)

    @property
    def hidden(self) -> tuple[str, ...]:
        """The columns no model may see."""
        named = (self.target, self.id, self.label_time, *self.dropped)
        return tuple(dict.fromkeys(name for name in named if name is not None))


class RecordCodec:
    """Turns records into messages and outcomes into lines.

    Parameters
    ----------
    columns
        What the columns mean.
    targets
        The label space, for the names of classes.

    Notes
    -----
    About 1.5 µs to decode a record of nine columns, 1 µs more for each of id, time and label time; 1.5 µs a line.
    """

    def __init__(self, columns: Columns, targets: Targets) -> None:
        self.columns = columns
        self._targets = targets
        self._binary = targets.task is Task.BINARY
        self._regression = targets.task is Task.REGRESSION
        self._hidden = columns.hidden

    def decode(self, record: Record, index: int) -> tuple[Request | Refused, Label | Refused | None]:
        """Return the request, and its label where the record carries one that will be visible some day.

        Parameters
        ----------
        record
            One record.
        index
            The number of this request, from 0: its id where no column holds one.

        Returns
        -------
        The request, or why there is none; and the label, with the time it becomes visible or None for at once; or why
        that one cannot be read; or None where the target is blank, the label time is blank (the truth is then never
        visible) or the request was refused.
        """
        values = record.values
        if values is None:
            refusal = record.refusal
            if refusal is None:
                msg = f"record {record.row} of {record.origin!r} has neither values nor a refusal"
                raise ValueError(msg)
            return Refused("request", refusal.stage, refusal.reason, refusal.detail), None
        columns = self.columns
        event_id: EventId = index
        time_ms = key = None
        try:
            if columns.id is not None:
                event_id = read_id(values, columns.id)
            if columns.time is not None:
                time_ms = _read_time(values, columns.time)
            if columns.key is not None and not is_missing(values.get(columns.key)):
                key = spell_id(values[columns.key], columns.key)
        except MessageError as error:
            return Refused("request", "decode", error.reason, error.detail), None
        features = dict(values)
        for name in self._hidden:
            features.pop(name, None)
        request = Request(event_id, features, time_ms, key)
        if columns.target is None or not columns.labels_in_record:
            return request, None
        return request, read_label(values, event_id, columns)

    def prediction_line(self, prediction: Prediction) -> bytes:
        """Return the answer that was served as one line."""
        return orjson.dumps(self.prediction_fields(prediction), option=_OPTIONS)

    def shadow_line(self, shadow: ShadowPrediction) -> bytes:
        """Return a challenger's answer as one line."""
        return orjson.dumps(self.shadow_fields(shadow), option=_OPTIONS)

    def label_line(self, end: LabelEnd) -> bytes:
        """Return the end of a label as one line."""
        return orjson.dumps(self.label_fields(end), option=_OPTIONS)

    def request_end_line(self, end: RequestEnd) -> bytes:
        """Return the end of a request that had no label as one line."""
        return orjson.dumps(self.request_end_fields(end), option=_OPTIONS)

    def prediction_fields(self, prediction: Prediction) -> dict[str, object]:
        """Return the answer that was served as the fields of a record.

        `rung` stands in it only where the ladder answered, `propensities` only where a router chose.
        """
        line: dict[str, object] = {
            "index": prediction.request_index,
            "id": prediction.event_id,
            "event_time_ms": prediction.time_ms,
            "model": prediction.model,
        }
        self._add_answer(line, prediction.answer)
        if prediction.rung is not None:
            line["rung"] = prediction.rung
        if prediction.propensities is not None:
            line["propensities"] = prediction.propensities
        if prediction.duplicate_of is not None:
            line["duplicate_of"] = prediction.duplicate_of
        return line

    def shadow_fields(self, shadow: ShadowPrediction) -> dict[str, object]:
        """Return a challenger's answer as the fields of a record."""
        line: dict[str, object] = {"index": shadow.request_index, "id": shadow.event_id, "model": shadow.model}
        self._add_answer(line, shadow.answer)
        return line

    def label_fields(self, end: LabelEnd) -> dict[str, object]:
        """Return the end of a label as the fields of a record."""
        return {
            "position": end.position,
            "id": end.event_id,
            "index": end.request_index,
            "target": self._targets.name(end.target),
            "label_time_ms": end.time_ms,
            "end": end.end,
        }

    def request_end_fields(self, end: RequestEnd) -> dict[str, object]:
        """Return the end of a request that had no label as the fields of a record."""
        return {"position": end.position, "index": end.request_index, "id": end.event_id, "end": end.end}

    def _add_answer(self, line: dict[str, object], answer: Answer) -> None:
        decision, score = answer
        line["prediction"] = self._targets.name(decision)
        if isinstance(score, dict):
            line["probabilities"] = {_class_name(name): p for name, p in score.items()}
        elif not self._regression:
            line["probability"] = score


def to_value(fields: Mapping[str, object]) -> bytes:
    """Return the fields of a record as one JSON object."""
    # A copy: what orjson returns sits in a kilobyte of room, and to fetch that for every value costs more than to copy.
    return orjson.dumps(fields, option=_OPTIONS)[:-1]


def to_json(data: Mapping[str, object]) -> str:
    """Return plain data as one JSON object."""
    return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode()


def dead_letter_line(letter: DeadLetter, record: Record | None) -> bytes:
    """Return a dead letter as one line, with the original bytes of its record where they are known.

    The bytes stand under `text` where they are UTF-8 and under `base64` where not. Of more than `RAW_BYTES_MAX` bytes
    only so many are shown, less a character cut in two; `length` and `sha256` are always those of the whole.
    """
    line: dict[str, object] = {
        "position": letter.position,
        "index": letter.request_index,
        "kind": letter.kind,
        "source": _as_utf8(record.origin) if record else None,
        "row": record.row if record else None,
        "stage": letter.stage,
        "reason": letter.reason,
        "detail": _as_utf8(letter.detail),
    }
    if record is not None:
        shown, cut = record.raw[:RAW_BYTES_MAX], record.cut
        truncated = cut is not None or len(record.raw) > RAW_BYTES_MAX
        try:
            line["text"] = shown.decode()
        except UnicodeDecodeError as error:
            if truncated and error.start >= len(shown) - 3 and error.reason == "unexpected end of data":
                line["text"] = shown[: error.start].decode()
            else:
                line["base64"] = b64encode(shown).decode()
        line["length"] = cut.length if cut else len(record.raw)
        line["sha256"] = cut.sha256 if cut else sha256(record.raw).hexdigest()
        line["truncated"] = truncated
    return orjson.dumps(line, option=_OPTIONS)


def decode_label(record: Record, columns: Columns) -> Label | Refused:
    """Return the label in a record that holds nothing else, or why there is none.

    Such a record was sent because the truth is known: a blank target, or a blank time of it, is a mistake.
    """
    found = read_label_record(record, columns)
    if found is None:
        detail = f"a label needs a value in {columns.target!r}"
        if columns.label_time is not None:
            detail += f" and the time it became known in {columns.label_time!r}"
        return Refused("label", "decode", "missing_target", detail)
    return found


def read_label_record(record: Record, columns: Columns) -> Label | Refused | None:
    """Return the label in a record that holds nothing else, or why it cannot be read; None where it is blank."""
    values = record.values
    if values is None:
        refusal = record.refusal
        if refusal is None:
            msg = f"record {record.row} of {record.origin!r} has neither values nor a refusal"
            raise ValueError(msg)
        return Refused("label", refusal.stage, refusal.reason, refusal.detail)
    try:
        event_id = read_id(values, str(columns.id))
    except MessageError as error:
        return Refused("label", "decode", error.reason, error.detail)
    return read_label(values, event_id, columns)


def read_label(values: Mapping[str, object], event_id: EventId, columns: Columns) -> Label | Refused | None:
    """Return the label a record carries, why it cannot be read, or None where it carries none that will be visible."""
    target = values.get(columns.target) if columns.target is not None else None
    if is_missing(target):
        return None
    if columns.label_time is None:
        return Label(event_id, target)
    known = values.get(columns.label_time)
    if is_missing(known):
        return None
    try:
        return Label(event_id, target, parse_event_time(known))
    except MessageError as error:
        detail = f"column {columns.label_time!r}: {error.detail}"
        return Refused("label", "decode", "bad_label_time", detail)


def read_id(values: Mapping[str, object], name: str) -> str:
    """Return the event id of a record, or raise `MessageError`: `missing_id`, `bad_id`."""
    value = values.get(name)
    if is_missing(value):
        detail = f"column {name!r} holds no event id; give each event one, or set no id column"
        raise MessageError("missing_id", detail, stage="decode")
    return spell_id(value, name)


def spell_id(value: object, name: str) -> str:
    """Return the one text of an id, so that 7, 7.0 and "7" name one event.

    Text is taken as it stands but for blanks around it: `"7.0"` and `"007"` are ids of their own.

    >>> spell_id(7, "id"), spell_id(7.0, "id"), spell_id(" 7 ", "id"), spell_id("007", "id")
    ('7', '7', '7', '007')
    """
    if isinstance(value, str):
        text = value.strip()
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int):
        text = str(value)
    elif isinstance(value, float) and isfinite(value):
        text = str(int(value)) if value.is_integer() else repr(value)
    else:
        text = ""
    if not 0 < len(text) <= ID_CHARS_MAX:
        detail = f"column {name!r} takes text of at most {ID_CHARS_MAX} characters or a number, got {show_value(value)}"
        raise MessageError("bad_id", detail, stage="decode")
    return text


def _read_time(values: Mapping[str, object], name: str) -> int:
    value = values.get(name)
    if is_missing(value):
        detail = f"column {name!r} holds no event time; give each event one, or set no time column"
        raise MessageError("missing_time", detail, stage="decode")
    return parse_event_time(value)


def _as_utf8(text: str) -> str:
    """Return text that can be written: a path may hold bytes that are no characters."""
    return text.encode(errors="backslashreplace").decode()


def _class_name(name: Target) -> str:
    """Return a class as a key of JSON."""
    return ("true" if name else "false") if isinstance(name, bool) else str(name)

"""Guesses from a sample: what the columns hold, and what is to be predicted.

A guess is a function of the sampled rows alone, and says in words what the operator may want to overrule. It is made
once, before anything starts; nothing here is called for an event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date

from engine.errors import ConfigError, MessageError
from engine.event_time import parse_event_time
from engine.messages import Target
from engine.schema import Column, Kind, Schema, Unknown
from engine.targets import WHOLE_BELOW, Task, spell_class
from engine.values import is_missing, read_number, show_value

SAMPLE_COUNT_MAX = 1_000
"""Rows that are looked at, at most."""

INTEGER_CLASS_COUNT_MAX = 20
"""Whole-number targets with more distinct values than this are quantities, not classes."""

GARBAGE_SHARE_MAX = 0.01
"""Values of another kind than the rest, up to this share, are mistakes and have no say."""

_NEARLY_NUMERIC_SHARE = 0.9
_TEXT_WORD_COUNT_MEAN = 3
_TEXT_DISTINCT_SHARE = 0.5
_PAIR = 2


def infer_schema(
    rows: Sequence[Mapping[str, object]],
    *,
    time_column: str | None = None,
    carried: Collection[str] = (),
    declared: Mapping[str, Kind] | None = None,
    unknown: Unknown = Unknown.IGNORE,
) -> Schema:
    """Return the schema of the first 1,000 rows at most.

    - *numeric*: every value is a finite number, a bool, or ASCII text that reads as a number. NaN and infinities have
      no say here; their rows become dead letters when read.
    - *time*: every value is a datetime or ISO-8601 text, in the time column and in any other.
    - *text*: strings of which more than half are distinct and which have three words or more on average.
    - *category*: all other strings, "true" and "false" among them.
    - Columns with no value at all, and those with more than 1 % lists and objects, are ignored with a notice.

    Blank text and None are missing values and have no say. A column is required where every sampled row has its key.

    Parameters
    ----------
    rows
        Sampled rows, values as the source gave them.
    time_column
        The event-time column: one that mixes numbers with ISO text is still a time, never a category.
    carried
        Columns that are no features.
    declared
        Kinds that the operator gave; they stand whatever the sample says, and need not be in it.
    unknown
        What becomes of columns not seen here.
    """
    sample = rows[:SAMPLE_COUNT_MAX]
    kinds = declared or {}
    columns: list[Column] = []
    ignored: set[str] = set()
    notices: list[str] = []
    names = dict.fromkeys(name for row in sample for name in row)
    for name in names:
        if name in carried:
            continue
        seen = [row[name] for row in sample if name in row]
        kind, notice = (kinds[name], None) if name in kinds else _infer_kind(name, seen, is_time=name == time_column)
        if notice is not None:
            notices.append(notice)
        if kind is None:
            ignored.add(name)
        else:
            columns.append(Column(name, kind, required=len(seen) == len(sample)))
    for name, kind in kinds.items():
        if name not in names:
            notices.append(f"column {name!r} is declared but in none of the {len(sample)} sampled rows")
            columns.append(Column(name, kind))
    return Schema(tuple(columns), frozenset(carried) | ignored, unknown, tuple(notices))


def _infer_kind(name: str, seen: Sequence[object], *, is_time: bool) -> tuple[Kind | None, str | None]:
    """Return a column's kind, or None where it is to be ignored, and what there is to say about it."""
    present = [value for value in seen if not is_missing(value)]
    values = [value for value in present if not _is_composite(value)]
    if len(present) - len(values) > GARBAGE_SHARE_MAX * len(present):
        return None, f"column {name!r} holds lists or objects and is ignored; a feature is one number or one word"
    reasons = [_refusal_as_number(value) for value in values]
    if all(reason == "not_finite" for reason in reasons):
        return None, f"column {name!r} has no value in the sample and is ignored; declare it under [schema] to use it"
    words = [value for value, reason in zip(values, reasons, strict=True) if reason not in {None, "not_finite"}]
    number_count = reasons.count(None)
    if not words:
        return Kind.NUMERIC, None
    if (is_time or not number_count) and all(_is_time(value) for value in values):
        return Kind.TIME, None
    if number_count < _NEARLY_NUMERIC_SHARE * len(values):
        return _category_or_text([str(value) for value in values]), None
    notice = (
        f"column {name!r} is read as a category because of {len(words)} of {len(values)} values, the first "
        f"{show_value(words[0])}; declare it numeric under [schema] to make such rows dead letters instead"
    )
    return Kind.CATEGORY, notice


def _category_or_text(texts: Sequence[str]) -> Kind:
    word_count_mean = sum(len(text.split()) for text in texts) / len(texts)
    is_distinct = len(set(texts)) > _TEXT_DISTINCT_SHARE * len(texts)
    return Kind.TEXT if is_distinct and word_count_mean >= _TEXT_WORD_COUNT_MEAN else Kind.CATEGORY


def _is_composite(value: object) -> bool:
    return isinstance(value, (bytes, bytearray)) or (isinstance(value, Iterable) and not isinstance(value, str))


def _refusal_as_number(value: object) -> str | None:
    try:
        read_number(value, "")
    except MessageError as refused:
        return refused.reason
    return None


def _is_time(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, date)):
        return False
    try:
        parse_event_time(value)
    except MessageError:
        return False
    return True


def infer_task(raw_targets: Iterable[object]) -> tuple[Task, tuple[Target, ...]]:
    """Return the task, and its classes in order: for a binary one (negative, positive), for a regression none.

    Words and bools are classes. Whole numbers are classes up to 20 distinct ones and a quantity beyond; a single
    fraction among numbers makes them a quantity. Where words and numbers mix, the rarer kind is garbage if it is at
    most 1 % of the values, else all are classes. Missing targets have no say.

    Of two classes the positive one is the rarer, in a tie the one that sorts last (numbers before words). Where the
    sample shows one class alone and it is 0, 1, true or false, the other is known, and 1 or true is positive.

    Raises
    ------
    ConfigError
        Where there is no target to see, one class alone that does not tell the other, or words most of which are
        distinct.

    >>> infer_task(["ok", "ok", "fraud"]), infer_task([0.5, 2.0])
    ((<Task.BINARY: 'binary'>, ('ok', 'fraud')), (<Task.REGRESSION: 'regression'>, ()))
    """
    numbers: list[float] = []
    words: list[Target] = []
    for raw in raw_targets:
        _sort_in(raw, numbers, words)
    if len(numbers) <= GARBAGE_SHARE_MAX * len(words):
        numbers.clear()
    if len(words) <= GARBAGE_SHARE_MAX * len(numbers):
        words.clear()
        if any(not number.is_integer() for number in numbers) or len(set(numbers)) > INTEGER_CLASS_COUNT_MAX:
            return Task.REGRESSION, ()
    counts = Counter([*words, *map(_class_of, numbers)])
    classes = tuple(sorted(counts, key=_class_order))
    if len(classes) > max(INTEGER_CLASS_COUNT_MAX, counts.total() / _PAIR):
        msg = f"the target has {len(classes)} distinct words in {counts.total()} rows; is it an id, or text?"
        raise ConfigError(msg)
    if len(classes) > _PAIR:
        return Task.MULTICLASS, classes
    if len(classes) == _PAIR:
        return Task.BINARY, tuple(sorted(classes, key=lambda name: -counts[name]))
    return Task.BINARY, _the_pair_of(classes)


def _class_of(number: float) -> Target:
    """Return the class a number names, or would if it were a whole and not too long."""
    return spell_class(number) if number.is_integer() and abs(number) < WHOLE_BELOW else str(number)


def _sort_in(raw: object, numbers: list[float], words: list[Target]) -> None:
    """Append one target to the kind it belongs to; what is missing or cannot be a target goes nowhere."""
    if is_missing(raw):
        return
    try:
        if isinstance(raw, bool):
            words.append(raw)
        elif isinstance(raw, str) and _refusal_as_number(raw) == "not_a_number":
            words.append(spell_class(raw))
        else:
            numbers.append(read_number(raw, "target"))
    except MessageError:
        return


def _class_order(name: Target) -> tuple[bool, float, str]:
    return (True, 0.0, name) if isinstance(name, str) else (False, float(name), "")


def _the_pair_of(classes: tuple[Target, ...]) -> tuple[Target, ...]:
    """Return both classes where the sample shows only one, if that one tells the other."""
    if not classes:
        msg = "no target could be read in the sample; name the target column, or give the task"
        raise ConfigError(msg)
    (only,) = classes
    if isinstance(only, bool):
        return (False, True)
    if only in {0, 1}:
        return (0, 1)
    msg = f"the sample shows one class alone, {only!r}; give the task, and for a binary one which class is positive"
    raise ConfigError(msg)

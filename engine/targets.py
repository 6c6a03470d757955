"""What a label may say: the task, its classes, and the one form in which models see a target.

A binary target reaches the models as a bool (True is the positive class), a multiclass target as its class, a
regression target as a finite float. A class has one spelling whatever the file said: `"1"`, `"1.0"`, `1` and `1.0`
are 1, `"true"` is True, anything else is text, whole numbers of more than 18 digits among it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from math import isfinite

from engine.errors import ConfigError, MessageError
from engine.messages import Target
from engine.values import show_value


class Task(StrEnum):
    """What is predicted."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


SEEN_COUNT_MAX = 1_000
"""Spellings of classes that are remembered, so that a label is read by one look-up."""

CLASS_CHARS_MAX = 256
"""Characters of a class: its name stands in every answer, once for each class."""

WHOLE_BELOW = 10**18
"""Whole numbers from here on are names spelled in digits: JSON of other readers ends at 64 bits."""

_CLASS_BITS_MAX = 850  # of a whole number that has as many digits
_PLAIN = (str, int, bool)
_WORDS: dict[str, Target] = {"true": True, "false": False}
_WHOLE_NUMBER = re.compile(r"(-?[0-9]{1,18})(?:\.0*)?")


def spell_class(raw: object) -> Target:
    """Return the one spelling of a class, or raise `MessageError` where `raw` cannot name one.

    >>> spell_class("1"), spell_class("1.0"), spell_class("True"), spell_class(" spam ")
    (1, 1, True, 'spam')
    >>> spell_class(10**18) == spell_class(1e18) == spell_class("1000000000000000000") == "1000000000000000000"
    True
    """
    if type(raw) is bool:
        return raw
    text = ""
    if type(raw) is int or (isinstance(raw, float) and raw.is_integer()):
        number = int(raw)
        if -WHOLE_BELOW < number < WHOLE_BELOW:
            return number
        text = str(number) if number.bit_length() <= _CLASS_BITS_MAX else ""
    elif isinstance(raw, str):
        text = raw.strip()
        if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        whole = _WHOLE_NUMBER.fullmatch(text)
        if whole is not None:
            return int(whole[1])
    if 0 < len(text) <= CLASS_CHARS_MAX:
        return text
    msg = f"a class is a word of at most {CLASS_CHARS_MAX} characters, a whole number or true/false"
    msg += f", got {show_value(raw)}"
    raise MessageError("bad_class", msg, stage="label")


class Targets:
    """The label space of one stream: encodes what a label says, and names what a model decided.

    Parameters
    ----------
    task
        Binary, multiclass or regression.
    classes
        Classes known at the start. Binary: exactly two; a third is a dead letter. Multiclass: more are admitted.
    positive
        Binary only: which of the two is the positive class.
    class_count_max
        Multiclass only: how many classes are admitted.
    """

    def __init__(
        self,
        task: Task,
        *,
        classes: Sequence[Target] = (),
        positive: Target | None = None,
        class_count_max: int = 100,
    ) -> None:
        self.task = task
        self.classes = list(classes)
        self.class_count_max = class_count_max
        self._seen: dict[object, Target] = {}
        self.positive: Target = False
        self.negative: Target = False
        if task is Task.BINARY:
            if positive is None or len(self.classes) != 2 or positive not in self.classes:
                msg = f"a binary task needs two classes and which is positive, got {self.classes!r} and {positive!r}"
                raise ConfigError(msg)
            self.positive = positive
            self.negative = self.classes[1 - self.classes.index(positive)]
        elif positive is not None:
            msg = f"positive={positive!r} is for binary tasks; this one is {task.value}"
            raise ConfigError(msg)

    def encode(self, raw: object) -> Target:
        """Return the target as the models see it, or raise `MessageError`. Admits a new class within the bound."""
        if self._seen:
            try:
                return self._seen[raw]
            except (KeyError, TypeError):
                pass
        if self.task is Task.REGRESSION:
            return _number(raw)
        target = self._encode_class(spell_class(raw))
        if len(self._seen) < SEEN_COUNT_MAX and type(raw) in _PLAIN:
            self._seen[raw] = target
        return target

    def _encode_class(self, spelled: Target) -> Target:
        if self.task is Task.BINARY:
            if spelled == self.positive:
                return True
            if spelled == self.negative:
                return False
            msg = f"class {show_value(spelled)} is neither {self.positive!r} nor {self.negative!r}"
            msg += "; use task multiclass for more"
            raise MessageError("unknown_class", msg, stage="label")
        if spelled not in self.classes:
            if len(self.classes) >= self.class_count_max:
                msg = (
                    f"class {show_value(spelled)} would be number {len(self.classes) + 1}; class_count_max is its bound"
                )
                raise MessageError("too_many_classes", msg, stage="label")
            self.classes.append(spelled)
        # The class as it was admitted: True and 1 are equal, and must stay one class with one spelling.
        return self.classes[self.classes.index(spelled)]

    def name(self, decision: Target | None) -> Target | None:
        """Return a decision in the words of the data: the class, or the number."""
        if self.task is Task.BINARY and decision is not None:
            return self.positive if decision else self.negative
        return decision

    def snapshot(self) -> list[Target]:
        """Return the classes admitted so far, in order."""
        return list(self.classes)

    def restore(self, state: list[Target]) -> None:
        """Take the classes back."""
        self.classes = list(state)
        self._seen.clear()


def _number(raw: object) -> float:
    try:
        value = float(raw)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        msg = f"a regression target must be a number, got {show_value(raw)}"
        raise MessageError("target_not_a_number", msg, stage="label") from None
    if not isfinite(value):
        msg = f"a regression target must be finite, got {show_value(raw)}"
        raise MessageError("target_not_finite", msg, stage="label")
    return value

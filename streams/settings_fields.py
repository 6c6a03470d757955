"""What a setting is: its field, and the types that settings share. Which settings there are, the sections say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine.drift.budget import AlarmBudget, parse_budget
from engine.errors import ConfigError, MessageError
from engine.event_time import parse_duration
from engine.label_policy import LabelPolicy, parse_policy
from engine.targets import spell_class
from streams.log_port import check_topic

_CONTENDER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def setting(default: Any, expected: str, description: str, **bounds: Any) -> Any:
    """Return a field; `expected` says what a value looks like, in the documentation and in refusals."""
    return Field(default, description=description, json_schema_extra={"expected": expected}, **bounds)


def _one_or_many(value: object) -> object:
    if isinstance(value, (str, PathLike)):
        return (str(value),)
    if isinstance(value, (list, tuple)):
        return tuple(str(each) if isinstance(each, PathLike) else each for each in value)
    return value


def _named_or_listed(value: object) -> object:
    """Return contender specs as `SPEC` or `NAME=SPEC`, from one, a list, or a table of specs by name."""
    if not isinstance(value, Mapping):
        return _one_or_many(value)
    for name in value:
        if not _CONTENDER_NAME.fullmatch(name):
            msg = f"a contender's name is letters, digits, _ and -, from a letter on, got {name!r}"
            raise ValueError(msg)
    return tuple(f"{name}={spec}" if isinstance(spec, str) else spec for name, spec in value.items())


def _path_text(value: object) -> object:
    return str(value) if isinstance(value, PathLike) else value


def _duration(value: object) -> object:
    return _or_value_error(parse_duration, value)


def policy_text(value: object) -> object:
    """Read a label policy from its text."""
    return value if isinstance(value, LabelPolicy) else _or_value_error(parse_policy, value)


def budget_text(value: object) -> object:
    """Read an alarm budget from its text."""
    return value if isinstance(value, AlarmBudget) else _or_value_error(parse_budget, value)


def class_text(value: object) -> object:
    """Read a class as it is written."""
    return _or_value_error(spell_class, value)


def _topic(value: object) -> object:
    if isinstance(value, str):
        _or_value_error(lambda name: check_topic(name, 1), value)
    return value


def _or_value_error(read: Any, value: object) -> object:
    """Read a value, and refuse it in the words that pydantic collects."""
    try:
        return None if value is None else read(value)
    except (ConfigError, MessageError) as refused:
        raise ValueError(str(refused)) from None


Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
Specs = Annotated[tuple[str, ...], BeforeValidator(_named_or_listed)]
PathText = Annotated[str | None, BeforeValidator(_path_text)]
Word = Annotated[str | None, Field(min_length=1)]
Rate = Annotated[float | None, Field(gt=0, lt=1, allow_inf_nan=False)]
Cost = Annotated[float | None, Field(gt=0, allow_inf_nan=False)]
Topic = Annotated[str, BeforeValidator(_topic)]
DurationMs = Annotated[int | None, BeforeValidator(_duration)]


class Section(BaseModel):
    """One table of the file: typed as written, nothing unknown, not to be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

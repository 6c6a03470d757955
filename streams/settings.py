"""The settings of a run: one TOML file, outranked by environment, outranked by flags, checked before anything starts.

Each setting stands once, in `settings_sections`; here they are read, put together and described. What may be asked for
together is known to `settings_conflicts`; nothing is built of it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from inspect import getdoc
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.drift.budget import AlarmBudget
from engine.event_time import show_duration
from engine.label_policy import LabelPolicy
from engine.limits import Limits
from streams.settings_conflicts import conflicts
from streams.settings_fields import Section
from streams.settings_judgement import AlarmSettings, DetectorSettings, PromotionSettings, ReactionSettings
from streams.settings_kafka import KafkaSettings
from streams.settings_layers import Given, merge, refuse_all, sentence, unknown_name
from streams.settings_overload import OverloadSettings
from streams.settings_routing import RoutingSettings
from streams.settings_sections import (
    ContenderSettings,
    DecisionSettings,
    InputSettings,
    LabelSettings,
    LimitSettings,
    LogSettings,
    OutputSettings,
    RunSettings,
    SchemaSettings,
    TopicSettings,
)
from streams.settings_shift import ShiftSettings


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run can be told, section by section, checked for contradictions."""

    input: InputSettings
    labels: LabelSettings
    contenders: ContenderSettings
    decision: DecisionSettings
    detectors: DetectorSettings
    alarms: AlarmSettings
    reactions: ReactionSettings
    promotion: PromotionSettings
    routing: RoutingSettings
    shift: ShiftSettings
    schema: SchemaSettings
    limits: Limits
    output: OutputSettings
    log: LogSettings
    kafka: KafkaSettings
    topics: TopicSettings
    overload: OverloadSettings
    run: RunSettings


_SECTIONS: dict[str, type[Section]] = {
    "input": InputSettings,
    "labels": LabelSettings,
    "contenders": ContenderSettings,
    "decision": DecisionSettings,
    "detectors": DetectorSettings,
    "alarms": AlarmSettings,
    "reactions": ReactionSettings,
    "promotion": PromotionSettings,
    "routing": RoutingSettings,
    "shift": ShiftSettings,
    "schema": SchemaSettings,
    "limits": LimitSettings,
    "output": OutputSettings,
    "log": LogSettings,
    "kafka": KafkaSettings,
    "topics": TopicSettings,
    "overload": OverloadSettings,
    "run": RunSettings,
}


def load_settings(
    path: str | PathLike[str] | None,
    flags: Mapping[str, Mapping[str, object]],
    environ: Mapping[str, str],
    flag_names: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings of a run: flags before environment before file before defaults.

    Parameters
    ----------
    path
        The TOML file; None for none.
    flags
        What the command line gave, by section and key. None and empty lists count as not given.
    environ
        The environment. `SIDESTREAM_DECISION__THRESHOLD=0.3` sets `threshold` in `[decision]`; lists and tables are
        written as in TOML; an empty variable counts as not set.
    flag_names
        What the flag of a setting is called, `{"labels.delay": "--label-delay"}`, for what is said of it; by default
        as its key.

    Raises
    ------
    ConfigError
        With everything that is wrong, one line each.
    """
    given, problems = merge(None if path is None else Path(path), flags, environ, flag_names or {})
    sections: dict[str, Any] = {}
    for name in given:
        if name not in _SECTIONS:
            problems.append(unknown_name(given[name].where, "section", name, _SECTIONS))
    for name, section in _SECTIONS.items():
        values = given.get(name, Given({}, {}, ""))
        try:
            sections[name] = section.model_validate(values.for_fields(_takes_text(section)))
        except ValidationError as refused:
            expected = _expected(section)
            problems += [sentence(error, name, values, expected) for error in refused.errors(include_url=False)]
    if problems:
        refuse_all(problems)
    sections["limits"] = Limits(**sections["limits"].model_dump())
    settings = Settings(**sections)
    problems = conflicts(settings)
    if problems:
        refuse_all(problems)
    return settings


def _key(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _expected(section: type[Section]) -> dict[str, str]:
    """Return what each key of a section takes, in words."""
    return {_key(name, field): _words_of(field) for name, field in section.model_fields.items()}


def _words_of(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra["expected"]) if isinstance(extra, dict) else ""


def _takes_text(section: type[Section]) -> frozenset[str]:
    """Return the keys whose value is not a number: an environment variable is taken by the letter there."""
    return frozenset(key for key, words in _expected(section).items() if "number" not in words)


def plain_settings(settings: Settings) -> dict[str, str]:
    """Return every setting as text, by `section.key`, for digests and refusals: equal runs give equal texts."""
    found = {f"limits.{limit.name}": repr(getattr(settings.limits, limit.name)) for limit in fields(Limits)}
    for name, section in _SECTIONS.items():
        if name != "limits":
            values = getattr(settings, name)
            found |= {
                f"{name}.{_key(key, field)}": repr(_as_data(getattr(values, key)))
                for key, field in section.model_fields.items()
            }
    return found


def settings_as_data(settings: Settings) -> dict[str, dict[str, Any]]:
    """Return what `load_settings(None, data, {})` makes the same settings of, as plain data fit for JSON."""
    found: dict[str, dict[str, Any]] = {}
    for name, section in _SECTIONS.items():
        values = getattr(settings, name)
        written = {
            _key(key, field): _written(getattr(values, key), field) for key, field in section.model_fields.items()
        }
        found[name] = {key: value for key, value in written.items() if value not in (None, [], {})}
    return found


def _written(value: object, field: FieldInfo) -> object:
    """Return one value as the file would hold it: durations with their unit."""
    return show_duration(value) if isinstance(value, int) and "duration" in _words_of(field) else _as_data(value)


def _as_data(value: object) -> object:
    """Return one value as TOML would hold it."""
    if isinstance(value, LabelPolicy | AlarmBudget):
        return str(value)
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, tuple):
        return [_as_data(each) for each in value]
    if isinstance(value, dict):
        return {name: _as_data(each) for name, each in value.items()}
    return value


class SettingLine(NamedTuple):
    """One setting as the documentation shows it; the default is written as in the file."""

    key: str
    type: str
    default: str
    description: str


def describe_sections() -> dict[str, str]:
    """Return what each section is about."""
    return {name: getdoc(section) or "" for name, section in _SECTIONS.items()}


def describe_settings() -> Iterator[SettingLine]:
    """Yield every setting, in the order of the sections."""
    for name, section in _SECTIONS.items():
        for field_name, field in section.model_fields.items():
            default = None if field.default is PydanticUndefined else field.default
            yield SettingLine(
                f"{name}.{_key(field_name, field)}",
                _words_of(field),
                _as_written(_written(default, field)),
                field.description or "",
            )


def _as_written(default: object) -> str:
    if default is None:
        return "not set"
    if default == []:
        return "[]"
    if isinstance(default, str):
        return f'"{default}"'
    return str(default)

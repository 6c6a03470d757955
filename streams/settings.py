"""The settings of a run: one TOML file, outranked by environment, outranked by flags, checked before anything starts.

Each setting's type, default and meaning stand here once; `docs/settings.md` is made from them. This is the only file
that imports pydantic. It knows what may be asked for together (see `settings_conflicts`), and builds nothing of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from inspect import getdoc
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from engine.errors import ConfigError, MessageError
from engine.event_time import parse_duration
from engine.label_policy import LabelPolicy, parse_policy
from engine.limits import Limits
from engine.schema import Kind, Unknown
from engine.targets import Task, spell_class
from streams.settings_conflicts import conflicts
from streams.settings_layers import Given, merge, refuse_all, sentence, unknown_name

_CONTENDER_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def _setting(default: Any, expected: str, description: str, **bounds: Any) -> Any:
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


def _path(value: object) -> object:
    return str(value) if isinstance(value, PathLike) else value


def _duration(value: object) -> object:
    return _or_value_error(parse_duration, value)


def _policy(value: object) -> object:
    return value if isinstance(value, LabelPolicy) else _or_value_error(parse_policy, value)


def _class(value: object) -> object:
    return _or_value_error(spell_class, value)


def _or_value_error(read: Any, value: object) -> object:
    """Read a value, and refuse it in the words that pydantic collects."""
    try:
        return None if value is None else read(value)
    except (ConfigError, MessageError) as refused:
        raise ValueError(str(refused)) from None


_Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
_Specs = Annotated[tuple[str, ...], BeforeValidator(_named_or_listed)]
_Path = Annotated[str | None, BeforeValidator(_path)]
_Word = Annotated[str | None, Field(min_length=1)]
_Rate = Annotated[float | None, Field(gt=0, lt=1, allow_inf_nan=False)]
_Cost = Annotated[float | None, Field(gt=0, allow_inf_nan=False)]
_DurationMs = Annotated[int | None, BeforeValidator(_duration)]


class _Section(BaseModel):
    """One table of the file: typed as written, nothing unknown, not to be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class InputSettings(_Section):
    """Where requests are read, and which of their columns mean what."""

    paths: _Texts = _setting(
        (), "a path or a list of paths", "Files read one after another as one stream; `-` is standard input."
    )
    format: Literal["csv", "jsonl", "parquet"] | None = _setting(
        None, "'csv', 'jsonl' or 'parquet'", "How records are written; by default told from the name or the first byte."
    )
    target: _Word = _setting(None, "a column name", "The column that holds the truth.")
    task: Annotated[Task | None, Field(strict=False)] = _setting(
        None, "'binary', 'multiclass' or 'regression'", "What is predicted; by default inferred from the first rows."
    )
    positive: Annotated[str | int | bool | None, BeforeValidator(_class)] = _setting(
        None, "a class", "The positive class of a binary task; by default the rarer of the two in the first rows."
    )
    id: _Word = _setting(
        None, "a column name", "The column that names an event; by default requests are numbered from 0."
    )
    time: _Word = _setting(
        None, "a column name", "The column that holds event time; models see it too, unless it is dropped."
    )
    drop: _Texts = _setting((), "a column name or a list of them", "Columns that no model may see.")
    limit: int | None = _setting(None, "a whole number of at least 1", "Stop after this many records.", ge=1)
    record_bytes_max: int = _setting(
        1_048_576, "a whole number of at least 1", "Bytes of one record; a longer one is a dead letter.", ge=1
    )


class LabelSettings(_Section):
    """Where labels come from, when they are known, and what their absence means."""

    path: _Path = _setting(
        None, "a path", "A file of labels, joined by id; by default the target stands beside the request."
    )
    time: _Word = _setting(
        None, "a column name", "The column that tells when a label became known; a blank one never does."
    )
    delay_ms: _DurationMs = _setting(
        None, "a duration such as '7d'", "How long after its request a label becomes known.", alias="delay"
    )
    policy: Annotated[LabelPolicy, BeforeValidator(_policy)] = _setting(
        LabelPolicy(),
        "'wait', 'wait(7d)' or 'negative_after(90d)'",
        "What becomes of a request whose label stays away.",
    )
    on_late: Literal["count", "relearn"] = _setting(
        "count",
        "'count' or 'relearn'",
        "Whether a label that comes after its request has ended is only counted, or learned.",
    )


class ContenderSettings(_Section):
    """Which models answer."""

    champion: _Word = _setting(
        None,
        "a model spec, as SPEC or NAME=SPEC",
        "The model whose answers are served; by default `majority()`, or `mean()` for numbers.",
    )
    challengers: _Specs = _setting(
        (),
        "a list of model specs, as SPEC or NAME=SPEC, or a table of them by name",
        "Models that answer in the shadow; without any model named: naive Bayes or a linear regression, and a tree.",
    )


class DecisionSettings(_Section):
    """How a probability becomes a decision, in binary tasks."""

    threshold: _Rate = _setting(
        None,
        "a number between 0 and 1",
        "Positive from this probability on; by default what the costs say, else each model's own decision.",
    )
    alert_rate: _Rate = _setting(
        None,
        "a number between 0 and 1",
        "Positive is this share of the highest probabilities of late, in place of a threshold.",
    )
    cost_false_positive: _Cost = _setting(
        None,
        "a positive number",
        "What a false alarm costs; the two costs make the threshold c_fp / (c_fp + c_fn), and the figure `cost`.",
    )
    cost_false_negative: _Cost = _setting(None, "a positive number", "What a miss costs, in the same unit.")


class DetectorSettings(_Section):
    """What watches for drift."""

    specs: _Texts = _setting(
        (),
        "a detector spec, a list of them, or 'none'",
        "Detectors of every contender's loss; by default `river.drift.ADWIN()`, and `none` switches them off.",
    )


class SchemaSettings(_Section):
    """What the columns hold, where the first rows do not tell."""

    columns: dict[str, Annotated[Kind, Field(strict=False)]] = _setting(
        {},
        "a table of column names to 'numeric', 'category', 'text' or 'time'",
        "Kinds that stand whatever the rows say.",
    )
    unknown: Annotated[Unknown, Field(strict=False)] = _setting(
        Unknown.IGNORE,
        "'ignore' or 'refuse'",
        "Whether a column not in the schema is ignored and counted, or its request refused.",
    )


class OutputSettings(_Section):
    """Where results go."""

    dir: _Path = _setting(
        None,
        "a path",
        "The directory for all answers, ends, dead letters and the summary; by default nothing is kept.",
    )


class RunSettings(_Section):
    """How the run goes about it; neither setting changes an answer, but for models that draw from the seed."""

    seed: int = _setting(
        0, "a whole number of at least 0", "What every seed that a spec leaves out is derived from.", ge=0
    )
    state: _Path = _setting(
        None, "a path", "Keep checkpoints here: a replay that was killed goes on from the newest when started again."
    )
    checkpoint_every: int = _setting(
        20_000, "a whole number of at least 1", "Messages between two checkpoints, at least.", ge=1
    )
    fallback: bool = _setting(
        default=False,
        expected="true or false",
        description="Whether a damaged checkpoint may be passed over for the one before it.",
    )
    slice: int = _setting(256, "a whole number of at least 1", "Messages handed to the engine at once, at most.", ge=1)


def _limit_fields() -> dict[str, Any]:
    """Return a field for each of the engine's limits, described by the lines of its docstring."""
    described = dict(re.findall(r"^(\w+)\n {4}(.+)$", getdoc(Limits) or "", re.MULTILINE))
    found: dict[str, Any] = {}
    for limit in fields(Limits):
        least = 0 if limit.name in {"held_count_max", "dedup_count_max"} else 1
        expected = f"a whole number of at least {least}"
        found[limit.name] = (int, _setting(limit.default, expected, described.get(limit.name, ""), ge=least))
    return found


_LimitSection = create_model("_LimitSection", __base__=_Section, __doc__="The engine's bounds.", **_limit_fields())


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a run can be told, section by section, checked for contradictions."""

    input: InputSettings
    labels: LabelSettings
    contenders: ContenderSettings
    decision: DecisionSettings
    detectors: DetectorSettings
    schema: SchemaSettings
    limits: Limits
    output: OutputSettings
    run: RunSettings


_SECTIONS: dict[str, type[_Section]] = {
    "input": InputSettings,
    "labels": LabelSettings,
    "contenders": ContenderSettings,
    "decision": DecisionSettings,
    "detectors": DetectorSettings,
    "schema": SchemaSettings,
    "limits": _LimitSection,
    "output": OutputSettings,
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


def _expected(section: type[_Section]) -> dict[str, str]:
    """Return what each key of a section takes, in words."""
    return {_key(name, field): _words_of(field) for name, field in section.model_fields.items()}


def _words_of(field: FieldInfo) -> str:
    extra = field.json_schema_extra
    return str(extra["expected"]) if isinstance(extra, dict) else ""


def _takes_text(section: type[_Section]) -> frozenset[str]:
    """Return the keys whose value is not a number: an environment variable is taken by the letter there."""
    return frozenset(key for key, words in _expected(section).items() if "number" not in words)


def plain_settings(settings: Settings) -> dict[str, str]:
    """Return every setting as text, by `section.key`: equal runs give equal texts."""
    found = {f"limits.{limit.name}": repr(getattr(settings.limits, limit.name)) for limit in fields(Limits)}
    for name, section in _SECTIONS.items():
        if name != "limits":
            values = getattr(settings, name)
            found |= {
                f"{name}.{_key(key, field)}": repr(getattr(values, key)) for key, field in section.model_fields.items()
            }
    return found


class SettingLine(NamedTuple):
    """One setting as the documentation shows it; the default is written as in the file."""

    key: str
    type: str
    default: str
    description: str


def describe_sections() -> dict[str, str]:
    """Return what each section is about."""
    return {name: section.__doc__ or "" for name, section in _SECTIONS.items()}


def describe_settings() -> Iterator[SettingLine]:
    """Yield every setting, in the order of the sections."""
    for name, section in _SECTIONS.items():
        for field_name, field in section.model_fields.items():
            default = None if field.default is PydanticUndefined else field.default
            yield SettingLine(
                f"{name}.{_key(field_name, field)}", _words_of(field), _as_written(default), field.description or ""
            )


def _as_written(default: object) -> str:
    if default is None:
        return "not set"
    if isinstance(default, tuple):
        return "[]"
    if isinstance(default, (str, LabelPolicy)):
        return f'"{default}"'
    return str(default)

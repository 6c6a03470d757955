"""Every setting there is, section by section: its type, its default, and what it means.

`docs/settings.md` is made from these. A section knows its own keys and nothing of the others: what cannot be asked for
together is told in `settings_conflicts`, where a value came from in `settings_layers`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from inspect import getdoc
from os import PathLike
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

from engine.errors import ConfigError, MessageError
from engine.event_time import parse_duration
from engine.label_policy import LabelPolicy, parse_policy
from engine.limits import Limits
from engine.schema import Kind, Unknown
from engine.targets import Task, spell_class
from streams.log_port import check_topic

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


_Texts = Annotated[tuple[str, ...], BeforeValidator(_one_or_many)]
_Specs = Annotated[tuple[str, ...], BeforeValidator(_named_or_listed)]
_Path = Annotated[str | None, BeforeValidator(_path)]
_Word = Annotated[str | None, Field(min_length=1)]
_Rate = Annotated[float | None, Field(gt=0, lt=1, allow_inf_nan=False)]
_Cost = Annotated[float | None, Field(gt=0, allow_inf_nan=False)]
_Topic = Annotated[str, BeforeValidator(_topic)]
_DurationMs = Annotated[int | None, BeforeValidator(_duration)]


class Section(BaseModel):
    """One table of the file: typed as written, nothing unknown, not to be changed."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class InputSettings(Section):
    """Where requests are read, and which of their columns mean what."""

    paths: _Texts = _setting(
        (),
        "a path or a list of paths",
        "Files read one after another as one stream; `-` is standard input. A worker only looks at their first rows.",
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
    key: _Word = _setting(
        None,
        "a column name",
        "The column that says what an event is about, such as a card; models see it too, unless it is dropped.",
    )
    drop: _Texts = _setting((), "a column name or a list of them", "Columns that no model may see.")
    limit: int | None = _setting(None, "a whole number of at least 1", "Stop after this many records.", ge=1)
    record_bytes_max: int = _setting(
        1_048_576, "a whole number of at least 1", "Bytes of one record; a longer one is a dead letter.", ge=1
    )


class LabelSettings(Section):
    """Where labels come from, when they are known, and what their absence means."""

    path: _Path = _setting(
        None, "a path", "A file of labels, joined by id; by default the target stands beside the request."
    )
    source: Literal["topic", "record"] | None = _setting(
        None,
        "'topic' or 'record'",
        "Where a worker has its labels from: records of their own on the topic `labels`, as by default, or the "
        "request's own record. A replay has no use for it.",
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

    @property
    def on_topic(self) -> bool:
        """Whether a worker has its labels from the topic."""
        return self.source != "record"


class ContenderSettings(Section):
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


class DecisionSettings(Section):
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


class DetectorSettings(Section):
    """What watches for drift."""

    specs: _Texts = _setting(
        (),
        "a detector spec, a list of them, or 'none'",
        "Detectors of every contender's loss; by default `river.drift.ADWIN()`, and `none` switches them off.",
    )


class SchemaSettings(Section):
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


class OutputSettings(Section):
    """Where results go."""

    dir: _Path = _setting(
        None,
        "a path",
        "The directory for all answers, ends, dead letters and the summary; by default nothing is kept.",
    )


class LogSettings(Section):
    """The log that a worker runs on."""

    dir: _Path = _setting(
        None, "a path", "The directory of the embedded log, with the worker's checkpoints and audit trail."
    )
    durability: Literal["power", "process"] = _setting(
        "power", "'power' or 'process'", "What a commit survives: a power cut, or only the death of processes."
    )


def _name_of_topic(default: str, description: str) -> Any:
    return _setting(default, "a topic's name", description)


class TopicSettings(Section):
    """What the topics of the log are called."""

    requests: _Topic = _name_of_topic("requests", "Requests are read here.")
    labels: _Topic = _name_of_topic("labels", "Labels are read here, unless they stand beside their requests.")
    commands: _Topic = _name_of_topic("commands", "Commands of persons are read here, such as a promotion.")
    predictions: _Topic = _name_of_topic(
        "predictions", "The champion's answers; as many partitions as the requests, each answer in its request's."
    )
    shadow: _Topic = _name_of_topic("shadow", "The challengers' answers.")
    ends: _Topic = _name_of_topic("ends", "How labels ended, and requests that had none.")
    alarms: _Topic = _name_of_topic("alarms", "Drift alarms, benchings, promotions, and what became of commands.")
    dead_letters: _Topic = _name_of_topic("dead_letters", "Records that cannot be used, with their bytes and a reason.")
    audit: _Topic = _name_of_topic("audit", "What persons and the engine changed, each entry chained to the last.")

    def names(self) -> tuple[str, ...]:
        """Return all of them."""
        return tuple(getattr(self, name) for name in type(self).model_fields)


class RunSettings(Section):
    """How the run goes about it; no setting but the seed changes an answer, and that only of models that draw."""

    seed: int = _setting(
        0, "a whole number of at least 0", "What every seed that a spec leaves out is derived from.", ge=0
    )
    state: _Path = _setting(
        None, "a path", "Keep checkpoints here: a replay that was killed goes on from the newest when started again."
    )
    checkpoint_every: int = _setting(
        20_000, "a whole number of at least 1", "Messages between two checkpoints, at least.", ge=1
    )
    checkpoint_every_s: int = _setting(
        60,
        "a whole number of at least 1",
        "Seconds after which a worker makes a checkpoint whatever the count, if there is something new.",
        ge=1,
    )
    status_every_s: int = _setting(
        10,
        "a whole number of at least 1",
        "Seconds between two status lines of a worker whose standard error is no terminal.",
        ge=1,
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


LimitSettings = create_model("LimitSettings", __base__=Section, __doc__="The engine's bounds.", **_limit_fields())

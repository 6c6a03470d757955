"""Every setting there is, section by section: its type, its default, and what it means.

`docs/settings.md` is made from these. A section knows its own keys and nothing of the others: what cannot be asked for
together is told in `settings_conflicts`, where a value came from in `settings_layers`.
"""

from __future__ import annotations

import re
from dataclasses import fields
from inspect import getdoc
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, create_model

from engine.label_policy import LabelPolicy
from engine.limits import Limits
from engine.schema import Kind, Unknown
from engine.targets import Task
from streams.settings_fields import (
    Cost,
    DurationMs,
    PathText,
    Rate,
    Section,
    Specs,
    Texts,
    Topic,
    Word,
    class_text,
    policy_text,
    setting,
)


class InputSettings(Section):
    """Where requests are read, and which of their columns mean what."""

    paths: Texts = setting(
        (),
        "a path or a list of paths",
        "Files read one after another as one stream; `-` is standard input. A worker only looks at their first rows.",
    )
    format: Literal["csv", "jsonl", "parquet"] | None = setting(
        None, "'csv', 'jsonl' or 'parquet'", "How records are written; by default told from the name or the first byte."
    )
    target: Word = setting(None, "a column name", "The column that holds the truth.")
    task: Annotated[Task | None, Field(strict=False)] = setting(
        None, "'binary', 'multiclass' or 'regression'", "What is predicted; by default inferred from the first rows."
    )
    positive: Annotated[str | int | bool | None, BeforeValidator(class_text)] = setting(
        None, "a class", "The positive class of a binary task; by default the rarer of the two in the first rows."
    )
    id: Word = setting(
        None, "a column name", "The column that names an event; by default requests are numbered from 0."
    )
    time: Word = setting(
        None, "a column name", "The column that holds event time; models see it too, unless it is dropped."
    )
    key: Word = setting(
        None,
        "a column name",
        "The column that says what an event is about, such as a card; models see it too, unless it is dropped.",
    )
    drop: Texts = setting((), "a column name or a list of them", "Columns that no model may see.")
    limit: int | None = setting(None, "a whole number of at least 1", "Stop after this many records.", ge=1)
    record_bytes_max: int = setting(
        1_048_576, "a whole number of at least 1", "Bytes of one record; a longer one is a dead letter.", ge=1
    )


class LabelSettings(Section):
    """Where labels come from, when they are known, and what their absence means."""

    path: PathText = setting(
        None, "a path", "A file of labels, joined by id; by default the target stands beside the request."
    )
    source: Literal["topic", "record"] | None = setting(
        None,
        "'topic' or 'record'",
        "Where a worker has its labels from: records of their own on the topic `labels`, as by default, or the "
        "request's own record. A replay has no use for it.",
    )
    time: Word = setting(
        None, "a column name", "The column that tells when a label became known; a blank one never does."
    )
    delay_ms: DurationMs = setting(
        None, "a duration such as '7d'", "How long after its request a label becomes known.", alias="delay"
    )
    policy: Annotated[LabelPolicy, BeforeValidator(policy_text)] = setting(
        LabelPolicy(),
        "'wait', 'wait(7d)' or 'negative_after(90d)'",
        "What becomes of a request whose label stays away.",
    )
    on_late: Literal["count", "relearn"] = setting(
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

    champion: Word = setting(
        None,
        "a model spec, as SPEC or NAME=SPEC",
        "The model whose answers are served; by default `majority()`, or `mean()` for numbers.",
    )
    challengers: Specs = setting(
        (),
        "a list of model specs, as SPEC or NAME=SPEC, or a table of them by name",
        "Models that answer in the shadow; without any model named: naive Bayes or a linear regression, and a tree.",
    )


class DecisionSettings(Section):
    """How a probability becomes a decision, in binary tasks."""

    threshold: Rate = setting(
        None,
        "a number between 0 and 1",
        "Positive from this probability on; by default what the costs say, else each model's own decision.",
    )
    alert_rate: Rate = setting(
        None,
        "a number between 0 and 1",
        "Positive is this share of the highest probabilities of late, in place of a threshold.",
    )
    cost_false_positive: Cost = setting(
        None,
        "a positive number",
        "What a false alarm costs; the two costs make the threshold c_fp / (c_fp + c_fn), and the figure `cost`.",
    )
    cost_false_negative: Cost = setting(None, "a positive number", "What a miss costs, in the same unit.")


class SchemaSettings(Section):
    """What the columns hold, where the first rows do not tell."""

    columns: dict[str, Annotated[Kind, Field(strict=False)]] = setting(
        {},
        "a table of column names to 'numeric', 'category', 'text' or 'time'",
        "Kinds that stand whatever the rows say.",
    )
    unknown: Annotated[Unknown, Field(strict=False)] = setting(
        Unknown.IGNORE,
        "'ignore' or 'refuse'",
        "Whether a column not in the schema is ignored and counted, or its request refused.",
    )


class OutputSettings(Section):
    """Where results go."""

    dir: PathText = setting(
        None,
        "a path",
        "The directory for all answers, ends, dead letters and the summary; by default nothing is kept.",
    )


class LogSettings(Section):
    """The log that a worker runs on."""

    dir: PathText = setting(
        None, "a path", "The directory of the embedded log, with the worker's checkpoints and audit trail."
    )
    durability: Literal["power", "process"] = setting(
        "power", "'power' or 'process'", "What a commit survives: a power cut, or only the death of processes."
    )


def _name_of_topic(default: str, description: str) -> Any:
    return setting(default, "a topic's name", description)


class TopicSettings(Section):
    """What the topics of the log are called."""

    requests: Topic = _name_of_topic("requests", "Requests are read here.")
    labels: Topic = _name_of_topic("labels", "Labels are read here, unless they stand beside their requests.")
    commands: Topic = _name_of_topic("commands", "Commands of persons are read here, such as a promotion.")
    predictions: Topic = _name_of_topic(
        "predictions", "The champion's answers; as many partitions as the requests, each answer in its request's."
    )
    shadow: Topic = _name_of_topic("shadow", "The challengers' answers.")
    ends: Topic = _name_of_topic("ends", "How labels ended, and requests that had none.")
    alarms: Topic = _name_of_topic("alarms", "Drift alarms, benchings, promotions, and what became of commands.")
    dead_letters: Topic = _name_of_topic("dead_letters", "Records that cannot be used, with their bytes and a reason.")
    audit: Topic = _name_of_topic("audit", "What persons and the engine changed, each entry chained to the last.")

    def names(self) -> tuple[str, ...]:
        """Return all of them."""
        return tuple(getattr(self, name) for name in type(self).model_fields)


class RunSettings(Section):
    """How the run goes about it; no setting but the seed changes an answer, and that only of models that draw."""

    seed: int = setting(
        0, "a whole number of at least 0", "What every seed that a spec leaves out is derived from.", ge=0
    )
    state: PathText = setting(
        None, "a path", "Keep checkpoints here: a replay that was killed goes on from the newest when started again."
    )
    checkpoint_every: int = setting(
        20_000, "a whole number of at least 1", "Messages between two checkpoints, at least.", ge=1
    )
    checkpoint_every_s: int = setting(
        60,
        "a whole number of at least 1",
        "Seconds after which a worker makes a checkpoint whatever the count, if there is something new.",
        ge=1,
    )
    status_every_s: int = setting(
        10,
        "a whole number of at least 1",
        "Seconds between two status lines of a worker whose standard error is no terminal.",
        ge=1,
    )
    fallback: bool = setting(
        default=False,
        expected="true or false",
        description="Whether a damaged checkpoint may be passed over for the one before it.",
    )
    slice: int | None = setting(
        None,
        "a whole number of at least 1",
        "Messages handed to the engine at once, at most; by default 256 for a replay, and for a worker as many as are "
        "answered within a tenth of a second.",
        ge=1,
    )


def _limit_fields() -> dict[str, Any]:
    """Return a field for each of the engine's limits, described by the lines of its docstring."""
    described = dict(re.findall(r"^(\w+)\n {4}(.+)$", getdoc(Limits) or "", re.MULTILINE))
    found: dict[str, Any] = {}
    for limit in fields(Limits):
        least = 0 if limit.name in {"held_count_max", "dedup_count_max"} else 1
        expected = f"a whole number of at least {least}"
        found[limit.name] = (int, setting(limit.default, expected, described.get(limit.name, ""), ge=least))
    return found


LimitSettings = create_model("LimitSettings", __base__=Section, __doc__="The engine's bounds.", **_limit_fields())

"""Settings that contradict each other: each finding is one sentence with its remedy.

Every setting here is well-formed by itself. What depends on the task is told once the task is known, be it given or
inferred; what only a worker cannot use, when one is asked for, since a replay reads the same file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.drift.budget import BudgetUnit
from engine.label_policy import Silence
from engine.promotion_rules import PromotionMode
from engine.routing.rules import RoutingMode
from engine.targets import Task

if TYPE_CHECKING:
    from streams.settings import Settings

EVENT_TIME = "[input] time"


def conflicts(settings: Settings) -> list[str]:
    """Return what contradicts itself, whatever the data; with the task's conflicts where it is given."""
    found = [*_column_conflicts(settings), *_time_conflicts(settings), *_decision_conflicts(settings)]
    found += [*_topic_conflicts(settings), *_alarm_conflicts(settings), *_routing_conflicts(settings)]
    found += _kafka_conflicts(settings)
    if settings.labels.path is not None and settings.input.id is None:
        found.append("[labels] path needs [input] id: labels in a file of their own are joined by id")
    if settings.labels.path == "-":
        found.append("[labels] path cannot be standard input: it is read once to look and once to replay; give a file")
    if settings.labels.on_late == "relearn" and settings.limits.dedup_count_max == 0:
        found.append(
            "[labels] on_late = 'relearn' needs [limits] dedup_count_max > 0: ended requests are remembered there"
        )
    if settings.input.task is not None:
        found += task_conflicts(settings, settings.input.task)
    return found


def _alarm_conflicts(settings: Settings) -> Iterator[str]:
    budget, detectors = settings.alarms.budget, settings.detectors
    if detectors.specs and detectors.preset is not None:
        yield "[detectors] specs and [detectors] preset both say what watches; set one of the two"
    if budget is None:
        return
    if budget.unit is BudgetUnit.MS and settings.input.time is None:
        yield (
            f"[alarms] budget {str(budget)!r} needs [input] time: its span runs in event time; name the column, or "
            "write '1 per 100000 events'"
        )
    if detectors.specs == ("none",):
        yield "[alarms] budget is set, and [detectors] specs = 'none' watches nothing; leave one of the two out"


def _kafka_conflicts(settings: Settings) -> Iterator[str]:
    kafka = settings.kafka
    if kafka.security_protocol.startswith("SASL") and kafka.sasl_plain_username is None:
        yield f"[kafka] security_protocol {kafka.security_protocol} needs sasl_plain_username, and its password"
    if kafka.transaction_timeout_s < kafka.timeout_s:
        yield (
            f"[kafka] transaction_timeout_s is {kafka.transaction_timeout_s}, and timeout_s {kafka.timeout_s}: a "
            "commit may take that long, and the brokers would abort it before; set the first as high as the second, or "
            "higher"
        )
    if not kafka.security_protocol.endswith("SSL"):
        for key in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            if getattr(kafka, key) is not None:
                yield f"[kafka] {key} is for security_protocol SSL or SASL_SSL, which is {kafka.security_protocol}"


def run_conflicts(settings: Settings) -> list[str]:
    """Return what a worker cannot use of these settings, and what it lacks."""
    found = []
    if settings.log.dir is None:
        found.append("[log] dir is missing: a worker keeps its log, checkpoints and audit trail there; name it")
    if settings.input.target is None:
        found.append("[input] target is missing: which field of a label holds the truth? name it")
    if "-" in settings.input.paths:
        found.append("[input] paths is only a worker's sample and cannot be standard input; name a file, or none")
    return [*found, *_run_label_conflicts(settings), *_for_replay_only(settings)]


def _run_label_conflicts(settings: Settings) -> Iterator[str]:
    labels = settings.labels
    if labels.on_topic and settings.input.id is None:
        yield (
            "[input] id is missing: labels on a topic are joined by id; name the column, or set [labels] source = "
            "'record' where each request brings its label"
        )
    if labels.delay_ms is not None:
        yield (
            "[labels] delay is for replay, where every label is known too soon; a worker's labels are late by "
            "themselves, leave it out"
        )
    if not labels.on_topic and labels.time is not None:
        yield (
            "[labels] time is set, and [labels] source = 'record': a worker holds no label back that came with its "
            "request; leave it out, or send late labels on their topic"
        )


def _for_replay_only(settings: Settings) -> Iterator[str]:
    asked = {
        "[input] limit": (settings.input.limit, "a worker goes on until it is stopped"),
        "[labels] path": (settings.labels.path, f"append the file to topic {settings.topics.labels!r}"),
        "[output] dir": (settings.output.dir, "a worker answers on the topics of [topics]"),
        "[run] state": (settings.run.state, "a worker's checkpoints are in [log] dir"),
    }
    for name, (value, instead) in asked.items():
        if value is not None:
            yield f"{name} is for replay: {instead}; leave it out"


def task_conflicts(settings: Settings, task: Task) -> list[str]:
    """Return what this task has no use for."""
    if task is Task.BINARY:
        return []
    asked = {
        "[input] positive": settings.input.positive,
        "[decision] threshold": settings.decision.threshold,
        "[decision] alert_rate": settings.decision.alert_rate,
        "[decision] cost_false_positive": settings.decision.cost_false_positive,
        "[decision] cost_false_negative": settings.decision.cost_false_negative,
    }
    found = [
        f"{name} is for binary tasks, and this one is {task.value}; leave it out"
        for name, value in asked.items()
        if value is not None
    ]
    if settings.labels.policy.kind is Silence.NEGATIVE_AFTER:
        found.append(f"[labels] policy negative_after is for binary tasks, and this one is {task.value}; use wait(...)")
    return found


def _column_conflicts(settings: Settings) -> Iterator[str]:
    columns = settings.input
    role_of: dict[str, str] = {}
    for role, name in [
        ("[input] target", columns.target),
        ("[input] id", columns.id),
        (EVENT_TIME, columns.time),
        # Labels apart have columns of their own; there the label time may well have the name of the event time.
        *([] if _labels_apart(settings) else [("[labels] time", settings.labels.time)]),
    ]:
        if name is None:
            continue
        if name in role_of:
            yield f"{role_of[name]} and {role} are both column {name!r}; a column has one role"
        role_of.setdefault(name, role)
        if role == EVENT_TIME:
            continue  # event time is a feature like any other, unless it is dropped
        if name in columns.drop:
            yield f"{role} is column {name!r}, which [input] drop takes away; it is no feature anyway, do not drop it"
        if name in settings.schema.columns:
            yield f"{role} is column {name!r}, which [schema] columns declares a feature; a column has one role"
    if columns.key is not None and role_of.get(columns.key) in {"[input] target", "[labels] time"}:
        yield f"{role_of[columns.key]} and [input] key are both column {columns.key!r}; a column has one role"
    for name in columns.drop:
        if name in settings.schema.columns:
            yield f"[input] drop takes away column {name!r}, which [schema] columns declares; choose one of the two"


def _labels_apart(settings: Settings) -> bool:
    return settings.labels.path is not None or settings.labels.source == "topic"


def _topic_conflicts(settings: Settings) -> Iterator[str]:
    key_of: dict[str, str] = {}
    for key, name in settings.topics:
        if name in key_of:
            yield f"[topics] {key_of[name]} and {key} are both {name!r}; each topic needs a name of its own"
        key_of.setdefault(name, key)


def _routing_conflicts(settings: Settings) -> Iterator[str]:
    mode = settings.routing.mode
    if mode is RoutingMode.CHAMPION:
        if settings.routing.arms:
            yield "[routing] arms needs a mode that shares requests out: set it to ab, epsilon_greedy or thompson"
        return
    if settings.promotion.mode is PromotionMode.AUTOMATIC:
        yield (
            f"[routing] mode {mode} and [promotion] mode automatic both change who answers, and a promotion would end "
            "the experiment at a place that its own results chose; set [promotion] mode to recommend"
        )


def _time_conflicts(settings: Settings) -> Iterator[str]:
    labels = settings.labels
    if labels.time is not None and labels.delay_ms is not None:
        yield "[labels] time and [labels] delay both say when a label is known; set one of the two"
    if settings.input.time is not None:
        return
    if labels.time is not None:
        yield "[labels] time needs [input] time: a label's time means nothing where requests have none"
    if labels.delay_ms is not None:
        yield "[labels] delay needs [input] time: the delay runs in event time"
    if labels.policy.horizon_ms is not None:
        yield f"[labels] policy {labels.policy} needs [input] time: its horizon runs in event time"


def _decision_conflicts(settings: Settings) -> Iterator[str]:
    decision = settings.decision
    if decision.threshold is not None and decision.alert_rate is not None:
        yield "[decision] threshold and [decision] alert_rate both decide; set one of the two"
    costs = (decision.cost_false_positive, decision.cost_false_negative)
    if costs.count(None) == 1:
        yield "[decision] cost_false_positive and cost_false_negative mean something only together; set both"

"""Settings that contradict each other: each finding is one sentence with its remedy.

Every setting here is well-formed by itself. What depends on the task is told once the task is known, be it given or
inferred.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from engine.label_policy import Silence
from engine.targets import Task

if TYPE_CHECKING:
    from streams.settings import Settings

EVENT_TIME = "[input] time"


def conflicts(settings: Settings) -> list[str]:
    """Return what contradicts itself, whatever the data; with the task's conflicts where it is given."""
    found = [*_column_conflicts(settings), *_time_conflicts(settings), *_decision_conflicts(settings)]
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
        # A file of labels has columns of its own; there the label time may well have the name of the event time.
        *([("[labels] time", settings.labels.time)] if settings.labels.path is None else []),
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
    for name in columns.drop:
        if name in settings.schema.columns:
            yield f"[input] drop takes away column {name!r}, which [schema] columns declares; choose one of the two"


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

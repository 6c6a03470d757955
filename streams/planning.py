"""From settings and a look at some rows to the plan of an engine, and a word about everything that was inferred.

Task, classes, columns, bounds and contenders are decided here, once, from at most 1,000 rows and targets. Where these
came from is not known here: a replay samples its files, a worker its log.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from itertools import pairwise
from typing import NamedTuple

from engine.contender import Contender
from engine.drift.episode_rules import EpisodeRules
from engine.drift.presets import PRESETS
from engine.errors import ConfigError, MessageError
from engine.event_time import parse_event_time, show_duration
from engine.label_policy import LabelPolicy, Silence
from engine.limits import Limits
from engine.messages import Target
from engine.models.spec import default_name, split_name
from engine.plan import DecisionRules, LabelRules, Plan
from engine.schema import Kind, Schema
from engine.schema_inference import GARBAGE_SHARE_MAX, infer_schema, infer_task
from engine.targets import Task, spell_class
from engine.values import is_missing
from streams.codec import Columns
from streams.experiment_notice import experiment_notices
from streams.settings import Settings
from streams.settings_conflicts import task_conflicts
from streams.settings_layers import refuse_all
from streams.usual_contenders import RARE_SHARE_MAX, contenders, named

NONE = "none"
SCARCE_SHARE = 0.1
"""Below this share of positives who is always silent is right nearly always: right and wrong say little."""

_DECLARED = "columns: those that [schema] declares, for there was no request to look at"
_SPARSE_QUANTILE = 0.99
_SPARSE_FACTOR = 10
_DAY_MS = 86_400_000
_IDENTIFIER_COUNT_MIN = 100


class Remedies(NamedTuple):
    """How the remedies in notices and refusals are written: as flags, or as lines of the settings file."""

    multiclass: str
    id: str
    drop: str
    policy: str
    preset: str


FLAGS = Remedies("--task multiclass", "--id {}", "--drop {}", "--label-policy 'wait(30d)'", "--detector-preset fraud")
FILE = Remedies(
    "[input] task = 'multiclass'",
    "[input] id = {!r}",
    "[input] drop = {!r}",
    "[labels] policy = 'wait(30d)'",
    "[detectors] preset = 'fraud'",
)


class Sample(NamedTuple):
    """What is looked at: the fields of the first requests, and the first targets as they were written."""

    rows: Sequence[Mapping[str, object]]
    targets: Sequence[object]


class Decided(NamedTuple):
    """What a plan needs beyond the settings: what they ask for as it was understood, the rest as it was inferred."""

    task: Task
    classes: tuple[Target, ...]
    schema: Schema | None
    limits: Limits
    champion_name: str | None
    champion: str
    challengers: Mapping[str, object]
    detectors: tuple[str, ...]
    evidence_loss: str | None


class Planned(NamedTuple):
    """A plan, and what was decided on the way to it."""

    plan: Plan
    notices: tuple[str, ...]


def make_plan(settings: Settings, columns: Columns, sample: Sample, *, delayed: bool, remedies: Remedies) -> Planned:
    """Decide what the settings leave open.

    Parameters
    ----------
    settings
        What was asked for.
    columns
        What the columns of a request mean.
    sample
        What the rest is inferred from.
    delayed
        Whether labels come later than their requests.
    remedies
        How remedies are written.

    Raises
    ------
    ConfigError
        When the settings do not fit the sample.
    """
    rows, targets = sample
    notices: list[str] = []
    task, classes = _task(settings, targets, notices, remedies)
    schema = infer_schema(
        rows,
        time_column=columns.time,
        carried=columns.hidden,
        declared=settings.schema.columns,
        unknown=settings.schema.unknown,
    )
    notices += schema.notices if rows else [_DECLARED]
    notices += _identifier_notices(schema, rows, remedies)
    limits = _limits(settings, columns, rows, notices)
    rare = task is Task.BINARY and bool(targets) and _share(targets, classes[1]) <= RARE_SHARE_MAX
    champion, challengers = contenders(settings, task, schema, rare=rare)
    name, spec = split_name(champion)
    others = named(challengers, name or default_name(spec))
    loss = _evidence_loss(settings, task, targets, classes)
    decided = Decided(task, classes, schema, limits, name, spec, others, _detectors(settings), loss)
    plan = plan_of(settings, decided, delayed=delayed)
    if rare:
        notices += _rare_notices(settings, plan, remedies)
    notices += experiment_notices(plan, rows, targets, columns.time)
    return Planned(plan, (*notices, *_label_notices(plan, remedies)))


def plan_of(settings: Settings, decided: Decided, *, delayed: bool) -> Plan:
    """Return what the engine is to be, once everything is decided."""
    decision = settings.decision
    costs = None
    if decision.cost_false_positive is not None and decision.cost_false_negative is not None:
        costs = (decision.cost_false_positive, decision.cost_false_negative)
    return Plan(
        task=decided.task,
        classes=decided.classes,
        positive=decided.classes[1] if decided.task is Task.BINARY else None,
        schema=decided.schema,
        champion=decided.champion,
        champion_name=decided.champion_name,
        challengers=decided.challengers,
        detectors=decided.detectors,
        budget=settings.alarms.budget,
        reactions=tuple(map(split_name, settings.reactions.specs)),
        promotion=settings.promotion.rules(decided.evidence_loss),
        routing=settings.routing.rules(),
        shift=settings.shift.rules(),
        episodes=EpisodeRules(settings.detectors.settle_count, settings.detectors.quiet_count),
        labels=_label_rules(settings, delayed=delayed),
        decision=DecisionRules(decision.threshold, decision.alert_rate, costs),
        limits=decided.limits,
        seed=settings.run.seed,
    )


def require_columns(wanted: Iterable[str | None], rows: Iterable[Mapping[str, object]], where: str) -> None:
    """Refuse a column that is in no sampled row, saying which was probably meant."""
    known = dict.fromkeys(column for row in rows for column in row)
    for column in wanted:
        if column is not None and column not in known:
            close = get_close_matches(column, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(map(repr, known))}"
            msg = f"{where} has no column {column!r}; {hint}"
            raise ConfigError(msg)


def seed_notices(contenders: Iterable[Contender]) -> list[str]:
    """Say which model runs with which seeds: what a spec left out was derived."""
    billings = [contender.billing for contender in contenders]
    return [
        f"seeds: {billing.name} = {billing.spec}"
        for billing in billings
        if "seed=" in billing.spec or "random_state=" in billing.spec
    ]


def _task(
    settings: Settings, raw_targets: Sequence[object], notices: list[str], remedies: Remedies
) -> tuple[Task, tuple[Target, ...]]:
    """Return the task and its classes, (negative, positive) for a binary one, and say how they were found."""
    task = settings.input.task
    positive = settings.input.positive
    if task is Task.REGRESSION:
        return task, ()
    if task is Task.MULTICLASS:
        return task, _classes(raw_targets)
    if task is None or positive is None:
        inferred, classes = infer_task(raw_targets)
        if task is None:
            task = inferred
            notices.append(f"task: {task.value}, inferred from the first {len(raw_targets):,} labels")
    if task is Task.BINARY:
        if positive is not None:
            classes = _pair(raw_targets, positive)
        elif len(classes) != 2:
            msg = f"a binary task has two classes, the first labels show {classes!r}; use {remedies.multiclass}"
            raise ConfigError(msg)
        how = "as asked" if positive is not None else "the rarer"
        if raw_targets:
            how = f"{how}; {_share(raw_targets, classes[1]):.1%} of the first labels"
        notices.append(f"positive class: {classes[1]!r} ({how}), not {classes[0]!r}")
    found = task_conflicts(settings, task)
    if found:
        refuse_all(found)
    return task, classes


def _classes(raw_targets: Iterable[object]) -> tuple[Target, ...]:
    """Return the distinct classes, in order of appearance."""
    found: dict[Target, None] = {}
    for raw in raw_targets:
        try:
            found[spell_class(raw)] = None
        except MessageError:
            continue
    return tuple(found)


def _pair(raw_targets: Sequence[object], positive: Target) -> tuple[Target, ...]:
    """Return (negative, positive) for a positive class that was asked for."""
    classes = _classes(raw_targets)
    others = _without_garbage(raw_targets, [name for name in classes if name != positive])
    if positive not in classes and len(others) > 1:
        msg = f"positive class {positive!r} is not among the first labels, which show {classes!r}"
        raise ConfigError(msg)
    if len(others) != 1:
        if not others and isinstance(positive, bool):
            return not positive, positive
        if not others and positive in {0, 1}:
            return 1 - int(positive), positive
        msg = f"a binary task has one class besides {positive!r}, the first labels show {others!r}; use task multiclass"
        raise ConfigError(msg)
    return others[0], positive


def _without_garbage(raw_targets: Sequence[object], others: list[Target]) -> list[Target]:
    """Return the most frequent of the classes alone where the rest are so few that they are mistakes."""
    counts = {name: sum(_is(raw, name) for raw in raw_targets) for name in others}
    most = max(others, key=counts.__getitem__, default=None)
    if most is not None and sum(counts.values()) - counts[most] <= GARBAGE_SHARE_MAX * len(raw_targets):
        return [most]
    return others


def _share(raw_targets: Sequence[object], name: Target) -> float:
    """Return the share of a class among the sampled labels."""
    return sum(_is(raw, name) for raw in raw_targets) / max(1, len(raw_targets))


def _is(raw: object, name: Target) -> bool:
    try:
        return spell_class(raw) == name
    except MessageError:
        return False


def _identifier_notices(schema: Schema, rows: Sequence[Mapping[str, object]], remedies: Remedies) -> Iterator[str]:
    """Yield a word about each column of words that never repeat: no model learns from a name seen once."""
    for column in schema.columns:
        words = [row[column.name] for row in rows if not is_missing(row.get(column.name))]
        if column.kind is Kind.CATEGORY and len(words) >= _IDENTIFIER_COUNT_MIN and len(set(words)) == len(words):
            yield (
                f"column {column.name!r} has another value in each of {len(words):,} rows: if it names events say "
                f"{remedies.id.format(column.name)}, if not {remedies.drop.format(column.name)}"
            )


def _limits(settings: Settings, columns: Columns, rows: Sequence[Mapping[str, object]], notices: list[str]) -> Limits:
    """Return the bounds: the settings', but for what the stream itself makes pointless or too tight."""
    limits = settings.limits
    if columns.id is None and settings.labels.policy.horizon_ms is None:
        limits = replace(limits, dedup_count_max=0)
    if columns.time is not None and limits.jump_ms == Limits().jump_ms:
        jump_ms = _SPARSE_FACTOR * _usual_gap_ms(columns.time, rows) // _DAY_MS * _DAY_MS
        if jump_ms > limits.jump_ms:
            notices.append(
                f"sparse stream: event time may move {show_duration(jump_ms)} at once ({_SPARSE_FACTOR} times the "
                f"99th percentile of its gaps); set [limits] jump_ms to say otherwise"
            )
            limits = replace(limits, jump_ms=jump_ms)
    return limits


def _usual_gap_ms(time_column: str, rows: Sequence[Mapping[str, object]]) -> int:
    """Return the 99th percentile of the gaps between sampled event times: one wild clock does not show in it."""
    times: list[int] = []
    for row in rows:
        try:
            times.append(parse_event_time(row.get(time_column)))
        except MessageError:
            continue
    gaps = sorted(after - before for before, after in pairwise(times) if after > before)
    return gaps[int(len(gaps) * _SPARSE_QUANTILE)] if gaps else 0


def _evidence_loss(
    settings: Settings, task: Task, raw_targets: Sequence[object], classes: Sequence[Target]
) -> str | None:
    """Return what evidence is about where positives are few and nobody said what errors cost; None by the rules."""
    scarce = task is Task.BINARY and bool(raw_targets) and _share(raw_targets, classes[1]) < SCARCE_SHARE
    return "brier" if scarce and settings.decision.cost_false_negative is None else None


def _detectors(settings: Settings) -> tuple[str, ...]:
    asked, preset = settings.detectors.specs, settings.detectors.preset
    if asked == (NONE,):
        return ()
    if preset is not None:
        return PRESETS[preset].specs
    return asked or tuple(Plan().detectors)


def _rare_notices(settings: Settings, plan: Plan, remedies: Remedies) -> list[str]:
    """Suggest other detectors where nobody chose any and positives are too few for the loss to tell of them."""
    if settings.detectors.specs or settings.detectors.preset or not plan.detectors:
        return []
    return [
        f"positives are few, and the loss hardly moves when more of them are missed: {remedies.preset} watches them"
    ]


def _label_rules(settings: Settings, *, delayed: bool) -> LabelRules:
    """Return the label rules; a fixed delay without a policy waits exactly that long."""
    labels = settings.labels
    policy = labels.policy
    if labels.delay_ms and policy == LabelPolicy():
        policy = LabelPolicy(Silence.WAIT, labels.delay_ms)
    return LabelRules(policy, delayed=delayed, relearn=labels.on_late == "relearn")


def _label_notices(plan: Plan, remedies: Remedies) -> list[str]:
    if plan.labels.delayed and not plan.labels.windowed:
        return [
            "labels come late and the policy has no horizon, so no label window ever closes: there are no matured "
            f"figures; give one, such as {remedies.policy}"
        ]
    return []

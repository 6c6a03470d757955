"""The flags that set settings: each is another way to write one key of the configuration file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click

_F = TypeVar("_F", bound=Callable[..., Any])


class Flag(NamedTuple):
    """A flag, the setting it stands for, what it takes, and what it means; `many` may be given several times."""

    name: str
    setting: str
    takes: str
    help: str
    many: bool = False
    number: bool = False


FLAGS = (
    Flag("--target", "input.target", "COL", "Column that holds the truth."),
    Flag("--task", "input.task", "TASK", "binary, multiclass or regression; inferred if left out."),
    Flag("--positive", "input.positive", "CLASS", "Positive class of a binary task; the rarer one if left out."),
    Flag("--format", "input.format", "FORMAT", "csv, jsonl or parquet; told from the name or the first byte."),
    Flag("--id", "input.id", "COL", "Column that names an event; requests are numbered if left out."),
    Flag("--time", "input.time", "COL", "Column of event time: unix numbers or ISO 8601."),
    Flag("--label-time", "labels.time", "COL", "Column that says when the label became known."),
    Flag("--label-delay", "labels.delay", "DURATION", "Labels become known so long after their request, e.g. 7d."),
    Flag("--labels", "labels.path", "PATH", "File of labels, joined by id."),
    Flag("--label-policy", "labels.policy", "POLICY", "wait, wait(7d) or negative_after(90d)."),
    Flag("--on-late", "labels.on_late", "WHAT", "count or relearn a label that came after its request ended."),
    Flag("--drop", "input.drop", "COL", "Column that no model may see.", many=True),
    Flag("--champion", "contenders.champion", "SPEC", "Model that answers, as SPEC or NAME=SPEC."),
    Flag("--challenger", "contenders.challengers", "SPEC", "Model in shadow, as SPEC or NAME=SPEC.", many=True),
    Flag("--detector", "detectors.specs", "SPEC", "Drift detector, as SPEC or SIGNAL=SPEC, or none.", many=True),
    Flag("--detector-preset", "detectors.preset", "NAME", "general or fraud: detectors that suit such a stream."),
    Flag("--alarm-budget", "alarms.budget", "BUDGET", "Bearable false alarms: '1 per 30d' or '1 per 100000 events'."),
    Flag("--reaction", "reactions.specs", "SPEC", "What a contender does about drift, SPEC or NAME=SPEC.", many=True),
    Flag("--promotion", "promotion.mode", "MODE", "off, recommend or automatic: what evidence may do."),
    Flag("--routing", "routing.mode", "MODE", "champion, ab, epsilon_greedy or thompson: who answers."),
    Flag("--arm", "routing.arms", "NAME=SHARE", "Contender that takes part, a bandit's without a share.", many=True),
    Flag("--threshold", "decision.threshold", "P", "Alert at a probability of at least this.", number=True),
    Flag("--alert-rate", "decision.alert_rate", "SHARE", "Alert on this share of the highest scores.", number=True),
    Flag("--cost-false-positive", "decision.cost_false_positive", "C", "What a false alarm costs.", number=True),
    Flag("--cost-false-negative", "decision.cost_false_negative", "C", "What a miss costs.", number=True),
    Flag("--limit", "input.limit", "N", "Stop after so many records.", number=True),
    Flag("--slice", "run.slice", "N", "Messages handed to the engine at once; changes no answer.", number=True),
    Flag("--seed", "run.seed", "N", "What every seed a spec leaves out is derived from.", number=True),
    Flag("--state", "run.state", "DIR", "Keep checkpoints here; started again after a kill, the replay goes on."),
    Flag("--out", "output.dir", "DIR", "Write predictions, shadow answers, labels, dead letters and summary here."),
)


NAMES = {flag.setting: flag.name for flag in FLAGS} | {"input.paths": "PATH"}
"""What the flag of a setting is called."""


def settings_flags(function: _F) -> _F:
    """Add every flag to a command, in order."""
    for flag in reversed(FLAGS):
        function = click.option(
            flag.name, key_of(flag), metavar=flag.takes, multiple=flag.many, help=flag.help, default=None
        )(function)
    return function


def key_of(flag: Flag) -> str:
    """Return the name under which click hands a flag's value over."""
    return flag.setting.replace(".", "__")


def as_settings(given: dict[str, Any], paths: tuple[str, ...]) -> dict[str, dict[str, object]]:
    """Return what the flags say as sections and keys, numbers read as numbers."""
    sections: dict[str, dict[str, object]] = {}
    for flag in FLAGS:
        value = given.get(key_of(flag))
        if value in (None, ()):
            continue
        section, _, key = flag.setting.partition(".")
        sections.setdefault(section, {})[key] = _number(value) if flag.number else value
    if paths:
        sections.setdefault("input", {})["paths"] = paths
    return sections


def _number(text: str) -> object:
    """Return a number, or the text itself, which the settings will refuse in their own words."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text

"""The plan: what an engine is to be, in names and specs, and how that becomes parts.

Everything that decides an answer is in the plan, so that equal plans and equal messages give equal states. Models are
given as specs (safe text, see `engine.models.spec`) or, from Python, as any object with `predict_one` and `learn_one`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from engine.contender import Billing, Contender, Judges, Role, Rung, Watch
from engine.decision import AlertRate, Decide, Threshold
from engine.errors import ConfigError
from engine.label_policy import LabelPolicy
from engine.limits import Limits
from engine.messages import Target
from engine.models.estimator import adapt
from engine.models.majority import Majority
from engine.models.mean import Mean
from engine.models.no_change import NoChange
from engine.models.rules import Rules
from engine.models.spec import default_name, parse_detector, parse_model
from engine.prequential import Prequential
from engine.schema import Schema
from engine.targets import Task
from engine.understudy import UNDERSTUDY, Understudy

BASELINE = "no_change"


@dataclass(frozen=True, slots=True)
class LabelRules:
    """How labels are waited for.

    Parameters
    ----------
    policy
        `wait` or `negative_after`, with its horizon.
    delayed
        Whether labels come later than their requests. If they do and the policy has no horizon, no label window ever
        closes and there are no matured figures.
    relearn
        Whether a late label is learned after all; it never counts.
    """

    policy: LabelPolicy = field(default_factory=LabelPolicy)
    delayed: bool = False
    relearn: bool = False

    def __post_init__(self) -> None:
        """Refuse a relearn that has nothing to wait for."""
        if self.relearn and self.policy.horizon_ms is None:
            msg = "on_late = 'relearn' needs a label policy with a horizon: without one no label is ever late"
            raise ConfigError(msg)

    @property
    def windowed(self) -> bool:
        """Whether label windows close by event time."""
        return self.policy.horizon_ms is not None


@dataclass(frozen=True, slots=True)
class DecisionRules:
    """How a binary probability becomes a decision: at most one of the three; none keeps each model's own argmax."""

    threshold: float | None = None
    alert_rate: float | None = None
    costs: tuple[float, float] | None = None

    def make(self) -> Decide | None:
        """Return a fresh decider for one contender."""
        if self.threshold is not None and self.alert_rate is not None:
            msg = "give a threshold or an alert rate, not both"
            raise ConfigError(msg)
        if self.alert_rate is not None:
            return AlertRate(self.alert_rate)
        if self.threshold is not None:
            return Threshold(self.threshold)
        return None if self.costs is None else Threshold.from_costs(*self.costs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an engine is to be.

    Parameters
    ----------
    task, classes, positive
        What is predicted. Binary needs its two classes and which is positive.
    schema
        The columns of a request; None admits names and kinds as they come.
    champion
        Spec or object; answers.
    challengers
        Name -> spec or object; answer in shadow.
    baseline
        Whether `no_change()` runs beside them, so that no figure stands alone.
    detectors
        Specs of detectors on every contender's loss.
    labels, decision, limits
        Label policy, decision rule, bounds.
    seed
        Whatever draws numbers derives its seed from this one.
    """

    task: Task = Task.BINARY
    classes: Sequence[Target] = (False, True)
    positive: Target | None = True
    schema: Schema | None = None
    champion: object = "majority()"
    champion_name: str | None = None
    challengers: Mapping[str, object] = field(default_factory=dict)
    baseline: bool = True
    detectors: Sequence[str] = ("river.drift.ADWIN()",)
    labels: LabelRules = field(default_factory=LabelRules)
    decision: DecisionRules = field(default_factory=DecisionRules)
    limits: Limits = field(default_factory=Limits)
    seed: int = 0

    def foundation(self) -> dict[str, Any]:
        """Return all but the contenders as plain data: what two engines share that compare others over one stream."""
        labels, decision = self.labels, self.decision
        return {
            "task": self.task.value,
            "classes": list(self.classes),
            "positive": self.positive,
            "schema": None if self.schema is None else self.schema.snapshot(),
            "detectors": list(self.detectors),
            "labels": [str(labels.policy), labels.delayed, labels.relearn],
            "decision": [
                decision.threshold,
                decision.alert_rate,
                None if decision.costs is None else list(decision.costs),
            ],
            "limits": asdict(self.limits),
            "seed": self.seed,
        }

    def contenders(self) -> list[Contender]:
        """Return the contenders, freshly made, the champion first and the baseline last."""
        if self.task is not Task.BINARY and self.decision != DecisionRules():
            msg = f"a threshold, an alert rate and costs are for binary tasks; this one is {self.task.value}"
            raise ConfigError(msg)
        wanted: list[tuple[str, Role, object]] = [
            (self.champion_name or name_of(self.champion), Role.CHAMPION, self.champion)
        ]
        wanted += [(name, Role.CHALLENGER, made) for name, made in self.challengers.items()]
        if self.baseline and all(made != f"{BASELINE}()" for _, _, made in wanted):
            wanted.append((BASELINE, Role.BASELINE, f"{BASELINE}()"))
        return [self._contender(name, role, made) for name, role, made in wanted]

    def _contender(self, name: str, role: Role, made: object) -> Contender:
        """Return one contender with its model, figures and detectors."""
        if name == UNDERSTUDY:
            msg = f"{UNDERSTUDY!r} is the name of who answers when no contender can; give {made!r:.80} another"
            raise ConfigError(msg)
        if isinstance(made, str):
            parsed = parse_model(made, task=self.task, seed=self.seed, name=name)
            model, spec, reads_numeric = parsed.model, parsed.text, parsed.reads == "numeric"
        else:
            model, spec = adapt(made, task=self.task), f"{type(made).__module__}.{type(made).__qualname__}"
            reads_numeric = False
        rung: Rung | None = Rung.RULES if isinstance(model, Rules) else Rung.CHALLENGER
        if isinstance(model, NoChange):
            rung = None
        billing = Billing(name, role, spec, rung, reads_numeric)
        return Contender(billing, model, self.judges(name), decide=self._decide())

    def understudy(self) -> Understudy:
        """Return who answers when no contender can, freshly made."""
        model = Mean() if self.task is Task.REGRESSION else Majority(task=self.task)
        return Understudy(model, decide=self._decide())

    def _decide(self) -> Decide | None:
        return self.decision.make() if self.task is Task.BINARY else None

    def judges(self, name: str) -> Judges:
        """Return fresh figures and detectors for one contender."""
        figures = partial(Prequential, self.task, self.limits.window_count, self.decision.costs)
        labelled = figures()
        matured: Prequential | None = labelled
        if self.labels.windowed:
            matured = figures()
        elif self.labels.delayed:
            matured = None
        watches = []
        for text in self.detectors:
            parsed = parse_detector(text, seed=self.seed, name=name)
            if parsed.binary_only and self.task is Task.REGRESSION:
                msg = f"{text} takes only 0 and 1, and the loss of a regression is a number; use river.drift.ADWIN()"
                raise ConfigError(msg)
            watches.append(Watch(parsed.text, parsed.detector))
        return Judges(labelled, matured, tuple(watches))


def name_of(made: object) -> str:
    """Return the default name of a contender: that of its last estimator."""
    if isinstance(made, str):
        return default_name(made)
    return type(made).__name__.lower()

"""The plan: what an engine is to be, in names and specs, and how that becomes parts.

Everything that decides an answer is in the plan, so that equal plans and equal messages give equal states. Models are
given as specs (safe text, see `engine.models.spec`) or, from Python, as any object with `predict_one` and `learn_one`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from engine.contender import Billing, Contender, Role, Rung
from engine.decision import AlertRate, Decide, Threshold
from engine.drift.budget import AlarmBudget, Allowance, BudgetClock, split
from engine.drift.episode_rules import EpisodeRules
from engine.drift.episodes import Episodes
from engine.drift.warrant import Warrant
from engine.errors import ConfigError
from engine.evidence.losses import zero_one
from engine.judges import Judges
from engine.label_policy import LabelPolicy
from engine.limits import Limits
from engine.messages import Target
from engine.models.estimator import adapt
from engine.models.majority import Majority
from engine.models.mean import Mean
from engine.models.model import Forgets
from engine.models.no_change import NoChange
from engine.models.rules import Rules
from engine.models.spec import default_name, parse_detector, parse_model
from engine.prequential import Prequential
from engine.promotion import Promotion
from engine.promotion_rules import PromotionMode, PromotionRules
from engine.reactions.plain import Forget, Reset
from engine.reactions.reaction import Mind
from engine.reactions.spec import reaction_of
from engine.routing.experiment import Experiment
from engine.routing.router import Router
from engine.routing.rules import RoutingMode, RoutingRules
from engine.schema import Kind, Schema
from engine.shift.rules import ShiftRules
from engine.shift.watcher import Stream, Watcher
from engine.shift.wiring import watcher_of
from engine.tape import StepKind
from engine.targets import Task
from engine.understudy import UNDERSTUDY, Understudy
from engine.watching import Watch, refuse_deaf, refuse_unfit, split_feature, split_signal

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

    @property
    def final(self) -> StepKind:
        """The last step at which a row counts."""
        return StepKind.MATURE if self.windowed else StepKind.LEARN


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
        What watches every contender, as `SPEC` for its loss or `SIGNAL=SPEC`: see `engine.watching.Signal`. Given as
        `feature.NAME=SPEC` it watches a number of every request, once for the stream.
    budget
        How many false alarms are bearable, over all detectors on all contenders but the baseline, which is then not
        watched: see `engine.drift.warrant`. One per span of event time needs events that have it. None sets no bound.
    reactions
        What contenders do about a drift: (name, spec) pairs; a name of None speaks for those that are not named. See
        `engine.reactions.spec.REACTIONS`.
    promotion
        Whether and when evidence changes the champion.
    routing
        Whether requests are shared out among arms.
    shift
        What is watched without labels; by default nothing but which features move with an episode.
    labels, decision, episodes, limits
        Label policy, decision rule, when an episode is characterised and closes, bounds.
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
    budget: AlarmBudget | None = None
    reactions: Sequence[tuple[str | None, str]] = ()
    promotion: PromotionRules = field(default_factory=PromotionRules)
    routing: RoutingRules = field(default_factory=RoutingRules)
    episodes: EpisodeRules = field(default_factory=EpisodeRules)
    shift: ShiftRules = field(default_factory=ShiftRules)
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
            "budget": None if self.budget is None else str(self.budget),
            "reactions": [list(pair) for pair in self.reactions],
            "promotion": asdict(self.promotion) | {"mode": self.promotion.mode.value},
            "routing": self.routing.as_data(),
            "episodes": asdict(self.episodes),
            "shift": asdict(self.shift),
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
        if self._adds_baseline:
            wanted.append((BASELINE, Role.BASELINE, f"{BASELINE}()"))
        unknown = {name for name, _ in self.reactions if name is not None} - {name for name, _, _ in wanted}
        if unknown:
            msg = f"there is a reaction for {', '.join(sorted(unknown))}, and no such contender"
            raise ConfigError(msg)
        return [self._contender(name, role, made) for name, role, made in wanted]

    def _contender(self, name: str, role: Role, made: object) -> Contender:
        """Return one contender with its model, figures, detectors and reaction."""
        if name == UNDERSTUDY:
            msg = f"{UNDERSTUDY!r} is the name of who answers when no contender can; give {made!r:.80} another"
            raise ConfigError(msg)
        make = None
        unread: frozenset[str] = frozenset()
        if isinstance(made, str):
            parsed = parse_model(made, task=self.task, seed=self.seed, name=name)
            model, spec, reads_numeric = parsed.model, parsed.text, parsed.reads == "numeric"
            make = partial(self._mind, spec, name)
            if parsed.reads == "mixed" and self.schema is not None:
                unread = frozenset(each.name for each in self.schema.columns if each.kind is Kind.TEXT)
        else:
            model, spec = adapt(made, task=self.task), f"{type(made).__module__}.{type(made).__qualname__}"
            reads_numeric = False
        rung: Rung | None = Rung.RULES if isinstance(model, Rules) else Rung.CHALLENGER
        if isinstance(model, NoChange):
            rung = None
        billing = Billing(name, role, spec, rung, reads_numeric, unread)
        contender = Contender(billing, model, self.judges(name), decide=self._decide())
        contender.make = make
        if role is not Role.BASELINE:
            self._set_reaction(contender)
        return contender

    def promotion_of(self, contenders: Sequence[Contender]) -> Promotion | None:
        """Return what gathers evidence on these contenders; None where nothing does.

        Raises
        ------
        ConfigError
            Where nothing ever matures, or the loss does not fit the task.
        """
        rules = self.promotion
        if rules.mode is PromotionMode.OFF:
            return None
        if self.labels.delayed and not self.labels.windowed:
            msg = "evidence is matured, and without a horizon no label window closes; give [labels] policy one"
            raise ConfigError(msg)
        loss = rules.loss_for(self.task, self.decision.costs)
        binary = self.task is Task.BINARY
        return Promotion(rules, contenders, loss, binary=binary, final=self.labels.final)

    def routing_of(self, contenders: Sequence[Contender]) -> tuple[Router | None, Experiment | None]:
        """Return what shares requests out among these contenders, and what is made of it; None where nothing does.

        Raises
        ------
        ConfigError
            Where an arm is no contender, nothing ever matures, or evidence is to change the champion by itself.
        """
        rules = self.routing
        if rules.mode is RoutingMode.CHAMPION:
            return None, None
        if self.promotion.mode is PromotionMode.AUTOMATIC:
            msg = f"routing {rules.mode} and automatic promotion both change who answers; set promotion to recommend"
            raise ConfigError(msg)
        if self.labels.delayed and not self.labels.windowed:
            msg = "rewards are matured, and without a horizon no label window closes; give [labels] policy one"
            raise ConfigError(msg)
        loss = self.promotion.loss_for(self.task, self.decision.costs)
        router = Router(rules, contenders, loss, self.labels.final, self.seed)
        return router, Experiment(router, contenders, self.task, self.decision.costs)

    def _mind(self, spec: str, name: str) -> Mind:
        """Return a model that has learned nothing, and its decider."""
        return Mind(parse_model(spec, task=self.task, seed=self.seed, name=name).model, self._decide())

    def _set_reaction(self, contender: Contender) -> None:
        """Have a contender do about drift what the plan says."""
        rules = reaction_of(contender.name, self.reactions)
        if rules is None:
            return
        if isinstance(rules, Forget):
            if not isinstance(contender.model, Forgets):
                msg = f"{contender.name} cannot forget a part of what it has learned; use reset(), gated() or standby()"
                raise ConfigError(msg)
        elif contender.make is None:
            msg = f"a reaction makes {contender.name} anew, and it is an object; give it as a spec"
            raise ConfigError(msg)
        plain = isinstance(rules, Forget | Reset)
        loss = zero_one if plain else self.promotion.loss_for(self.task, self.decision.costs)
        contender.react_with(rules.make(contender, loss, self.labels.final))

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
        judged = any(split_feature(text) is None for text in self.detectors)
        episodes = Episodes(name, self.episodes) if judged else None
        clock = None if self.budget is None else BudgetClock(self.budget, self.limits)
        return Judges(labelled, matured, partial(self._watches, name), episodes, clock)

    def _watches(self, name: str) -> tuple[Watch, ...]:
        """Return fresh detectors for one contender."""
        watches: list[Watch] = []
        if self.budget is not None and name == BASELINE and self._adds_baseline:
            return ()
        for text in self.detectors:
            if split_feature(text) is not None:
                if self.budget is not None:
                    msg = f"an alarm budget holds no detector on a feature, got {text!r:.80}; name it in [shift] watch"
                    raise ConfigError(msg)
                continue
            signal, spec = split_signal(text)
            parsed = parse_detector(spec, seed=self.seed, name=name)
            refuse_unfit(signal, parsed.text, self.task, binary_only=parsed.binary_only)
            warrant = None
            if self.budget is not None:
                refuse_deaf(parsed.text)
                warrant = Warrant(self.budget, self.budget_share)
            watches.append(Watch(parsed.text, parsed.detector, signal, warrant))
        return tuple(watches)

    @property
    def budget_share(self) -> float:
        """The share of the alarm budget that each watch gets: one for every detector on every contender.

        Looks without labels are two groups more, at requests and at labels.
        """
        return split((1 + len(self.challengers)) * len(self.detectors), 2 if self.shift.watches else 0)

    @property
    def _adds_baseline(self) -> bool:
        """Whether the baseline runs on its own account, and not as somebody's champion or challenger."""
        return self.baseline and all(made != f"{BASELINE}()" for made in (self.champion, *self.challengers.values()))

    def watcher(self, contenders: Sequence[Contender]) -> Watcher | None:
        """Return what watches the stream without labels; None where nothing does."""
        labels = self.labels
        stream = Stream(self.schema, self.task, labels.windowed, labels.relearn, labels.final)
        watcher = watcher_of(self.shift, stream, self.detectors, contenders, self.seed)
        if self.budget is not None and watcher is not None and self.shift.watches:
            watcher.allowances = tuple(Allowance(self.budget, self.budget_share, self.limits) for _ in range(2))
        return watcher


def name_of(made: object) -> str:
    """Return the default name of a contender: that of its last estimator."""
    if isinstance(made, str):
        return default_name(made)
    return type(made).__name__.lower()

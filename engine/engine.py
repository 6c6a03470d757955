"""The engine: one slice of messages in, everything there is to say about it out.

`process(slice)` is the only path. It is two verbs, and a runner that must answer fast calls them itself: `answer` has
the champion answer and learn, `catch_up` has the challengers take the same steps. n messages at once give, bit for
bit, what n slices of one give. No clock, no I/O, no randomness: the state is a function of the messages, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from struct import error as StructError  # noqa: N812 - the module's own name says nothing at a distance
from typing import Any

from engine.contender import Contender
from engine.errors import ConfigError, SnapshotError
from engine.features.encoder import FeatureReader
from engine.label_join import LabelJoin
from engine.learner import Learner
from engine.messages import Command, Message, Outcomes
from engine.plan import Plan
from engine.rows import pack_rows, unpack_rows
from engine.scorer import Scorer
from engine.snapshot import digest
from engine.succession import Succession
from engine.summary import Summary, summarise
from engine.tape import Row
from engine.targets import Targets

SNAPSHOT_FORMAT = 1


class Engine:
    """Answers requests, shadows them, joins labels, scores what was served, and learns.

    Parameters
    ----------
    plan
        What this engine is to be: see `engine.plan.Plan`.

    Raises
    ------
    ConfigError
        If the plan cannot be carried out.
    """

    def __init__(self, plan: Plan) -> None:
        contenders = plan.contenders()
        names = [contender.name for contender in contenders]
        if len(set(names)) != len(names):
            msg = f"contenders need different names, got {names!r}; name them as name=spec"
            raise ConfigError(msg)
        for slot, contender in enumerate(contenders):
            contender.slot = slot
        targets = Targets(
            plan.task, classes=plan.classes, positive=plan.positive, class_count_max=plan.limits.class_count_max
        )
        features = FeatureReader(plan.schema, plan.limits)
        join = LabelJoin(plan.labels.policy, plan.limits, keep_features=plan.labels.relearn)
        self.learner = Learner(contenders, plan.understudy(), join.keeps, plan.labels.final)
        self.promotion = plan.promotion_of(contenders)
        if self.promotion is not None:
            self.learner.followers.append(self.promotion)
        self.router, self.experiment = plan.routing_of(contenders)
        if self.router is not None and self.experiment is not None:
            self.learner.route(self.router)
            self.learner.followers.append(self.experiment)
        watcher = plan.watcher(contenders)
        if watcher is not None:
            self.learner.watch(watcher)
        self.succession = Succession(self.learner, self.promotion, self.router)
        self.scorer = Scorer(features, targets, join, self.succession, relearn=plan.labels.relearn)
        self.limits = plan.limits
        self.budget = plan.budget
        self._epoch = 0 if self.promotion is None else plan.promotion.epoch_inputs
        self._plan = plan
        self._torn = False
        self.dead_letter_count = 0
        self.alarm_count = 0
        self.forced_catch_ups = 0

    @property
    def position(self) -> int:
        """How many messages have been taken."""
        return self.scorer.position

    def process(self, messages: Iterable[Message]) -> Outcomes:
        """Take one slice and return everything the engine has to say about it.

        Raises
        ------
        ConfigError
            For something that is no message; the messages before it were taken.
        """
        # Said once, when all have caught up: so what is said at one position stands together, whatever the slice was.
        out = self._take(messages)
        return self.catch_up(out)

    def answer(self, messages: Iterable[Message]) -> Outcomes:
        """Take one slice: the champion answers and learns, the challengers' steps wait on the tape."""
        out = self._take(messages)
        self._report(out)
        return out

    def _take(self, messages: Iterable[Message]) -> Outcomes:
        """Answer and learn, without a word of alarms, episodes and reactions yet."""
        self._refuse_if_torn()
        out = Outcomes()
        take, follow, epoch = self.scorer.take, self.learner.follow, self._epoch
        for message in messages:
            if epoch and not self.scorer.position % epoch and self.scorer.position:
                self.succession.weigh(self.scorer.moment(), out)
            steps = take(message, out)
            if steps and not follow(steps):
                self.succession.fall(steps[-1][3], out)
        if len(self.learner.tape) > self.limits.tape_count_max:
            self.forced_catch_ups += 1
            self.learner.catch_up(out)
        self.dead_letter_count += len(out.dead_letters)
        return out

    def catch_up(self, out: Outcomes | None = None, step_count_max: int | None = None) -> Outcomes:
        """Have the challengers take up to `step_count_max` steps of the tape, or all of it."""
        self._refuse_if_torn()
        out = Outcomes() if out is None else out
        self.learner.catch_up(out, step_count_max)
        self._report(out)
        return out

    def command(self, command: Command, out: Outcomes | None = None) -> Outcomes:
        """Change who answers, before the next message: `out.commanded` says whether it was done, or why it was refused.

        The challengers catch up first, so a command means the same however far they lagged.

        Raises
        ------
        ConfigError
            For a verb there is not.
        """
        self._refuse_if_torn()
        out = Outcomes() if out is None else out
        self.succession.obey(command, self.scorer.moment(), out)
        self._report(out)
        return out

    def reset_figures(self, out: Outcomes | None = None) -> Outcomes:
        """Begin all figures and detectors anew, to compare contenders over the same events from here on.

        Requests answered before are still learned, but count for nobody. The challengers catch up first.
        """
        out = self.catch_up(out)
        self.learner.reset_figures(self._plan.judges, self.scorer.request_count)
        if self.learner.watcher is not None:
            self.learner.watcher.restart_estimates()
        for row in self.scorer.join.rows():
            row.served = [None] * len(row.served)
        return out

    def summary(self) -> Summary:
        """Return the counts and figures as they stand."""
        return summarise(self)

    def state_digest(self) -> str:
        """Return the SHA-256 of the canonical state: equal states, equal digests, in any process.

        The plan is no part of it: one stream may be described in two ways.
        """
        return digest(self._state(Contender.fingerprint))

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain data.

        Raises
        ------
        SnapshotError
            If a contender's model cannot give its state.
        """
        return {**self._state(Contender.snapshot), "plan": self._plan.foundation()}

    def _state(self, state_of: Callable[[Contender], dict[str, Any]]) -> dict[str, Any]:
        self._refuse_if_torn()
        rows = {row.index: row for row in self.scorer.join.rows()}
        rows.update((row.index, row) for _, row, _, _ in self.learner.tape)
        routing = {} if self.router is None else {"routing": self.router.snapshot()}
        if self.experiment is not None:
            routing["experiment"] = self.experiment.snapshot()
        return {
            **routing,
            "format": SNAPSHOT_FORMAT,
            "rows": pack_rows([rows[index] for index in sorted(rows)]),
            "scorer": self.scorer.snapshot(),
            "learner": self.learner.snapshot(state_of),
            "succession": self.succession.snapshot(),
            "promotion": None if self.promotion is None else self.promotion.snapshot(),
            "watcher": None if self.learner.watcher is None else self.learner.watcher.snapshot(),
            "counts": [self.dead_letter_count, self.alarm_count],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned, into an engine wired the same way: both continue identically.

        Raises
        ------
        SnapshotError
            If the snapshot is of another format or of other contenders: nothing has changed then. If its content is
            garbled: where any of it had been taken, this engine is unusable, and every verb refuses until another
            snapshot is restored.
        """
        with self._reading(state):
            theirs = [(kept["name"], kept["spec"]) for kept in state["learner"]["contenders"]]
            if theirs != self._wired():
                msg = (
                    f"the snapshot holds contenders {theirs!r}, this engine has {self._wired()!r}; wire it the same way"
                )
                raise SnapshotError(msg)
            self._load(state, unpack_rows(state["rows"]))
            self._torn = False

    def graft(self, state: dict[str, Any]) -> None:
        """Go on from a snapshot with more or fewer contenders, in a new engine.

        A contender of the same name and spec continues, with its figures; one that the snapshot does not hold starts
        fresh from here; one that this engine does not have is dropped. The champion stays whoever it was.

        Raises
        ------
        SnapshotError
            If the champion of the snapshot is none of this engine's contenders, if anything but the contenders is
            another, or if steps wait on its tape: nothing has changed then. If its content is garbled: as in `restore`.
        """
        with self._reading(state):
            theirs = [(kept["name"], kept["spec"]) for kept in state["learner"]["contenders"]]
            self._refuse_graft(state, dict(theirs))
            slots = [theirs.index(each) if each in theirs else None for each in self._wired()]
            rows = unpack_rows(state["rows"])
            for row in rows.values():
                if row.served:
                    row.served = [None if slot is None else row.served[slot] for slot in slots]
            self._load(state, rows)
            self.scorer.show_numbers(rows.values())
            self._torn = False

    def _refuse_graft(self, state: dict[str, Any], specs: dict[str, str]) -> None:
        """Refuse what is not this engine but for its contenders."""
        if self.position or self._torn:
            msg = f"this engine is at position {self.position}; graft onto a new one"
            raise SnapshotError(msg)
        ours, theirs = self._plan.foundation(), state["plan"]
        differing = [name for name, value in ours.items() if digest(theirs.get(name)) != digest(value)]
        if differing:
            msg = f"the snapshot is of another {', '.join(differing)}; a graft changes contenders only"
            raise SnapshotError(msg)
        if state["learner"]["tape"]["kind"]:
            msg = (
                f"{len(state['learner']['tape']['kind'])} steps wait on the snapshot's tape; catch up before taking it"
            )
            raise SnapshotError(msg)
        champion = state["learner"]["champion"]
        if champion is not None and (champion, specs[champion]) not in self._wired():
            msg = f"the snapshot's champion {champion}={specs[champion]} is no contender here; keep it as one"
            raise SnapshotError(msg)

    def _wired(self) -> list[tuple[str, str]]:
        return [(contender.name, contender.billing.spec) for contender in self.learner.contenders]

    @contextmanager
    def _reading(self, state: dict[str, Any]) -> Iterator[None]:
        """Turn what garbled content raises into one refusal."""
        try:
            if state.get("format") != SNAPSHOT_FORMAT:
                msg = f"snapshot format {state.get('format')!r} is not {SNAPSHOT_FORMAT}; use the version that wrote it"
                raise SnapshotError(msg)
            yield
        except (AttributeError, ArithmeticError, LookupError, StructError, TypeError, ValueError) as error:
            msg = f"the snapshot is garbled ({type(error).__name__}: {error!s:.200}); use an older one"
            raise SnapshotError(msg) from error

    def _load(self, state: dict[str, Any], rows: dict[int, Row]) -> None:
        """Take the state over; until the caller has made it whole, this is no engine."""
        self._torn = True
        self.scorer.restore(state["scorer"], rows)
        self.learner.restore(state["learner"], rows)
        wired = self._wired()
        kept = {each["name"] for each in state["learner"]["contenders"] if (each["name"], each["spec"]) in wired}
        if self.promotion is not None:
            self.promotion.restore(state["promotion"], self.learner.champion, kept)
        if self.learner.watcher is not None and state.get("watcher") is not None:
            self.learner.watcher.restore(state["watcher"])
        self.succession.restore(state["succession"], kept)
        if self.router is not None and self.experiment is not None:
            self.router.restore(state["routing"])
            self.experiment.restore(state["experiment"])
        self.dead_letter_count, self.alarm_count = state["counts"]

    def _refuse_if_torn(self) -> None:
        if self._torn:
            msg = "a snapshot could not be restored into this engine, and what it holds is no state; make a new one"
            raise SnapshotError(msg)

    def _report(self, out: Outcomes) -> None:
        before = len(out.alarms)
        self.learner.report(out)
        self.alarm_count += len(out.alarms) - before

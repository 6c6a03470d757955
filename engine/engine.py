"""The engine: one slice of messages in, everything there is to say about it out.

`process(slice)` is the only path. It is two verbs, and a runner that must answer fast calls them itself: `answer` has
the champion answer and learn, `catch_up` has the challengers take the same steps. n messages at once give, bit for
bit, what n slices of one give. No clock, no I/O, no randomness: the state is a function of the messages, in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from engine.contender import Contender
from engine.errors import ConfigError, SnapshotError
from engine.features.encoder import FeatureReader
from engine.label_join import LabelJoin
from engine.learner import Learner
from engine.messages import Message, Outcomes
from engine.plan import Plan
from engine.scorer import Scorer
from engine.snapshot import digest
from engine.summary import Summary, summarise
from engine.tape import Row, StepKind
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
        self.scorer = Scorer(features, targets, join, contenders, relearn=plan.labels.relearn)
        self.learner = Learner(contenders, join.keeps, StepKind.MATURE if plan.labels.windowed else StepKind.LEARN)
        self.limits = plan.limits
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
        out = self.answer(messages)
        self.catch_up(out)
        return out

    def answer(self, messages: Iterable[Message]) -> Outcomes:
        """Take one slice: the champion answers and learns, the challengers' steps wait on the tape."""
        out = Outcomes()
        take, follow = self.scorer.take, self.learner.follow
        for message in messages:
            steps = take(message, out)
            if steps:
                follow(steps)
        if len(self.learner.tape) > self.limits.tape_count_max:
            self.forced_catch_ups += 1
            self.learner.catch_up(out)
        self._report(out)
        self.dead_letter_count += len(out.dead_letters)
        return out

    def catch_up(self, out: Outcomes | None = None, step_count_max: int | None = None) -> Outcomes:
        """Have the challengers take up to `step_count_max` steps of the tape, or all of it."""
        out = Outcomes() if out is None else out
        self.learner.catch_up(out, step_count_max)
        self._report(out)
        return out

    def summary(self) -> Summary:
        """Return the counts and figures as they stand."""
        return summarise(self)

    def state_digest(self) -> str:
        """Return the SHA-256 of the canonical state: equal states, equal digests, in any process."""
        return digest(self._state(Contender.fingerprint))

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain data.

        Raises
        ------
        SnapshotError
            If a contender's model cannot give its state.
        """
        return self._state(Contender.snapshot)

    def _state(self, state_of: Callable[[Contender], dict[str, Any]]) -> dict[str, Any]:
        rows = {row.index: row for row in self.scorer.join.rows()}
        rows.update((row.index, row) for _, row, _, _ in self.learner.tape)
        return {
            "format": SNAPSHOT_FORMAT,
            "rows": [rows[index].snapshot() for index in sorted(rows)],
            "scorer": self.scorer.snapshot(),
            "learner": self.learner.snapshot(state_of),
            "counts": [self.dead_letter_count, self.alarm_count],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned, into an engine wired the same way: both continue identically.

        Raises
        ------
        SnapshotError
            If the snapshot is of another format, or of other contenders.
        """
        if state.get("format") != SNAPSHOT_FORMAT:
            msg = f"snapshot format {state.get('format')!r} is not {SNAPSHOT_FORMAT}; use the version that wrote it"
            raise SnapshotError(msg)
        theirs = [(kept["name"], kept["spec"]) for kept in state["learner"]["contenders"]]
        ours = [(contender.name, contender.billing.spec) for contender in self.learner.contenders]
        if theirs != ours:
            msg = f"the snapshot holds contenders {theirs!r}, this engine has {ours!r}; wire it the same way"
            raise SnapshotError(msg)
        rows = {row[0]: Row.restored(row) for row in state["rows"]}
        self.scorer.restore(state["scorer"], rows)
        self.learner.restore(state["learner"], rows)
        self.dead_letter_count, self.alarm_count = state["counts"]

    def _report(self, out: Outcomes) -> None:
        before = len(out.alarms)
        self.learner.report(out)
        self.alarm_count += len(out.alarms) - before

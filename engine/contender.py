"""A contender: one model in a role, with the judges that score it and what it does about a drift.

It takes the steps of the tape, in order, and nothing else. A model that raises, or answers with something that is no
answer, is benched at that step with its state as it is, and answers no more. This file knows nothing of joins, slices,
who follows the tape when, or who answers in the place of a benched champion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias, cast

from engine.decision import Decide
from engine.drift.detector import Verdict
from engine.errors import ModelError
from engine.judges import Judges, Verdicted
from engine.messages import Alarm, Answer, Benched, Episode, Features, Reaction, Target
from engine.models.ahead import Ahead
from engine.models.model import Act, Forgets, Model, Runs, fingerprint_of
from engine.reactions import reaction as reactions
from engine.reactions.reaction import Entry, Mind, Show
from engine.tape import Moment, Row, Step, StepKind
from engine.watching import Timing, loss

Takers: TypeAlias = tuple[Callable[[Step], None], ...]
"""What takes a step, in the order of `StepKind`."""

Incident: TypeAlias = Alarm | Benched | Episode | Reaction
"""What happens to a contender and is said at the end of a slice."""

Told: TypeAlias = tuple[int, Incident]
"""An incident after the number of the step, in its stretch of the tape, at which it happened."""

SHED = "shed"
"""Why a contender is benched that was taken out to save time: nothing is wrong with it."""

REASON_CHARS_MAX = 500
"""What is kept of an error's words."""


class Role(StrEnum):
    """What a contender is to the stream."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    BASELINE = "baseline"


class Rung(StrEnum):
    """Where on the ladder stands who answers in the place of a benched champion; the highest first."""

    CHALLENGER = "challenger"
    RULES = "rules"
    UNDERSTUDY = "understudy"


@dataclass(frozen=True, slots=True)
class Billing:
    """What a contender is called and made of.

    `role` is the one it was given at the start. `spec` is the model's text, its seeds written out, from which it can be
    built again. `rung` is where it stands on the ladder; None where it never answers but by command. `reads_numeric`
    says that the model takes numbers only and gets the one-hot view; `unread` names the columns of free text of which
    it makes nothing.
    """

    name: str
    role: Role
    spec: str
    rung: Rung | None
    reads_numeric: bool = False
    unread: frozenset[str] = frozenset()


class Replaced(NamedTuple):
    """Where a contender's model was replaced or benched, and the latest request then."""

    position: int
    request_index: int


class Contender:
    """One model in a role.

    Parameters
    ----------
    billing
        Name, role and spec.
    model
        Its only state that answers depend on.
    judges
        Its figures, detectors and episodes.
    decide
        Turns the probability of the positive class into a decision; None keeps the model's own.

    Attributes
    ----------
    version
        The position after the latest message at which its model changed: learned, forgot, was replaced, or raised. Up
        to there everything it knows has come, and in one stream two answers of one contender in one version are of the
        same model. A decider's window of recent scores is not the model.
    make
        Returns a model and a decider that have seen nothing; None where the model is an object of the caller's.
    reaction
        What is done about a drift in its loss; None does nothing.
    replaced
        Where its model was replaced, or benched: evidence about it begins anew there. Whoever wants to know puts a list
        here, and empties it; None writes nothing down.
    wrap
        Goes around every model it makes, such as a stopwatch.
    """

    def __init__(self, billing: Billing, model: Model, judges: Judges, *, decide: Decide | None = None) -> None:
        self.billing = billing
        self.name = billing.name
        self.model = model
        self.slot = 0
        self.learned_count = 0
        self.version = 0
        self.benched: str | None = None
        self.incidents: list[Incident] = []
        self.make: Callable[[], Mind] | None = None
        self.reaction: reactions.Reaction | None = None
        self.replaced: list[Replaced] | None = None
        self.wrap: Callable[[Model], Model] = _bare
        self._now = Moment(0, 0, None)
        self._decide = decide
        self._reads_numeric = billing.reads_numeric
        self._unread = billing.unread
        self.judge_by(judges)
        # In the order of `StepKind`: an index is found faster than an enum is hashed.
        self.takers: Takers = (
            self._take_predict,
            self._take_learn,
            self._take_relearn,
            self._take_mature,
            self._take_drop,
        )

    def judge_by(self, judges: Judges) -> None:
        """Be scored and watched by these from here on."""
        self.judges = judges
        self._labelled = judges.labelled
        self._matured = judges.matured if judges.windowed else None
        self._watch()

    def _watch(self) -> None:
        """Look up which detectors are due when; what matures with its label is shown with it."""
        judges = self.judges
        self._due_answered = judges.watched(Timing.ANSWERED)
        self._due_labelled = judges.watched(Timing.LABELLED)
        self._due_matured = bool(judges.watches) or self.reaction is not None

    def answer(self, row: Row, when: Moment) -> Answer | None:
        """Answer a request and keep the answer on its row; None from a benched contender."""
        answer: Answer | None = None
        if self.benched is None:
            x = self._view(row)
            row.versions[self.slot] = self.version
            try:
                answer = self.model.predict(x)
            except Exception as error:  # noqa: BLE001 - whatever a model raises, the stream goes on
                self._fail(error, when)
            else:
                if self._decide is not None:
                    answer = (self._decide(answer[1]), answer[1])  # type: ignore[arg-type]
                if self._due_answered:
                    self._heed(self.judges.show(Timing.ANSWERED, answer, target=False, when=when), when, row.index)
                if self.reaction is not None:
                    self._record(Entry(StepKind.PREDICT, row.index, x, None, None), when)
        row.served[self.slot] = answer
        return answer

    def version_at(self, row: Row) -> int | None:
        """Return in which version it answered a request."""
        return row.versions[self.slot]

    def _view(self, row: Row) -> Features:
        """Return what the model is shown of a row's features."""
        x: Features = row.numeric if self._reads_numeric else row.x  # type: ignore[assignment]
        if self._unread:
            return {name: value for name, value in x.items() if name not in self._unread}
        return x

    def bench(self, reason: str, when: Moment) -> None:
        """Take the model out with its state as it is, and say why; nothing is done about drift until it is back."""
        self.benched = reason
        self._note_replaced(when)
        self.incidents.append(Benched(when.position, when.request_index, self.name, reason))
        if self.reaction is not None:
            self.reaction.halt(when)

    def take(self, steps: Iterable[Step]) -> list[Told]:
        """Take steps of the tape, in order; return what happened, with the number of the step at which it did.

        Where no reaction can replace the model between two of them, a model that can takes them in one run.
        """
        model = self.model
        # Asking for the method is a hundred times as fast as asking whether the model keeps the protocol.
        if self.reaction is not None or self.benched is not None or not hasattr(model, "run"):
            return self._take(steps)
        steps = list(steps)
        self.model = cast(Model, Ahead(cast(Runs, model), self._acts(steps)))
        try:
            return self._take(steps)
        finally:
            self.model = model

    def _acts(self, steps: Iterable[Step]) -> Iterator[Act]:
        """Yield what the model is asked and taught at these steps."""
        for kind, row, target, _ in steps:
            if kind <= StepKind.RELEARN:
                yield Act(self._view(row), target)

    def _take(self, steps: Iterable[Step]) -> list[Told]:
        takers, incidents, told = self.takers, self.incidents, []
        for number, step in enumerate(steps):
            takers[step[0]](step)
            if incidents:
                told += [(number, incident) for incident in incidents]
                incidents.clear()
        return told

    def _take_predict(self, step: Step) -> None:
        self.answer(step[1], step[3])

    def _take_learn(self, step: Step) -> None:
        """Score the answer as served, let the detectors see the loss, then learn."""
        kind, row, target, when = step
        answer = row.served[self.slot]
        if answer is not None:
            self._labelled.add(answer, target)  # type: ignore[arg-type]
            if self._due_labelled:
                verdicts = self.judges.show(Timing.LABELLED, answer, target, when)  # type: ignore[arg-type]
                self._heed(verdicts, when, row.index)
            if self._due_matured and self._matured is None:
                self._watch_loss(row.index, answer, target, when)  # type: ignore[arg-type]
        self._learn(kind, row, target, when)  # type: ignore[arg-type]

    def _take_relearn(self, step: Step) -> None:
        """Learn a late target; it no longer counts."""
        self._learn(*step)  # type: ignore[arg-type]

    def _take_mature(self, step: Step) -> None:
        """Count the row as evidence, now that nothing about it can change."""
        kind, row, target, when = step
        answer = row.served[self.slot]
        if answer is not None and self._matured is not None:
            self._matured.add(answer, target)  # type: ignore[arg-type]
            if self._due_matured:
                self._watch_loss(row.index, answer, target, when)  # type: ignore[arg-type]
        if self.reaction is not None and self.benched is None:
            self._record(Entry(kind, row.index, None, target, answer), when)

    def _take_drop(self, step: Step) -> None:
        """Let a row go that gets no label any more."""
        kind, row, _, when = step
        if self.reaction is not None and self.benched is None:
            self._record(Entry(kind, row.index, None, None, None), when)

    def _learn(self, kind: StepKind, row: Row, target: Target, when: Moment) -> None:
        if self.benched is None:
            x = self._view(row)
            try:
                self.model.learn(x, target, 1.0)
            except Exception as error:  # noqa: BLE001 - whatever a model raises, the stream goes on
                self._fail(error, when)
            else:
                self.learned_count += 1
                self.version = when.position + 1
                if self.reaction is not None:
                    # What counts no more may have been released, or not yet.
                    served = row.served[self.slot] if kind is StepKind.LEARN else None
                    self._record(Entry(kind, row.index, x, target, served), when)

    def _watch_loss(self, index: int, answer: Answer, target: Target, when: Moment) -> None:
        """Show an answer that counts to the episodes and the detectors."""
        judges = self.judges
        if judges.episodes is not None:
            self.incidents += judges.episodes.see(loss(answer, target), when, index=index)
        self._heed(judges.show(Timing.MATURED, answer, target, when), when, index)

    def _heed(self, verdicts: list[Verdicted], when: Moment, index: int) -> None:
        """Raise an alarm for each drift, within its episode, and let the reaction know; `index` is what it is about."""
        for watch, verdict in verdicts:
            self._now = when
            if verdict is Verdict.DRIFT:
                watched = f"{self.name}.{watch.signal}"
                episode, said = self.judges.episodes.signal(watched, when, index=index)  # type: ignore[union-attr]
                self.incidents += said
                self.incidents.append(Alarm(*when, watched, watch.name, "drift", episode))
                if self.reaction is not None and self.benched is None:
                    self.reaction.drift(when, episode)
            elif self.reaction is not None and self.benched is None:
                self.reaction.warn(when)

    def _record(self, entry: Entry, when: Moment) -> None:
        self._now = when
        self.reaction.record(entry, when)  # type: ignore[union-attr]

    def _fail(self, error: Exception, when: Moment) -> None:
        """Bench a model that raised, or gave no answer."""
        self.version = when.position + 1
        said = str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
        self.bench(said[:REASON_CHARS_MAX], when)

    def fresh(self) -> Mind:
        """Return a model that has learned nothing, made as the first one was."""
        model, decide = self.make()  # type: ignore[misc]
        return Mind(self.wrap(model), decide)

    def replace(self, mind: Mind) -> Mind:
        """Have another model answer and learn from here, watched by fresh detectors; return the one before."""
        before = Mind(self.model, self._decide)
        self.model, self._decide = mind
        self.version = self._now.position + 1
        self.judges.renew()
        self._watch()
        self._note_replaced(self._now)
        return before

    def _note_replaced(self, when: Moment) -> None:
        if self.replaced is not None:
            self.replaced.append(Replaced(when.position, when.request_index))

    def forget(self, keep: float) -> None:
        """Have the model keep this share of what it has learned."""
        cast(Forgets, self.model).forget(keep)
        self.version = self._now.position + 1

    def say(self, step: str, when: Moment, episode: str | None, reason: str) -> None:
        """Report what the reaction did."""
        self.incidents.append(Reaction(when.position, when.request_index, self.name, step, episode, reason))

    def mark_recurring(self) -> None:
        """Say that what is now has been before."""
        if self.judges.episodes is not None:
            self.judges.episodes.mark_recurring()

    def react_with(self, reaction: reactions.Reaction | None) -> None:
        """Do this about drift from here on."""
        self.reaction = reaction
        self._watch()

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data, or raise `SnapshotError` where the model cannot give its own."""
        return self._state(_snapshot_of)

    def fingerprint(self) -> dict[str, Any]:
        """Return what stands for the state in a digest: there is one for every model."""
        return self._state(fingerprint_of)

    def _state(self, show: Show) -> dict[str, Any]:
        return {
            "name": self.name,
            "spec": self.billing.spec,
            "model": show(self.model),
            "decide": None if self._decide is None else self._decide.snapshot(),
            **self.judges.snapshot(),
            "reaction": None if self.reaction is None else self.reaction.state(show),
            "learned_count": self.learned_count,
            "version": self.version,
            "benched": self.benched,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned, into a contender built from the same spec."""
        self.model.restore(state["model"])
        if self._decide is not None:
            self._decide.restore(state["decide"])
        self.judges.restore(state)
        if self.reaction is not None:
            self.reaction.restore(state["reaction"])
        self.learned_count = state["learned_count"]
        self.version = state["version"]
        self.benched = state["benched"]
        if self.replaced is not None:
            self.replaced.clear()


def _bare(model: Model) -> Model:
    return model


def _snapshot_of(model: Model) -> object:
    return model.snapshot()

"""A contender: one model in a role, with the figures and detectors that judge it.

It takes the steps of the tape, in order, and nothing else. A model that raises, or answers with something that is no
answer, is benched at that step with its state as it is, and answers no more. This file knows nothing of joins, slices,
who follows the tape when, or who answers in the place of a benched champion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from engine.decision import Decide
from engine.drift.detector import Detector, Verdict
from engine.errors import ModelError
from engine.messages import Alarm, Answer, Benched, Features, Target
from engine.models.model import Model, fingerprint_of
from engine.prequential import Prequential
from engine.tape import Moment, Row, Step

Takers: TypeAlias = tuple[Callable[[Step], None], ...]
"""What takes a step, in the order of `StepKind`."""

FLOAT_MAX = 1.7976931348623157e308
"""What a loss that overflows is taken as."""

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
class Watch:
    """A detector on a contender's loss, and the name it goes by."""

    name: str
    detector: Detector


@dataclass(frozen=True, slots=True)
class Billing:
    """What a contender is called and made of.

    `role` is the one it was given at the start. `spec` is the model's text, its seeds written out, from which it can be
    built again. `rung` is where it stands on the ladder; None where it never answers but by command. `reads_numeric`
    says that the model takes numbers only and gets the one-hot view.
    """

    name: str
    role: Role
    spec: str
    rung: Rung | None
    reads_numeric: bool = False


@dataclass(slots=True)
class Judges:
    """What scores and watches a contender.

    `labelled` counts answers as their labels come. `matured` counts them in order of prediction once their label window
    has closed; it is the same object where labels come with their requests, and None where no window ever closes.
    """

    labelled: Prequential
    matured: Prequential | None
    watches: Sequence[Watch] = field(default_factory=tuple)

    def fork(self) -> Judges:
        """Return an independent copy of the figures, without the detectors."""
        labelled = self.labelled.copy()
        if self.matured is self.labelled:
            return Judges(labelled, labelled)
        return Judges(labelled, None if self.matured is None else self.matured.copy())

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data; figures that are one object are written once."""
        once = self.matured is None or self.matured is self.labelled
        return {
            "labelled": self.labelled.snapshot(),
            "matured": None if once else self.matured.snapshot(),  # type: ignore[union-attr]
            "watches": [watch.detector.snapshot() for watch in self.watches],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned."""
        self.labelled.restore(state["labelled"])
        if self.matured is not None and self.matured is not self.labelled:
            self.matured.restore(state["matured"])
        for watch, watched in zip(self.watches, state["watches"], strict=True):
            watch.detector.restore(watched)


class Contender:
    """One model in a role.

    Parameters
    ----------
    billing
        Name, role and spec.
    model
        Its only state that answers depend on.
    judges
        Its figures and detectors.
    decide
        Turns the probability of the positive class into a decision; None keeps the model's own.
    """

    def __init__(self, billing: Billing, model: Model, judges: Judges, *, decide: Decide | None = None) -> None:
        self.billing = billing
        self.name = billing.name
        self.model = model
        self.slot = 0
        self.learned_count = 0
        self.benched: str | None = None
        self.incidents: list[Alarm | Benched] = []
        self._decide = decide
        self._reads_numeric = billing.reads_numeric
        self.judge_by(judges)
        # In the order of `StepKind`: an index is found faster than an enum is hashed.
        self.takers: Takers = (
            self._take_predict,
            self._take_learn,
            self._take_relearn,
            self._take_mature,
            self._take_nothing,
        )

    def judge_by(self, judges: Judges) -> None:
        """Be scored and watched by these from here on."""
        self.judges = judges
        self._labelled = judges.labelled
        self._matured = judges.matured if judges.matured is not judges.labelled else None
        self._watches = judges.watches
        self._watches_labels = bool(judges.watches) and self._matured is None

    def answer(self, row: Row, when: Moment) -> Answer | None:
        """Answer a request and keep the answer on its row; None from a benched contender."""
        answer: Answer | None = None
        if self.benched is None:
            try:
                answer = self.model.predict(row.numeric if self._reads_numeric else row.x)  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001 - whatever a model raises, the stream goes on
                self._fail(error, when)
            else:
                if self._decide is not None:
                    answer = (self._decide(answer[1]), answer[1])  # type: ignore[arg-type]
        row.served[self.slot] = answer
        return answer

    def bench(self, reason: str, when: Moment) -> None:
        """Take the model out with its state as it is, and say why."""
        self.benched = reason
        self.incidents.append(Benched(when.position, when.request_index, self.name, reason))

    def take(self, steps: Iterable[Step]) -> None:
        """Take steps of the tape, in order."""
        takers = self.takers
        for step in steps:
            takers[step[0]](step)

    def _take_predict(self, step: Step) -> None:
        self.answer(step[1], step[3])

    def _take_learn(self, step: Step) -> None:
        """Score the answer as served, let the detectors see the loss, then learn."""
        _, row, target, when = step
        answer = row.served[self.slot]
        if answer is not None:
            self._labelled.add(answer, target)  # type: ignore[arg-type]
            if self._watches_labels:
                self._watch(answer, target, when)  # type: ignore[arg-type]
        self._learn(row, target, when)  # type: ignore[arg-type]

    def _take_relearn(self, step: Step) -> None:
        """Learn a late target; it no longer counts."""
        self._learn(step[1], step[2], step[3])  # type: ignore[arg-type]

    def _take_mature(self, step: Step) -> None:
        """Count the row as evidence, now that nothing about it can change."""
        _, row, target, when = step
        answer = row.served[self.slot]
        if answer is not None and self._matured is not None:
            self._matured.add(answer, target)  # type: ignore[arg-type]
            if self._watches:
                self._watch(answer, target, when)  # type: ignore[arg-type]

    def _take_nothing(self, step: Step) -> None:
        """Let a step go by that no contender has a part in."""

    def _learn(self, row: Row, target: Target, when: Moment) -> None:
        if self.benched is None:
            x: Features = row.numeric if self._reads_numeric else row.x  # type: ignore[assignment]
            try:
                self.model.learn(x, target, 1.0)
            except Exception as error:  # noqa: BLE001 - whatever a model raises, the stream goes on
                self._fail(error, when)
            else:
                self.learned_count += 1

    def _watch(self, answer: Answer, target: Target, when: Moment) -> None:
        """Show the loss to every detector: 0/1 for a class, the absolute error for a number."""
        decision = answer[0]
        if type(target) is float:
            loss = min(abs(decision - target), FLOAT_MAX)  # type: ignore[operator]
        else:
            loss = 0.0 if decision == target else 1.0
        for watch in self._watches:
            if watch.detector.update(loss) is Verdict.DRIFT:
                self.incidents.append(Alarm(*when, f"{self.name}.loss", watch.name, Verdict.DRIFT.name.lower()))

    def _fail(self, error: Exception, when: Moment) -> None:
        """Bench a model that raised, or gave no answer."""
        said = str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
        self.bench(said[:REASON_CHARS_MAX], when)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data, or raise `SnapshotError` where the model cannot give its own."""
        return self._state(self.model.snapshot())

    def fingerprint(self) -> dict[str, Any]:
        """Return what stands for the state in a digest: there is one for every model."""
        return self._state(fingerprint_of(self.model))

    def _state(self, model: object) -> dict[str, Any]:
        return {
            "name": self.name,
            "spec": self.billing.spec,
            "model": model,
            "decide": None if self._decide is None else self._decide.snapshot(),
            **self.judges.snapshot(),
            "learned_count": self.learned_count,
            "benched": self.benched,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned, into a contender built from the same spec."""
        self.model.restore(state["model"])
        if self._decide is not None:
            self._decide.restore(state["decide"])
        self.judges.restore(state)
        self.learned_count = state["learned_count"]
        self.benched = state["benched"]

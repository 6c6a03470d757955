"""A contender: one model in a role, with the figures and detectors that judge it.

It takes the steps of the tape, in order, and nothing else. A model that raises, or answers with something that is no
answer, is benched at that step with its state as it is: a challenger then answers no more, a champion's answers come
from its understudy, a model too simple to fail. This file knows nothing of joins, slices or who follows the tape when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.decision import Decide
from engine.drift.detector import Detector, Verdict
from engine.errors import ModelError
from engine.messages import Alarm, Answer, Benched, Features, Target
from engine.models.model import Model, fingerprint_of
from engine.prequential import Prequential
from engine.tape import Moment, Row, Step, StepKind

_PREDICT = StepKind.PREDICT
FLOAT_MAX = 1.7976931348623157e308
"""What a loss that overflows is taken as."""


class Role(StrEnum):
    """What a contender is to the stream."""

    CHAMPION = "champion"
    CHALLENGER = "challenger"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Watch:
    """A detector on a contender's loss, and the name it goes by."""

    name: str
    detector: Detector


@dataclass(frozen=True, slots=True)
class Billing:
    """What a contender is called and made of.

    `reads_numeric` says that the model takes numbers only and gets the one-hot view. `spec` is the model's text, its
    seeds written out, from which it can be built again.
    """

    name: str
    role: Role
    spec: str
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
    understudy
        Answers in the model's place once it is benched. It learns all along.
    """

    def __init__(
        self,
        billing: Billing,
        model: Model,
        judges: Judges,
        *,
        decide: Decide | None = None,
        understudy: Model | None = None,
    ) -> None:
        self.billing = billing
        self.name = billing.name
        self.model = model
        self.judges = judges
        self.slot = 0
        self.learned_count = 0
        self.benched: str | None = None
        self.incidents: list[Alarm | Benched] = []
        self._decide = decide
        self._understudy = understudy
        self._reads_numeric = billing.reads_numeric
        self._labelled = judges.labelled
        self._matured = judges.matured if judges.matured is not judges.labelled else None
        self._watches = judges.watches
        self._watches_labels = bool(judges.watches) and self._matured is None
        # In the order of `StepKind`: an index is found faster than an enum is hashed.
        self._takers = (
            self._take_predict,
            self._take_learn,
            self._take_relearn,
            self._take_mature,
            self._take_nothing,
        )

    @property
    def answering(self) -> str:
        """The name stamped on its answers: its own, or its understudy's once it is benched."""
        return self.name if self.benched is None else f"{self.name}:understudy"

    def answer(self, row: Row, when: Moment) -> Answer | None:
        """Answer a request and keep the answer on its row. None from a benched contender without an understudy."""
        answer: Answer | None
        if self.benched is None:
            try:
                answer = self.model.predict(row.numeric if self._reads_numeric else row.x)  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001 - whatever a model raises, the stream goes on
                self._bench(error, when)
                answer = self._understand(row)
        else:
            answer = self._understand(row)
        if self._decide is not None and answer is not None:
            answer = (self._decide(answer[1]), answer[1])  # type: ignore[arg-type]
        row.served[self.slot] = answer
        return answer

    def take(self, steps: Iterable[Step]) -> None:
        """Take steps of the tape, in order."""
        takers = self._takers
        for step in steps:
            takers[step[0]](step)

    def learn_now(self, steps: Iterable[Step]) -> None:
        """Take every step but the answers: they were given before the tape was written."""
        takers = self._takers
        for step in steps:
            kind = step[0]
            if kind is not _PREDICT:
                takers[kind](step)

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
        x: Features = row.numeric if self._reads_numeric else row.x  # type: ignore[assignment]
        if self._understudy is not None:
            self._understudy.learn(x, target, 1.0)
        if self.benched is None:
            try:
                self.model.learn(x, target, 1.0)
            except Exception as error:  # noqa: BLE001 - whatever a model raises, the stream goes on
                self._bench(error, when)
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

    def _understand(self, row: Row) -> Answer | None:
        """Answer in the place of a benched model."""
        return None if self._understudy is None else self._understudy.predict(row.x)  # type: ignore[arg-type]

    def _bench(self, error: Exception, when: Moment) -> None:
        """Take the model out, and say why."""
        said = str(error) if isinstance(error, ModelError) else f"{type(error).__name__}: {error}"
        self.benched = said[:500]
        self.incidents.append(Benched(when.position, when.request_index, self.name, self.benched))

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data, or raise `SnapshotError` where the model cannot give its own."""
        return self._state(self.model.snapshot())

    def fingerprint(self) -> dict[str, Any]:
        """Return what stands for the state in a digest: there is one for every model."""
        return self._state(fingerprint_of(self.model))

    def _state(self, model: object) -> dict[str, Any]:
        matured = self._matured
        return {
            "name": self.name,
            "spec": self.billing.spec,
            "model": model,
            "understudy": None if self._understudy is None else self._understudy.snapshot(),
            "decide": None if self._decide is None else self._decide.snapshot(),
            "labelled": self._labelled.snapshot(),
            "matured": None if matured is None else matured.snapshot(),
            "watches": [watch.detector.snapshot() for watch in self._watches],
            "learned_count": self.learned_count,
            "benched": self.benched,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned, into a contender built from the same spec."""
        self.model.restore(state["model"])
        if self._understudy is not None:
            self._understudy.restore(state["understudy"])
        if self._decide is not None:
            self._decide.restore(state["decide"])
        self._labelled.restore(state["labelled"])
        if self._matured is not None:
            self._matured.restore(state["matured"])
        for watch, watched in zip(self._watches, state["watches"], strict=True):
            watch.detector.restore(watched)
        self.learned_count = state["learned_count"]
        self.benched = state["benched"]

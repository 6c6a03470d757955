"""A contender's place for the tests of reactions: it takes the steps it is told to take, and nothing of an engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.evidence.losses import zero_one
from engine.messages import Answer, Features, Target
from engine.models.model import Model
from engine.reactions.reaction import Entry, Mind, Reaction
from engine.reactions.spec import Rules
from engine.snapshot import decode, encode
from engine.tape import Moment, StepKind


class Counts:
    """Answers the class it has learned more often, and writes down every step it took."""

    def __init__(self) -> None:
        self.counts = [0, 0]
        self.steps: list[list[object]] = []

    def predict(self, x: Features) -> Answer:
        self.steps.append(["predict", x["at"]])
        probability = (1 + self.counts[1]) / (2 + sum(self.counts))
        return probability > 0.5, probability

    def learn(self, x: Features, target: Target, weight: float) -> None:
        self.steps.append(["learn", x["at"], target])
        self.counts[bool(target)] += 1

    def forget(self, keep: float) -> None:
        self.steps.append(["forget", keep])

    def snapshot(self) -> object:
        return [list(self.counts), [list(step) for step in self.steps]]

    def restore(self, state: Any) -> None:
        self.counts, self.steps = [list(part) for part in state]


class Breaks(Counts):
    """Raises at its third label."""

    def learn(self, x: Features, target: Target, weight: float) -> None:
        if sum(self.counts) == 2:
            msg = "had enough"
            raise RuntimeError(msg)
        super().learn(x, target, weight)


class Wings:
    """The place: its own model takes each step first, then the reaction is told."""

    def __init__(
        self,
        rules: Rules,
        final: StepKind = StepKind.LEARN,
        make: Callable[[], Model] = Counts,
        first: Model | None = None,
    ) -> None:
        self._make = make
        self.mind = Mind(first or Counts(), None)
        self.said: list[tuple[str, str | None, str]] = []
        self.log: list[Entry] = []
        self.served: dict[int, Answer] = {}
        self.recurring = 0
        self.final = final
        self.reaction: Reaction = rules.make(self, zero_one, final)

    @property
    def steps(self) -> list[str]:
        """Return the names of the steps that were said."""
        return [step for step, _, _ in self.said]

    @property
    def when(self) -> Moment:
        """Return the moment of the next step."""
        return Moment(len(self.log), len(self.log), None)

    def fresh(self) -> Mind:
        return Mind(self._make(), None)

    def replace(self, mind: Mind) -> Mind:
        before, self.mind = self.mind, mind
        return before

    def forget(self, keep: float) -> None:
        self.mind.model.forget(keep)  # type: ignore[attr-defined]

    def say(self, step: str, when: Moment, episode: str | None, reason: str) -> None:
        self.said.append((step, episode, reason))

    def mark_recurring(self) -> None:
        self.recurring += 1

    def take(self, kind: StepKind, index: int, target: Target | None = None) -> None:
        """Take one step as a contender does."""
        x: Features | None = None
        answer: Answer | None = None
        if kind is StepKind.PREDICT:
            x = {"at": float(index)}
            self.served[index] = self.mind.model.predict(x)
        elif kind in {StepKind.LEARN, StepKind.RELEARN}:
            x, answer = {"at": float(index)}, self.served.get(index)
            self.mind.model.learn(x, target, 1.0)  # type: ignore[arg-type]
        elif kind is StepKind.MATURE:
            answer = self.served.get(index)
        entry = Entry(kind, index, x, target, answer)
        self.log.append(entry)
        self.reaction.record(entry, Moment(len(self.log) - 1, index, None))

    def events(self, *targets: bool) -> None:
        """Answer and learn so many events, one after the other."""
        for target in targets:
            index = len(self.served)
            self.take(StepKind.PREDICT, index)
            self.take(StepKind.LEARN, index, target)

    def snapshot(self) -> bytes:
        """Return the state of the place and of its reaction, as bytes."""

        def show(model: Model) -> object:
            return model.snapshot()

        served = [[index, list(answer)] for index, answer in self.served.items()]
        return encode([self.mind.state(show), served, len(self.log), self.reaction.state(show)])

    def restore(self, state: bytes) -> None:
        """Take back what `snapshot` returned; the log before it is not needed to go on."""
        mind, served, length, reaction = decode(state)
        self.mind.restore(mind)
        self.served = {index: tuple(answer) for index, answer in served}
        self.log = [Entry(StepKind.DROP, -1, None, None, None)] * length
        self.reaction.restore(reaction)

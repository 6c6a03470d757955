"""A rehearsal: models that take a contender's recent steps again, in the same order, until they have caught up with it.

So a rival is tested as the contender was: it answers a request with what it knew at that place, learns the labels that
came after, and its losses are compared with those of the answers that were served, on the same events. It takes a few
steps for each one of the contender's, so the longest unbroken work does not grow with what there is to catch up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from engine.evidence.evidence import Evidence
from engine.messages import Answer, Target
from engine.reactions.reaction import Entry, Loss, Mind, Show
from engine.tape import StepKind


class Rival:
    """A model that may take the contender's place.

    Parameters
    ----------
    mind
        The model; the rival owns it.
    learns
        Whether it learns on the way, or is only tried.
    evidence
        That it is better than the contender; None where sums of losses are enough.

    Attributes
    ----------
    count, gain
        Events compared, and the contender's losses on them less its own.
    lead
        The same over the events since the one from which it is largest: what was before a change does not count.
    failed
        What it raised; a rival that raises is out.
    """

    def __init__(self, mind: Mind, evidence: Evidence | None, *, learns: bool) -> None:
        self.mind = mind
        self.evidence = evidence
        self.count = 0
        self.gain = 0.0
        self.lead = 0.0
        self.failed: str | None = None
        self._learns = learns
        self._answers: dict[int, Answer] = {}

    def take(self, entry: Entry, loss: Loss, final: StepKind) -> None:
        """Take one step."""
        if self.failed is None:
            try:
                self._take(entry, loss, final)
            except Exception as error:  # noqa: BLE001 - whatever a model raises, the stream goes on
                self.failed = f"{type(error).__name__}: {error}"

    def _take(self, entry: Entry, loss: Loss, final: StepKind) -> None:
        kind, index, x, target, served = entry
        if kind is StepKind.PREDICT:
            self._answers[index] = self.mind.answer(x)  # type: ignore[arg-type]
            return
        if kind is final:
            answer = self._answers.pop(index, None)
            if answer is not None and served is not None:
                self._compare(answer, served, target, loss)  # type: ignore[arg-type]
        if kind is StepKind.DROP:
            self._answers.pop(index, None)
        elif kind is not StepKind.MATURE and self._learns:
            self.mind.model.learn(x, target, 1.0)  # type: ignore[arg-type]

    def _compare(self, answer: Answer, served: Answer, target: Target, loss: Loss) -> None:
        difference = loss(served, target) - loss(answer, target)
        self.count += 1
        self.gain += difference
        self.lead = max(0.0, self.lead + difference)
        if self.evidence is not None:
            self.evidence.add(difference)

    def state(self, show: Show) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "mind": self.mind.state(show),
            "evidence": None if self.evidence is None else self.evidence.snapshot(),
            "compared": [self.count, self.gain, self.lead, self.failed],
            "learns": self._learns,
            "answers": [[index, list(answer)] for index, answer in self._answers.items()],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `state` returned."""
        self.mind.restore(state["mind"])
        if self.evidence is not None:
            self.evidence.restore(state["evidence"])
        self.count, self.gain, self.lead, self.failed = state["compared"]
        self._learns = state["learns"]
        self._answers = {index: tuple(answer) for index, answer in state["answers"]}


class Rehearsal:
    """Recent steps, and the rivals that take them again.

    Parameters
    ----------
    loss
        What models are compared by.
    final
        The step at which an event counts.
    buffer_count
        Steps kept.
    pace
        Steps a rival takes for each one of the contender's, at most; 2 or more where it has any to catch up.
    """

    def __init__(self, loss: Loss, final: StepKind, *, buffer_count: int, pace: int) -> None:
        self.rivals: list[Rival] = []
        self._loss = loss
        self._final = final
        self._pace = pace
        self._recent: deque[Entry] = deque(maxlen=buffer_count)
        self._queue: deque[Entry] = deque()

    @property
    def is_live(self) -> bool:
        """Whether the rivals have caught up with the contender."""
        return not self._queue

    def record(self, entry: Entry) -> None:
        """Keep a step, and let the rivals take some."""
        self._recent.append(entry)
        if not self.rivals:
            return
        queue = self._queue
        queue.append(entry)
        for _ in range(min(self._pace, len(queue))):
            step = queue.popleft()
            for rival in self.rivals:
                rival.take(step, self._loss, self._final)

    def begin(self, rivals: Sequence[Rival], label_count: int) -> None:
        """Have rivals take the steps from the `label_count`-th last label on."""
        self.rivals = list(rivals)
        wanted: deque[Entry] = deque()
        for entry in reversed(self._recent):
            if not label_count:
                break
            wanted.appendleft(entry)
            label_count -= entry.kind is StepKind.LEARN
        self._queue = wanted

    def join(self, rival: Rival) -> None:
        """Have one more rival follow from here; the others must have caught up."""
        self.rivals.append(rival)

    def end(self) -> None:
        """Let the rivals go."""
        self.rivals = []
        self._queue.clear()

    def clear(self) -> None:
        """Let the rivals go, and the steps: others come before the next one that is kept."""
        self.end()
        self._recent.clear()

    def state(self, show: Show) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "recent": [_plain(entry) for entry in self._recent],
            "queue": len(self._queue),
            "rivals": [rival.state(show) for rival in self.rivals],
        }

    def restore(self, state: dict[str, Any], make: Callable[[], Rival]) -> None:
        """Take back what `state` returned; `make` returns a rival to be restored."""
        self._recent = deque(map(_entry, state["recent"]), self._recent.maxlen)
        # The queue is the newest of them: it began as such, and every step shortens it.
        self._queue = deque(list(self._recent)[len(self._recent) - state["queue"] :])
        self.rivals = []
        for each in state["rivals"]:
            rival = make()
            rival.restore(each)
            self.rivals.append(rival)


def _plain(entry: Entry) -> list[Any]:
    return [
        int(entry.kind),
        entry.row_index,
        None if entry.x is None else dict(entry.x),
        entry.target,
        None if entry.answer is None else list(entry.answer),
    ]


def _entry(plain: list[Any]) -> Entry:
    kind, index, x, target, answer = plain
    return Entry(StepKind(kind), index, x, target, None if answer is None else tuple(answer))

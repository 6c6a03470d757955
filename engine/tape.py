"""The shadow tape: everything a model must know, in one order.

The scorer writes steps; whoever follows the tape takes the same steps in the same order, sooner (the champion) or later
(its challengers). A step is a tuple, because there are several per event; `Row` is the one place where an event's
features and answers live between the request and the last step that needs them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from engine.messages import Answer, EventId, Features, Target


class StepKind(IntEnum):
    """What a contender does at a step."""

    PREDICT = 0
    """Answer the row's request, with the model as it stands here."""
    LEARN = 1
    """Score the answer that was served, then learn the target."""
    RELEARN = 2
    """Learn a target that came too late to count."""
    MATURE = 3
    """The row's label window has closed: its score counts as evidence."""
    DROP = 4
    """No later step needs the row's features."""


class RowState(IntEnum):
    """Where a request stands in the algebra of ends."""

    PENDING = 0
    LABELLED = 1
    EXPIRED = 2
    NEGATIVE_BY_POLICY = 3


class Stamp(NamedTuple):
    """Who gave an answer, and the rung of the ladder it stood on, if it had come there by the ladder."""

    model: str
    rung: str | None


class Row:
    """One answered request on its way to its end: the engine's only per-event mutable value.

    `answer` is what was served, under `stamp`. `served` holds each contender's own answer, by slot, and `versions` that
    of the model that gave it, until the answer was handed out. `numeric` is the
    one-hot view of `x` (the same object where nothing had to be encoded). `chances` are the probabilities by which the
    arm that answered was chosen, None where nothing was chosen. All but the answer and its stamp are released once no
    step needs them.
    """

    __slots__ = (
        "answer",
        "chances",
        "deadline_ms",
        "event_id",
        "index",
        "numeric",
        "served",
        "stamp",
        "state",
        "target",
        "time_ms",
        "versions",
        "x",
    )

    answer: Answer
    stamp: Stamp

    def __init__(self, index: int, event_id: EventId, time_ms: int | None, x: Features | None, width: int) -> None:
        self.index = index
        self.event_id = event_id
        self.time_ms = time_ms
        self.deadline_ms: int | None = None
        self.x = x
        self.numeric = x
        self.served: list[Answer | None] = [None] * width
        self.versions: list[int | None] = [None] * width
        self.chances: tuple[float, ...] | None = None
        self.state = RowState.PENDING
        self.target: Target | None = None

    def release_features(self) -> None:
        """Let go of the features: no model will learn from this row again."""
        self.x = self.numeric = None

    def release_answers(self) -> None:
        """Let go of all answers but the one that was served: no figure will count this row again."""
        self.served.clear()
        self.chances = None


class Moment(NamedTuple):
    """When a step was written: at which position, and which request was the latest then."""

    position: int
    request_index: int
    time_ms: int | None


Step = tuple[StepKind, Row, Target | None, Moment]
"""(kind, row, target, when)."""

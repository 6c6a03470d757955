"""The shadow tape: everything a model must know, in one order.

The scorer writes steps; whoever follows the tape takes the same steps in the same order, sooner (the champion) or later
(its challengers). A step is a tuple, because there are several per event; `Row` is the one place where an event's
features and answers live between the request and the last step that needs them.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

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


class Row:
    """One answered request on its way to its end: the engine's only per-event mutable value.

    `served` holds the answer of each contender, by slot, as it was served. `numeric` is the one-hot view of `x` (the
    same object where nothing had to be encoded). Both are released once no step needs them.
    """

    __slots__ = ("deadline_ms", "event_id", "index", "numeric", "served", "state", "target", "time_ms", "x")

    def __init__(self, index: int, event_id: EventId, time_ms: int | None, x: Features, width: int) -> None:
        self.index = index
        self.event_id = event_id
        self.time_ms = time_ms
        self.deadline_ms: int | None = None
        self.x: Features | None = x
        self.numeric: Features | None = x
        self.served: list[Answer | None] = [None] * width
        self.state = RowState.PENDING
        self.target: Target | None = None

    def release_features(self) -> None:
        """Let go of the features: no model will learn from this row again."""
        self.x = self.numeric = None

    def release_answers(self) -> None:
        """Let go of all answers but the champion's: no figure will count this row again."""
        del self.served[1:]

    def snapshot(self) -> list[Any]:
        """Return the row as plain data; a shared view stays shared."""
        numeric = None if self.numeric is self.x else self.numeric
        return [
            self.index,
            self.event_id,
            self.time_ms,
            self.deadline_ms,
            self.x,
            numeric,
            self.served,
            int(self.state),
            self.target,
        ]

    @classmethod
    def restored(cls, state: list[Any]) -> Row:
        """Return the row that `snapshot` described."""
        index, event_id, time_ms, deadline_ms, x, numeric, served, where, target = state
        row = cls(index, event_id, time_ms, x, 0)
        row.deadline_ms = deadline_ms
        row.numeric = x if numeric is None else numeric
        row.served = list(served)
        row.state = RowState(where)
        row.target = target
        return row


class Moment(NamedTuple):
    """When a step was written: at which position, and which request was the latest then."""

    position: int
    request_index: int
    time_ms: int | None


Step = tuple[StepKind, Row, Target | None, Moment]
"""(kind, row, target, when)."""

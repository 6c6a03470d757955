"""The label join: which label belongs to which request, and how each of them ends.

Requests wait here for their truth; labels that came too early wait for their request. Time passes only by the event
times in the messages. Every request ends as labelled, expired or negative by policy, every label as learned,
superseded, duplicate, late or unmatched, and until then each is counted as pending or held: the two sums of `Ledger`
hold after every message. The join knows no models, figures or bytes; it returns verdicts and ended rows.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from engine.columns import pack_column, unpack_column
from engine.label_policy import LabelPolicy
from engine.limits import Limits
from engine.messages import EventId, LabelEnd, Target
from engine.tape import Row, RowState
from engine.watermark import TimeVerdict, Watermark

SUPERSEDED = "superseded"
DUPLICATE = "duplicate"
UNMATCHED = "unmatched"
LEARNED = "learned"
LATE = "late"


class Held(NamedTuple):
    """A label that came before its request."""

    position: int
    event_id: EventId
    target: Target
    time_ms: int | None


class Ended(NamedTuple):
    """What is remembered of an ended request: enough to name a duplicate, and to learn from a late label."""

    row: Row
    was_late: bool


@dataclass(slots=True)
class Ledger:
    """The algebra of ends, in plain counts.

    Requests: `requests == pending + labelled + expired + negative_by_policy + requests_dead + duplicates`.
    Labels: `labels == held + learned + superseded + label_duplicates + late + unmatched + labels_dead`.
    """

    requests: int = 0
    labelled: int = 0
    expired: int = 0
    negative_by_policy: int = 0
    requests_dead: int = 0
    duplicates: int = 0
    labels: int = 0
    learned: int = 0
    superseded: int = 0
    label_duplicates: int = 0
    late: int = 0
    unmatched: int = 0
    labels_dead: int = 0
    expired_by_bound: int = 0
    relearned: int = 0

    def count_label(self, end: str) -> None:
        """Count one label's end."""
        field = "label_duplicates" if end == DUPLICATE else end
        setattr(self, field, getattr(self, field) + 1)


class LabelJoin:
    """Joins labels to requests by id, within bounds and by policy.

    Parameters
    ----------
    policy
        What a request without a label becomes, and when: `wait(horizon)` or `negative_after(horizon)`.
    limits
        `pending_count_max`, `held_count_max`, `dedup_count_max`, `jump_ms`, `jump_agreeing_count`.
    keep_features
        Whether ended requests keep their features, so that a late label can still be learned.

    Notes
    -----
    A label at exactly its deadline counts. A row's deadline is its event time plus the horizon, but never before the
    watermark at its intake: nothing ends the moment it arrives. O(log pending) per message with a horizon, O(1)
    without.
    """

    def __init__(self, policy: LabelPolicy, limits: Limits, *, keep_features: bool) -> None:
        self.ledger = Ledger()
        self.watermark = Watermark(limits.jump_ms, limits.jump_agreeing_count)
        self.horizon_ms = policy.horizon_ms
        self._end_state = RowState.NEGATIVE_BY_POLICY if policy.kind == "negative_after" else RowState.EXPIRED
        self._limits = limits
        self._keep_features = keep_features
        self._pending: dict[EventId, Row] = {}
        self._ended: dict[EventId, Ended] = {}
        self._held: dict[EventId, Held] = {}
        self._dead: dict[EventId, None] = {}
        self._deadlines: list[tuple[int, int, Row]] = []
        self._suspects: list[Row] = []
        self._maturing: deque[Row] = deque()
        self._forgotten: list[Row] = []

    @property
    def pending_count(self) -> int:
        """How many requests wait for a label."""
        return len(self._pending)

    @property
    def held_count(self) -> int:
        """How many labels wait for their request."""
        return len(self._held)

    def find(self, event_id: EventId) -> Row | None:
        """Return the request first answered under this id, while it is remembered."""
        row = self._pending.get(event_id)
        if row is None and self._ended:
            ended = self._ended.get(event_id)
            return None if ended is None else ended.row
        return row

    def open(self, row: Row) -> Row | None:
        """Let a request wait for its label. Returns the row that had to make room, ended as expired, if any."""
        evicted = None
        if len(self._pending) >= self._limits.pending_count_max:
            evicted = next(iter(self._pending.values()))
            self.ledger.expired_by_bound += 1
            self._end(evicted, RowState.EXPIRED)
        self._pending[row.event_id] = row
        if self._dead:
            self._dead.pop(row.event_id, None)
        if self.horizon_ms is not None:
            self._maturing.append(row)
        return evicted

    def refuse(self, event_id: EventId) -> None:
        """Remember a request that became a dead letter: its label will find nothing."""
        bound = self._limits.held_count_max
        if bound:
            if len(self._dead) >= bound:
                del self._dead[next(iter(self._dead))]
            self._dead[event_id] = None

    def take_held(self, event_id: EventId) -> Held | None:
        """Return the label that was held for this id, if any, and hold it no longer."""
        return self._held.pop(event_id, None) if self._held else None

    def settle(self, event_id: EventId, target: Target) -> Row | None:
        """Give a pending request its target and return it; None if no such request is pending."""
        row = self._pending.pop(event_id, None)
        if row is not None:
            row.target = target
            row.state = RowState.LABELLED
            self.ledger.labelled += 1
            if self._limits.dedup_count_max:
                self._remember(row)
        return row

    def turn_away(self, held: Held) -> list[LabelEnd]:
        """Say what becomes of a label whose request is not pending; returns the labels that end by it."""
        ended = self._ended.get(held.event_id)
        if ended is not None:
            if ended.row.state is RowState.LABELLED or ended.was_late:
                return [_end(held, DUPLICATE, ended.row.index)]
            self._ended[held.event_id] = Ended(ended.row, was_late=True)
            return [_end(held, LATE, ended.row.index)]
        if held.event_id in self._dead:
            return [_end(held, UNMATCHED, None)]
        ends = []
        earlier = self._held.get(held.event_id)
        if earlier is not None:
            if earlier.target == held.target:
                return [_end(held, DUPLICATE, None)]
            ends.append(_end(earlier, SUPERSEDED, None))
            del self._held[held.event_id]
        elif len(self._held) >= self._limits.held_count_max:
            if not self._held:
                return [_end(held, UNMATCHED, None)]
            ends.append(_end(self._held.pop(next(iter(self._held))), UNMATCHED, None))
        self._held[held.event_id] = held
        return ends

    def pass_time(self, time_ms: int, row: Row | None = None) -> None:
        """Take one message's event time; `row` is the request it came with, whose deadline it decides."""
        verdict = self.watermark.observe(time_ms)
        if self.horizon_ms is None:
            return
        if verdict is TimeVerdict.REBASED:
            self._rebase()
        if row is not None:
            # The time that confirms a silence may itself be a wild one.
            if verdict is TimeVerdict.SUSPECT or not self.watermark.believes(time_ms):
                self._suspects.append(row)
            else:
                self._set_deadline(row, time_ms)
        if self._suspects and verdict is not TimeVerdict.SUSPECT:
            self._resolve_suspects()

    def overdue(self) -> list[Row]:
        """End and return the requests whose deadline has passed without a label, the earliest deadline first."""
        now, deadlines = self.watermark.now_ms, self._deadlines
        ended: list[Row] = []
        while deadlines and deadlines[0][0] < now:  # type: ignore[operator]
            row = heappop(deadlines)[2]
            if row.state is RowState.PENDING:
                if self._end_state is RowState.NEGATIVE_BY_POLICY:
                    row.target = False
                self._end(row, self._end_state)
                ended.append(row)
        return ended

    def overdue_held(self) -> list[LabelEnd]:
        """End the held labels that are older than the horizon: their request will not come."""
        ends: list[LabelEnd] = []
        now = self.watermark.now_ms
        if now is None or self.horizon_ms is None:
            return ends
        while self._held:
            held = next(iter(self._held.values()))
            if held.time_ms is None or held.time_ms + self.horizon_ms >= now:
                break
            del self._held[held.event_id]
            ends.append(_end(held, UNMATCHED, None))
        return ends

    def matured(self) -> list[Row]:
        """Return the labelled rows whose window has now closed, in order of prediction."""
        now, maturing = self.watermark.now_ms, self._maturing
        rows: list[Row] = []
        while maturing:
            row = maturing[0]
            closed = row.deadline_ms is not None and now is not None and row.deadline_ms < now
            if not closed and row.state is not RowState.EXPIRED:
                break
            maturing.popleft()
            if row.target is not None:
                rows.append(row)
        return rows

    def _set_deadline(self, row: Row, time_ms: int) -> None:
        """Start a row's label window."""
        now: int = self.watermark.now_ms  # type: ignore[assignment]
        deadline = time_ms + self.horizon_ms  # type: ignore[operator]
        row.deadline_ms = deadline if deadline > now else now
        heappush(self._deadlines, (row.deadline_ms, row.index, row))

    def _resolve_suspects(self) -> None:
        """Start the windows of rows whose event time was in doubt: by their own time if it is now believed."""
        watermark = self.watermark
        doubtful: list[Row] = []
        for row in self._suspects:
            time_ms: int = row.time_ms  # type: ignore[assignment]
            if watermark.believes(time_ms):
                self._set_deadline(row, time_ms)
            elif watermark.suspects:
                doubtful.append(row)
            else:
                self._set_deadline(row, watermark.now_ms)  # type: ignore[arg-type]
        self._suspects = doubtful

    def _rebase(self) -> None:
        """Start the windows of the rows so far anew: the first event time was the wild one."""
        waiting = [row for row in self._maturing if row.deadline_ms is not None]
        self._deadlines = []
        for row in waiting:
            self._set_deadline(row, self.watermark.now_ms)  # type: ignore[arg-type]

    def _end(self, row: Row, state: RowState) -> None:
        """End a pending row that got no label."""
        del self._pending[row.event_id]
        row.state = state
        if state is RowState.EXPIRED:
            self.ledger.expired += 1
        else:
            self.ledger.negative_by_policy += 1
        if self._limits.dedup_count_max:
            self._remember(row)

    def _remember(self, row: Row) -> None:
        """Remember an ended row, within the bound."""
        if len(self._ended) >= self._limits.dedup_count_max:
            oldest = self._ended.pop(next(iter(self._ended))).row
            if self._keep_features:
                self._forgotten.append(oldest)
        self._ended[row.event_id] = Ended(row, was_late=False)

    def keeps(self, row: Row) -> bool:
        """Whether an ended row keeps its features, for a label that comes late."""
        return self._keep_features and row.state is not RowState.LABELLED

    def take_forgotten(self) -> list[Row]:
        """Return, once, the ended rows that had kept their features and are no longer remembered."""
        forgotten = self._forgotten
        if forgotten:
            self._forgotten = []
        return forgotten

    def rows(self) -> list[Row]:
        """Return every row the join holds, once each, by index."""
        found = {row.index: row for row in self._pending.values()}
        found.update((ended.row.index, ended.row) for ended in self._ended.values())
        found.update((row.index, row) for row in self._maturing)
        found.update((row.index, row) for _, _, row in self._deadlines)
        return [found[index] for index in sorted(found)]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data; rows are named by their index (see `rows`)."""
        return {
            "ledger": [getattr(self.ledger, name) for name in Ledger.__slots__],
            "watermark": self.watermark.snapshot(),
            "pending": pack_column([row.index for row in self._pending.values()]),
            "ended": pack_column([ended.row.index for ended in self._ended.values()]),
            "ended_late": pack_column([ended.was_late for ended in self._ended.values()]),
            "held": [list(held) for held in self._held.values()],
            "dead": list(self._dead),
            "deadlines": pack_column([row.index for _, _, row in sorted(self._deadlines, key=lambda entry: entry[:2])]),
            "suspects": [row.index for row in self._suspects],
            "maturing": pack_column([row.index for row in self._maturing]),
        }

    def restore(self, state: dict[str, Any], rows: dict[int, Row]) -> None:
        """Take back what `snapshot` returned; `rows` are the restored rows by index."""
        self.ledger = Ledger(*state["ledger"])
        self.watermark.restore(state["watermark"])
        self._pending = {rows[i].event_id: rows[i] for i in unpack_column(state["pending"])}
        ended = zip(unpack_column(state["ended"]), unpack_column(state["ended_late"]), strict=True)
        self._ended = {rows[i].event_id: Ended(rows[i], was_late) for i, was_late in ended}
        self._held = {held[1]: Held(*held) for held in state["held"]}
        self._dead = dict.fromkeys(state["dead"])
        due = [rows[i] for i in unpack_column(state["deadlines"])]
        self._deadlines = [(row.deadline_ms, row.index, row) for row in due]  # type: ignore[misc]
        heapify(self._deadlines)
        self._suspects = [rows[i] for i in state["suspects"]]
        self._maturing = deque(rows[i] for i in unpack_column(state["maturing"]))


def _end(held: Held, end: str, index: int | None) -> LabelEnd:
    """Return a label's end as an outcome."""
    return LabelEnd(held.position, held.event_id, held.target, held.time_ms, end, index)

"""The scorer: answers requests, joins labels, lets time pass — and writes down what must be learned.

First of the two state machines. For each message it has the champion answer at once, gives the message its end, and
returns the steps that every contender has to take because of it. It never learns: that is the learner's, behind the
tape. Order within a message: a request is answered first and only then lets time pass; a label lets time pass first,
so that it is late if its request's deadline lies before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from engine.errors import ConfigError, MessageError
from engine.features.encoder import FeatureReader
from engine.label_join import LATE, LEARNED, Held, LabelJoin
from engine.messages import (
    Answer,
    DeadLetter,
    Features,
    Label,
    LabelEnd,
    Message,
    Outcomes,
    Prediction,
    Refused,
    Request,
    RequestEnd,
)
from engine.routing.router import Router
from engine.succession import Succession
from engine.tape import Moment, Row, RowState, Step, StepKind
from engine.targets import Targets

_PREDICT, _LEARN, _RELEARN, _MATURE, _DROP = StepKind


class Scorer:
    """Requests, labels and time in; answers, ends and steps out.

    Parameters
    ----------
    features, targets
        Read what requests and labels say.
    join
        Where requests and labels meet.
    succession
        Who answers now, and who does after it. The scorer only ever asks for answers; of the contenders it knows that
        each has a place on the row, and whether any reads the one-hot view, which is made at intake to show the
        categories known then.
    relearn
        Whether a late label is learned after all.
    """

    def __init__(
        self,
        features: FeatureReader,
        targets: Targets,
        join: LabelJoin,
        succession: Succession,
        *,
        relearn: bool,
    ) -> None:
        self.features = features
        self.targets = targets
        self.join = join
        self.position = 0
        self.request_count = 0
        self._now = Moment(0, 0, None)
        self._succession = succession
        self._router = succession.router
        self._width = len(succession.contenders)
        self._numeric_wanted = any(contender.billing.reads_numeric for contender in succession.contenders)
        self._relearn = relearn
        self._timed = join.horizon_ms is not None
        self._takers: dict[type, Callable[[Any, Outcomes], list[Step]]] = {
            Request: self._request,
            Label: self._label,
            Refused: self._refused,
        }

    def moment(self) -> Moment:
        """Return where the next message stands, and the latest request and time before it."""
        return Moment(self.position, self._now.request_index, self._now.time_ms)

    def take(self, message: Message, out: Outcomes) -> list[Step]:
        """Give one message its end in `out` and return the steps it makes necessary, in order."""
        taker = self._takers.get(type(message))
        if taker is None:
            msg = f"a slice holds Request, Label and Refused messages, got {type(message).__name__}"
            raise ConfigError(msg)
        steps = taker(message, out)
        if self._relearn:
            steps += [(_DROP, row, None, self._now) for row in self.join.take_forgotten()]
        self.position += 1
        return steps

    def _request(self, message: Request, out: Outcomes) -> list[Step]:
        event_id, _, time_ms, _ = message
        join = self.join
        index = self.request_count
        self.request_count = index + 1
        join.ledger.requests += 1
        first = join.find(event_id)
        if first is not None:
            join.ledger.duplicates += 1
            model, rung = first.stamp
            out.predictions.append(
                Prediction(self.position, index, event_id, time_ms, model, first.answer, first.index, rung)
            )
            return []
        x = self._read(message, index, out)
        if x is None:
            return []
        now = self._now = Moment(self.position, index, time_ms)
        row = Row(index, event_id, time_ms, x, self._width)
        if self._numeric_wanted:
            row.numeric = self.features.numeric(x)
        propensities = None
        router = self._router
        if router is not None and self._succession.answerer is router.control:
            version, propensities = self._route(router, message, row, out)
        else:
            version = self._champion_answers(self._succession.answerer.answer(row, now), row, out)
        model, rung = row.stamp
        out.predictions.append(
            Prediction(self.position, index, event_id, time_ms, model, row.answer, None, rung, propensities, version)
        )
        steps: list[Step] = [(_PREDICT, row, None, now)]
        evicted = join.open(row)
        if evicted is not None:
            self._expire(evicted, steps, out)
        if time_ms is not None:
            self._pass_time(time_ms, row, steps, out)
        held = join.take_held(event_id)
        if held is not None and join.settle(event_id, held.target) is not None:
            join.ledger.learned += 1
            out.label_ends.append(LabelEnd(*held, LEARNED, index))
            steps.append((_LEARN, row, held.target, self._now))
        return steps

    def _champion_answers(self, answer: Answer | None, row: Row, out: Outcomes) -> int | None:
        """Write down the champion's answer, or that of whoever comes after it where it has none; return its version."""
        succession = self._succession
        while answer is None:
            answer = succession.fall(self._now, out).answer(row, self._now)
        row.answer = answer
        row.stamp = succession.stamp
        return succession.answerer.version_at(row)

    def _route(
        self, router: Router, message: Request, row: Row, out: Outcomes
    ) -> tuple[int | None, Mapping[str, float] | None]:
        """Have an arm answer; return its version and by which probabilities it was chosen, None where it was not."""
        answer = router.answer(message, row, self._now)
        if answer is None:
            return self._champion_answers(None, row, out), None
        row.answer = answer
        return router.arms[router.number_of(row)].version_at(row), router.shown(row)

    def _read(self, message: Request, index: int, out: Outcomes) -> Features | None:
        """Return a request's features, or None once it has become a dead letter."""
        if self._timed and message.time_ms is None:
            error = MessageError("missing_time", "a label policy with a horizon needs an event time on every request")
        else:
            try:
                return self.features.read(message.features)
            except MessageError as found:
                error = found
        self.join.ledger.requests_dead += 1
        self.join.refuse(message.event_id)
        self._bury(error, "request", index, out)
        return None

    def _label(self, message: Label, out: Outcomes) -> list[Step]:
        event_id, raw, time_ms = message
        ledger = self.join.ledger
        ledger.labels += 1
        try:
            target = self.targets.encode(raw)
        except MessageError as error:
            ledger.labels_dead += 1
            self._bury(error, "label", None, out)
            return []
        steps: list[Step] = []
        self._now = Moment(self.position, self._now.request_index, self._now.time_ms)
        if time_ms is not None:
            self._pass_time(time_ms, None, steps, out)
        row = self.join.settle(event_id, target)
        if row is None:
            self._turn_away(Held(self.position, event_id, target, time_ms), steps, out)
        else:
            ledger.learned += 1
            out.label_ends.append(LabelEnd(self.position, event_id, target, time_ms, LEARNED, row.index))
            steps.append((_LEARN, row, target, self._now))
        return steps

    def _refused(self, message: Refused, out: Outcomes) -> list[Step]:
        ledger = self.join.ledger
        index = None
        if message.kind == "request":
            index = self.request_count
            self.request_count += 1
            ledger.requests += 1
            ledger.requests_dead += 1
        else:
            ledger.labels += 1
            ledger.labels_dead += 1
        out.dead_letters.append(DeadLetter(self.position, index, *message))
        return []

    def _turn_away(self, label: Held, steps: list[Step], out: Outcomes) -> None:
        """Give a label whose request is not pending its end, or hold it."""
        join = self.join
        for end in join.turn_away(label):
            join.ledger.count_label(end.end)
            out.label_ends.append(end)
            if end.end == LATE and self._relearn:
                late = join.find(label.event_id)
                if late is not None and late.x is not None:
                    join.ledger.relearned += 1
                    steps.append((_RELEARN, late, label.target, self._now))

    def _pass_time(self, time_ms: int, request: Row | None, steps: list[Step], out: Outcomes) -> None:
        """Let event time come to a message's time: deadlines pass, windows close."""
        join = self.join
        join.pass_time(time_ms, request)
        if not self._timed:
            return
        for ended in join.overdue():
            if ended.state is RowState.EXPIRED:
                self._expire(ended, steps, out)
            else:
                out.request_ends.append(RequestEnd(self.position, ended.index, ended.event_id, "negative_by_policy"))
                steps.append((_LEARN, ended, False, self._now))
        for end in join.overdue_held():
            join.ledger.count_label(end.end)
            out.label_ends.append(end)
        steps += [(_MATURE, row, row.target, self._now) for row in join.matured()]

    def _expire(self, row: Row, steps: list[Step], out: Outcomes) -> None:
        out.request_ends.append(RequestEnd(self.position, row.index, row.event_id, "expired"))
        if not self.join.keeps(row):
            steps.append((_DROP, row, None, self._now))

    def _bury(self, error: MessageError, kind: str, index: int | None, out: Outcomes) -> None:
        out.dead_letters.append(DeadLetter(self.position, index, kind, error.stage, error.reason, error.detail))

    def show_numbers(self, rows: Iterable[Row]) -> None:
        """Give rows of an engine in which no model read the one-hot view theirs, if one does now."""
        if self._numeric_wanted:
            for row in rows:
                if row.x is not None and row.numeric is row.x:
                    row.numeric = self.features.numeric(row.x)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data, but for the rows, which the engine gathers."""
        return {
            "position": self.position,
            "request_count": self.request_count,
            "now": list(self._now),
            "features": self.features.snapshot(),
            "targets": self.targets.snapshot(),
            "join": self.join.snapshot(),
        }

    def restore(self, state: dict[str, Any], rows: dict[int, Row]) -> None:
        """Take back what `snapshot` returned."""
        self.position = state["position"]
        self.request_count = state["request_count"]
        self._now = Moment(*state["now"])
        self.features.restore(state["features"])
        self.targets.restore(state["targets"])
        self.join.restore(state["join"], rows)

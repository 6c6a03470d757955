"""The learner: takes the tape's steps — the champion at once, its challengers when there is time.

Second of the two state machines. Losses, figures, detectors and learning happen here, in the order of the tape. A
challenger that lags answers later, but with the model as it stood at the request: it is late, never wrong. The learner
knows nothing of messages, joins or bytes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from engine.contender import Contender
from engine.messages import Alarm, Benched, Outcomes, ShadowPrediction
from engine.tape import Moment, Row, RowState, Step, StepKind


class Learner:
    """Every contender, and the tape they follow.

    Parameters
    ----------
    contenders
        The champion first.
    keeps
        Says whether a row that was learned keeps its features, for a label that comes late.
    final
        The last step at which a row counts: LEARN where labels come with their requests, MATURE where windows close.
    """

    def __init__(self, contenders: Sequence[Contender], keeps: Callable[[Row], bool], final: StepKind) -> None:
        self.contenders = list(contenders)
        self._champion = self.contenders[0]
        self._incidents: list[Alarm | Benched] = []
        for contender in self.contenders:
            contender.incidents = self._incidents
        self.tape: deque[Step] = deque()
        self._keeps = keeps
        self._final = final

    @property
    def champion(self) -> Contender:
        """Whoever answers."""
        return self._champion

    def follow(self, steps: list[Step]) -> None:
        """Put steps on the tape, and have the champion take them: it has answered already."""
        self.tape += steps
        self._champion.learn_now(steps)

    def catch_up(self, out: Outcomes, step_count_max: int | None = None) -> int:
        """Have the challengers take up to that many steps of the tape; returns how many are left.

        Their answers leave in the order of the tape, whatever the slices were.
        """
        tape = self.tape
        if step_count_max is None or step_count_max >= len(tape):
            chunk = list(tape)
            tape.clear()
        else:
            chunk = [tape.popleft() for _ in range(step_count_max)]
        challengers = self.contenders[1:]
        for contender in challengers:
            contender.take(chunk)
        self._hand_out(chunk, challengers, out)
        return len(tape)

    def report(self, out: Outcomes) -> None:
        """Move the contenders' incidents into the outcomes, ordered by position and then by contender."""
        if not self._incidents:
            return
        for incident in self._incidents:
            if isinstance(incident, Alarm):
                out.alarms.append(incident)
            else:
                out.benched.append(incident)
        self._incidents.clear()
        # The champion's came first, then each challenger's in turn: a stable sort keeps that at equal positions.
        out.alarms.sort(key=_position)
        out.benched.sort(key=_position)

    def _hand_out(self, chunk: list[Step], challengers: list[Contender], out: Outcomes) -> None:
        """Emit the challengers' answers, and release what no further step needs."""
        named = [(contender.slot, contender.name) for contender in challengers]
        shadow, keeps, final = out.shadow, self._keeps, self._final
        for kind, row, _, _ in chunk:
            if kind is StepKind.PREDICT:
                served = row.served
                for slot, name in named:
                    answer = served[slot]
                    if answer is not None:
                        shadow.append(ShadowPrediction(row.index, row.event_id, name, answer))
                continue
            if kind is not StepKind.MATURE and not (kind is StepKind.LEARN and keeps(row)):
                row.release_features()
            if kind is final or row.state is RowState.EXPIRED:
                row.release_answers()

    def snapshot(self, state_of: Callable[[Contender], dict[str, Any]] = Contender.snapshot) -> dict[str, Any]:
        """Return the state as plain data; rows are named by their index, contenders shown as `state_of` has them."""
        tape = [[int(kind), row.index, target, list(when)] for kind, row, target, when in self.tape]
        return {"tape": tape, "contenders": [state_of(contender) for contender in self.contenders]}

    def restore(self, state: dict[str, Any], rows: dict[int, Row]) -> None:
        """Take back what `snapshot` returned."""
        self.tape = deque(
            (StepKind(kind), rows[index], target, Moment(*when)) for kind, index, target, when in state["tape"]
        )
        for contender, kept in zip(self.contenders, state["contenders"], strict=True):
            contender.restore(kept)


def _position(incident: Any) -> int:
    return int(incident.position)

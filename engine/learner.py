"""The learner: takes the tape's steps — the champion at once, its challengers when there is time.

Where requests are shared out among arms, all of them take their steps at once, for any may answer the next request.

Second of the two state machines. Losses, figures, detectors and learning happen here, in the order of the tape. A
challenger that lags answers later, but with the model as it stood at the request: it is late, never wrong. The learner
knows nothing of messages, joins or bytes, and does not choose the champion: `engine.succession` does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from engine.contender import Contender, Incident, Takers, Told
from engine.errors import SnapshotError
from engine.judges import Judges
from engine.messages import Alarm, Benched, Episode, Outcomes, Reaction, ShadowPrediction
from engine.routing.router import Router
from engine.rows import pack_steps, unpack_steps
from engine.shift.watcher import Watcher
from engine.tape import Row, RowState, Step, StepKind
from engine.understudy import Understudy

_PREDICT, _LEARN, _RELEARN, _MATURE, _ = StepKind


class Follower(Protocol):
    """Takes steps after every contender took them: it judges the stream, and no answer waits for it."""

    def take(self, steps: Iterable[Step]) -> None:
        """Take steps of the tape, in order."""
        ...


class Learner:
    """Every contender and the understudy, and the tape they follow.

    Parameters
    ----------
    contenders
        The champion first.
    understudy
        Learns at the champion's side.
    keeps
        Says whether a row that was learned keeps its features, for a label that comes late.
    final
        The last step at which a row counts: LEARN where labels come with their requests, MATURE where windows close.
    """

    def __init__(
        self,
        contenders: Sequence[Contender],
        understudy: Understudy,
        keeps: Callable[[Row], bool],
        final: StepKind,
    ) -> None:
        self.contenders = list(contenders)
        self.understudy = understudy
        self.tape: deque[Step] = deque()
        self.followers: list[Follower] = []
        self.watcher: Watcher | None = None
        self._incidents: list[Incident] = []
        self._keeps = keeps
        self._final = final
        self._forked: Judges | None = None
        self._counted_from = 0
        self._router: Router | None = None
        self._seat(self.contenders[0])

    @property
    def champion(self) -> Contender | None:
        """The contender that answers; None while the understudy does."""
        return self._champion

    @property
    def served(self) -> Judges:
        """The figures over answers as they were served: the champion's own as long as it was the only one to answer."""
        return self._forked or self._champion.judges  # type: ignore[union-attr]

    def route(self, router: Router) -> None:
        """Have the arms of a router take their steps at once; what is served is counted apart from the start."""
        self._router = router
        self._forked = self.served.fork()
        self._seat(self._champion)

    def watch(self, watcher: Watcher) -> None:
        """Have the stream be watched without labels, after every contender."""
        watcher.incidents = self._incidents
        self.watcher = watcher
        self.followers.append(watcher)

    def crown(self, heir: Contender | None) -> None:
        """Have another contender answer from here, or None for the understudy. The tape must have been caught up."""
        if self._forked is None:
            self._forked = self.served.fork()
        self._seat(heir)

    def _seat(self, champion: Contender | None) -> None:
        self._champion = champion
        router = self._router
        routing = router is not None and champion is router.control
        self._beside = tuple(arm for arm in router.arms if arm is not champion) if routing else ()  # type: ignore[union-attr]
        self._challengers = [each for each in self.contenders if each is not champion and each not in self._beside]
        self._takers: Takers = (_take_nothing,) * len(StepKind) if champion is None else champion.takers

    def follow(self, steps: list[Step]) -> bool:
        """Put steps on the tape, and have the champion take them, but for the answers: it has answered already.

        Returns whether it still stands.
        """
        self.tape += steps
        takers, learn_aside, forked = self._takers, self.understudy.model.learn, self._forked
        beside = self._beside
        for step in steps:
            kind = step[0]
            if kind is _PREDICT:
                if beside:
                    self._answer_beside(step)
                continue
            takers[kind](step)
            for arm in beside:
                arm.takers[kind](step)
            if kind is _LEARN or kind is _RELEARN:
                learn_aside(step[1].x, step[2], 1.0)  # type: ignore[arg-type]
            if forked is not None:
                self._score(step, forked)
        if self._router is not None:
            self._router.settle(steps)
        return self._champion is None or self._champion.benched is None

    def _answer_beside(self, step: Step) -> None:
        """Have the arms answer in the shadow, but for the one that answered the request."""
        answered = step[1].stamp.model
        for arm in (self._champion, *self._beside):
            if arm.name != answered:  # type: ignore[union-attr]
                arm.takers[_PREDICT](step)  # type: ignore[union-attr]

    def _score(self, step: Step, served: Judges) -> None:
        """Count a row's answer as it was served, whoever gave it."""
        kind, row, target, _ = step
        if row.index < self._counted_from:
            return
        if kind is _LEARN:
            served.labelled.add(row.answer, target)  # type: ignore[arg-type]
        elif kind is _MATURE and served.matured is not None:
            served.matured.add(row.answer, target)  # type: ignore[arg-type]

    def catch_up(self, out: Outcomes, step_count_max: int | None = None) -> int:
        """Have the challengers take up to that many steps of the tape; returns how many are left.

        Their answers leave in the order of the tape, whatever the slices were.
        """
        self._gather()
        tape = self.tape
        if step_count_max is None or step_count_max >= len(tape):
            chunk = list(tape)
            tape.clear()
        else:
            chunk = [tape.popleft() for _ in range(step_count_max)]
        told = [each for contender in self._challengers for each in contender.take(chunk)]
        # By step, then by contender: wherever a stretch of the tape is cut, the same is said in the same order.
        told.sort(key=_number)
        self._incidents += [incident for _, incident in told]
        for follower in self.followers:
            follower.take(chunk)
        self._hand_out(chunk, out)
        return len(tape)

    def report(self, out: Outcomes) -> None:
        """Move all incidents into the outcomes, ordered by position: the contenders', by step, and the stream's own."""
        self._gather()
        if self.watcher is not None:
            self.watcher.divert()
            self._incidents += self.watcher.said
            self.watcher.said.clear()
        if not self._incidents:
            return
        homes: dict[type, list[Any]] = {
            Alarm: out.alarms,
            Benched: out.benched,
            Episode: out.episodes,
            Reaction: out.reactions,
        }
        for incident in self._incidents:
            homes[type(incident)].append(incident)
        self._incidents.clear()
        # The champion's came first, then the challengers' by step: a stable sort keeps that at equal positions.
        for home in homes.values():
            home.sort(key=_place)

    def _gather(self) -> None:
        """Take down what happened outside a stretch of the tape: to the champion, or by command."""
        for contender in self.contenders:
            if contender.incidents:
                self._incidents += contender.incidents
                contender.incidents.clear()

    def _hand_out(self, chunk: list[Step], out: Outcomes) -> None:
        """Emit the answers that were not served, and release what no further step needs."""
        others = self._challengers if self._router is None else self.contenders
        named = [(contender.slot, contender.name) for contender in others]
        shadow, keeps, final = out.shadow, self._keeps, self._final
        for kind, row, _, _ in chunk:
            if kind is _PREDICT:
                served, by = row.served, row.stamp.model
                for slot, name in named:
                    answer = served[slot]
                    if answer is not None and name != by:
                        shadow.append(ShadowPrediction(row.index, row.event_id, name, answer))
                continue
            if kind is not _MATURE and not (kind is _LEARN and keeps(row)):
                row.release_features()
            if kind is final or row.state is RowState.EXPIRED:
                row.release_answers()

    def reset_figures(self, judges_of: Callable[[str], Judges], counted_from: int) -> None:
        """Begin all figures and detectors anew; rows before that index count for nobody. Caught up beforehand."""
        for contender in self.contenders:
            contender.judge_by(judges_of(contender.name))
        self._counted_from = counted_from
        # The figures of a sole champion are those of what is served; the understudy has none of its own.
        alone = self._champion is not None and self._router is None
        self._forked = None if alone else judges_of(self.understudy.name).fork()

    def snapshot(self, state_of: Callable[[Contender], dict[str, Any]] = Contender.snapshot) -> dict[str, Any]:
        """Return the state as plain data; rows are named by their index, contenders shown as `state_of` has them."""
        return {
            "tape": pack_steps(self.tape),
            "contenders": [state_of(contender) for contender in self.contenders],
            "champion": None if self._champion is None else self._champion.name,
            "understudy": self.understudy.snapshot(),
            "served": None if self._forked is None else self._forked.snapshot(),
            "counted_from": self._counted_from,
        }

    def restore(self, state: dict[str, Any], rows: Mapping[int, Row]) -> None:
        """Take back what `snapshot` returned; a contender that is not in it stays as it is."""
        self.tape = deque(unpack_steps(state["tape"], rows))
        kept = {(each["name"], each["spec"]): each for each in state["contenders"]}
        by_name = {contender.name: contender for contender in self.contenders}
        for contender in self.contenders:
            found = kept.get((contender.name, contender.billing.spec))
            if found is not None:
                contender.restore(found)
        self.understudy.restore(state["understudy"])
        self._counted_from = state["counted_from"]
        self._forked = None
        if state["served"] is not None:
            self._forked = self.contenders[0].judges.fork()
            self._forked.restore(state["served"])
        elif state["champion"] is None:
            msg = "the understudy answers in the snapshot, but nothing counts what is served; use an older snapshot"
            raise SnapshotError(msg)
        self._seat(None if state["champion"] is None else by_name[state["champion"]])


def _take_nothing(step: Step) -> None:
    """Let a step go by: the understudy answers, and is no contender."""


def _place(incident: Any) -> tuple[int, bool]:
    """Return where an incident is told: at its position, and what the watcher raised or completed after the others."""
    of_watcher = isinstance(incident, Alarm) and incident.episode is None
    completed = isinstance(incident, Episode) and incident.stage != "opened"
    return int(incident.position), of_watcher or completed


def _number(told: Told) -> int:
    return told[0]

"""The watcher: follows the tape after every contender, and says what moved without waiting for a label.

It sees each request with all answers to it, and what became of its label; no answer waits for it. What it finds leaves
as alarms of the stream. Stages of episodes that say what kind of change there was wait here until the requests up to
them have been seen, so that which features moved does not depend on who lagged.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from engine.contender import Contender, Incident
from engine.drift.budget import Allowance
from engine.drift.kind import Kind
from engine.messages import Alarm, Answer, Episode, Features, Moved
from engine.schema import Schema
from engine.shift.baseline import Finding, Names, Table
from engine.shift.columns import Columns, declared, found
from engine.shift.estimate import Estimate
from engine.shift.feature_watch import FeatureWatch, FeatureWatches
from engine.shift.label_flow import LabelFlow
from engine.shift.rules import ShiftRules
from engine.shift.trail import Trail
from engine.shift.windows import Windows
from engine.tape import Moment, Row, Step, StepKind
from engine.targets import Task

SHIFT = "shift"
"""What an alarm of a test says; that of a detector on a feature says `drift`, as others do."""

LEVEL_MIN = 1e-12
"""A look that earned nothing is at this level: quantiles need one."""

_PREDICT = StepKind.PREDICT
_NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Stream:
    """What the watcher has to know of the stream: its columns and task, and how labels are waited for."""

    schema: Schema | None
    task: Task
    windowed: bool
    relearned: bool
    final: StepKind


class _Gathered(NamedTuple):
    """The requests of the block that is filling: their features, scores and numbers."""

    features: list[Features]
    scores: list[list[float]]
    indices: list[int]


class Watcher:
    """Watches one stream.

    Parameters
    ----------
    rules
        What is watched, against what, how often.
    stream
        What the stream is.
    contenders
        Whose scores are watched and whose answers are estimated.
    watches
        Detectors on features.
    moves
        Whether there are episodes to say what moved with them.

    Attributes
    ----------
    incidents
        Where alarms go; shared with the contenders.
    said
        Episodes that have been completed with what moved, and not been handed on.
    allowances
        Under an alarm budget, what the looks at requests and the looks at labels may take of it; else empty.
    raised
        Alarms of either, so far.
    """

    def __init__(
        self,
        rules: ShiftRules,
        stream: Stream,
        contenders: Sequence[Contender],
        watches: Sequence[FeatureWatch],
        *,
        moves: bool,
    ) -> None:
        self.rules = rules
        self.incidents: list[Incident] = []
        self.said: list[Episode] = []
        self.allowances: tuple[Allowance, ...] = ()
        self.raised = [0, 0]
        self._stream = stream
        self._contenders = list(contenders)
        self._moves = moves
        self._reads = moves or rules.watches
        self._watches = FeatureWatches(watches)
        self._labels: LabelFlow | None = None
        self._active: set[tuple[str, str]] = set()
        self._awaiting: list[Episode] = []
        self._block = _Gathered([], [], [])
        self._columns: Columns | None = None
        self._trail: Trail | None = None
        self._windows: Windows | None = None
        binary = stream.task is Task.BINARY
        if rules.watches:
            self._labels = LabelFlow(rules, windowed=stream.windowed, relearned=stream.relearned, binary=binary)
        self._estimated = list(contenders) if rules.watches and binary else []
        self.restart_estimates()
        if self._reads and stream.schema is not None:
            self._begin(declared(stream.schema, rules))

    def _begin(self, columns: Columns) -> None:
        """Read these columns from here on."""
        self._columns = columns
        self._trail = Trail(columns) if self._moves else None
        if self.rules.watches:
            wants = self.rules.wants
            names = Names(
                [(place, name) for place, name in enumerate(columns.numbers) if wants(name)],
                [(place, name) for place, name in enumerate(columns.categories) if wants(name)],
                [(place, contender.name) for place, contender in enumerate(self._contenders)],
            )
            self._windows = Windows(self.rules, names)

    def restart_estimates(self) -> None:
        """Estimate anew from here on."""
        self._estimates = [(contender.slot, Estimate()) for contender in self._estimated]

    @property
    def test_count(self) -> int:
        """How many tests share `alpha`: those of a look at requests, and those of a look at labels."""
        windows, labels = self._windows, self._labels
        return max(1, (0 if windows is None else windows.test_count) + (0 if labels is None else labels.test_count))

    def take(self, steps: Iterable[Step]) -> None:
        """Take the steps that every contender has taken."""
        self.divert()
        awaiting, final, labels, estimates = self._awaiting, self._stream.final, self._labels, self._estimates
        for step in steps:
            kind, row, target, when = step
            if kind is _PREDICT:
                self._request(row, when)
            else:
                if kind is final and estimates and row.served:
                    for slot, estimate in estimates:
                        answer = row.served[slot]
                        if answer is not None:
                            estimate.counted(answer, target)  # type: ignore[arg-type]
                if labels is not None and labels.take(step):
                    self._raise(labels.look(self._tail(of_labels=True)), when, of_labels=True)
            while awaiting and awaiting[0].position <= when.position:
                self._complete(awaiting.pop(0))

    def divert(self) -> None:
        """Take over the episodes that have to be completed, out of what is said."""
        if not self._moves:
            return
        waiting = [each for each in self.incidents if isinstance(each, Episode) and each.stage != "opened"]
        if waiting:
            self.incidents[:] = [i for i in self.incidents if not isinstance(i, Episode) or i.stage == "opened"]
            self._awaiting += waiting
            self._awaiting.sort(key=lambda episode: episode.position)

    def _request(self, row: Row, when: Moment) -> None:
        x: Features = row.x  # type: ignore[assignment]
        for allowance in self.allowances:
            allowance.see(when)
        for slot, estimate in self._estimates:
            answer = row.served[slot]
            if answer is not None:
                estimate.answered(answer)
        if self._watches.watches:
            for watch in self._watches.see(x):
                self.incidents.append(Alarm(*when, f"feature.{watch.feature}", watch.name, "drift"))
        if self._reads:
            block = self._block
            block.features.append(x)
            block.indices.append(row.index)
            if self.rules.watches:
                block.scores.append([_NAN if answer is None else _score(answer) for answer in row.served])
            if len(block.features) == self.rules.block_count:
                self._close_block(when)

    def _close_block(self, when: Moment) -> None:
        """Read the block that is full, and look where it completes a window."""
        features, scores, indices = self._block
        self._block = _Gathered([], [], [])
        if self._columns is None:
            self._begin(found(features, self.rules))
        numbers, codes = self._columns.read(features)  # type: ignore[union-attr]
        if self._trail is not None:
            self._trail.add(indices[0], indices[-1], numbers, codes)
        windows = self._windows
        if windows is None:
            return
        if windows.add(Table(numbers, codes, np.array(scores))):
            self._raise(windows.look(self._tail(of_labels=False)), when, of_labels=False)
        if not windows.filled_count:
            for _, estimate in self._estimates:
                estimate.look()

    def _tail(self, *, of_labels: bool) -> float:
        """Return the level of one test: under a budget, of what this look may take of it."""
        alpha = self.rules.alpha
        if self.allowances:
            alpha = max(LEVEL_MIN, min(alpha, self.allowances[of_labels].spend()))
        return alpha / self.test_count

    def _raise(self, findings: Sequence[Finding], when: Moment, *, of_labels: bool) -> None:
        """Raise an alarm for each finding that the look before did not have."""
        there = {(finding.watched, finding.test) for finding in findings}
        for finding in findings:
            if (finding.watched, finding.test) not in self._active:
                self.incidents.append(Alarm(*when, finding.watched, finding.test, SHIFT))
                self.raised[of_labels] += 1
        self._active = {each for each in self._active if each[0].startswith("labels.") is not of_labels} | there

    def _complete(self, episode: Episode) -> None:
        """Say what moved with an episode, and write it where its next stage takes it from."""
        moved = self._moved(episode)
        owner = episode.episode.rpartition("#")[0]
        for contender in self._contenders:
            if contender.name == owner and contender.judges.episodes is not None:
                contender.judges.episodes.note_moved(episode.episode, moved)
        self.said.append(episode._replace(moved=moved))

    def _moved(self, episode: Episode) -> tuple[Moved, ...]:
        if self._trail is None or episode.onset_index is None:
            return ()
        onset = episode.onset_index
        settled, end = onset + (episode.width or 0), episode.request_index
        if episode.kind == Kind.TRANSIENT:
            settled, end = onset, settled
        return self._trail.moved(onset, settled, end)

    def read(self) -> dict[str, Any] | None:
        """Return the standing state, fit for JSON; None where nothing but what moved with episodes is watched."""
        if not self.rules.watches:
            return None
        windows, labels, columns = self._windows, self._labels, self._columns
        return {
            "looks": 0 if windows is None else windows.look_count,
            "tests": self.test_count,
            "alpha": self.rules.alpha,
            "reference": self.rules.reference,
            "unread_features": 0 if columns is None else columns.unread_count,
            "found": sorted(f"{watched}:{test}" for watched, test in self._active),
            "standing": {
                **({} if windows is None else windows.standing),
                **({} if labels is None else labels.standing),
            },
            "estimates": {
                contender.name: estimate.read()
                for contender, (_, estimate) in zip(self._estimated, self._estimates, strict=True)
            },
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        columns, trail, windows, labels = self._columns, self._trail, self._windows, self._labels
        features, scores, indices = self._block
        return {
            "columns": None if columns is None else columns.snapshot(),
            "block": [[dict(x) for x in features], [list(row) for row in scores], list(indices)],
            "scored": [contender.name for contender in self._contenders],
            "trail": None if trail is None else trail.snapshot(),
            "windows": None if windows is None else windows.snapshot(),
            "labels": None if labels is None else labels.snapshot(),
            "estimates": [
                [contender.name, estimate.snapshot()]
                for contender, (_, estimate) in zip(self._estimated, self._estimates, strict=True)
            ],
            "watches": self._watches.snapshot(),
            "active": sorted(self._active),
            "allowances": [allowance.snapshot() for allowance in self.allowances],
            "raised": list(self.raised),
            "awaiting": [(*episode[:-1], [tuple(each) for each in episode.moved]) for episode in self._awaiting],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned; a contender that is not in it begins here."""
        if state["columns"] is not None:
            self._begin(Columns.restored(state["columns"]))
        features, scores, indices = state["block"]
        places = [
            state["scored"].index(each.name) if each.name in state["scored"] else None for each in self._contenders
        ]
        named = [[_NAN if place is None else row[place] for place in places] for row in scores]
        self._block = _Gathered(list(features), named, list(indices))
        for part, kept in (
            (self._trail, state["trail"]),
            (self._windows, state["windows"]),
            (self._labels, state["labels"]),
        ):
            if part is not None and kept is not None:
                part.restore(kept)
        self.restart_estimates()
        sums = dict(state["estimates"])
        for contender, (_, estimate) in zip(self._estimated, self._estimates, strict=True):
            if contender.name in sums:
                estimate.restore(sums[contender.name])
        self._watches.restore(state["watches"])
        self._active = {(watched, test) for watched, test in state["active"]}
        for allowance, kept in zip(self.allowances, state["allowances"], strict=True):
            allowance.restore(kept)
        self.raised = list(state["raised"])
        self._awaiting = [
            Episode._make([*fields, tuple(Moved(*each) for each in moved)]) for *fields, moved in state["awaiting"]
        ]


def _score(answer: Answer) -> float:
    """Return the one number of a score: of several classes, that of the likeliest."""
    score = answer[1]
    if isinstance(score, dict):
        return max(score.values(), default=_NAN)
    return score

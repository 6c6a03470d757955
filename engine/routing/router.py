"""The router: chooses the arm that answers a request, has it answer, and credits it when the truth is final.

Between a request and its answer stands only the arm that answers. Arms are kept at the head of the tape, so each
answers as it stands at the request, and a reward counts from the position at which it comes. The router works while the
control, the plan's champion, is the champion; whoever else becomes it answers alone. This file knows no joins and no
tests of significance.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any
from zlib import crc32

from engine.contender import Contender
from engine.errors import ConfigError
from engine.evidence.losses import Loss
from engine.messages import Answer, Request
from engine.routing.draws import splitmix64, sticky, uniform
from engine.routing.policies import Probabilities, policy_of
from engine.routing.rules import RoutingMode, RoutingRules
from engine.tape import Moment, Row, Stamp, Step, StepKind


class Router:
    """Shares requests out among arms.

    Parameters
    ----------
    rules
        Which arms, and how.
    contenders
        The plan's, the champion first: it is the control.
    loss
        A reward is 1 less this, of the answer that was served.
    final
        The step at which an event counts.
    seed
        What the draws of a bandit are a function of, beside the experiment's name and the number of the request.

    Raises
    ------
    ConfigError
        Where an arm is no contender, or the champion no arm.
    """

    def __init__(
        self, rules: RoutingRules, contenders: Sequence[Contender], loss: Loss, final: StepKind, seed: int
    ) -> None:
        by_name = {contender.name: contender for contender in contenders}
        self.rules = rules
        self.control = contenders[0]
        self.names = tuple(name for name, _ in rules.arms)
        unknown = [name for name in self.names if name not in by_name]
        if unknown:
            msg = f"the arm {unknown[0]!r:.80} is no contender; there are {', '.join(by_name)}"
            raise ConfigError(msg)
        if self.control.name not in self.names:
            msg = f"the champion {self.control.name!r} must be an arm, got {list(self.names)!r}: it is the control"
            raise ConfigError(msg)
        self.arms = tuple(by_name[name] for name in self.names)
        self.loss = loss
        self.final = final
        self.routed = [0] * len(self.arms)
        self._numbers = {name: number for number, name in enumerate(self.names)}
        self._stamps = tuple(Stamp(name, None) for name in self.names)
        self._place = self._numbers[self.control.name]
        self._policy = policy_of(rules, self._place)
        self._seed = splitmix64(seed ^ crc32(rules.experiment.encode()) << 32)

    def probabilities(self) -> Probabilities:
        """Return with which probability each arm would answer now."""
        return self._policy.probabilities([arm.benched is None for arm in self.arms])

    def answer(self, request: Request, row: Row, when: Moment) -> Answer | None:
        """Have an arm answer, and write down who and by which probabilities; None where the control fails.

        An arm that fails within this request leaves it, and its probability, to the control.
        """
        chances = self.probabilities()
        number = self._choose(chances, request, row.index)
        answer = self.arms[number].answer(row, when)
        if answer is None and number != self._place:
            moved = list(chances)
            moved[self._place] += moved[number]
            moved[number] = 0.0
            chances, number = tuple(moved), self._place
            answer = self.control.answer(row, when)
        if answer is not None:
            row.chances = chances
            row.stamp = self._stamps[number]
            self.routed[number] += 1
        return answer

    def _choose(self, chances: Probabilities, request: Request, index: int) -> int:
        rules = self.rules
        if rules.mode is RoutingMode.AB:
            drawn = sticky(rules.experiment, str(request.event_id if request.key is None else request.key))
            # A key keeps its place among the shares whoever is benched: only the benched arm's keys move.
            for number, upper in enumerate(accumulate(share or 0.0 for _, share in rules.arms)):
                if drawn < upper:
                    return number if chances[number] else self._place
            return self._last(chances)
        drawn = uniform(self._seed, index)
        for number, upper in enumerate(accumulate(chances)):
            if drawn < upper:
                return number
        return self._last(chances)

    def _last(self, chances: Probabilities) -> int:
        """Return the last arm that may answer: probabilities that sum to a little less than 1 end here."""
        return max(number for number, chance in enumerate(chances) if chance)

    def number_of(self, row: Row) -> int:
        """Return the number of the arm that answered a routed row."""
        return self._numbers[row.stamp.model]

    def shown(self, row: Row) -> dict[str, float]:
        """Return by which probabilities a row was routed, by arm."""
        return dict(zip(self.names, row.chances or (), strict=True))

    def settle(self, steps: Iterable[Step]) -> None:
        """Credit the arms whose answers count from here."""
        for kind, row, target, _ in steps:
            if kind is self.final and row.chances is not None:
                self._policy.credit(self.number_of(row), 1.0 - self.loss(row.answer, target))  # type: ignore[arg-type]

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {"policy": self._policy.snapshot(), "routed": list(self.routed)}

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned."""
        self._policy.restore(state["policy"])
        self.routed = list(state["routed"])

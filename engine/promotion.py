"""Promotion: evidence on matured events, looked at every epoch, takes effect one epoch later.

It follows the tape as challengers do. Whatever they lag, what is decided at position p rests on the steps before
p - epoch and on nothing else: evidence is closed at each boundary as the tape passes it. Where somebody's model is
replaced, or the champion changes, the evidence of those concerned begins anew. This file chooses; `engine.succession`
puts the chosen one in its place.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import log
from typing import Any, NamedTuple

from engine.contender import Contender, Role
from engine.evidence.losses import Loss
from engine.evidence.restarting import Restarting
from engine.promotion_rules import PromotionMode, PromotionRules
from engine.standing import Standing
from engine.tape import Step, StepKind

HARM = "harm"


class Choice(NamedTuple):
    """Who should answer, by which rule, why, and the evidence in figures."""

    name: str
    rule: str
    reason: str
    evidence: dict[str, Any]


class Restart(NamedTuple):
    """From which position on a contender is another, and the latest request then."""

    position: int
    request_index: int
    name: str


class Promotion:
    """The standings of all challengers.

    Parameters
    ----------
    rules
        What must hold.
    contenders
        The plan's; the baseline is never promoted.
    loss
        What "better" means.
    binary
        Whether there are positives.
    final
        The step at which an event counts.

    Attributes
    ----------
    held
        Whom a command keeps from being promoted.
    waits
        How often the tape had to be caught up for a look. It depends on who lagged when, so it is no part of the state.
    """

    def __init__(
        self, rules: PromotionRules, contenders: Sequence[Contender], loss: Loss, *, binary: bool, final: StepKind
    ) -> None:
        self.rules = rules
        self.held: set[str] = set()
        self.waits = 0
        self._contenders = contenders
        self._able = [contender for contender in contenders if contender.billing.role is not Role.BASELINE]
        self._standings = {contender.name: Standing(rules, loss, binary=binary) for contender in self._able}
        self._final = final
        self._champion: Contender | None = contenders[0]
        self._restarts: list[Restart] = []
        self._closed: dict[int, Choice | None] = {}
        self._next = rules.epoch_inputs
        self._recommended: str | None = None

    def take(self, steps: Iterable[Step]) -> None:
        """Take the steps that every contender has taken."""
        self._gather()
        final = self._final
        for kind, row, target, when in steps:
            if kind is not final:
                continue
            self._close(when.position)
            self._restart(when.position)
            champion = self._champion
            served = None if champion is None or not row.served else row.served[champion.slot]
            if served is None:
                continue
            for contender in self._able:
                answer = row.served[contender.slot]
                if contender is not champion and answer is not None:
                    self._standings[contender.name].add(row, served, answer, target)  # type: ignore[arg-type]

    def decide(self, position: int) -> Choice | None:
        """Return who should answer from this position on, an epoch after the evidence; None changes nothing."""
        boundary = position - self.rules.epoch_inputs
        self._gather()
        self._close(boundary)
        choice = self._closed.get(boundary)
        self._closed = {at: found for at, found in self._closed.items() if at > boundary}
        if choice is None or choice.name in self.held:
            return None
        if self.rules.mode is PromotionMode.RECOMMEND:
            if self._recommended == choice.name:
                return None
            self._recommended = choice.name
        return choice

    def crowned(self, champion: Contender | None, position: int, request_index: int, before: Contender | None) -> None:
        """Begin anew: another champion answers from here, `before` if a promotion on evidence displaced it."""
        self._champion = champion
        self._recommended = None
        for name, standing in self._standings.items():
            standing.harm = Restarting() if before is not None and name == before.name else None
            standing.restart(request_index)
        self._gather()
        self._restarts = []
        epoch = self.rules.epoch_inputs
        self._closed = {}
        self._next = position // epoch * epoch + epoch

    def standings(self) -> dict[str, dict[str, Any]]:
        """Return how each challenger stands: whether it is eligible, why not, and the evidence in figures."""
        count = self._challenger_count()
        found = {}
        for contender in self._able:
            if contender is not self._champion:
                hindrance = self._hindrance(contender)
                found[contender.name] = {
                    "eligible": hindrance is None,
                    "because": hindrance,
                    **self._standings[contender.name].read(count),
                }
        return found

    def _challenger_count(self) -> int:
        return max(1, sum(contender is not self._champion for contender in self._able))

    def _hindrance(self, contender: Contender) -> str | None:
        if contender.benched is not None:
            return f"benched ({contender.benched})"
        if contender.name in self.held:
            return "held by command"
        return self._standings[contender.name].hindrance(self._challenger_count())

    def _gather(self) -> None:
        """Take down whose model was replaced where."""
        for contender in self._contenders:
            if contender.replaced:
                self._restarts += [Restart(*replaced, contender.name) for replaced in contender.replaced]
                contender.replaced.clear()
                self._restarts.sort()

    def _restart(self, position: int) -> None:
        """Begin anew with whoever was replaced up to this position."""
        while self._restarts and self._restarts[0].position <= position:
            _, request_index, name = self._restarts.pop(0)
            if self._champion is not None and name == self._champion.name:
                for standing in self._standings.values():
                    standing.restart(request_index)
            elif name in self._standings:
                self._standings[name].restart(request_index)

    def _close(self, position: int) -> None:
        """Close the epochs that end at or before this position."""
        if position < self._next:
            return
        while self._next <= position:
            self._restart(self._next - 1)
            self._closed[self._next] = self._choose()
            self._next += self.rules.epoch_inputs

    def _choose(self) -> Choice | None:
        """Return who should answer as things stand: who was displaced wrongly, else the best that may.

        Whether somebody is benched by now is not asked: a bench restarts the evidence, at its position.
        """
        if self._champion is None:
            return None
        count = self._challenger_count()
        wanted = log(self.rules.harm_run_length)
        best: tuple[float, Contender] | None = None
        for contender in self._able:
            standing = self._standings[contender.name]
            if contender is self._champion:
                continue
            if standing.harm is not None and standing.harm.log_e >= wanted:
                evidence = {**standing.read(count), "test": "harm", "log_threshold": wanted}
                evidence["log_e"] = standing.harm.log_e
                return Choice(contender.name, HARM, f"the promotion did harm: {_said(evidence)}", evidence)
            ahead = best is None or standing.evidence.log_e > best[0]
            if standing.count and ahead and contender.name not in self.held and standing.hindrance(count) is None:
                best = (standing.evidence.log_e, contender)
        if best is None:
            return None
        evidence = self._standings[best[1].name].read(count)
        return Choice(best[1].name, self.rules.evidence.rule, _said(evidence), evidence)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data, but for the champion."""
        self._gather()
        return {
            "held": sorted(self.held),
            "standings": [[name, standing.snapshot()] for name, standing in self._standings.items()],
            "restarts": [list(restart) for restart in self._restarts],
            "closed": [[at, None if choice is None else list(choice)] for at, choice in self._closed.items()],
            "next": self._next,
            "recommended": self._recommended,
        }

    def restore(self, state: dict[str, Any], champion: Contender | None) -> None:
        """Take back what `snapshot` returned; who is new begins with the requests to come."""
        self._champion = champion
        self.held = set(state["held"]) & self._standings.keys()
        for name, standing in state["standings"]:
            if name in self._standings:
                self._standings[name].restore(standing)
        self._restarts = [Restart(*restart) for restart in state["restarts"]]
        self._closed = {at: None if choice is None else Choice(*choice) for at, choice in state["closed"]}
        self._next = state["next"]
        self._recommended = state["recommended"]


def _said(evidence: dict[str, Any]) -> str:
    """Say what a choice rests on: a test that restarts speaks of the latest stretch, one that does not of all."""
    if evidence["test"].startswith("fixed"):
        low, high = evidence["gain_bounds"]
        gain = f"{evidence['gain']:.4f} ({low:.4f} to {high:.4f}) on {evidence['matured']:,} matured events"
    else:
        gain = f"{evidence['latest_gain']:.4f} on the latest {evidence['latest_matured']:,} matured events"
    return (
        f"mean loss lower by {gain}, evidence e^{evidence['log_e']:.1f} "
        f"where e^{evidence['log_threshold']:.1f} is asked for"
    )

"""Promotion: evidence on matured events, looked at every epoch, takes effect one epoch later.

It follows the tape as challengers do. Whatever they lag, what is decided at position p rests on the steps before
p - epoch and on nothing else: evidence is closed at each boundary as the tape passes it. Where somebody's model is
replaced, or the champion changes, the evidence of those concerned begins anew. This file chooses; `engine.succession`
puts the chosen one in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Sequence
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
        Whom a command keeps from being promoted: see `hold`.
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
        self._recommended: set[str] = set()
        for contender in contenders:
            contender.replaced = []

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

    def is_due(self, position: int) -> bool:
        """Return whether the look an epoch ago found somebody; ask `decide` once the tape has been caught up."""
        boundary = position - self.rules.epoch_inputs
        self._gather()
        self._close(boundary)
        self._closed = {at: found for at, found in self._closed.items() if at > boundary or (at == boundary and found)}
        return boundary in self._closed

    def decide(self, position: int) -> Choice | None:
        """Return who should answer from this position on; None where that was a model that has been replaced since."""
        self._gather()
        choice = self._closed.pop(position - self.rules.epoch_inputs)
        # What was replaced later than the latest step that counts has not been applied yet.
        waiting = {restart.name for restart in self._restarts if restart.position < position}
        return None if choice is None or waiting & self._compared(choice.name) else choice

    def hold(self, name: str) -> None:
        """Keep this contender from being promoted or recommended, and void what was found for it."""
        self.held.add(name)
        self._recommended.discard(name)
        self._void(lambda choice: choice.name == name)

    def crowned(self, champion: Contender | None, position: int, request_index: int, before: Contender | None) -> None:
        """Begin anew: another champion answers from here, `before` if a promotion on evidence displaced it."""
        self._champion = champion
        self._recommended.clear()
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
        self._gather()
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
        if {restart.name for restart in self._restarts} & self._compared(contender.name):
            return "the evidence begins anew"
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
            self._void(lambda choice, name=name: name in self._compared(choice.name))  # type: ignore[misc]
            of_champion = self._champion is not None and name == self._champion.name
            for each in self._standings if of_champion else {name} & self._standings.keys():
                self._standings[each].restart(request_index)
                self._recommended.discard(each)

    def _compared(self, name: str) -> set[str]:
        """Return whose models what is said of a challenger rests on."""
        return {name} if self._champion is None else {name, self._champion.name}

    def _void(self, is_void: Callable[[Choice], bool]) -> None:
        self._closed = {
            at: None if choice is None or is_void(choice) else choice for at, choice in self._closed.items()
        }

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

        Whether somebody is benched by now is not asked: a bench restarts the evidence, at its position. Of whom it was
        recommended it is not said again, until the evidence has begun anew.
        """
        if self._champion is None:
            return None
        count, best = self._challenger_count(), None
        for contender in self._able:
            if contender is self._champion or contender.name in self.held:
                continue
            standing = self._standings[contender.name]
            if standing.harm is not None and standing.harm.log_e >= log(self.rules.harm_run_length):
                return self._harmed(contender.name, standing.harm.log_e)
            ahead = best is None or standing.evidence.log_e > best[0]
            if standing.count and ahead and standing.hindrance(count) is None:
                best = standing.evidence.log_e, contender.name
        if best is None or best[1] in self._recommended:
            return None
        if self.rules.mode is PromotionMode.RECOMMEND:
            self._recommended.add(best[1])
        evidence = self._standings[best[1]].read(count)
        return Choice(best[1], self.rules.evidence.rule, _said(evidence), evidence)

    def _harmed(self, name: str, log_e: float) -> Choice:
        """Return the choice of the champion before, who would have been better."""
        read = self._standings[name].read(self._challenger_count())
        evidence = {**read, "test": HARM, "log_e": log_e, "log_threshold": log(self.rules.harm_run_length)}
        return Choice(name, HARM, f"the promotion did harm: {_said(evidence)}", evidence)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data, but for the champion."""
        self._gather()
        return {
            "held": sorted(self.held),
            "standings": [[name, standing.snapshot()] for name, standing in self._standings.items()],
            "restarts": [list(restart) for restart in self._restarts],
            "closed": [[at, None if choice is None else list(choice)] for at, choice in self._closed.items()],
            "next": self._next,
            "recommended": sorted(self._recommended),
        }

    def restore(self, state: dict[str, Any], champion: Contender | None, kept: Container[str]) -> None:
        """Take back what `snapshot` returned, of those who are kept; who is new begins with the requests to come.

        A held name stays held, whatever model goes by it.
        """
        self._champion = champion
        self.held = set(state["held"]) & self._standings.keys()
        going_on = {name for name in self._standings if name in kept}
        for name, standing in state["standings"]:
            if name in going_on:
                self._standings[name].restore(standing)
        self._restarts = [Restart(*restart) for restart in state["restarts"]]
        self._closed = {at: None if choice is None else Choice(*choice) for at, choice in state["closed"]}
        self._void(lambda choice: choice.name not in going_on)
        self._next = state["next"]
        self._recommended = set(state["recommended"]) & going_on


def _said(evidence: dict[str, Any]) -> str:
    """Say what a choice rests on: a test that restarts speaks of the latest stretch, one that does not of all."""
    if evidence["test"].startswith("fixed"):
        low, high = evidence["gain_bounds"]
        gain = f"{evidence['gain']:.4f} ({low:.4f} to {high:.4f}) on {evidence['gain_matured']:,} matured events"
    else:
        gain = f"{evidence['latest_gain']:.4f} on the latest {evidence['latest_matured']:,} matured events"
    return (
        f"mean loss lower by {gain}, evidence e^{evidence['log_e']:.1f} "
        f"where e^{evidence['log_threshold']:.1f} is asked for"
    )

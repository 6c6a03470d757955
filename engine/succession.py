"""Who answers: the champion, whom a person puts in its place, and the ladder that is climbed down when it fails.

The ladder: the latest champion before this one that is not benched; else the first healthy contender of the plan that
is neither a rules model nor the baseline; else the first healthy rules model; else the understudy, which learned all
along; but before the understudy answers, a contender that was only shed comes back. Whoever is next answers within the
very request that broke the one before, so every request is answered.

Before any change the tape is caught up, so the heir answers as it stood at that position and the shadow answers keep
their order: what happens depends on the position alone, never on how far a challenger lagged. Only who is shed leaves
the steps that wait on the tape untaken: to take them first is the work that is to be saved. How far it came the journal
says. This file knows nothing of joins, figures or what an answer is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Mapping
from typing import Any

from engine.contender import SHED, Contender, Role, Rung
from engine.errors import ConfigError, SnapshotError
from engine.learner import Learner
from engine.messages import Command, Commanded, Outcomes, Promoted, Recommended, Verb
from engine.promotion import Choice, Promotion
from engine.promotion_rules import PromotionMode
from engine.routing.router import Router
from engine.tape import Moment, Stamp
from engine.understudy import Understudy

PREVIOUS_COUNT_MAX = 100
"""Champions before this one that a rollback can go back to, one by one."""

PROMOTION_COUNT_MAX = 1_000
"""Changes kept for the summary; all are emitted, and counted."""

_BY_COMMAND = "by command"


class Succession:
    """The champion's place, and who comes after whom.

    Parameters
    ----------
    learner
        Holds the contenders, the champion first, and the tape.
    promotion
        Chooses by evidence; None where none is gathered.
    router
        Shares requests out among arms while the champion is its control; None where the champion always answers.
    """

    def __init__(self, learner: Learner, promotion: Promotion | None = None, router: Router | None = None) -> None:
        self.contenders = learner.contenders
        self._learner = learner
        self._promotion = promotion
        self.router = router
        self._by_name = {contender.name: contender for contender in learner.contenders}
        self.answerer: Contender | Understudy = learner.contenders[0]
        self.stamp = Stamp(self.answerer.name, None)
        self.promotion_count = 0
        self.promotions: deque[Promoted] = deque(maxlen=PROMOTION_COUNT_MAX)
        self._previous: deque[Contender] = deque(maxlen=PREVIOUS_COUNT_MAX)
        self._verbs: dict[str, Callable[[str | None, Moment, Outcomes], str | None]] = {
            Verb.PROMOTE: self._promote,
            Verb.ROLLBACK: self._roll_back,
            Verb.BENCH: self._bench,
            Verb.RESTORE: self._restore,
            Verb.HOLD: self._hold,
            Verb.ALLOW: self._allow,
            Verb.SHED: self._shed,
            Verb.RESUME: self._resume,
        }

    def role_of(self, contender: Contender) -> Role:
        """Return what a contender is now: the champion, or what it is while it is not."""
        if contender is self.answerer:
            return Role.CHAMPION
        return Role.BASELINE if contender.billing.role is Role.BASELINE else Role.CHALLENGER

    def obey(self, command: Command, when: Moment, out: Outcomes) -> None:
        """Carry a command out at its position, or refuse it and change nothing; `out` has which."""
        verb = self._verbs.get(command.verb)
        if verb is None:
            msg = f"a command is {', '.join(self._verbs)}, got {command.verb!r:.80}"
            raise ConfigError(msg)
        if command.verb != Verb.SHED:
            self._learner.catch_up(out)
        refused = verb(command.contender, when, out)
        champion = self.answerer.name
        out.commanded.append(
            Commanded(when.position, when.request_index, str(command.verb), command.contender, champion, refused)
        )

    def fall(self, when: Moment, out: Outcomes) -> Contender | Understudy:
        """Have the next rung of the ladder answer in the place of a champion that is benched; returns it."""
        self._learner.catch_up(out)
        before = self.answerer
        if isinstance(before, Contender):
            reason = f"{before.name} was benched: {before.benched}"
            self._previous.append(before)
            heir = self._next_rung()
            if heir is not None:
                heir.benched = None
            rung = Rung.UNDERSTUDY if heir is None else heir.billing.rung
            self._seat(heir, rung, Choice("", "ladder", reason, {}), when, out)
        return self.answerer

    def weigh(self, when: Moment, out: Outcomes) -> None:
        """Look at the evidence of the epoch before the last, and do, or say, what follows from it."""
        promotion, tape = self._promotion, self._learner.tape
        assert promotion is not None  # noqa: S101 - nobody asks where there is none
        if tape and tape[0][3].position < when.position - promotion.rules.epoch_inputs:
            promotion.waits += 1
            self._learner.catch_up(out)
        if not promotion.is_due(when.position):
            return
        self._learner.catch_up(out)
        choice = promotion.decide(when.position)
        if choice is None:
            return
        if promotion.rules.mode is PromotionMode.RECOMMEND:
            champion = self.answerer.name
            out.recommended.append(Recommended(when.position, when.request_index, choice.name, champion, *choice[1:]))
        elif isinstance(self.answerer, Contender):
            self._previous.append(self.answerer)
            self._seat(self._by_name[choice.name], None, choice, when, out)

    def _next_rung(self) -> Contender | None:
        """Return the highest rung that is healthy; None is the understudy's."""
        plan = self.contenders
        rungs_of = (
            ((Rung.CHALLENGER, Rung.RULES), [*reversed(self._previous)]),
            ((Rung.CHALLENGER,), plan),
            ((Rung.RULES,), plan),
        )
        for why in (None, SHED):
            for rungs, candidates in rungs_of:
                for contender in candidates:
                    if contender.benched == why and contender.billing.rung in rungs:
                        return contender
        return None

    def _promote(self, name: str | None, when: Moment, out: Outcomes) -> str | None:
        contender = self._by_name.get(name or "")
        if contender is None:
            return self._unknown(name)
        if contender is self.answerer:
            return f"{name!r} is the champion already"
        if contender.benched is not None:
            return f"{name!r} is benched ({contender.benched}); restore it first"
        # Nobody goes back to the understudy.
        if isinstance(self.answerer, Contender):
            self._previous.append(self.answerer)
        self._seat(contender, None, _commanded("promoted"), when, out)
        return None

    def _roll_back(self, name: str | None, when: Moment, out: Outcomes) -> str | None:  # noqa: ARG002 - names nobody
        if not self._previous:
            return f"there was no champion before {self.answerer.name!r}"
        contender = self._previous[-1]
        if contender.benched is not None:
            return f"{contender.name!r}, the champion before, is benched ({contender.benched}); restore it first"
        self._seat(contender, None, _commanded("rolled back"), when, out)
        return None

    def _bench(self, name: str | None, when: Moment, out: Outcomes) -> str | None:
        contender = self._by_name.get(name or "")
        if contender is None:
            return self._unknown(name)
        if contender.benched not in {None, SHED}:
            return f"{name!r} is benched already ({contender.benched})"
        contender.bench(_BY_COMMAND, when)
        if contender is self.answerer:
            self.fall(when, out)
        return None

    def _restore(self, name: str | None, when: Moment, out: Outcomes) -> str | None:
        contender = self._by_name.get(name or "")
        if contender is None:
            return self._unknown(name)
        if contender.benched is None:
            return f"{name!r} is not benched"
        contender.benched = None
        if self._learner.champion is None and (contender.billing.rung is not None or contender in self._previous):
            self._seat(contender, None, _commanded("restored"), when, out)
        return None

    def _shed(self, name: str | None, when: Moment, out: Outcomes) -> str | None:  # noqa: ARG002 - nobody's place changes
        contender = self._by_name.get(name or "")
        if contender is None:
            return self._unknown(name)
        if contender is self.answerer or (self.router is not None and contender in self.router.arms):
            return f"{name!r} answers requests, and only who answers none can be shed"
        if contender.benched is not None:
            return f"{name!r} is benched already ({contender.benched})"
        contender.bench(SHED, when)
        return None

    def _resume(self, name: str | None, when: Moment, out: Outcomes) -> str | None:
        contender = self._by_name.get(name or "")
        if contender is not None and contender.benched not in {None, SHED}:
            return f"{name!r} was not shed but benched ({contender.benched}); restore it instead"
        return self._restore(name, when, out)

    def _hold(self, name: str | None, when: Moment, out: Outcomes) -> str | None:  # noqa: ARG002 - nothing changes now
        if name not in self._by_name:
            return self._unknown(name)
        if self._promotion is None:
            return "no evidence is gathered, so nothing promotes anybody but a command"
        if self._by_name[name].billing.role is Role.BASELINE:
            return f"{name!r} is the baseline, and no evidence promotes it"
        if name in self._promotion.held:
            return f"{name!r} is held already"
        self._promotion.hold(name)
        return None

    def _allow(self, name: str | None, when: Moment, out: Outcomes) -> str | None:  # noqa: ARG002 - nothing changes now
        if name not in self._by_name:
            return self._unknown(name)
        if self._promotion is None or name not in self._promotion.held:
            return f"{name!r} is not held"
        self._promotion.held.remove(name)
        return None

    def _unknown(self, name: str | None) -> str:
        return f"there is no contender {name!r:.80}; there are {', '.join(self._by_name)}"

    def _seat(self, heir: Contender | None, rung: Rung | None, why: Choice, when: Moment, out: Outcomes) -> None:
        """Have the heir answer from here, and say so."""
        before = self._learner.champion
        name = self.answerer.name
        self._learner.crown(heir)
        self._answer_with(heir, None if rung is None else rung.value)
        if self._promotion is not None:
            displaced = before if why.rule == self._promotion.rules.evidence.rule else None
            self._promotion.crowned(heir, when.position, when.request_index, displaced)
        evidence = why.evidence or None
        promoted = Promoted(when.position, when.request_index, name, self.answerer.name, why.rule, why.reason, evidence)
        self.promotion_count += 1
        self.promotions.append(promoted)
        out.promotions.append(promoted)

    def _answer_with(self, champion: Contender | None, rung: str | None) -> None:
        self.answerer = self._learner.understudy if champion is None else champion
        self.stamp = Stamp(self.answerer.name, rung)
        # Nobody goes back to whom one has: this also takes the last name off where the change was a step back.
        while self._previous and self._previous[-1] is champion:
            self._previous.pop()

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data, but for the champion, whom the learner names."""
        return {
            "rung": self.stamp.rung,
            "previous": [contender.name for contender in self._previous],
            "promotion_count": self.promotion_count,
            "promotions": [list(promoted) for promoted in self.promotions],
        }

    def restore(self, state: Mapping[str, Any], kept: Container[str]) -> None:
        """Take back what `snapshot` returned, after the learner did; a champion that is no more is forgotten."""
        rung = state["rung"]
        if rung is not None and rung not in set(Rung):
            msg = f"a rung of the ladder is {', '.join(Rung)}, got {rung!r:.80}; use an older snapshot"
            raise SnapshotError(msg)
        known = (self._by_name.get(name) for name in state["previous"] if name in kept)
        self._previous = deque((contender for contender in known if contender is not None), PREVIOUS_COUNT_MAX)
        self._answer_with(self._learner.champion, rung)
        self.promotion_count = state["promotion_count"]
        self.promotions = deque((Promoted(*promoted) for promoted in state["promotions"]), PROMOTION_COUNT_MAX)


def _commanded(reason: str) -> Choice:
    return Choice("", "command", reason, {})

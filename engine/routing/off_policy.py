"""Off-policy estimates: what each contender's decisions would have cost, from the outcomes of those that were served.

The feedback assumed is a bandit's: the loss of the decision that was served, and of no other. Each contender says what
it would have decided, and the router with which probability each arm answered, so the probability of the decision
itself is known: that of all arms which would have decided so. Where labels are full, the loss of every decision is
known, and the direct mean stands beside the estimates; it is exact, and they are not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from engine.messages import Answer, Score, Target
from engine.routing.moments import Moments

BIN_COUNT = 10
"""Bins of the control's score, within which the model of the doubly robust estimate keeps a mean per decision."""

_PRIOR = 0.5
_ANY_BIN = -1

Decision: TypeAlias = Target | None


class Logged(NamedTuple):
    """One routed event: who answered, by which probabilities, and what each contender would have decided.

    `score` is that of the control's answer.
    """

    arm: str
    propensities: Mapping[str, float]
    decisions: Mapping[str, Decision]
    score: Score | None


class Estimates:
    """The running estimates for one contender."""

    def __init__(self) -> None:
        self.direct = Moments()
        self.ips = Moments()
        self.robust = Moments()
        self.unsupported = 0

    def snapshot(self) -> list[Any]:
        """Return the state as plain data."""
        return [self.direct.snapshot(), self.ips.snapshot(), self.robust.snapshot(), self.unsupported]

    def restore(self, state: Sequence[Any]) -> None:
        """Take back what `snapshot` returned."""
        self.direct.restore(state[0])
        self.ips.restore(state[1])
        self.robust.restore(state[2])
        self.unsupported = state[3]


class OffPolicy:
    """Estimates the mean loss of each contender's decisions.

    With w = 1[d = served] / P(served), where d is the contender's decision, and q a model of the loss:

        ips = mean of w loss        dr = mean of q(x, d) + w (loss - q(x, served))

    Parameters
    ----------
    names
        The contenders.
    control
        Answers in the place of an arm that has no answer; its score is what the model sees of a request.
    loss
        Of a decision, in [0, 1]; it does not look at the score.

    Notes
    -----
    Both are unbiased where every decision is one that some arm might have served; `unsupported` counts the events where
    it is not. The model is the mean loss so far of each decision, in ten bins of the control's score: it has seen
    earlier events only, so it can make the doubly robust estimate narrower or, while it knows little, wider, and never
    biased. It is bounded by the classes times the bins. O(contenders + arms) per event. Standard errors are those of
    the mean of the terms.

    References
    ----------
    Horvitz and Thompson (1952), doi:10.1080/01621459.1952.10483446; Dudik, Erhan, Langford and Li (2014), Doubly robust
    policy evaluation and optimization. doi:10.1214/14-STS500
    """

    def __init__(self, names: Sequence[str], control: str, loss: Callable[[Answer, Target], float]) -> None:
        self._control = control
        self._loss = loss
        self._estimates = {name: Estimates() for name in names}
        self._model: dict[tuple[Decision, int], Moments] = {}
        self.unusable = 0

    def add(self, logged: Logged, target: Target) -> None:
        """Take one event whose truth is final."""
        chance_of = self._chances(logged)
        served = logged.decisions.get(logged.arm)
        if chance_of is None or logged.arm not in logged.decisions:
            self.unusable += 1
            return
        bin_of = _bin(logged.score)
        loss, chance = self._loss((served, 0.0), target), chance_of[served]
        expected = self._expected(served, bin_of)
        for name, estimates in self._estimates.items():
            if name not in logged.decisions:
                continue
            decision = logged.decisions[name]
            weight = 1.0 / chance if decision == served else 0.0
            estimates.unsupported += decision not in chance_of
            estimates.direct.add(self._loss((decision, 0.0), target))
            estimates.ips.add(weight * loss)
            estimates.robust.add(self._expected(decision, bin_of) + weight * (loss - expected))
        for place in (bin_of, _ANY_BIN):
            self._model.setdefault((served, place), Moments()).add(loss)

    def _chances(self, logged: Logged) -> dict[Decision, float] | None:
        """Return the probability of each decision that an arm might have served; None where that is not known."""
        found: dict[Decision, float] = {}
        for arm, chance in logged.propensities.items():
            by = arm if arm in logged.decisions else self._control
            if chance and by not in logged.decisions:
                return None
            if chance:
                decision = logged.decisions[by]
                found[decision] = found.get(decision, 0.0) + chance
        return found

    def _expected(self, decision: Decision, bin_of: int) -> float:
        """Return the mean loss of a decision in a bin so far, with one event of its mean anywhere, and that of 1/2."""
        expected = _PRIOR
        for place in (_ANY_BIN, bin_of):
            seen = self._model.get((decision, place))
            if seen is not None:
                expected = (expected + seen.mean * seen.count) / (1.0 + seen.count)
        return expected

    def read(self) -> dict[str, Any]:
        """Return the estimates by contender, fit for JSON."""
        return {
            name: {
                "matured": each.ips.count,
                "direct": each.direct.mean if each.direct.count else None,
                "ips": each.ips.mean if each.ips.count else None,
                "ips_error": each.ips.error,
                "dr": each.robust.mean if each.robust.count else None,
                "dr_error": each.robust.error,
                "unsupported": each.unsupported,
                "unusable": self.unusable,
            }
            for name, each in self._estimates.items()
        }

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "estimates": [[name, each.snapshot()] for name, each in self._estimates.items()],
            "model": [[decision, bin_of, seen.snapshot()] for (decision, bin_of), seen in self._model.items()],
            "unusable": self.unusable,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `snapshot` returned; a contender that is not in it begins here."""
        for name, kept in state["estimates"]:
            if name in self._estimates:
                self._estimates[name].restore(kept)
        self._model = {}
        for decision, bin_of, seen in state["model"]:
            self._model[decision, bin_of] = Moments()
            self._model[decision, bin_of].restore(seen)
        self.unusable = state["unusable"]


def _bin(score: Score | None) -> int:
    """Return the bin of a score: of the probability of the positive class, or of the likeliest of several."""
    if isinstance(score, dict):
        score = max(score.values(), default=0.0)
    if score is None:
        return 0
    return min(BIN_COUNT - 1, int(score * BIN_COUNT))

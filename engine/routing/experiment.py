"""What routing has shown: losses per arm on what was served, comparisons with the control, estimates off policy.

It follows the tape as challengers do, and reads the rows that were routed at the step where they count. Events at which
an arm could not answer are left out of the comparisons: the arms would be compared over different times. This file
reads answers and probabilities, and changes nothing of who answers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from engine.contender import Contender
from engine.evidence.losses import cost_weighted, zero_one
from engine.routing.comparison import AnyTime, ArmTally, chi_square, welch
from engine.routing.off_policy import Logged, OffPolicy
from engine.routing.router import Router
from engine.routing.rules import RoutingMode
from engine.tape import Row, Step
from engine.targets import Task


class Experiment:
    """The tallies of all arms.

    Parameters
    ----------
    router
        Shared the requests out.
    contenders
        The plan's; each is estimated off policy.
    task
        A number has no right and wrong, and no estimate off policy.
    costs
        What a false positive and a false negative cost, where that is known.
    """

    def __init__(
        self, router: Router, contenders: Sequence[Contender], task: Task, costs: tuple[float, float] | None
    ) -> None:
        rules = router.rules
        self._router = router
        self._contenders = contenders
        self._place = router.names.index(router.control.name)
        self._tallies = [ArmTally(rules.planned_count) for _ in router.arms]
        self._tests = [AnyTime(rules.effect) for _ in router.arms]
        self._compared = rules.mode is RoutingMode.AB
        self._classes = task is not Task.REGRESSION
        self._off_policy: OffPolicy | None = None
        if self._classes:
            loss = zero_one if costs is None else cost_weighted(*costs)
            names = [contender.name for contender in contenders]
            self._off_policy = OffPolicy(names, router.control.name, loss)

    def take(self, steps: Iterable[Step]) -> None:
        """Take the steps that every contender has taken."""
        final = self._router.final
        for kind, row, target, _ in steps:
            if kind is final and row.chances is not None:
                self._count(row, target)
                if self._off_policy is not None and row.served:
                    self._off_policy.add(self._logged(row), target)  # type: ignore[arg-type]

    def _count(self, row: Row, target: Any) -> None:
        number = self._router.number_of(row)
        if self._compared and not all(row.chances or ()):
            return
        answer = row.answer
        wrong = self._classes and answer[0] != target
        self._tallies[number].add(self._router.loss(answer, target), wrong=wrong)
        if self._compared:
            control = self._tallies[self._place].all
            for arm in range(len(self._tallies)) if number == self._place else (number,):
                if arm != self._place:
                    self._tests[arm].look(control, self._tallies[arm].all)

    def _logged(self, row: Row) -> Logged:
        """Return what is known of a routed row, for estimates off policy."""
        router = self._router
        answers = {each.name: row.served[each.slot] for each in self._contenders}
        decisions = {name: answer[0] for name, answer in answers.items() if answer is not None}
        control = answers[router.control.name]
        return Logged(row.stamp.model, router.shown(row), decisions, None if control is None else control[1])

    def read(self, *, resting: bool) -> dict[str, Any]:
        """Return everything there is to say, fit for JSON; `resting` says that the champion answers alone now."""
        router, rules = self._router, self._router.rules
        chances = [0.0] * len(router.arms) if resting else list(router.probabilities())
        return {
            "name": rules.experiment,
            "mode": rules.mode.value,
            "resting": resting,
            "control": router.control.name,
            "arms": {
                name: {
                    "propensity": chances[number],
                    "routed": router.routed[number],
                    "matured": tally.all.count,
                    "mean_loss": tally.all.mean if tally.all.count else None,
                }
                for number, (name, tally) in enumerate(zip(router.names, self._tallies, strict=True))
            },
            "comparisons": self._comparisons() if self._compared else None,
            "off_policy": None if self._off_policy is None else self._off_policy.read(),
        }

    def _comparisons(self) -> dict[str, Any]:
        names, rules = self._router.names, self._router.rules
        control = self._tallies[self._place]
        level = rules.alpha / (len(names) - 1)
        found = {}
        for number, name in enumerate(names):
            if number == self._place:
                continue
            tally, test = self._tallies[number], self._tests[number]
            both = control.all.count and tally.all.count
            found[name] = {
                "difference": tally.all.mean - control.all.mean if both else None,
                "level": level,
                "planned": rules.planned_count,
                **self._at_horizon(control, tally),
                "msprt": {"log_l": test.log_max, "p": test.p, "significant": test.p <= level},
            }
        return found

    def _at_horizon(self, control: ArmTally, tally: ArmTally) -> dict[str, Any]:
        """Return the fixed-horizon tests, or why they cannot be read."""
        planned = tally.planned_count
        if planned is None:
            return {"refused": "no planned_count was set before the start", "t_test": None, "chi_square": None}
        if min(control.first.count, tally.first.count) < planned:
            so_far = f"{control.first.count:,} and {tally.first.count:,} so far"
            refused = f"not before {planned:,} matured events per arm: {so_far}"
            return {"refused": refused, "t_test": None, "chi_square": None}
        t, df, p = welch(control.first, tally.first)
        squared = None
        if self._classes:
            statistic, chi_p = chi_square((planned, control.wrong), (planned, tally.wrong))
            squared = {"statistic": statistic, "p": chi_p}
        difference = tally.first.mean - control.first.mean
        found = {"t": t, "df": df, "p": p, "difference": difference}
        return {"refused": None, "t_test": found, "chi_square": squared}

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain data."""
        return {
            "tallies": [tally.snapshot() for tally in self._tallies],
            "tests": [test.log_max for test in self._tests],
            "off_policy": None if self._off_policy is None else self._off_policy.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what `snapshot` returned."""
        for tally, kept in zip(self._tallies, state["tallies"], strict=True):
            tally.restore(kept)
        for test, log_max in zip(self._tests, state["tests"], strict=True):
            test.log_max = log_max
        if self._off_policy is not None:
            self._off_policy.restore(state["off_policy"])

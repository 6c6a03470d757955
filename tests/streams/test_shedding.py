"""Shedding challengers: the costliest first, one at a time, and back when it has been level for long: by a script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.messages import Verb
from streams.shedding import Asked, Load, OverloadRules, Shedding

RULES = OverloadRules(backlog_max=1_000, after_s=10.0, level_s=600.0, share_min=0.25, calm_s=100.0, calm_s_max=1_600.0)


class Day:
    """A worker of whom only numbers are known: what its challengers cost each second, and what waits."""

    def __init__(self, costs: dict[str, float]) -> None:
        self.shedding = Shedding(RULES)
        self.costs = costs
        self.spent = dict.fromkeys(costs, 0.0)
        self.shed: list[str] = []
        self.now_s = 0.0
        self.said: list[tuple[float, Asked]] = []

    def pass_by(self, backlogs: Iterable[int]) -> None:
        """Let a second go by for each of these backlogs."""
        for backlog in backlogs:
            asked = self.shedding.look(Load(self.now_s, backlog, dict(self.spent), tuple(self.shed)))
            if asked is not None:
                self.said.append((self.now_s, asked))
                (self.shed.append if asked.verb is Verb.SHED else self.shed.remove)(asked.contender)
            for name in self.costs.keys() - set(self.shed):
                self.spent[name] += self.costs[name]
            self.now_s += 1.0

    def orders(self) -> list[tuple[float, str, str]]:
        return [(at, str(asked.verb), asked.contender) for at, asked in self.said]


def test_the_costliest_challenger_is_shed_after_the_named_time_and_the_reason_says_what_it_took() -> None:
    day = Day({"tree": 0.2, "forest": 0.61})
    day.pass_by([120_000] * 11)
    assert day.orders() == [(10.0, "shed", "forest")]
    assert day.said[0][1].reason == "120,000 records behind, this challenger took 61% of the time"


def test_another_one_goes_only_if_that_was_not_enough_and_it_costs_its_share() -> None:
    day = Day({"forest": 0.4, "tree": 0.3, "bayes": 0.1})
    day.pass_by([5_000] * 100)
    assert day.orders() == [(10.0, "shed", "forest"), (20.0, "shed", "tree")]


def test_a_backlog_that_was_short_for_a_moment_begins_the_time_anew() -> None:
    day = Day({"forest": 0.9})
    day.pass_by(([5_000] * 9 + [1_000]) * 20)
    assert day.orders() == []


def test_nobody_is_shed_who_costs_too_little_to_matter() -> None:
    day = Day({"bayes": 0.1, "tree": 0.1})
    day.pass_by([5_000] * 1_000)
    assert day.orders() == []


def test_a_backlog_that_will_soon_be_gone_sheds_nobody_and_one_that_shrinks_too_slowly_does() -> None:
    soon = Day({"forest": 0.9})
    soon.pass_by(range(60_000, 1_000, -200))
    assert soon.orders() == []
    slowly = Day({"forest": 0.9})
    slowly.pass_by(range(600_000, 590_000, -200))
    assert slowly.orders() == [(10.0, "shed", "forest")]


def test_they_come_back_one_by_one_the_cheapest_first_after_a_calm_time_each() -> None:
    day = Day({"forest": 0.5, "tree": 0.3})
    day.pass_by([5_000] * 21 + [100] * 400)
    assert day.orders() == [
        (10.0, "shed", "forest"),
        (20.0, "shed", "tree"),
        (121.0, "resume", "tree"),
        (221.0, "resume", "forest"),
    ]
    assert day.said[2][1].reason == "no more than 100 records behind for 100 s"


def test_a_backlog_between_level_and_behind_moves_nobody() -> None:
    day = Day({"forest": 0.5})
    day.pass_by([5_000] * 11 + [101] * 1_000)
    assert day.orders() == [(10.0, "shed", "forest")]


def test_whoever_has_to_go_again_waits_twice_as_long() -> None:
    day = Day({"forest": 0.9})
    day.pass_by(edge(day, 3_000))
    waits = [
        later - at
        for (at, verb, _), (later, _, _) in zip(day.orders(), day.orders()[1:], strict=False)
        if verb == "shed"
    ]
    assert [round(wait, -1) for wait in waits] == [100.0, 200.0, 400.0, 800.0]


def test_over_a_day_at_the_edge_the_switches_are_bounded() -> None:
    day = Day({"forest": 0.9})
    day.pass_by(edge(day, 86_400))
    doublings = 4
    bound = 2 * (doublings + 1 + 86_400 / RULES.calm_s_max)
    assert 20 < len(day.orders()) <= bound


def test_after_a_long_calm_the_pauses_are_as_at_first() -> None:
    day = Day({"forest": 0.9})
    day.pass_by(edge(day, 2_000))
    assert day.shedding.calm_s > RULES.calm_s
    day.pass_by([0] * 5_000)
    assert day.shed == []
    assert day.shedding.calm_s == RULES.calm_s


def edge(day: Day, seconds: int) -> Iterator[int]:
    """Yield backlogs of a worker that is level without its challenger, and behind with it."""
    for _ in range(seconds):
        yield 0 if day.shed else 5_000

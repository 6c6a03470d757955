"""Estimates off policy: right on average, narrower with a model, and what a plain average makes of the same log."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from random import Random
from statistics import fmean, stdev

from engine.evidence.losses import zero_one
from engine.routing.off_policy import Logged, OffPolicy
from engine.snapshot import decode, encode

STREAMS = 150
EVENTS = 300
GRID = [(number + 0.5) / 1_000 for number in range(1_000)]

Rule = Callable[[float], bool]


def chance_of_truth(x: float) -> float:
    return 0.9 * x * x + 0.05


RULES: dict[str, Rule] = {
    "control": lambda x: x > 0.5,
    "bold": lambda x: x > 0.2,
    "shadow": lambda x: x > 0.8 or x < 0.1,
}
"""The last one never answers: it is no arm. Where the arms agree it may decide as neither would."""

SUPPORTED: dict[str, Rule] = {**RULES, "shadow": lambda x: x > 0.4}


def mean_loss(rule: Rule) -> float:
    """Return what a rule costs on average, over all x, exactly enough."""
    return fmean(1.0 - chance_of_truth(x) if rule(x) else chance_of_truth(x) for x in GRID)


def logged(seed: int, rules: dict[str, Rule]) -> tuple[OffPolicy, dict[str, float]]:
    """Return the estimates from one log, and the plain mean loss where each decided as was served.

    The log's chances depend on x, so what is served where is no fair sample.
    """
    random, estimates = Random(seed), OffPolicy(list(rules), "control", zero_one)
    plain: dict[str, list[float]] = {name: [] for name in rules}
    for _ in range(EVENTS):
        x = random.random()
        truth = random.random() < chance_of_truth(x)
        bold = 0.1 + 0.8 * x
        arm = "bold" if random.random() < bold else "control"
        decisions = {name: rule(x) for name, rule in rules.items()}
        estimates.add(Logged(arm, {"control": 1.0 - bold, "bold": bold}, decisions, x), truth)
        for name, decision in decisions.items():
            if decision == decisions[arm]:
                plain[name].append(float(decision != truth))
    return estimates, {name: fmean(losses) for name, losses in plain.items()}


def z_of(values: list[float], truth: float) -> float:
    return (fmean(values) - truth) / (stdev(values) / sqrt(len(values)))


def test_both_estimates_are_unbiased_with_honest_errors_and_the_plain_average_is_not() -> None:
    logs = [logged(seed, SUPPORTED) for seed in range(STREAMS)]
    read = [estimates.read() for estimates, _ in logs]
    for name, rule in SUPPORTED.items():
        truth = mean_loss(rule)
        for kind in ("direct", "ips", "dr"):
            assert abs(z_of([each[name][kind] for each in read], truth)) < 3.5, (name, kind)
        for kind in ("ips", "dr"):
            spread = stdev([each[name][kind] for each in read])
            claimed = fmean(each[name][f"{kind}_error"] for each in read)
            assert 0.8 < claimed / spread < 1.25, (name, kind)
        # Where a rule is seldom wrong, there is little for a model to take away.
        narrower = {"bold": 0.8, "shadow": 0.95, "control": 1.05}[name]
        assert stdev([each[name]["dr"] for each in read]) < narrower * stdev([each[name]["ips"] for each in read])
        assert all(each[name]["unsupported"] == 0 for each in read)
    assert abs(z_of([plain["bold"] for _, plain in logs], mean_loss(SUPPORTED["bold"]))) > 5.0


def test_decisions_that_no_arm_makes_are_counted() -> None:
    estimates, _ = logged(1, RULES)
    read = estimates.read()
    assert read["bold"]["unsupported"] == 0
    assert 0 < read["shadow"]["unsupported"] < EVENTS


def test_an_arm_without_an_answer_leaves_its_chance_to_the_control_and_without_the_control_nothing_is_known() -> None:
    estimates = OffPolicy(["control", "bold"], "control", zero_one)
    both = {"control": 0.25, "bold": 0.75}
    estimates.add(Logged("control", both, {"control": True}, 0.5), False)
    assert estimates.read()["control"]["ips"] == 1.0, "the decision was certain, so its loss stands as it is"
    assert estimates.read()["bold"]["matured"] == 0
    estimates.add(Logged("bold", both, {"bold": True}, None), False)
    assert estimates.unusable == 1


def test_restored_from_a_snapshot_they_go_on_bit_for_bit() -> None:
    first, _ = logged(3, RULES)
    second = OffPolicy(list(RULES), "control", zero_one)
    second.restore(decode(encode(first.snapshot())))
    for each in (first, second):
        each.add(Logged("control", {"control": 1.0}, {"control": True, "bold": False}, {"a": 0.7}), True)
    assert second.snapshot() == first.snapshot()

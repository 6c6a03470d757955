"""Promotion where nothing is better: thousands of equal pairs, looked at after every event, may fool it so often only.

Two thousand seeded streams of each kind are judged by array arithmetic, which is held to our classes on some of them; a
few go through the engine. The number of promotions is compared with the 99.9 % quantile of the binomial at `alpha`, so
that a rule which promises too much fails here: a z-test that peeks does.
"""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from scipy.stats import binom, norm

from benchmarks.evidence_paths import FIXED, fixed_crossings, peeking_crossings, restarting_crossings
from benchmarks.paired_losses import (
    EQUAL,
    FRAUD_SHARE,
    Differences,
    as_reported,
    better_on_rare,
    independent,
    overtaken,
)
from engine.evidence.evidence import Evidence
from engine.evidence.rules import EvidenceRules
from engine.messages import Label, Message, Request
from engine.promotion_rules import PromotionMode
from tests.scripted import engine_of, rules_of, stream
from tests.worlds import DAY, HOUR

ALPHA = 0.05
STREAMS = 2_000
EVENTS = 2_000
RUN_LENGTH = 200
RUNS = 500
RUN_EVENTS = 1_200
WANTED = EvidenceRules("fixed", alpha=ALPHA).log_threshold(1)
BEARABLE = int(binom.ppf(0.999, STREAMS, ALPHA))

every_kind = pytest.mark.parametrize("kind", EQUAL)
every_test = pytest.mark.parametrize("test", FIXED)


def pairs(kind: str, streams: int, events: int) -> Differences:
    return EQUAL[kind](np.random.default_rng([list(EQUAL).index(kind), events]), streams, events)


def one_by_one(evidence: Evidence, differences: list[float], log_threshold: float) -> int:
    for d in differences:
        evidence.add(d)
        if evidence.log_e >= log_threshold:
            return evidence.count
    return 0


def said_by_the_classes(rules: EvidenceRules, d: Differences, log_threshold: float) -> list[int]:
    return [one_by_one(rules.make(), row.tolist(), log_threshold) for row in d]


SOME: dict[str, Differences] = {
    "better": independent(np.random.default_rng(1), 6, 400, 0.4, 0.3),
    "worse, then better": overtaken(np.random.default_rng(2), 6, 200, 200),
    "rare": better_on_rare(np.random.default_rng(3), 6, 600),
    **{kind: pairs(kind, 3, 300) for kind in EQUAL},
}


@pytest.mark.parametrize("kind", SOME)
def test_the_arrays_say_what_the_classes_say_event_by_event(kind: str) -> None:
    d, wanted = SOME[kind], np.log(4.0)
    for test in FIXED:
        if test != "mcnemar" or kind != "rare":
            rules = EvidenceRules("fixed", test)
            assert fixed_crossings(test, d, wanted).tolist() == said_by_the_classes(rules, d, wanted)
    wanted = np.log(60.0)
    assert restarting_crossings(d, wanted).tolist() == said_by_the_classes(EvidenceRules(), d, wanted)


@every_kind
def test_two_models_of_these_kinds_are_equal(kind: str) -> None:
    """Else the rest of this file would prove nothing."""
    d = pairs(kind, 500, 2_000)
    assert abs(d.mean()) < 4 * d.std() / np.sqrt(d.size)
    assert d.std() > 0.1


@every_kind
@every_test
def test_of_two_thousand_equal_pairs_no_more_are_promoted_than_was_promised(kind: str, test: str) -> None:
    d = pairs(kind, STREAMS, EVENTS)
    assert np.count_nonzero(fixed_crossings(test, d, WANTED)) <= BEARABLE


@every_kind
def test_a_z_test_that_peeks_breaks_the_promise(kind: str) -> None:
    d = pairs(kind, STREAMS, EVENTS)
    assert np.count_nonzero(peeking_crossings(d, norm.ppf(1 - ALPHA))) > 3 * BEARABLE


@every_test
def test_in_order_of_arrival_an_equal_pair_breaks_it_too(test: str) -> None:
    """Nothing about the tests is wrong then, but what they are shown: frauds are reported before the others mature."""
    d = as_reported(np.random.default_rng(4), 200, EVENTS)
    assert abs(d.mean()) < 0.1 * FRAUD_SHARE, "it is the same pair"
    assert np.count_nonzero(fixed_crossings(test, d, WANTED)) > 5 * binom.ppf(0.999, 200, ALPHA)


def decided(kind: str) -> Differences:
    """Return many streams of a kind without their ties, which are events, too, and only make runs longer."""
    random, found, count = np.random.default_rng([7, list(EQUAL).index(kind)]), [], 0
    while count < RUNS * RUN_EVENTS:
        d = EQUAL[kind](random, 100, 5_000)
        found.append(d[d != 0])
        count += found[-1].size
    return np.concatenate(found)[: RUNS * RUN_EVENTS].reshape(RUNS, RUN_EVENTS)


def mean_run(d: Differences, run_length: float) -> tuple[float, float]:
    """Return the mean number of events to a false promotion, no run longer than its stream, and its standard error."""
    crossings = restarting_crossings(d, EvidenceRules(run_length=run_length).log_threshold(1))
    run = np.where(crossings == 0, d.shape[1], crossings)
    return float(run.mean()), float(run.std() / np.sqrt(run.size))


@every_kind
def test_the_restarting_rule_keeps_its_run_length_and_asking_for_half_the_evidence_would_not(kind: str) -> None:
    d = decided(kind)
    mean, error = mean_run(d, RUN_LENGTH)
    assert mean + 3.1 * error >= RUN_LENGTH
    mean, error = mean_run(d, RUN_LENGTH / 2)
    assert mean + 3.1 * error < RUN_LENGTH


def test_of_several_equal_challengers_together_no_more_are_promoted_than_was_promised() -> None:
    challengers = 5
    wanted = EvidenceRules("fixed", alpha=ALPHA).log_threshold(challengers)
    random = np.random.default_rng(6)
    champion = random.random((500, EVENTS)) < 0.1
    any_of_them = np.zeros(500, dtype=bool)
    for _ in range(challengers):
        d = champion.astype(float) - (random.random(champion.shape) < 0.1)
        any_of_them |= fixed_crossings("betting", d, wanted) > 0
    assert np.count_nonzero(any_of_them) <= binom.ppf(0.999, 500, ALPHA)


def events_of(differences: list[float]) -> list[tuple[dict[str, float], bool]]:
    """Return events on which two models differ so: of the two, one says yes to a negative."""
    return [({"a": 0.9 if d > 0 else 0.1, "b": 0.9 if d < 0 else 0.1}, False) for d in differences]


@pytest.mark.parametrize("rule", ["fixed", "restarting"])
def test_through_the_engine_equal_models_are_promoted_as_seldom(rule: str) -> None:
    """The engine looks every 32 inputs, so it crosses no sooner than the arrays, and only where they do."""
    rules = rules_of(evidence=EvidenceRules(rule, alpha=ALPHA, run_length=2_000), epoch_inputs=32)
    d = np.concatenate([pairs(kind, 5, 600) for kind in EQUAL])
    promoted = [engine_of(rules).process(stream(events_of(row.tolist()))).promotions[:1] for row in d]
    wanted = rules.evidence.log_threshold(1)
    crossed = fixed_crossings("betting", d, wanted) if rule == "fixed" else restarting_crossings(d, wanted)
    for found, at in zip(promoted, crossed.tolist(), strict=True):
        assert not found or 0 < 2 * at <= found[0].position
    assert sum(map(bool, promoted)) <= binom.ppf(0.999, len(d), ALPHA)


def reported(seed: int, count: int) -> tuple[list[Message], list[float]]:
    """Return 1 event an hour with frauds that are reported late, or too late, and what matures of it, in order.

    One model misses frauds, the other alerts on as many others; a fraud reported after its day is none by policy.
    """
    random = Random(seed)
    arrivals: list[tuple[float, int, Message]] = []
    matured = []
    for index in range(count):
        now = index * HOUR
        fraud, wrong, lag = random.random() < 0.5, random.random() < 0.2, random.expovariate(1 / (12 * HOUR))
        shares = {"a": 0.1 if wrong or not fraud else 0.9, "b": 0.9 if wrong or fraud else 0.1}
        arrivals.append((now, 0, Request(index, shares, now)))
        if fraud:
            arrivals.append((now + lag, 1, Label(index, True, int(now + lag))))
        counts_as = fraud and int(now + lag) <= now + DAY
        losses = [(shares[name] > 0.5) != counts_as for name in "ab"]
        matured.append(float(losses[0] - losses[1]))
    return [message for *_, message in sorted(arrivals, key=lambda each: each[:2])], matured


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rule", ["fixed", "restarting"])
def test_with_late_labels_the_engine_has_the_evidence_of_the_matured_events_in_order(seed: int, rule: str) -> None:
    rules = rules_of(mode=PromotionMode.RECOMMEND, evidence=EvidenceRules(rule))
    engine = engine_of(rules, policy="negative_after(1d)")
    messages, matured = reported(seed, 400)
    engine.process(messages)
    standing = engine.summary().data["promotion"]["standings"]["b"]
    evidence = rules.evidence.make()
    for d in matured[: standing["matured"]]:
        evidence.add(d)
    assert standing["matured"] > 370
    assert standing["log_e"] == evidence.log_e

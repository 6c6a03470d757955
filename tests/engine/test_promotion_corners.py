"""Corners of promotion: a held baseline, a held champion of before, a bench, two in turn, and a margin below 0."""

from __future__ import annotations

from typing import Any

from engine import Command, Verb
from engine.evidence.rules import EvidenceRules
from engine.promotion_rules import PromotionMode
from tests.engine.test_promotion import because, noisy
from tests.scripted import engine_of, rules_of, stream


def says(**right: int) -> Any:
    """Return a positive event that these are right or wrong about."""
    return {name: (0.9 if each else 0.1) for name, each in right.items()}, True


def test_a_held_baseline_survives_a_snapshot() -> None:
    one, two = engine_of(rules_of(), baseline=True), engine_of(rules_of(), baseline=True)
    if one.command(Command(Verb.HOLD, "no_change")).commanded[0].refused is None:
        two.restore(one.snapshot())
        assert two.state_digest() == one.state_digest()


def test_harm_to_whom_a_command_holds_does_not_bar_the_others() -> None:
    engine = engine_of(rules_of(harm_run_length=50.0), others=("b", "c"))
    engine.process(stream([says(a=0, b=1, c=0)] * 40))
    engine.command(Command(Verb.HOLD, "a"))
    (promoted,) = engine.process(stream([says(a=1, b=0, c=1)] * 100, first=40)).promotions
    assert promoted.after == "c"


def test_after_a_bench_and_a_restore_the_summary_shows_no_old_evidence() -> None:
    engine = engine_of(rules_of(mode=PromotionMode.RECOMMEND))
    engine.process(stream([says(a=0, b=1)] * 30))
    engine.command(Command(Verb.BENCH, "b"))
    engine.command(Command(Verb.RESTORE, "b"))
    assert because(engine) is not None


def test_recommend_says_each_challenger_once_per_champion() -> None:
    engine = engine_of(rules_of(mode=PromotionMode.RECOMMEND), others=("b", "c"))
    events = [says(a=0, b=1, c=0)] * 5 + [says(a=0, b=(i // 16) % 2, c=1 - (i // 16) % 2) for i in range(400)]
    assert len(engine.process(stream(events)).recommended) <= 2


def test_a_margin_below_0_does_not_promote_to_and_fro() -> None:
    rules = rules_of(margin=-0.3, evidence=EvidenceRules(run_length=1_000), epoch_inputs=64)
    assert len(engine_of(rules).process(stream(noisy(3, 3_000, 0.1, 0.25))).promotions) <= 2

"""Promotion by evidence: when it takes effect, what it waits for, and what takes it back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Command, Engine, Label, Request, Verb
from engine.evidence.betting import Betting
from engine.evidence.restarting import Restarting
from engine.evidence.rules import EvidenceRules
from engine.messages import Message, Outcomes, Promoted
from engine.promotion import HARM
from engine.promotion_rules import PromotionMode, PromotionRules
from engine.snapshot import encode
from engine.targets import Task
from tests.scripted import engine_of, right, rules_of, stream
from tests.worlds import DAY, HOUR

BETTER = right("b", "a")
"""Only the challenger is right."""
WORSE = right("a", "b")


def events_until(evidence: Any, wanted: float) -> int:
    """Return how many events it takes on which only the challenger is right."""
    while evidence.log_e < wanted:
        evidence.add(1.0)
    return int(evidence.count)


def served(out: Iterable[Outcomes] | Outcomes) -> list[str]:
    outs = [out] if isinstance(out, Outcomes) else out
    return [prediction.model for each in outs for prediction in each.predictions]


def because(engine: Engine, name: str = "b") -> str | None:
    standing = engine.summary().data["promotion"]["standings"][name]
    assert standing["eligible"] == (standing["because"] is None)
    return standing["because"]  # type: ignore[no-any-return]


@given(epoch=st.integers(1, 40), before=st.integers(0, 40))
def test_what_is_seen_at_one_look_takes_effect_at_the_next(epoch: int, before: int) -> None:
    rules = rules_of(epoch_inputs=epoch)
    enough = events_until(Betting(), rules.evidence.log_threshold(1))
    engine = engine_of(rules)
    out = engine.process(stream([({"a": 0.9, "b": 0.9}, True)] * before + [BETTER] * (enough + 2 * epoch + 2)))
    label_at = 2 * (before + enough) - 1
    """The position of the label that made the evidence enough; a look at a position sees the steps before it."""
    seen_at = (label_at // epoch + 1) * epoch
    first = out.promotions[0]
    assert (first.position, first.before, first.after, first.rule) == (seen_at + epoch, "a", "b", "fixed")
    assert first.evidence is not None
    assert first.evidence["matured"] == seen_at // 2
    from_there = -(-first.position // 2)
    assert served(out) == ["a"] * from_there + ["b"] * (len(out.predictions) - from_there)
    assert first.reason.startswith(f"mean loss lower by {first.evidence['gain']:.4f} (")


def test_before_there_is_evidence_nobody_is_eligible_and_the_summary_says_why() -> None:
    rules = rules_of(
        mode=PromotionMode.RECOMMEND, matured_count_min=4, positive_count_min=6, span_ms_min=2 * HOUR, margin=0.5
    )
    engine = engine_of(rules)
    said = [because(engine)]
    for index in range(30):
        engine.process(stream([BETTER], first=index, step_ms=HOUR // 4))
        said.append(because(engine))
    steps = list(dict.fromkeys(str(each) for each in said))
    assert steps[0] == "0 of 4 matured events"
    assert steps[3:7] == [
        "3 of 4 matured events",
        "4 of 6 positives",
        "5 of 6 positives",
        "events of 75m, 2h are asked for",
    ]
    assert steps[-2].startswith("evidence e^")
    assert steps[-2].endswith(" of e^3.0")
    assert steps[-1] == "None"


@pytest.mark.parametrize(
    ("guard", "says"),
    [
        ({"calibration_gap_max": 0.05}, "its mean probability is off by -0.1000, 0.05 is allowed"),
        ({"alert_ratio_max": 2.0}, "it alerts on 100.00% of the latest events, the champion on 0.00%"),
    ],
)
def test_a_guardrail_holds_back_who_has_all_the_evidence(guard: dict[str, float], says: str) -> None:
    engine = engine_of(rules_of(**guard))
    out = engine.process(stream([BETTER] * 200))
    assert because(engine) == says
    assert out.promotions == []


def test_a_held_challenger_is_not_promoted_until_it_is_allowed() -> None:
    engine = engine_of(rules_of())
    assert engine.command(Command(Verb.HOLD, "b")).commanded[0].refused is None
    assert engine.process(stream([BETTER] * 100)).promotions == []
    assert because(engine) == "held by command"
    assert engine.command(Command(Verb.ALLOW, "b")).commanded[0].refused is None
    assert because(engine) is None
    (promoted,) = engine.process(stream([BETTER] * 16, first=100)).promotions
    assert promoted.position == 208


def test_who_is_held_between_look_and_effect_is_not_promoted() -> None:
    rules = rules_of(epoch_inputs=40)
    engine = engine_of(rules)
    messages = stream([BETTER] * 60)
    engine.process(messages[:70])
    engine.command(Command(Verb.HOLD, "b"))
    assert engine.process(messages[70:]).promotions == []


def test_who_is_held_leaves_the_place_to_the_next_best() -> None:
    engine = engine_of(rules_of(), others=("b", "c"))
    engine.command(Command(Verb.HOLD, "b"))
    both = [right("b", "a", "c")] * 2 + [({"a": 0.1, "b": 0.9, "c": 0.9}, True)] * 60
    (promoted,) = engine.process(stream(both)).promotions
    assert promoted.after == "c"


def test_a_bench_ends_what_was_gathered_and_is_said() -> None:
    engine = engine_of(rules_of(matured_count_min=20))
    engine.process(stream([BETTER] * 19))
    engine.command(Command(Verb.BENCH, "b"))
    assert because(engine) == "benched (by command)"
    engine.command(Command(Verb.RESTORE, "b"))
    assert engine.process(stream([BETTER] * 19, first=19)).promotions == []
    assert because(engine) == "19 of 20 matured events"


def test_who_is_benched_between_look_and_effect_is_not_promoted() -> None:
    engine = engine_of(rules_of(epoch_inputs=40))
    messages = stream([BETTER] * 60)
    engine.process(messages[:70])
    engine.command(Command(Verb.BENCH, "b"))
    assert engine.process(messages[70:]).promotions == []


def test_a_command_that_changes_the_champion_begins_all_evidence_anew() -> None:
    engine = engine_of(rules_of(), others=("b", "c"))
    engine.process(stream([({"a": 0.1, "b": 0.9, "c": 0.1}, True)] * 8))
    engine.command(Command(Verb.PROMOTE, "c"))
    standings = engine.summary().data["promotion"]["standings"]
    assert {name: each["matured"] for name, each in standings.items()} == {"a": 0, "b": 0}
    engine.process(stream([({"a": 0.9, "b": 0.9, "c": 0.1}, True)] * 4, first=8))
    standings = engine.summary().data["promotion"]["standings"]
    assert {name: each["matured"] for name, each in standings.items()} == {"a": 4, "b": 4}


def test_what_was_requested_before_a_change_counts_for_nobody_after_it() -> None:
    """Its answers were given under another champion, and may have been chosen by what they were."""
    engine = engine_of(rules_of(), policy="wait(1d)", others=("b", "c"))
    engine.process([Request(index, {"a": 0.1, "b": 0.9, "c": 0.1}, 0) for index in range(9)])
    engine.command(Command(Verb.PROMOTE, "c"))
    engine.process([Label(index, True, 1) for index in range(9)])
    engine.process([Request(9, {"a": 0.1, "b": 0.9, "c": 0.1}, 2 * DAY)])
    assert engine.scorer.join.ledger.learned == 9
    assert engine.summary().data["promotion"]["standings"]["b"]["matured"] == 0


def test_recommend_says_it_once_and_a_person_decides() -> None:
    engine = engine_of(rules_of(mode=PromotionMode.RECOMMEND))
    out = engine.process(stream([BETTER] * 200))
    (said,) = out.recommended
    assert (said.challenger, said.champion, said.rule) == ("b", "a", "fixed")
    assert said.evidence["log_e"] >= said.evidence["log_threshold"]  # type: ignore[operator]
    assert out.promotions == []
    assert set(served(out)) == {"a"}
    engine.command(Command(Verb.PROMOTE, "b"))
    assert engine.process(stream([BETTER] * 200, first=200)).recommended == []
    engine.command(Command(Verb.ROLLBACK))
    (again,) = engine.process(stream([BETTER] * 200, first=400)).recommended
    assert again.challenger == "b"


def noisy(seed: int, count: int, champion: float, challenger: float) -> list[tuple[dict[str, float], bool]]:
    """Return events on which the two err independently, so often."""
    random = Random(seed)
    events = []
    for _ in range(count):
        target = random.random() < 0.5
        events.append(
            (
                {
                    name: (0.9 if target else 0.1) if random.random() >= rate else (0.1 if target else 0.9)
                    for name, rate in (("a", champion), ("b", challenger))
                },
                target,
            )
        )
    return events


@pytest.mark.parametrize(
    ("evidence", "loss"),
    [
        (EvidenceRules("fixed", "mcnemar"), "zero_one"),
        (EvidenceRules("fixed", "betting"), "zero_one"),
        (EvidenceRules("fixed", "betting"), "brier"),
        (EvidenceRules("fixed", "bernstein"), "brier"),
        (EvidenceRules("restarting", run_length=1_000), "zero_one"),
        (EvidenceRules("restarting", run_length=1_000), "brier"),
    ],
)
def test_a_planted_better_challenger_is_promoted_and_stays(evidence: EvidenceRules, loss: str) -> None:
    rules = rules_of(evidence=evidence, loss=loss, matured_count_min=100, positive_count_min=30, epoch_inputs=64)
    engine = engine_of(rules)
    (promoted,) = engine.process(stream(noisy(1, 900, 0.3, 0.1))).promotions
    assert (promoted.before, promoted.after, promoted.rule) == ("a", "b", evidence.rule)
    assert promoted.evidence is not None
    assert promoted.evidence["matured"] >= 100  # type: ignore[operator]
    assert engine.learner.champion.name == "b"


class Says:
    """Answers a number or a class as it is; the champion's and the challenger's differ, and neither learns."""

    def __init__(self, answer: float | str) -> None:
        self.answer = answer

    def predict_one(self, x: dict[str, float]) -> float | str:
        return self.answer

    def learn_one(self, x: dict[str, float], y: float | str) -> None:
        """Learn nothing."""


@pytest.mark.parametrize(
    ("task", "rules", "answers", "target"),
    [
        (Task.REGRESSION, rules_of(loss_max=10.0), (7.0, 6.0), 5.0),
        (Task.MULTICLASS, rules_of(), ("red", "green"), "green"),
        (Task.MULTICLASS, rules_of(evidence=EvidenceRules("fixed", "mcnemar")), ("red", "green"), "green"),
    ],
)
def test_numbers_and_classes_are_compared_too_and_know_no_positives(
    task: Task, rules: PromotionRules, answers: tuple[Any, Any], target: Any
) -> None:
    engine = engine_of(
        replace(rules, positive_count_min=1_000_000),
        task=task,
        classes=(),
        positive=None,
        champion=Says(answers[0]),
        challengers={"b": Says(answers[1])},
    )
    messages: list[Message] = [
        each for index in range(400) for each in (Request(index, {"x": 1.0}), Label(index, target))
    ]
    (promoted,) = engine.process(messages).promotions
    assert promoted.after == "b"
    assert promoted.evidence is not None
    assert promoted.evidence["positives"] is None
    assert promoted.evidence["gain"] == pytest.approx(0.1 if task is Task.REGRESSION else 1.0)


def test_a_promotion_that_does_harm_is_taken_back_and_the_old_champion_answers() -> None:
    rules = rules_of(harm_run_length=500.0)
    enough = events_until(Restarting(), EvidenceRules(run_length=500.0).log_threshold(1))
    engine = engine_of(rules)
    out = engine.process(stream(noisy(2, 300, 0.3, 0.02)))
    (there,) = out.promotions
    start = engine.position // 2
    back = engine.process(stream([WORSE] * 60, first=start)).promotions[0]
    assert (back.before, back.after, back.rule) == ("b", "a", HARM)
    assert back.reason.startswith("the promotion did harm: mean loss lower by 1.0000 on the latest ")
    assert back.evidence is not None
    assert back.evidence["test"] == "harm"
    assert enough <= back.position // 2 - start <= enough + 60 // 2
    assert [there.after, back.after] == [each["to"] for each in engine.summary().data["promotions"]][:2]


def test_harm_is_watched_only_after_a_promotion_on_evidence() -> None:
    engine = engine_of(rules_of(evidence=EvidenceRules("fixed", alpha=1e-30), harm_run_length=2.0))
    engine.command(Command(Verb.PROMOTE, "b"))
    assert engine.process(stream([WORSE] * 60)).promotions == [], "a person wanted it"


def test_harm_does_not_bring_back_whom_a_command_holds() -> None:
    engine = engine_of(rules_of(harm_run_length=50.0))
    assert engine.process(stream(noisy(2, 300, 0.3, 0.02))).promotions[0].after == "b"
    engine.command(Command(Verb.HOLD, "a"))
    assert engine.process(stream([WORSE] * 100, first=300)).promotions == []


def test_evidence_that_was_gathered_survives_a_snapshot_between_look_and_effect() -> None:
    rules, messages = rules_of(epoch_inputs=40), stream([BETTER] * 60)
    whole = engine_of(rules)
    expected = whole.process(messages)
    for cut in (0, 41, 79, 80, 81):
        first, second = engine_of(rules), engine_of(rules)
        said = first.process(messages[:cut]).promotions
        second.restore(first.snapshot())
        assert said + second.process(messages[cut:]).promotions == expected.promotions
        assert second.state_digest() == whole.state_digest()


def late_world(seed: int, order: Random | None = None) -> list[Message]:
    """Return 120 requests, an hour apart; each day at noon come the labels of the day before, in an order or another.

    A fifth of the frauds is never reported, and nobody reports that something was none.
    """
    random, messages = Random(seed), list[Message]()
    waiting: list[Message] = []
    for index in range(120):
        now = index * HOUR
        if index % 24 == 12:
            if order is not None:
                order.shuffle(waiting)
            messages += waiting
            waiting = []
        fraud = random.random() < 0.4
        shares = {name: random.choice([0.1, 0.3, 0.6, 0.9]) for name in "ab"}
        messages.append(Request(index, shares, now))
        if fraud and random.random() < 0.8:
            waiting.append(Label(index, True, None))
    return messages


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32), loss=st.sampled_from(["zero_one", "brier"]))
def test_the_order_in_which_labels_come_within_their_window_leaves_the_evidence_unchanged(seed: int, loss: str) -> None:
    found = []
    for order in (None, Random(seed + 1)):
        engine = engine_of(rules_of(loss=loss, evidence=EvidenceRules(run_length=2.0)), policy="negative_after(2d)")
        out = engine.process(late_world(seed, order))
        found.append(
            encode([engine.promotion.snapshot(), engine.promotion.standings(), [list(p) for p in out.promotions]])
        )
        assert out.promotions or engine.promotion.standings()["b"]["matured"]
    assert found[0] == found[1]


def reported_early(policy: str, seed: int) -> Outcomes:
    """Return what is said of two models of equal error: one misses frauds, the other alerts on as many others.

    A fraud is reported after an hour. That an event was none is known after thirty days, when a label says so.
    """
    random = Random(seed)
    arrivals: list[tuple[int, int, Message]] = []
    for index in range(1_500):
        now = index * HOUR // 2
        fraud = random.random() < 0.5
        wrong = random.random() < 0.2
        shares = {"a": 0.1 if wrong or not fraud else 0.9, "b": 0.9 if wrong or fraud else 0.1}
        arrivals.append((now, 0, Request(index, shares, now)))
        known = now + (HOUR if fraud else 30 * DAY)
        arrivals.append((known, 1, Label(index, fraud, known)))
    rules = rules_of(evidence=EvidenceRules("fixed", "mcnemar", alpha=0.001))
    arrivals = [each for each in arrivals if each[0] <= 1_500 * HOUR // 2]
    engine = engine_of(rules, policy=policy) if policy else engine_of(rules)
    return engine.process([message for *_, message in sorted(arrivals, key=lambda each: each[:2])])


def test_in_order_of_arrival_an_equal_model_looks_better_and_matured_it_does_not() -> None:
    """Without a horizon labels count as they come: of the latest month only the frauds are known."""
    seeds = range(5)
    assert [len(reported_early("", seed).promotions[:1]) for seed in seeds] == [1] * 5
    assert [reported_early("wait(31d)", seed).promotions for seed in seeds] == [[]] * 5


def test_a_promotion_and_its_evidence_are_plain_data() -> None:
    engine = engine_of(rules_of())
    (promoted,) = engine.process(stream([BETTER] * 40)).promotions
    assert isinstance(promoted, Promoted)
    (kept,) = engine.summary().data["promotions"]
    assert kept["evidence"] == promoted.evidence
    encode(kept)


def test_rules_that_are_off_gather_nothing() -> None:
    engine = engine_of(PromotionRules())
    assert engine.process(stream([BETTER] * 300)).promotions == []
    assert engine.summary().data["promotion"] is None

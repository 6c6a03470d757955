"""A rival takes exactly the steps that the contender took, in order, and is compared on the events both answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.evidence.losses import zero_one
from engine.messages import Answer
from engine.reactions.gated import Gated, GatedReaction
from engine.reactions.pool import Pool
from engine.reactions.reaction import Entry
from engine.reactions.spec import Rules
from engine.reactions.standby import Standby
from engine.tape import StepKind
from tests.wings import Breaks, Counts, Wings

PREDICT, LEARN, RELEARN, MATURE, DROP = StepKind
SEEDS = st.integers(0, 2**32)
finals = pytest.mark.parametrize("final", [LEARN, MATURE], ids=["counted as labelled", "counted once matured"])

RULES: dict[str, Rules] = {
    "gated": Gated(alpha=0.9, lookback_count=6, trial_count=12, buffer_count=25, pace=2),
    "gated, no lookback": Gated(alpha=0.9, lookback_count=0, trial_count=12, buffer_count=25, pace=3),
    "pool": Pool(size=2, audition_count=5, lookback_count=4, buffer_count=12, pace=2),
    "standby": Standby(every_count=3, life_count=9, alpha=0.9),
}
every_reaction = pytest.mark.parametrize("rules", RULES.values(), ids=RULES.keys())


@dataclass
class World:
    """Steps as a stream has them: requests, labels late or never, windows that close, rows that are dropped."""

    random: Random
    final: StepKind
    asked: int = 0
    pending: list[int] = field(default_factory=list)
    labelled: list[tuple[int, bool]] = field(default_factory=list)

    def step(self, place: Wings) -> None:
        """Have the place take one step that may come now, and now and then be told of a warning or a drift."""
        draw = self.random.random()
        if draw < 0.04:
            place.reaction.warn(place.when)
        elif draw < 0.07:
            place.reaction.drift(place.when, f"e{self.asked}")
        draw = self.random.random()
        if self.final is MATURE and self.labelled and draw < 0.3:
            index, target = self.labelled.pop(0)
            place.take(MATURE, index, target)
        elif self.pending and draw < 0.55:
            index = self.pending.pop(self.random.randrange(len(self.pending)))
            ends = self.random.random()
            if ends < 0.1:
                place.take(DROP, index)
            elif ends < 0.15:
                place.take(RELEARN, index, True)
                place.take(DROP, index)
            else:
                target = self.random.random() < (0.8 if self.asked // 60 % 2 else 0.2)
                place.take(LEARN, index, target)
                self.labelled.append((index, target))
        else:
            place.take(PREDICT, self.asked)
            self.pending.append(self.asked)
            self.asked += 1


def by_hand(entries: list[Entry], final: StepKind) -> tuple[Counts, int, float]:
    """Return a fresh model that took these steps, and how it compares: the oracle."""
    model, answers, count, gain = Counts(), {}, 0, 0.0
    answers: dict[int, Answer] = {}
    for kind, index, x, target, served in entries:
        if kind is PREDICT:
            answers[index] = model.predict(x or {})
        if kind is final and index in answers and served is not None:
            assert target is not None
            count += 1
            gain += zero_one(served, target) - zero_one(answers[index], target)
        if kind in {LEARN, RELEARN}:
            model.learn(x or {}, target or False, 1.0)
    return model, count, gain


def begun_at(log: list[Entry], rules: Gated) -> int:
    """Return where in the log the steps begin that a trial, begun now, takes again."""
    begin, labels = len(log), 0
    while begin > 0 and labels < rules.lookback_count and len(log) - begin < rules.buffer_count:
        begin -= 1
        labels += log[begin].kind is LEARN
    return begin


@finals
@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_a_rival_on_trial_is_a_fresh_model_that_took_the_same_steps(final: StepKind, seed: int) -> None:
    rules = Gated(alpha=0.01, lookback_count=6, trial_count=1_000, rival_count=1, buffer_count=25, pace=2)
    place, world = Wings(rules, final), World(Random(seed), final)
    for _ in range(Random(seed).randrange(120)):
        world.step(place)
    if "forked" not in place.steps:
        place.reaction.warn(place.when)
        begin = begun_at(place.log, rules)
        for _ in range(80):
            world.step(place)
        reaction = place.reaction
        assert isinstance(reaction, GatedReaction)
        (rival,) = reaction._rehearsal.rivals
        model, count, gain = by_hand(place.log[begin:], final)
        assert reaction._rehearsal.is_live
        assert rival.mind.model.snapshot() == model.snapshot()
        assert (rival.count, rival.gain) == (count, gain)
        assert rival.evidence is not None
        assert rival.evidence.count == count


@every_reaction
@finals
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_every_rival_was_fresh_once_and_is_compared_as_by_hand(rules: Rules, final: StepKind, seed: int) -> None:
    """Whenever it joined: from its first step on it took all, or, of the past, only answered."""
    place, world = Wings(rules, final), World(Random(seed), final)
    for _ in range(200):
        world.step(place)
        rehearsal = place.reaction._rehearsal  # type: ignore[attr-defined]
    for rival in rehearsal.rivals if rehearsal.is_live else ():
        steps = rival.mind.model.steps
        if rival._learns and len(steps) < 60:
            begin = len(place.log)
            while len(by_hand(place.log[begin:], final)[0].steps) < len(steps):
                begin -= 1
            model, count, gain = by_hand(place.log[begin:], final)
            assert model.steps == steps
            # The model that was replaced took steps before it was a rival, and those are not compared.
            if rival is not getattr(place.reaction, "_before", None):
                assert (rival.count, rival.gain) == (count, gain)


@every_reaction
@finals
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_the_model_in_the_place_has_taken_every_step_since_it_was_there_or_tried(
    rules: Rules, final: StepKind, seed: int
) -> None:
    """Whatever was swapped when: the model's own list of steps ends in the steps of the contender."""
    place, world = Wings(rules, final), World(Random(seed), final)
    for _ in range(250):
        world.step(place)
    taken = [
        ["predict", entry.x["at"]] if entry.kind is PREDICT else ["learn", entry.x["at"], entry.target]
        for entry in place.log
        if entry.x is not None
    ]
    model = place.mind.model
    assert isinstance(model, Counts)
    learned = [step for step in model.steps if step[0] == "learn"]
    if isinstance(rules, Pool):
        # A model of the past does not learn while it is in the past.
        assert [step for step in taken if step in learned] == learned
    else:
        assert model.steps == taken[len(taken) - len(model.steps) :]


@every_reaction
@finals
@given(seed=SEEDS, cut=st.integers(0, 300))
@settings(max_examples=25, deadline=None)
def test_a_reaction_restored_anywhere_goes_on_as_if_nothing_had_happened(
    rules: Rules, final: StepKind, seed: int, cut: int
) -> None:
    place, world = Wings(rules, final), World(Random(seed), final)
    for _ in range(cut):
        world.step(place)
    restored = Wings(rules, final)
    restored.restore(place.snapshot())
    assert restored.snapshot() == place.snapshot()
    said = len(place.said)
    mark = len(place.log)
    # The same steps for both: whoever is told first writes them down for the other.
    draws = Random(seed + 1)
    for _ in range(80):
        if draws.random() < 0.1:
            place.reaction.drift(place.when, "late")
            restored.reaction.drift(restored.when, "late")
        world.step(Twice(place, restored))  # type: ignore[arg-type]
    assert place.said[said:] == restored.said
    assert place.log[mark:] == restored.log[mark:]
    assert restored.snapshot() == place.snapshot()


class Twice:
    """Two places that are told the same."""

    def __init__(self, first: Wings, second: Wings) -> None:
        self._both = (first, second)
        self.reaction = self

    @property
    def when(self) -> object:
        return self._both[0].when

    def take(self, kind: StepKind, index: int, target: bool | None = None) -> None:
        for place in self._both:
            place.take(kind, index, target)

    def warn(self, when: object) -> None:
        for place in self._both:
            place.reaction.warn(place.when)

    def drift(self, when: object, episode: str) -> None:
        for place in self._both:
            place.reaction.drift(place.when, episode)


@every_reaction
@finals
@given(seed=SEEDS)
@settings(max_examples=10, deadline=None)
def test_a_rival_keeps_answers_only_of_rows_that_have_not_ended(rules: Rules, final: StepKind, seed: int) -> None:
    place, world = Wings(rules, final), World(Random(seed), final)
    for _ in range(300):
        world.step(place)
        waiting = {*world.pending, *(index for index, _ in world.labelled if final is MATURE)}
        rehearsal = place.reaction._rehearsal  # type: ignore[attr-defined]
        if rehearsal.is_live:
            for rival in rehearsal.rivals:
                assert rival._answers.keys() <= waiting


@every_reaction
def test_what_is_on_trial_is_let_go_when_the_contender_is_benched_and_its_steps_with_it(rules: Rules) -> None:
    place = Wings(rules)
    place.events(*[False] * 20)
    place.reaction.drift(place.when, "e1")
    place.events(*[True] * 2)
    place.take(PREDICT, 900)
    place.reaction.halt(place.when)
    rehearsal = place.reaction._rehearsal  # type: ignore[attr-defined]
    assert rehearsal.rivals == []
    said = len(place.said)
    place.reaction.drift(place.when, "e2")
    place.events(*[True] * 3)
    for rival in rehearsal.rivals:
        assert ["learn", 0.0, False] not in rival.mind.model.steps
    assert all(reason != "the contender was benched" for _, _, reason in place.said[said:])


def test_a_rival_that_raises_is_out_and_the_stream_goes_on() -> None:
    place = Wings(RULES["gated"], make=Breaks)
    place.events(*[False] * 4)
    place.reaction.warn(place.when)
    place.events(*[True] * 6)
    assert place.said == [
        ("forked", None, "the loss may be rising: a fresh model learns from the recent events"),
        ("dropped", None, "the other model failed (RuntimeError: had enough)"),
    ]
    assert place.mind.model.counts == [4, 6]  # type: ignore[attr-defined]

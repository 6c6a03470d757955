"""Each step a reaction can take, reached, with the sentence it says; and what it never does."""

from __future__ import annotations

import re
from random import Random

import pytest

from engine.drift.detector import Verdict
from engine.errors import ConfigError
from engine.models.spec import parse_detector
from engine.reactions.gated import Gated
from engine.reactions.plain import Forget, Reset
from engine.reactions.pool import Pool
from engine.reactions.spec import Rules, parse_reaction, reaction_of
from engine.reactions.standby import Standby
from engine.tape import StepKind
from tests.wings import Breaks, Counts, Wings

GATED = Gated(alpha=0.2, lookback_count=5, trial_count=40, buffer_count=100, pace=3)


def drift(place: Wings, episode: str = "model#1") -> None:
    place.reaction.drift(place.when, episode)


def warn(place: Wings) -> None:
    place.reaction.warn(place.when)


def test_a_gated_swap_is_forked_at_the_warning_made_on_evidence_and_kept_where_nothing_speaks_against_it() -> None:
    place = Wings(GATED)
    old = place.mind.model
    place.events(*[False] * 60)
    warn(place)
    place.events(*[True] * 5)
    drift(place)
    place.events(*[True] * 30)
    assert place.mind.model is not old
    place.events(*[True] * 80)
    forked, swapped, kept = place.said
    assert forked == ("forked", None, "the loss may be rising: a fresh model learns from the recent events")
    assert swapped[:2] == ("swapped", "model#1")
    assert re.fullmatch(r"mean loss lower by 0\.\d{4} on the same \d+ events", swapped[2])
    assert kept == ("kept", "model#1", "no evidence in 40 events for the other")


def test_a_drift_without_a_warning_begins_the_trial_itself() -> None:
    place = Wings(GATED)
    drift(place)
    assert place.said == [
        ("forked", None, "the loss has risen: a fresh model learns from the recent events"),
    ]


def test_a_gated_reaction_never_swaps_without_a_confirmed_drift_however_much_better_the_other_is() -> None:
    place = Wings(GATED)
    old = place.mind.model
    place.events(*[False] * 60)
    for _ in range(60):
        warn(place)
        place.events(True)
    assert place.mind.model is old
    assert set(place.steps) == {"forked", "dropped"}
    assert ("dropped", None, "no evidence in 40 events for the other") in place.said


def test_a_drift_that_comes_after_the_evidence_confirms_it() -> None:
    place = Wings(GATED)
    place.events(*[False] * 60)
    warn(place)
    place.events(*[True] * 30)
    assert place.steps == ["forked"]
    drift(place)
    place.events(True)
    assert place.steps == ["forked", "swapped"]


def test_a_gated_reaction_does_not_swap_for_a_model_that_is_no_better() -> None:
    """20 trials under no difference to speak of: at most as many swaps as alpha allows, with room for chance."""
    swaps = 0
    for seed in range(20):
        random, place = Random(seed), Wings(GATED)
        place.events(*[random.random() < 0.3 for _ in range(60)])
        drift(place)
        place.events(*[random.random() < 0.3 for _ in range(45)])
        assert place.steps[0] == "forked"
        swaps += "swapped" in place.steps
    assert swaps <= 8


def test_a_swap_that_did_harm_is_rolled_back() -> None:
    place = Wings(GATED)
    old = place.mind.model
    place.events(*[False] * 60)
    drift(place)
    place.events(*[True] * 25)
    assert place.steps == ["forked", "swapped"]
    assert place.mind.model is not old
    place.events(*[False] * 30)
    assert place.steps == ["forked", "swapped", "rolled_back"]
    assert re.fullmatch(r"mean loss lower by 0\.\d{4} on the same \d+ events", place.said[-1][2])
    assert place.mind.model is old
    assert old.counts[0] == 90, "the model before went on learning in the wings"  # type: ignore[attr-defined]


def test_a_second_drift_in_a_probation_is_followed_by_young_models_beside_the_model_before() -> None:
    place = Wings(GATED)
    old = place.mind.model
    place.events(*[False] * 60)
    drift(place)
    place.events(*[True] * 60)
    drift(place, "model#2")
    place.events(*[False] * 2)
    assert place.mind.model is not old
    rivals = place.reaction._rehearsal.rivals  # type: ignore[attr-defined]
    assert any(rival.mind.model.counts == [2, 0] for rival in rivals)
    place.events(*[False] * 30)
    assert place.steps == ["forked", "swapped", "swapped"]
    assert place.said[-1][1] == "model#2"


def test_no_more_rivals_are_on_trial_than_the_rules_say_and_the_model_before_is_the_last_to_go() -> None:
    place = Wings(GATED)
    old = place.mind.model
    place.events(*[False] * 60)
    drift(place)
    place.events(*[True] * 25)
    for number in range(12):
        drift(place, f"model#{number}")
        place.events(True)
        rivals = place.reaction._rehearsal.rivals  # type: ignore[attr-defined]
        assert len(rivals) <= GATED.rival_count
        assert any(rival.mind.model is old for rival in rivals)


def test_one_rival_is_enough_where_the_rules_say_one() -> None:
    place = Wings(Gated(alpha=0.2, lookback_count=5, trial_count=40, rival_count=1))
    place.events(*[False] * 60)
    drift(place)
    for _ in range(60):
        place.events(True)
        assert len(place.reaction._rehearsal.rivals) <= 1  # type: ignore[attr-defined]
    assert place.steps == ["forked", "swapped", "kept"]


def test_a_reset_begins_anew_at_every_drift_and_at_nothing_else() -> None:
    place = Wings(Reset())
    place.events(*[False] * 20)
    warn(place)
    assert place.mind.model.counts == [20, 0]  # type: ignore[attr-defined]
    drift(place)
    assert place.mind.model.counts == [0, 0]  # type: ignore[attr-defined]
    assert place.said == [("reset", "model#1", "begins anew")]


def test_forgetting_keeps_a_share_of_the_same_model() -> None:
    place = Wings(Forget(keep=0.25))
    old = place.mind.model
    drift(place)
    assert place.mind.model is old
    assert old.steps == [["forget", 0.25]]  # type: ignore[attr-defined]
    assert place.said == [("forgot", "model#1", "keeps 25% of what it had learned")]


POOL = Pool(size=2, audition_count=20, lookback_count=5, lead=6.0)


def test_a_pool_takes_a_fresh_model_for_what_is_new_and_the_past_one_for_what_comes_back() -> None:
    place = Wings(POOL)
    first = place.mind.model
    place.events(*[False] * 40)
    drift(place)
    assert place.said == [("forked", "model#1", "a fresh model and 0 of the past are tried")]
    place.events(*[True] * 20)
    assert place.steps == ["forked", "reset"]
    assert place.said[-1][2].startswith("a fresh model: its losses sum to ")
    place.events(*[True] * 20)
    known = first.counts[:]  # type: ignore[attr-defined]
    drift(place, "model#2")
    place.events(*[False] * 10)
    assert place.steps == ["forked", "reset", "forked", "reinstated"]
    assert place.said[-2][2] == "a fresh model and 1 of the past are tried"
    assert re.fullmatch(
        r"a model of the past: its losses sum to \d+\.\d less since it began to lead, within \d+ events",
        place.said[-1][2],
    )
    assert place.mind.model is first
    assert place.recurring == 1
    assert first.counts[0] < known[0] + 10, "it learns from where it was reinstated, not while it was tried"  # type: ignore[attr-defined]


def test_a_pool_keeps_who_is_there_where_no_other_did_better() -> None:
    place = Wings(POOL)
    old = place.mind.model
    place.events(*[False] * 40)
    drift(place)
    place.events(*[False] * 30)
    assert place.said[-1] == ("kept", "model#1", "none of 1 others did better")
    assert place.mind.model is old


def test_a_pool_holds_no_more_models_than_it_may_and_lets_the_oldest_go() -> None:
    place = Wings(POOL)
    for number in range(8):
        place.events(*[bool(number % 2)] * 30)
        drift(place, f"model#{number}")
    assert len(place.reaction._past) <= POOL.size  # type: ignore[attr-defined]


def test_a_model_of_the_past_that_raises_is_tried_once_and_never_again() -> None:
    class Forgetful(Counts):
        """Cannot answer a second time."""

        def predict(self, x: object) -> tuple[bool, float]:
            if sum(self.counts) == 40 and place.said:
                msg = "what was it again"
                raise RuntimeError(msg)
            return super().predict(x)  # type: ignore[arg-type]

    place = Wings(POOL)
    place.mind = place.mind._replace(model=Forgetful())
    place.events(*[False] * 40)
    place.reaction._past.append(place.mind)  # type: ignore[attr-defined]
    place.mind = place.fresh()
    drift(place)
    assert place.said[-1][2] == "a fresh model and 1 of the past are tried"
    place.events(*[True] * 30)
    assert all(not isinstance(mind.model, Forgetful) for mind in place.reaction._past)  # type: ignore[attr-defined]


STANDBY = Standby(every_count=10, life_count=50, alpha=0.5)


def test_a_standby_takes_the_place_on_evidence_alone_and_gives_it_back_where_that_did_harm() -> None:
    place = Wings(STANDBY)
    old = place.mind.model
    place.events(*[False] * 105)
    place.events(*[True] * 40)
    assert place.steps == ["swapped"]
    place.events(*[False] * 40)
    assert place.steps == ["swapped", "rolled_back"]
    assert place.mind.model is old
    assert place.said[0][1] is None


def test_a_standby_names_the_episode_that_a_detector_opened() -> None:
    place = Wings(STANDBY)
    place.events(*[False] * 105)
    drift(place)
    place.events(*[True] * 40)
    assert place.said[0][:2] == ("swapped", "model#1")


def test_no_more_standbys_are_alive_than_life_and_spacing_say_however_late_their_events_count() -> None:
    place = Wings(STANDBY, StepKind.MATURE)
    for index in range(1_000):
        place.take(StepKind.PREDICT, index)
        place.take(StepKind.LEARN, index, False)
        assert len(place.reaction._rehearsal.rivals) <= 5  # type: ignore[attr-defined]


def test_a_standby_that_raises_is_let_go() -> None:
    place = Wings(STANDBY, make=Breaks)
    place.events(*[False] * 100)
    assert place.said == []
    assert all(rival.failed is None for rival in place.reaction._rehearsal.rivals)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gated(alpha=1)", "alpha must be between 0 and 1, got 1"),
        ("gated(trial_count=0)", "trial_count must be a whole number of at least 1, got 0"),
        ("gated(rival_count=0)", "rival_count must be a whole number of at least 1, got 0"),
        ("gated(pace=1)", "pace must be a whole number of at least 2, got 1"),
        ("standby(every_count=2.5)", "every_count must be a whole number of at least 1, got 2.5"),
        ("pool(lead=0)", "lead must be a positive number, got 0"),
        ("pool(size=0)", "size must be a whole number of at least 1, got 0"),
        ("forget(keep=1)", "keep must be at least 0 and less than 1, got 1"),
        ("gated(0.1)", "give the values of a reaction by name"),
        ("wait()", "there is no such reaction; there are none, reset, forget, gated, standby, pool"),
        ("gated(beta=1)", "gated takes alpha, lookback_count"),
        ("gated", "a reaction is none, or a call of reset, forget, gated, standby, pool, such as gated()"),
        ("gated(alpha='x')", "'<' not supported"),
    ],
)
def test_what_a_reaction_cannot_be_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        parse_reaction(text)


def test_a_reaction_is_ones_own_or_that_of_all_or_none() -> None:
    pairs = [(None, "gated(alpha=0.01)"), ("tree", "none")]
    assert reaction_of("nb", pairs) == Gated(alpha=0.01)
    assert reaction_of("tree", pairs) is None
    assert reaction_of("tree", []) is None


@pytest.mark.parametrize("rules", [Gated(), Standby(), Pool()], ids=["gated", "standby", "pool"])
def test_on_steady_streams_hardly_anything_is_swapped_where_a_reset_is_at_every_false_alarm(rules: Rules) -> None:
    """Errors at a steady rate, and a detector that cries often: the evidence does not believe it."""
    swaps = alarms = 0
    for seed in range(6):
        random, place = Random(seed), Wings(rules)
        detector = parse_detector("ecdd(errors_min=0)", seed=0, name="t").detector
        for _ in range(1_500):
            target = random.random() < 0.05
            place.events(target)
            answer = place.served[len(place.served) - 1]
            verdict = detector.update(float(answer[0] != target))
            if verdict is Verdict.DRIFT:
                alarms += 1
                drift(place)
            elif verdict is Verdict.WARNING:
                warn(place)
        swaps += sum(step in {"swapped", "reset", "reinstated", "rolled_back"} for step in place.steps)
    assert alarms >= 6
    assert swaps == 0

"""An episode opens at the first signal, is characterised, and closes: one change, however many alarms."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.drift.episode_rules import LENGTH_LIMIT, EpisodeRules
from engine.drift.episodes import EPISODE_COUNT_MAX, Episodes
from engine.errors import ConfigError
from engine.messages import Episode
from engine.snapshot import decode, encode
from engine.tape import Moment

RULES = EpisodeRules(settle_count=300, quiet_count=600, length_count_max=2_000)


def run(episodes: Episodes, begin: int, end: int, signals: set[int], seed: int = 1) -> list[Episode]:
    """Show values whose rate rises at 2,000, with signals at some places; return what is said."""
    random, said = Random(f"{seed}:{begin}"), []
    for place in range(begin, end):
        moment = Moment(2 * place, place, None)
        said += episodes.see(float(random.random() < (0.5 if place >= 2_000 else 0.1)), moment)
        if place in signals:
            said += episodes.signal("model.loss", moment)[1]
    return said


def test_an_episode_is_opened_characterised_and_closed_at_its_places() -> None:
    said = run(Episodes("model", RULES), 0, 4_000, {2_100, 2_250, 2_400})
    assert [(state.stage, state.request_index) for state in said] == [
        ("opened", 2_100),
        ("characterised", 2_400),
        ("closed", 3_000),
    ]
    assert {state.episode for state in said} == {"model#1"}
    assert {state.opened_index for state in said} == {2_100}
    closed = said[-1]
    assert (closed.kind, closed.closed_index) == ("sudden", 3_000)
    assert closed.onset_index == pytest.approx(2_000, abs=60)
    assert closed.severity == pytest.approx(0.4, abs=0.1)
    assert said[0].kind is None


def test_a_signal_joins_the_episode_that_is_open_and_after_it_opens_the_next() -> None:
    episodes = Episodes("model", RULES)
    run(episodes, 0, 2_101, {2_100})
    name, said = episodes.signal("model.misses", Moment(0, 2_101, None))
    assert (name, said) == ("model#1", [])
    run(episodes, 2_101, 5_000, set())
    assert episodes.open is None
    name, (opened,) = episodes.signal("model.misses", Moment(0, 5_000, None))
    assert (name, opened.watched, opened.stage) == ("model#2", "model.misses", "opened")
    assert episodes.open == opened
    assert [state.episode for state in episodes.kept] == ["model#1", "model#2"]


def test_an_episode_ends_at_its_length_though_signals_never_rest() -> None:
    said = run(Episodes("model", RULES), 0, 8_500, set(range(2_100, 8_500, 50)))
    closed = [state for state in said if state.stage == "closed"]
    assert [state.closed_index for state in closed] == [4_100, 6_100, 8_100]
    assert len({state.episode for state in said}) == 4


def test_the_baseline_of_the_next_episode_is_the_new_level() -> None:
    """A second, smaller rise after the first: measured from where the first one left the loss."""
    episodes, random = Episodes("model", RULES), Random(5)
    said = []
    for place in range(9_000):
        rate = 0.1 if place < 2_000 else 0.6 if place < 6_000 else 0.8
        moment = Moment(place, place, None)
        said += episodes.see(float(random.random() < rate), moment)
        if place in {2_100, 6_100}:
            said += episodes.signal("model.loss", moment)[1]
    first, second = (state for state in said if state.stage == "closed")
    assert first.severity == pytest.approx(0.5, abs=0.07)
    assert second.severity == pytest.approx(0.2, abs=0.07)
    assert second.onset_index == pytest.approx(6_000, abs=150)


def test_what_rises_on_and_on_stays_open_and_is_characterised_again() -> None:
    episodes, random, said = Episodes("model", EpisodeRules(300, 600, 5_000)), Random(2), []
    for place in range(8_000):
        rate = 0.1 + 0.6 * min(1.0, max(0.0, (place - 2_000) / 4_000))
        moment = Moment(place, place, None)
        said += episodes.see(float(random.random() < rate), moment)
        if place == 2_900:
            said += episodes.signal("model.loss", moment)[1]
    stages = [(state.stage, state.kind) for state in said[1:]]
    assert ("characterised", "incremental") in stages[1:]
    assert stages[-1] == ("closed", "gradual")
    assert said[-1].width == pytest.approx(4_000, abs=1_500)


def test_a_recurring_episode_says_so_from_its_next_stage_on() -> None:
    episodes = Episodes("model", RULES)
    episodes.mark_recurring()
    run(episodes, 0, 2_101, {2_100})
    episodes.mark_recurring()
    said = run(episodes, 2_101, 3_000, set())
    assert [state.kind for state in said] == ["recurring", "recurring"]
    run(episodes, 3_000, 3_001, {3_000})
    assert run(episodes, 3_001, 3_400, set())[0].kind != "recurring"


@settings(max_examples=15, deadline=None)
@given(cut=st.integers(0, 4_500), seed=st.integers(0, 99), signals=st.sets(st.integers(1_500, 4_400), max_size=5))
def test_episodes_restored_anywhere_say_the_same(cut: int, seed: int, signals: set[int]) -> None:
    whole, before, after = (Episodes("model", RULES) for _ in range(3))
    run(whole, 0, cut, signals, seed=seed)
    run(before, 0, cut, signals, seed=seed)
    after.restore(decode(encode(before.snapshot())))
    assert after.snapshot() == before.snapshot()
    assert run(after, cut, 4_500, signals, seed=seed) == run(whole, cut, 4_500, signals, seed=seed)
    assert after.snapshot() == whole.snapshot()
    assert (after.kept, after.open, after.count) == (whole.kept, whole.open, whole.count)


def test_no_more_episodes_are_kept_than_the_bound() -> None:
    episodes = Episodes("model", EpisodeRules(1, 1, 1))
    for place in range(EPISODE_COUNT_MAX + 10):
        moment = Moment(place, place, None)
        episodes.see(0.0, moment)
        episodes.signal("model.loss", moment)
    assert episodes.count == EPISODE_COUNT_MAX + 10
    assert len(episodes.kept) == EPISODE_COUNT_MAX


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0, 600, 2_000), "settle_count must be between 1 and length_count_max"),
        ((300, 2_001, 2_000), "quiet_count must be between 1 and length_count_max"),
        ((300, 600, LENGTH_LIMIT + 1), f"length_count_max must be at most {LENGTH_LIMIT}"),
    ],
)
def test_rules_that_cannot_be_kept_to_are_refused(values: tuple[int, int, int], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        EpisodeRules(*values)

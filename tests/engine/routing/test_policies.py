"""Shares and bandits: probabilities that add up, regret that stops growing, old rewards that fade."""

from __future__ import annotations

from collections import deque
from itertools import accumulate
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.routing.policies import Bandit, EpsilonGreedy, Policy, Shares, Thompson
from engine.snapshot import decode, encode

LATE = 50
"""Requests until a reward comes."""


@given(
    rewards=st.lists(st.tuples(st.integers(0, 2), st.floats(0.0, 1.0)), max_size=60),
    able=st.lists(st.booleans(), min_size=3, max_size=3).filter(any),
    memory=st.sampled_from([None, 2, 30]),
)
def test_probabilities_add_up_and_every_arm_that_can_answer_is_tried(
    rewards: list[tuple[int, float]], able: list[bool], memory: int | None
) -> None:
    for made in (EpsilonGreedy, Thompson):
        bandit = made(3, 0.06, memory)
        for arm, reward in rewards:
            bandit.credit(arm, reward)
        found = bandit.probabilities(able)
        assert sum(found) == pytest.approx(1.0)
        least = 0.06 / sum(able)
        assert all(p >= least * (1 - 1e-9) if can else p == 0.0 for p, can in zip(found, able, strict=True))
        again = made(3, 0.06, memory)
        again.restore(decode(encode(bandit.snapshot())))
        assert again.probabilities(able) == found


def test_the_share_of_an_arm_that_cannot_answer_goes_to_the_control() -> None:
    shares = Shares((0.2, 0.5, 0.3), control=1)
    assert shares.probabilities([True, True, True]) == (0.2, 0.5, 0.3)
    assert shares.probabilities([False, True, True]) == pytest.approx((0.0, 0.7, 0.3))
    assert shares.probabilities([False, True, False]) == (0.0, 1.0, 0.0)


def test_equals_go_to_the_first_and_a_better_arm_takes_over() -> None:
    greedy = EpsilonGreedy(2, 0.1, None)
    assert greedy.probabilities([True, True]) == pytest.approx((0.95, 0.05))
    greedy.credit(1, 1.0)
    assert greedy.probabilities([True, True]) == pytest.approx((0.05, 0.95))


def regret_of(policy: Policy, seed: int, count: int, gains: tuple[float, float], *, swapped: bool = False) -> list[int]:
    """Return at which requests the worse arm answered; rewards come `LATE` requests later."""
    random, late, worse = Random(seed), deque[tuple[int, float]](), []
    for index in range(count):
        if len(late) == LATE:
            policy.credit(*late.popleft())
        chances = list(accumulate(policy.probabilities([True, True])))
        arm = int(random.random() >= chances[0])
        means = gains[::-1] if swapped and index >= count // 2 else gains
        late.append((arm, float(random.random() < means[arm])))
        if means[arm] < max(means):
            worse.append(index)
    return worse


@pytest.mark.parametrize("made", [EpsilonGreedy, Thompson])
def test_with_late_rewards_regret_grows_ever_more_slowly_and_stays_far_below_that_of_chance(
    made: type[Bandit],
) -> None:
    count, streams = 2_400, 12
    worse = [at for seed in range(streams) for at in regret_of(made(2, 0.05, None), seed, count, (0.6, 0.8))]
    quarters = [sum(count * q // 4 <= at < count * (q + 1) // 4 for at in worse) for q in range(4)]
    assert quarters[3] < quarters[0] / 2
    assert len(worse) < streams * count / 2 / 3, "an even chance errs at every second request"
    even = [at for seed in range(3) for at in regret_of(Shares((0.5, 0.5), 0), seed, count, (0.6, 0.8))]
    assert len(even) > 3 * count / 2 / 1.2


def test_a_bandit_with_a_memory_follows_a_change_and_one_without_is_long_held_by_its_past() -> None:
    count, streams = 3_000, 8

    def late_errors(memory: int | None) -> float:
        worse = [
            at
            for seed in range(streams)
            for at in regret_of(Thompson(2, 0.05, memory), seed, count, (0.6, 0.8), swapped=True)
        ]
        return sum(at >= count * 3 // 4 for at in worse) / (streams * count / 4)

    assert late_errors(200) < 0.25
    assert late_errors(None) > 2 * late_errors(200)

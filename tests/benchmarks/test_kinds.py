"""Kinds are named rightly on made streams; `benchmarks/kinds.py` asks it of 500."""

from __future__ import annotations

from random import Random

from benchmarks.kinds import about, make, measure

STREAM_COUNT = 60
RIGHT_SHARE = 0.9


def critical(count: int, share: float, alpha: float = 0.001) -> int:
    """Return the fewest right of so many that are still likely, where each is right with this probability."""
    probability, cumulative = (1.0 - share) ** count, 0.0
    for right in range(count + 1):
        cumulative += probability
        if cumulative > alpha:
            return right
        probability *= (count - right) / (right + 1) * share / (1.0 - share)
    return count


def test_nine_in_ten_named_kinds_are_right_and_most_changes_are_named() -> None:
    found = about(list(measure(STREAM_COUNT)))
    assert found["streams"] == STREAM_COUNT
    assert found["right"] >= critical(found["decided"], RIGHT_SHARE)
    assert found["decided"] >= STREAM_COUNT // 2
    assert found["onset"]["median"] <= 100
    assert found["width"]["median"] <= 300


def test_a_bound_that_can_fail_lies_between_chance_and_what_is_promised() -> None:
    """Naming by lot, one in five right, is refused."""
    assert critical(50, RIGHT_SHARE) > 0.7 * 50
    random = Random(1)
    assert sum(random.random() < 0.2 for _ in range(50)) < critical(50, RIGHT_SHARE)


def test_a_stream_is_a_function_of_its_seed() -> None:
    assert make(7) == make(7)
    assert make(7) != make(12)

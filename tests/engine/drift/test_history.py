"""The past in buckets says of every place what a list of all values would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.drift.history import LossHistory
from engine.snapshot import decode, encode

VALUES = st.lists(st.tuples(st.integers(-1_000, 1_000), st.integers(1, 5)), max_size=80)
SIZES = st.tuples(st.integers(1, 7), st.integers(1, 9))


def told(values: list[tuple[int, int]], size: int, count: int) -> tuple[LossHistory, list[int]]:
    """Return a history that took these (value, step of the index) pairs, and the index of each value."""
    history, indices, index = LossHistory(size, count), [], 0
    for value, step in values:
        index += step
        indices.append(index)
        history.add(float(value), index)
    return history, indices


@given(values=VALUES, sizes=SIZES, from_place=st.integers(0, 90))
def test_means_are_those_of_the_full_buckets_still_kept_that_begin_at_the_place_or_later(
    values: list[tuple[int, int]], sizes: tuple[int, int], from_place: int
) -> None:
    size, count = sizes
    history, _ = told(values, size, count)
    begins = range(0, len(values) - size + 1, size)[-count:]
    expected = [sum(value for value, _ in values[at : at + size]) / size for at in begins if at >= from_place]
    place, means = history.means(from_place)
    assert means == expected
    assert history.count == len(values)
    assert history.first_place == (begins[0] if begins else 0)
    if means:
        assert place == next(at for at in begins if at >= from_place)


@given(values=VALUES, sizes=SIZES)
def test_the_index_at_the_first_value_of_a_kept_bucket_is_that_values_own_and_between_two_it_never_falls(
    values: list[tuple[int, int]], sizes: tuple[int, int]
) -> None:
    size, count = sizes
    history, indices = told(values, size, count)
    for at in range(history.first_place, len(values), size):
        assert history.index_at(at) == indices[at]
    found = [history.index_at(place / 4) for place in range(4 * (len(values) + 3))]
    assert found == sorted(found)
    assert all(index in range(indices[0], indices[-1] + 1) for index in found) if indices else found == [0] * len(found)


@given(values=VALUES, sizes=SIZES, cut=st.integers(0, 80))
def test_a_restored_history_goes_on_as_if_nothing_had_happened(
    values: list[tuple[int, int]], sizes: tuple[int, int], cut: int
) -> None:
    whole, _ = told(values, *sizes)
    before, indices = told(values[:cut], *sizes)
    after = LossHistory(*sizes)
    after.restore(decode(encode(before.snapshot())))
    index = indices[-1] if indices else 0
    for value, step in values[cut:]:
        index += step
        after.add(float(value), index)
    assert after.snapshot() == whole.snapshot()

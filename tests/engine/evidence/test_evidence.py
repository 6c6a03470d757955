"""What all evidence has in common, on every kind there is."""

from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.evidence.bernstein import Bernstein
from engine.evidence.betting import Betting
from engine.evidence.confidence import ConfidenceSequence
from engine.evidence.evidence import Evidence
from engine.evidence.mcnemar import McNemar
from engine.evidence.restarting import Restarting
from engine.snapshot import decode, encode

KINDS: list[Callable[[], Evidence]] = [McNemar, Betting, Bernstein, Restarting]
differences = st.lists(st.sampled_from([-1.0, 0.0, 1.0]), max_size=60)
fractions = st.lists(st.floats(-1.0, 1.0), max_size=60)

every_kind = pytest.mark.parametrize("make", KINDS)


def filled(make: Callable[[], Any], values: list[float]) -> Any:
    evidence = make()
    for d in values:
        evidence.add(d)
    return evidence


def sequence() -> ConfidenceSequence:
    return ConfidenceSequence(0.05)


@pytest.mark.parametrize("make", [*KINDS, sequence])
@given(before=differences, after=differences)
def test_restored_from_a_snapshot_it_goes_on_bit_for_bit(
    make: Callable[[], Any], before: list[float], after: list[float]
) -> None:
    first = filled(make, before)
    second = make()
    second.restore(decode(encode(first.snapshot())))
    for d in after:
        first.add(d)
        second.add(d)
    assert second.snapshot() == first.snapshot()
    if make is not sequence:
        assert second.log_e == first.log_e


@pytest.mark.parametrize("make", [*KINDS, sequence])
@given(before=differences, after=differences)
def test_a_snapshot_does_not_change_with_what_it_was_taken_of(
    make: Callable[[], Any], before: list[float], after: list[float]
) -> None:
    evidence = filled(make, before)
    taken = evidence.snapshot()
    kept = encode(taken)
    for d in after:
        evidence.add(d)
    assert encode(taken) == kept


@pytest.mark.parametrize("make", [*KINDS, sequence])
@given(before=differences)
def test_a_restart_makes_it_as_new(make: Callable[[], Any], before: list[float]) -> None:
    evidence = filled(make, before)
    evidence.restart()
    assert evidence.snapshot() == make().snapshot()


@pytest.mark.parametrize("make", [*KINDS, sequence])
@pytest.mark.parametrize("d", [1.0000001, -1.5, inf, -inf, nan])
def test_a_difference_out_of_range_is_refused_and_changes_nothing(make: Callable[[], Any], d: float) -> None:
    evidence = filled(make, [1.0, -1.0, 0.0])
    before = evidence.snapshot()
    with pytest.raises(ValueError, match=r"differences? of .*losses.*, got"):
        evidence.add(d)
    assert evidence.snapshot() == before


def test_mcnemar_refuses_what_is_between_a_right_and_a_wrong_answer() -> None:
    with pytest.raises(ValueError, match=r"got 0\.5: use betting"):
        McNemar().add(0.5)


@every_kind
@given(values=differences)
def test_every_difference_is_counted(make: Callable[[], Evidence], values: list[float]) -> None:
    assert filled(make, values).count == len(values)


@pytest.mark.parametrize("make", [McNemar, Betting, Bernstein])
def test_evidence_with_one_start_is_one_before_anything_happened(make: Callable[[], Evidence]) -> None:
    assert make().log_e == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("make", [McNemar, Betting, Restarting])
@given(values=differences)
def test_ties_say_nothing(make: Callable[[], Evidence], values: list[float]) -> None:
    assert filled(make, values).log_e == filled(make, [d for d in values if d]).log_e


@pytest.mark.parametrize("make", [McNemar, Betting, Restarting])
@given(values=differences, at=st.integers(0, 59))
def test_a_win_in_the_place_of_a_loss_is_never_less_evidence(
    make: Callable[[], Evidence], values: list[float], at: int
) -> None:
    if at >= len(values):
        return
    won, lost = list(values), list(values)
    won[at], lost[at] = 1.0, -1.0
    assert filled(make, won).log_e > filled(make, lost).log_e


@every_kind
def test_a_long_stream_of_wins_overflows_nothing(make: Callable[[], Evidence]) -> None:
    evidence = filled(make, [1.0] * 5_000)
    assert 1_000.0 < evidence.log_e < inf


@every_kind
def test_a_long_stream_of_losses_leaves_a_finite_logarithm(make: Callable[[], Evidence]) -> None:
    evidence = filled(make, [-1.0] * 5_000)
    assert -inf < evidence.log_e < 5.0


def test_after_a_bad_past_restarting_sees_a_gain_long_before_one_start_does() -> None:
    past = [-1.0, 0.0, 1.0, -1.0] * 2_000
    gain = [1.0, 0.0, 1.0, -1.0, 1.0] * 100
    assert filled(Restarting, past + gain).log_e > 20.0
    assert filled(Betting, past + gain).log_e < 0.0


def test_without_any_difference_there_is_no_restarting_evidence() -> None:
    found = filled(Restarting, [0.0] * 1_000)
    assert (found.count, found.log_e) == (1_000, -inf)


@given(values=fractions)
def test_bernstein_rests_on_the_sum_and_on_the_spread_around_the_mean_before(values: list[float]) -> None:
    count, gain, spread = filled(Bernstein, values).snapshot()
    centres = [sum(values[:k]) / k if k else 0.0 for k in range(len(values))]
    assert count == len(values)
    assert gain == pytest.approx(sum(values), abs=1e-12)
    assert spread == pytest.approx(sum((d - c) ** 2 for d, c in zip(values, centres, strict=True)), abs=1e-12)

"""Times and durations: magnitudes name units, ISO is UTC unless it says otherwise, and nothing is guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, MessageError
from engine.event_time import parse_duration, parse_event_time, show_duration

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOMENT_S = 1_700_000_000


@pytest.mark.parametrize("factor", [1, 1_000, 1_000_000, 1_000_000_000])
@pytest.mark.parametrize("form", [int, float, str, lambda n: f" {n}.0 ", np.int64, np.float64])
def test_magnitude_names_the_unit(factor: int, form: object) -> None:
    """The same moment in s, ms, us or ns, as number or as text, is the same event time."""
    assert parse_event_time(form(_MOMENT_S * factor)) == _MOMENT_S * 1_000  # type: ignore[operator]


@given(
    st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1)),  # noqa: DTZ001 - naive by intent
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from(["T", " "]),
)
def test_iso_text_equals_exact_arithmetic(naive: datetime, offset_min: int, between: str) -> None:
    """An ISO text is its exact distance from the epoch, rounded down to ms; its offset is honoured; naive is UTC."""
    aware = naive.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
    assert parse_event_time(aware.isoformat(between)) == (aware - _EPOCH) // timedelta(milliseconds=1)
    assert parse_event_time(aware) == parse_event_time(aware.isoformat())
    in_utc = (naive.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
    assert parse_event_time(naive.isoformat(between)) == in_utc
    assert parse_event_time(naive.isoformat() + "Z") == in_utc


@given(st.integers(-(10**13), 10**13))
def test_seconds_with_three_decimals_keep_their_millisecond(time_ms: int) -> None:
    """Float seconds lose no millisecond to binary fractions, as number and as text."""
    if abs(time_ms) < 10**14:
        assert parse_event_time(time_ms / 1_000) == time_ms
        assert parse_event_time(f"{time_ms / 1_000:.3f}") == time_ms


def test_dates_are_midnight_utc() -> None:
    """A date, as text or as object, is its midnight in UTC."""
    assert parse_event_time("2024-01-01") == parse_event_time(date(2024, 1, 1)) == 1_704_067_200_000


def test_a_bare_number_is_never_a_calendar_date() -> None:
    """Eight digits are unix seconds, as documented, however much they look like a date."""
    assert parse_event_time("20240101") == 20_240_101_000


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "yesterday",
        "2024-13-01",
        "1_700_000_000",
        "\u0661\u0667",
        "nan",
        "inf",
        "1e999",
        b"1",
        None,
        True,
        1j,
        [1],
        float("nan"),
        float("inf"),
        10**20,
        -(10**20),
        pytest.param(10**5_000, id="5000 digits"),
        pytest.param("9" * 5_000, id="5000 digits as text"),
    ],
)
def test_what_is_no_time_is_refused_when_decoded(value: object) -> None:
    """Everything else is `bad_time` at stage decode, with a short sentence, however large the value."""
    with pytest.raises(MessageError) as refused:
        parse_event_time(value)
    assert (refused.value.reason, refused.value.stage) == ("bad_time", "decode")
    assert len(refused.value.detail) < 250


@given(st.integers(0, 10**14 - 1))
def test_durations_read_back_as_shown(duration_ms: int) -> None:
    """`parse_duration` undoes `show_duration`."""
    assert parse_duration(show_duration(duration_ms)) == duration_ms


@pytest.mark.parametrize(
    ("text", "expected_ms"),
    [
        ("7d", 604_800_000),
        ("90m", 5_400_000),
        ("1.5h", 5_400_000),
        ("500ms", 500),
        ("2 w", 1_209_600_000),
        ("0.001s", 1),
    ],
)
def test_durations_have_units(text: str, expected_ms: int) -> None:
    """Weeks to milliseconds, whole or decimal."""
    assert parse_duration(text) == expected_ms


@pytest.mark.parametrize(
    "value", ["7", 7, 3600.0, "", "d", "-1d", "1.5.0h", "7 days", "0.5ms", "1e3s", "\u0663d", None, "9" * 30 + "w"]
)
def test_a_duration_without_a_unit_is_refused_with_the_remedy(value: object) -> None:
    """Nobody can tell seconds from milliseconds in a bare number, so it is refused."""
    with pytest.raises(ConfigError, match="a duration is"):
        parse_duration(value)

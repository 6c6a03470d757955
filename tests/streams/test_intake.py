"""The intake: in which order records are taken, and that who asks for the same runs gets the same records."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.intake import PASSED_OVER_MAX, Arrival, Input, Intake, Kind, Reading, runs_of
from streams.journal import Run
from streams.log_port import Entry, LogError, OffsetError
from streams.memory_log import MemoryLog

INPUTS = (
    Input("requests", 0, Kind.REQUEST),
    Input("requests", 1, Kind.REQUEST),
    Input("labels", 0, Kind.LABEL),
    Input("commands", 0, Kind.COMMAND),
)
TIMES = {Kind.REQUEST: "ts", Kind.LABEL: "at"}
START_MS = 1_700_000_000_000


def log_of(**values: Sequence[bytes]) -> MemoryLog:
    """Return a log; `requests` go to partition 0, `others` to partition 1."""
    log = MemoryLog()
    log.create_topic("requests", 2)
    log.create_topic("labels", 1)
    log.create_topic("commands", 1)
    for name, lines in values.items():
        topic, partition = ("requests", 1) if name == "others" else (name, 0)
        log.append(topic, partition, [Entry(None, line) for line in lines])
    return log


def intake_of(log: MemoryLog, offsets: Sequence[int] = (0, 0, 0, 0)) -> Intake:
    return Intake(log, INPUTS, offsets, Reading(TIMES, 1_000))


def at(column: str, *minutes: float) -> list[bytes]:
    return [json.dumps({column: START_MS + int(60_000 * minute)}).encode() for minute in minutes]


def taken(intake: Intake, count: int = 1_000) -> list[tuple[int, int]]:
    intake.look()
    return [(arrival.input, arrival.offset) for arrival in intake.take(count)]


def test_a_backlog_is_taken_in_event_time_requests_before_labels_at_equal_times() -> None:
    log = log_of(requests=at("ts", 0, 5, 9), others=at("ts", 1, 6), labels=at("at", 5, 7))
    assert taken(intake_of(log)) == [(0, 0), (1, 0), (0, 1), (2, 0), (1, 1), (2, 1), (0, 2)]


def test_commands_come_first() -> None:
    log = log_of(requests=at("ts", 0, 1), commands=[b"{}", b"{}"])
    assert taken(intake_of(log), 3) == [(3, 0), (3, 1), (0, 0)]


def test_nobody_waits_for_an_input_that_has_nothing() -> None:
    log = log_of(requests=at("ts", 50, 51))
    intake = intake_of(log)
    assert taken(intake) == [(0, 0), (0, 1)]
    log.append("labels", 0, [Entry(None, at("at", 3)[0])])
    assert taken(intake) == [(2, 0)]
    assert taken(intake) == []


def test_records_without_a_time_go_in_turns() -> None:
    log = log_of(requests=[b"{}"] * 4, labels=[b"{}"] * 4)
    assert taken(intake_of(log)) == [(0, 0), (2, 0), (0, 1), (2, 1), (0, 2), (2, 2), (0, 3), (2, 3)]


def test_a_wild_clock_holds_its_partition_up_only_so_long() -> None:
    count = PASSED_OVER_MAX + 50
    log = log_of(requests=at("ts", 1e6, 0), others=at("ts", *range(count)))
    order = taken(intake_of(log), 2 * count)
    assert order.index((0, 0)) == PASSED_OVER_MAX
    assert len(order) == count + 2


def test_what_cannot_be_read_is_taken_too() -> None:
    log = log_of(requests=[b"{", b"x" * 2_000, *at("ts", 1)])
    intake = intake_of(log)
    intake.look()
    first, second, third = intake.take(9)
    assert first.record.refusal is not None
    assert second.record.cut is not None
    assert second.record.cut.length == 2_000
    assert third.record.values is not None


def test_the_backlog_counts_what_is_not_taken_yet() -> None:
    log = log_of(requests=at("ts", 0, 1, 2), labels=at("at", 0))
    intake = intake_of(log)
    assert intake.backlog() == 4
    taken(intake, 3)
    assert intake.backlog() == 1


times = st.lists(st.none() | st.integers(0, 50), max_size=40)


@given(times, times, times, st.lists(st.integers(1, 9), min_size=1, max_size=20), st.data())
def test_the_same_runs_give_the_same_records_from_any_of_them_on(
    requests: list[int | None],
    others: list[int | None],
    labels: list[int | None],
    counts: list[int],
    data: st.DataObject,
) -> None:
    def lines(column: str, minutes: list[int | None]) -> list[bytes]:
        return [b"{}" if minute is None else at(column, minute)[0] for minute in minutes]

    log = log_of(requests=lines("ts", requests), others=lines("ts", others), labels=lines("at", labels))
    live = intake_of(log)
    slices: list[list[Arrival]] = []
    for count in [*counts, 1_000]:
        live.look()
        slices.append(live.take(count))
    everything = [arrival for each in slices for arrival in each]
    assert len(everything) == len(requests) + len(others) + len(labels)
    for number in range(3):
        offsets = [arrival.offset for arrival in everything if arrival.input == number]
        assert offsets == list(range(len(offsets))), "each record once, in order"

    begin = data.draw(st.integers(0, len(slices)))
    before = [arrival for each in slices[:begin] for arrival in each]
    again = intake_of(log, [sum(arrival.input == number for arrival in before) for number in range(4)])
    for each in slices[begin:]:
        assert again.take_runs(runs_of(each)) == each


def test_runs_that_do_not_continue_or_are_not_there_are_refused() -> None:
    log = log_of(requests=at("ts", 0, 1, 2))
    with pytest.raises(LogError, match="the log holds others there"):
        intake_of(log).take_runs([Run(0, 1, 3, 2)])
    with pytest.raises(LogError, match="the log holds others there"):
        intake_of(log).take_runs([Run(0, 0, 4, 4)])
    with pytest.raises(LogError, match="names input 9"):
        intake_of(log).take_runs([Run(9, 0, 1, 1)])
    log.trim("requests", 0, 2)
    with pytest.raises(OffsetError, match="was trimmed"):
        intake_of(log).take_runs([Run(0, 0, 3, 3)])

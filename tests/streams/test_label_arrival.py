"""When labels become visible: the delay line, and labels in a file of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, MessageError
from engine.messages import Label, Refused, Request
from engine.watermark import Watermark
from streams.codec import Columns
from streams.files import open_source
from streams.label_delay import LabelDelay
from streams.labels_file import LabelsFile
from streams.ports import Record

DAY_MS = 86_400_000
YEAR_3000_MS = 32_503_680_000_000


def released(line: LabelDelay, time_ms: int | None) -> list[Label]:
    return [label for label, _ in line.release(time_ms)]


def delay_line(count_max: int = 1_000) -> LabelDelay:
    return LabelDelay(Watermark(DAY_MS, 10), count_max)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 60)), max_size=40))
def test_no_label_is_visible_before_its_time_and_all_come_in_order_of_time_then_input(
    events: list[tuple[int, int]],
) -> None:
    """The oracle recomputes the watermark as the highest request time so far: no jump here is a wild one."""
    line = delay_line()
    out: list[Label] = []
    held: list[Label] = []
    now = -1
    for number, (time_ms, label_time_ms) in enumerate(events):
        now = max(now, time_ms)
        visible = released(line, time_ms)
        due = [label for label in held if label.time_ms is not None and label.time_ms < now]
        assert visible == sorted(due, key=lambda label: (label.time_ms, label.event_id))
        held = [label for label in held if label not in due]
        out += visible
        label = Label(number, True, label_time_ms)
        assert line.hold(label) is None
        held.append(label)
        assert line.waiting == len(held)
    assert len(out) + line.waiting == len(events)


def test_at_equal_times_the_request_comes_before_the_label() -> None:
    line = delay_line()
    line.hold(Label("a", True, 1_000))
    assert released(line, 1_000) == []
    assert released(line, 1_001) == [Label("a", True, 1_000)]


def test_one_event_in_the_year_3000_releases_nothing_and_a_true_silence_passes() -> None:
    line = delay_line()
    released(line, 0)
    line.hold(Label("a", True, 500))
    line.hold(Label("b", True, YEAR_3000_MS - 1))
    assert released(line, YEAR_3000_MS) == []
    assert released(line, 400) == []
    assert released(line, 501) == [Label("a", True, 500)]
    after = [released(line, 3 * DAY_MS + number) for number in range(11)]
    assert after == [[]] * 11
    line.hold(Label("c", True, 2 * DAY_MS))
    assert released(line, 3 * DAY_MS + 11) == [Label("c", True, 2 * DAY_MS)]
    assert line.waiting == 1


def test_a_request_without_a_time_moves_nothing() -> None:
    line = delay_line()
    line.hold(Label("a", True, 5))
    assert released(line, None) == []
    assert released(line, 10) == [Label("a", True, 5)]


def test_a_label_comes_back_with_the_record_it_came_from() -> None:
    line = delay_line()
    origin = Record("a.csv", 1, b"raw", None, MessageError("bad_time", "no time"))
    line.hold(Label("a", True, 5), origin)
    line.hold(Label("b", True, 5))
    assert line.release(6) == [(Label("a", True, 5), origin), (Label("b", True, 5), None)]


def test_a_full_line_refuses_one_more_and_counts_it() -> None:
    line = delay_line(2)
    assert [line.hold(Label(number, True, 5)) for number in range(2)] == [None, None]
    refused = line.hold(Label(2, True, 1))
    assert isinstance(refused, Refused)
    assert (refused.kind, refused.reason) == ("label", "too_many_delayed")
    assert (line.waiting, line.refused_count) == (2, 1)
    with pytest.raises(ValueError, match="needs its time"):
        line.hold(Label(3, True, None))
    with pytest.raises(ConfigError, match="delayed_count_max must be at least 1"):
        delay_line(0)


def labels_file(path: Path, data: str, *, label_time: str | None = None, delay_ms: int | None = None) -> LabelsFile:
    path.write_text(data)
    return LabelsFile(open_source(str(path)), Columns(target="y", id="id", label_time=label_time), delay_ms=delay_ms)


def request(event_id: str | int, time_ms: int | None = None) -> Request:
    return Request(event_id, {}, time_ms)


def test_without_a_time_or_a_delay_a_label_comes_straight_after_its_request(tmp_path: Path) -> None:
    labels = labels_file(tmp_path / "l.csv", "id,y\nb,0\na,1\nb,1\nc,1\n")
    assert list(labels.load()) == []
    assert labels.take(request("a")) == [Label("a", "1", None)]
    assert labels.take(request("b")) == [Label("b", "0", None), Label("b", "1", None)]
    assert labels.take(request("a")) == []
    assert labels.take_unrequested() == [Label("c", "1", None)]
    assert labels.take_unrequested() == []


def test_a_fixed_delay_counts_from_the_request(tmp_path: Path) -> None:
    labels = labels_file(tmp_path / "l.csv", "id,y\na,1\nb,1\n", delay_ms=50)
    list(labels.load())
    assert labels.take(request("a", 1_000)) == [Label("a", "1", 1_050)]
    with pytest.raises(ConfigError, match="name their time column"):
        labels.take(request("b"))


def test_labels_with_times_of_their_own_are_all_for_the_delay_line(tmp_path: Path) -> None:
    data = "id,y,at\na,1,1700000002000\nb,0,1700000001000\nc,1,\n"
    labels = labels_file(tmp_path / "l.csv", data, label_time="at")
    list(labels.load())
    assert labels.take_dated() == [Label("a", "1", 1_700_000_002_000), Label("b", "0", 1_700_000_001_000)]
    assert labels.take_dated() == []
    assert labels.take(request("a", 0)) == []
    assert labels.take_unrequested() == []
    assert labels.never_visible_count == 1


def test_requests_that_are_numbered_find_their_labels_under_their_number(tmp_path: Path) -> None:
    labels = labels_file(tmp_path / "l.csv", "id,y\n7,1\n")
    list(labels.load())
    assert labels.take(request(7)) == [Label(7, "1", None)]


def test_rows_that_are_no_labels_come_back_with_their_reason(tmp_path: Path) -> None:
    data = "id,y,at\n,1,1\na,1,soon\nb,1\nc,,5\nd,1,5\n"
    labels = labels_file(tmp_path / "l.csv", data, label_time="at")
    refused = list(labels.load())
    assert [(record.row, why.kind, why.reason) for record, why in refused] == [
        (1, "label", "missing_id"),
        (2, "label", "bad_label_time"),
        (3, "label", "wrong_field_count"),
    ]
    assert labels.never_visible_count == 1
    assert [label.event_id for label in labels.take_dated()] == ["d"]


def test_a_labels_file_that_cannot_be_joined_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "l.csv"
    path.write_text("id,y\n1,1\n2,1\n")
    source = open_source(str(path))
    with pytest.raises(ConfigError, match="joined by id"):
        LabelsFile(source, Columns(target="y"))
    with pytest.raises(ConfigError, match="set one of the two"):
        LabelsFile(source, Columns(target="y", id="id", label_time="t"), delay_ms=1)
    with pytest.raises(ConfigError, match="must not be negative"):
        LabelsFile(source, Columns(target="y", id="id"), delay_ms=-1)
    with pytest.raises(ConfigError, match="more than 1 labels"):
        list(LabelsFile(source, Columns(target="y", id="id"), label_count_max=1).load())

"""The journal's records: read back as written, and refused as anything else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.journal import JournalEntry, Run, decode
from streams.log_port import LogError

counts = st.integers(0, 1 << 50)
digests = st.text("0123456789abcdef", min_size=64, max_size=64)
starts = st.fixed_dictionaries(
    {
        "by": st.just("ann@desk"),
        "at_ms": st.integers(0, 1 << 40),
        "versions": st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3),
    },
    optional={"settings": st.dictionaries(st.text(max_size=9), st.integers(0, 99), max_size=3)},
)
entries = st.builds(
    JournalEntry,
    counts,
    counts,
    st.lists(st.builds(Run, counts, counts, counts, counts), max_size=5).map(tuple),
    digests,
    digests,
    st.none() | starts,
)


@given(entries)
def test_an_entry_is_read_back_as_it_was_written(entry: JournalEntry) -> None:
    assert decode(entry.encode(), 3) == entry


@given(entries, st.data())
def test_one_that_was_cut_is_refused(entry: JournalEntry, data: st.DataObject) -> None:
    whole = entry.encode()
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(LogError, match="commit 3 of the journal"):
        decode(whole[:cut], 3)


@pytest.mark.parametrize(
    "change",
    [
        {"position": -1},
        {"position": True},
        {"steps": 1.0},
        {"runs": [[0, 0, 1]]},
        {"runs": [[0, 0, 1, "1"]]},
        {"runs": None},
        {"outputs": 7},
        {"start": [1]},
        {"start": "me"},
    ],
)
def test_one_of_another_shape_is_refused(change: dict[str, object]) -> None:
    whole = json.loads(JournalEntry(1, 2, (Run(0, 0, 1, 1),), "ab", "cd").encode())
    with pytest.raises(LogError, match=r"none of sidestream's .* restore the log from a copy"):
        decode(json.dumps({**whole, **change}).encode(), 3)


def test_another_format_is_refused_with_the_remedy() -> None:
    with pytest.raises(LogError, match=r"has format 2, this sidestream reads 1; use the version that wrote it"):
        decode(b'{"format": 2}', 3)

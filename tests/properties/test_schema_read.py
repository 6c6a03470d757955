"""Reading: the fast path is the careful one, a refusal changes nothing, a restored reader continues identically."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import MessageError
from engine.features.encoder import FeatureReader
from engine.limits import Limits
from engine.schema import Column, Kind, Schema, SchemaReader, Unknown

_LIMITS = Limits(text_chars_max=20, category_count_max=3, onehot_count_max=2, feature_count_max=4)
_NAMES = ["a", "b", "c", "d"]
_names = st.sampled_from(_NAMES)

_plain = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70) | st.just(-0.0)
_texts = _plain.map(str)
# What Python takes for a number and the careful path may not, or reads differently.
_tricky = st.sampled_from(
    ["1_0", "\u0661", "\u00a01", "nan", 1e308, -1e308, True, np.float64(1.5), np.ones(1), np.int8(3)]
)
_odd = st.one_of(
    st.sampled_from(["", " ", None, "abc", "1_0", "\u0661", "\u00a01", "nan", "-inf", "1e999", "true", "0x1", "1\x00"]),
    st.sampled_from([float("nan"), float("inf"), 1e308, -1e308, 10**400, -0.0, "-0.0", 1j, b"1", [1], (), {"k": 1}]),
    st.sampled_from(
        [np.float64(1.5), np.float64("nan"), np.float32(2), np.int8(3), np.bool_(1), np.ones(1), np.ones(2)]
    ),
    st.sampled_from([Decimal("1.5"), Decimal("sNaN"), date(2024, 1, 1), datetime(2024, 1, 1, tzinfo=UTC)]),
    st.sampled_from(["2024-01-01", "x" * 21, "red", "blue", "green", "grey", "(other)"]),
    st.text("a1._- \u0661\u00a0", max_size=3),
)


_whole = st.fixed_dictionaries(dict.fromkeys(_NAMES, _plain)) | st.fixed_dictionaries(dict.fromkeys(_NAMES, _texts))
_few = st.dictionaries(st.sampled_from([*_NAMES, "y", "u", "v"]), _odd | _tricky, max_size=2)
# A row that is plain but for a cell or two, or but for an absent column, is where a fast path goes wrong.
_row = st.one_of(
    _whole,
    st.builds(lambda whole, few: whole | few, _whole, _few),
    st.builds(lambda whole, few, gone: {k: v for k, v in (whole | few).items() if k != gone}, _whole, _few, _names),
    _few,
)
_kinds = st.just([Kind.NUMERIC] * 4) | st.lists(st.sampled_from(Kind), min_size=4, max_size=4)
_schemas = st.builds(
    lambda kinds, required, unknown: Schema(
        tuple(Column(name, kind, needed) for name, kind, needed in zip(_NAMES, kinds, required, strict=True)),
        frozenset({"y"}),
        unknown,
    ),
    _kinds,
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.sampled_from(Unknown),
)


def _exactly(x: dict[str, float | str]) -> list[tuple[str, type, object]]:
    """Return features in a form that tells 0.0 from -0.0 and float from its subclasses, in order."""
    return [
        (name, type(value), value if isinstance(value, str) else struct.pack("d", value)) for name, value in x.items()
    ]


@settings(max_examples=1_000)
@given(_schemas, st.lists(_row, max_size=5))
def test_fast_reading_is_careful_reading(schema: Schema, rows: list[dict[str, object]]) -> None:
    """Same features bit for bit and in the same order, or the same refusal; same counts."""
    fast, careful = SchemaReader(schema, _LIMITS), SchemaReader(schema, _LIMITS)
    for row in rows:
        got: list[object] = []
        for read in (fast.read, careful.read_carefully):
            try:
                got.append(_exactly(read(row)))
            except MessageError as refused:
                got.append((refused.reason, refused.detail))
        assert got[0] == got[1]
        assert fast.unknown_count == careful.unknown_count


@given(_schemas | st.none(), st.lists(_row, max_size=8))
def test_a_refused_request_changes_nothing(schema: Schema | None, rows: list[dict[str, object]]) -> None:
    """After a raise the state is the one before, and what was read is as if the refused had never come."""
    reader, only_good = FeatureReader(schema, _LIMITS), FeatureReader(schema, _LIMITS)
    for row in rows:
        before = reader.snapshot()
        try:
            x = reader.read(row)
        except MessageError:
            assert reader.snapshot() == before
        else:
            assert _exactly(only_good.read(row)) == _exactly(x)
    assert only_good.snapshot() == reader.snapshot()


@given(_schemas | st.none(), st.lists(_row, max_size=8), st.lists(_row, max_size=8))
def test_a_restored_reader_continues_identically(
    schema: Schema | None, before: list[dict[str, object]], after: list[dict[str, object]]
) -> None:
    """Features, numeric views (keys in order), refusals and counters are those of the reader that went on."""
    reader = FeatureReader(schema, _LIMITS)
    for row in before:
        _say(reader, row)
    twin = FeatureReader(schema, _LIMITS)
    twin.restore(reader.snapshot())
    for row in after:
        assert _say(reader, row) == _say(twin, row)
    assert reader.snapshot() == twin.snapshot()
    assert reader.counters == twin.counters


def _say(reader: FeatureReader, row: dict[str, object]) -> object:
    try:
        x = reader.read(row)
    except MessageError as refused:
        return refused.reason, refused.detail
    return _exactly(x), list(reader.numeric(x).items())

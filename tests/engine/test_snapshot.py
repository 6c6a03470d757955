"""The plain codec: what it keeps, what it refuses, and in which words."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Any

import numpy as np
import pytest

from engine.errors import SnapshotError
from engine.snapshot import NESTING_COUNT_MAX, decode, digest, encode

HEADER = encode(None)[:-1]


class Colour(IntEnum):
    """A subclass of int, which would come back as another type."""

    RED = 1


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth - 1):
        value = [value]
    return value


def test_the_encoding_is_pinned() -> None:
    """These bytes may only change together with the format's number."""
    value = {"a": [None, True, 1, 1.5, "a", b"x"], (2**70, -1): {3, 1}}
    assert digest(value) == "25de480412fe485fcb26b07977f585a154f26f29ff9e43a75fbbdf472cc4a50c"


@pytest.mark.parametrize(
    "value", [0, -1, 127, 128, -128, -129, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 10**5000], ids=int.bit_length
)
def test_a_whole_number_of_any_size_comes_back(value: int) -> None:
    """Bytes, words and numbers beyond both."""
    assert decode(encode(value)) == value


def test_equal_numbers_of_different_types_have_different_bytes() -> None:
    """True, 1, 1.0 and numpy's own ones are five values."""
    ones = [True, 1, 1.0, np.int64(1), np.float64(1.0), np.bool_(True), "1", b"1"]
    assert len({encode(one) for one in ones}) == len(ones)


def test_the_sign_of_zero_and_the_payload_of_a_nan_are_kept() -> None:
    """Floats are their eight bytes."""
    for bits in (0x8000000000000000, 0x7FF8000000000001, 0xFFF8000000000000):
        (value,) = struct.unpack("<d", struct.pack("<Q", bits))
        assert struct.pack("<d", decode(encode(value))) == struct.pack("<Q", bits)


def test_a_set_is_written_in_one_order_whatever_its_history() -> None:
    """Two equal sets with another order of growth have the same bytes."""
    grown, shrunk = set(), set(range(1000))
    for number in (17, 1, 512, 8):
        grown.add(number)
    shrunk &= grown
    assert encode(grown) == encode(shrunk)
    assert encode(frozenset({"b", "a"})) == encode(frozenset({"a", "b"}))


def test_a_text_is_spelled_once() -> None:
    """A thousand rows cost no thousand field names."""
    rows = [{"a long field name": 1.0} for _ in range(1000)]
    assert encode(rows).count(b"a long field name") == 1
    assert decode(encode(rows)) == rows


def test_more_texts_than_a_short_reference_counts_come_back() -> None:
    """From the 257th text on, references are long."""
    texts = [f"t{number}" for number in range(300)] * 2
    assert decode(encode(texts)) == texts


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int32).reshape(2, 3),
        np.array(3.5),
        np.zeros((0, 4), dtype=np.uint8),
        np.array([True, False]),
        np.array(["a", "bcd"]),
        np.array(["2024-01-01"], dtype="datetime64[ns]"),
        np.arange(6.0)[::2],
        np.array([1, 2], dtype=">i4"),
        np.array([1 + 2j], dtype=np.complex64),
    ],
    ids=str,
)
def test_an_array_comes_back_with_dtype_shape_and_values_and_may_be_written(array: np.ndarray[Any, Any]) -> None:
    """The copy owns its memory."""
    back = decode(encode(array))
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert back.tobytes() == array.tobytes()
    assert back.flags.writeable
    assert back.flags.owndata


@pytest.mark.parametrize(
    "scalar", [np.float32(0.1), np.int8(-3), np.str_("a\0"), np.str_(""), np.bytes_(b"a\0")], ids=repr
)
def test_a_numpy_scalar_keeps_its_type(scalar: np.generic) -> None:
    """Even where the value equals a Python one, and where a dtype would cut it."""
    back = decode(encode(scalar))
    assert type(back) is type(scalar)
    assert back == scalar


@pytest.mark.parametrize(
    ("value", "named"),
    [
        (object(), "builtins.object"),
        (Colour.RED, "Colour"),
        (1j, "builtins.complex"),
        (np.array([object()]), "'|O'"),
        (np.zeros(2, dtype=[("a", "f8")]), "'|V8'"),
        ({"deep": [lambda: 0]}, "builtins.function"),
    ],
    ids=["object", "enum", "complex", "object array", "record array", "function"],
)
def test_what_is_not_plain_is_refused_by_name(value: object, named: str) -> None:
    """Subclasses of plain types among them: they would come back as something else."""
    with pytest.raises(SnapshotError) as caught:
        encode(value)
    assert named in str(caught.value)


def test_nesting_has_a_bound_both_ways() -> None:
    """A cycle is refused as deep nesting, and so is a forged depth."""
    assert decode(encode(_nested(NESTING_COUNT_MAX))) == _nested(NESTING_COUNT_MAX)
    with pytest.raises(SnapshotError, match="nests deeper than 100"):
        encode(_nested(NESTING_COUNT_MAX + 1))
    with pytest.raises(SnapshotError, match="nests deeper than 100"):
        decode(HEADER + b"l\x01\x00\x00\x00" * 100_000 + b"N")


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "another format"),
        (b"\x80\x04.", "another format"),
        (HEADER, "truncated"),
        (HEADER + b"f123", "truncated"),
        (HEADER + b"l\xff\xff\xff\xffN", "truncated"),
        (HEADER + b"b\xff\xff\xff\x7f", "truncated"),
        (HEADER + b"a\x03<f8\x01" + b"\xff" * 8, "truncated"),
        (HEADER + b"NN", "1 bytes after its end"),
        (HEADER + b"?", "unknown tag 0x3f"),
        (HEADER + b"r\x00", "truncated"),
        (HEADER + b"s\x01\x00\x00\x00\xff", "utf-8"),
        (HEADER + b"d\x01\x00\x00\x00l\x00\x00\x00\x00N", "unhashable"),
        (HEADER + b"d\x02\x00\x00\x00NNNN", "twice"),
        (HEADER + b"S\x02\x00\x00\x00TT", "twice"),
        (HEADER + b"a\x02|O\x00", "not plain data"),
        (HEADER + b"n\x03<f8b\x01\x00\x00\x00x", "takes 8 bytes"),
    ],
)
def test_bytes_that_were_never_written_are_refused_with_a_sentence(data: bytes, sentence: str) -> None:
    """The forged lengths among them allocate nothing."""
    with pytest.raises(SnapshotError, match=sentence):
        decode(data)

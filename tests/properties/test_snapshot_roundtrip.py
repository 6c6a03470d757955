"""For every plain value: decoding undoes encoding, exactly; for all bytes: decoding returns or refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from engine.errors import SnapshotError
from engine.snapshot import decode, encode

ATOMS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(st.characters(), max_size=8),
    st.binary(max_size=8),
)
KEYS = st.recursive(
    ATOMS,
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
ARRAYS = npst.arrays(
    st.one_of(
        npst.boolean_dtypes(),
        npst.integer_dtypes(endianness="?"),
        npst.floating_dtypes(sizes=(16, 32, 64)),
        npst.unicode_string_dtypes(max_len=4),
    ),
    npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
VALUES = st.recursive(
    ATOMS
    | ARRAYS
    | ARRAYS.filter(lambda array: array.size > 0).map(lambda array: array.flat[0])
    | st.sets(KEYS, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=4) | st.lists(inner, max_size=4).map(tuple) | st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)


def _spell(value: Any) -> str:
    """Spell a value with the types, the order and the bits that `==` overlooks."""
    kind = type(value).__name__
    if isinstance(value, np.ndarray | np.generic):
        return f"{kind}{value.dtype.str}{value.shape}{value.tobytes()!r}"
    if isinstance(value, float):
        return f"{kind}{np.float64(value).tobytes()!r}"
    if isinstance(value, dict):
        return f"{kind}{[(_spell(key), _spell(item)) for key, item in value.items()]}"
    if isinstance(value, list | tuple):
        return f"{kind}{[_spell(item) for item in value]}"
    if isinstance(value, set | frozenset):
        return f"{kind}{sorted(_spell(item) for item in value)}"
    return f"{kind}{value!r}"


@given(VALUES)
def test_decoding_undoes_encoding_with_types_order_and_bits(value: Any) -> None:
    """The round trip is the identity, and writing again gives the same bytes."""
    data = encode(value)
    back = decode(data)
    assert _spell(back) == _spell(value)
    assert encode(back) == data


@given(VALUES, st.data())
def test_a_truncated_snapshot_is_refused(value: Any, data: st.DataObject) -> None:
    """No prefix of a snapshot is a snapshot."""
    whole = encode(value)
    size = data.draw(st.integers(0, len(whole) - 1))
    try:
        decode(whole[:size])
    except SnapshotError:
        return
    msg = f"{size} of {len(whole)} bytes were taken for a whole"
    raise AssertionError(msg)


@given(VALUES, st.data())
def test_a_flipped_bit_gives_a_value_or_a_refusal(value: Any, data: st.DataObject) -> None:
    """Never another exception: what decodes can be written again."""
    damaged = bytearray(encode(value))
    bit = data.draw(st.integers(0, 8 * len(damaged) - 1))
    damaged[bit // 8] ^= 1 << bit % 8
    _decodes_or_refuses(bytes(damaged))


@given(st.binary(max_size=60), st.lists(st.sampled_from(b"NTF1iIfsrRbltdSZan\x00\x01\xff<f8"), max_size=40))
def test_any_bytes_give_a_value_or_a_refusal(noise: bytes, tags: list[int]) -> None:
    """Noise that begins like a snapshot too."""
    _decodes_or_refuses(encode(None)[:-1] + bytes(tags) + noise)


def _decodes_or_refuses(data: bytes) -> None:
    try:
        value = decode(data)
    except SnapshotError as error:
        assert "snapshot" in str(error)  # noqa: PT017 - a value is as good an end as a refusal
    else:
        assert encode(value)

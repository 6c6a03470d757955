"""State as data: one canonical encoding of plain values, and its safe decoding.

Plain values are None, bool, int, float, str, bytes, list, tuple, dict, set, frozenset, numpy arrays and numpy scalars.
Equal values of equal types give equal bytes in every process. This file knows nothing of models or files, imports
nothing by name and calls nothing that the bytes choose.

A value is one tag byte and its payload, all numbers little-endian. A text is written once; where it comes again, two
or five bytes say which text it was, so a hundred thousand rows do not spell their field names a hundred thousand times.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from math import prod
from struct import Struct
from struct import error as StructError  # noqa: N812 - the module's own name says nothing at a distance
from typing import Any, Final, Never, TypeAlias

import numpy as np

from engine.errors import SnapshotError

NESTING_COUNT_MAX: Final = 100
"""How deep containers may nest, both ways: beyond it stands a cycle or an attack."""

_MAGIC: Final = b"SSD\x01"
_COUNT_MAX: Final = 0xFFFF_FFFF
_SHORT_TEXTS: Final = 256
_DTYPE: Final = re.compile(
    r"[|<>](b1|[iu][1248]|f[248]|c8|c16|[SU][1-9]\d{0,8}|[Mm]8(\[([1-9]\d{0,8})?[A-Za-z]{1,2}\])?)"
)

_count = Struct("<BI").pack
_long = Struct("<Bq").pack
_real = Struct("<Bd").pack
_dims = Struct("<Q")
_u32 = Struct("<I").unpack_from
_i64 = Struct("<q").unpack_from
_f64 = Struct("<d").unpack_from

_NONE, _TRUE, _FALSE = b"NTF"
_BYTE, _INT, _BIG, _FLOAT = b"1iIf"
_TEXT, _AGAIN, _AGAIN_LONG, _BYTES = b"srRb"
_LIST, _TUPLE, _DICT, _SET, _FROZENSET = b"ltdSZ"
_ARRAY, _SCALAR = b"an"

_BYTES_OF_INT: Final = {i: bytes([_BYTE, i & 0xFF]) for i in range(-128, 128)}

_Emit: TypeAlias = Callable[[bytes], None]
_Texts: TypeAlias = dict[str, bytes]


def encode(value: object) -> bytes:
    """Return the canonical bytes of a plain value.

    Types are kept apart (1, 1.0, True and `np.int64(1)` have four encodings), floats keep every bit (-0.0, the payload
    of a NaN), a dict keeps its insertion order, a set is sorted by the encodings of its elements, an array is written
    in C order. Cost: about 0.3 us per value.

    Raises
    ------
    SnapshotError
        A value that is not plain (a subclass of a plain type is not), or deeper than `NESTING_COUNT_MAX`.

    Examples
    --------
    >>> decode(encode({"a": [1, True, -0.0], (2, None): {"x"}}))
    {'a': [1, True, -0.0], (2, None): {'x'}}
    """
    parts = [_MAGIC]
    _write(value, parts.append, {}, NESTING_COUNT_MAX)
    return b"".join(parts)


def decode(data: bytes) -> Any:
    """Return the value that `encode` wrote.

    Nothing is executed and nothing is allocated on the word of a length: a count is compared with the bytes that are
    left first. Cost: about 0.4 us per value.

    Raises
    ------
    SnapshotError
        Bytes that `encode` did not write: truncated, with bytes left over, of another format, or forged.
    """
    if data[: len(_MAGIC)] != _MAGIC:
        msg = f"a snapshot begins with {_MAGIC!r}, got {data[: len(_MAGIC)]!r}; it is of another format, or none"
        raise SnapshotError(msg)
    reader = _Reader(data, len(_MAGIC))
    try:
        value = reader.value(NESTING_COUNT_MAX)
    except (IndexError, StructError):
        msg = f"snapshot ends at byte {len(data)} inside a value: it is truncated or damaged; use an older one"
        raise SnapshotError(msg) from None
    except (TypeError, ValueError, OverflowError) as error:
        msg = f"snapshot is damaged before byte {reader.at}: {error}; use an older one"
        raise SnapshotError(msg) from None
    if reader.at != len(data):
        msg = f"snapshot has {len(data) - reader.at} bytes after its end at byte {reader.at}; use an older one"
        raise SnapshotError(msg)
    return value


def digest(value: object) -> str:
    """Return the SHA-256 of the canonical bytes of a plain value, in hex.

    >>> digest({"n": 1}) == digest({"n": 1}) != digest({"n": True})
    True
    """
    return hashlib.sha256(encode(value)).hexdigest()


def _write(value: Any, emit: _Emit, texts: _Texts, room: int) -> None:
    kind = type(value)
    if kind is float:
        emit(_real(_FLOAT, value))
    elif kind is str:
        known = texts.get(value)
        if known is None:
            _write_text(value, emit, texts)
        else:
            emit(known)
    elif kind is int:
        emit(_BYTES_OF_INT.get(value) or _int_bytes(value))
    elif kind is dict:
        room = _enter(len(value), room)
        emit(_count(_DICT, len(value)))
        for key, item in value.items():
            _write(key, emit, texts, room)
            _write(item, emit, texts, room)
    elif kind is list or kind is tuple:
        room = _enter(len(value), room)
        emit(_count(_LIST if kind is list else _TUPLE, len(value)))
        for item in value:
            _write(item, emit, texts, room)
    elif kind is set or kind is frozenset:
        _write_set(value, emit, room)
    else:
        _write_leaf(value, kind, emit)


def _write_leaf(value: Any, kind: type, emit: _Emit) -> None:
    if kind is bool:
        emit(b"T" if value else b"F")
    elif value is None:
        emit(b"N")
    elif kind is bytes:
        emit(_count(_BYTES, _counted(len(value))))
        emit(value)
    elif kind is np.ndarray:
        _write_array(value, emit)
    elif isinstance(value, np.generic):
        _write_scalar(value, emit)
    else:
        msg = f"{kind.__module__}.{kind.__qualname__} is not plain data, got {value!r:.80}; give numbers, texts, bytes"
        raise SnapshotError(msg + ", lists, tuples, dicts, sets or numpy arrays of exactly these types")


def _int_bytes(value: int) -> bytes:
    if -(1 << 63) <= value < 1 << 63:
        return _long(_INT, value)
    body = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return _count(_BIG, _counted(len(body))) + body


def _write_text(value: str, emit: _Emit, texts: _Texts) -> None:
    number = len(texts)
    texts[value] = bytes((_AGAIN, number)) if number < _SHORT_TEXTS else _count(_AGAIN_LONG, _counted(number))
    body = value.encode("utf-8", "surrogatepass")
    emit(_count(_TEXT, _counted(len(body))))
    emit(body)


def _write_set(value: set[Any] | frozenset[Any], emit: _Emit, room: int) -> None:
    """Write the elements sorted; each is written as if alone, since its bytes decide where it stands."""
    room = _enter(len(value), room)
    bodies = []
    for item in value:
        parts: list[bytes] = []
        _write(item, parts.append, {}, room)
        bodies.append(b"".join(parts))
    emit(_count(_SET if type(value) is set else _FROZENSET, len(value)))
    emit(b"".join(sorted(bodies)))


def _write_array(value: np.ndarray[Any, Any], emit: _Emit) -> None:
    name = _dtype_name(value.dtype)
    emit(bytes((_ARRAY, len(name))) + name + bytes((value.ndim,)) + b"".join(map(_dims.pack, value.shape)))
    emit(value.tobytes())


def _write_scalar(value: np.generic, emit: _Emit) -> None:
    """Write a numpy scalar; text without its dtype, which would drop trailing zeros and knows no empty text."""
    if isinstance(value, np.str_):
        name, body = b"U", value.encode("utf-8", "surrogatepass")
    elif isinstance(value, np.bytes_):
        name, body = b"S", bytes(value)
    else:
        name, body = _dtype_name(value.dtype), value.tobytes()
    emit(bytes((_SCALAR, len(name))) + name + _count(_BYTES, _counted(len(body))) + body)


def _dtype_name(dtype: np.dtype[Any]) -> bytes:
    if not _DTYPE.fullmatch(dtype.str):
        msg = f"numpy dtype {dtype.str!r} is not plain data; give bool, int, float, complex, text, bytes or datetime"
        raise SnapshotError(msg)
    return dtype.str.encode()


def _enter(count: int, room: int) -> int:
    """Step into a container of this many items: return the room that is left below it."""
    if room <= 0:
        msg = f"value nests deeper than {NESTING_COUNT_MAX} containers, or contains itself; flatten it"
        raise SnapshotError(msg)
    _counted(count)
    return room - 1


def _counted(count: int) -> int:
    if count > _COUNT_MAX:
        msg = f"a snapshot counts to {_COUNT_MAX}, got {count} items or bytes in one value; split it"
        raise SnapshotError(msg)
    return count


class _Reader:
    """Walks the bytes once; `at` is the next byte, `texts` what was spelled so far."""

    __slots__ = ("at", "data", "texts")

    def __init__(self, data: bytes, at: int) -> None:
        self.data = data
        self.at = at
        self.texts: list[str] = []

    def value(self, room: int) -> Any:
        data, at = self.data, self.at
        tag = data[at]
        if tag == _FLOAT:
            self.at = at + 9
            return _f64(data, at + 1)[0]
        if tag == _AGAIN:
            self.at = at + 2
            return self.texts[data[at + 1]]
        if tag == _BYTE:
            self.at = at + 2
            return (data[at + 1] ^ 0x80) - 0x80
        self.at = at + 1
        read = _READERS.get(tag)
        if read is None:
            msg = f"unknown tag {tag:#04x} at byte {at}"
            raise ValueError(msg)
        if room <= 0 and tag in _CONTAINERS:
            msg = f"it nests deeper than {NESTING_COUNT_MAX} containers"
            raise ValueError(msg)
        return read(self, room - 1)

    def count(self) -> int:
        """Read a count of things that each take a byte at least, so it cannot exceed what is left."""
        number: int = _u32(self.data, self.at)[0]
        self.at += 4
        if number > len(self.data) - self.at:
            raise IndexError
        return number

    def take(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self.data):
            raise IndexError
        body = self.data[self.at : end]
        self.at = end
        return body

    def int64(self, _room: int) -> int:
        number: int = _i64(self.data, self.at)[0]
        self.at += 8
        return number

    def text(self, _room: int) -> str:
        text: str = self.take(self.count()).decode("utf-8", "surrogatepass")
        self.texts.append(text)
        return text

    def text_again(self, _room: int) -> str:
        number: int = _u32(self.data, self.at)[0]
        self.at += 4
        return self.texts[number]

    def items(self, room: int) -> list[Any]:
        value = self.value
        return [value(room) for _ in range(self.count())]

    def pairs(self, room: int) -> dict[Any, Any]:
        value, count = self.value, self.count()
        found = {}
        for _ in range(count):
            key = value(room)
            found[key] = value(room)
        return found if len(found) == count else _refuse_double()

    def elements(self, room: int) -> set[Any]:
        count, outer = self.count(), self.texts
        found = set()
        for _ in range(count):
            self.texts = []
            found.add(self.value(room))
        self.texts = outer
        return found if len(found) == count else _refuse_double()

    def dtype(self) -> str:
        size = self.data[self.at]
        self.at += 1
        name: str = self.take(size).decode("ascii")
        return name

    def array(self, _room: int) -> np.ndarray[Any, Any]:
        dtype = _known_dtype(self.dtype())
        rank = self.data[self.at]
        self.at += 1
        shape = tuple(size for (size,) in _dims.iter_unpack(self.take(8 * rank)))
        body = self.take(prod(shape) * dtype.itemsize)
        return np.ndarray(shape, dtype, buffer=body).copy()

    def scalar(self, room: int) -> Any:
        name = self.dtype()
        body = self.value(room)
        if type(body) is not bytes:
            msg = f"a numpy scalar is made of bytes, got {type(body).__name__}"
            raise TypeError(msg)
        if name == "U":
            return np.str_(body.decode("utf-8", "surrogatepass"))
        if name == "S":
            return np.bytes_(body)
        dtype = _known_dtype(name)
        if len(body) != dtype.itemsize:
            msg = f"a numpy scalar of {name} takes {dtype.itemsize} bytes, got {len(body)}"
            raise ValueError(msg)
        return np.frombuffer(body, dtype)[0]


def _known_dtype(name: str) -> np.dtype[Any]:
    if not _DTYPE.fullmatch(name):
        msg = f"numpy dtype {name!r} is not plain data"
        raise ValueError(msg)
    return np.dtype(name)


def _refuse_double() -> Never:
    msg = "a key or an element comes twice"
    raise ValueError(msg)


_CONTAINERS: Final = frozenset({_LIST, _TUPLE, _DICT, _SET, _FROZENSET})
_READERS: Final[dict[int, Callable[[_Reader, int], Any]]] = {
    _NONE: lambda _reader, _room: None,
    _TRUE: lambda _reader, _room: True,
    _FALSE: lambda _reader, _room: False,
    _INT: _Reader.int64,
    _BIG: lambda reader, _room: int.from_bytes(reader.take(reader.count()), "little", signed=True),
    _TEXT: _Reader.text,
    _AGAIN_LONG: _Reader.text_again,
    _BYTES: lambda reader, _room: reader.take(reader.count()),
    _LIST: _Reader.items,
    _TUPLE: lambda reader, room: tuple(reader.items(room)),
    _DICT: _Reader.pairs,
    _SET: _Reader.elements,
    _FROZENSET: lambda reader, room: frozenset(reader.elements(room)),
    _ARRAY: _Reader.array,
    _SCALAR: _Reader.scalar,
}

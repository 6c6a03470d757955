"""Records with a header whose name is no UTF-8: the client raises on them, and a partition must not end there.

Anybody may send one. The batches are read once more, slower, and such a name is escaped; the record then goes the way
of every other. This file knows how the client decodes a batch when it runs without its compiled part.
"""

from __future__ import annotations

from typing import Any, SupportsIndex

from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy

_MAGIC_AT = 16
_WITH_HEADERS = 2


class OddNameRecords(_MemoryRecordsPy):  # type: ignore[misc]
    """The client's batches of some bytes, with a name for every header."""

    def next_batch(self) -> Any:
        """Return the next batch; None where there is none."""
        found = self._next_slice
        if found is None or found[_MAGIC_AT] < _WITH_HEADERS:
            return super().next_batch()
        self._cache_next()
        return _Batch(found)


class _Batch(_DefaultRecordBatchPy):  # type: ignore[misc]
    _buffer: bytearray

    def _maybe_uncompress(self) -> None:
        super()._maybe_uncompress()
        self._buffer = _Buffer(self._buffer)


class _Buffer(bytearray):
    """Bytes whose slices are text, whatever they are."""

    def __getitem__(self, at: SupportsIndex | slice) -> Any:
        found = super().__getitem__(at)
        return _Slice(found) if isinstance(at, slice) else found


class _Slice(bytearray):
    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)

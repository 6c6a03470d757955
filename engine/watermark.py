"""Event time: how far the stream says time has come, whatever one wrong clock claims.

The watermark is the highest event time believed so far. One message moves it by at most `jump_ms`; what lies further
ahead is *suspect* and moves nothing until enough further messages agree. This file knows times only: which requests
wait on them is the label join's business.
"""

from __future__ import annotations

from enum import IntEnum


class TimeVerdict(IntEnum):
    """What one event time did to the watermark."""

    SAME = 0
    ADVANCED = 1
    SUSPECT = 2
    CONFIRMED = 3
    REBASED = 4


class Watermark:
    """The highest believed event time, in unix milliseconds.

    A time more than `jump_ms` ahead is held as suspect. Any ordinary time clears the suspects: the clock has not moved.
    Once `agreeing_count` further suspects have come in a row, the *lowest* of them is believed, and then each of the
    others that is within reach of it: so a true silence of two days passes, a sparse stream advances some messages
    behind its head, and one event in the year 3000 never counts.

    The first time of all has nothing to be compared with. If the second is more than `jump_ms` *behind* it, the first
    was the wild one and the watermark moves back once (`REBASED`).

    Notes
    -----
    O(1) per message; at most `agreeing_count` suspects are kept.
    """

    __slots__ = ("_agreeing_count", "_anchored", "_jump_ms", "now_ms", "suspects")

    def __init__(self, jump_ms: int, agreeing_count: int) -> None:
        self._jump_ms = jump_ms
        self._agreeing_count = agreeing_count
        self._anchored = False
        self.now_ms: int | None = None
        self.suspects: list[int] = []

    def observe(self, time_ms: int) -> TimeVerdict:
        """Take one event time and say what it did."""
        now = self.now_ms
        if now is None:
            self.now_ms = time_ms
            return TimeVerdict.ADVANCED
        if time_ms > now + self._jump_ms:
            return self._suspect(time_ms)
        if not self._anchored:
            if time_ms < now - self._jump_ms:
                self.now_ms = time_ms
                self.suspects.clear()
                return TimeVerdict.REBASED
            self._anchored = True
        if self.suspects:
            self.suspects.clear()
        if time_ms > now:
            self.now_ms = time_ms
            return TimeVerdict.ADVANCED
        return TimeVerdict.SAME

    def believes(self, time_ms: int) -> bool:
        """Whether a time is within reach of the watermark."""
        return self.now_ms is not None and time_ms <= self.now_ms + self._jump_ms

    def _suspect(self, time_ms: int) -> TimeVerdict:
        """Hold a time that is too far ahead; believe the lowest once enough have come in a row."""
        self.suspects.append(time_ms)
        if len(self.suspects) <= self._agreeing_count:
            return TimeVerdict.SUSPECT
        waiting = sorted(self.suspects)
        self.now_ms = waiting.pop(0)
        self._anchored = True
        while waiting and self.believes(waiting[0]):
            self.now_ms = waiting.pop(0)
        self.suspects = waiting
        return TimeVerdict.CONFIRMED

    def snapshot(self) -> list[object]:
        """Return the state as plain data."""
        return [self.now_ms, self._anchored, list(self.suspects)]

    def restore(self, state: list[object]) -> None:
        """Take back what `snapshot` returned."""
        now, anchored, suspects = state
        self.now_ms = now  # type: ignore[assignment]
        self._anchored = bool(anchored)
        self.suspects = list(suspects)  # type: ignore[call-overload]

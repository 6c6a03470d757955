"""A worker that waits for another to end, for as long as that takes: a cold standby.

It holds no state while it waits. A warm one would follow the journal here, with the replica that recovery makes, and
have only the last commits left to carry out when the lease is free.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from engine.errors import SidestreamError
from streams.log_port import HeldError

LOOK_S = 0.5
"""How often a standby looks whether what it waits for is free, in seconds."""

T = TypeVar("T")


class StoppedError(SidestreamError):
    """A standby was told to stop before it led; it has begun nothing."""

    exit_code = 0


class Stop(Protocol):
    """Says when to stop."""

    def asked(self) -> bool:
        """Whether to stop now."""
        ...

    def wait(self, seconds: float) -> None:
        """Wait so long, or until it is time to stop."""
        ...


class Standby:
    """Waits its turn.

    Parameters
    ----------
    stop
        Says when to wait no more.
    say
        Is told whom it waits for, once for each.
    """

    def __init__(self, stop: Stop, say: Callable[[str], None]) -> None:
        self._stop = stop
        self._say = say

    def wait_for(self, take: Callable[[], T]) -> T:
        """Return what `take` returns, as soon as nobody else holds it.

        Raises
        ------
        StoppedError
            When it was asked to stop meanwhile.
        """
        told: str | None = None
        while not self._stop.asked():
            try:
                return take()
            except HeldError as held:
                if held.holder != told:
                    self._say(f"standing by: {held.holder} leads; this worker takes over when that one ends")
                told = held.holder
            self._stop.wait(LOOK_S)
        msg = "stopped while standing by; nothing was begun"
        raise StoppedError(msg)

"""Signals, as a reason to stop what runs until it is told to."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from streams.serving import StopFlag

if TYPE_CHECKING:
    from types import FrameType

STOPPED_AT_ONCE = 130


class Signals(StopFlag):
    """Asked to stop by SIGTERM or an interrupt; a second one does not ask."""

    def __init__(self) -> None:
        super().__init__()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked():
            os._exit(STOPPED_AT_ONCE)
        self.ask()

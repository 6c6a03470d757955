"""What the commands that look at a log's past share: the log, opened under the settings its worker began with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streams.cli.chosen_log import ChosenLog

if TYPE_CHECKING:
    from streams.ground import Ground


@contextmanager
def opened(chosen: ChosenLog) -> Iterator[Ground]:
    """Open the log that is meant, under the settings its worker was started with, to look at it."""
    from streams.checkpoint_seal import key_from
    from streams.ground import ground_of

    with chosen.opened() as log:
        yield ground_of(log, chosen.state_directory(), key_from(os.environ))


def progress(what: str) -> Callable[[int, int], None]:
    """Return what shows how far something is, on a terminal; elsewhere nothing is shown."""
    from rich.console import Console

    talk = Console(stderr=True)

    def show(done: int, end: int) -> None:
        if talk.is_terminal and (done == end or done % 100 == 0):
            talk.file.write(f"\r\x1b[K{what}: {done:,} of {end:,} commits" + ("\n" if done == end else ""))
            talk.file.flush()

    return show

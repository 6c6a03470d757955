"""What the commands that look at a log's past share: which log is meant, and how it is opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from engine.errors import ConfigError

if TYPE_CHECKING:
    from streams.ground import Ground

_F = TypeVar("_F", bound=Callable[..., Any])


def log_options(function: _F) -> _F:
    """Add `--log` and `--config`, one of which says which log is meant."""
    config = click.option("--config", metavar="F", help="TOML file whose [log] dir is meant.")
    return click.option("--log", "directory", metavar="DIR", help="Directory of the log.")(config(function))


@contextmanager
def opened(directory: str | None, config: str | None) -> Iterator[Ground]:
    """Open the log that is meant, under the settings its worker was started with, to look at it."""
    from streams.checkpoint_seal import key_from
    from streams.embedded_log import EmbeddedLog
    from streams.ground import ground_of
    from streams.settings import load_settings

    if config is not None and directory is None:
        directory = load_settings(config, {}, os.environ).log.dir
    if directory is None:
        msg = "which log is meant? name it: --log DIR, or --config F with [log] dir"
        raise ConfigError(msg)
    with EmbeddedLog(directory) as log:
        yield ground_of(log, directory, key_from(os.environ))


def progress(what: str) -> Callable[[int, int], None]:
    """Return what shows how far something is, on a terminal; elsewhere nothing is shown."""
    from rich.console import Console

    talk = Console(stderr=True)

    def show(done: int, end: int) -> None:
        if talk.is_terminal and (done == end or done % 100 == 0):
            talk.file.write(f"\r\x1b[K{what}: {done:,} of {end:,} commits" + ("\n" if done == end else ""))
            talk.file.flush()

    return show

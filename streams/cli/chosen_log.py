"""Which log a command is about: the flags that say so, and the log they mean, opened."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

from engine.errors import ConfigError

if TYPE_CHECKING:
    from streams.log_port import Log
    from streams.settings import Settings

_F = TypeVar("_F", bound=Callable[..., Any])
_DIRECTORY = click.option("--log", "directory", metavar="DIR", help="Directory of the log.")
_KAFKA = click.option("--kafka", metavar="ADDRESS", help="Brokers: the log is on Kafka, as [kafka] says.")
_CONFIG = click.option("--config", metavar="F", help="TOML file whose [log] and [kafka] are meant.")
FLAG_NAMES = {"log.dir": "--log", "log.durability": "--durability", "kafka.address": "--kafka"}


class ChosenLog(NamedTuple):
    """What the flags say."""

    directory: str | None
    kafka: str | None
    config: str | None

    def settings(self, durability: str | None = None) -> Settings:
        """Return the settings with what the flags say."""
        from streams.settings import load_settings

        log = {"dir": self.directory, "durability": durability}
        return load_settings(self.config, {"log": log, "kafka": {"address": self.kafka}}, os.environ, FLAG_NAMES)

    @contextmanager
    def opened(self, *, create: bool = False, durability: str | None = None) -> Iterator[Log]:
        """Open the log; say so where whoever listens reads along."""
        from streams.log_choice import opened_log

        settings = self.settings(durability)
        warn_of_listeners(settings)
        with opened_log(settings, os.environ, create=create) as log:
            yield log

    def state_directory(self) -> str:
        """Return where the worker of the log keeps its checkpoints."""
        directory = self.settings().log.dir
        if directory is None:
            msg = "where are the worker's checkpoints? name the directory: --log DIR, or --config F with [log] dir"
            raise ConfigError(msg)
        return directory


def warn_of_listeners(settings: Settings) -> None:
    """Say so on standard error where events go over the network unencrypted."""
    from streams.log_choice import access_of

    warning = None if settings.kafka.address is None else access_of(settings.kafka, os.environ).warning()
    if warning is not None:
        click.echo(f"sidestream: {warning}", err=True)


def log_flags(function: _F) -> _F:
    """Add the flags that say which log is meant; the function is given it as `chosen`."""
    return _DIRECTORY(on_kafka(function))


def on_kafka(function: _F) -> _F:
    """Add the flags that say that a log is on Kafka, to a command that is given the directory already."""

    @wraps(function)
    def with_chosen(*, directory: str | None, kafka: str | None, config: str | None, **given: Any) -> Any:
        return function(chosen=ChosenLog(directory, kafka, config), **given)

    return _KAFKA(_CONFIG(with_chosen))  # type: ignore[return-value]

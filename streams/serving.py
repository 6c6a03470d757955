"""One worker as a process has it: settings that fit together, the log they mean, and somebody who says when to stop.

The command line and the Faust app start a worker alike, from here; they differ in who sees it work and who stops it.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from threading import Event
from typing import Any, Protocol

from streams.checkpoint_seal import key_from
from streams.clock import SystemClock
from streams.garbage import looked_for_seldom
from streams.log_choice import opened_for_worker
from streams.run import Observer, Service
from streams.settings import Settings, load_settings
from streams.settings_conflicts import run_conflicts
from streams.settings_layers import refuse_all
from streams.standby import Standby, Stop


class StopFlag:
    """Asked to stop by another thread, or by a signal; see `streams.standby.Stop`."""

    def __init__(self) -> None:
        self._asked = Event()

    def ask(self) -> None:
        """Ask to stop. Again does nothing."""
        self._asked.set()

    def asked(self) -> bool:
        """Whether somebody has asked."""
        return self._asked.is_set()

    def wait(self, seconds: float) -> None:
        """Wait so long, or until somebody asks."""
        self._asked.wait(seconds)


def worker_settings(
    path: str | PathLike[str],
    environ: Mapping[str, str],
    flags: Mapping[str, Mapping[str, object]] | None = None,
    flag_names: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings of a worker.

    Raises
    ------
    ConfigError
        With everything about them that a worker cannot use.
    """
    settings = load_settings(path, flags or {}, environ, flag_names or {})
    problems = run_conflicts(settings)
    if problems:
        refuse_all(problems)
    return settings


class Watching(Observer, Protocol):
    """Sees a worker's life, and is told in sentences what a person should know."""

    def say(self, words: str) -> None:
        """Say a sentence."""
        ...


def serve(
    settings: Settings,
    environ: Mapping[str, str],
    watching: Watching,
    stop: Stop,
    *,
    standby: bool = False,
    **consents: Any,
) -> None:
    """Run a worker until it is asked to stop; `consents` are what one start may be allowed, see `Service`.

    Parameters
    ----------
    standby
        Whether to wait as long as another worker leads.

    Raises
    ------
    SidestreamError
        As `Service.run` says, and as the log says when it is opened.
    """
    waits = Standby(stop, watching.say) if standby else None
    with looked_for_seldom(), opened_for_worker(settings, environ, watching.say, waits) as log:
        service = Service(
            settings=settings,
            log=log,
            key=key_from(environ),
            world=SystemClock(),
            observer=watching,
            stop=stop,
            say=watching.say,
            standby=waits,
            **consents,
        )
        service.run()

"""`sidestream run`: one worker on a log, until it is told to stop."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.ground import Ground
    from streams.meter import Status
    from streams.recovery import Recovered

SHOW_EVERY_S = 0.5


@click.command(name="run")
@click.option("--config", metavar="F", required=True, help="TOML file of settings.")
@click.option("--kafka", metavar="ADDRESS", help="Brokers: the log is on Kafka, as [kafka] says.")
@click.option("--once", is_flag=True, help="Stop when everything that has arrived is answered.")
@click.option("--standby", is_flag=True, help="Wait as long as another worker leads, and take over when it ends.")
@click.option("--fallback", is_flag=True, help="Pass over a damaged checkpoint for the one before it.")
@click.option("--accept-differences", is_flag=True, help="Carry out the journal's tail under other versions.")
@click.option("--change-contenders", is_flag=True, help="Go on with the contenders that the settings name now.")
def command(config: str, kafka: str | None, **given: Any) -> None:
    """Answer what arrives on the topics of a log, durably: killed anywhere, it comes back to the last commit.

    An interrupt or SIGTERM stops the intake, finishes, commits, keeps the state and exits with 0; a second one stops at
    once, and nothing that was committed is lost.

    \b
        sidestream append requests payments.jsonl --log state --create 1
        sidestream run --config pipeline.toml --once
    """  # noqa: D301 - click reads \b itself
    from streams.cli.chosen_log import FLAG_NAMES, warn_of_listeners
    from streams.cli.signals import Signals
    from streams.serving import serve, worker_settings

    flags = {"run": {"fallback": given.pop("fallback") or None}, "kafka": {"address": kafka}}
    settings = worker_settings(config, os.environ, flags, FLAG_NAMES)
    warn_of_listeners(settings)
    stop, screen = Signals(), _Screen(settings.run.status_every_s)
    serve(settings, os.environ, screen, stop, **given)


class _Screen:
    """The terminal, as the observer of a worker: one line that changes, or one now and then where nobody looks."""

    def __init__(self, every_s: float) -> None:
        from rich.console import Console

        from streams.clock import Stopwatch

        self._talk = Console(stderr=True, highlight=False, soft_wrap=True)
        self._watch = Stopwatch()
        self._every_s = SHOW_EVERY_S if self._talk.is_terminal else every_s
        self._shown_s = 0.0

    def say(self, words: str) -> None:
        """Say a sentence that a person should know."""
        if self._talk.is_terminal:
            self._talk.file.write("\r\x1b[K")
        self._talk.print(f"· {words}", style="dim", markup=False)

    def recovering(self, done: int, end: int) -> None:
        """Show how far recovery is, now and then."""
        if self._is_time():
            self._show(f"recovering: {done:,} of {end:,} commits carried out again")

    def begin(self, ground: Ground, recovered: Recovered, seconds: float) -> None:
        """Say what runs, and from where."""
        from streams.worker_view import begun_words

        for notice in (*ground.pipeline.notices, *recovered.notices):
            self.say(notice)
        for words in begun_words(ground, recovered, seconds):
            self._talk.print(words, markup=False)

    def working(self, status: Callable[[], Status]) -> None:
        """Show the status line, now and then."""
        if self._is_time():
            self._show(status().line())

    def end(self, status: Status) -> None:
        """Say how things stand, and that nothing is left to do."""
        from streams.worker_view import STOPPED

        if self._talk.is_terminal:
            self._talk.file.write("\r\x1b[K")
        self._talk.print(status.line(), markup=False)
        self._talk.print(STOPPED, markup=False)

    def _is_time(self) -> bool:
        now = self._watch.seconds()
        if now - self._shown_s < self._every_s:
            return False
        self._shown_s = now
        return True

    def _show(self, line: str) -> None:
        if self._talk.is_terminal:
            self._talk.file.write(f"\r\x1b[K{line[: self._talk.width - 1]}")
            self._talk.file.flush()
        else:
            self._talk.print(line, markup=False)

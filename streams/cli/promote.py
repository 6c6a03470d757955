"""`sidestream promote`: ask the worker to let another contender answer."""

from __future__ import annotations

from typing import Any

import click

from streams.cli.chosen_log import ChosenLog
from streams.cli.send_command import command_flags, send


@click.command(name="promote")
@click.argument("name")
@command_flags
def command(name: str, chosen: ChosenLog, **given: Any) -> int:
    """Ask the worker to let contender NAME answer from here on.

    The champion of before goes on in the shadow, and `rollback` brings it back. Refused, with exit code 1, where NAME
    is unknown, benched, or champion already.

    \b
        sidestream promote tree --log state --reason "ahead in matured log loss since May"
    """  # noqa: D301 - click reads \b itself
    from engine.messages import Verb

    return send(Verb.PROMOTE, name, chosen, given)

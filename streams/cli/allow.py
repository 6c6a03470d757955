"""`sidestream allow`: ask the worker to let evidence promote a contender again."""

from __future__ import annotations

from typing import Any

import click

from streams.cli.chosen_log import ChosenLog
from streams.cli.send_command import command_flags, send


@click.command(name="allow")
@click.argument("name")
@command_flags
def command(name: str, chosen: ChosenLog, **given: Any) -> int:
    """Ask the worker to let evidence promote contender NAME again.

    What was gathered meanwhile counts. Refused, with exit code 1, where NAME is unknown or not held.
    """
    from engine.messages import Verb

    return send(Verb.ALLOW, name, chosen, given)

"""`sidestream restore`: ask the worker to let a benched contender take part again."""

from __future__ import annotations

from typing import Any

import click

from streams.cli.chosen_log import ChosenLog
from streams.cli.send_command import command_flags, send


@click.command(name="restore")
@click.argument("name")
@command_flags
def command(name: str, chosen: ChosenLog, **given: Any) -> int:
    """Ask the worker to let the benched contender NAME take part again.

    It goes on with its state as it was; what it missed stays missed. Refused, with exit code 1, where NAME is unknown
    or not benched.
    """
    from engine.messages import Verb

    return send(Verb.RESTORE, name, chosen, given)

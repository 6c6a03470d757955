"""`sidestream bench`: ask the worker to take a contender out."""

from __future__ import annotations

from typing import Any

import click

from streams.cli.chosen_log import ChosenLog
from streams.cli.send_command import command_flags, send


@click.command(name="bench")
@click.argument("name")
@command_flags
def command(name: str, chosen: ChosenLog, **given: Any) -> int:
    """Ask the worker to take contender NAME out, its state kept as it is.

    It answers and learns no more until `restore`. In the place of a benched champion answers the next in line. Refused,
    with exit code 1, where NAME is unknown or benched already.
    """
    from engine.messages import Verb

    return send(Verb.BENCH, name, chosen, given)

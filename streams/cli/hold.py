"""`sidestream hold`: ask the worker not to let evidence promote a contender."""

from __future__ import annotations

from typing import Any

import click

from streams.cli.chosen_log import ChosenLog
from streams.cli.send_command import command_flags, send


@click.command(name="hold")
@click.argument("name")
@command_flags
def command(name: str, chosen: ChosenLog, **given: Any) -> int:
    """Ask the worker not to let evidence promote contender NAME, whatever it says.

    For reasons the engine cannot see, such as its latency. It goes on learning and gathering evidence, and may be
    promoted by command. Refused, with exit code 1, where NAME is unknown or held already, or no evidence is gathered.

    \b
        sidestream hold tree --log state --reason "p99 of 40 ms, 20 are allowed"
    """  # noqa: D301 - click reads \b itself
    from engine.messages import Verb

    return send(Verb.HOLD, name, chosen, given)

"""`sidestream rollback`: ask the worker to undo the last change of champion."""

from __future__ import annotations

from typing import Any

import click

from streams.cli.chosen_log import ChosenLog
from streams.cli.send_command import command_flags, send


@click.command(name="rollback")
@command_flags
def command(chosen: ChosenLog, **given: Any) -> int:
    """Ask the worker to let the champion before the last change answer again.

    Refused, with exit code 1, where there was no change, or that champion is benched.
    """
    from engine.messages import Verb

    return send(Verb.ROLLBACK, None, chosen, given)

"""`sidestream fork`: what another model would have done from a position on."""

from __future__ import annotations

import json

import click

from streams.cli.chosen_log import ChosenLog, log_flags


@click.command(name="fork")
@click.option("--at", "position", metavar="POSITION", type=click.IntRange(min=0), required=True, help="From here on.")
@click.option("--challenger", "challengers", metavar="SPEC", multiple=True, required=True, help="SPEC or NAME=SPEC.")
@log_flags
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    position: int,
    challengers: tuple[str, ...],
    chosen: ChosenLog,
    as_json: bool,  # noqa: FBT001 - click's
) -> None:
    """Let another model join in the shadow at POSITION, carry out the rest of the log, and compare all contenders.

    The new model knows nothing at POSITION and learns from there; every figure counts the requests from there on. The
    log and its worker are not touched.
    """
    from rich.console import Console

    from streams.cli.past import opened
    from streams.cli.screen import contender_table
    from streams.fork import fork

    with opened(chosen) as ground:
        summary = fork(ground, position, challengers)
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.out(json.dumps(summary.data, indent=2))
    else:
        console.print(contender_table(summary))

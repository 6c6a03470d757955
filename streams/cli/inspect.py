"""`sidestream inspect`: what a state directory holds."""

from __future__ import annotations

import json
import os
from typing import Any

import click

FOUND_SOMETHING = 1


@click.command(name="inspect")
@click.argument("directory", metavar="DIR")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(directory: str, as_json: bool) -> None:  # noqa: FBT001 - click's
    """List the checkpoints in DIR, each verified, and say what the newest holds. Exits with 1 if any is refused."""
    from rich.console import Console
    from rich.text import Text

    from streams.checkpoint_seal import key_from
    from streams.inspection import inspect

    found = inspect(directory, key_from(os.environ))
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.out(json.dumps(found, indent=2))
    else:
        for line in lines(found):
            console.print(Text(line))
    if any(checkpoint["refused"] for checkpoint in found["checkpoints"]):
        click.get_current_context().exit(FOUND_SOMETHING)


def lines(found: dict[str, Any]) -> list[str]:
    """Return what was found, for eyes."""
    shown = ["checkpoints, the newest first:"]
    for checkpoint in found["checkpoints"]:
        refused = checkpoint["refused"]
        says = (
            f"REFUSED: {refused}" if refused else f"position {checkpoint['position']:,}, {checkpoint['bytes']:,} bytes"
        )
        shown.append(f"  {checkpoint['name']}  {says}")
    newest = found["newest"]
    if newest is None:
        return shown
    shown += [
        "",
        f"{newest['name']}: {newest['requests']:,} requests, {newest['pending']:,} pending, {newest['held']:,} labels "
        f"held, {newest['remembered']:,} ended requests remembered, {newest['tape']:,} steps on the tape",
    ]
    rung = "" if newest["rung"] is None else f", which came there by the ladder ({newest['rung']})"
    shown.append(f"  champion: {newest['champion']}{rung}")
    for contender in newest["contenders"]:
        benched = f", benched: {contender['benched']}" if contender["benched"] else ""
        shown.append(
            f"  {contender['name']}: learned {contender['learned_count']:,}, {contender['bytes']:,} bytes{benched}"
        )
        shown.append(f"    {contender['spec']}")
    return shown

"""`sidestream inspect`: what the directory of a replay's state, or of a log, holds."""

from __future__ import annotations

import json
import os
from typing import Any

import click

from streams.cli.chosen_log import ChosenLog, on_kafka

FOUND_SOMETHING = 1


@click.command(name="inspect")
@click.argument("directory", metavar="DIR")
@on_kafka
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(chosen: ChosenLog, as_json: bool) -> None:  # noqa: FBT001 - click's
    """List the checkpoints in DIR, each verified, and say what the newest holds. Exits with 1 if any is refused.

    DIR is a replay's --state or a worker's [log] dir; of a log, its topics, its journal, its worker and who answers are
    told, too.
    """
    from pathlib import Path

    from rich.console import Console
    from rich.text import Text

    from streams.checkpoint_seal import key_from
    from streams.inspection import inspect, inspect_log
    from streams.log_file import LOG_FILE

    key = key_from(os.environ)
    directory = str(chosen.directory)
    if (Path(directory) / LOG_FILE).is_file() or chosen.settings().kafka.address is not None:
        with chosen.opened() as log:
            found = inspect_log(log, directory, key)
    else:
        found = inspect(directory, key)
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
    shown = [*_log_lines(found["log"]), ""] if "log" in found else []
    shown.append("checkpoints, the newest first:" if found["checkpoints"] else "no checkpoints")
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


def _log_lines(log: dict[str, Any]) -> list[str]:
    """Return what is on a log, for eyes."""
    journal, worker = log["journal"], log["worker"]
    width = max(map(len, log["topics"]), default=0)
    shown = []
    for name, partitions in log["topics"].items():
        ends = ", ".join(f"{each['begin']:,} to {each['end']:,}" for each in partitions)
        shown.append(f"topic {name:{width}}  {ends}")
    shown.append(f"journal: commits {journal['begin']:,} to {journal['end']:,}")
    if worker is None:
        return [*shown, "no worker has run on it yet"]
    rule = "" if worker["rule"] is None else f", by {worker['rule']}"
    return [
        *shown,
        f"worker: started {worker['starts']:,} times, last at {worker['started_at']} by {worker['started_by']}",
        f"settings: SHA-256 {worker['settings_sha256'][:16]}; each is in --json",
        f"who answers: {worker['champion']}{rule}",
    ]

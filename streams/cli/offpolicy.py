"""`sidestream offpolicy`: what each contender's decisions would have cost, from the log of a replay."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command(name="offpolicy")
@click.argument("directory", metavar="OUT_DIR")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(directory: str, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Estimate from OUT_DIR, where a replay with --routing wrote, the error rate of each contender's decisions.

    IPS and DR look only at the outcomes of what was served. Where every label is known, `direct` is exact, and the
    others show what would have been learned without.
    """
    from rich.console import Console

    from streams.cli.experiment_lines import off_policy_table
    from streams.off_policy_files import off_policy_of

    found = off_policy_of(Path(directory))
    if as_json:
        click.echo(json.dumps(found))
    else:
        Console(highlight=False).print(off_policy_table(found))

"""`sidestream audit`: does a log hold what it promises."""

from __future__ import annotations

import json

import click

from streams.cli.chosen_log import ChosenLog, on_kafka

FOUND_SOMETHING = 1


@click.command(name="audit")
@click.argument("directory", metavar="DIR")
@on_kafka
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(chosen: ChosenLog, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Make every commit in the log in DIR again, compare it with what was written, and count every input's end.

    On Kafka, DIR is its worker's [log] dir. Exits with 1 if anything does not hold, and says what. Changes nothing. A
    worker may run meanwhile: what it commits after the audit began is not looked at.
    """
    from rich.console import Console

    from streams.audit import Auditor
    from streams.cli.past import opened, progress

    with opened(chosen) as ground:
        found = Auditor(ground, progress("audit")).run()
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.out(json.dumps({"clean": found.is_clean, "counts": found.counts, "findings": found.findings}, indent=2))
    else:
        width = max(map(len, found.counts))
        for name, count in found.counts.items():
            console.print(f"{name:<{width}}  {count:>12,}", markup=False)
        for finding in found.findings:
            console.print(f"FOUND: {finding}", markup=False)
        if found.is_clean:
            console.print("everything holds: each input has one end, each commit comes out the same", markup=False)
    if not found.is_clean:
        click.get_current_context().exit(FOUND_SOMETHING)

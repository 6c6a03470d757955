"""`sidestream topics`: what a log holds."""

from __future__ import annotations

import json

import click

from streams.cli.chosen_log import ChosenLog, log_flags


@click.command(name="topics")
@log_flags
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(chosen: ChosenLog, as_json: bool) -> None:  # noqa: FBT001 - click's
    """List the topics of a log: for each partition its first offset, its end and its bytes."""
    from rich.console import Console
    from rich.table import Table

    with chosen.opened() as log:
        topics = log.topics()
        journal = {"begin": log.journal_begin(), "end": log.journal_end()}
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        named = {topic.name: [info._asdict() for info in topic.partitions] for topic in topics}
        console.out(json.dumps({"topics": named, "journal": journal}, indent=2))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("topic", no_wrap=True)
    for name in ("partition", "begin", "end", "bytes"):
        table.add_column(name, justify="right", no_wrap=True)
    for topic in topics:
        for number, info in enumerate(topic.partitions):
            table.add_row(topic.name, str(number), *(f"{figure:,}" for figure in info))
    if topics:
        console.print(table)
    else:
        console.print("no topics; `sidestream append TOPIC FILE --create 1` makes one")
    console.print(f"journal: commits {journal['begin']:,} to {journal['end']:,}")

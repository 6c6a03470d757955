"""`sidestream models`: what a spec can name, and what our compiled models cost here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.model_costs import Cost


@click.command(name="models")
@click.argument("word", required=False)
@click.option("--measure", is_flag=True, help="Measure what an event costs our compiled models on this machine.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(word: str | None, measure: bool, as_json: bool) -> None:  # noqa: FBT001 - click's
    """List the models a spec can name; with WORD, those whose name or summary holds it.

    With --measure, our compiled models alone: microseconds per event to predict, to learn, and for both in a run of
    many, and what they keep in memory, on a made stream of 20 numbers.
    """
    if measure:
        _measure(word, as_json=as_json)
        return
    from engine.models.spec import list_models
    from streams.cli.listing import show

    show(list_models(), word, as_json=as_json)


def _measure(word: str | None, *, as_json: bool) -> None:
    from engine.errors import ConfigError
    from streams.model_costs import compiled_models
    from streams.model_costs import measure as costs_of

    names = compiled_models(word)
    if not names:
        msg = f"no compiled model is called {word!r}; there are {', '.join(compiled_models())}"
        raise ConfigError(msg)
    costs = costs_of(names)
    if as_json:
        click.echo(json.dumps([cost._asdict() for cost in costs], indent=2))
    else:
        _show(costs)


def _show(costs: Sequence[Cost]) -> None:
    from rich.console import Console
    from rich.table import Table

    from streams.model_costs import EVENT_COUNT, FEATURE_COUNT

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("model", no_wrap=True)
    table.add_column("task", no_wrap=True)
    for heading in ("predict us", "learn us", "both us", "bytes"):
        table.add_column(heading, justify="right")
    for cost in costs:
        spent = (f"{us:,.2f}" for us in (cost.predict_us, cost.learn_us, cost.both_us))
        table.add_row(cost.model, cost.task, *spent, f"{cost.memory_bytes:,}")
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    console.print(f"{EVENT_COUNT:,} events of {FEATURE_COUNT} numbers; medians per event; both: in runs of many")

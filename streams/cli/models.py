"""`sidestream models`: what a spec can name."""

from __future__ import annotations

import click


@click.command(name="models")
@click.argument("word", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(word: str | None, as_json: bool) -> None:  # noqa: FBT001 - click's
    """List the models a spec can name; with WORD, those whose name or summary holds it."""
    from engine.models.spec import list_models
    from streams.cli.listing import show

    show(list_models(), word, as_json=as_json)

"""`sidestream detectors`: what a spec can name."""

from __future__ import annotations

import click


@click.command(name="detectors")
@click.argument("word", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def command(word: str | None, as_json: bool) -> None:  # noqa: FBT001 - click's
    """List the drift detectors a spec can name; with WORD, those whose name or summary holds it."""
    from engine.drift.presets import PRESETS
    from engine.models.spec import list_detectors
    from streams.cli.listing import show, show_presets

    show(list_detectors(), word, as_json=as_json)
    if word is None and not as_json:
        show_presets(PRESETS)

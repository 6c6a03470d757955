"""`sidestream warm-up`: compile now what the first compiled models would wait for."""

from __future__ import annotations

import json

import click


@click.command(name="warm-up")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(as_json: bool) -> None:  # noqa: FBT001 - click's
    """Compile the kernels of our compiled models, and say what it took and where they are kept.

    What is kept already is loaded, in a fraction of the time. Run it where an image is built, or after an upgrade.
    """
    from streams.kernel_cache import warm_up

    folder, warmed = warm_up(lambda words: click.echo(f"sidestream: {words}", err=True))
    if as_json:
        kept = None if folder is None else str(folder)
        click.echo(json.dumps({"kept": kept, "kernels": [each._asdict() for each in warmed]}, indent=2))
        return
    width = max(len(each.name) for each in warmed)
    for each in warmed:
        click.echo(f"{each.name:<{width}}  {'compiled' if each.compiled else 'loaded'} in {each.seconds:.1f} s")
    click.echo(f"kept in {folder}" if folder else "not kept: no cache directory can be written")

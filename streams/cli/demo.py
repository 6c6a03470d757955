"""`sidestream demo`: the whole loop on made-up card payments, with nothing to set up."""

from __future__ import annotations

import click


@click.command(name="demo")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Which payments.")
@click.option("--write", metavar="FILE.csv", help="Write the payments and their settings to files, and run nothing.")
@click.option("--quiet", is_flag=True, help="Print the story alone.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output, and nothing else.")
def command(seed: int, write: str | None, quiet: bool, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Run card payments whose fraud changes its ways, once suddenly and once gradually, and see what is found.

    Rules answer, two models learn in their shadow from labels that come days late. Drift is found and named, and a
    better model takes over on evidence. Nothing is configured, downloaded or kept, and every step is the engine's own:
    the same file, settings and result can be had with

    \b
        sidestream demo --write payments.csv
        sidestream replay --config payments.toml
    """  # noqa: D301 - click reads \b itself
    import sys

    from streams.cli.demo_screen import DemoScreen
    from streams.demo import Chronicle, demo_settings, write_demo
    from streams.demo_story import as_json_text, story
    from streams.replay import replay
    from streams.synthetic import CardPayments

    if write is not None:
        settings = write_demo(write, seed)
        click.echo(f"written: {write} and {settings}; run them: sidestream replay --config {settings}")
        return
    chronicle = Chronicle()
    screen = DemoScreen(chronicle, quiet=quiet or as_json)
    result = replay(demo_settings(), screen, CardPayments(seed))
    if as_json:
        sys.stdout.write(as_json_text(chronicle, result.durable, seed) + "\n")
    else:
        screen.show(result, story(chronicle, result.durable), seed)

"""`sidestream replay`: a stream of labelled events through champion, challengers and baselines."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from streams.cli.flags import NAMES, as_settings, settings_flags


@click.command(name="replay")
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--config", metavar="F", default=None, help="TOML file of settings; flags outrank it.")
@settings_flags
@click.option("--fallback", is_flag=True, help="With --state: pass over a damaged checkpoint for the one before it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output, and nothing else.")
def command(paths: tuple[str, ...], config: str | None, fallback: bool, as_json: bool, **given: Any) -> None:  # noqa: FBT001 - click's
    """Run a stream of labelled events through champion, challengers and baselines.

    PATH is a CSV, JSONL or Parquet file (.gz too), several of one kind, - for standard input, or river:NAME for a data
    set that comes with river:

    \b
        sidestream replay river:Phishing
        sidestream replay payments.csv --target fraud --time ts --label-delay 7d
    """  # noqa: D301 - click reads \b itself
    from streams.cli.screen import Screen
    from streams.replay import replay
    from streams.settings import load_settings

    flags = as_settings(given, paths)
    if fallback:
        flags.setdefault("run", {})["fallback"] = True
    settings = load_settings(config, flags, os.environ, NAMES)
    screen = Screen(quiet=as_json)
    result = replay(settings, screen)
    if as_json:
        sys.stdout.write(result.as_json() + "\n")
    else:
        screen.show(result)

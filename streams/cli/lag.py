"""`sidestream lag`: how far a worker is behind its inputs, for how long, and who leads."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from streams.cli.chosen_log import ChosenLog, log_flags

if TYPE_CHECKING:
    from streams.lag import Lag
    from streams.log_port import Log
    from streams.settings import Settings
    from streams.whereabouts import Whereabouts


@click.command(name="lag")
@log_flags
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(chosen: ChosenLog, as_json: bool) -> None:  # noqa: FBT001 - click's
    """Say how far the worker of a log is behind: for each input its end, where the journal stands, and the lag.

    On Kafka also for how long the oldest record has waited, how old the last commit is, and who leads.
    """
    from rich.console import Console

    from streams.clock import SystemClock
    from streams.ground import inputs_of
    from streams.lag import lag_of

    settings = chosen.settings()
    with chosen.opened() as log:
        inputs = inputs_of(_as_begun(log, settings), log.topics())
        lag = lag_of(log, inputs, _kept(log, settings), SystemClock().now_ms)
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.out(json.dumps(_data(lag), indent=2))
    else:
        _show(console, lag)


def _as_begun(log: Log, settings: Settings) -> Settings:
    """Return the settings that the journal was begun with, which number the inputs; these where none was."""
    from streams.ground import start_at
    from streams.settings import load_settings

    return load_settings(None, start_at(log, 0)["settings"], {}) if log.journal_end() else settings


def _kept(log: Log, settings: Settings) -> list[Whereabouts]:
    """Return where states were kept: the log's snapshots, and the newest checkpoint on this machine."""
    from contextlib import suppress
    from pathlib import Path

    from streams.checkpoint_reader import CheckpointReader
    from streams.checkpoint_seal import key_from
    from streams.ground import CHECKPOINTS
    from streams.log_port import LogError
    from streams.snapshot_shelf import shelf_of
    from streams.whereabouts import whereabouts_of

    store = None if log.cluster is None else log.cluster.snapshots
    kept = []
    if store is not None:
        with suppress(LogError):  # damage among the snapshots makes this slower, and not wrong
            kept += [snapshot.whereabouts for snapshot in shelf_of(store.records()).whole]
    if settings.log.dir is not None:
        directory = Path(settings.log.dir) / CHECKPOINTS
        rest = CheckpointReader(directory=directory, identity=None, key=key_from(os.environ)).newest_rest()
        here = whereabouts_of(rest)
        kept += [] if here is None else [here]
    return kept


def _data(lag: Lag) -> dict[str, Any]:
    return {
        "inputs": [each._asdict() for each in lag.inputs],
        "lag": lag.total,
        "age_s": lag.age_s,
        "commits": lag.commits,
        "term": lag.term,
        "commit_age_s": lag.commit_age_s,
        "leader": lag.leader,
    }


def _show(console: Any, lag: Lag) -> None:
    """Print it for eyes."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("input", no_wrap=True)
    for name in ("partition", "end", "committed", "lag", "oldest waits"):
        table.add_column(name, justify="right", no_wrap=True)
    for topic, number, end, committed, behind, age_s in lag.inputs:
        table.add_row(topic, str(number), f"{end:,}", f"{committed:,}", f"{behind:,}", _age(age_s, behind))
    console.print(table)
    console.print(f"all inputs: {lag.total:,} behind, the oldest waits {_age(lag.age_s, lag.total)}")
    if not lag.commits:
        console.print("no worker has committed yet")
        return
    age = "" if lag.commit_age_s is None else f", the last one {lag.commit_age_s:.1f} s ago"
    console.print(f"journal: {lag.commits:,} commits, in term {lag.term}{age}")
    if lag.leader is not None:
        console.print(Text(f"leads: {lag.leader}"))


def _age(age_s: float | None, behind: int) -> str:
    if age_s is None:
        return "n/a" if behind else "-"
    return f"{age_s:.1f} s"

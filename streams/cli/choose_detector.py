"""`sidestream choose-detector`: the detectors on somebody's own losses, in a table, and which of them to take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from engine.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from rich.table import Table

    from streams.detector_choice import Asked, Budget, Chosen, Row

NOTHING_WILL_DO = 1
WIDE = 120


@click.command(name="choose-detector")
@click.argument("losses", metavar="LOSSES|RUN_DIR")
@click.option("--column", metavar="COL", help="The column of a table that holds the losses.")
@click.option("--contender", metavar="NAME", help="Whose losses, of a run; what was served if left out.")
@click.option("--signal", type=click.Choice(["loss", "misses"]), default="loss", show_default=True, help="Of a run.")
@click.option("--times", type=float, default=2.0, show_default=True, help="Changes to hear: to so many times the mean.")
@click.option("--budget", default="1 per 20000", show_default=True, help="False alarms that are bearable, per values.")
@click.option("--quick", is_flag=True, help="A fifth of the streams.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of all draws.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output, and nothing else.")
def command(losses: str, budget: str, as_json: bool, **given: Any) -> int:  # noqa: FBT001 - click's
    """Try the detectors on a series of losses of yours, and say which to take.

    LOSSES is a file with a number on each line, - for standard input, or a table with --column; RUN_DIR is what
    `replay --out` wrote. Changes of the asked size are put into copies of the calmest half of it: at once, gradual, and
    for a while. The fastest that keeps to the budget, and hears nine in ten of the lasting ones, is recommended; exit
    code 1 where there is none.

    \b
        sidestream choose-detector results --contender tree --times 3
        sidestream choose-detector losses.txt --budget "1 per 50000" --quick
    """  # noqa: D301 - click reads \b itself
    from streams.detector_choice import STREAM_COUNT, STREAM_COUNT_QUICK, Asked, choose

    stream_count = STREAM_COUNT_QUICK if given["quick"] else STREAM_COUNT
    asked = Asked(_budget(budget), given["times"], stream_count, given["seed"])
    series = _series(losses, given)
    with _progress(quiet=as_json) as step:
        chosen = choose(series, asked, step)
    if as_json:
        from streams.codec import to_json

        click.echo(to_json(_data(chosen, given["signal"])))
    else:
        show(chosen, asked, given["signal"], len(series))
    return 0 if chosen.best is not None else NOTHING_WILL_DO


def _series(losses: str, given: dict[str, Any]) -> list[float]:
    from streams.loss_series import LOSS, losses_of_run, read_losses

    if Path(losses).is_dir():
        if given["column"] is not None:
            msg = f"--column is of a table, and {losses!r} is a directory; leave it out"
            raise ConfigError(msg)
        return losses_of_run(losses, contender=given["contender"], signal=given["signal"])
    if given["contender"] is not None or given["signal"] != LOSS:
        msg = f"--contender and --signal are of a directory that replay --out wrote, and {losses!r} is none"
        raise ConfigError(msg)
    return read_losses(losses, column=given["column"])


def _budget(text: str) -> Budget:
    from streams.detector_choice import PER_MAX, Budget

    found = re.fullmatch(r"\s*(\d+)\s+per\s+([\d_,]+)\s*", text)
    alarms, values = (int(re.sub("[_,]", "", part)) for part in found.groups()) if found else (0, 0)
    if not 0 < alarms <= values <= PER_MAX:
        msg = f"--budget says how many false alarms in how many values, at most {PER_MAX:,}, got {text!r}; "
        raise ConfigError(f"{msg}write it as '1 per 20000'")
    return Budget(alarms, values)


def _progress(*, quiet: bool) -> AbstractContextManager[Callable[[int, int], None]]:
    from contextlib import contextmanager

    from rich.console import Console
    from rich.progress import Progress

    @contextmanager
    def shown() -> Any:
        console = Console(stderr=True)
        with Progress(console=console, transient=True, disable=quiet or not console.is_terminal) as progress:
            task = progress.add_task("detectors", total=None)
            yield lambda done, of: progress.update(task, completed=done, total=of)

    return shown()


def _data(chosen: Chosen, signal: str) -> dict[str, Any]:
    """Return everything as plain data."""
    return {
        "recommended": None if chosen.best is None else _spec(chosen.best, signal),
        "calm": {"from": chosen.calm_from, "count": chosen.calm_count, "mean": chosen.mean},
        "block": chosen.block_count,
        "detectors": [
            {
                "detector": row.detector,
                "false_per_10_000": row.false.per_10_000,
                "by_chance": row.false.by_chance,
                "keeps_to_budget": row.keeps,
                "changes": {
                    name: {"median": each.median, "p90": each.p90, "missed": each.missed, "of": each.stream_count}
                    for name, each in row.delays.items()
                },
            }
            for row in chosen.rows
        ],
    }


def _spec(row: Row, signal: str) -> str:
    return row.detector if signal == "loss" else f"{signal}={row.detector}"


def _table(chosen: Chosen, *, wide: bool) -> Table:
    """Return the table; a narrow one has medians alone."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("detector", overflow="fold")
    for heading in ("false", "chance", *chosen.changes):
        table.add_column(heading, justify="right", no_wrap=not wide)
    for row in chosen.rows:
        cells = [f"{row.false.per_10_000:.2f}", _or(row.false.by_chance, "never")]
        for each in row.delays.values():
            missed = f" ({each.missed})" if each.missed and each.heard else ""
            cells.append(each.shown() if wide else f"{_or(each.median, '-')}{missed}")
        style = "bold green" if row is chosen.best else "" if row.keeps else "dim"
        table.add_row(row.detector, *cells, style=style)
    return table


def _or(value: float | None, nothing: str) -> str:
    return nothing if value is None else f"{value:,.0f}"


def show(chosen: Chosen, asked: Asked, signal: str, count: int) -> None:
    """Print the table and the recommendation."""
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    unit = "losses" if signal == "loss" else "positives"
    console.print(
        Text(
            f"{count:,} {unit}; calm: {chosen.calm_count:,} from {chosen.calm_from:,} on, mean {chosen.mean:.4f}, "
            f"drawn in blocks of {chosen.block_count}",
            style="dim",
        )
    )
    if not console.is_terminal:
        console.width = max(console.width, WIDE)
    console.print(_table(chosen, wide=console.width >= WIDE))
    stream_count = asked.stream_count
    said = "median / 90th percentile (missed)" if console.width >= WIDE else "median (missed)"
    console.print(Text(f"false alarms in 10,000; delays over {stream_count} streams: {said}", style="dim"))
    bearable = f"{asked.budget.alarms} in {asked.budget.values:,}"
    if chosen.best is None:
        console.print(
            Text(
                f"None keeps to {bearable} and hears nine in ten of the lasting changes. Bear more (--budget), ask for "
                "larger changes (--times), or give losses of more events."
            )
        )
        return
    heard = chosen.best.delays[chosen.changes[0]]
    console.print(
        Text(
            f"Take {chosen.best.detector}: it keeps to {bearable}, and hears {chosen.changes[0]} after "
            f"{heard.median:,.0f} {unit} (median; nine in ten within {heard.p90:,})."
        )
    )
    console.print(Text(f'\n[detectors]\nspecs = ["{_spec(chosen.best, signal)}"]'))

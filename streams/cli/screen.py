"""What a person sees: progress while a replay runs, and a table when it is over. Talk goes to standard error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column, Table
from rich.text import Text

from streams.cli.budget_lines import budget_lines
from streams.cli.experiment_lines import experiment_lines

if TYPE_CHECKING:
    from engine.engine import Engine
    from engine.messages import Outcomes
    from engine.summary import Summary
    from streams.ports import Source
    from streams.preparation import Prepared
    from streams.replay import Result

REFRESH_S = 0.25
TABLE_WIDTH_MAX = 500
EPISODES_SHOWN = 8
PROMOTIONS_SHOWN = 5
_HEADINGS = {"balanced_accuracy": "balanced", "log_loss": "log loss"}
_BETTER_LOW = {"log_loss", "brier", "mae", "rmse"}


class Screen:
    """The terminal, as the observer of a replay.

    Parameters
    ----------
    quiet
        Say nothing but what is asked for: `--json`.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._talk = Console(stderr=True, highlight=False)
        self._data = Console(highlight=False)
        self._progress: Progress | None = None
        self._source: Source | None = None
        self._shown_s = 0.0
        self._notices: tuple[str, ...] = ()

    def begin(self, prepared: Prepared, notices: Sequence[str]) -> None:
        """Say what was inferred, and start the progress line."""
        if self._quiet:
            return
        for notice in (*prepared.notices, *notices):
            self._talk.print(Text(f"· {notice}", style="dim"), soft_wrap=not self._talk.is_terminal)
        if self._talk.is_terminal:
            self._progress = Progress(
                BarColumn(bar_width=16, table_column=Column(width=16, no_wrap=True)),
                TextColumn("{task.description}"),
                console=self._talk,
                transient=True,
            )
            self._progress.add_task("starting", total=None)
            self._source = prepared.source
            self._progress.start()

    def note(self, out: Outcomes) -> None:
        """Say nothing yet: what was said is in the table's lines."""

    def progress(self, engine: Engine, seconds: float) -> None:
        """Show the state of the run, a few times a second."""
        if self._progress is None or seconds - self._shown_s < REFRESH_S:
            return
        self._shown_s = seconds
        join = engine.scorer.join
        losses = "  ".join(
            f"{contender.name} {_figure(contender.judges.labelled.recent_loss())}"
            for contender in engine.learner.contenders
        )
        events = join.ledger.requests
        text = f"{events:,} events  {events / seconds:,.0f}/s  {join.pending_count:,} pending  rolling loss: {losses}"
        done = self._source.fraction() if self._source is not None else None
        total = None if done is None else 1.0
        self._progress.update(self._progress.task_ids[0], description=text, completed=done or 0.0, total=total)

    def end(self) -> None:
        """Take the progress line away."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None

    def show(self, result: Result) -> None:
        """Print the result for eyes."""
        table = contender_table(result.summary, result.us_per_event)
        # A figure that is cut short is no figure: where the table is wider than the terminal, lines wrap.
        unbounded = self._data.options.update(width=TABLE_WIDTH_MAX)
        self._data.width = max(self._data.width, self._data.measure(table, options=unbounded).maximum)
        self._data.print(table)
        for line in _lines(result):
            self._data.print(line, soft_wrap=not self._data.is_terminal)


def contender_table(summary: Summary, us_per_event: Mapping[str, float | None] | None = None) -> Table:
    """Return the contenders and their figures, the best of each column in bold; with their times, where given."""
    columns, rows = summary.figures()
    table = Table(box=None, pad_edge=False, collapse_padding=True, header_style="bold")
    table.add_column("contender", no_wrap=True)
    table.add_column("role", no_wrap=True)
    for column in columns:
        table.add_column(_HEADINGS.get(column, column), justify="right", no_wrap=True)
    if us_per_event is not None:
        table.add_column("µs/event", justify="right", no_wrap=True)
    best = [_best(column, [values[i] for _, _, values in rows]) for i, column in enumerate(columns)]
    for name, role, values in rows:
        cells = [
            Text(_figure(value), style="bold green" if value is not None and value == best[i] else "")
            for i, value in enumerate(values)
        ]
        if us_per_event is not None:
            spent = us_per_event.get(name) if role else None
            cells.append(Text("n/a" if spent is None else f"{spent:,.1f}"))
        table.add_row(name, role, *cells)
    return table


def _lines(result: Result) -> list[str]:
    """Return the sentences under the table."""
    data = result.durable
    requests = {**data["requests"], "duplicate": data["duplicates"]}
    rate = data["events"] / result.wall_s if result.wall_s else 0.0
    lines = [
        "",
        f"{data['events']:,} events in {result.wall_s:.1f} s ({rate:,.0f}/s)",
        f"requests: {_counts(requests)}",
        f"labels:   {_counts(data['labels'])}",
    ]
    if data["labels_not_yet_known"]:
        lines.append(f"          {data['labels_not_yet_known']:,} not yet known when the stream ended")
    if data["dead_letters"]:
        where = f"see {result.out}/dead_letters.jsonl" if result.out else "add --out DIR to keep them"
        lines.append(f"dead letters: {data['dead_letters']:,}; {where}")
    lines.append(f"drift alarms: {_alarms(data)}")
    lines += budget_lines(data["alarm_budget"])
    lines += _shift(data)
    lines += _episodes(data)
    lines += _promotions(data)
    lines += _standings(data)
    lines += experiment_lines(data)
    for name, model in data["models"].items():
        if model["benched"]:
            lines.append(f"benched: {name}: {model['benched']}")
    lines.append(f"state digest: {data['state_digest'][:16]}")
    if result.out:
        lines.append(f"written to {result.out}")
    return lines


def _episodes(data: dict[str, Any]) -> list[str]:
    """Return the changes that the alarms are about, the latest few."""
    episodes = [episode for episode in data["episodes"] if episode["kind"] is not None]
    lines = []
    shown = episodes[-EPISODES_SHOWN:]
    for episode in shown:
        width = f" over {episode['width']:,} requests" if episode["width"] else ""
        lines.append(
            f"  {episode['episode']}: {episode['kind']}, from request {episode['onset_index']:,}{width}, "
            f"loss {episode['severity']:+.4f}"
        )
        if episode["moved"]:
            lines.append(f"    moved with it: {', '.join(map(_moved, episode['moved']))}")
    more = len(episodes) - len(shown)
    return lines if not more else [f"  {more:,} episodes before", *lines]


def _moved(moved: dict[str, Any]) -> str:
    """Return a feature that moved, from what to what."""
    name = moved["feature"] if moved["category"] is None else f"{moved['feature']} {moved['category']}"
    return f"{name} {_figure(moved['before'])} -> {_figure(moved['after'])}"


def _shift(data: dict[str, Any]) -> list[str]:
    """Return what stands apart from its reference now, and how well contenders are expected to do."""
    shift = data["shift"]
    if shift is None:
        return []
    found = ", ".join(shift["found"]) or "nothing"
    lines = [f"shift: {found} at the latest of {shift['looks']:,} looks" if shift["looks"] else "shift: no look yet"]
    for name, estimate in shift["estimates"].items():
        realised = data["models"][name]["matured"]
        shown = "n/a" if realised is None else _figure(realised["accuracy"])
        lines.append(
            f"  {name}: accuracy {_figure(estimate['accuracy'])} expected without labels, {shown} matured; "
            f"gap in loss {_figure(estimate['matured']['gap'])}"
        )
    return lines


def _standings(data: dict[str, Any]) -> list[str]:
    """Return whether evidence allows each challenger to be promoted, and why not."""
    if data["promotion"] is None:
        return []
    return [
        f"eligible: {name}: {'yes' if each['eligible'] else 'no, because: ' + each['because']}"
        for name, each in data["promotion"]["standings"].items()
    ]


def _promotions(data: dict[str, Any]) -> list[str]:
    """Return who came to answer after whom, the latest few, and who answers now."""
    changes = data["promotions"][-PROMOTIONS_SHOWN:]
    if not changes:
        return []
    more = data["promotion_count"] - len(changes)
    return [
        f"champion: {data['champion']}",
        *([f"  {more:,} changes before"] if more else []),
        *(f"  at request {each['index']:,} {each['to']} after {each['from']}: {_why(each)}" for each in changes),
    ]


def _why(change: dict[str, Any]) -> str:
    by = {"ladder": "by the ladder", "command": "by command"}.get(change["rule"], "by evidence")
    return f"{by}, {change['reason']}"


def _alarms(data: dict[str, Any]) -> str:
    """Return the alarms per contender, and per test without labels, with the index of the first few."""
    found: dict[str, list[int]] = {}
    for alarm in data["alarms"]:
        tested = f" ({alarm['detector']})" if alarm["signal"] == "shift" else ""
        found.setdefault(f"{alarm['watched']}{tested}", []).append(alarm["index"])
    if not found:
        return "none"
    shown = []
    for watched, at in found.items():
        more = f" and {len(at) - 3} more" if len(at) > 3 else ""
        shown.append(f"{watched} at {', '.join(f'{index:,}' for index in at[:3])}{more}")
    return "; ".join(shown)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count) or "none"


def _best(column: str, values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    if not known:
        return None
    return min(known) if column in _BETTER_LOW else max(known)


def _figure(value: float | None) -> str:
    if value is None:
        return "n/a"
    if abs(value) >= 1e6:
        return f"{value:.3g}"
    return f"{value:.4f}" if abs(value) < 100 else f"{value:,.1f}"

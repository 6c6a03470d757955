"""What a demo looks like: a live view on a terminal, plain lines elsewhere, and the story at the end.

It draws what `streams.demo` notes, and decides nothing. 80 columns and 24 lines are enough for the live view.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine.messages import Outcomes
from streams.demo import Chronicle, Happening
from streams.synthetic import PAYMENT_COUNT, day_of

if TYPE_CHECKING:
    from engine.engine import Engine
    from streams.preparation import Prepared
    from streams.replay import Result

REFRESH_S = 0.25
LINES_ABOVE = 15
"""Lines of the live view that are no timeline."""

_STYLES = {"truth": "dim", "alarm": "yellow", "episode": "cyan", "reaction": "magenta", "promotion": "bold green"}
_SORT_WIDTH = max(map(len, _STYLES))
_SHOWN = ("recall", "precision", "brier")
_HEADINGS = ("caught", "alerts right", "Brier loss")


class DemoScreen:
    """The terminal, as the observer of a demo.

    Parameters
    ----------
    chronicle
        Notes what happens.
    quiet
        Show nothing before the story.
    """

    def __init__(self, chronicle: Chronicle, *, quiet: bool) -> None:
        self._chronicle = chronicle
        self._quiet = quiet
        self._console = Console(highlight=False)
        self._live: Live | None = None
        self._shown_s = 0.0
        self._printed = 0

    def begin(self, prepared: Prepared, notices: Sequence[str]) -> None:
        """Say what runs, and start the live view where there is a terminal."""
        self._chronicle.begin(prepared, notices)
        if self._quiet:
            return
        self._console.print(Text(f"{PAYMENT_COUNT:,} card {prepared.source.name}", style="bold"))
        for contender in prepared.engine.learner.contenders:
            billing = contender.billing
            self._line(Text(f"  {billing.role.value:<11}{billing.name:<11}{billing.spec}", style="dim"))
        self._console.print()
        if self._console.is_terminal:
            self._live = Live(console=self._console, transient=True, auto_refresh=False, vertical_overflow="crop")
            self._live.start()

    def note(self, out: Outcomes) -> None:
        """Take down what was said; without a terminal, print it."""
        self._chronicle.note(out)
        if not self._quiet and self._live is None:
            self._print_timeline()

    def progress(self, engine: Engine, seconds: float) -> None:
        """Draw the live view, a few times a second."""
        if self._live is not None and seconds - self._shown_s >= REFRESH_S:
            self._shown_s = seconds
            self._live.update(self._view(engine, seconds), refresh=True)

    def end(self) -> None:
        """Take the live view away, and leave the timeline."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._print_timeline()

    def show(self, result: Result, told: Sequence[str], seed: int) -> None:
        """Print the figures, the story, and what to try next."""
        if not self._quiet:
            self._console.print()
            models = result.durable["models"].items()
            rows = [(name, model["role"], model["matured"]) for name, model in models]
            self._console.print(_table(rows, "over the whole stream, as labels matured"))
            digest = result.durable["state_digest"][:16]
            self._line(
                Text(f"{PAYMENT_COUNT:,} payments in {result.wall_s:.1f} s; state digest: {digest}", style="dim")
            )
            self._console.print()
        self._console.print(Text("The story", style="bold"))
        for number, sentence in enumerate(told, 1):
            told_here = Table.grid(padding=(0, 1))
            told_here.add_row(f"{number}.", Text(sentence))
            self._console.print(told_here)
        if not self._quiet:
            self._console.print()
            self._console.print(Text("Next", style="bold"))
            for command in next_commands(seed):
                self._line(Text(f"  {command}"))

    def _view(self, engine: Engine, seconds: float) -> RenderableType:
        """Return the live view: how far, who answers, how good, what happened."""
        index = engine.scorer.request_count - 1
        height = max(4, self._console.size.height - LINES_ABOVE)
        contenders = engine.learner.contenders
        rows = [
            (each.name, engine.succession.role_of(each).value, each.judges.matured.read()["window"])  # type: ignore[union-attr]
            for each in contenders
        ]
        where = Table.grid(padding=(0, 2))
        waiting = Text(f"{engine.scorer.join.pending_count:,} without label", style="dim")
        bar = ProgressBar(total=PAYMENT_COUNT, completed=index + 1, width=20)
        rate = (index + 1) / seconds
        where.add_row(bar, f"{day_of(index):%d %b %Y}", f"payment {index + 1:,}", f"{rate:,.0f}/s", waiting)
        lines = [self._cut(_drawn(each)) for each in self._chronicle.happenings[-height:]]
        return Group(where, Text(), _table(rows, "over the last 1,000 matured"), Text(), *lines)

    def _print_timeline(self) -> None:
        for happening in self._chronicle.happenings[self._printed :]:
            self._console.print(_drawn(happening), soft_wrap=not self._console.is_terminal)
        self._printed = len(self._chronicle.happenings)

    def _line(self, text: Text) -> None:
        """Print one line: whole where it goes to a file, cut where a terminal would wrap it."""
        self._console.print(self._cut(text) if self._console.is_terminal else text, soft_wrap=True)

    def _cut(self, text: Text) -> Text:
        text.truncate(self._console.width - 1, overflow="ellipsis")
        return text


def next_commands(seed: int) -> list[str]:
    """Return what to try next."""
    same = f" --seed {seed}" if seed else ""
    return [
        f"sidestream demo --seed {seed + 1}",
        f"sidestream demo{same} --write payments.csv",
        "sidestream replay --config payments.toml --out results",
        "sidestream choose-detector results --contender linear --times 3 --quick",
    ]


def _drawn(happening: Happening) -> Text:
    text = Text(f"{happening.at:>7,}  {day_of(happening.at):%d %b}  ")
    text.append(f"{happening.sort:<{_SORT_WIDTH}}  {happening.said}", style=_STYLES[happening.sort])
    return text


def _table(rows: Sequence[tuple[str, str, Mapping[str, Any]]], over: str) -> Table:
    """Return contenders and their figures, the champion in bold."""
    table = Table(box=None, pad_edge=False, header_style="dim", caption=over, caption_style="dim")
    table.caption_justify = "left"
    table.add_column("contender", no_wrap=True, min_width=10)
    table.add_column("role", no_wrap=True, min_width=11)
    for heading in _HEADINGS:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, role, figures in rows:
        recall, precision, brier = (figures[key] for key in _SHOWN)
        cells = [_percent(recall), _percent(precision), "n/a" if brier is None else f"{brier:.4f}"]
        table.add_row(name, role, *cells, style="bold green" if role == "champion" else "")
    return table


def _percent(share: float | None) -> str:
    return "n/a" if share is None else f"{share:.0%}"

"""A list of what specs can name, for eyes or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from rich.console import Console
from rich.text import Text

from engine.drift.presets import Preset
from engine.models.river_model import Entry


def show(entries: Sequence[Entry], word: str | None, *, as_json: bool) -> None:
    """Print the entries whose name or summary holds `word`."""
    console = Console(highlight=False, soft_wrap=True)
    asked = (word or "").lower()
    found = [entry for entry in entries if asked in f"{entry.name} {entry.summary}".lower()]
    if as_json:
        console.out(json.dumps([entry._asdict() for entry in found], indent=2))
        return
    for entry in found:
        line = Text(entry.name, style="bold")
        line.append(entry.signature, style="dim")
        console.print(line)
        console.print(Text(f"    {entry.summary}"))
    if not found:
        by_last = {entry.name.rpartition(".")[2].lower(): entry.name for entry in entries}
        close = get_close_matches(asked, by_last, n=1)
        hint = f"did you mean {by_last[close[0]]}?" if close else f"the list without a word shows all {len(entries)}"
        console.print(Text(f"nothing is called {word!r}; {hint}"))


def show_presets(presets: Mapping[str, Preset]) -> None:
    """Print each preset with its detectors, and why these."""
    console = Console(highlight=False, soft_wrap=True)
    for name, preset in presets.items():
        console.print(Text(f"preset {name}", style="bold"))
        console.print(Text(f"    {', '.join(preset.specs)}"))
        console.print(Text(f"    {preset.why}"))

"""The command line as a test uses it: `sidestream replay`, and what it wrote, read back from the files alone."""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from streams.cli.app import main
from streams.cli.screen import Screen
from streams.replay import replay
from streams.settings import load_settings

COMMAND = (sys.executable, "-c", "from streams.cli.app import main; main()")
"""The command as a process of its own."""

DATA_VARIABLE = "SIDESTREAM_DATA"


@dataclass(frozen=True)
class Replayed:
    """One finished replay: its summary, and the lines of each of its files."""

    summary: dict[str, Any]
    predictions: list[dict[str, Any]]
    shadow: dict[str, list[dict[str, Any]]]
    labels: list[dict[str, Any]]
    ends: list[dict[str, Any]]
    dead_letters: list[dict[str, Any]]

    @property
    def answers(self) -> dict[str, dict[int, dict[str, Any]]]:
        """Return every contender's answers, by the index of the request."""
        (champion,) = {line["model"] for line in self.predictions}
        return {
            champion: {line["index"]: line for line in self.predictions if "duplicate_of" not in line},
            **{name: {line["index"]: line for line in lines} for name, lines in self.shadow.items()},
        }


def replayed(*arguments: str, out: Path) -> Replayed:
    """Run `sidestream replay` in this process, and read what it wrote."""
    run("replay", *arguments, "--out", str(out))
    return read_back(out)


def run(*arguments: str) -> None:
    """Run `sidestream` in this process; anything but success fails the test."""
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    assert left.value.code == 0


def figures(path: Path | str, target: str | None = None, **settings: dict[str, object]) -> dict[str, Any]:
    """Replay without a configuration file and without output files; return the summary."""
    given = {**settings, "input": {"paths": (str(path),), "target": target, **settings.get("input", {})}}
    return replay(load_settings(None, given, {}), Screen(quiet=True)).durable


def read_back(out: Path) -> Replayed:
    """Return what a replay left in its directory."""
    shadow: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for line in _lines(out / "shadow.jsonl"):
        shadow[line["model"]].append(line)
    return Replayed(
        json.loads((out / "summary.json").read_bytes()),
        _lines(out / "predictions.jsonl"),
        dict(shadow),
        _lines(out / "labels.jsonl"),
        _lines(out / "ends.jsonl"),
        _lines(out / "dead_letters.jsonl"),
    )


def real(name: str) -> Path:
    """Return the path of a real stream; without the folder the test is skipped, with a wrong one it fails."""
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        pytest.skip(f"real streams: set {DATA_VARIABLE} to the folder that holds {name}")
    path = Path(folder) / name
    assert path.is_file(), f"{DATA_VARIABLE}={folder!r} does not hold {name}"
    return path


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open("rb") as file:
        return [json.loads(line) for line in file]

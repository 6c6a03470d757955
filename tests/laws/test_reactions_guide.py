"""The example of the guide to reactions runs, and shows what the page says it shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streams.cli.screen import Screen
from streams.replay import replay
from streams.settings import load_settings

PAGE = Path(__file__).resolve().parents[2] / "docs/guides/reactions.md"


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return str(found)


def test_the_example_of_the_guide_runs_and_each_reaction_is_better_than_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block("python"), "block", "exec"), {"__name__": "block"})  # noqa: S102 - our own page
    Path("turns.toml").write_text(block("toml"), encoding="utf-8")
    summary = replay(load_settings(Path("turns.toml"), {}, {}), Screen(quiet=True)).durable
    right = {name: model["metrics"]["accuracy"] for name, model in summary["models"].items()}
    assert min(right[name] for name in ("resets", "gates", "pools")) > right["nb"] + 0.02
    kinds = {episode["kind"] for episode in summary["episodes"] if episode["episode"].startswith("pools#")}
    assert "recurring" in kinds
    onsets = [episode["onset_index"] for episode in summary["episodes"] if episode["episode"] == "resets#1"]
    assert onsets == pytest.approx([4_000], abs=200)

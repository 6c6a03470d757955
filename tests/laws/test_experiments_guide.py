"""The guide on experiments is true: its commands run on its settings, and what it shows is what comes out."""

from __future__ import annotations

import json
from pathlib import Path

from tests.shell import Shell, blocks

GUIDE = "docs/guides/experiments.md"


def test_the_guide_runs_and_shows_what_comes_out(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    (settings,) = blocks(GUIDE, "toml")
    (tmp_path / "experiment.toml").write_text(settings, encoding="utf-8")
    (commands,) = blocks(GUIDE, "sh")
    planned, shown, line = blocks(GUIDE, "text")
    said = shell.run(commands)
    assert planned in said.stdout
    for each in shown.splitlines():
        assert each in said.stdout
    predictions = (tmp_path / "results" / "predictions.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(predictions[0]) == json.loads(line)
    assert "unsupported" in said.stdout

"""The guide on promotion is true: its example runs as it stands, and promotes as it says."""

from __future__ import annotations

from pathlib import Path

from tests.shell import Shell, blocks

GUIDE = "docs/guides/promotion.md"


def test_the_example_of_the_guide_promotes_and_says_what_the_guide_shows(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    (makes_file,) = blocks(GUIDE, "python")
    (configuration,) = blocks(GUIDE, "toml")
    (command,) = blocks(GUIDE, "sh")
    (shown,) = blocks(GUIDE, "text")
    shell.run_python(makes_file)
    (tmp_path / "pipeline.toml").write_text(configuration, encoding="utf-8")
    said = shell.run(command).stdout
    assert shown in said

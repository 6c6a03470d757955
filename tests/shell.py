"""A reader's shell: blocks of a page run as they stand, one after another, in one directory of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

_STRICT = """set -euo pipefail
kill() { builtin kill "$@"; wait "${@: -1}" || true; }
"""
"""A block stops at the first command that fails; what was killed is dead before the next command runs."""


def blocks(page: str, language: str) -> list[str]:
    """Return the blocks of one language on a page, named from the project's root."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


class Shell:
    """A directory in which `sidestream` is the code under test, by its name and as `.venv/bin/sidestream`.

    Parameters
    ----------
    directory
        Where blocks run, and leave what they write.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        command = directory / ".venv" / "bin" / "sidestream"
        command.parent.mkdir(parents=True)
        code = "from streams.cli.app import main; main()"
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{code}" "$@"\n', encoding="utf-8")
        command.chmod(0o755)
        self._environment = {
            **os.environ,
            "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "80",
            "NO_COLOR": "1",
            "PYTHONIOENCODING": "utf-8",
        }

    def run(self, block: str) -> subprocess.CompletedProcess[str]:
        """Run a block of shell; anything but success fails the test, and shows what was said."""
        return self._run("bash", "-c", _STRICT + block)

    def run_python(self, block: str) -> str:
        """Run a block of Python with warnings as errors; return what it printed."""
        return self._run(sys.executable, "-W", "error", "-c", block).stdout

    def _run(self, *command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command, cwd=self.directory, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"exit code {done.returncode}\n{command[-1]}\n{done.stdout}\n{done.stderr}"
        return done

"""Lives that are killed at named points, lived in a process that imports everything once: see `failpoints`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.streams.worker_process import ROOT

KILLED = -signal.SIGKILL


def live(
    directory: Path, lives: Mapping[str, Sequence[tuple[str, int]]], sections: Mapping[str, Mapping[str, Any]]
) -> dict[str, int]:
    """Live these lives, see that each ended as it should, and return how often an undisturbed one hits each point."""
    command = [sys.executable, "-m", "tests.streams.failpoints"]
    command += [str(directory), json.dumps(lives), json.dumps(sections)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    expected = {name: [KILLED] * len(kills) + [0] for name, kills in lives.items()}
    others = {name: codes for name, codes in found["endings"].items() if codes != expected.get(name, [0])}
    assert not others, f"{others} of lives {lives}\n{done.stderr}"
    hits: dict[str, int] = found["hits"]
    return hits

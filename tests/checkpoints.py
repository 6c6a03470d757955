"""Small checkpoints for the tests: states that look like an engine's, and a directory on a simulated disk."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from streams.checkpoint import Content
from streams.checkpoint_reader import CheckpointReader
from streams.checkpoint_versions import Versions
from streams.checkpoint_writer import CheckpointWriter
from streams.disk import Disk

ROOT = Path("/disk")
DIRECTORY = ROOT / "checkpoints"
IDENTITY = {"plan": "ab12", "schema": "cd34"}
VERSIONS = Versions(format=1, sidestream="0.1.0", river="0.26.1", numpy="2.1.0", python="3.12.1", cpu="a test's")


def content(position: int) -> Content:
    """Return a state in the shape of an engine's, different at each position in every part."""
    contenders = [{"name": name, "model": {"n": position}} for name in ("champion", "no_change")]
    engine = {
        "format": 1,
        "rows": [[position, f"e{position}"]],
        "scorer": {"position": position},
        "learner": {"tape": [position], "contenders": contenders},
        "counts": [position, 0],
    }
    return Content(position, engine, {"input_offset": 100 * position, "output_bytes": {"predictions": position}})


def reader(disk: Disk, directory: Path = DIRECTORY, **changes: Any) -> CheckpointReader:
    """Return a reader with the tests' identity and versions."""
    fitting = CheckpointReader(directory=directory, identity=IDENTITY, disk=disk, versions=VERSIONS)
    return replace(fitting, **changes)


def writer(disk: Disk, directory: Path = DIRECTORY, **changes: Any) -> CheckpointWriter:
    """Return a writer with the tests' identity and versions."""
    return CheckpointWriter(reader(disk, directory, **changes))

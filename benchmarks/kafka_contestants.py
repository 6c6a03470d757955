"""Who takes part in `benchmarks.kafka`: how each is started, and how much of a backlog takes it a few seconds."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.kafka_events import FEATURES

ROOT: Final = Path(__file__).parents[1]

MODEL: Final = "logistic()"
"""Our champion, and what the peers ask and teach."""

CHALLENGERS: Final = {"bayes": "naive_bayes()", "tree": "hoeffding_tree()"}
COMMAND: Final = "from streams.cli.app import main; main()"

FLOOR, WHOLE, WATCHED, ALONE = "floor", "sidestream", "sidestream, detectors", "sidestream, champion alone"
BARE = "sidestream, champion alone, no headers"
FAUST, QUIX_ONCE, QUIX = "Faust", "Quix, exactly once", "Quix, at least once"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Somebody who answers requests from one topic on another.

    Parameters
    ----------
    name
        What tables call it.
    backlog_count
        Events that take it a few seconds.
    topics
        The topics it has besides requests and predictions.
    settings, kafka
        Of a worker of ours, and a line of its section of that name; whoever has none has a module.
    module, options
        What is run, and what it is told besides its address and topics.
    backlog_options
        What it is told besides over a backlog, where nobody waits for a single answer.
    python
        Runs it.
    """

    name: str
    backlog_count: int
    topics: Sequence[str] = ()
    settings: str = ""
    kafka: str = ""
    module: str = ""
    options: Mapping[str, object] = field(default_factory=dict)
    backlog_options: Mapping[str, object] = field(default_factory=dict)
    python: str = sys.executable

    def named_topics(self, prefix: str) -> dict[str, str]:
        """Return its topics and their names on the cluster."""
        return {topic: f"{prefix}.{topic}" for topic in ("requests", "predictions", *self.topics)}

    def start(self, address: str, prefix: str, folder: Path) -> subprocess.Popen[bytes]:
        """Start it on its topics; what it keeps and says goes into a new folder."""
        folder.mkdir()
        if self.module:
            asked = {"address": address, "topics": self.named_topics(prefix), **self.options}
            command = [self.python, "-m", self.module, json.dumps(asked), str(folder)]
        else:
            path = folder / "pipeline.toml"
            places = f'[log]\ndir = "{folder}"\n[kafka]\naddress = "{address}"\nprefix = "{prefix}."\n{self.kafka}\n'
            path.write_text(f"{self.settings}{places}", encoding="utf-8")
            command = [self.python, "-c", COMMAND, "run", "--config", str(path)]
        with (folder / "said.txt").open("wb") as out:
            return subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)  # noqa: S603 - our own commands


def settings(labels: str, challengers: Mapping[str, str], detectors: str) -> str:
    """Return the settings of a worker."""
    columns = ", ".join(f'{name} = "numeric"' for name in FEATURES)
    shadows = ", ".join(f'{name} = "{spec}"' for name, spec in challengers.items())
    return f"""\
[input]
target = "y"
id = "id"
time = "ts"
drop = ["ts"]
task = "binary"
positive = 1
[labels]
{labels}
[schema]
columns = {{{columns}}}
[contenders]
champion = "{MODEL}"
challengers = {{{shadows}}}
[detectors]
{detectors}
"""


def ours() -> list[Contestant]:
    """Return a worker with everything, the same watching for drift, its champion alone, and that without headers."""
    late = 'time = "known"\npolicy = "wait(1h)"'
    unwatched = 'specs = "none"'
    topics = ("labels", "shadow")
    alone = settings('source = "record"', {}, unwatched)
    return [
        Contestant(name=WHOLE, backlog_count=60_000, topics=topics, settings=settings(late, CHALLENGERS, unwatched)),
        Contestant(name=WATCHED, backlog_count=60_000, topics=topics, settings=settings(late, CHALLENGERS, "")),
        Contestant(name=ALONE, backlog_count=100_000, settings=alone),
        Contestant(name=BARE, backlog_count=100_000, settings=alone, kafka="cloud_events = false"),
    ]


def peers(python: str) -> tuple[list[Contestant], list[str]]:
    """Return the others, who run under a Python of their own, and a line for each who is not installed there."""
    found, skipped = [], []
    for package, made in (("faust", [_faust(python)]), ("quixstreams", _quix(python))):
        tried = subprocess.run([python, "-c", f"import {package}, engine"], check=False, capture_output=True)  # noqa: S603
        if tried.returncode:
            names = " and ".join(each.name for each in made)
            install = "faust-streaming" if package == "faust" else package
            skipped.append(
                f"{names}: SKIPPED, not installed for {python}; pip install {install} uvloop and this project"
            )
        else:
            found += made
    return found, skipped


def floor() -> Contestant:
    """Return what passes everything through."""
    return Contestant(name=FLOOR, backlog_count=500_000, topics=("offsets",), module="benchmarks.kafka_floor")


def _faust(python: str) -> Contestant:
    return Contestant(name=FAUST, backlog_count=20_000, module="benchmarks.kafka_faust", python=python)


def _quix(python: str) -> list[Contestant]:
    return [
        Contestant(
            name=name,
            backlog_count=100_000,
            module="benchmarks.kafka_quix",
            options={"guarantee": guarantee, "commit_s": 0.02},
            backlog_options={"commit_s": 0.1},
            python=python,
        )
        for name, guarantee in ((QUIX_ONCE, "exactly-once"), (QUIX, "at-least-once"))
    ]

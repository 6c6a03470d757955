"""What wrote a checkpoint and what reads it: which difference is refused, which is migrated, which is only told.

Refused are another checkpoint format, another River and another minor version of Python, unless a named migration
leads from theirs to ours. Versions of sidestream and numpy, patches of Python and the CPU's model are recorded: they
can change a last bit of what is computed from here on, never what was kept.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

from engine.errors import SnapshotError

FORMAT = 1
"""The layout of a checkpoint's parts; counted up when it changes."""

Parts: TypeAlias = dict[str, Any]
"""The decoded parts of a checkpoint by name: plain values, see `engine.snapshot`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What a checkpoint was written with."""

    format: int
    sidestream: str
    river: str
    numpy: str
    python: str
    cpu: str


@dataclass(frozen=True, slots=True)
class Migration:
    """A named step from one version to the next.

    Parameters
    ----------
    name
        What a person reads in the log: `"river-0.27"`.
    subject
        `"format"`, `"river"` or `"python"`.
    before, after
        The versions as the manifest has them; of Python, major and minor.
    apply
        Takes the decoded parts and returns them as the next version would have written them.
    """

    name: str
    subject: str
    before: str
    after: str
    apply: Callable[[Parts], Parts]


MIGRATIONS: tuple[Migration, ...] = ()
"""Every step there is; format 1 is the first."""


@cache
def current_versions() -> Versions:
    """Return the versions of this process. Imports none of the packages; reads the CPU's model from the system."""
    return Versions(
        format=FORMAT,
        sidestream=_installed("sidestream"),
        river=_installed("river"),
        numpy=_installed("numpy"),
        python=platform.python_version(),
        cpu=_cpu_model(),
    )


def route(theirs: Versions, ours: Versions, migrations: Sequence[Migration]) -> list[Migration]:
    """Return the steps that lead from the versions of a checkpoint to these, in order; most often none.

    Raises
    ------
    SnapshotError
        A version differs that must not, and no step leads on; the sentence says what to install.
    """
    wanted, steps = _binding(ours), []
    for subject, found in _binding(theirs).items():
        at = found
        while at != wanted[subject]:
            step = next((each for each in migrations if (each.subject, each.before) == (subject, at)), None)
            if step is None or step in steps:
                raise SnapshotError(_refusal(subject, at, wanted[subject], theirs))
            steps.append(step)
            at = step.after
    return steps


def differences(theirs: Versions, ours: Versions) -> tuple[str, ...]:
    """Return a sentence for each version that differs, whether or not it matters.

    >>> old = Versions(format=1, sidestream="0.1.0", river="0.26.1", numpy="2.1.0", python="3.12.1", cpu="a")
    >>> differences(old, old)
    ()
    """
    now = asdict(ours)
    return tuple(
        f"{name} was {before!r}, is {now[name]!r}" for name, before in asdict(theirs).items() if before != now[name]
    )


def _binding(versions: Versions) -> dict[str, str]:
    minor = ".".join(versions.python.split(".")[:2])
    return {"format": str(versions.format), "river": versions.river, "python": minor}


def _refusal(subject: str, got: str, wanted: str, theirs: Versions) -> str:
    said = {
        "format": f"is of checkpoint format {got}, this sidestream reads {wanted}; use sidestream {theirs.sidestream}",
        "river": f"was written with River {got}, this is {wanted}; install river=={got}",
        "python": f"was written with Python {got}, this is {wanted}; run it with Python {got}",
    }
    return f"{said[subject]}, or replay the stream from its beginning into an empty directory"


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "source"  # sidestream itself, run from a checkout


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine() or "unknown")[:200]

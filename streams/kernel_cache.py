"""Where compiled kernels are kept between processes, and what a person is told while one is compiled.

numba keeps compiled code by the source of the function that is called from outside, and does not see that one it calls
has changed. So each state of all kernel sources, with each version of what compiles them, has a directory of its own.
"""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

from engine.kernels import loading
from streams.clock import Stopwatch

SOURCES = Path(loading.__file__).parent
VARIABLE = "NUMBA_CACHE_DIR"
"""Names the directory that holds ours, where it is set."""

Say = Callable[[str], None]


def key(sources: Path = SOURCES) -> str:
    """Return what names the directory for these sources, and for what compiles them: 16 hexadecimal digits."""
    seen = hashlib.sha256()
    for name in ("numba", "llvmlite", "numpy"):
        seen.update(f"{name} {version(name)}\n".encode())
    seen.update(f"{platform.python_implementation()} {platform.python_version()}\n".encode())
    for path in sorted(sources.glob("*.py")):
        seen.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return seen.hexdigest()[:16]


def prepare(say: Say) -> Path | None:
    """Have kernels be kept from here on, and `say` when one is compiled; return where.

    Call it before the first compiled model is made. Without a place that can be written, kernels are compiled anew in
    each process, and it is said.
    """
    folder = _first_writable(key())
    if folder is None:
        say("compiled kernels cannot be kept: no cache directory can be written; each start compiles them anew")
    else:
        os.environ[VARIABLE] = str(folder)
        if "numba" in sys.modules:
            sys.modules["numba"].config.CACHE_DIR = str(folder)
    loading.watch_loading(_telling(folder, say))
    return folder


def _first_writable(name: str) -> Path | None:
    given = os.environ.get(VARIABLE)
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    places = [Path(given)] if given else []
    places += [Path(home) / "sidestream" / "kernels", Path(tempfile.gettempdir()) / f"sidestream-kernels-{os.getuid()}"]
    for place in places:
        folder = place if place.name == name else place / name
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f"probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
            return folder
    return None


def _telling(folder: Path | None, say: Say) -> Callable[[str], AbstractContextManager[None]]:
    """Return what goes around the loading of a kernel file: words, where it has to be compiled."""

    @contextmanager
    def around(name: str) -> Iterator[None]:
        ready = None if folder is None else folder / f"{name}.ready"
        if ready is not None and ready.exists():
            yield
            return
        say(
            f"compiling the kernels of {name}: seconds now, and not again on this machine"
            if ready
            else f"compiling the kernels of {name}"
        )
        watch = Stopwatch()
        yield
        say(f"compiled {name} in {watch.seconds():.1f} s")
        if ready is not None:
            with suppress(OSError):
                ready.touch()

    return around

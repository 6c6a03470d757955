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
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

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


def prepare_around(name: str, say: Say) -> AbstractContextManager[None]:
    """Do what `prepare` does, and return the context in which to load the kernel file that was the first wanted."""
    return _telling(prepare(say), say)(name)


class Warmed(NamedTuple):
    """A kernel file that was loaded, whether it had to be compiled for it, and how long it took."""

    name: str
    compiled: bool
    seconds: float


def warm_up(say: Say) -> tuple[Path | None, list[Warmed]]:
    """Load every kernel file, and so compile those that are not kept yet; return where they are kept, and what it took.

    The first is numba itself, which is never compiled.
    """
    folder = prepare(say)
    watch = Stopwatch()
    import_module("engine.kernels.ground")
    found = [Warmed("numba", compiled=False, seconds=watch.seconds())]
    for name in loading.KERNELS:
        compiled = not _is_compiled(folder, name)
        watch = Stopwatch()
        loading.load(name)
        found.append(Warmed(name, compiled, watch.seconds()))
    return folder, found


def _first_writable(name: str) -> Path | None:
    for place in _places():
        folder = place if place.name == name else place / name
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            probe = folder / f"probe-{os.getpid()}"
            probe.touch()
            probe.unlink()
            return folder
    return None


def _places() -> Iterator[Path]:
    """Yield where the directory may be, the best place first."""
    if given := os.environ.get(VARIABLE):
        yield Path(given)
    if home := os.environ.get("XDG_CACHE_HOME"):
        yield Path(home) / "sidestream" / "kernels"
    else:
        with suppress(RuntimeError):  # a container's user may have no home
            yield Path.home() / ".cache" / "sidestream" / "kernels"
    with suppress(OSError):  # there may be nowhere to put temporary files, or a stranger's directory of this name
        place = Path(tempfile.gettempdir()) / f"sidestream-kernels-{os.getuid()}"
        place.mkdir(mode=0o700, exist_ok=True)
        if place.stat().st_uid == os.getuid():
            yield place


def _is_compiled(folder: Path | None, name: str) -> bool:
    """Say whether a kernel file has been compiled: into this directory, or just now for another that imports it."""
    kept = folder is not None and _mark(folder, name).exists()
    return kept or f"{loading.__package__}.{name}" in sys.modules


def _mark(folder: Path, name: str) -> Path:
    return folder / f"{name}.ready"


def _telling(folder: Path | None, say: Say) -> Callable[[str], AbstractContextManager[None]]:
    """Return what goes around the loading of a kernel file: words, where it has to be compiled."""

    @contextmanager
    def around(name: str) -> Iterator[None]:
        if _is_compiled(folder, name):
            yield
        else:
            once = "" if folder is None else ", once on this machine"
            say(f"compiling the kernels of {name}{once}: some seconds, for forests up to a minute")
            watch = Stopwatch()
            yield
            say(f"compiled {name} in {watch.seconds():.1f} s")
        if folder is not None:
            with suppress(OSError):
                _mark(folder, name).touch()

    return around

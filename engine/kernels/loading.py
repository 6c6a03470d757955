"""Loads kernel files, each when the first model that needs it is made; numba itself is imported no sooner."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from types import ModuleType
from typing import Any, Final

KERNELS: Final = (
    "adaptive_regression_tree",
    "adaptive_tree",
    "bayes",
    "forest",
    "linear",
    "regression_forest",
    "regression_tree",
    "tree",
)
"""The kernel files there are."""

_loaded: dict[str, ModuleType] = {}
_around: Callable[[str], AbstractContextManager[object]] = nullcontext


def load(name: str) -> Any:
    """Return the kernel file of this name, compiled: seconds for the first time on a machine, then from the cache."""
    if name not in _loaded:
        with _around(name):
            _loaded[name] = import_module(f"engine.kernels.{name}")
    return _loaded[name]


def entry(name: str) -> Any:
    """Return a kernel file's `take` past numba's look-up of types, which costs as much as a step of a small model.

    It checks its arrays' dimensions and their items' size, and trusts the rest: what it is given has the types it was
    compiled for.
    """
    take = load(name).take
    compiled = getattr(take, "overloads", None)  # none where numba is told not to compile
    return next(iter(compiled.values())).entry_point if compiled else take


def watch_loading(around: Callable[[str], AbstractContextManager[object]]) -> None:
    """Have each kernel file be loaded inside the context that this returns for its name."""
    global _around  # noqa: PLW0603 - loading is the process's, and so is who watches it
    _around = around


def is_watched() -> bool:
    """Say whether somebody watches already."""
    return _around is not nullcontext

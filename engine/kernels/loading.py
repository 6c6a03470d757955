"""Loads kernel files, each when the first model that needs it is made; numba itself is imported no sooner."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from types import ModuleType
from typing import Any, Final

KERNELS: Final = ("adaptive_tree", "bayes", "forest", "regression_forest", "regression_tree", "tree")
"""The kernel files there are."""

_loaded: dict[str, ModuleType] = {}
_around: Callable[[str], AbstractContextManager[object]] = nullcontext


def load(name: str) -> Any:
    """Return the kernel file of this name, compiled: seconds for the first time on a machine, then from the cache."""
    if name not in _loaded:
        with _around(name):
            _loaded[name] = import_module(f"engine.kernels.{name}")
    return _loaded[name]


def watch_loading(around: Callable[[str], AbstractContextManager[object]]) -> None:
    """Have each kernel file be loaded inside the context that this returns for its name."""
    global _around  # noqa: PLW0603 - loading is the process's, and so is who watches it
    _around = around

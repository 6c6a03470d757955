"""Which classes and functions may stand in a frozen object, by their exact global names.

The list is River's own definitions, a few of the standard library that River's states are made of, and what the caller
names. Nothing else is ever imported, looked up or called on the word of a snapshot. This file reaches River only by
name, so that reading a snapshot without River in it does not import River.
"""

from __future__ import annotations

import collections
import copy
import datetime
import functools
import importlib
import random
import re
import statistics
from collections.abc import Callable, Collection
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType
from typing import Any, Final, TypeAlias

from engine.errors import SnapshotError

Global: TypeAlias = type | Callable[..., Any]
"""A class or a function that has a name of its own in a module."""

_RIVER: Final = re.compile(r"river(\.[A-Za-z0-9_]+)*")
_RIVER_OUTSIDE: Final = frozenset({"api", "checks", "compat", "conftest", "datasets", "evaluate", "stream"})
"""Parts of River that open files, reach the network or wrap other libraries: no state is made of them."""

_RIVER_UNFIT: Final = {
    "river.feature_extraction.kernel_approx:RandomTreesEmbedding": "it finds its leaves by id()",
    "river.neighbors.ann.nn_vertex:Vertex": "it keeps a part of its state in the class, shared by all",
    "river.rules.amrules:AMRules": "it files its rules under hash(), which is their address in memory",
}
"""What River keeps in a way that no other process can continue, and why."""

_ListIterator: Final[type] = type(iter([]))
_BUILTINS: Final = (bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, frozenset, iter)
_TEXT_METHODS: Final = (str.lower, str.upper, str.casefold, str.strip, str.split, str.title)
_COLLECTIONS: Final = (collections.deque, collections.Counter, collections.defaultdict, collections.OrderedDict)
_TIMES: Final = (datetime.date, datetime.time, datetime.datetime, datetime.timedelta, datetime.timezone)
_OTHERS: Final = (copy.copy, copy.deepcopy, functools.partial, random.Random, statistics.NormalDist)


def global_name(thing: Global) -> str:
    """Return the name a class or a function goes by: `module:qualified.name`.

    >>> global_name(str.lower)
    'builtins:str.lower'
    """
    owner = getattr(thing, "__objclass__", thing)
    return f"{owner.__module__}:{getattr(thing, '__qualname__', '?')}"


class AllowList:
    """Answers for one freeze or thaw which global names may pass.

    Parameters
    ----------
    extra
        Classes and functions of the caller's own that may pass besides.
    """

    def __init__(self, extra: Collection[Global] = ()) -> None:
        known: list[Any] = [*_BUILTINS, _ListIterator, *_TEXT_METHODS, *_COLLECTIONS, *_TIMES, *_OTHERS, *extra]
        self._known: dict[str, Global] = {global_name(thing): thing for thing in known}

    def name(self, thing: Global) -> str:
        """Return the global name of `thing`, or raise `SnapshotError` where it may not pass or names another thing."""
        name = global_name(thing)
        if self.resolve(name) is not thing:
            msg = f"{name} is not the {type(thing).__name__} of that name; define it at the top of its module"
            raise SnapshotError(msg)
        return name

    def resolve(self, name: str) -> Global:
        """Return the class or function of this global name, or raise `SnapshotError`."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = _resolve_in_river(name)
        return found


def of_river(name: str) -> bool:
    """Say whether a global name is River's."""
    return name.startswith(("river.", "river:"))


def river_version() -> str:
    """Return River's exact version; imports River."""
    version: str = importlib.import_module("river").__version__
    return version


def _resolve_in_river(name: str) -> Global:
    module_name, _, qualname = name.partition(":")
    parts = module_name.split(".")
    if not _RIVER.fullmatch(module_name) or (len(parts) > 1 and parts[1] in _RIVER_OUTSIDE) or "<" in qualname:
        msg = f"{name} may not stand in a snapshot: it is neither River's, nor a container of the standard library, nor"
        raise SnapshotError(msg + " named by the caller; give the object snapshot() and restore() of its own")
    if name in _RIVER_UNFIT:
        msg = f"{name} cannot be restored: {_RIVER_UNFIT[name]}; use another estimator where state must last"
        raise SnapshotError(msg)
    try:
        found: Any = importlib.import_module(module_name)
    except ImportError:
        found = None
    for part in qualname.split("."):
        found = vars(found).get(part) if hasattr(found, "__dict__") else None
    if isinstance(found, staticmethod):
        found = found.__func__
    kinds = (type, FunctionType, BuiltinFunctionType, MethodDescriptorType)
    if not isinstance(found, kinds) or global_name(found) != name:
        msg = f"{name} is not a class or function of River {river_version()}; restore with the River that wrote it"
        raise SnapshotError(msg)
    return found

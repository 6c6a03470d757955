"""Objects as data: River's object graphs become canonical bytes, and come back only through an allow-list.

A graph is written as a table of nodes, one per object, in the order in which a breadth-first walk meets them; the table
is plain data, which `engine.snapshot` encodes. A node is a tuple that begins with its kind:

    ("list", *values)  ("dict", *keys and values)  ("set", frozenset)  ("bytearray", bytes)  ("array", order, ndarray)
    ("new", class, args, *body)         an object made by class.__new__(class, *args), then given its body
    ("call", class, args, *body)        an object made by class(*args), then given its body
    ("partial", function, args, keywords)  ("method", object, name)  ("global", name)
    ("random", numbers, gauss)  ("randomstate", dict)  ("generator", name, dict)  ("pattern", text, flags)

    body = state, list items, dict items;  state = None | ("attributes", *names and values) | ("state", value)
           | ("slots", names and values, names and values)

A value is an atom (itself), a tuple of values, or `[n]`: the object of node n, so shared objects stay shared and cycles
stay cycles. Only mutable objects are met once; of an immutable value its content counts, never its identity, so equal
states give equal bytes. The walk keeps its own list: no depth of tree or chain reaches the recursion limit.

This file writes; `engine.object_thaw` reads. Neither knows a model, a file or a clock.
"""

from __future__ import annotations

import copyreg
import datetime
import functools
import hashlib
import random
import re
from collections.abc import Callable, Collection
from enum import Enum
from types import BuiltinFunctionType, BuiltinMethodType, FunctionType, MethodDescriptorType, MethodType, ModuleType
from typing import Any, Final, TypeAlias

import numpy as np

from engine.allow_list import AllowList, Global, global_name, of_river, river_version
from engine.errors import SnapshotError
from engine.snapshot import NESTING_COUNT_MAX, encode

OBJECT_FORMAT: Final = "object/1"
DIGEST_BYTES: Final = 32
OBJECT_COUNT_MAX: Final = 50_000_000
"""Objects in one graph: beyond it stands an object that makes new ones each time it is looked at."""

Node: TypeAlias = tuple[Any, ...]

_ATOMS: Final = frozenset({type(None), bool, int, float, str, bytes})
_FUNCTIONS: Final = (FunctionType, BuiltinFunctionType, MethodDescriptorType)
_TIMES: Final = (datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo)
_UNSHARED: Final = (MethodType, BuiltinMethodType, tuple, complex, re.Pattern, *_TIMES)


def freeze(thing: object, allowed: Collection[Global] = ()) -> bytes:
    """Return canonical bytes of an object graph, from which `engine.object_thaw.thaw` rebuilds it.

    Equal states give equal bytes in every process, and `freeze(thaw(b)) == b`. The bytes begin with their SHA-256 and
    carry River's exact version where River's classes are among them. Sampling generators of unseeded
    `river.proba` distributions are left out: they serve `sample()` alone, and are 2.5 kB of chance each.

    Parameters
    ----------
    thing
        A River estimator, detector or statistic, or containers of them.
    allowed
        The caller's own classes and functions that may stand in it.

    Raises
    ------
    SnapshotError
        Something in the graph may not be restored; the sentence names it.

    Notes
    -----
    About 2 us per attribute. Not kept: that two names hold the same immutable object, that two arrays are views of one
    memory, and the iteration order of a set.
    """
    walk = _Walk(AllowList(allowed))
    nodes = walk.nodes(thing)
    version = river_version() if walk.met_river else ""
    body = encode((OBJECT_FORMAT, version, nodes))
    return hashlib.sha256(body).digest() + body


def fingerprint(thing: object) -> bytes:
    """Return the bytes of the same walk over any object, allowed or not: fit for a digest, never for a restore.

    A function counts by its name, its defaults and what it closes over, not by its code.

    Raises
    ------
    SnapshotError
        Something in the graph does not say what its state is (an open file, a lock, a set of objects).
    """
    return encode(("fingerprint/1", _Walk(None).nodes(thing)))


class _Walk:
    """One walk over a graph: numbers the objects as it meets them and describes each as a node."""

    def __init__(self, allow: AllowList | None) -> None:
        self._allow = allow
        self._found: list[Any] = []  # also keeps every object alive, so that no id comes twice
        self._references: dict[int, list[int]] = {}
        self._names: dict[Global, str] = {}
        self.met_river = False

    def nodes(self, thing: object) -> list[Any]:
        """Return the value of `thing` followed by the nodes of all it reaches."""
        table: list[Any] = [self._value(thing)]
        found = self._found
        for item in found:  # the list grows under the loop
            table.append(self._node(item))
            if len(found) > OBJECT_COUNT_MAX:
                msg = f"the object reaches more than {OBJECT_COUNT_MAX} others; it cannot be written down"
                raise SnapshotError(msg)
        return table

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind in _ATOMS:
            return value
        reference = self._references.get(id(value))
        if reference is not None:
            return reference
        if kind is tuple:
            return self._tuple(value, NESTING_COUNT_MAX)
        if kind is frozenset or isinstance(value, np.generic):
            return value
        reference = [len(self._found)]
        self._found.append(value)
        if not isinstance(value, _UNSHARED) or isinstance(value, Enum):
            self._references[id(value)] = reference
        return reference

    def _tuple(self, values: tuple[Any, ...], room: int) -> tuple[Any, ...]:
        if room <= 0:
            msg = f"tuples nest deeper than {NESTING_COUNT_MAX} in the object's state; flatten them"
            raise SnapshotError(msg)
        return tuple(
            [self._tuple(item, room - 1) if type(item) is tuple else self._value(item) for item in values],
        )

    def _values(self, values: Any) -> list[Any]:
        return [self._value(value) for value in values]

    def _pairs(self, mapping: dict[Any, Any]) -> list[Any]:
        """Return keys and values in turn, in the mapping's order."""
        flat = []
        for key, value in mapping.items():
            flat.append(self._value(key))
            flat.append(self._value(value))
        return flat

    def _node(self, thing: Any) -> Node:
        describe = _DESCRIBE.get(type(thing))
        if describe is not None:
            return describe(self, thing)
        if isinstance(thing, type):
            return ("global", self._name(thing))
        return self._reduced(thing)

    def _name(self, thing: Global) -> str:
        name = self._names.get(thing)
        if name is None:
            name = self._names[thing] = self._allow.name(thing) if self._allow else global_name(thing)
            self.met_river = self.met_river or of_river(name)
        return name

    def _set(self, thing: set[Any]) -> Node:
        return ("set", frozenset(thing))

    def _array(self, thing: np.ndarray[Any, Any]) -> Node:
        """Keep the memory order: BLAS gives other last bits, or refuses, in the other one."""
        return ("array", "F" if thing.flags.fnc else "C", thing)

    def _function(self, thing: Any) -> Node:
        owner = getattr(thing, "__self__", None)
        if owner is not None and not isinstance(owner, ModuleType):
            return ("method", self._value(owner), thing.__name__)
        if self._allow is None and type(thing) is FunctionType:
            closed_over = tuple(cell.cell_contents for cell in thing.__closure__ or ())
            return ("function", global_name(thing), *self._values((thing.__defaults__, closed_over)))
        return ("global", self._name(thing))

    def _method(self, thing: MethodType) -> Node:
        return ("method", self._value(thing.__self__), thing.__name__)

    def _partial(self, thing: functools.partial[Any]) -> Node:
        if vars(thing):
            msg = f"{thing!r:.80} carries attributes {sorted(vars(thing))!r}; a partial in a snapshot may not"
            raise SnapshotError(msg)
        return ("partial", self._value(thing.func), self._value(thing.args), tuple(self._pairs(thing.keywords)))

    def _random(self, thing: random.Random) -> Node:
        _version, numbers, gauss = thing.getstate()
        return ("random", np.array(numbers, dtype=np.uint32), gauss)

    def _generator(self, thing: np.random.Generator) -> Node:
        state: Any = thing.bit_generator.state
        return ("generator", state["bit_generator"], dict(state))

    def _reduced(self, thing: Any) -> Node:
        """Describe an object as pickle's protocol 4 does: how it is made, its state, its items."""
        kind = type(thing)
        name = self._name(kind)
        try:
            reduced = thing.__reduce_ex__(4)
        except Exception as error:  # the object's own code, whatever it raises
            msg = f"{name} does not say what its state is: {error}; give it snapshot() and restore()"
            raise SnapshotError(msg) from error
        if isinstance(reduced, str):
            return ("global", f"{kind.__module__}:{reduced}")
        maker, args, state, items, pairs, setter = (*reduced, None, None, None, None)[:6]
        if setter is not None:
            msg = f"{name} brings its own state setter, which a snapshot cannot keep; give it snapshot() and restore()"
            raise SnapshotError(msg)
        if maker is copyreg.__newobj__:  # type: ignore[attr-defined]
            verb, made, args = "new", name, args[1:]
        else:
            verb, made = "call", self._name(maker)
        return (
            verb,
            made,
            self._tuple(args, NESTING_COUNT_MAX),
            self._state(kind, state),
            tuple(self._values(items or ())),
            tuple(self._pairs(dict(pairs))) if pairs else (),
        )

    def _state(self, kind: type, state: Any) -> Any:
        if state is None:
            return None
        if type(state) is dict:
            if state.get("seed", 0) is None and "_rng" in state and samples_only(kind):
                state = {name: value for name, value in state.items() if name != "_rng"}
            return ("attributes", *self._pairs(state))
        if hasattr(kind, "__setstate__"):
            return ("state", self._value(state))
        attributes, slots = state
        return ("slots", tuple(self._pairs(attributes or {})), tuple(self._pairs(slots)))


@functools.cache
def samples_only(kind: type) -> bool:
    """Say whether the `_rng` of a class serves sampling alone, as in every `river.proba` distribution."""
    return any(parent.__module__ == "river.proba.base" for parent in kind.__mro__)


_DESCRIBE: Final[dict[type, Callable[[_Walk, Any], Node]]] = {
    list: lambda walk, thing: ("list", *walk._values(thing)),
    dict: lambda walk, thing: ("dict", *walk._pairs(thing)),
    set: _Walk._set,
    bytearray: lambda _walk, thing: ("bytearray", bytes(thing)),
    np.ndarray: _Walk._array,
    MethodType: _Walk._method,
    functools.partial: _Walk._partial,
    random.Random: _Walk._random,
    np.random.RandomState: lambda _walk, thing: ("randomstate", thing.get_state(legacy=False)),
    np.random.Generator: _Walk._generator,
    re.Pattern: lambda _walk, thing: ("pattern", thing.pattern, thing.flags),
    **dict.fromkeys(_FUNCTIONS, _Walk._function),
}

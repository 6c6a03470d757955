"""Rebuilds what `engine.object_state.freeze` wrote, and nothing that the allow-list does not name.

The bytes are verified against their own SHA-256 before one of them is decoded. That guards against damage; against a
forger, verify the snapshot's signature first: River's Rust classes take their state as raw bytes and do not check it.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import random
import re
from collections.abc import Callable, Collection
from types import BuiltinMethodType, MethodType
from typing import Any, Final

import numpy as np

from engine.allow_list import AllowList, Global, of_river, river_version
from engine.errors import SnapshotError
from engine.object_state import DIGEST_BYTES, OBJECT_FORMAT, Node, samples_only
from engine.snapshot import decode

RUST_ARGUMENT_MAX: Final = 10_000_000
"""Greatest whole number a Rust class may be made with: it allocates at once, and a failure there ends the process."""

_UNSEEN, _MADE, _FILLED = range(3)
_CONTAINERS: Final = frozenset({"list", "dict", "set"})
_BIT_GENERATORS: Final = frozenset({"MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64"})


def thaw(data: bytes, allowed: Collection[Global] = ()) -> Any:
    """Return the object graph that `freeze` wrote: from here on both continue identically.

    Parameters
    ----------
    data
        What `freeze` returned.
    allowed
        The caller's own classes and functions that may stand in it, as given to `freeze`.

    Raises
    ------
    SnapshotError
        Damaged bytes, another River version, or something that is not allowed; the sentence names it.
    """
    body = data[DIGEST_BYTES:]
    if hashlib.sha256(body).digest() != data[:DIGEST_BYTES]:
        msg = f"frozen object of {len(data)} bytes does not match its own SHA-256: it is damaged; use an older one"
        raise SnapshotError(msg)
    match decode(body):
        case (str(form), str(version), [root, *nodes]) if form == OBJECT_FORMAT:
            if version and version != river_version():
                msg = f"frozen by river {version}, this is river {river_version()}: pip install river=={version}"
                raise SnapshotError(msg)
            return _Rebuild(nodes, AllowList(allowed)).root(root)
    msg = f"bytes are plain data of another kind, not a frozen object of format {OBJECT_FORMAT!r}"
    raise SnapshotError(msg)


class _Rebuild:
    """One table of nodes on its way back to objects: each is made after its arguments, filled after its contents."""

    def __init__(self, nodes: list[Any], allow: AllowList) -> None:
        self._nodes = nodes
        self._allow = allow
        self._stage = bytearray(len(nodes))
        self._objects: list[Any] = [None] * len(nodes)
        self._sampler = random.Random(0)  # noqa: S311 - one for all unseeded distributions: it serves sample() alone

    def root(self, value: Any) -> Any:
        """Rebuild all that `value` reaches, without recursion, and return it."""
        stage = self._stage
        pending = self._unseen((value,))
        waiting: set[int] = set()
        while pending:
            number = pending[-1]
            if stage[number] == _FILLED:
                pending.pop()
                continue
            node = self._nodes[number]
            if not (type(node) is tuple and node and node[0] in _MAKERS):
                msg = f"node {number} of a frozen object is of no known kind; it is forged"
                raise SnapshotError(msg)
            if stage[number] == _MADE:
                self._guarded(self._fill, number, node)
                stage[number] = _FILLED
                pending.pop()
                continue
            first, then = _parts(node)
            needed = self._unseen(first)
            if needed:
                if number in waiting:
                    msg = f"node {number} of a frozen object is needed to make itself"
                    raise SnapshotError(msg)
                waiting.add(number)
                pending += needed
                continue
            self._guarded(self._make, number, node)
            stage[number] = _MADE
            pending += self._unseen(then)
        return self._value(value)

    def _unseen(self, values: tuple[Any, ...]) -> list[int]:
        """Return the nodes these values refer to that are not made yet; refuses a reference that leads nowhere."""
        found = []
        for value in values:
            if type(value) is list:
                if len(value) != 1 or type(value[0]) is not int or not 0 <= value[0] < len(self._nodes):
                    msg = f"a reference leads to none of the {len(self._nodes)} nodes of a frozen object: forged"
                    raise SnapshotError(msg)
                if self._stage[value[0]] == _UNSEEN:
                    found.append(value[0])
            elif type(value) is tuple:
                found += self._unseen(value)
        return found

    def _value(self, value: Any) -> Any:
        kind = type(value)
        if kind is list:
            return self._objects[value[0]]
        if kind is tuple:
            return tuple([self._value(item) for item in value])
        return value

    def _pairs(self, flat: tuple[Any, ...]) -> dict[Any, Any]:
        return {self._value(key): self._value(flat[at + 1]) for at, key in enumerate(flat) if at % 2 == 0}

    def _guarded(self, step: Callable[[int, Node], None], number: int, node: Node) -> None:
        """Run one step on a forged or foreign node: whatever a constructor makes of it, the answer is one error."""
        try:
            step(number, node)
        except SnapshotError:
            raise
        except BaseException as error:  # Rust's PanicException is not an Exception
            if isinstance(error, KeyboardInterrupt | SystemExit):
                raise
            name = node[1] if len(node) > 1 and type(node[1]) is str else ""
            msg = f"cannot rebuild node {number} of a frozen object, {node[0]} {name:.80}: {type(error).__name__}"
            raise SnapshotError(msg) from error

    def _make(self, number: int, node: Node) -> None:
        self._objects[number] = _MAKERS[node[0]](self, *node[1:])

    def _new(self, name: str, args: Any, *_body: Any) -> Any:
        kind = self._class(name)
        if name.startswith("river._river_rust"):
            _check_rust_arguments(name, args)
        return kind.__new__(kind, *self._value(args))

    def _call(self, name: str, args: Any, *_body: Any) -> Any:
        self._check_complete(name, args)
        if name == "builtins:iter":
            return iter(self._value(args)[0])
        kind = self._class(name)
        if of_river(name) and getattr(kind, "__reduce__", None) is object.__reduce__:
            msg = f"{name} is never made by a call, only given its state"
            raise SnapshotError(msg)
        return kind(*self._value(args))

    def _class(self, name: str) -> type[Any]:
        kind = self._allow.resolve(name)
        if not isinstance(kind, type):
            msg = f"{name} is a function; only a class makes objects of a snapshot"
            raise SnapshotError(msg)
        return kind

    def _check_complete(self, name: str, args: Any) -> None:
        """Refuse a container that is still being filled: the constructor would copy what is not there yet."""
        for value in args:
            if type(value) is list and self._stage[value[0]] != _FILLED and self._nodes[value[0]][0] in _CONTAINERS:
                msg = f"{name} is made of a container that contains it; this cannot be rebuilt"
                raise SnapshotError(msg)

    def _method(self, owner: Any, name: str) -> Any:
        thing = self._value(owner)
        kind = thing if isinstance(thing, type) else type(thing)
        inspect.getattr_static(kind, name)
        method = getattr(thing, name)
        if not isinstance(method, MethodType | BuiltinMethodType) or method.__self__ is not thing:
            msg = f"{name!r} is no method of {kind.__module__}.{kind.__qualname__}"
            raise SnapshotError(msg)
        return method

    def _partial(self, function: Any, args: Any, keywords: Any) -> functools.partial[Any]:
        return functools.partial(self._value(function), *self._value(args), **self._pairs(keywords))

    def _fill(self, number: int, node: Node) -> None:
        thing = self._objects[number]
        kind = node[0]
        if kind == "list":
            thing.extend([self._value(value) for value in node[1:]])
        elif kind == "dict":
            thing.update(self._pairs(node[1:]))
        elif kind in {"new", "call"}:
            _verb, _name, _args, state, items, pairs = node
            for value in items:
                thing.append(self._value(value))
            for key, value in self._pairs(pairs).items():
                thing[key] = value
            if state is not None:
                self._give(thing, *state)

    def _give(self, thing: Any, form: str, *state: Any) -> None:
        """Give an object its state, as pickle does."""
        setstate = getattr(type(thing), "__setstate__", None)
        if form == "state":
            setstate(thing, self._value(state[0]))  # type: ignore[misc]
        elif form == "slots":
            for flat in state:
                for name, value in self._pairs(flat).items():
                    object.__setattr__(thing, name, value)
        else:
            attributes = self._pairs(state)
            kind: type = type(thing)
            if attributes.get("seed", 0) is None and "_rng" not in attributes and samples_only(kind):
                attributes["_rng"] = self._sampler
            if setstate is not None:
                setstate(thing, attributes)
            else:
                vars(thing).update(attributes)


def _parts(node: Node) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the values a node needs to be made, and those it needs to be filled."""
    if node[0] in {"new", "call"}:
        return node[2:3], node[3:]
    if node[0] in {"partial", "method"}:
        return node[1:], ()
    if node[0] in {"list", "dict"}:
        return (), node[1:]
    return (), ()


def _check_rust_arguments(name: str, args: tuple[Any, ...]) -> None:
    for value in args:
        if type(value) is int and abs(value) > RUST_ARGUMENT_MAX:
            msg = (
                f"{name} may be made with whole numbers up to {RUST_ARGUMENT_MAX}, got one of {value.bit_length()} bits"
            )
            raise SnapshotError(msg)


def _random(numbers: Any, gauss: Any) -> random.Random:
    made = random.Random(0)  # noqa: S311 - its state is set in the next line
    made.setstate((3, tuple(numbers.tolist()), gauss))
    return made


def _random_state(state: Any) -> np.random.RandomState:
    made = np.random.RandomState(0)
    made.set_state(state)
    return made


def _generator(name: str, state: Any) -> np.random.Generator:
    if name not in _BIT_GENERATORS:
        msg = f"numpy has no bit generator {name!r:.40} that may stand in a snapshot"
        raise SnapshotError(msg)
    bits = getattr(np.random, name)(0)
    bits.state = state
    return np.random.Generator(bits)


_MAKERS: Final[dict[str, Callable[..., Any]]] = {
    "list": lambda _rebuild, *_values: [],
    "dict": lambda _rebuild, *_pairs: {},
    "set": lambda _rebuild, elements: set(elements),
    "bytearray": lambda _rebuild, body: bytearray(body),
    "array": lambda _rebuild, order, array: np.array(array, order=order),
    "new": _Rebuild._new,
    "call": _Rebuild._call,
    "partial": _Rebuild._partial,
    "method": _Rebuild._method,
    "global": lambda rebuild, name: rebuild._allow.resolve(name),
    "random": lambda _rebuild, numbers, gauss: _random(numbers, gauss),
    "randomstate": lambda _rebuild, state: _random_state(state),
    "generator": lambda _rebuild, name, state: _generator(name, state),
    "pattern": lambda _rebuild, text, flags: re.compile(text, flags),
}

"""Object graphs as bytes: what stays shared, what is left out, what is refused, and that no depth is too deep."""

from __future__ import annotations

import collections
import datetime
import functools
import hashlib
import random
import re
import threading
from typing import Any

import numpy as np
import pytest
from river import drift, linear_model, proba, stats
from river._river_rust.stats import RsRollingQuantile

from engine.errors import SnapshotError
from engine.object_state import OBJECT_FORMAT, fingerprint, freeze
from engine.object_thaw import RUST_ARGUMENT_MAX, thaw
from engine.snapshot import decode, encode


class Link:
    """One link of a chain, of our own."""

    def __init__(self, following: Link | None = None) -> None:
        self.following = following


class Slotted:
    """An object without a `__dict__`."""

    __slots__ = ("left", "right")


def _forged(*nodes: Any, version: str = "") -> bytes:
    """Seal a table of nodes as a forger would."""
    body = encode((OBJECT_FORMAT, version, [[0], *nodes]))
    return hashlib.sha256(body).digest() + body


def test_shared_objects_stay_shared_and_cycles_stay_cycles() -> None:
    """Identity among mutable objects is a part of the state."""
    inner: list[Any] = [1]
    outer: dict[str, Any] = {"a": inner, "b": (inner, inner)}
    inner.append(outer)
    back = thaw(freeze(outer))
    assert back["a"] is back["b"][0] is back["b"][1]
    assert back["a"][1] is back


def test_the_identity_of_immutables_does_not_count() -> None:
    """Equal values give equal bytes, whether they are one object or two."""
    text, when = "".join(["te", "xt"]), datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    once, twice = [text, text, when, when], ["text", "te" + "xt"[:2], when, when.replace()]
    assert freeze(once) == freeze(twice)
    assert thaw(freeze(once)) == once


def test_a_chain_longer_than_the_recursion_limit_comes_back() -> None:
    """The walk keeps its own list, both ways."""
    chain = None
    for _ in range(50_000):
        chain = Link(chain)
    back, length = thaw(freeze(chain, {Link}), {Link}), 0
    while back is not None:
        back, length = back.following, length + 1
    assert length == 50_000


@pytest.mark.parametrize(
    "thing",
    [
        collections.deque([1, [2]], maxlen=3),
        collections.Counter("abca"),
        collections.defaultdict(list, {"a": [1]}),
        collections.OrderedDict([("b", 1), ("a", 2)]),
        bytearray(b"x"),
        {1, "a", (2, None)},
        re.compile("a+", re.IGNORECASE),
        datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
        datetime.date(2024, 1, 1),
        1 + 2j,
        str.lower,
        float,
        linear_model.LinearRegression,
    ],
    ids=lambda thing: type(thing).__name__,
)
def test_what_rivers_states_are_made_of_comes_back_equal(thing: Any) -> None:
    """Equal, of the same type, and with the same bytes again."""
    back = thaw(freeze(thing))
    assert back == thing
    assert type(back) is type(thing)
    assert freeze(back) == freeze(thing)


def test_generators_continue_where_they_stood() -> None:
    """Python's, numpy's old and numpy's new."""
    makers = (random.Random(3), np.random.RandomState(3), np.random.default_rng(3))
    for made in makers:
        draw = made.gauss if isinstance(made, random.Random) else made.normal
        draw(0, 1)
        back = thaw(freeze(made))
        again = back.gauss if isinstance(back, random.Random) else back.normal
        assert [again(0, 1) for _ in range(5)] == [draw(0, 1) for _ in range(5)]


def test_bound_methods_and_partials_stay_bound_to_the_object_that_came_back() -> None:
    """PageHinkley keeps a method of itself: it must not call the original."""
    back = thaw(freeze(drift.PageHinkley()))
    assert back._test_drift.__self__ is back
    things = [stats.Mean()]
    things.append(functools.partial(things[0].update, 3.0, w=2.0))
    mean, update = thaw(freeze(things))
    update()
    assert mean.get() == 3.0


def test_the_memory_order_of_an_array_comes_back() -> None:
    """BLAS works in place on Fortran order alone."""
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    back = thaw(freeze(array))
    assert back.flags.f_contiguous
    assert np.array_equal(back, array)


def test_slots_come_back() -> None:
    """An unset slot stays unset."""
    thing = Slotted()
    thing.left = [1]
    back = thaw(freeze(thing, {Slotted}), {Slotted})
    assert back.left == [1]
    assert not hasattr(back, "right")


def test_the_sampling_generator_of_an_unseeded_distribution_is_left_out() -> None:
    """Two unseeded Gaussians of the same state have the same bytes, few, and still sample after their return."""
    first, second = proba.Gaussian(), proba.Gaussian()
    for number in range(10):
        first.update(number)
        second.update(number)
    frozen = freeze(first)
    assert frozen == freeze(second)
    assert len(frozen) < 1000
    assert isinstance(thaw(frozen).sample(), float)


def test_the_generator_of_a_seeded_distribution_is_kept() -> None:
    """A seed is a promise about samples."""
    seeded = proba.Gaussian(seed=1)
    seeded.update(1.0)
    seeded.update(2.0)
    seeded.sample()
    assert thaw(freeze(seeded)).sample() == seeded.sample()


@pytest.mark.parametrize(
    ("thing", "named"),
    [
        (Link(), "Link"),
        ([lambda: 0], "<lambda>"),
        (threading.Lock(), "_thread:lock"),
        (np.array([object()]), "'|O'"),
        ({Link()}, "Link"),
        (functools.partial(__import__), "builtins:__import__"),
    ],
    ids=["class of the user", "lambda", "lock", "object array", "set of objects", "builtin"],
)
def test_what_could_not_be_restored_is_refused_by_name_when_it_is_frozen(thing: Any, named: str) -> None:
    """A refusal at the restart would come too late."""
    with pytest.raises(SnapshotError) as caught:
        freeze(thing)
    assert named in str(caught.value)


def test_a_class_of_the_callers_own_passes_when_it_is_named() -> None:
    """And only then, on both sides."""
    frozen = freeze(Link(), {Link})
    assert isinstance(thaw(frozen, {Link}), Link)
    with pytest.raises(SnapshotError, match="Link may not stand in a snapshot"):
        thaw(frozen)


@pytest.mark.parametrize(
    "node",
    [
        ("global", "os:system"),
        ("call", "os:system", ("true",), None, (), ()),
        ("call", "builtins:eval", ("1",), None, (), ()),
        ("call", "builtins:getattr", ("a", "lower"), None, (), ()),
        ("call", "copy:deepcopy", (1,), None, (), ()),
        ("global", "river.datasets:Phishing"),
        ("global", "river.base:os"),
        ("global", "river.stats.mean:Mean.__init__.__globals__"),
        ("global", "river..stats:Mean"),
        ("call", "river.stats.mean:Mean", (), None, (), ()),
        ("new", "river._river_rust.stats:RsRollingQuantile", (0.5, RUST_ARGUMENT_MAX + 1), None, (), ()),
        ("new", "river._river_rust.stats:RsEWMean", (0.5,), ("state", b"short"), (), ()),
        ("method", "text", "__class__"),
        ("method", "text", "no such"),
        ("call", "builtins:list", ([0],), None, (), ()),
        ("call", "builtins:list", ([7],), None, (), ()),
        ("list", [2**70]),
        ("list", [0, 1]),
        ("dict", 1),
        ("new", "builtins:list"),
        ("unknown",),
        (),
        7,
    ],
    ids=str,
)
def test_a_forged_node_is_refused_and_runs_nothing(node: Any) -> None:
    """Even with a digest that fits."""
    with pytest.raises(SnapshotError):
        thaw(_forged(node))


def test_every_damaged_byte_is_noticed() -> None:
    """River's Rust classes would take about one flipped bit in two for a state."""
    frozen = freeze(drift.ADWIN())
    for at in range(len(frozen)):
        damaged = bytearray(frozen)
        damaged[at] ^= 1
        with pytest.raises(SnapshotError, match="SHA-256"):
            thaw(bytes(damaged))


def test_another_version_of_river_is_refused_with_the_remedy() -> None:
    """Its classes may mean something else by the same state."""
    with pytest.raises(SnapshotError, match=r"pip install river==0\.1\.2"):
        thaw(_forged(("list",), version="0.1.2"))


def test_rivers_version_is_written_only_where_river_is() -> None:
    """Plain containers outlive an upgrade."""
    assert decode(freeze([1])[32:])[1] == ""
    assert decode(freeze([stats.Mean()])[32:])[1] != ""
    assert RsRollingQuantile.__name__ in str(decode(freeze(stats.RollingQuantile(0.5, 3))[32:]))


def test_any_object_has_a_fingerprint_that_follows_its_state() -> None:
    """Allowed or not; equal states agree, and a closure's value counts."""
    assert fingerprint(Link(Link())) == fingerprint(Link(Link())) != fingerprint(Link())

    def adds(amount: int) -> Any:
        return lambda number: number + amount

    assert fingerprint(adds(1)) == fingerprint(adds(1)) != fingerprint(adds(2))


def test_a_fingerprint_is_never_thawed() -> None:
    """It is of another format."""
    with pytest.raises(SnapshotError):
        thaw(fingerprint(Link()))

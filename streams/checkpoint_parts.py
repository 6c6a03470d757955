"""How a state is laid out in parts: rows, scorer, learner, each contender, the caller's — and put together again.

A part is a plain value with a name. The layout follows the shape of `Engine.snapshot()` and asks for no more of it than
three keys; whatever else the engine keeps goes with the part `engine`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from engine.errors import SnapshotError
from streams.checkpoint_versions import Parts

_TEXT_SHOWN = 200

CALLER = "caller"
"""The part that holds what the caller added."""


class Portion(NamedTuple):
    """A part before it is encoded: its name, what it holds for a person, its plain value."""

    name: str
    holds: str
    value: Any


def split(engine: Mapping[str, Any], caller: Mapping[str, Any]) -> Iterator[Portion]:
    """Yield the parts of a state; nothing of it is copied.

    The keys of what moves to a part of its own stay behind with None, so that their order is kept.
    """
    learner = engine["learner"]
    yield Portion("engine", "counts", {**engine, "rows": None, "scorer": None, "learner": None})
    yield Portion("rows", "pending and remembered requests", engine["rows"])
    yield Portion("scorer", "features, targets, label join", engine["scorer"])
    yield Portion("learner", "tape", {**learner, "contenders": None})
    for number, contender in enumerate(learner["contenders"]):
        yield Portion(f"contender-{number}", str(contender["name"])[:_TEXT_SHOWN], contender)
    yield Portion(CALLER, "positions of inputs and outputs", dict(caller))


def join(parts: Parts) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the engine's state and the caller's from the decoded parts.

    Raises
    ------
    SnapshotError
        The parts are not those of a state.
    """
    contenders = [parts[name] for name in parts if name.startswith("contender-")]
    named = ["engine", "rows", "scorer", "learner", *(f"contender-{number}" for number in range(len(contenders)))]
    if list(parts) != [*named, CALLER]:
        msg = f"a checkpoint has the parts engine, rows, scorer, learner, contender-0 ..., caller, got {list(parts)!r}"
        raise SnapshotError(msg)
    engine, learner, caller = parts["engine"], parts["learner"], parts[CALLER]
    if not (type(engine) is type(learner) is type(caller) is dict):
        msg = "the parts engine, learner and caller must each be a dict; the checkpoint was not written by sidestream"
        raise SnapshotError(msg)
    learner["contenders"] = contenders
    return {**engine, "rows": parts["rows"], "scorer": parts["scorer"], "learner": learner}, caller

"""Reactions by name: `gated(alpha=0.01)`, for every contender, or `tree=reset()`, for one."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import TypeAlias

from engine.errors import ConfigError
from engine.models.spec_builder import SpecBuilder, read_expression, refuse
from engine.reactions.gated import Gated
from engine.reactions.plain import Forget, Reset
from engine.reactions.pool import Pool
from engine.reactions.standby import Standby

Rules: TypeAlias = Reset | Forget | Gated | Pool | Standby

NONE = "none"

REACTIONS: Mapping[str, type[Rules]] = {
    "reset": Reset,
    "forget": Forget,
    "gated": Gated,
    "standby": Standby,
    "pool": Pool,
}
"""What can be done about a drift, by name."""


def parse_reaction(text: str) -> Rules | None:
    """Return what a spec such as `gated(alpha=0.01)` says; None for `none`.

    Raises
    ------
    ConfigError
        For a name there is not, or values it cannot have.

    Examples
    --------
    >>> parse_reaction("forget(keep=0.2)"), parse_reaction("none")
    (Forget(keep=0.2), None)
    """
    if text.strip() == NONE:
        return None
    tree = read_expression(text)
    if not isinstance(tree, ast.Call) or not isinstance(tree.func, ast.Name):
        refuse(tree, f"a reaction is none, or a call of {', '.join(REACTIONS)}, such as gated()")
    kind = REACTIONS.get(tree.func.id)
    if kind is None:
        refuse(tree, f"there is no such reaction; there are none, {', '.join(REACTIONS)}")
    known = [field.name for field in fields(kind)]
    builder = SpecBuilder({}, task=None, seed="")
    values = {}
    for keyword in tree.keywords:
        if keyword.arg not in known:
            refuse(tree, f"{tree.func.id} takes {', '.join(known) or 'nothing'}")
        values[keyword.arg] = builder.build(keyword.value)
    if tree.args:
        refuse(tree, "give the values of a reaction by name")
    try:
        return kind(**values)
    except TypeError as error:
        msg = f"{text!r:.80}: {error}"
        raise ConfigError(msg) from error


def reaction_of(name: str, reactions: Iterable[tuple[str | None, str]]) -> Rules | None:
    """Return the reaction of a contender, from (name, spec) pairs: its own, or the one that names nobody, or none.

    >>> reaction_of("tree", [(None, "reset()"), ("tree", "none")]), reaction_of("nb", [(None, "reset()")])
    (None, Reset())
    """
    found = dict(reactions)
    text = found.get(name, found.get(None, NONE))
    return parse_reaction(text)

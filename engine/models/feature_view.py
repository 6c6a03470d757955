"""Which view of the features a model reads: as they came, without free text, or as numbers alone.

The engine offers the views and hands each contender the one its parsed spec names. This file knows no model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from engine.errors import ConfigError

View: TypeAlias = Literal["raw", "mixed", "numeric"]
"""`raw`: as they came. `mixed`: numbers and categories, without free text. `numeric`: one column per category value."""

Need: TypeAlias = Literal["raw", "mixed", "numeric", "either"]
"""What one part of a model needs: `raw` names or text of its own, `mixed` makes nothing of free text, `numeric` breaks
on all text, `either` takes anything."""


def combine(needs: Iterable[Need], whole: str) -> Need:
    """Return what a model made of such parts needs; parts that contradict each other are a `ConfigError`."""
    seen = set(needs)
    if {"raw", "numeric"} <= seen:
        msg = (
            f"{whole} joins a part that reads text or columns by name with a part that reads numbers only; begin the "
            f"numeric part with river.compose.SelectType(float), or with an encoder of its own"
        )
        raise ConfigError(msg)
    if "raw" in seen:
        return "raw"
    if "numeric" in seen:
        return "numeric"
    return "mixed" if "mixed" in seen else "either"

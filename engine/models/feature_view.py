"""Which view of the features a model reads: as they came, or as numbers with one column per category value.

The engine offers both views and hands each contender the one its parsed spec names. This file knows no model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from engine.errors import ConfigError

View: TypeAlias = Literal["raw", "numeric"]
"""`raw`: numbers and text as they came. `numeric`: the one-hot view, without text."""

Need: TypeAlias = Literal["raw", "numeric", "either"]
"""What one part of a model needs: `raw` names or text of its own, `numeric` breaks on text, `either` takes both."""


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
    return "numeric" if "numeric" in seen else "either"

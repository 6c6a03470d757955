"""A part of a model's spec: a frozen value that a spec builds by its short name and a model reads."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import isfinite
from typing import TypeVar

from engine.errors import ConfigError

P = TypeVar("P")


@dataclass(frozen=True, repr=False, slots=True)
class Part:
    """What all parts share: they show themselves as a spec would write them, and say which of their numbers is wrong.

    Examples
    --------
    >>> from engine.models.compiled.descent import Adam
    >>> Adam(lr=0.5)
    adam(lr=0.5)
    """

    def __repr__(self) -> str:
        changed = [
            f"{field.name}={value!r}" for field in fields(self) if (value := getattr(self, field.name)) != field.default
        ]
        return f"{self.spec_name}({', '.join(changed)})"

    @property
    def spec_name(self) -> str:
        """The name in a spec: the class's in snake case."""
        name = type(self).__name__
        return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")

    def expect(self, name: str, low: float, high: float) -> None:
        """Refuse a parameter that is no number in [low, high]; 0 is refused where `low` is above it.

        Raises
        ------
        ConfigError
            It is not.
        """
        value = getattr(self, name)
        if not is_number(value) or not low <= value <= high:
            msg = f"{self.spec_name}'s {name} must be a number from {low:g} to {high:g}, got {value!r}"
            raise ConfigError(msg)


def is_number(value: object) -> bool:
    """Say whether a value is a finite number, and no bool.

    >>> is_number(1), is_number(True), is_number("1")
    (True, False, False)
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def expect_part(model: str, name: str, value: object, kind: type[P], choices: str) -> P:
    """Return a model's parameter if it is a part of this kind.

    Raises
    ------
    ConfigError
        It is not.
    """
    if not isinstance(value, kind):
        msg = f"{model}'s {name} must be {choices}, got {value!r:.80}"
        raise ConfigError(msg)
    return value

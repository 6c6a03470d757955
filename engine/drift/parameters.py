"""What a detector's parameters may be; each refusal names the detector, the parameter, what was got and the range."""

from __future__ import annotations

from math import isfinite
from typing import Literal, TypeAlias

from engine.errors import ConfigError

Direction: TypeAlias = Literal["worse", "better", "both"]
"""Which changes of the mean are alarms: a rise, a fall, or both. A loss that rises is worse."""

DIRECTIONS = ("worse", "better", "both")


def check_share(detector: str, **given: object) -> None:
    """Refuse what is not strictly between 0 and 1."""
    for name, value in given.items():
        if not (_is_number(value) and 0.0 < value < 1.0):  # type: ignore[operator]
            _refuse(detector, name, value, "be between 0 and 1, both excluded")


def check_positive(detector: str, **given: object) -> None:
    """Refuse what is no finite number above 0."""
    for name, value in given.items():
        if not (_is_number(value) and value > 0.0):  # type: ignore[operator]
            _refuse(detector, name, value, "be a number above 0")


def check_not_negative(detector: str, **given: object) -> None:
    """Refuse what is no finite number from 0 up."""
    for name, value in given.items():
        if not (_is_number(value) and value >= 0.0):  # type: ignore[operator]
            _refuse(detector, name, value, "be a number of at least 0")


def check_whole(detector: str, at_least: int, **given: object) -> None:
    """Refuse what is no whole number from `at_least` up."""
    for name, value in given.items():
        if type(value) is not int or value < at_least:
            _refuse(detector, name, value, f"be a whole number of at least {at_least}")


def check_choice(detector: str, choices: tuple[object, ...], **given: object) -> None:
    """Refuse what is none of the choices."""
    for name, value in given.items():
        if value not in choices:
            _refuse(detector, name, value, f"be one of {', '.join(map(repr, choices))}")


def check_order(detector: str, **given: float) -> None:
    """Refuse two numbers of which the first is not below the second."""
    (low_name, low), (high_name, high) = given.items()
    if not low < high:
        _refuse(detector, low_name, low, f"be below {high_name}, which is {high!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _refuse(detector: str, name: str, value: object, must: str) -> None:
    msg = f"{detector}: {name} must {must}, got {value!r}"
    raise ConfigError(msg)

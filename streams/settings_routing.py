"""The settings of routing: whether requests are shared out among arms, and how that is read.

Like the other sections, it knows its own keys and nothing of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from engine.errors import ConfigError
from engine.routing.rules import RoutingMode, RoutingRules
from streams.settings_fields import Rate, Section, setting


def _listed(value: object) -> object:
    """Return arms as `NAME` or `NAME=SHARE`, from one, a list, or a table of shares by name."""
    if isinstance(value, Mapping):
        return tuple(f"{name}={share}" for name, share in value.items())
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


class RoutingSettings(Section):
    """Who answers: the champion, or arms among which requests are shared out."""

    mode: Annotated[RoutingMode, Field(strict=False)] = setting(
        RoutingMode.CHAMPION,
        "'champion', 'ab', 'epsilon_greedy' or 'thompson'",
        "`ab` gives each arm its share of the keys, a bandit finds the shares by the rewards.",
    )
    arms: Annotated[tuple[str, ...], BeforeValidator(_listed)] = setting(
        (),
        "a table of shares by contender, or a list of contenders, as NAME or NAME=SHARE",
        "Who takes part, the champion among them; the shares of an A/B test sum to 1, a bandit is given none.",
    )
    experiment: str = setting(
        RoutingRules().experiment,
        "a name",
        "The name of the experiment: keys are shared out anew under another one.",
        min_length=1,
    )
    epsilon: float = setting(
        RoutingRules().epsilon,
        "a number between 0 and 1",
        "Of the bandits: the share of requests that is shared out evenly among the arms.",
        gt=0,
        lt=1,
    )
    memory_count: int | None = setting(
        None,
        "a whole number of at least 2",
        "Of the bandits: a reward weighs 1/e after so many others; by default none is ever forgotten.",
        ge=2,
    )
    planned_count: int | None = setting(
        None,
        "a whole number of at least 2",
        "Of an A/B test: matured events per arm at which the t-test and the chi-square test are read, once; by default "
        "they are not.",
        ge=2,
    )
    effect: float = setting(
        RoutingRules().effect,
        "a number between 0 and 1",
        "Of an A/B test: the difference of mean losses that matters.",
        gt=0,
        lt=1,
    )
    alpha: Rate = setting(
        RoutingRules().alpha,
        "a number between 0 and 1",
        "Of an A/B test: the bearable chance to find a difference where there is none, over all comparisons.",
    )

    def rules(self) -> RoutingRules:
        """Return what these say.

        Raises
        ------
        ConfigError
            Where the arms are no arms.
        """
        values = self.model_dump()
        values["arms"] = tuple(map(_arm, values["arms"]))
        return RoutingRules(**values)


def _arm(text: str) -> tuple[str, float | None]:
    name, sign, share = text.partition("=")
    try:
        return name.strip(), float(share) if sign else None
    except ValueError:
        msg = f"an arm is NAME or NAME=SHARE, such as tree=0.5, got {text!r:.80}"
        raise ConfigError(msg) from None

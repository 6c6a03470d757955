"""Off-policy estimates from the files of a finished replay: predictions, shadow answers, labels and ends.

The same arithmetic as in the engine, over every event whose truth is known, in the order of the requests. Where labels
mature, the engine counts those whose window has closed, and the files also hold those that wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from engine.evidence.losses import zero_one
from engine.messages import Target
from engine.routing.off_policy import Logged, OffPolicy
from streams.jsonl_sink import SUMMARY, Output
from streams.ports import SourceError


@dataclass(slots=True)
class _Event:
    """What the files say about one routed request."""

    arm: str
    propensities: dict[str, float]
    score: float | dict[Target, float] | None
    decisions: dict[str, Target | None] = field(default_factory=dict)
    target: Target | None = None


def off_policy_of(directory: Path) -> dict[str, Any]:
    """Return the estimates by contender.

    Losses are 0 or 1: the files do not say what errors cost. Memory: every routed event at once, about 1 kB each.

    Raises
    ------
    SourceError
        Where a file is missing or is not what a replay writes, nothing was routed, or the task is a regression.
    """
    summary = _summary(directory)
    experiment = summary.get("experiment")
    if experiment is None:
        msg = f"{directory}: nothing was shared out in this run; replay it with --routing and --arm"
        raise SourceError(msg)
    if not summary["classes"]:
        msg = f"{directory}: a number has no decision to be estimated; the summary has its mean loss per arm"
        raise SourceError(msg)
    control = experiment["control"]
    events = _events(directory, control)
    for line in _lines(directory, Output.LABELS):
        if line["end"] == "learned" and line["index"] in events:
            events[line["index"]].target = line["target"]
    for line in _lines(directory, Output.ENDS):
        if line["end"] == "negative_by_policy" and line["index"] in events:
            events[line["index"]].target = summary["classes"][1]
    estimates = OffPolicy(list(summary["models"]), control, zero_one)
    for index in sorted(events):
        event = events[index]
        if event.target is not None:
            estimates.add(Logged(event.arm, event.propensities, event.decisions, event.score), event.target)
    return estimates.read()


def _events(directory: Path, control: str) -> dict[int, _Event]:
    """Return the routed requests by index, with what everybody would have decided."""
    events = {}
    for line in _lines(directory, Output.PREDICTIONS):
        if "propensities" in line:
            arm = line["model"]
            event = _Event(arm, line["propensities"], _score(line) if arm == control else None)
            event.decisions[arm] = line["prediction"]
            events[line["index"]] = event
    for line in _lines(directory, Output.SHADOW):
        known = events.get(line["index"])
        if known is not None:
            known.decisions[line["model"]] = line["prediction"]
            if line["model"] == control:
                known.score = _score(line)
    return events


def _score(line: dict[str, Any]) -> Any:
    return line.get("probability", line.get("probabilities"))


def _summary(directory: Path) -> dict[str, Any]:
    path = directory / SUMMARY
    try:
        found: dict[str, Any] = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        msg = f"{path} cannot be read ({error}); give the directory of --out of a replay that has ended"
        raise SourceError(msg) from None
    return found


def _lines(directory: Path, name: Output) -> Iterator[dict[str, Any]]:
    """Yield the lines of one file."""
    path = directory / name
    try:
        with path.open("rb") as lines:
            yield from map(orjson.loads, lines)
    except (OSError, orjson.JSONDecodeError) as error:
        msg = f"{path} cannot be read ({error}); give the directory of --out of a replay that has ended"
        raise SourceError(msg) from None

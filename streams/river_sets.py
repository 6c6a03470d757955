"""The data sets that come inside the river wheel, as sources. Nothing is ever downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from engine.errors import ConfigError
from streams.ports import Record, SourceError

PREFIX = "river:"
TARGET = "target"

_SHIPPED = MappingProxyType(
    {
        name.lower(): name
        for name in (
            "AirlinePassengers",
            "Bananas",
            "ChickWeights",
            "ImageSegments",
            "Phishing",
            "SP500Stocks",
            "Shuttle",
            "TrumpApproval",
            "WaterFlow",
        )
    }
)
_MULTI_OUTPUT = MappingProxyType({"solarflare": "SolarFlare", "yeast": "Yeast"})


class RiverSet:
    """One data set of river's, its target a column like any other.

    Parameters
    ----------
    name
        `"river:Phishing"`, in any case, with or without the prefix.

    Attributes
    ----------
    target
        The column that holds the target: `"target"`, a name no feature of these sets has.

    Raises
    ------
    ConfigError
        When river has no such set, its data is not in the wheel, or it has several targets.
    SourceError
        When its data file is missing.

    Notes
    -----
    The set is held in memory while it is read: the largest has 49,097 examples. `raw` is the record as JSON with sorted
    keys. Dates become ISO 8601 text.
    """

    def __init__(self, name: str) -> None:
        asked = name.removeprefix(PREFIX)
        known = _SHIPPED.get(asked.lower())
        if known is None:
            raise ConfigError(_why_not(asked))
        # river's data sets take over a second to import: only who asks for one pays.
        from river import datasets

        self.name = PREFIX + known
        self.target = TARGET
        self._set: Any = getattr(datasets, known)()
        if not Path(self._set.path).is_file():
            msg = f"the data file of {self.name} is missing from river's package; reinstall river"
            raise SourceError(msg)
        self._read_count = 0

    def fraction(self) -> float | None:
        """Return how much of the set has been read."""
        return self._read_count / self._set.n_samples if self._set.n_samples else None

    def __iter__(self) -> Iterator[Record]:
        """Yield the examples in the order river has them."""
        # All at once: river leaves its file open when an iteration is given up half-way.
        examples = list(self._set)
        for row, (x, y) in enumerate(examples, start=1):
            values = {str(name): _plain(value) for name, value in x.items()}
            values[TARGET] = _plain(y)
            self._read_count = row
            yield Record(self.name, row, orjson.dumps(values, option=orjson.OPT_SORT_KEYS), values, None)


def set_names() -> tuple[str, ...]:
    """Return the names of the sets that can be read, in order."""
    return tuple(sorted(_SHIPPED.values()))


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _why_not(asked: str) -> str:
    """Say why a set cannot be read, and which can."""
    can = f"these can be read: {', '.join(set_names())}"
    if (several := _MULTI_OUTPUT.get(asked.lower())) is not None:
        return f"river:{several} has several targets per example, sidestream learns one; {can}"
    close = get_close_matches(asked.lower(), _SHIPPED, n=1)
    if close:
        return f"no data set river:{asked} comes with river, did you mean river:{_SHIPPED[close[0]]}? {can}"
    return f"no data set river:{asked} comes inside river's package, and nothing is downloaded; {can}"

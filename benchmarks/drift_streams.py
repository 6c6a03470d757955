"""Streams whose changes are known, and what one contender with one reaction makes of them.

The streams are read from the directory that `SIDESTREAM_DATA` names. `benchmarks/reactions.py` prints figures of
these, and `tests/real/test_drift_streams.py` holds some of them.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from engine import Engine, Label, Plan, Request
from engine.messages import Episode, Reaction, Target
from engine.targets import Task

SLICE_COUNT = 512
"""Events handed over at once; it changes no answer."""

NAIVE_BAYES = "naive_bayes()"
BERNOULLI = "river.naive_bayes.BernoulliNB()"
TREE = "river.tree.HoeffdingTreeClassifier()"

SEA = ("synthetic_known_drift/sea_50k.csv.gz", "class")
INSECTS = ("insects_gradual_balanced/insects_gradual_balanced.csv.gz", "class")
USENET = ("usenet/usenet1.csv.gz", "interesting")
COVERTYPE = ("covertype_iid_93k/covertype_iid_93k.csv.gz", "Cover_Type")
RBF = ("synthetic_known_drift/interchanging_rbf_200k.csv.gz", "class")
RBF_PERIOD = 3_000
"""After so many rows the centres trade places."""

INSECTS_DETECTOR = "adwin(delta=0.2, clock=8)"
INSECTS_GATE = "gated(alpha=0.3, trial_count=350, rival_count=3, lookback_count=50)"
"""Found by trying on INSECTS itself: what is possible there, not what to expect elsewhere."""

Row = tuple[dict[str, float], Target]
"""(features, target)."""


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of one contender on one stream: which answers were right, and what was said, by request."""

    right: list[bool]
    alarms: list[int]
    episodes: list[Episode]
    reactions: list[Reaction]

    @property
    def accuracy(self) -> float:
        """Return the share of answers that were right, in per cent."""
        return self.accuracy_in(0, len(self.right))

    def accuracy_in(self, begin: int, end: int) -> float:
        """Return the same from one index up to another."""
        span = self.right[begin:end]
        return 100.0 * sum(span) / len(span)

    def steps(self, *names: str) -> list[int]:
        """Return the indices at which the reaction took one of these steps."""
        return [reaction.request_index for reaction in self.reactions if reaction.step in names]


def read(path: Path, target: str) -> Iterator[Row]:
    """Yield the rows of a file of numbers, the target as the text it is."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            y = row.pop(target)
            yield {name: float(value) for name, value in row.items()}, y


def follow(rows: Iterable[Row], model: str, detectors: Sequence[str], reaction: str = "none") -> Followed:
    """Have one contender answer and learn each row in turn."""
    plan = Plan(
        task=Task.MULTICLASS,
        classes=(),
        positive=None,
        champion=model,
        champion_name="model",
        baseline=False,
        detectors=tuple(detectors),
        reactions=((None, reaction),),
    )
    engine = Engine(plan)
    followed = Followed([], [], [], [])
    rest = enumerate(rows)
    while events := list(islice(rest, SLICE_COUNT)):
        messages: list[Any] = []
        for index, (x, y) in events:
            messages += [Request(index, x), Label(index, y)]
        out = engine.process(messages)
        ends = zip(out.predictions, out.label_ends, strict=True)
        followed.right.extend(made.answer[0] == end.target for made, end in ends)
        followed.alarms.extend(alarm.request_index for alarm in out.alarms)
        followed.episodes.extend(out.episodes)
        followed.reactions.extend(out.reactions)
    return followed

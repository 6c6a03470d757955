"""Whether the kind of a change is named rightly: `python -m benchmarks.kinds [--quick] [--json FILE]`.

500 streams of errors, each a function of its seed: a calm of 4,000 to 6,000 values at a rate of 0.1, 0.2 or 0.3, then a
change by 0.15 to 0.3 and 9,000 values more: sudden; over 500, 1,500 or 3,000; on and on to the end; for 800 to 1,500
values and back; or none. `adwin()` watches, and the episode of the first alarm after the onset counts, as it stands
when it closes or, of what goes on and on, at the end. Without a change, any name but `uncertain` is wrong.

- right: the named kinds that are right, of those that were named at all. `uncertain` names none: how often it is said
  stands beside it.
- onset, width: the median and the 90th percentile of the distance to what was made, over the changes rightly named.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from engine.drift.adwin import Adwin
from engine.drift.detector import Verdict
from engine.drift.episodes import Episodes
from engine.messages import Episode
from engine.tape import Moment

AFTER_COUNT = 9_000
KINDS = ("sudden", "gradual", "incremental", "transient", "none")
WIDTHS = (500, 1_500, 3_000)
NAMED = ("sudden", "gradual", "incremental", "transient", "uncertain", "no alarm")


@dataclass(frozen=True, slots=True)
class Made:
    """One stream's change, as it was made."""

    kind: str
    onset: int
    width: int
    rate: float
    rise: float

    def rate_at(self, place: int) -> float:
        """Return the rate of errors at a place of the stream."""
        past = place - self.onset
        if past < 0 or self.kind == "none":
            return self.rate
        if self.kind == "transient":
            return self.rate + (self.rise if past < self.width else 0.0)
        return self.rate + self.rise * (min(1.0, past / self.width) if self.width else 1.0)


@dataclass(frozen=True, slots=True)
class Answered:
    """What was said of one stream; `named` is a kind, or that no alarm came."""

    made: Made
    named: str
    onset: int | None
    width: int | None

    @property
    def is_right(self) -> bool:
        """Whether the kind is the one that was made, or there was nothing to name and nothing was named."""
        return self.named == self.made.kind or (self.made.kind == "none" and self.named in {"no alarm", "uncertain"})


def make(seed: int) -> tuple[Made, list[float]]:
    """Return the change and the errors of one stream."""
    random = Random(f"kinds:{seed}")
    kind = KINDS[seed % len(KINDS)]
    onset = random.randrange(4_000, 6_000)
    width = 0
    if kind == "gradual":
        width = WIDTHS[seed // len(KINDS) % len(WIDTHS)]
    elif kind == "incremental":
        width = AFTER_COUNT
    elif kind == "transient":
        width = random.randrange(800, 1_500)
    made = Made(kind, onset, width, random.choice((0.1, 0.2, 0.3)), random.uniform(0.15, 0.3))
    return made, [float(random.random() < made.rate_at(place)) for place in range(onset + AFTER_COUNT)]


def answer(made: Made, values: Sequence[float]) -> Answered:
    """Have a detector and its episodes take a stream; return what is said of the change."""
    detector, episodes = Adwin(), Episodes("model")
    for place, value in enumerate(values):
        moment = Moment(place, place, None)
        episodes.see(value, moment)
        if detector.update(value) is Verdict.DRIFT:
            episodes.signal("model.loss", moment)
    found = next((each for each in episodes.kept if each.opened_index >= made.onset or made.kind == "none"), None)
    if found is None:
        return Answered(made, "no alarm", None, None)
    return Answered(made, *_latest(found))


def _latest(found: Episode) -> tuple[str, int | None, int | None]:
    return found.kind or "uncertain", found.onset_index, found.width


def measure(stream_count: int) -> Iterator[Answered]:
    """Yield what is said of each stream."""
    for seed in range(stream_count):
        yield answer(*make(seed))


def about(answers: Sequence[Answered]) -> dict[str, Any]:
    """Return the figures."""
    decided = [each for each in answers if each.named != "uncertain" or each.made.kind == "none"]
    right = [each for each in decided if each.is_right]
    changed = [each for each in right if each.made.kind != "none"]
    onsets = sorted(abs((each.onset or 0) - each.made.onset) for each in changed)
    widths = sorted(
        abs((each.width or 0) - each.made.width) for each in changed if each.made.kind in {"gradual", "transient"}
    )
    return {
        "streams": len(answers),
        "decided": len(decided),
        "right": len(right),
        "right_share": len(right) / len(decided),
        "onset": _spread(onsets),
        "width": _spread(widths),
    }


def _spread(values: Sequence[int]) -> dict[str, float | None]:
    if not values:
        return {"median": None, "p90": None}
    return {"median": median(values), "p90": values[ceil(0.9 * len(values)) - 1]}


def group_of(made: Made) -> str:
    """Return the row of the table that a stream belongs to."""
    return f"gradual over {made.width:,}" if made.kind == "gradual" else made.kind


def table(answers: Sequence[Answered]) -> list[str]:
    """Return what was named how, by what it was."""
    groups = list(dict.fromkeys(map(group_of, (each.made for each in answers))))
    lines = [f"| made | {' | '.join(NAMED)} |", f"|---|{'---|' * len(NAMED)}"]
    for group in sorted(groups):
        counts = Counter(each.named for each in answers if group_of(each.made) == group)
        lines.append(f"| {group} | {' | '.join(str(counts[name]) for name in NAMED)} |")
    return lines


def main() -> None:
    """Measure, print the table, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="60 streams instead of 500")
    parser.add_argument("--json", type=Path, help="write everything here")
    arguments = parser.parse_args()
    answers = list(measure(60 if arguments.quick else 500))
    figures = about(answers)
    print("\n".join(table(answers)), end="\n\n")
    print(f"right: {figures['right']} of {figures['decided']} decided ({figures['right_share']:.1%})")
    for name in ("onset", "width"):
        found = figures[name]
        print(f"{name}: off by {found['median']} (median), {found['p90']} (90th percentile)")
    if arguments.json:
        content = {"python": platform.python_version(), **figures, "answers": [asdict(each) for each in answers]}
        arguments.json.write_text(json.dumps(content, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

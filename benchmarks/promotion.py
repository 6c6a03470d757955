"""What promotion on evidence costs and promises: `python -m benchmarks.promotion [--quick] [--json FILE]`.

Three questions, each over seeded streams of paired losses, looked at after every event:

- *equal*: how many pairs of which neither is better are promoted, by each test, and by a z-test that peeks;
- *power*: after how many matured events a challenger that is better is promoted, and whether it is;
- *forgetting*: how many further events it takes after a past in which the challenger was a little worse, by the
  evidence alone (arrays) and by a whole `Standing`, which also asks for a least number of events.

Nothing is timed, so a busy machine changes no figure.
"""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import NormalDist, median
from typing import Any
from zlib import crc32

import numpy as np

from benchmarks.evidence_paths import FIXED, Crossings, fixed_crossings, peeking_crossings, restarting_crossings
from benchmarks.paired_losses import EQUAL, Differences, Maker, better, better_in_part, better_on_rare, overtaken
from engine.evidence.losses import zero_one
from engine.evidence.rules import EvidenceRules
from engine.promotion_rules import PromotionRules
from engine.standing import Standing
from engine.tape import Row

ALPHA = 0.05
RUN_LENGTH = 100_000
"""The default of `restarting`."""

PEEKING = "z-test that peeks"
RESTARTING = "restarting betting"
RULES: dict[str, EvidenceRules] = {
    **{f"fixed {test}": EvidenceRules("fixed", test, alpha=ALPHA) for test in FIXED},
    RESTARTING: EvidenceRules(run_length=RUN_LENGTH),
}
PASTS = (0, 5_000, 20_000, 50_000)
SEED = 20_261_128
BATCH = 100
"""Streams made at a time."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is asked.

    Parameters
    ----------
    equal_streams, equal_events
        Of each kind of equal pair.
    power_streams, power_events
        Of each better challenger.
    past_streams, standing_streams
        Of each past, by the evidence alone and by a whole standing.
    pasts
        Events before the challenger becomes the better one.
    after_events
        Events after that, at most.
    """

    equal_streams: int = 2_000
    equal_events: int = 30_000
    power_streams: int = 300
    power_events: int = 30_000
    past_streams: int = 100
    standing_streams: int = 20
    pasts: Sequence[int] = PASTS
    after_events: int = 20_000


QUICK = Sizes(200, 4_000, 60, 10_000, 20, 3, (0, 5_000, 20_000), 12_000)


def crossings(name: str, d: Differences) -> Crossings:
    """Return when each stream's challenger is promoted by the rule of this name; 0 where it never is."""
    if name == PEEKING:
        return peeking_crossings(d, NormalDist().inv_cdf(1 - ALPHA))
    rules = RULES[name]
    if rules.rule == "restarting":
        return restarting_crossings(d, rules.log_threshold(1))
    return fixed_crossings(rules.test, d, rules.log_threshold(1))


def asked(label: str, maker: Maker, names: Sequence[str], streams: int, events: int) -> dict[str, list[int]]:
    """Return for each rule when it promoted, stream by stream, a batch of streams at a time."""
    random = np.random.default_rng([SEED, crc32(label.encode())])
    found: dict[str, list[int]] = {name: [] for name in names}
    for at in range(0, streams, BATCH):
        d = maker(random, min(BATCH, streams - at), events)
        for name in names:
            found[name] += crossings(name, d).tolist()
    return found


def equal_rows(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Yield the share of equal pairs that each rule promoted, by kind of pair."""
    names = [*RULES, PEEKING]
    for kind, maker in EQUAL.items():
        found = asked(kind, maker, names, sizes.equal_streams, sizes.equal_events)
        for name in names:
            yield {"kind": kind, "rule": name, "promoted": _share(found[name])}


def power_rows(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Yield how soon each rule promoted a challenger that was better all along."""
    usual = [*RULES, PEEKING]
    cases: list[tuple[str, Maker, list[str]]] = [
        ("error of 5 to 4 %, independent", better, usual),
        ("error of 5 to 4 %, 3 % in common", better_in_part, usual),
        ("Brier, 1 % positive", better_on_rare, [name for name in usual if name != "fixed mcnemar"]),
    ]
    for case, maker, names in cases:
        found = asked(case, maker, names, sizes.power_streams, sizes.power_events)
        for name in names:
            yield {"case": case, "rule": name, "promoted": _share(found[name]), "median": _median(found[name])}


def forgetting_rows(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Yield how many events each rule needed once the challenger had become the better one."""
    for past in sizes.pasts:
        maker = partial(_overtaken, past)
        found = asked(f"past {past}", maker, [*RULES], sizes.past_streams, past + sizes.after_events)
        random = np.random.default_rng([SEED, past])
        standing_d = [maker(random, 1, past + sizes.after_events)[0] for _ in range(sizes.standing_streams)]
        for name, rules in RULES.items():
            whole = [standing_crossing(rules, d, past) for d in standing_d]
            yield {
                "before": past,
                "rule": name,
                "evidence": _after(found[name], past),
                "standing": _after(whole, past),
                "early": sum(0 < at <= past for at in found[name]) / len(found[name]),
            }


def standing_crossing(rules: EvidenceRules, d: Differences, past: int) -> int:
    """Return after how many events nothing hinders a challenger any more; before the change it is asked now and then.

    All that `Standing` asks for by default holds but positives and time, which these streams have none of.
    """
    standing = Standing(PromotionRules(evidence=rules, positive_count_min=0), zero_one, binary=True)
    wrong, right = (True, 1.0), (False, 0.0)
    for number, difference in enumerate(d.tolist(), 1):
        champion, challenger = wrong if difference > 0 else right, wrong if difference < 0 else right
        standing.add(Row(number, number, None, None, 0), champion, challenger, False)  # noqa: FBT003 - the target
        if (number > past or number % 100 == 0) and standing.hindrance(1) is None:
            return number
    return 0


def _overtaken(past: int, random: np.random.Generator, streams: int, events: int) -> Differences:
    return overtaken(random, streams, past, events - past)


def _share(found: Sequence[int]) -> float:
    return sum(at > 0 for at in found) / max(1, len(found))


def _median(found: Sequence[int]) -> float | None:
    """Return the median over all streams, those never promoted last; None where it is one of these."""
    if 2 * sum(at > 0 for at in found) <= len(found):
        return None
    return median(float(at) if at else float("inf") for at in found)


def _after(found: Sequence[int], past: int) -> float | None:
    """Return the median number of events after the change, of those not promoted before it."""
    return _median([max(0, at - past) for at in found if at == 0 or at > past])


def measured(sizes: Sizes) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the three tables."""
    return {
        "equal": list(equal_rows(sizes)),
        "power": list(power_rows(sizes)),
        "forgetting": list(forgetting_rows(sizes)),
    }


def lines_of(found: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Yield the tables as Markdown."""
    kinds, by_kind = list(dict.fromkeys(row["kind"] for row in found["equal"])), found["equal"]
    yield f"| promoted though equal | {' | '.join(kinds)} |"
    yield f"|---|{'---|' * len(kinds)}"
    for name in dict.fromkeys(row["rule"] for row in by_kind):
        shares = [f"{row['promoted']:.1%}" for row in by_kind if row["rule"] == name]
        yield f"| {name} | {' | '.join(shares)} |"
    yield ""
    yield "| better challenger | rule | promoted | median events |"
    yield "|---|---|---|---|"
    for row in found["power"]:
        yield f"| {row['case']} | {row['rule']} | {row['promoted']:.0%} | {_shown(row['median'])} |"
    yield ""
    yield "| events before | rule | promoted before | further events, evidence alone | further events, whole standing |"
    yield "|---|---|---|---|---|"
    for row in found["forgetting"]:
        both = f"{_shown(row['evidence'])} | {_shown(row['standing'])}"
        yield f"| {row['before']:,} | {row['rule']} | {row['early']:.0%} | {both} |"


def _shown(value: float | None) -> str:
    return "not by half" if value is None else f"{value:,.0f}"


def main() -> None:
    """Ask, print the tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter streams")
    parser.add_argument("--json", type=Path, help="write everything here")
    arguments = parser.parse_args()
    sizes = QUICK if arguments.quick else Sizes()
    found = measured(sizes)
    print("\n".join(lines_of(found)))
    if arguments.json:
        about = {"python": platform.python_version(), "sizes": asdict(sizes), "alpha": ALPHA, "run_length": RUN_LENGTH}
        arguments.json.write_text(json.dumps({**about, **found}, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Whether an alarm budget is kept, and what it costs: `python -m benchmarks.budget [--quick] [--json FILE]`.

Payments at the fraud base rate, 1 % positives, 1,000 a day and few at night; three contenders that err independently,
each watched by the same detectors: those of the preset, and others that cry often. Signals are driven straight through
the watches of a plan. Three figures:

- kept: false alarms over calm months of all three, beside those that the budget bears in the time that was watched; and
  what the same detectors raise without one.
- heard: days from a tripling of one contender's misses to its first alarm on them, median and 90th percentile, and the
  runs without one in 30 days.
- designs: three ways to hold a detector on a single signal to a budget: as it is, its parameter set by its own formula,
  and with a warrant; "always" says drift at every value, so that only the warrant decides.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil, exp
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import numpy as np

from engine.drift.budget import AlarmBudget, parse_budget
from engine.drift.detector import Verdict
from engine.drift.presets import PRESETS
from engine.drift.warrant import Warrant
from engine.judges import Judges
from engine.models.spec import parse_detector
from engine.plan import Plan
from engine.tape import Moment
from engine.watching import Timing

DAY_MS = 86_400_000
EVENTS_A_DAY = 1_000
POSITIVE_RATE = 0.01
MISS_RATE = 0.2
FALSE_ALERT_RATE = 0.004
"""Of the negatives."""

CALM_DAYS = 60
AFTER_DAYS = 30
CONTENDERS = 3
BUDGETS = ("1 per 10d", "1 per 30d", "1 per 10000 events")
RESTLESS = ("misses=stepd()", "false_alerts=hddm_w()", "alert_rate=stepd()", "calibration=page_hinkley(threshold=10)")
"""Detectors that cry far more often than anybody bears."""

Says = Callable[[float, int], bool]
"""Takes a value and a time, and says whether it is an alarm."""


@dataclass(frozen=True, slots=True)
class Payments:
    """Payments in order of time, and what one contender made of each."""

    times_ms: Any
    frauds: Any
    alerts: Any
    probabilities: Any

    def __len__(self) -> int:
        return len(self.times_ms)


def payments(seed: int, days: int, miss_rate: float = MISS_RATE, first_day: int = 0) -> Payments:
    """Return so many days of payments, and the answers of a contender whose probabilities mean what they say."""
    random = np.random.default_rng([seed, first_day])
    counts = random.poisson(EVENTS_A_DAY, days)
    clocks = [np.sort(random.beta(2.0, 2.0, count)) + day for day, count in enumerate(counts, first_day)]
    times_ms = (np.concatenate(clocks) * DAY_MS).astype(np.int64)
    frauds = random.random(len(times_ms)) < POSITIVE_RATE
    alerts = np.where(
        frauds, random.random(len(times_ms)) >= miss_rate, random.random(len(times_ms)) < FALSE_ALERT_RATE
    )
    caught, false = POSITIVE_RATE * (1.0 - MISS_RATE), (1.0 - POSITIVE_RATE) * FALSE_ALERT_RATE
    probabilities = np.where(alerts, caught / (caught + false), POSITIVE_RATE * MISS_RATE / (1.0 - caught - false))
    return Payments(times_ms, frauds, alerts, probabilities)


def plan_of(detectors: Sequence[str], budget: AlarmBudget | None) -> Plan:
    """Return a plan of so many contenders."""
    challengers = {f"challenger_{number}": "majority()" for number in range(1, CONTENDERS)}
    return Plan(detectors=detectors, budget=budget, challengers=challengers)


def drive(judges: Judges, seen: Payments, first_index: int = 0) -> Iterator[tuple[int, str]]:
    """Show payments to the watches of a contender, labels at once; yield the index and the signal of each alarm."""
    answered, labelled = judges.watched(Timing.ANSWERED), judges.watched(Timing.LABELLED)
    columns = (seen.times_ms, seen.frauds, seen.alerts, seen.probabilities)
    for index, (time_ms, fraud, alert, probability) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True), first_index
    ):
        when, answer = Moment(index, index, time_ms), (alert, probability)
        found = judges.show(Timing.ANSWERED, answer, target=False, when=when) if answered else []
        if labelled and fraud:
            found += judges.show(Timing.LABELLED, answer, target=True, when=when)
        found += judges.show(Timing.MATURED, answer, fraud, when)
        for watch, verdict in found:
            if verdict is Verdict.DRIFT:
                yield index, watch.signal.value


def calm(detectors: Sequence[str], budget: AlarmBudget | None, runs: int, days: int = CALM_DAYS) -> dict[str, float]:
    """Return alarms where nothing changes, and how many are allowed, over so many runs of all contenders."""
    alarms, allowed, values = 0, 0.0, 0
    for run in range(runs):
        for contender in range(CONTENDERS):
            judges = plan_of(detectors, budget).judges("majority")
            seen = payments(CONTENDERS * run + contender, days)
            alarms += sum(1 for _ in drive(judges, seen))
            values += len(seen)
            allowed += sum(watch.warrant.ledger.allowed for watch in judges.watches if watch.warrant is not None)
    return {"alarms": alarms, "allowed": allowed, "values": values, "months": runs * days / 30}


def heard(detectors: Sequence[str], budget: AlarmBudget | None, runs: int) -> dict[str, Any]:
    """Return the days from a tripling of one contender's misses to its first alarm on them."""
    delays: list[float] = []
    for run in range(runs):
        judges = plan_of(detectors, budget).judges("majority")
        before = payments(1_000_000 + run, CALM_DAYS)
        for _ in drive(judges, before):
            pass
        after = payments(2_000_000 + run, AFTER_DAYS, 3.0 * MISS_RATE, first_day=CALM_DAYS)
        index = next((at for at, signal in drive(judges, after, len(before)) if signal == "misses"), None)
        if index is not None:
            delays.append(float(after.times_ms[index - len(before)]) / DAY_MS - CALM_DAYS)
    return _delays(delays, runs)


def _delays(delays: list[float], runs: int) -> dict[str, Any]:
    delays.sort()
    return {
        "median": median(delays) if delays else None,
        "p90": delays[ceil(0.9 * len(delays)) - 1] if delays else None,
        "missed": runs - len(delays),
        "of": runs,
    }


def siegmund(slack: float, run_length: float) -> float:
    """Return the threshold of a cumulative sum of normal values for a run length (Siegmund 1985, chapter II)."""
    low, high = 0.1, 1_000.0
    for _ in range(60):
        threshold = (low + high) / 2.0
        reach = 2.0 * slack * (threshold + 1.166)
        if (exp(min(reach, 700.0)) - reach - 1.0) / (2.0 * slack * slack) < run_length:
            low = threshold
        else:
            high = threshold
    return high


def by_formula(run_length: float) -> dict[str, str | None]:
    """Return each detector of the designs with its parameter set for a run length in values, where it has a formula."""
    once = 1.0 / run_length
    return {
        "adwin()": f"adwin(delta={32 * once})",
        "adwin(clock=1)": f"adwin(clock=1, delta={once})",
        "hddm_w()": f"hddm_w(drift_confidence={once}, warning_confidence={2 * once})",
        "hddm_a()": f"hddm_a(drift_confidence={once}, warning_confidence={2 * once})",
        "cusum()": f"cusum(threshold={siegmund(0.1, run_length)})",
        "page_hinkley()": f"page_hinkley(threshold={siegmund(0.1, run_length)})",
        "e_sr()": f"e_sr(run_length={run_length})",
        "stepd()": None,
        "ddm()": None,
        "always": None,
    }


def designs(rate: float, values_a_day: int, runs: int, budget: AlarmBudget, share: float) -> Iterator[dict[str, Any]]:
    """Yield, for every detector, its false alarms and delays on one signal in each of the three designs."""
    run_length = budget.run_length / DAY_MS / share * values_a_day
    for name, formula in by_formula(run_length).items():
        plain = None if name == "always" else _detector(name)
        makers = {"as it is": plain, "formula": None if formula is None else _detector(formula)}
        makers["warrant"] = _warranted(name, budget, share)
        yield {
            "detector": name,
            "months": runs * CALM_DAYS / 30,
            "allowed": runs * CALM_DAYS * DAY_MS * share / budget.run_length,
            **{
                design: None if make is None else _on_one_signal(make, rate, values_a_day, runs)
                for design, make in makers.items()
            },
        }


def _detector(text: str) -> Callable[[], Says]:
    def make() -> Says:
        detector = parse_detector(text, seed=1, name="benchmark").detector
        return lambda value, now: detector.update(value) is Verdict.DRIFT

    return make


def _warranted(text: str, budget: AlarmBudget, share: float) -> Callable[[], Says]:
    def make() -> Says:
        warrant = Warrant(budget, share)
        if text == "always":
            return lambda value, now: warrant.weigh(value, Verdict.DRIFT, now) is Verdict.DRIFT
        detector = parse_detector(text, seed=1, name="benchmark").detector
        return lambda value, now: warrant.weigh(value, detector.update(value), now) is Verdict.DRIFT

    return make


def _on_one_signal(make: Callable[[], Says], rate: float, values_a_day: int, runs: int) -> dict[str, Any]:
    """Return false alarms in the calm, and days to the first alarm after the rate has tripled."""
    false, delays, step_ms = 0, [], DAY_MS // values_a_day
    for run in range(runs):
        random, says, now = Random(f"{rate}:{run}"), make(), 0
        for _ in range(CALM_DAYS * values_a_day):
            now += step_ms
            false += says(float(random.random() < rate), now)
        for index in range(AFTER_DAYS * values_a_day):
            now += step_ms
            if says(float(random.random() < 3.0 * rate), now):
                delays.append(index / values_a_day)
                break
    return {"false": false, **_delays(delays, runs)}


def shown(delay: dict[str, Any] | None) -> str:
    """Return delays for eyes."""
    if delay is None:
        return "no formula"
    false = f"{delay['false']} false; " if "false" in delay else ""
    if delay["median"] is None:
        return f"{false}never"
    missed = f" ({delay['missed']} missed)" if delay["missed"] else ""
    return f"{false}{delay['median']:.2f} / {delay['p90']:.2f}{missed}"


def report(runs: int) -> dict[str, Any]:
    """Measure, and print each table as it comes."""
    found: dict[str, Any] = {"runs": runs, "budgets": [], "designs": []}
    print("| detectors | budget | months | false alarms allowed | raised | misses x3: days, median / p90 |")
    print("|---|---|---|---|---|---|")
    for label, detectors in (("preset fraud", PRESETS["fraud"].specs), ("restless", RESTLESS)):
        for text in (None, *BUDGETS):
            budget = None if text is None else parse_budget(text)
            row = {"detectors": label, "budget": text, **calm(detectors, budget, runs), "heard": None}
            row["heard"] = heard(detectors, budget, runs)
            found["budgets"].append(row)
            allowed = f"{row['allowed']:.1f}" if budget is not None else "any"
            cells = (label, text or "none", f"{row['months']:.0f}", allowed, str(row["alarms"]), shown(row["heard"]))
            print(f"| {' | '.join(cells)} |", flush=True)
    budget = parse_budget("1 per 30d")
    for rate, values_a_day, times in ((MISS_RATE, 20, 4.0), (POSITIVE_RATE, EVENTS_A_DAY, 0.3)):
        streams = max(1, int(times * runs))
        months = streams * CALM_DAYS / 30
        print(f"\n{values_a_day:,} values a day at {rate}, a twelfth of 1 per 30d, {months:.0f} months:\n")
        print("| detector | allowed | as it is | by its formula | with its warrant |\n|---|---|---|---|---|")
        for row in designs(rate, values_a_day, streams, budget, 1.0 / 12.0):
            found["designs"].append({"rate": rate, **row})
            cells = [f"{row['allowed']:.1f}", *(shown(row[each]) for each in ("as it is", "formula", "warrant"))]
            print(f"| `{row['detector']}` | {' | '.join(cells)} |", flush=True)
    return found


def main() -> None:
    """Measure, print the tables, and write JSON where asked."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="2 runs of each kind instead of 10")
    parser.add_argument("--json", type=Path, help="write everything here")
    arguments = parser.parse_args()
    found = report(2 if arguments.quick else 10)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()

"""What routing promises, simulated: `python -m benchmarks.routing [--streams N] [--json FILE]`.

Three tables: how often arms that are alike are told apart (any time, at the horizon, and by a t-test with peeking), how
soon and how surely a real difference is found beside what was planned, and what bandits lose to the better arm when
rewards come late, and when the better arm changes. Everything is seeded: the same command prints the same numbers.
"""

from __future__ import annotations

import argparse
import json
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import sqrt
from pathlib import Path
from random import Random
from statistics import fmean, median
from typing import Any

from engine.routing.comparison import LOOKED_FROM, AnyTime, chi_square, welch
from engine.routing.moments import Moments
from engine.routing.policies import EpsilonGreedy, Policy, Shares, Thompson
from engine.routing.power import Power

ALPHA = 0.05
RATES = (0.01, 0.05, 0.2)
AA_COUNT = 4_000
PLANS = (Power(0.2, 0.05), Power(0.05, 0.02))
REGRET_COUNT = 10_000
GAINS = (0.85, 0.9)
LAGS = (0, 100, 1_000)
BANDITS: dict[str, Callable[[], Policy]] = {
    "even": lambda: Shares((0.5, 0.5), 0),
    "epsilon_greedy": lambda: EpsilonGreedy(2, 0.05, None),
    "thompson": lambda: Thompson(2, 0.05, None),
    "epsilon_greedy, memory 1,000": lambda: EpsilonGreedy(2, 0.05, 1_000),
    "thompson, memory 1,000": lambda: Thompson(2, 0.05, 1_000),
}


def arms_alike(rate: float, streams: int, effect: float) -> dict[str, Any]:
    """Return how often arms of one rate are told apart: any time, at the end, and by peeking at every 50th event."""
    found = {"any_time": 0, "t_at_horizon": 0, "chi_square_at_horizon": 0, "t_peeking": 0}
    for seed in range(streams):
        random, control, arm, test, peeked = Random(seed), Moments(), Moments(), AnyTime(effect), False
        for number in range(1, AA_COUNT + 1):
            control.add(float(random.random() < rate))
            arm.add(float(random.random() < rate))
            test.look(control, arm)
            if number >= LOOKED_FROM and number % 50 == 0 and not peeked:
                spread = sqrt((control.variance + arm.variance) / number)
                peeked = spread > 0.0 and abs(arm.mean - control.mean) > 1.96 * spread
        found["any_time"] += test.p <= ALPHA
        found["t_peeking"] += peeked
        found["t_at_horizon"] += welch(control, arm)[2] <= ALPHA
        wrong = [(AA_COUNT, round(each.mean * AA_COUNT)) for each in (control, arm)]
        found["chi_square_at_horizon"] += chi_square(*wrong)[1] <= ALPHA
    return {"rate": rate, "effect": effect} | {name: count / streams for name, count in found.items()}


def as_planned(power: Power, streams: int) -> dict[str, Any]:
    """Return how often the tests find what was planned for, and when the any-time test stops."""
    planned, stops, found, found_any = power.fixed_count(), list[int](), 0, 0
    most = 4 * planned
    for seed in range(streams):
        random, control, arm, test, stopped = Random(seed), Moments(), Moments(), AnyTime(power.effect), most
        for number in range(1, most + 1):
            control.add(float(random.random() < power.baseline))
            arm.add(float(random.random() < power.other))
            test.look(control, arm)
            if number == planned:
                found += welch(control, arm)[2] <= ALPHA
                found_any += test.p <= ALPHA
            if test.p <= ALPHA:
                stopped = min(stopped, number)
            if number >= planned and stopped < most:
                break
        stops.append(stopped)
    return {
        "baseline": power.baseline,
        "effect": power.effect,
        "planned": planned,
        "power_t": found / streams,
        "power_any_time": found_any / streams,
        "expected_any_time": power.any_time_count(),
        "median_any_time": median(stops),
        "mean_any_time": fmean(stops),
    }


def losses_of(make: Callable[[], Policy], lag: int, streams: int, *, swapped: bool) -> dict[str, float]:
    """Return the mean regret, in rewards, of a whole stream and of its last quarter."""
    whole = last = 0.0
    gap = GAINS[1] - GAINS[0]
    for seed in range(streams):
        random, policy, late = Random(seed), make(), deque[tuple[int, float]]()
        for index in range(REGRET_COUNT):
            if len(late) > lag:
                policy.credit(*late.popleft())
            chances = list(accumulate(policy.probabilities([True, True])))
            arm = int(random.random() >= chances[0])
            means = GAINS[::-1] if swapped and index >= REGRET_COUNT // 2 else GAINS
            late.append((arm, float(random.random() < means[arm])))
            regret = gap if means[arm] < max(means) else 0.0
            whole += regret
            last += regret if index >= REGRET_COUNT * 3 // 4 else 0.0
    return {"regret": whole / streams, "last_quarter": last / streams}


def table(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as a table of a page."""
    print(f"\n{title}\n\n| {' | '.join(rows[0])} |\n|{'---|' * len(rows[0])}")
    for row in rows:
        cells = [
            f"{value:,.3g}" if isinstance(value, float) and abs(value) < 10 else _cell(value) for value in row.values()
        ]
        print(f"| {' | '.join(cells)} |")


def _cell(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, (int, float)) else str(value)


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--json", type=Path, default=None)
    asked = parser.parse_args()
    streams = asked.streams
    alike = [arms_alike(rate, streams, rate / 5) for rate in RATES]
    table(f"Arms that are alike, {streams} streams of {AA_COUNT:,} events per arm: share told apart", alike)
    planned = [as_planned(power, streams) for power in PLANS]
    table(f"Arms that differ as planned, {streams} streams", planned)
    bandits = [
        {"policy": name, "lag": lag, "swapped": str(swapped).lower()}
        | losses_of(make, lag, max(1, streams // 20), swapped=swapped)
        for swapped in (False, True)
        for name, make in BANDITS.items()
        for lag in (LAGS if not swapped else LAGS[1:2])
    ]
    table(f"Regret over {REGRET_COUNT:,} requests, gains {GAINS}, mean of {max(1, streams // 20)} streams", bandits)
    if asked.json is not None:
        asked.json.write_text(json.dumps({"alike": alike, "planned": planned, "bandits": bandits}, indent=1))


if __name__ == "__main__":
    main()

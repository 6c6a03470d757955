"""What watching without labels costs per event: `python -m benchmarks.shift`.

One stream of 20 numbers and 2 categories with a label each, a champion that costs nothing, slices of 256. Rounds are
interleaved; the median CPU time of each line is shown, and what it costs on top of the first. Garbage is collected as
seldom as `replay` does it.
"""

from __future__ import annotations

import argparse
from itertools import islice
from random import Random
from statistics import median
from time import process_time

from engine import Engine, Label, Plan, Request
from engine.messages import Message
from engine.shift.rules import TESTS, ShiftRules
from streams.garbage import looked_for_seldom

EVENTS = 20_000
NUMBERS = 20
SLICE = 256

LINES: dict[str, Plan] = {
    "nothing watched": Plan(baseline=False, detectors=(), shift=ShiftRules(moved=False)),
    "one detector on the loss": Plan(baseline=False, detectors=("adwin()",), shift=ShiftRules(moved=False)),
    "and what moved with its episodes": Plan(baseline=False, detectors=("adwin()",), shift=ShiftRules()),
    "everything, a look every 1,000": Plan(
        baseline=False, detectors=(), shift=ShiftRules(watch="all", tests=TESTS, moved=False)
    ),
    "the same against a rolling reference": Plan(
        baseline=False, detectors=(), shift=ShiftRules(watch="all", tests=TESTS, reference="rolling", moved=False)
    ),
    "the same without D3": Plan(
        baseline=False,
        detectors=(),
        shift=ShiftRules(watch="all", tests=tuple(each for each in TESTS if each != "d3"), moved=False),
    ),
}


def stream() -> list[Message]:
    """Return the seeded stream."""
    random = Random(1)
    messages: list[Message] = []
    for i in range(EVENTS):
        values: dict[str, object] = {f"n{place}": random.gauss(0, 1) for place in range(NUMBERS)}
        values |= {"c": random.choice("abcd"), "d": random.choice("xyz")}
        messages += [Request(i, values), Label(i, random.random() < 0.3)]
    return messages


def seconds_of(plan: Plan, messages: list[Message]) -> float:
    """Return the CPU time that one engine takes."""
    engine, rest = Engine(plan), iter(messages)
    with looked_for_seldom():
        begun = process_time()
        while part := list(islice(rest, SLICE)):
            engine.process(part)
        return process_time() - begun


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    messages = stream()
    taken: dict[str, list[float]] = {name: [] for name in LINES}
    for _ in range(rounds):
        for name, plan in LINES.items():
            taken[name].append(seconds_of(plan, messages))
    first = median(taken["nothing watched"])
    for name, times in taken.items():
        spent = median(times)
        print(f"{name:40} {spent / EVENTS * 1e6:6.1f} us/event  {(spent - first) / EVENTS * 1e6:+6.1f}")


if __name__ == "__main__":
    main()

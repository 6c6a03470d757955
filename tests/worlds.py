"""Seeded worlds for the tests: streams in which labels are late, early, lost, doubled, wrong, and clocks lie."""

from __future__ import annotations

from random import Random

from engine import Label, Refused, Request
from engine.messages import Message, Outcomes
from engine.targets import Task

HOUR = 3_600_000
DAY = 24 * HOUR


def features_of(random: Random, *, broken: bool) -> dict[str, object]:
    """Return the values of one request, now and then unusable ones."""
    values: dict[str, object] = {
        "a": random.gauss(0, 1),
        "b": random.randrange(5),
        "c": random.choice(["x", "y", "z", None]),
    }
    if broken:
        values["a"] = random.choice([float("nan"), float("inf"), "abc", [1], 10**400])
    return values


def truth_of(random: Random, task: Task, values: dict[str, object]) -> object:
    """Return a target that depends on the features, now and then an unusable one."""
    if random.random() < 0.03:
        return random.choice([float("nan"), None, [], "no such class"])
    a = values["a"] if isinstance(values["a"], float) and abs(values["a"]) < 10 else 0.0
    if task is Task.REGRESSION:
        return 3.0 * a + random.gauss(0, 0.1)
    if task is Task.BINARY:
        return a + random.gauss(0, 0.5) > 0.7
    return ["red", "green", 3][int(abs(a) * 2) % 3]


def world(seed: int, count: int, task: Task = Task.BINARY, *, timed: bool = True) -> list[Message]:
    """Return `count` requests and their labels in order of arrival; the same seed gives the same world."""
    random = Random(seed)
    arrivals: list[tuple[float, int, Message]] = []
    now = 1_000 * DAY
    for i in range(count):
        now += random.randrange(2 * HOUR)
        if random.random() < 0.01:
            now += 3 * DAY
        wild = random.random() < 0.01
        stated = now + (300_000 * DAY if wild else -random.randrange(HOUR) if random.random() < 0.1 else 0)
        event_id = f"e{random.randrange(i + 1)}" if random.random() < 0.05 else f"e{i}"
        values = features_of(random, broken=random.random() < 0.03)
        time_ms = stated if timed else None
        if random.random() < 0.02:
            arrivals.append((now, len(arrivals), Refused("request", "decode", "malformed_json", "a truncated line")))
        else:
            arrivals.append((now, len(arrivals), Request(event_id, values, time_ms)))
        target = truth_of(random, task, values)
        for _ in range(random.choice([0, 1, 1, 1, 1, 1, 2])):
            lag = random.choice([-HOUR, 0, HOUR, 5 * HOUR, DAY, 9 * DAY])
            said = target if random.random() < 0.9 else truth_of(random, task, values)
            label_time = (now + lag if random.random() < 0.9 else None) if timed else None
            arrivals.append((now + lag, len(arrivals), Label(event_id, said, label_time)))
        if random.random() < 0.02:
            arrivals.append((now, len(arrivals), Label(f"nobody{random.randrange(9)}", target, None)))
    return [message for _, _, message in sorted(arrivals, key=lambda arrival: arrival[:2])]


def told(outcomes: list[Outcomes]) -> str:
    """Return everything that was said, as one text that differs if a bit differs."""
    names = Outcomes.__slots__
    return "\n".join(repr([entry for out in outcomes for entry in getattr(out, name)]) for name in names)

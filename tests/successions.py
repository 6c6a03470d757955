"""Streams in which who answers changes: models that fail at random, and commands at random positions."""

from __future__ import annotations

from random import Random
from typing import Any

from engine import Command, DecisionRules, Engine, LabelRules, Limits, Plan, Verb, parse_policy
from engine.messages import Message, Outcomes
from engine.targets import Task

RULES = {
    Task.BINARY: "rules(\"a > 0.7 -> 0.9; c == 'x' -> 0.2; otherwise 0.1\")",
    Task.MULTICLASS: "rules(\"a > 0.7 -> 'red'; otherwise 'green'\")",
    Task.REGRESSION: 'rules("a > 0.7 -> 3; otherwise 0")',
}
TREES = {
    Task.BINARY: "river.tree.HoeffdingTreeClassifier(grace_period=20)",
    Task.MULTICLASS: "river.tree.HoeffdingTreeClassifier(grace_period=20)",
    Task.REGRESSION: "river.tree.HoeffdingTreeRegressor(grace_period=20)",
}
POLICIES = ("wait", "wait(2d)", "negative_after(1d)")
NAMES = ("first", "second", "tree", "rules", "no_change", "nobody")


class Fickle:
    """A model that fails now and then: it raises, or answers nonsense, at calls that its seed decides."""

    def __init__(self, seed: int, task: Task) -> None:
        self.seed = seed
        self.task = task
        self.calls = 0
        self.learned = 0

    def _fails(self) -> bool:
        self.calls += 1
        return Random(1_000 * self.seed + self.calls).random() < 0.02

    def _answer(self) -> Any:
        if self._fails():
            if self.seed % 2:
                return "nonsense"
            msg = "out of order"
            raise RuntimeError(msg)
        return self.learned % 7 / 7

    def predict_proba_one(self, x: dict[str, float]) -> Any:
        share = self._answer()
        if share == "nonsense":
            return share
        names = ["red", "green"] if self.task is Task.MULTICLASS else [True, False]
        return {names[0]: share, names[1]: 1.0 - share}

    def learn_one(self, x: dict[str, float], y: object) -> None:
        self.learned += 1
        if self._fails():
            raise ValueError(self.seed)

    def snapshot(self) -> list[int]:
        return [self.calls, self.learned]

    def restore(self, state: list[int]) -> None:
        self.calls, self.learned = state


class FickleNumber(Fickle):
    """The same, for a regression."""

    predict_proba_one = None  # type: ignore[assignment]

    def predict_one(self, x: dict[str, float]) -> Any:
        return self._answer()


def fickle_plan(seed: int, policy: str = "wait(2d)", task: Task = Task.BINARY, **changes: Any) -> Plan:
    """Return a plan of which the first two contenders fail at random. Models are new with every call."""
    made = FickleNumber if task is Task.REGRESSION else Fickle
    binary = task is Task.BINARY
    fields: dict[str, Any] = {
        "task": task,
        "classes": (False, True) if binary else (),
        "positive": True if binary else None,
        "champion": made(seed, task),
        "champion_name": "first",
        "challengers": {"rules": RULES[task], "second": made(seed + 1, task), "tree": TREES[task]},
        "detectors": ("river.drift.ADWIN(clock=1, grace_period=5)",),
        "labels": LabelRules(parse_policy(policy), delayed=True, relearn=policy != "wait"),
        "decision": DecisionRules(alert_rate=0.2) if binary else DecisionRules(),
        "limits": Limits(pending_count_max=60, held_count_max=5, dedup_count_max=50, window_count=50),
    }
    return Plan(**(fields | changes))


def commands_at(seed: int, count: int, names: tuple[str, ...] = NAMES) -> dict[int, list[Command]]:
    """Return commands by position, the senseless among them."""
    random = Random(seed)
    placed: dict[int, list[Command]] = {}
    for _ in range(random.randrange(12)):
        verb = random.choice(list(Verb))
        placed.setdefault(random.randrange(count), []).append(Command(verb, random.choice(names)))
    return placed


def run(
    engine: Engine, messages: list[Message], commands: dict[int, list[Command]], size: int, first: int = 0
) -> list[Outcomes]:
    """Have an engine take messages, up to `size` at a time, and commands between the same ones whatever the size."""
    said: list[Outcomes] = []
    at = first
    while at < len(messages):
        said += [engine.command(command) for command in commands.get(at, ())]
        end = min([at + size, len(messages), *(place for place in commands if place > at)])
        said.append(engine.process(messages[at:end]))
        at = end
    return said

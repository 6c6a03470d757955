"""What an event costs each of our compiled models on this machine, in time and memory.

Everybody has the same made stream of numbers with two classes, or one number to predict. Times are medians over a few
rounds, each with models that have learned nothing yet; the memory is that after a round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from statistics import median
from typing import Final, NamedTuple, TypeAlias, cast

from engine.messages import Target
from engine.models.compiled.model import Compiled
from engine.models.model import Act
from engine.models.spec import OWN_MODELS, parse_model
from engine.targets import Task
from streams.clock import Stopwatch

FEATURE_COUNT: Final = 20
EVENT_COUNT: Final = 4_000
ROUND_COUNT: Final = 3

Event: TypeAlias = tuple[dict[str, float], Target]


class Cost(NamedTuple):
    """What an event costs a model: `both` is a question and its example, in runs of many."""

    model: str
    task: Task
    predict_us: float
    learn_us: float
    both_us: float
    memory_bytes: int


def compiled_models(word: str | None = None) -> list[str]:
    """Return the names of our compiled models; with a word, of those whose name holds it."""
    asked = (word or "").lower()
    return [name for name, found in OWN_MODELS.items() if issubclass(found, Compiled) and asked in name]


def measure(names: Sequence[str]) -> list[Cost]:
    """Return the cost of each of these models, each for the first task it knows of binary, multiclass, regression."""
    return [_cost(name, next(task for task in Task if task in OWN_MODELS[name].tasks)) for name in names]


def _cost(name: str, task: Task) -> Cost:
    def fresh() -> Compiled:
        return cast("Compiled", parse_model(f"{name}()", task=task, seed=1, name="measured").model)

    events = _events(task)
    acts = [act for x, target in events for act in (Act(x), Act(x, target))]
    fresh().run(acts[:2], [])  # the kernel is loaded, and that is no event's cost
    rounds = []
    for _ in range(ROUND_COUNT):
        model = fresh()
        learn_us = _us_per_event(partial(_learn_all, model, events))
        predict_us = _us_per_event(partial(_predict_all, model, events))
        both_us = _us_per_event(partial(fresh().run, acts, []))
        rounds.append((predict_us, learn_us, both_us))
    predict_us, learn_us, both_us = map(median, zip(*rounds, strict=True))
    return Cost(name, task, predict_us, learn_us, both_us, model.memory_bytes)


def _learn_all(model: Compiled, events: Sequence[Event]) -> None:
    for x, target in events:
        model.learn(x, target, 1.0)


def _predict_all(model: Compiled, events: Sequence[Event]) -> None:
    for x, _ in events:
        model.predict(x)


def _us_per_event(work: Callable[[], object]) -> float:
    watch = Stopwatch()
    work()
    return watch.seconds() / EVENT_COUNT * 1e6


def _events(task: Task) -> list[Event]:
    """Return a seeded stream: a rule over three of the numbers, and noise."""
    random = Random(5)
    made: list[Event] = []
    for _ in range(EVENT_COUNT):
        x = {f"f{place}": random.gauss(0.0, 1.0) for place in range(FEATURE_COUNT)}
        value = x["f0"] + x["f1"] * x["f2"] + random.gauss(0.0, 0.3)
        made.append((x, value if task is Task.REGRESSION else value > 0.0))
    return made

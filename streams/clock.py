"""The only place where wall time is read. The engine never sees it, and nothing that is decided depends on it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from getpass import getuser
from os import getuid
from platform import node
from time import perf_counter, perf_counter_ns, time_ns
from typing import cast

from engine.messages import Answer, Features, Target
from engine.models.model import Act, Forgets, Model, Runs

SAMPLE_EVERY = 8


def now_ms() -> int:
    """Return the system's unix milliseconds: for people who ask later when something was said."""
    return time_ns() // 1_000_000


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._start = perf_counter()

    def seconds(self) -> float:
        """Return the seconds since the start."""
        return perf_counter() - self._start


class ModelTimer:
    """Times every `SAMPLE_EVERY`-th call of one contender's models."""

    def __init__(self) -> None:
        self.calls = [0, 0]
        self._sampled = [0, 0]
        self._spent_ns = [0, 0]

    def around(self, model: Model) -> TimedModel:
        """Return the model, timed."""
        return TimedRuns(model, self) if isinstance(model, Runs) else TimedModel(model, self)

    def note(self, verb: int, start_ns: int) -> None:
        """Add what a call took that began then."""
        self._spent_ns[verb] += perf_counter_ns() - start_ns
        self._sampled[verb] += 1

    def note_run(self, counts: Sequence[int], start_ns: int) -> None:
        """Add what a run took that began then, to both verbs by how often it had each."""
        spent = perf_counter_ns() - start_ns
        for verb, count in enumerate(counts):
            self.calls[verb] += count
            self._sampled[verb] += count
            self._spent_ns[verb] += spent * count // max(1, sum(counts))

    @property
    def seconds(self) -> float:
        """What all calls took together, those between two samples reckoned like these."""
        each = zip(self.calls, self._spent_ns, self._sampled, strict=True)
        return sum(calls * spent / count for calls, spent, count in each if count) / 1e9

    @property
    def us_per_event(self) -> float | None:
        """Mean microseconds to predict and to learn one event; None before anything was timed."""
        means = [spent / count for spent, count in zip(self._spent_ns, self._sampled, strict=True) if count]
        return sum(means) / 1_000 if means else None


class TimedModel:
    """A model whose calls are timed now and then, and that is otherwise the model itself."""

    def __init__(self, model: Model, timer: ModelTimer) -> None:
        self._model = model
        self._timer = timer
        self._calls = timer.calls

    def predict(self, x: Features) -> Answer:
        """Return the model's answer."""
        self._calls[0] += 1
        if self._calls[0] % SAMPLE_EVERY:
            return self._model.predict(x)
        start = perf_counter_ns()
        answer = self._model.predict(x)
        self._timer.note(0, start)
        return answer

    def learn(self, x: Features, target: Target, weight: float) -> None:
        """Let the model learn."""
        self._calls[1] += 1
        if self._calls[1] % SAMPLE_EVERY:
            self._model.learn(x, target, weight)
            return
        start = perf_counter_ns()
        self._model.learn(x, target, weight)
        self._timer.note(1, start)

    def __reduce__(self) -> tuple[type, tuple[object, None]]:
        """Say what a fingerprint sees: the model alone."""
        return TimedModel, (self._model, None)

    def forget(self, keep: float) -> None:
        """Have the model forget, where it can."""
        cast(Forgets, self._model).forget(keep)

    def snapshot(self) -> object:
        """Return the model's state: the stopwatch is no part of it."""
        return self._model.snapshot()

    def restore(self, state: object) -> None:
        """Take the model's state back."""
        self._model.restore(state)


class TimedRuns(TimedModel):
    """The same of a model that takes runs, each of which is timed."""

    def run(self, acts: Iterable[Act], answers: list[Answer]) -> None:
        """Have the model take the steps."""
        counts = [0, 0]

        def counted() -> Iterator[Act]:
            for act in acts:
                counts[act.target is not None] += 1
                yield act

        start = perf_counter_ns()
        cast(Runs, self._model).run(counted(), answers)
        self._timer.note_run(counts, start)


def who() -> str:
    """Return `user@host` for the audit trail, as far as the system knows: a container's user may have no name."""
    try:
        user = getuser()
    except (OSError, KeyError, ImportError):
        user = f"uid {getuid()}"
    return f"{user}@{node()}"


class SystemClock:
    """Who runs this process, the time of day and the time that passes."""

    def __init__(self) -> None:
        self.by = who()

    def now_ms(self) -> int:
        """Return the time of day, unix milliseconds."""
        return time_ns() // 1_000_000

    def seconds(self) -> float:
        """Return seconds since anything, never going back."""
        return perf_counter()

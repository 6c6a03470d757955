"""What a worker's status line says: how fast, how late, how good, how far behind. Nothing durable depends on it.

Rates and times are those of the last `WINDOW_S` seconds: the line says how things are, not how they were on average
since the start.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

from engine.engine import Engine
from engine.messages import Outcomes
from streams.relief import shed_names
from streams.replica import Effects

WINDOW_S = 10.0
_DELAY_COUNT = 1_000
_OPEN_COUNT_MAX = 100_000


class Status(NamedTuple):
    """One look at a worker. None is not known.

    `label_delay_s` is the median of the last labels, in event time where labels carry one, else in time passed here;
    `behind_s` is how long the backlog takes at the pace of the last seconds, and `shed` names the challengers that are
    out until it is small.
    """

    events: int
    events_per_s: float
    answer_s_p99: float | None
    backlog: int
    pending: int
    champion: str
    rolling_loss: float | None
    label_delay_s: float | None
    checkpoint_age_s: float | None
    tape: int
    behind_s: float | None = None
    shed: tuple[str, ...] = ()

    def line(self) -> str:
        """Return the status as one line for eyes."""
        p99 = "n/a" if self.answer_s_p99 is None else f"{self.answer_s_p99 * 1_000:.1f} ms"
        loss = "n/a" if self.rolling_loss is None else f"{self.rolling_loss:.4f}"
        delay = "n/a" if self.label_delay_s is None else _rounded(self.label_delay_s)
        behind = "" if self.behind_s is None else f" ({_rounded(self.behind_s)} of work)"
        shed = f" | shed {', '.join(self.shed)}" if self.shed else ""
        kept = "nothing yet" if self.checkpoint_age_s is None else f"{self.checkpoint_age_s:.0f} s ago"
        return (
            f"{self.events:,} events, {self.events_per_s:,.0f}/s | p99 {p99} | backlog {self.backlog:,}{behind} | "
            f"pending {self.pending:,} | {self.champion} loss {loss} | labels after {delay} | kept {kept}{shed}"
        )


@dataclass(slots=True)
class Meter:
    """Watches a worker, see `streams.worker.Watcher`.

    Parameters
    ----------
    seconds
        The clock.
    """

    seconds: Callable[[], float]
    _taken: deque[tuple[float, int]] = field(default_factory=deque)
    _commits: deque[tuple[float, int, float]] = field(default_factory=deque)
    _delays: deque[float] = field(default_factory=lambda: deque(maxlen=_DELAY_COUNT))
    _open: dict[int, tuple[int | None, float]] = field(default_factory=dict)
    _kept_s: float | None = None
    _began_s: float | None = None

    def answered(self, effects: Effects, seconds: float) -> None:
        """Take down how many answers a commit held, and how long they took."""
        now = self.seconds()
        if self._began_s is None:
            self._began_s = now
        answers = sum(len(out.predictions) for out in effects.outcomes)
        if answers:
            self._commits.append((now, answers, seconds))
        if effects.record_count:
            self._taken.append((now, effects.record_count))
        for out in effects.outcomes:
            self._time_labels(out, now)
        self._forget(now)

    def kept(self) -> None:
        """Take down that there is a checkpoint."""
        self._kept_s = self.seconds()

    def status(self, engine: Engine, backlog: int) -> Status:
        """Return how things are."""
        now = self.seconds()
        self._forget(now)
        window_s = min(WINDOW_S, now - (self._began_s or now)) or 1.0
        join, learner = engine.scorer.join, engine.learner
        taken_per_s = sum(count for _, count in self._taken) / window_s
        served = learner.champion.judges if learner.champion else learner.served
        return Status(
            events=join.ledger.requests,
            events_per_s=sum(count for _, count, _ in self._commits) / window_s,
            answer_s_p99=_quantile(self._commits, 0.99),
            backlog=backlog,
            pending=join.pending_count,
            champion=engine.succession.answerer.name,
            rolling_loss=None if served is None else served.labelled.recent_loss(),
            label_delay_s=median(self._delays) if self._delays else None,
            checkpoint_age_s=None if self._kept_s is None else now - self._kept_s,
            tape=len(engine.learner.tape),
            behind_s=backlog / taken_per_s if taken_per_s else None,
            shed=shed_names(engine),
        )

    def _forget(self, now: float) -> None:
        while self._commits and self._commits[0][0] < now - WINDOW_S:
            self._commits.popleft()
        while self._taken and self._taken[0][0] < now - WINDOW_S:
            self._taken.popleft()

    def _time_labels(self, out: Outcomes, now: float) -> None:
        """Take down when requests were answered, and how long their labels took."""
        waiting = self._open
        for prediction in out.predictions:
            waiting[prediction.request_index] = (prediction.time_ms, now)
        for end in out.label_ends:
            asked = None if end.request_index is None else waiting.pop(end.request_index, None)
            if asked is not None:
                asked_ms, asked_s = asked
                timed = asked_ms is not None and end.time_ms is not None
                self._delays.append((end.time_ms - asked_ms) / 1_000 if timed else now - asked_s)  # type: ignore[operator]
        while len(waiting) > _OPEN_COUNT_MAX:
            del waiting[next(iter(waiting))]


def _quantile(commits: deque[tuple[float, int, float]], share: float) -> float | None:
    """Return the time within which this share of the answers was committed."""
    left = sum(count for _, count, _ in commits) * (1.0 - share)
    for seconds, count in sorted(((seconds, count) for _, count, seconds in commits), reverse=True):
        left -= count
        if left < 0.0:
            return seconds
    return None


def _rounded(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    >>> _rounded(0.0042), _rounded(75.0), _rounded(200_000.0)
    ('4 ms', '75 s', '2.3 d')
    """
    if seconds < 1.0:
        return f"{seconds * 1_000:.0f} ms"
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    if seconds < 7_200.0:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 172_800.0 else f"{seconds / 86_400:.1f} d"

"""How far a worker is behind its inputs, by the log alone: without a lease, and changing nothing.

Where a worker stands is in its journal, but one record names only the inputs it took from. So the journal is walked
back, in windows that grow, until each input that has records was found, and no further than where a state was kept that
knows all of them. That reads a few hundred records where all inputs flow; where one has records that were last taken
long ago, the journal since the last checkpoint; without a checkpoint the whole journal, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from streams.intake import Input
from streams.journal import decode
from streams.log_port import Log, PartitionInfo
from streams.whereabouts import Whereabouts

WINDOW_COUNT = 256
"""Commits of the first window; each further one has four times as many."""


class InputLag(NamedTuple):
    """One input: where it ends, where the journal stands on it, what lies between, and how long that has waited.

    `lag` counts offsets, of which Kafka has more than records; it is 0 where there is no record between. `age_s` is how
    long ago the oldest of them was appended; None is not known, or nothing waits.
    """

    topic: str
    partition: int
    end: int
    committed: int
    lag: int
    age_s: float | None


class Lag(NamedTuple):
    """All inputs, and the worker: commits there are, the last one's term and age, and who leads. None is not known."""

    inputs: tuple[InputLag, ...]
    commits: int
    term: int | None
    commit_age_s: float | None
    leader: str | None

    @property
    def total(self) -> int:
        """What lies between the inputs' ends and the journal, all in all."""
        return sum(each.lag for each in self.inputs)

    @property
    def age_s(self) -> float | None:
        """How long the oldest record that is known of has waited."""
        return max((each.age_s for each in self.inputs if each.age_s is not None), default=None)


def lag_of(log: Log, inputs: Sequence[Input], kept: Iterable[Whereabouts], now_ms: Callable[[], int]) -> Lag:
    """Return how far behind the worker of a log is.

    Parameters
    ----------
    log
        Is only read.
    inputs
        In the order in which the journal numbers them.
    kept
        Where states that were kept stand. What does not belong to this journal is not used.
    now_ms
        The time of day, unix milliseconds.
    """
    commits = log.journal_end()
    infos = {(info.name, number): each for info in log.topics() for number, each in enumerate(info.partitions)}
    ends = [infos.get((each.topic, each.partition), PartitionInfo(0, 0, 0)) for each in inputs]
    wanted = {number for number, (begin, end, _) in enumerate(ends) if end > begin}
    found = committed_offsets(log, wanted, commits, kept)
    lags = tuple(
        _input_lag(log, each, info, found.get(number, 0), now_ms)
        for number, (each, info) in enumerate(zip(inputs, ends, strict=True))
    )
    last_ms = None if log.cluster is None or commits == 0 else log.cluster.committed_ms()
    return Lag(
        inputs=lags,
        commits=commits,
        term=next(log.journal(commits - 1)).term if commits > log.journal_begin() else None,
        commit_age_s=None if last_ms is None else _seconds(now_ms() - last_ms),
        leader=None if log.cluster is None else log.cluster.holder(),
    )


def committed_offsets(log: Log, wanted: set[int], commits: int, kept: Iterable[Whereabouts]) -> Mapping[int, int]:
    """Return where the journal stands on these inputs, by number; one it never took from is left out."""
    base = max((each for each in kept if each.is_on(log, commits)), key=lambda each: each.sequence, default=None)
    least = log.journal_begin() if base is None else base.sequence
    found: dict[int, int] = {}
    upto, window = commits, WINDOW_COUNT
    while upto > least and wanted - found.keys():
        first = max(least, upto - window)
        found = _taken(log, first, upto) | found
        upto, window = first, 4 * window
    return found if base is None else dict(enumerate(base.offsets)) | found


def _taken(log: Log, first: int, upto: int) -> dict[int, int]:
    """Return where the commits in first..upto came to, by input."""
    found: dict[int, int] = {}
    for record in log.journal(first):
        if record.sequence >= upto:
            break
        for run in decode(record.data, record.sequence).runs:
            found[run.input] = run.next_offset
    return found


def _input_lag(log: Log, each: Input, info: PartitionInfo, committed: int, now_ms: Callable[[], int]) -> InputLag:
    at = max(committed, info.begin)
    lag, age_s = max(0, info.end - at), None
    if lag and log.cluster is not None:
        waiting = log.cluster.waiting(each.topic, each.partition, at)
        if waiting is None:
            lag = 0
        elif waiting.appended_ms is not None:
            age_s = _seconds(now_ms() - waiting.appended_ms)
    return InputLag(each.topic, each.partition, info.end, committed, lag, age_s)


def _seconds(ms: int) -> float:
    """Return how long ago something was; a broker's clock may be ahead of ours."""
    return max(0, ms) / 1_000

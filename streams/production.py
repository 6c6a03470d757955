"""Made-up payments onto the topics of a log, at a rate: each fraud is reported once event time has come so far.

Event time runs as fast as payments come: a day is `synthetic.PER_DAY` of them. Both topics are deterministic sequences,
so where somebody left off stands on the topics themselves, and whoever starts again goes on from there. The clock and
the reason to stop are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from typing import NamedTuple, Protocol
from zlib import crc32

from engine.errors import MessageError
from streams.codec import to_json
from streams.jsonl_file import read_exactly
from streams.log_port import Entry, Log
from streams.standby import Stop
from streams.synthetic import COLUMNS, CardPayments

BATCH_COUNT_MAX = 500
"""Payments appended at once: who has fallen behind the rate catches up in steps of so many."""

LOOK_BACK_COUNT = 1_000
"""Offsets before a topic's end among which the last payment is looked for."""

_NUMBERS = {"hour": int, "amount": float, "times_usual": float, "last_hour": int}


class Step(NamedTuple):
    """One payment, and the reports of fraud that became known before it."""

    card: str
    payment: bytes
    reports: tuple[tuple[int, bytes], ...]


class Clock(Protocol):
    """Seconds that pass."""

    def seconds(self) -> float:
        """Return seconds since anything, never going back."""
        ...


def steps(seed: int) -> Iterator[Step]:
    """Yield payments without end, each with what was reported before it, in order of time."""
    reported: list[tuple[datetime, int, bytes]] = []
    for index, row in enumerate(CardPayments(seed).rows(None)):
        fields = dict(zip(COLUMNS, row, strict=True))
        fraud, reported_at = fields.pop("fraud"), fields.pop("reported_at")
        now = datetime.fromisoformat(fields["at"])
        due = []
        while reported and reported[0][0] <= now:
            _, number, report = heappop(reported)
            due.append((number, report))
        payment = {name: _NUMBERS.get(name, str)(text) for name, text in fields.items()}
        yield Step(fields["card"], to_json(payment).encode(), tuple(due))
        if reported_at:
            report = to_json({"id": fields["id"], "fraud": int(fraud), "reported_at": reported_at}).encode()
            heappush(reported, (datetime.fromisoformat(reported_at), index, report))


class Production:
    """Payments and reports on their way to a log.

    Parameters
    ----------
    log
        Gets them; missing topics are made, with one partition each.
    requests, labels
        The topics: of payments, whose card chooses the partition, and of reports.
    seed
        Which payments.

    Attributes
    ----------
    first
        The number of the first payment that is not on its topic yet.
    payment_count, report_count
        What has been appended here.

    Notes
    -----
    Who is killed between two partitions of one append leaves out up to so many payments of the second: made-up ones
    can be spared. A report that was not appended any more is appended by the next.
    """

    def __init__(self, log: Log, requests: str, labels: str, seed: int) -> None:
        self._log = log
        self._requests, self._labels = requests, labels
        counts = {info.name: len(info.partitions) for info in log.topics()}
        for topic in (requests, labels):
            log.create_topic(topic, counts.setdefault(topic, 1))
        self._partition_count = counts[requests]
        self.first = 1 + max(_newest(log, requests, number, max) for number in range(self._partition_count))
        self.payment_count = self.report_count = 0
        self._steps = self._left(steps(seed), _newest(log, labels, 0, _last))

    def run(self, clock: Clock, stop: Stop, rate: float, count: int | None = None) -> None:
        """Append so many payments, of None without end, `rate` a second, until asked to stop.

        Raises
        ------
        SourceError, ConfigError
            As the log says. What was appended is found when it is begun again.
        """
        began_s = clock.seconds()
        while not stop.asked() and (count is None or self.payment_count < count):
            wanted = 1 + int((clock.seconds() - began_s) * rate)
            due = min(wanted if count is None else min(wanted, count), self.payment_count + BATCH_COUNT_MAX)
            if due > self.payment_count:
                self._append(due - self.payment_count)
            else:
                stop.wait(self.payment_count / rate - (clock.seconds() - began_s))

    def _left(self, all_steps: Iterator[Step], last_report: int) -> Iterator[Step]:
        """Yield the steps that are not on the topics; a report that is missing there comes with the first of them."""
        reports: list[tuple[int, bytes]] = []
        is_there = last_report >= 0
        for index, step in enumerate(all_steps):
            for report in step.reports:
                if not is_there:
                    reports.append(report)
                elif report[0] == last_report:
                    is_there = False
            if index >= self.first:
                yield step._replace(reports=tuple(reports))
                reports = []

    def _append(self, count: int) -> None:
        payments: dict[int, list[Entry]] = {}
        reports = []
        for _ in range(count):
            card, payment, known = next(self._steps)
            key = card.encode()
            payments.setdefault(crc32(key) % self._partition_count, []).append(Entry(key, payment))
            reports += [Entry(None, report) for _, report in known]
        for partition in sorted(payments):
            self._log.append(self._requests, partition, payments[partition])
        self.payment_count += count
        if reports:
            self._log.append(self._labels, 0, reports)
            self.report_count += len(reports)


def _newest(log: Log, topic: str, partition: int, choose: Callable[[list[int]], int]) -> int:
    """Return the chosen one of the payments that the end of a partition is about; -1 where it is about none."""
    begin, end = log.begin(topic, partition), log.end(topic, partition)
    offset = max(begin, end - LOOK_BACK_COUNT)
    numbers = [-1]
    while offset < end:
        records, offset = log.read(topic, partition, offset)
        numbers += [number for record in records if (number := _number_of(record.value)) is not None]
    return choose(numbers)


def _last(numbers: list[int]) -> int:
    return numbers[-1]


def _number_of(data: bytes) -> int | None:
    """Return which payment a record is about; None where it is about something else."""
    try:
        name = str(read_exactly(data).get("id"))
    except MessageError:
        return None
    return int(name[1:]) if name[:1] == "p" and name[1:].isdecimal() else None

"""A worker's part of a broker, whoever sends to it, and a witness: what a test needs that hurts a worker on Kafka."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from random import Random
from signal import SIGTERM
from time import monotonic
from types import TracebackType
from typing import Any
from uuid import uuid4

from streams.log_port import Log
from streams.ports import SourceError
from tests.judge import Verdict, check_place
from tests.kafka.witness import Witness
from tests.replays import COMMAND
from tests.senders import START_MS, Sender, Senders
from tests.streams.killed_worker import Campaign
from tests.streams.worker_process import (
    LIGHT,
    PARTITIONS,
    Place,
    WorkerProcess,
    append,
    count_sent,
    count_taken,
    wait_until,
)

OUTPUTS = {
    "predictions": PARTITIONS["requests"],
    **dict.fromkeys(("shadow", "ends", "alarms", "dead_letters", "audit"), 1),
}
GAVE_UP = 4
"""The exit code of a worker whom the outside world, or another worker, does not let go on."""


class Site:
    """A place on a broker, and what happens there; a context manager that lets go of everything.

    Parameters
    ----------
    directory
        Of the workers' states.
    address
        The broker.
    seed
        What is sent, and what is drawn.
    senders
        Who sends; by default everybody, see `tests.senders`.
    sections
        Settings beside `LIGHT` and those of the broker.

    Attributes
    ----------
    recovery_s
        For each worker that came so far: from the start of its process to its first commit.
    """

    def __init__(
        self, directory: Path, address: str, seed: int, senders: Sender | None = None, **sections: Mapping[str, Any]
    ) -> None:
        self.random = Random(seed)
        self.prefix = f"{uuid4().hex}."
        self.directory = directory
        kafka = {"address": address, "prefix": self.prefix, "timeout_s": 10, "lease_wait_s": 30}
        self.sections = {**LIGHT, **sections, "kafka": {**kafka, **sections.get("kafka", {})}}
        self.place = Place(directory / "first", **self.sections)
        self.campaign = Campaign(directory / "first", seed, self.sections)
        self.recovery_s = self.campaign.recovery_s
        self.senders = senders or Senders(self.random)
        self._stack = ExitStack()
        self.log: Log = self._stack.enter_context(self.place.opened())
        for topic, count in OUTPUTS.items():
            self.log.create_topic(topic, count)
        self.witness = self._stack.enter_context(Witness(address, self.prefix, OUTPUTS))

    def __enter__(self) -> Site:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def other_place(self) -> Place:
        """Return a second worker's directory, on the same log."""
        return Place(self.directory / "second", **self.sections)

    def send(self, count: int) -> None:
        """Have records of all kinds arrive."""
        append(self.log, [self.senders.send(START_MS) for _ in range(count)])

    def try_to_send(self, count: int) -> None:
        """Have records arrive as far as the broker answers; what failed may have arrived or not, and is counted."""
        with suppress(SourceError):
            self.send(count)

    @contextmanager
    def worker(
        self, *flags: str, place: Place | None = None, command: Sequence[str] = COMMAND
    ) -> Iterator[WorkerProcess]:
        """Start a worker, and give it when it has committed for the first time."""
        before, started = self.log.journal_end(), monotonic()
        with (place or self.place).worker(*flags, command=command) as worker:
            worker.wait_until_it_works(self.log, before)
            self.recovery_s.append(monotonic() - started)
            yield worker

    def kill_under_load(self) -> None:
        """Let a worker live until it is killed, at random: see `Campaign.live`."""
        self.campaign.live(self.place, self.log, self.senders)
        self.send(self.random.choice([0, 0, 3, 40]))

    def send_until(self, worker: WorkerProcess, holds: Callable[[], object]) -> None:
        """Send while it works, until something holds."""

        def is_there() -> bool:
            if holds():
                return True
            self.try_to_send(1)
            return False

        worker.wait_until("has come so far", is_there)

    def go_on_or_give_up(self, worker: WorkerProcess) -> bool:
        """Wait until a worker that was hurt takes everything, or gives up as documented; return whether it goes on."""
        self.send(3)
        wait_until("it goes on or gives up", lambda: worker.has_ended() or self.everything_is_taken())
        if worker.has_ended():
            assert worker.ending() == GAVE_UP, worker.said
            return False
        worker.send(SIGTERM)
        assert worker.ending() == 0, worker.said
        return True

    def everything_is_taken(self) -> bool:
        """Whether a commit names each input record there is."""
        return count_taken(self.log) == count_sent(self.log)

    def end_of(self, output: str) -> int:
        """Return how far an output has come, or the journal, which is none of them."""
        if output not in OUTPUTS:
            return self.log.journal_end()
        return sum(self.log.end(output, number) for number in range(OUTPUTS[output]))

    def finish(self) -> int:
        """Have a last worker take everything, and return how many commits there are."""
        before, started = self.log.journal_end(), monotonic()
        with self.place.worker("--once") as worker:
            worker.wait_until_it_works(self.log, before)
            self.recovery_s.append(monotonic() - started)
            assert worker.ending() == 0, worker.said
        return self.log.journal_end()

    def judged(self) -> Verdict:
        """Finish, and have everybody look at what is there."""
        self.finish()
        return check_place(self.place, [self.witness.told()])

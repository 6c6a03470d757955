"""A worker that is killed again and again while it is sent to, and what it must have done all the same.

`python -m tests.streams.killed_worker --kills 200 [--seed N]` kills that often, says how long the worker took to come
back, and fails if a bit is another. Every worker is a `sidestream run` in a process of its own, every kill a `kill -9`:
while it starts, while it recovers, or after a number of commits drawn from the seed. Where within a commit that is, the
machine decides, so equal seeds do not kill at equal instructions; `tests.streams.failpoints` does.
"""

from __future__ import annotations

import signal
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event
from time import monotonic
from typing import Any

from streams.log_port import Log
from tests.judge import check_place
from tests.senders import START_MS, Sender, Senders
from tests.streams.worker_process import Place, WorkerProcess, append, count_sent, replayed_after

WITHIN_A_COMMIT_S = 0.02


@dataclass(slots=True)
class Campaign:
    """Many lives of one worker's log, drawn from a seed.

    Parameters
    ----------
    directory
        Empty, or to be made.
    seed
        What is sent, and when it is killed.
    sections
        Settings, see `Place`.

    Attributes
    ----------
    recovery_s
        For each life that came so far: from the start of its process to its first commit.
    commits, sent
        What there was in the end.
    """

    directory: Path
    seed: int
    sections: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    recovery_s: list[float] = field(default_factory=list)
    commits: int = 0
    sent: int = 0

    def run(self, kill_count: int) -> None:
        """Live, be killed that often, be stopped by SIGTERM, and be looked at."""
        random = Random(self.seed)
        senders = Senders(random)
        place = Place(self.directory, **self.sections)
        with place.opened() as log:
            self._send(log, senders, 20)
            for _ in range(kill_count):
                self._send(log, senders, random.choice([0, 0, 3, 40]))
                self.live(place, log, senders)
            before = log.journal_end()
            with place.worker() as worker:
                worker.wait_until_all_is_taken(log, before)
                worker.send(signal.SIGTERM)
                assert worker.ending() == 0, worker.said
            self.commits, self.sent = log.journal_end(), count_sent(log)
        assert replayed_after(place) == 0
        check_place(place)

    def live(self, place: Place, log: Log, senders: Sender) -> None:
        """Let one worker live until it is killed."""
        random = senders.random
        before = log.journal_end()
        until = random.choice(["starts", "leads", "commits", "commits", "commits"])
        last = before + random.choice([1, 2, 5, 12])
        started = monotonic()
        with place.worker() as worker:
            if until == "starts":
                Event().wait(random.random())
            elif until == "leads":
                worker.wait_until("leads", worker.leads)
            else:
                worker.wait_until_it_works(log, before)
                self.recovery_s.append(monotonic() - started)
                self._send_until(worker, log, senders, last)
            Event().wait(random.random() * WITHIN_A_COMMIT_S)
            worker.kill()

    def _send_until(self, worker: WorkerProcess, log: Log, senders: Sender, last: int) -> None:
        """Send while it works, until so many commits are there."""

        def is_there() -> bool:
            if log.journal_end() >= last:
                return True
            self._send(log, senders, senders.random.choice([1, 1, 2]))
            return False

        worker.wait_until("commits more", is_there)

    def _send(self, log: Log, senders: Sender, count: int) -> None:
        append(log, [senders.send(START_MS) for _ in range(count)])


def main() -> None:
    """Kill as often as was asked for."""
    parser = ArgumentParser(prog="python -m tests.streams.killed_worker", description="Kill a worker again and again.")
    parser.add_argument("--kills", type=int, default=20, help="how often (default: 20)")
    parser.add_argument("--seed", type=int, default=0, help="what is sent, and when it is killed (default: 0)")
    asked = parser.parse_args()
    with TemporaryDirectory(prefix="killed-worker-") as directory:
        campaign = Campaign(Path(directory), asked.seed)
        campaign.run(asked.kills)
    sys.stdout.write(
        f"{asked.kills} kills, {campaign.sent:,} inputs, {campaign.commits:,} commits: "
        "nothing lost, nothing doubled, nothing changed\n"
        f"from the start of a process to its first commit: median {median(campaign.recovery_s):.2f} s, "
        f"longest {max(campaign.recovery_s):.2f} s, over {len(campaign.recovery_s)} lives\n"
    )


if __name__ == "__main__":
    main()

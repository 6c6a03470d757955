"""A second worker waits as long as it takes, says for whom, and goes on where the first one was."""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from streams.log_port import HeldError, Lease
from streams.standby import Standby, StoppedError
from tests.judge import check_place
from tests.senders import START_MS, Senders
from tests.streams.worker_process import LIGHT, Place, append
from tests.workers import Life


@dataclass
class Patience:
    """Lets somebody act while a standby waits, and tells it to stop after so many looks."""

    looks_max: int
    lease: Lease | None = None
    looks: int = 0
    said: list[str] = field(default_factory=list)

    def asked(self) -> bool:
        return self.looks >= self.looks_max

    def wait(self, seconds: float) -> None:
        assert seconds > 0.0
        self.looks += 1
        if self.looks == 5 and self.lease is not None:
            self.lease.release()


def test_a_standby_says_once_for_whom_it_waits_and_takes_over() -> None:
    life = Life()
    life.arrive(20)
    patience = Patience(100, life.log.lead())
    life.run(standby=Standby(patience, patience.said.append))
    assert patience.said == ["standing by: the worker of term 1 leads; this worker takes over when that one ends"]
    assert patience.looks == 5
    assert life.log.end("predictions", 0) == 20


def test_a_standby_that_is_told_to_stop_has_begun_nothing() -> None:
    life = Life()
    life.arrive(20)
    patience = Patience(3)
    with life.log.lead(), pytest.raises(StoppedError, match="nothing was begun") as stopped:
        life.run(standby=Standby(patience, patience.said.append))
    assert stopped.value.exit_code == 0
    assert (life.log.journal_end(), len(life.log.topics())) == (0, 3)


def test_a_standby_says_it_again_when_somebody_else_leads() -> None:
    holders = iter(["a", "a", "b", "b"])
    patience = Patience(100)

    def take() -> str:
        holder = next(holders, None)
        if holder is not None:
            msg = "held"
            raise HeldError(msg, holder)
        return "taken"

    assert Standby(patience, patience.said.append).wait_for(take) == "taken"
    assert [words.split()[2] for words in patience.said] == ["a", "b"]


def test_a_worker_that_does_not_stand_by_is_refused_as_ever() -> None:
    life = Life()
    with life.log.lead(), pytest.raises(HeldError, match="already runs"):
        life.run()


def test_of_two_processes_the_second_takes_over_from_the_killed_first(tmp_path: Path) -> None:
    place = Place(tmp_path, **LIGHT)
    senders = Senders(Random(7))
    sent = [senders.send(START_MS) for _ in range(60)]
    with place.opened() as log, place.worker() as first:
        append(log, sent[:30])
        first.wait_until_all_is_taken(log, 0)
        with place.worker("--standby", said="second.txt") as second:
            second.wait_until("stands by", lambda: f"process {first.pid}" in second.said)
            append(log, sent[30:45])
            first.wait_until_all_is_taken(log, 0)
            before = log.journal_end()
            first.kill()
            append(log, sent[45:])
            second.wait_until_all_is_taken(log, before)
            assert second.leads()
            second.send(signal.SIGTERM)
            assert second.ending() == 0
            assert second.said.count("standing by") == 1
    check_place(place)


def test_a_standby_process_that_is_told_to_stop_leaves_at_once_with_success(tmp_path: Path) -> None:
    place = Place(tmp_path, **LIGHT)
    with place.opened() as log, log.lead(), place.worker("--standby") as standby:
        standby.wait_until("stands by", lambda: "standing by" in standby.said)
        standby.send(signal.SIGTERM)
        assert standby.ending() == 0
        assert "nothing was begun" in standby.said
        assert log.journal_end() == 0

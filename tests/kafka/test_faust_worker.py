"""Real Faust workers on a real broker: they answer as a worker does, show it, obey, drain, and fail with its codes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.broker import free_ports
from tests.faust_places import DEADLINE_S, FaustPlace, wait_for

pytest.importorskip("faust", reason="its extra is missing: pip install 'sidestream[faust]'")


@pytest.fixture
def new_place(kafka: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[str], FaustPlace]:
    def make(name: str) -> FaustPlace:
        directory = tmp_path / name
        directory.mkdir()
        return FaustPlace(directory, kafka, capsys)

    return make


def test_a_faust_worker_answers_as_a_worker_does_obeys_its_agent_and_drains(
    new_place: Callable[[str], FaustPlace],
) -> None:
    plain, place = new_place("plain"), new_place("faust")
    for each in (plain, place):
        each.arrive(0, 120)
    assert plain.said("run", "--once").code == 0
    with place.worker() as worker:
        shown = worker.wait_until_shown(state="working", position=240, lag=0, champion="linear")
        assert shown["contenders"]["bayes"]["role"] == "challenger"
        assert shown["commits"] == shown["last_commit"]["sequence"] + 1
        assert place.values("predictions") == plain.values("predictions")
        command = {"verb": "promote", "contender": "bayes", "by": "ann@desk", "at_ms": 1, "reason": "a test"}
        place.append("asked", [{"verb": "promote"}, command, command])
        worker.wait_until_shown(champion="bayes")
        replies = wait_for("three replies", lambda: len(found := place.values("replies")) == 3 and found)
        assert [(each["command"], each["repeated"]) for each in replies] == [(None, False), (0, False), (0, True)]
        assert "a command is an object of" in replies[0]["refused"]
        (entry,) = [entry for entry in place.values("audit") if entry["verb"] == "promote"]
        assert (entry["by"], entry["reason"], entry["effect"]) == ("ann@desk", "a test", "done")
        place.arrive(120, 150)
        assert worker.end(signal.SIGTERM) == 0, worker.said()
        assert "stopped: everything taken is committed, the state is kept" in worker.said()
    assert place.said("run", "--once").code == 0
    place.check_audit()
    assert [answer["id"] for answer in place.values("predictions")] == [f"e{n}" for n in range(150)]


def test_a_faust_worker_that_was_killed_goes_on_where_it_was(new_place: Callable[[str], FaustPlace]) -> None:
    place = new_place("killed")
    place.arrive(0, 60)
    place.append("asked", [{"verb": "rollback", "contender": None, "by": "ann@desk", "at_ms": 1, "reason": "a test"}])
    with place.worker() as worker:
        wait_for("answers", lambda: place.values("predictions"))
        wait_for("a reply", lambda: place.values("replies"))
        worker.end(signal.SIGKILL)
    place.arrive(60, 100)
    with place.worker() as worker:
        worker.wait_until_shown(position=200, lag=0)
        place.append("asked", [{"verb": "rollback"}])
        wait_for("the reply to a command after it", lambda: place.values("replies")[-1]["refused"])
        assert worker.end(signal.SIGTERM) == 0, worker.said()
    assert [answer["id"] for answer in place.values("predictions")] == [f"e{n}" for n in range(100)]
    assert len(place.values("commands")) == 1, "a command that Faust delivers twice is given once"
    place.check_audit()


def test_of_two_faust_workers_one_works_and_the_other_takes_over(new_place: Callable[[str], FaustPlace]) -> None:
    place = new_place("two")
    place.arrive(0, 10)
    with place.worker() as first, place.worker(place.configured("elsewhere")) as second:
        pair = [first, second]
        wait_for("one that works", lambda: any(each.shown()[0] == 200 for each in pair))
        wait_for("one that stands by", lambda: any("standing by" in each.said() for each in pair))
        leads = next(each for each in pair if each.shown()[0] == 200)
        (waits,) = (each for each in pair if each is not leads)
        assert waits.shown() == (503, {"state": "starting"})
        assert leads.end(signal.SIGTERM) == 0, leads.said()
        place.arrive(10, 20)
        waits.wait_until_shown(position=40, lag=0)
        assert waits.end(signal.SIGTERM) == 0, waits.said()
    assert [answer["id"] for answer in place.values("predictions")] == [f"e{n}" for n in range(20)]


def test_a_faust_worker_that_stands_by_is_stopped_like_any_other(new_place: Callable[[str], FaustPlace]) -> None:
    place = new_place("stopped")
    place.arrive(0, 10)
    with place.worker() as first:
        first.wait_until_shown(state="working")
        with place.worker(place.configured("elsewhere")) as second:
            wait_for("one that stands by", lambda: "standing by" in second.said())
            assert second.end(signal.SIGTERM) == 0, second.said()
            assert "stopped while standing by; nothing was begun" in second.said()
        assert first.shown()[0] == 200


def test_a_worker_that_fails_ends_the_faust_worker_with_its_own_exit_code(
    new_place: Callable[[str], FaustPlace],
) -> None:
    place = new_place("failing")
    place.arrive(0, 10)
    assert place.said("run", "--once").code == 0
    place.config.write_text(place.config.read_text().replace("GaussianNB", "BernoulliNB"))
    with place.worker() as refused:
        assert refused.process.wait(DEADLINE_S) == 3, refused.said()
        assert "with other contenders" in refused.said()


def test_a_faust_worker_without_a_broker_says_so_and_ends_with_the_code_for_that(
    new_place: Callable[[str], FaustPlace],
) -> None:
    place = new_place("alone")
    (port,) = free_ports(1)
    with place.worker(place.configured("nowhere", address=f"127.0.0.1:{port}", timeout_s=2)) as alone:
        assert alone.process.wait(DEADLINE_S) == 4, alone.said()
        assert "no Kafka broker answers at" in alone.said()

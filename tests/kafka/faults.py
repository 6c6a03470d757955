"""What is done to workers on Kafka, round after round: each fault hurts one `Site`, and leaves judging it to others."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from tests.broker import Broker
from tests.judge import check_outputs
from tests.kafka.proxy import Loss, Proxy
from tests.kafka.site import GAVE_UP, OUTPUTS, Site
from tests.kafka_logs import limit_batches
from tests.streams.worker_process import WorkerProcess, wait_until

OPEN_POINTS = ("mid_batches", "batches_written", "commit_asked", "commit_answered")
"""Where a worker is within a commit: see `tests.kafka.points`."""

USAGE = 2
TOO_SMALL_BYTES = 100
JOURNAL = "sidestream.journal"


class World(NamedTuple):
    """What sites stand on: the broker, and a bad way to it."""

    broker: Broker
    proxy: Proxy


def killed_at_random(site: Site, world: World, rounds: int) -> None:
    """Kill a worker with `kill -9` while it starts, recovers, waits or commits, and records arrive."""
    site.send(20)
    for _ in range(rounds):
        site.kill_under_load()


def stopped_past_its_lease(site: Site, world: World, rounds: int) -> None:
    """Stop a worker within a commit until another leads; let go on, it commits nothing more and gives up."""
    other = site.other_place()
    for number in range(rounds):
        point = OPEN_POINTS[number % len(OPEN_POINTS)]
        with site.worker(command=_armed(site, point)) as zombie:
            site.send_until(zombie, zombie.stands)
            with site.worker(place=other) as rightful:
                site.send(5)
                zombie.send(signal.SIGCONT)
                assert zombie.ending() == GAVE_UP, zombie.said
                last = zombie.said.splitlines()[-1]
                assert "term" in last or "was not answered" in last, zombie.said
                assert site.go_on_or_give_up(rightful), rightful.said


def two_at_once(site: Site, world: World, rounds: int) -> None:
    """Start two workers at once, and kill whichever leads, again and again: the other takes over."""
    places = [site.place, site.other_place()]
    with ExitStack() as stack:
        workers = [stack.enter_context(place.worker(said=f"said-{n}.txt")) for n, place in enumerate(places)]
        for number in range(rounds):
            site.send(10)
            leading = _leading(workers)
            before = site.log.journal_end()
            site.send_until(workers[leading], lambda before=before: site.log.journal_end() > before)
            workers[leading].kill()
            said = f"said-again-{number}.txt"
            workers[leading] = stack.enter_context(places[leading].worker(said=said))
        while workers:
            last = workers.pop(_leading(workers))
            last.send(signal.SIGTERM)
            assert last.ending() == 0, last.said


def broker_restarted(end: Callable[[Broker], None]) -> Callable[[Site, World, int], None]:
    """Return the fault of ending the broker while a worker is within a commit, and starting it again."""

    def act(site: Site, world: World, rounds: int) -> None:
        for number in range(rounds):
            point = OPEN_POINTS[number % len(OPEN_POINTS)]
            site.place.configure(kafka={"timeout_s": site.random.choice([2, 60]), "transaction_timeout_s": 60})
            with site.worker(command=_armed(site, point)) as worker:
                site.send_until(worker, worker.stands)
                end(world.broker)
                worker.send(signal.SIGCONT)
                world.broker.start()
                site.go_on_or_give_up(worker)

    return act


def batches_refused(site: Site, world: World, rounds: int) -> None:
    """Have the broker refuse one output's batches, in turn: nothing of the commit is seen, and the worker says why."""
    names = (*OUTPUTS, JOURNAL)
    for name in names[:rounds]:
        site.send(5)
        topic, address = site.prefix + name, world.broker.address
        before = site.end_of(name)
        with site.worker() as worker:
            # Who has not written to a topic yet looks first what it takes, and is not refused by the broker.
            site.send_until(worker, lambda name=name, before=before: site.end_of(name) > before)
            limit_batches(address, topic, TOO_SMALL_BYTES)
            wait_until("it gives up", lambda worker=worker: worker.has_ended() or site.try_to_send(1))
            assert worker.ending() == GAVE_UP, worker.said
            said = worker.said.splitlines()[-1]
            assert f"{topic}/" in said, said
            assert "MessageSizeTooLarge" in said, said
        check_outputs(site.place, site.log)
        with site.place.worker("--once") as refused:
            assert refused.ending() == USAGE, refused.said
            assert "the topic takes" in refused.said.splitlines()[-1], refused.said
        limit_batches(address, topic, 1 << 24)


TOO_LATE = ("transaction_timeout_s", "was not answered, whether it happened is in the journal")
"""What a worker says whose commit came too late: who hears of it first, it or the brokers, is open."""


def commit_lost(loss: Loss) -> Callable[[Site, World, int], None]:
    """Return the fault of losing a request to commit, or its answer, on the way."""

    def act(site: Site, world: World, rounds: int) -> None:
        for _ in range(rounds):
            with site.worker("--kafka", world.broker.proxied_address) as worker:
                wait_until("everything is taken", site.everything_is_taken)
                world.proxy.plan(site.prefix, loss)
                wait_until("it happens", lambda: world.proxy.is_met(site.prefix) or site.try_to_send(1))
                goes_on = site.go_on_or_give_up(worker)
                assert not goes_on or loss in {Loss.CUT_BEFORE, Loss.CUT_AFTER}, worker.said
                if loss is Loss.STALL:
                    assert any(said in worker.said for said in TOO_LATE), worker.said
                else:
                    assert "transaction_timeout_s" not in worker.said, worker.said

    return act


def slow_network(site: Site, world: World, rounds: int) -> None:
    """Let everything come late: nothing else changes."""
    for _ in range(rounds):
        with site.worker("--kafka", world.broker.proxied_address) as worker:
            world.proxy.delay(worker.pid, 0.03)
            site.send(30)
            assert site.go_on_or_give_up(worker), worker.said


def _armed(site: Site, point: str) -> list[str]:
    """Return the command of a worker that stops itself at a point, some commits after its first."""
    hit = site.random.randrange(4, 12)
    return [sys.executable, "-m", "tests.kafka.armed_worker", point, str(hit)]


def _leading(workers: list[WorkerProcess]) -> int:
    """Return which worker leads, once one does."""
    found: list[int] = []

    def is_there() -> bool:
        found.extend(number for number, worker in enumerate(workers) if "answering as" in worker.said)
        return bool(found)

    wait_until("one of them leads", is_there)
    return found[0]


FAULTS: dict[str, Callable[[Site, World, int], None]] = {
    "kill -9 under load": killed_at_random,
    "SIGSTOP past the lease": stopped_past_its_lease,
    "two workers at once": two_at_once,
    "a batch is refused": batches_refused,
    "connection cut before commit": commit_lost(Loss.CUT_BEFORE),
    "connection cut after commit": commit_lost(Loss.CUT_AFTER),
    "broker gone after commit": commit_lost(Loss.DEAF),
    "commit past its time-out": commit_lost(Loss.STALL),
    "slow network": slow_network,
}
"""What is done to one site; others may be hurt at the same time."""

BROKER_FAULTS: dict[str, Callable[[Site, World, int], None]] = {
    "broker stopped mid-commit": broker_restarted(Broker.stop),
    "broker kill -9 mid-commit": broker_restarted(Broker.kill),
}
"""What is done to everybody on the broker."""

SECTIONS = {"commit past its time-out": {"kafka": {"timeout_s": 2, "transaction_timeout_s": 2}}}
"""Settings that a fault needs."""

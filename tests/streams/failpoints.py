"""Processes that kill themselves at a named point of a worker's work, at its n-th hit, and the lives after that.

`python -m tests.streams.failpoints DIRECTORY LIVES SECTIONS` reads LIVES, JSON: names, each with a list of points and
hits, such as `{"last": [["mid_join", -1]]}`. For each name there is a `Place` of that name in DIRECTORY, with SECTIONS
as its settings; one life after the other is killed there at its point (-1 is the last hit of a life that nothing
kills), and then a plain `sidestream run --once` finishes. It writes how each life ended, and how often each point is
hit, as JSON. Several names live at once: on Kafka most of a life is waiting for the lease of the one before.

The worker knows no failpoints: here its objects' methods are wrapped. Every life is a process of its own, forked from
this one, which has imported everything and started nothing. Records arrive between two turns and the clock ticks once a
look, so that equal lives hit equal points equally often.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from inspect import iscoroutinefunction
from pathlib import Path
from random import Random
from threading import get_ident
from traceback import print_exc
from typing import Any

from river import linear_model, naive_bayes  # noqa: F401 - imported once here, not again in every life

from engine.engine import Engine
from engine.label_join import LabelJoin
from engine.learner import Learner
from streams import embedded_log, recovery
from streams.cli.app import main as command_line
from streams.disk import RealDisk
from streams.log_port import Lease, Log
from streams.run import Service
from streams.settings import load_settings
from tests.senders import START_MS, Senders
from tests.streams.worker_process import Place, append, count_sent

Points = Mapping[str, tuple[Any, str, bool]]

POINTS: Points = {
    "after_answer": (Engine, "answer", True),
    "after_learn": (Learner, "follow", True),
    "mid_join": (LabelJoin, "settle", True),
    "mid_promotion": (Learner, "crown", True),
    "before_commit": (Lease, "commit", False),
    "mid_transaction": (embedded_log, "_append", True),
    "after_commit_before_checkpoint": (Lease, "commit", True),
    "mid_checkpoint": (RealDisk, "create", True),
    "after_rename": (RealDisk, "rename", True),
    "mid_recovery": (recovery, "carry_out", True),
}
"""Whose method a point is, and whether it is hit after the call. `mid_join` lies between a label's match and its
learning, `mid_promotion` between the new champion and the record of it, `mid_transaction` where a batch was written,
by the worker or a sender, and nothing committed, `mid_checkpoint` where a file was made and nothing written,
`mid_recovery` where one commit was carried out again: no life hits it that nothing was killed before."""

AT_ONCE = 12
"""How many names live at once."""

ENDINGS = "endings.json"
SEED = 3
SENT_COUNT = 150
SENT_A_TURN = 6


class Ticking:
    """A world whose clock ticks when it is looked at, and in which some records arrive before each turn.

    Parameters
    ----------
    log
        Where they arrive. It also says how many have: a life goes on where the one before was killed.
    """

    by = "the failpoints"

    def __init__(self, log: Log) -> None:
        senders = Senders(Random(SEED))
        self._log = log
        self._sent = [senders.send(START_MS) for _ in range(SENT_COUNT)]
        self._now_s = 0.0

    def now_ms(self) -> int:
        """Return the time of day."""
        return START_MS

    def seconds(self) -> float:
        """Let a millisecond pass."""
        self._now_s += 0.001
        return self._now_s

    def send(self, count_max: int) -> None:
        """Have the next records arrive."""
        there = count_sent(self._log)
        append(self._log, self._sent[there : there + count_max])

    def asked(self) -> bool:
        """Between two turns: let some arrive, and never ask to stop."""
        self.send(SENT_A_TURN)
        return False

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds

    def recovering(self, done: int, end: int) -> None:
        """Hear how far recovery is."""

    def begin(self, *_: object) -> None:
        """Hear that it works."""

    def end(self, status: object) -> None:
        """Hear of it."""

    def working(self, status: object) -> None:
        """Hear that it worked a turn."""


def points_of(*, on_kafka: bool) -> Points:
    """Return the points that there are on a log."""
    if not on_kafka:
        return POINTS
    from tests.kafka import points

    points.tell_of_requests()
    common = {name: point for name, point in POINTS.items() if point[0] is not embedded_log}
    return {**common, **points.POINTS}


def watch(
    points: Points, point: str, hits: Counter[str], fatal: int | None, number: signal.Signals = signal.SIGKILL
) -> None:
    """Count the hits of a point from here on; be sent the signal at the fatal one."""
    owner, name, is_after = points[point]
    original = getattr(owner, name)

    def hit(*, is_before: bool) -> None:
        if is_before is is_after:
            return
        hits[point] += 1
        if hits[point] == fatal:
            # To this very thread: another one would first have to be woken, and this one go on meanwhile.
            signal.pthread_kill(get_ident(), number)

    @wraps(original)
    def watched(*arguments: Any, **named: Any) -> Any:
        hit(is_before=True)
        result = original(*arguments, **named)
        hit(is_before=False)
        return result

    @wraps(original)
    async def awaited(*arguments: Any, **named: Any) -> Any:
        hit(is_before=True)
        result = await original(*arguments, **named)
        hit(is_before=False)
        return result

    setattr(owner, name, awaited if iscoroutinefunction(original) else watched)


def place_of(directory: Path, name: str, sections: Mapping[str, Mapping[str, Any]]) -> Place:
    """Return the place of a name: with topics of its own, where the log is on a broker that all share."""
    if "kafka" in sections:
        prefix = f"{sections['kafka']['prefix']}{name}."
        sections = {**sections, "kafka": {**sections["kafka"], "prefix": prefix}}
    place = Place(directory / name, **sections)
    place.state.mkdir(exist_ok=True)
    return place


def serve(place: Place) -> None:
    """Answer everything there is to come, as `sidestream run --once` does."""
    settings = load_settings(str(place.config), {}, {})
    with place.opened() as log:
        world = Ticking(log)
        Service(settings=settings, log=log, key=None, world=world, observer=world, stop=world, once=True).run()


def finish(place: Place) -> None:
    """Let the rest arrive, and start the worker as anybody does."""
    with place.opened() as log:
        Ticking(log).send(SENT_COUNT)
    command_line(["run", "--config", str(place.config), "--once"])


def count_hits(points: Points, place: Place, path: Path) -> None:
    """Live undisturbed, and write how often each point was hit."""
    hits: Counter[str] = Counter(dict.fromkeys(points, 0))
    for point in points:
        watch(points, point, hits, None)
    serve(place)
    path.write_text(json.dumps(hits))


def die_at(points: Points, place: Place, point: str, hit: int) -> None:
    """Live until that hit."""
    watch(points, point, Counter(), hit)
    serve(place)


def live_and_die(points: Points, place: Place, fatal: Sequence[tuple[str, int]]) -> None:
    """Live one life after the other, and the last one to its end; write how each ended."""
    endings = [ending_of(partial(die_at, points, place, point, hit)) for point, hit in fatal]
    endings.append(ending_of(partial(finish, place)))
    (place.directory / ENDINGS).write_text(json.dumps(endings))


def ending_of(act: Callable[[], None]) -> int:
    """Carry something out in a process of its own; return its exit code, or the negative number of what killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(forked(act), 0)[1])


def forked(act: Callable[[], None]) -> int:
    """Begin to carry something out in a process of its own; return its id."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act()
            code = 0
        except SystemExit as left:
            code = int(left.code or 0)
        except BaseException:  # noqa: BLE001 - whatever it is, the parent's stack must not be gone on with
            print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    return pid


def main() -> None:
    """Live the lives that were asked for."""
    directory = Path(sys.argv[1])
    lives, sections = map(json.loads, sys.argv[2:])
    points = points_of(on_kafka="kafka" in sections)
    counted = directory / "hits.json"
    undisturbed = place_of(directory, "undisturbed", sections)
    endings: dict[str, list[int]] = {"undisturbed": [ending_of(partial(count_hits, points, undisturbed, counted))]}
    hits = json.loads(counted.read_text())
    places = {name: place_of(directory, name, sections) for name in lives}
    living: set[int] = set()
    for name, kills in lives.items():
        if len(living) == AT_ONCE:
            living.remove(os.wait()[0])
        fatal = [(point, hits[point] if hit < 0 else hit) for point, hit in kills]
        living.add(forked(partial(live_and_die, points, places[name], fatal)))
    for pid in living:
        os.waitpid(pid, 0)
    endings |= {name: json.loads((place.directory / ENDINGS).read_text()) for name, place in places.items()}
    sys.stdout.write(json.dumps({"hits": hits, "endings": endings}))


if __name__ == "__main__":
    main()

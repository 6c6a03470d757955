"""A worker as somebody outside its thread sees it: one value, made anew now and then, never changed.

It is an observer of the worker and asks it nothing: what it shows was so when the worker last let it look. Nothing
durable depends on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from streams.ground import Ground
    from streams.meter import Status
    from streams.recovery import Recovered
    from streams.replica import Replica

SHOWN_EVERY_S = 1.0
"""How old what is shown may become while the worker works, in seconds."""

WORKING = "working"
CONTENDER_KEYS = ("role", "spec", "learned_count", "benched")


STOPPED = "stopped: everything taken is committed, the state is kept"


def begun_words(ground: Ground, recovered: Recovered, seconds: float) -> Iterator[str]:
    """Yield what a person is told of a worker that begins: how it came back, and who answers from where."""
    engine = recovered.replica.engine
    if recovered.replayed:
        rate = f", {recovered.replayed / seconds:,.0f} commits/s" if seconds else ""
        yield f"recovered {recovered.replayed:,} commits in {seconds:.2f} s{rate}"
    yield f"answering as {engine.succession.answerer.name} from position {engine.position:,} on {ground.log.name}"


class WorkerView:
    """Shows a worker to other threads, and says in sentences what happens to it; see `streams.run.Observer`.

    Parameters
    ----------
    talk
        Is given sentences.
    seconds, now_ms
        The clocks.
    talk_every_s
        Seconds between two lines about how things are.

    Attributes
    ----------
    shown
        The latest look: `state` is `starting`, `recovering`, `working`, `stopped` or `failed`.
    """

    def __init__(
        self, talk: Callable[[str], None], seconds: Callable[[], float], now_ms: Callable[[], int], talk_every_s: float
    ) -> None:
        self.shown: dict[str, Any] = {"state": "starting"}
        self.say = talk
        self._seconds = seconds
        self._now_ms = now_ms
        self._talk_every_s = talk_every_s
        self._shown_s = self._talked_s = seconds() - talk_every_s - SHOWN_EVERY_S
        self._log = ""
        self._replica: Replica | None = None

    def recovering(self, done: int, end: int) -> None:
        """Show how far recovery is."""
        self.shown = {"state": "recovering", "replayed": done, "to_replay": end}

    def begin(self, ground: Ground, recovered: Recovered, seconds: float) -> None:
        """Say what runs, and from where."""
        self._log, self._replica = ground.log.name, recovered.replica
        for words in (*ground.pipeline.notices, *recovered.notices, *begun_words(ground, recovered, seconds)):
            self.say(words)

    def working(self, status: Callable[[], Status]) -> None:
        """Look, and talk, where it is time to."""
        now = self._seconds()
        shall_talk = now - self._talked_s >= self._talk_every_s
        if not shall_talk and now - self._shown_s < SHOWN_EVERY_S:
            return
        found = status()
        self._show(WORKING, found)
        self._shown_s = now
        if shall_talk:
            self.say(found.line())
            self._talked_s = now

    def end(self, status: Status) -> None:
        """Say that nothing is left to do."""
        self._show("stopped", status)
        self.say(status.line())
        self.say(STOPPED)

    def failed(self, error: BaseException) -> None:
        """Show that the worker has ended, and why."""
        self.shown = {**self.shown, "state": "failed", "failure": str(error)}

    def _show(self, state: str, status: Status) -> None:
        replica = self._replica
        assert replica is not None  # noqa: S101 - the worker says `begin` before anything else
        summary = replica.engine.summary()
        columns, rows = summary.figures()
        figures = {name: dict(zip(columns, values, strict=True)) for name, _, values in rows}
        self.shown = {
            "state": state,
            "log": self._log,
            "seen_at_ms": self._now_ms(),
            "position": replica.engine.position,
            "commits": replica.sequence,
            "last_commit": {"sequence": replica.sequence - 1, "sha256": replica.head},
            "lag": status.backlog,
            "requests": summary.data["requests"],
            "labels": summary.data["labels"],
            "champion": status.champion,
            "contenders": {
                name: {**{key: model[key] for key in CONTENDER_KEYS}, "figures": figures[name]}
                for name, model in summary.data["models"].items()
            },
        }

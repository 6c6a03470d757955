"""The relief of an overloaded worker: what its challengers cost, how far behind it is, and a command where one is due.

The decision is `streams.shedding`'s. What it asks for goes onto the topic of commands like a person's word, so it is
journalled before it takes effect, replayed, and stands in the audit trail under the worker's own name.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.contender import SHED, Contender, Role
from engine.engine import Engine
from streams.clock import ModelTimer
from streams.commands import CommandRecord, encode
from streams.log_port import Entry, Log
from streams.replica import OURSELVES
from streams.shedding import Load, OverloadRules, Shedding

LOOK_S = 1.0
"""How often somebody looks how far behind a worker is, in seconds: on Kafka that is a question for each input."""


class Relief:
    """Looks at one worker's load, and asks for relief.

    Parameters
    ----------
    rules
        When it is overloaded.
    engine
        The worker's, from here on: the models of its contenders are timed.
    log, topic
        Where commands go.
    now_ms
        The time of day, which a command says it was given at.
    """

    def __init__(self, rules: OverloadRules, engine: Engine, log: Log, topic: str, now_ms: Callable[[], int]) -> None:
        self._shedding = Shedding(rules)
        self._engine = engine
        self._log = log
        self._topic = topic
        self._now_ms = now_ms
        self._looked_s: float | None = None
        self.timers: dict[str, ModelTimer] = {}
        for contender in engine.learner.contenders:
            self.timers[contender.name] = timer = ModelTimer()
            contender.model = timer.around(contender.model)
            contender.wrap = timer.around

    def look(self, now_s: float, backlog: Callable[[], int]) -> None:
        """Look, if it is time to, and ask for what is due."""
        if self._looked_s is not None and now_s - self._looked_s < LOOK_S:
            return
        self._looked_s = now_s
        challengers = [each for each in self._engine.learner.contenders if self._is_able(each)]
        spent_s = {each.name: self.timers[each.name].seconds for each in challengers}
        asked = self._shedding.look(Load(now_s, backlog(), spent_s, shed_names(self._engine)))
        if asked is not None:
            record = CommandRecord(asked.verb, asked.contender, OURSELVES, self._now_ms(), asked.reason)
            self._log.append(self._topic, 0, [Entry(None, encode(record))])

    def _is_able(self, contender: Contender) -> bool:
        """Whether a contender could be shed: it takes steps, and answers no requests."""
        succession = self._engine.succession
        answers = contender is succession.answerer or (
            succession.router is not None and contender in succession.router.arms
        )
        return contender.benched is None and not answers and contender.billing.role is not Role.BASELINE


def shed_names(engine: Engine) -> tuple[str, ...]:
    """Return which contenders are shed."""
    return tuple(each.name for each in engine.learner.contenders if each.benched == SHED)

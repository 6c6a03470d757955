"""A fork: what another model would have done from a position on, with everything else as it was.

The state at the position is restored, a challenger joins that knows nothing yet, all figures begin anew, and the rest
of the journal is carried out in memory. What was served stays what was served: only the shadow is new. But where
evidence promotes, it does so as if the new one had been there: with one challenger more to compare.
"""

from __future__ import annotations

from dataclasses import replace

from engine.errors import ConfigError
from engine.models.spec import default_name, split_name
from engine.plan import name_of
from engine.summary import Summary
from streams.ground import Ground, begun
from streams.history import before_position
from streams.journal import decode
from streams.replica import Replica


def fork(ground: Ground, position: int, challengers: tuple[str, ...]) -> Summary:
    """Return the figures of all contenders, the new ones among them, over the requests from a position on.

    Parameters
    ----------
    ground
        The log, and what ran on it.
    position
        Of the first message that counts.
    challengers
        As SPEC or NAME=SPEC.

    Raises
    ------
    ConfigError
        When a name is taken, a spec cannot be built, or the journal does not come as far.
    """
    moment = before_position(ground, position)
    pipeline = moment.replica.pipeline
    plan = pipeline.plan
    joined = dict(plan.challengers)
    taken = {plan.champion_name or name_of(plan.champion), *plan.challengers}
    for each in challengers:
        given, spec = split_name(each)
        name = given or default_name(spec)
        if name in taken:
            msg = f"there is a contender {name!r} already; give the new one another name, as NAME=SPEC"
            raise ConfigError(msg)
        taken.add(name)
        joined[name] = spec
    widened = replace(pipeline, plan=replace(plan, challengers=joined))
    other = Replica(widened, ground.inputs(), ground.outputs, begun, ground.values)
    other.engine.graft(moment.replica.engine.snapshot())
    other.engine.reset_figures()
    other.take(moment.arrivals)
    for record in ground.log.journal(moment.sequence + 1):
        other.catch_up()
        other.take(moment.intake.take_runs(decode(record.data, record.sequence).runs))
    other.catch_up()
    return other.engine.summary()

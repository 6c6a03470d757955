"""The status line's numbers: of the last seconds, and none where nothing is known."""

from __future__ import annotations

from streams.meter import WINDOW_S, Meter, Status
from tests.workers import Life


def statuses(life: Life) -> list[Status]:
    """Return the status after each turn of a worker that stops when everything is answered."""
    seen: list[Status] = []

    class Watching(Life):
        def working(self, status: object) -> None:
            assert callable(status)
            seen.append(status())

    life.__class__ = Watching
    life.run()
    return seen


def test_a_worker_says_how_fast_how_late_and_how_good_it_is() -> None:
    life = Life(tick_s=0.001)
    life.arrive(200)
    last = statuses(life)[-1]
    assert last.events == 200
    assert last.events_per_s > 0
    assert last.answer_s_p99 is not None
    assert last.answer_s_p99 > 0
    assert last.backlog == 0
    assert last.label_delay_s == 3_600.0
    assert last.rolling_loss is not None
    assert last.checkpoint_age_s is not None
    assert "200 events" in last.line()
    assert "label delay 60 min" in last.line()
    assert "linear loss 0." in last.line()


def test_before_anything_happened_nothing_is_known() -> None:
    life = Life()
    status = Meter(life.seconds).status(life_engine(life), 7)
    assert status.answer_s_p99 is None
    assert status.rolling_loss is None
    assert "p99 answer n/a  backlog 7" in status.line()


def test_the_rate_is_that_of_the_last_seconds() -> None:
    life = Life(tick_s=0.001)
    life.arrive(50)
    meter_life = statuses(life)
    assert meter_life[-1].events_per_s > 0
    life.now_s += 10 * WINDOW_S
    service_meter = Meter(life.seconds)
    assert service_meter.status(life_engine(life), 0).events_per_s == 0


def life_engine(life: Life) -> object:
    """Return the engine of a worker that has just started."""
    life.run()
    return life.recovered().replica.engine

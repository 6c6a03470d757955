"""Every piece of work with Kafka has its time, also where the client does not hear that it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from streams import kafka_loop
from streams.kafka_loop import KafkaLoop, SilenceError
from streams.ports import SourceError


@pytest.fixture
def loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[KafkaLoop]:
    monkeypatch.setattr(kafka_loop, "DEAF_S", 0.1)
    monkeypatch.setattr(kafka_loop, "CLOSE_S_MAX", 0.1)
    made = KafkaLoop("nowhere:1", 0.05)
    yield made
    if not made.is_closed:
        made.close()


async def deaf() -> None:
    """Go on whatever one is told."""
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


def test_work_that_does_not_hear_that_its_time_is_over_is_left_behind(loop: KafkaLoop) -> None:
    with pytest.raises(SilenceError, match=r"did not answer within 0\.05 s"):
        loop.run(deaf())
    assert loop.run(asyncio.sleep(0, "the loop goes on")) == "the loop goes on"


def test_a_loop_with_work_that_does_not_end_ends_all_the_same(loop: KafkaLoop) -> None:
    with pytest.raises(SourceError):
        loop.run(deaf())
    loop.close()
    assert loop.is_closed

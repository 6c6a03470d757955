"""The judge of workers itself: it hears from a witness who saw a record too few, too many, or in another place."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from streams.ground import ground_of
from streams.log_port import Entry
from tests.judge import Seen, check_outputs, check_place, final, replayed
from tests.senders import START_MS, Senders
from tests.streams.worker_process import LIGHT, Place, append

WHERE = ("shadow", 0)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    made = Place(tmp_path_factory.mktemp("judged"), **LIGHT)
    senders = Senders(Random(4))
    with made.opened() as log:
        append(log, [senders.send(START_MS) for _ in range(60)])
    with made.worker("--once") as worker:
        assert worker.ending() == 0, worker.said
    return made


def seen_at(place: Place) -> Seen:
    with place.opened() as log:
        return final(ground_of(log, str(place.state), None))


def test_a_witness_who_saw_everything_once_is_believed(place: Place) -> None:
    verdict = check_place(place, [seen_at(place)])
    assert (verdict.inputs, verdict.lost, verdict.doubled) == (60, 0, 0)
    with place.opened() as log:
        expected = replayed(ground_of(log, str(place.state), None))
    assert len(expected[WHERE]) > 10


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda entries: entries[:-1], "lost=1, doubled=0"),
        (lambda entries: [*entries, entries[0]], "lost=0, doubled=1"),
        (lambda entries: [*entries[:-1], Entry(None, b"aborted")], "lost=1, doubled=1"),
        (lambda entries: [*entries[:-2], entries[-1], entries[-2]], "another order"),
    ],
)
def test_a_witness_who_saw_something_else_is_heard(
    place: Place, change: Callable[[list[Entry]], list[Entry]], said: str
) -> None:
    seen = dict(seen_at(place))
    seen[WHERE] = change(list(seen[WHERE]))
    with place.opened() as log, pytest.raises(AssertionError, match=said):
        check_outputs(place, log, [seen])

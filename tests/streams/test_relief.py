"""A worker that falls behind sheds its challengers by a command of its own, and takes them back when it is level."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.messages import Verb
from streams.audit_trail import AuditEntry, read_line
from streams.commands import CommandRecord, encode
from streams.ground import whole_topic
from tests.workers import Life, settings_of

OVERLOAD = {
    # What challengers cost is measured, whatever the script of the clock: any cost at all is enough.
    "overload": {"backlog_max": 100, "after_s": 5, "level_s": 1, "share_min": 1e-12, "calm_s": 20, "calm_s_max": 80},
    "run": {"slice": 8},
}


def lived(*, commands: list[CommandRecord] = [], **sections: Any) -> Life:  # noqa: B006 - it is only read
    """Return a life of which 600 requests were there at once, and then nothing came for long."""
    life = Life(tick_s=0.0001, settings=settings_of(**{**OVERLOAD, **sections}))
    life.arrive(600)
    for command in commands:
        life.append("commands", encode(command))
    idle = 0

    def passes() -> bool:
        nonlocal idle
        life.now_s += 1.0
        idle += 1
        return idle > 500

    life.between = passes
    life.run(once=False)
    return life


def trail(life: Life) -> list[AuditEntry]:
    return [read_line(value) for value in whole_topic(life.log, "audit")]


def test_a_worker_that_is_behind_sheds_and_resumes_by_commands_under_its_own_name() -> None:
    life = lived()
    start, *entries = trail(life)
    assert start.verb == "start"
    assert [(each.verb, each.contender, each.by, each.effect) for each in entries] == [
        ("shed", "bayes", "sidestream", "done"),
        ("resume", "bayes", "sidestream", "done"),
    ]
    assert "records behind, this challenger took" in entries[0].reason
    assert entries[0].offset == 0


def test_answers_are_the_same_bytes_whether_challengers_were_shed_or_not() -> None:
    shed, kept = lived(), lived(overload={"shed": False})
    assert [each.verb for each in trail(kept)] == ["start"]
    assert len(trail(shed)) == 3
    for topic in ("predictions", "ends", "dead_letters"):
        assert list(whole_topic(shed.log, topic)) == list(whole_topic(kept.log, topic))
    assert len(list(whole_topic(shed.log, "shadow"))) < len(list(whole_topic(kept.log, "shadow")))


def test_what_was_shed_is_recovered_from_the_journal_alone() -> None:
    life = lived()
    live = life.recovered().replica.engine.state_digest()
    life.disk = Life().disk
    assert life.recovered().replica.engine.state_digest() == live


def test_how_far_a_shed_challenger_had_come_is_in_the_journal() -> None:
    learned = []
    for tick_s in (0.0001, 0.0015):
        life = Life(tick_s=tick_s)
        turns = iter(range(10_000))

        def passes(life: Life = life, turns: Iterator[int] = turns) -> bool:
            if next(turns) == 95:
                record = CommandRecord(Verb.SHED, "bayes", "sidestream", 1_700_000_000_000, "a test")
                life.append("commands", encode(record))
            return False

        life.between = passes
        life.arrive(200)
        life.run()
        live = life.recovered().replica.engine
        (bayes,) = [each for each in live.learner.contenders if each.name == "bayes"]
        learned.append(bayes.learned_count)
        life.disk = Life().disk
        assert life.recovered().replica.engine.state_digest() == live.state_digest()
    assert 0 < learned[1] < learned[0], "the second lagged"


def test_whoever_a_person_benched_does_not_come_back() -> None:
    bench = CommandRecord(Verb.BENCH, "bayes", "ann", 1_700_000_000_000, "a test")
    life = lived(commands=[bench])
    assert {each.verb for each in trail(life)} == {"start", "bench"}


def test_with_once_nobody_is_shed() -> None:
    life = Life(tick_s=1.0, settings=settings_of(**OVERLOAD))
    life.arrive(600)
    life.run()
    assert [each.verb for each in trail(life)] == ["start"]


def test_the_status_says_who_is_shed_and_how_much_work_the_backlog_is() -> None:
    lines: list[str] = []

    class Watching(Life):
        def working(self, status: object) -> None:
            assert callable(status)
            lines.append(status().line())

    life = Watching(tick_s=0.0001, settings=settings_of(**OVERLOAD))
    life.arrive(600)
    turns = iter(range(600))

    def passes() -> bool:
        life.now_s += 1.0
        return next(turns) > 500

    life.between = passes
    life.run(once=False)
    assert any(line.endswith("| shed bayes") for line in lines)
    assert not lines[-1].endswith("shed bayes")
    assert any("s of work)" in line for line in lines)

"""The worker's turn: what comes before what, what is bounded, and when the state is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partialmethod

import pytest

from engine.errors import ConfigError, SnapshotError
from engine.messages import Verb
from streams.audit_trail import read_line
from streams.checkpoint import list_named
from streams.commands import CommandRecord, encode
from streams.ground import whole_topic
from streams.journal import JournalEntry, decode
from streams.log_port import Entry, LeaseError
from streams.memory_log import Fault
from streams.ports import SourceError
from streams.worker import Pace
from tests.workers import ROOT, Life, settings_of


def entries(life: Life) -> list[JournalEntry]:
    return [decode(record.data, record.sequence) for record in life.log.journal(0)]


def lines(life: Life, topic: str) -> list[dict[str, object]]:
    return [json.loads(value) for value in whole_topic(life.log, topic)]


def positions(life: Life) -> list[int]:
    return [named.position for named in list_named(life.disk, ROOT / "checkpoints") if named.whole]


def test_answers_are_committed_before_any_challenger_takes_a_step() -> None:
    life = Life()
    life.append("requests", {"id": "e0", "ts": 1_700_000_000_000, "a": 1, "b": 2})
    life.run()
    start, answer, shadow = entries(life)
    assert start.start is not None
    assert answer.steps == 0
    assert [tuple(run) for run in answer.runs] == [(0, 0, 1, 1)]
    assert shadow.steps > 0
    assert shadow.runs == ()


def test_a_slice_is_what_has_arrived_and_never_more_than_its_bound() -> None:
    life = Life()
    life.arrive(5)
    life.run()
    assert [sum(run.record_count for run in entry.runs) for entry in entries(life) if entry.runs] == [4, 4, 2]


def test_over_a_backlog_slices_grow_and_the_answers_are_the_same() -> None:
    cut, uncut = Life(), Life(settings=settings_of(run={"slice": None}))
    for life in (cut, uncut):
        life.arrive(600)
        life.run()
    counts = [sum(run.record_count for run in entry.runs) for entry in entries(uncut) if entry.runs]
    assert counts == [256, 512, 432]
    assert lines(uncut, "predictions") == lines(cut, "predictions")


def test_what_stands_on_the_tape_beyond_half_its_bound_is_taken_at_once_and_no_more() -> None:
    life = Life(tick_s=1.0, settings=settings_of(limits={"tape_count_max": 20}))
    life.arrive(40)
    life.run()
    steps = [entry.steps for entry in entries(life) if entry.steps]
    assert max(steps[:-1]) > 1, "though the clock allows no more than one"
    assert max(steps) <= 20, "so no slice waits for all of them"
    assert life.recovered().replica.engine.forced_catch_ups == 0, "so the engine need not do it between two answers"


def test_a_slice_ends_with_the_record_that_goes_over_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pace, "__init__", partialmethod(Pace.__init__, slice_bytes_max=100))
    life = Life(settings=settings_of(run={"slice": 100}))
    life.arrive(4)
    life.run()
    counts = [sum(run.record_count for run in entry.runs) for entry in entries(life) if entry.runs]
    assert sum(counts) == 8
    assert max(counts) < 4


def test_challengers_work_no_longer_than_their_time_between_two_looks() -> None:
    life = Life(tick_s=0.0015)
    life.arrive(20)
    life.run()
    steps = [entry.steps for entry in entries(life) if entry.steps]
    assert max(steps) <= 2
    assert len(lines(life, "shadow")) == 40


def test_at_the_end_challengers_catch_up_for_a_while_and_take_the_rest_after_the_next_start() -> None:
    whole, cut = Life(), Life(tick_s=3.0)
    for life in (whole, cut):
        life.arrive(20)
    whole.run()
    turns = iter(range(3))
    cut.between = lambda: next(turns) > 1
    cut.run(once=False)
    waiting = len(cut.recovered().replica.engine.learner.tape)
    assert waiting > 0, "there was no time for all"
    assert positions(cut)[0] == cut.recovered().replica.engine.position, "and yet the state is kept"
    cut.between = lambda: False
    cut.run()
    assert not cut.recovered().replica.engine.learner.tape
    assert lines(cut, "shadow") == lines(whole, "shadow")


def test_the_state_is_kept_by_count_and_at_the_end() -> None:
    life = Life(settings=settings_of(run={"slice": 4, "checkpoint_every": 20}))
    life.arrive(30)
    life.run()
    assert positions(life) == [60, 60, 40], "three are kept; the last one holds the last steps, too"


def test_checkpoints_that_are_due_by_count_take_a_small_share_of_the_time() -> None:
    kept: dict[float, set[int]] = {}
    for tick_s in (0.0, 0.01):
        life = Life(tick_s=tick_s)
        seen = kept.setdefault(tick_s, set())

        def look(life: Life = life, seen: set[int] = seen) -> bool:
            seen.update(positions(life))
            return False

        life.between = look
        life.arrive(400)
        life.run()
    assert len(kept[0.0]) >= 40, "one after every twenty messages, where they take no time"
    assert 2 < len(kept[0.01]) < 20, "where one takes 0.01 s, one second passes between two"


def test_the_state_is_kept_by_time_where_little_happens() -> None:
    life = Life(settings=settings_of(run={"checkpoint_every_s": 5}))
    turns: Iterator[int] = iter(range(40))
    seen: set[int] = set()

    def arrive_slowly() -> bool:
        number = next(turns)
        life.now_s += 1.0
        if number % 2 == 0:
            life.arrive(1)
        seen.update(positions(life))
        return number > 30

    life.between = arrive_slowly
    life.run(once=False)
    assert len(seen) > 3


def test_an_idle_worker_keeps_nothing_and_commits_nothing() -> None:
    life = Life(tick_s=1.0)
    turns = iter(range(500))
    life.between = lambda: next(turns) > 300
    life.run(once=False)
    assert life.log.journal_end() == 1
    assert len(positions(life)) == 1


def test_asked_to_stop_it_finishes_what_it_took_and_leaves_the_rest() -> None:
    life = Life()
    life.arrive(10)
    turns = iter(range(500))
    life.between = lambda: next(turns) >= 2
    life.run(once=False)
    replica = life.recovered().replica
    assert life.recovered().replayed == 0
    assert replica.engine.position == 8
    assert not replica.engine.learner.tape
    assert len(lines(life, "shadow")) == 2 * len(lines(life, "predictions"))
    life.between = lambda: False
    life.run()
    assert len(lines(life, "predictions")) == 10


def test_a_command_takes_effect_where_it_is_journalled_and_says_who_and_why() -> None:
    life = Life()
    life.arrive(3)
    life.run()
    life.append("commands", encode(CommandRecord(Verb.PROMOTE, "bayes", "ann", 1_700_000_000_000, "it is better")))
    life.append("commands", encode(CommandRecord(Verb.PROMOTE, "nobody", "ann", 1_700_000_000_000, "")))
    life.arrive(2)
    life.run()
    assert [each["model"] for each in lines(life, "predictions")] == ["linear"] * 3 + ["bayes"] * 2
    trail = [read_line(value) for value in whole_topic(life.log, "audit")]
    assert [each.verb for each in trail] == ["start", "start", "promote", "promote"]
    done, refused = trail[2:]
    assert (done.by, done.reason, done.effect, done.position, done.offset) == ("ann", "it is better", "done", 6, 0)
    assert refused.is_refused
    assert [each["event"] for each in lines(life, "alarms")] == ["promoted", "command", "command"]
    assert life.copy.lines == list(whole_topic(life.log, "audit"))


def test_a_champion_that_is_benched_is_followed_by_the_ladder_and_the_trail_says_so() -> None:
    life = Life()
    life.append("commands", encode(CommandRecord(Verb.BENCH, "linear", "ann", 1_700_000_000_000, "look at it")))
    life.arrive(2)
    life.run()
    assert [(each["model"], each["rung"]) for each in lines(life, "predictions")] == [("bayes", "challenger")] * 2
    own = [read_line(value) for value in whole_topic(life.log, "audit")][-1]
    said = {each.by: (each.verb, each.contender) for each in map(read_line, whole_topic(life.log, "audit"))}
    assert said["sidestream"] == ("promote", "bayes")
    assert own.verb == "bench"


def test_a_command_that_is_none_is_a_dead_letter() -> None:
    life = Life()
    life.append("commands", b'{"verb": "start"}')
    life.arrive(1)
    life.run()
    (letter,) = lines(life, "dead_letters")
    assert (letter["kind"], letter["source"], letter["row"]) == ("command", "commands/0", 0)
    assert len(lines(life, "predictions")) == 1


@pytest.mark.parametrize("fault", [Fault.BEFORE_COMMIT, Fault.AFTER_COMMIT])
def test_a_commit_that_raises_ends_the_worker_and_the_next_one_goes_on_as_if_nothing_had_happened(fault: Fault) -> None:
    quiet, life = Life(), Life()
    for each in (quiet, life):
        each.arrive(10)
    quiet.run()
    life.log.fail(2, fault)
    with pytest.raises(SourceError):
        life.run()
    life.run()
    for topic in ("predictions", "shadow", "ends"):
        assert list(whole_topic(life.log, topic)) == list(whole_topic(quiet.log, topic))
    digests = [each.recovered().replica.engine.state_digest() for each in (quiet, life)]
    assert digests[0] == digests[1]


def test_two_workers_do_not_run_on_one_log() -> None:
    life = Life()
    life.arrive(2)

    def start_another() -> bool:
        with pytest.raises(LeaseError, match="a worker already runs on this log"):
            Life(log=life.log, disk=life.disk).run()
        return len(lines(life, "predictions")) == 2

    life.between = start_another
    life.run()
    assert life.recovered().replica.engine.position == 4


def test_other_settings_are_refused_by_name_and_others_that_change_nothing_are_not() -> None:
    life = Life()
    life.arrive(2)
    life.run()
    life.settings = settings_of(decision={"threshold": 0.2})
    with pytest.raises(SnapshotError, match=r"decision\.threshold was None, is 0\.2; put them back"):
        life.run()
    life.settings = settings_of(run={"slice": 1, "checkpoint_every": 7})
    life.run()


def test_a_worker_that_could_not_know_what_to_do_starts_nothing() -> None:
    life = Life(settings=settings_of(schema={"columns": {}}))
    with pytest.raises(ConfigError, match="append records to topic 'requests' first"):
        life.run()
    assert life.log.journal_end() == 0
    life.arrive(5)
    life.run()
    assert len(lines(life, "predictions")) == 5


def test_labels_may_stand_beside_their_requests() -> None:
    sections = {"labels": {"source": "record", "time": None, "policy": "wait"}}
    life = Life(settings=settings_of(**sections))
    for number in range(12):
        life.append(
            "requests", {"id": f"e{number}", "ts": 1_700_000_000_000 + number, "a": number, "b": 1, "y": number % 2}
        )
    life.run()
    assert len(lines(life, "predictions")) == 12
    assert [each["end"] for each in lines(life, "ends")] == ["learned"] * 12
    assert life.recovered().replica.engine.position == 24


def test_predictions_go_to_the_partition_their_request_came_from_under_the_requests_key() -> None:
    life = Life(settings=settings_of(input={"key": "card", "drop": ["ts", "card"]}))
    life.log = type(life.log)()
    for topic, count in (("requests", 3), ("labels", 1), ("commands", 1)):
        life.log.create_topic(topic, count)
    for number in range(9):
        values = {"id": f"e{number}", "ts": 1_700_000_000_000 + number, "a": 1, "b": 1, "card": f"c{number % 3}"}
        life.log.append("requests", number % 3, [Entry(None, json.dumps(values).encode())])
    life.run()
    for partition in range(3):
        found = life.log.read("predictions", partition, 0).records
        assert [json.loads(record.value)["id"] for record in found] == [f"e{partition + 3 * n}" for n in range(3)]
        assert {record.key for record in found} == {f"c{partition}".encode()}


def with_challengers(**challengers: str) -> dict[str, dict[str, object]]:
    champion = "linear=river.linear_model.LogisticRegression()"
    return {"contenders": {"champion": champion, "challengers": challengers}}


def test_a_challenger_joins_at_a_start_and_those_that_stay_go_on_as_if_nothing_had_happened() -> None:
    bayes, late = "river.naive_bayes.GaussianNB()", "river.naive_bayes.BernoulliNB()"
    life, alone = Life(), Life()
    for each in (life, alone):
        each.arrive(10)
        each.run()
    life.settings = settings_of(**with_challengers(bayes=bayes, late=late))
    with pytest.raises(SnapshotError, match=r"runs with other contenders: .*--change-contenders"):
        life.run()
    for each in (life, alone):
        each.arrive(10)
    life.run(change_contenders=True)
    alone.run()
    assert list(whole_topic(life.log, "predictions")) == list(whole_topic(alone.log, "predictions"))
    joined = [each["index"] for each in lines(life, "shadow") if each["model"] == "late"]
    assert joined == list(range(10, 20))
    bayes_said = [[each for each in lines(one, "shadow") if each["model"] == "bayes"] for one in (life, alone)]
    assert bayes_said[0] == bayes_said[1]
    digest = life.recovered().replica.engine.state_digest()
    life.disk = type(life.disk)(ROOT)
    assert life.recovered().replica.engine.state_digest() == digest, "the journal alone knows who joined when"

    life.settings = settings_of(**with_challengers(late=late))
    life.run(change_contenders=True)
    assert [each.name for each in life.recovered().replica.engine.learner.contenders] == ["linear", "late", "no_change"]


def test_a_champion_cannot_be_left_out_and_everything_stays_as_it_was() -> None:
    life = Life()
    life.append("commands", encode(CommandRecord(Verb.PROMOTE, "bayes", "ann", 1_700_000_000_000, "")))
    life.arrive(3)
    life.run()
    commits = life.log.journal_end()
    life.settings = settings_of(**with_challengers(late="river.naive_bayes.BernoulliNB()"))
    with pytest.raises(SnapshotError, match=r"champion bayes=.* is no contender here; keep it as one"):
        life.run(change_contenders=True)
    assert life.log.journal_end() == commits

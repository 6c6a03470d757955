"""Each end of the algebra, one by one, and all of them against a join that scans everything every time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import Engine, Label, LabelRules, Limits, Plan, Request, parse_policy
from engine.messages import Message, Outcomes, Refused
from engine.schema import Column, Kind, Schema
from engine.watermark import TimeVerdict, Watermark
from tests.worlds import DAY, HOUR, world


def engine(policy: str = "wait(1d)", *, relearn: bool = False, jump_ms: int = 30 * DAY, **bounds: int) -> Engine:
    rules = LabelRules(parse_policy(policy), delayed=True, relearn=relearn)
    return Engine(Plan(labels=rules, limits=Limits(jump_ms=jump_ms, **bounds), baseline=False, detectors=()))


def request(event_id: str, time_ms: int | None = 0) -> Request:
    return Request(event_id, {"a": 1.0}, time_ms)


def ends_of(outcomes: Outcomes) -> list[tuple[str, str]]:
    return [(str(end.event_id), end.end) for end in outcomes.label_ends]


def test_a_label_is_learned_with_the_answer_that_was_served() -> None:
    e = engine()
    assert ends_of(e.process([request("a"), Label("a", True, 10)])) == [("a", "learned")]
    assert e.learner.champion.learned_count == 1
    assert e.learner.champion.judges.labelled.count == 1


def test_a_label_at_exactly_its_deadline_counts_and_one_later_is_late() -> None:
    e = engine()
    out = e.process([request("a"), request("b"), Label("a", True, DAY), Label("b", True, DAY + 1)])
    assert ends_of(out) == [("a", "learned"), ("b", "late")]
    assert [(end.event_id, end.end) for end in out.request_ends] == [("b", "expired")]


def test_silence_past_the_horizon_is_learned_as_negative_where_the_policy_says_so() -> None:
    e = engine("negative_after(1d)")
    out = e.process([request("a"), request("b", DAY + 1)])
    assert [(end.event_id, end.end) for end in out.request_ends] == [("a", "negative_by_policy")]
    assert e.learner.champion.learned_count == 1
    confusion = e.summary().data["models"]["majority"]["metrics"]["confusion"]
    assert confusion["tn"] + confusion["fp"] == 1


def test_a_request_is_answered_before_the_silence_of_others_is_learned() -> None:
    e = engine("negative_after(1d)")
    e.process([request("a")])
    out = e.process([request("b", DAY + 1)])
    assert out.predictions[0].answer == (False, 0.5), "the champion had learned nothing yet"
    assert e.process([request("c", DAY + 2)]).predictions[0].answer == (False, 0.0)


def test_a_late_label_is_counted_or_relearned_and_never_scored() -> None:
    for relearn, learned in ((False, 1), (True, 2)):
        e = engine("negative_after(1d)", relearn=relearn)
        out = e.process([request("a"), request("b", DAY + 1), Label("a", True, DAY + 2), Label("a", True, DAY + 3)])
        assert ends_of(out) == [("a", "late"), ("a", "duplicate")]
        assert e.learner.champion.learned_count == learned
        assert e.learner.champion.judges.labelled.count == 1
        assert e.summary().data["relearned"] == int(relearn)


def test_a_label_before_its_request_is_held_and_then_learned() -> None:
    e = engine()
    assert ends_of(e.process([Label("a", True)])) == []
    assert e.summary().data["labels"]["held"] == 1
    assert ends_of(e.process([request("a")])) == [("a", "learned")]
    assert e.summary().data["labels"]["held"] == 0


def test_the_label_of_a_refused_request_is_unmatched_unless_the_request_comes_again() -> None:
    e = engine("wait")
    bad = Request("a", {"a": float("nan")}, None)
    assert ends_of(e.process([bad, Label("a", True)])) == [("a", "unmatched")]
    assert ends_of(e.process([request("a", None), Label("a", True)])) == [("a", "learned")]


def test_a_held_label_is_superseded_by_another_truth_and_doubled_by_the_same() -> None:
    e = engine()
    out = e.process([Label("a", True), Label("a", True), Label("a", False), request("a")])
    assert ends_of(out) == [("a", "duplicate"), ("a", "superseded"), ("a", "learned")]
    assert [end.target for end in out.label_ends] == [True, True, False]


def test_the_first_label_stands_and_any_further_is_a_duplicate() -> None:
    e = engine()
    out = e.process([request("a"), Label("a", True), Label("a", False)])
    assert ends_of(out) == [("a", "learned"), ("a", "duplicate")]


def test_a_repeated_request_gets_the_first_answer_and_is_learned_once() -> None:
    e = engine()
    out = e.process([request("a"), Label("a", True), request("a", 5)])
    first, second = out.predictions
    assert second.duplicate_of == first.request_index == 0
    assert second.request_index == 1
    assert second.answer == first.answer
    assert e.summary().data["duplicates"] == 1
    assert e.learner.champion.learned_count == 1


def test_a_full_join_expires_the_oldest_request_and_counts_it() -> None:
    e = engine("wait", pending_count_max=2)
    out = e.process([request(name, None) for name in "abc"])
    assert [(end.event_id, end.end) for end in out.request_ends] == [("a", "expired")]
    assert e.summary().data["expired_by_bound"] == 1


def test_a_held_label_that_has_to_make_room_or_is_older_than_the_horizon_is_unmatched() -> None:
    e = engine(held_count_max=1)
    assert ends_of(e.process([Label("x", True, 0), Label("y", True, 1)])) == [("x", "unmatched")]
    assert ends_of(e.process([request("a", DAY + 2)])) == [("y", "unmatched")]
    assert ends_of(engine(held_count_max=0).process([Label("x", True)])) == [("x", "unmatched")]


def test_evidence_matures_in_order_of_prediction_once_the_window_has_closed() -> None:
    e = engine("negative_after(1d)")
    e.process([request("a", 0), request("b", 1), Label("b", True, 2)])
    matured = e.learner.champion.judges.matured
    assert matured is not None
    assert matured.count == 0, "an early label waits for its window"
    e.process([request("c", DAY + 2)])
    assert matured.count == 2


def test_a_request_from_the_far_future_expires_nothing_and_does_not_hold_up_evidence() -> None:
    e = engine("wait(1d)")
    e.process([request("a", 0), request("b", HOUR), request("wild", 400_000 * DAY), request("c", 2 * HOUR)])
    assert e.summary().data["requests"]["expired"] == 0
    e.process([Label(name, True, 3 * HOUR) for name in ("a", "b", "wild", "c")])
    e.process([request("d", 2 * DAY - HOUR), request("e", 2 * DAY)])
    matured = e.learner.champion.judges.matured
    assert matured is not None
    assert matured.count == 4


def test_a_stream_whose_first_clock_is_wild_still_matures() -> None:
    e = engine("wait(1d)")
    e.process([request("wild", 400_000 * DAY), request("a", 0), Label("wild", True, 1), Label("a", True, 1)])
    e.process([request("b", DAY - 1), request("c", DAY + HOUR)])
    matured = e.learner.champion.judges.matured
    assert matured is not None
    assert matured.count == 2


def test_a_true_silence_keeps_every_row_its_whole_window() -> None:
    e = engine("wait(1d)", jump_ms=DAY)
    e.process([request("before", 0)])
    e.process([request(f"r{i}", 3 * DAY + i) for i in range(11)])
    data = e.summary().data["requests"]
    assert (data["expired"], data["pending"]) == (1, 11)


def test_a_wild_clock_that_completes_those_who_agree_is_not_believed_with_them() -> None:
    e = engine("wait(1d)", jump_ms=DAY)
    e.process([request("before", 0)])
    e.process([request(f"r{i}", 3 * DAY + i) for i in range(10)])
    e.process([request("wild", 400_000 * DAY)])
    assert e.scorer.join.watermark.now_ms == 3 * DAY + 9, "the ten are believed, the eleventh is not"
    e.process([Label("wild", True), request("calm", 3 * DAY + HOUR)])
    e.process([request("on", 4 * DAY), request("later", 4 * DAY + 2 * HOUR)])
    matured = e.learner.champion.judges.matured
    assert matured is not None
    assert matured.count == 1


def test_a_request_without_a_time_is_refused_where_the_policy_needs_one() -> None:
    out = engine("wait(1d)").process([request("a", None)])
    assert [letter.reason for letter in out.dead_letters] == ["missing_time"]


WORLD = Schema((Column("a", Kind.NUMERIC), Column("b", Kind.NUMERIC), Column("c", Kind.CATEGORY)))


class ScanningJoin:
    """The rules of the join written down naively: every message looks at every request and label so far."""

    def __init__(self, policy: str) -> None:
        self.policy = parse_policy(policy)
        self.clock = Watermark(DAY, 10)
        self.requests: dict[str, dict[str, Any]] = {}
        self.held: list[Label] = []
        self.dead: set[str] = set()
        self.counts: dict[str, int] = {}

    def count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def take(self, message: Message) -> None:
        if isinstance(message, Refused):
            self.count("request dead")
        elif isinstance(message, Request):
            self.request(message)
        else:
            assert isinstance(message, Label)
            self.label(message)

    def request(self, message: Request) -> None:
        name = str(message.event_id)
        values = message.features
        if name in self.requests:
            self.count("request duplicate")
        elif not isinstance(values["a"], float) or values["a"] != values["a"] or abs(values["a"]) == float("inf"):
            self.count("request dead")
            self.dead.add(name)
        else:
            self.dead.discard(name)
            self.requests[name] = {"time": message.time_ms, "end": None, "doubtful": True, "late": False}
            assert message.time_ms is not None
            self.pass_time(message.time_ms)
            for held in [label for label in self.held if label.event_id == name]:
                self.held.remove(held)
                self.settle(name)

    def label(self, message: Label) -> None:
        if message.target not in (True, False) or isinstance(message.target, float):
            self.count("label dead")
            return
        if message.time_ms is not None:
            self.pass_time(message.time_ms)
        name = str(message.event_id)
        found = self.requests.get(name)
        if found is None and name in self.dead:
            self.count("label unmatched")
        elif found is None:
            self.hold(message)
        elif found["end"] is None:
            self.settle(name)
        elif found["end"] == "labelled" or found["late"]:
            self.count("label duplicate")
        else:
            found["late"] = True
            self.count("label late")

    def hold(self, message: Label) -> None:
        for held in self.held:
            if held.event_id == message.event_id:
                if held.target == message.target:
                    self.count("label duplicate")
                    return
                self.held.remove(held)
                self.count("label superseded")
                break
        self.held.append(message)

    def settle(self, name: str) -> None:
        self.requests[name]["end"] = "labelled"
        self.count("label learned")

    def pass_time(self, time_ms: int) -> None:
        verdict = self.clock.observe(time_ms)
        now = self.clock.now_ms
        assert now is not None
        horizon = self.policy.horizon_ms
        if horizon is None:
            return
        for row in self.requests.values():
            if verdict is TimeVerdict.REBASED and "deadline" in row:
                row["deadline"] = now + horizon
            if "deadline" not in row:
                believed = self.clock.believes(row["time"])
                if believed or (verdict is not TimeVerdict.SUSPECT and not self.clock.suspects):
                    start = row["time"] if believed else now
                    row["deadline"] = max(start + horizon, now)
        for row in self.requests.values():
            if row["end"] is None and row.get("deadline", now) < now:
                row["end"] = self.policy.kind.value
                self.count(f"request {'expired' if row['end'] == 'wait' else 'negative_by_policy'}")
        for held in list(self.held):
            if held.time_ms is None or held.time_ms + horizon >= now:
                break
            self.held.remove(held)
            self.count("label unmatched")


@pytest.mark.parametrize("policy", ["wait", "wait(2d)", "negative_after(1d)"])
@given(seed=st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_every_end_is_the_one_a_scanning_join_finds(policy: str, seed: int) -> None:
    rules = LabelRules(parse_policy(policy), delayed=True)
    real, naive = Engine(Plan(schema=WORLD, labels=rules, baseline=False, detectors=())), ScanningJoin(policy)
    for message in world(seed, 120):
        real.process([message])
        naive.take(message)
        join = real.scorer.join
        ledger = join.ledger
        ours = {
            "label learned": ledger.learned,
            "label superseded": ledger.superseded,
            "label duplicate": ledger.label_duplicates,
            "label late": ledger.late,
            "label unmatched": ledger.unmatched,
            "label dead": ledger.labels_dead,
            "request expired": ledger.expired,
            "request negative_by_policy": ledger.negative_by_policy,
            "request dead": ledger.requests_dead,
            "request duplicate": ledger.duplicates,
        }
        assert {name: count for name, count in ours.items() if count} == naive.counts
        assert join.held_count == len(naive.held)

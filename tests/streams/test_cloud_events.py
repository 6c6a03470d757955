"""Headers of outputs: what a record says of itself, what a request hands on, and that a replay says the same."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import SnapshotError
from engine.messages import Verb
from streams.audit import Auditor
from streams.cloud_events import CloudEvents, rfc3339, trace_of
from streams.commands import CommandRecord, encode
from streams.dead_letters import letter_at, original
from streams.ground import Ground, checkpoints_of, start_at
from streams.journal import decode
from streams.log_port import Entry, Headers, LogRecord
from streams.outputs import Outputs, OutputTopics
from streams.pipeline import resolved_pipeline
from tests.workers import START_MS, Life, settings_of

KAFKA = {"kafka": {"address": "nowhere:9092", "name": "payments"}}
PARENT = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
STATE = ("tracestate", b"congo=t61rcWkgMzE")


def life_of(**changes: dict[str, Any]) -> Life:
    """Return a worker's life whose outputs have headers: as on Kafka, but in memory."""
    return Life(settings=settings_of(**{**KAFKA, **changes}))


def ask(life: Life, event_id: str, *headers: tuple[str, bytes], key: bytes | None = None, **more: object) -> None:
    values = {"id": event_id, "ts": START_MS, "a": 1.0, "b": 2, **more}
    life.log.append("requests", 0, [Entry(key, json.dumps(values).encode(), headers)])


def read(life: Life, topic: str) -> list[LogRecord]:
    return list(life.log.read(topic, 0, 0).records)


def headers_on(life: Life, topic: str) -> list[dict[str, str]]:
    found = [record.headers for record in read(life, topic)]
    assert all(len(dict(headers)) == len(headers) for headers in found), "a name comes once"
    return [{name: value.decode() for name, value in headers} for headers in found]


def findings(life: Life) -> list[str]:
    """Return what an audit finds; these lives keep the copy of the audit trail in no file."""
    pipeline = resolved_pipeline(life.settings, start_at(life.log, 0)["resolved"])
    kept = checkpoints_of(life.settings, pipeline, None)
    found = Auditor(Ground(life.settings, life.log, pipeline, kept)).run().findings
    return [each for each in found if "audit.jsonl" not in each]


def test_a_prediction_says_what_it_is_who_gave_it_and_what_it_is_about() -> None:
    life = life_of()
    ask(life, "e0")
    life.run()
    assert headers_on(life, "predictions") == [
        {
            "content-type": "application/json",
            "ce_specversion": "1.0",
            "ce_id": "1-0",
            "ce_source": "/sidestream/payments",
            "ce_type": "sidestream.prediction",
            "ce_time": "2023-11-14T22:13:20.000Z",
            "ce_commit": "1",
            "ce_model": "linear",
            "ce_modelversion": "0",
            "ce_origin": "requests/0/0",
        }
    ]


def test_every_output_is_an_event_with_an_id_of_its_own() -> None:
    life = life_of(detectors={"specs": ["river.drift.binary.DDM(warm_start=5)"]})
    life.arrive(40)
    life.append("requests", b"{")
    life.append("labels", b"{")
    life.log.append("commands", 0, [Entry(None, encode(CommandRecord(Verb.BENCH, "linear", "me", START_MS, "")))])
    life.run()
    found = [each for topic in OUTPUTS for each in headers_on(life, topic)]
    assert max(Counter(each["ce_id"] for each in found).values()) == 1
    assert {each["ce_specversion"] + each["content-type"] for each in found} == {"1.0application/json"}
    for topic, kinds in OUTPUTS.items():
        assert {each["ce_type"].removeprefix("sidestream.") for each in headers_on(life, topic)} >= kinds
    commits = [decode(record.data, record.sequence) for record in life.log.journal(0)]
    assert {int(each["ce_commit"]) for each in found} <= set(range(len(commits)))
    assert findings(life) == []


OUTPUTS = {
    "predictions": {"prediction"},
    "shadow": {"shadow_prediction"},
    "ends": {"label_end"},
    "alarms": {"promoted", "command", "benched"},
    "dead_letters": {"dead_letter"},
    "audit": {"audit"},
}


@pytest.mark.parametrize("slice_count", [1, 4, 100])
def test_the_trace_of_a_request_reaches_its_answers_and_its_dead_letter_unchanged(slice_count: int) -> None:
    life = life_of(run={"slice": slice_count})
    ask(life, "plain")
    ask(life, "traced", PARENT, ("other", b"1"), STATE)
    ask(life, "broken", ("traceparent", b"00-zz"), STATE)
    ask(life, "dead", PARENT, a="no number")
    life.run()
    for topic in ("predictions", "shadow"):
        found = headers_on(life, topic)
        if topic == "shadow":
            assert [each["ce_model"] for each in found[:2]] == ["bayes", "no_change"]
            found = found[::2]
        plain, traced, broken = found
        assert (traced["traceparent"], traced["tracestate"]) == (PARENT[1].decode(), STATE[1].decode())
        assert traced["ce_origin"] == "requests/0/1"
        assert "ce_time" in traced
        assert not {"traceparent", "tracestate", "other"} & (plain.keys() | broken.keys())
    (letter,) = headers_on(life, "dead_letters")
    assert (letter["traceparent"], letter["ce_origin"]) == (PARENT[1].decode(), "requests/0/3")


def test_what_a_request_handed_on_is_part_of_the_state_a_checkpoint_keeps() -> None:
    events = CloudEvents("/s", "application/json")
    for index in range(5):
        events.remember(index, (("ce_origin", b"%d" % index),))
    assert events.about(1) == (("ce_origin", b"1"),)
    again = CloudEvents("/s", "application/json")
    again.restore(json.loads(json.dumps(events.snapshot(), default=bytes.decode), object_hook=None))
    assert [index for index, _ in again.snapshot()] == [1, 2, 3, 4]
    events.forget(2)
    assert events.about(2) == ()
    assert events.about(3) == events.about(3) == (("ce_origin", b"3"),)


def test_a_worker_that_goes_on_from_a_checkpoint_with_a_lag_makes_the_same_headers() -> None:
    """Its challengers had steps before them when the state was kept: their answers come in the next life."""
    life = life_of(run={"checkpoint_every": 1, "slice": 1})
    for number in range(6):
        ask(life, f"e{number}", PARENT)
    turns = iter(range(1_000))
    life.between = lambda: next(turns) >= 3
    life.tick_s = 0.001
    life.service(once=False).run()
    recovered = life.recovered()
    assert recovered.replayed == 0
    life.between = lambda: False
    life.run()
    shadows = headers_on(life, "shadow")
    assert [each["ce_origin"] for each in shadows[::2]] == [f"requests/0/{number}" for number in range(6)]
    assert all("traceparent" in each for each in shadows)
    assert findings(life) == []


def test_an_altered_header_is_found_and_a_missing_one_too() -> None:
    life = life_of()
    life.arrive(12)
    life.run()
    record = read(life, "predictions")[5]
    altered = tuple((name, b"another" if name == "ce_model" else value) for name, value in record.headers)
    for headers in (altered, record.headers[:-1], (*record.headers, ("more", b"")), tuple(reversed(record.headers))):
        life.log.relabel("predictions", 0, 5, headers)
        assert [each for each in findings(life) if "predictions/0 does not hold, at 5," in each]
    life.log.relabel("predictions", 0, 5, record.headers)
    assert findings(life) == []


def test_the_digest_covers_headers_and_is_what_it_was_without() -> None:
    """Two spellings of one request: other headers in the input are other headers on the output, and another digest."""
    digests = []
    for header in (PARENT, ("traceparent", PARENT[1][:-1] + b"0")):
        life = life_of()
        ask(life, "e0", header)
        life.run()
        digests.append(decode(next(iter(life.log.journal(1))).data, 1).outputs_sha256)
    assert len(set(digests)) == 2
    plain = Outputs(OutputTopics(*"abcdef"), None)  # type: ignore[arg-type]
    plain.add_audit(b"line", ())
    assert plain.finish()[1] == "be2ea12535628cdc8032c515b98688b64f0ad7a76b120b2d4feb9d093dad8f46"


def test_a_model_has_one_version_for_each_state() -> None:
    life = life_of()
    life.arrive(90)
    life.run()
    found = headers_on(life, "predictions")
    assert [each["ce_modelversion"] for each in found[:3]] == ["0", "0", "0"], "labels come an hour later"
    versions = [int(each["ce_modelversion"]) for each in found]
    assert versions == sorted(versions)
    assert len(set(versions)) > 3
    engine = life.recovered().replica.engine
    assert engine.learner.contenders[0].version >= versions[-1] > 0


def test_an_event_that_came_twice_is_answered_as_the_first_time_with_its_own_origin_and_no_version() -> None:
    life = life_of()
    ask(life, "e0", PARENT)
    ask(life, "e0", a=9.0)
    life.run()
    first, again = headers_on(life, "predictions")
    assert again["ce_origin"] == "requests/0/1"
    assert again["ce_model"] == first["ce_model"]
    assert not {"ce_modelversion", "traceparent"} & again.keys()
    assert [each["ce_origin"] for each in headers_on(life, "shadow")] == ["requests/0/0"] * 2


def test_an_answer_has_the_key_of_its_request_or_else_the_name_of_its_event() -> None:
    life = Life()
    ask(life, "e0", key=b"\xffcard")
    ask(life, "e1", key=b"")
    ask(life, "e2")
    life.run()
    assert [record.key for record in read(life, "predictions")] == [b"\xffcard", b"", b"e2"]


def test_a_log_that_was_begun_before_keys_and_headers_is_continued_as_it_was() -> None:
    life = Life()
    ask(life, "e0", key=b"card")
    life.run()
    start = start_at(life.log, 0)
    old = {name: value for name, value in start["resolved"].items() if name not in {"event_source", "keeps_keys"}}
    pipeline = resolved_pipeline(life.settings, resealed({**old, "format": 2}))
    assert (pipeline.event_source, pipeline.keeps_keys) == (None, False)
    again = resolved_pipeline(life.settings, pipeline.resolved())
    assert (again.event_source, again.keeps_keys) == (None, False)


def resealed(resolved: dict[str, Any]) -> dict[str, Any]:
    from hashlib import sha256

    data = {name: value for name, value in resolved.items() if name != "sha256"}
    return {**data, "sha256": sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()}


def test_headers_begin_and_end_with_a_log() -> None:
    off = {"kafka": {**KAFKA["kafka"], "cloud_events": False}}
    life = life_of(**off)
    ask(life, "e0", PARENT)
    life.run()
    assert [record.headers for topic in OUTPUTS for record in read(life, topic)] == [()] * 4
    life.settings = settings_of(**KAFKA)
    with pytest.raises(SnapshotError, match=r"begun with \[kafka\] cloud_events = false; set it so again"):
        life.run()
    life.settings = settings_of(**off)
    life.run()


def test_a_dead_letter_goes_back_with_all_headers_or_where_they_are_gone_with_its_trace() -> None:
    life = life_of()
    ask(life, "dead", PARENT, ("other", b"1"), key=b"k", a="no number")
    life.run()
    assert original(life.log, letter_at(life.log, "dead_letters", 0)).entry.headers == (PARENT, ("other", b"1"))
    life.log.trim("requests", 0, 1)
    assert original(life.log, letter_at(life.log, "dead_letters", 0)).entry.headers == (PARENT,)


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        ((PARENT,), (PARENT,)),
        ((STATE, PARENT, STATE), (PARENT, STATE, STATE)),
        ((PARENT, PARENT), ()),
        ((STATE,), ()),
        ((PARENT, ("tracestate", b"x" * 513)), (PARENT,)),
        ((("traceparent", PARENT[1] + b"\n"),), ()),
        ((("traceparent", PARENT[1].upper()),), ()),
        ((("traceparent", b"ff" + PARENT[1][2:]),), ()),
        ((("traceparent", PARENT[1] + b"-more"),), ()),
        ((("traceparent", b"01" + PARENT[1][2:] + b"-more"),), (("traceparent", b"01" + PARENT[1][2:] + b"-more"),)),
        ((("traceparent", b"00-" + b"0" * 32 + PARENT[1][35:]),), ()),
        ((("traceparent", PARENT[1][:36] + b"0" * 16 + b"-01"),), ()),
    ],
)
def test_a_trace_is_kept_whole_or_not_at_all(headers: Headers, kept: Headers) -> None:
    assert trace_of(headers) == kept


@given(st.integers(-(10**16), 10**16))
def test_an_event_time_is_written_as_it_is_read_or_left_out(time_ms: int) -> None:
    written = rfc3339(time_ms)
    if written is None:
        assert not -62_135_596_800_000 <= time_ms < 253_402_300_800_000
    else:
        read_back = datetime.fromisoformat(written.decode()) - datetime(1970, 1, 1, tzinfo=UTC)
        assert read_back.days * 86_400_000 + read_back.seconds * 1_000 + read_back.microseconds // 1_000 == time_ms


def test_an_audit_without_headers_where_there_should_be_some_says_so() -> None:
    life = life_of()
    ask(life, "e0")
    life.run()
    life.log.relabel("predictions", 0, 0, ())
    assert any("predictions/0 does not hold, at 0," in each for each in findings(life))

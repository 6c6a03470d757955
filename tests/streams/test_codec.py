"""Records become messages, outcomes become lines."""

from __future__ import annotations

import json
from base64 import b64decode
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, MessageError
from engine.messages import DeadLetter, Label, LabelEnd, Prediction, Refused, Request, RequestEnd, ShadowPrediction
from engine.targets import Targets, Task
from streams.codec import Columns, RecordCodec, dead_letter_line, spell_id
from streams.ports import RAW_BYTES_MAX, Cut, Record

BINARY = Targets(Task.BINARY, classes=["no", "yes"], positive="yes")
COLUMNS = Columns(target="y", id="id", time="t", label_time="lt", key="card", dropped=("secret",))
VALUES = {"id": "7", "t": "1700000000000", "lt": "1700000001000", "card": 12, "secret": "s", "x": "0.5", "y": "yes"}


def record(values: dict[str, object] | None = None, *, raw: bytes = b"raw\n", cut: Cut | None = None) -> Record:
    return Record("a.csv", 3, raw, VALUES if values is None else values, None, cut)


def decode(columns: Columns, **changed: object) -> tuple[Request | Refused, Label | Refused | None]:
    return RecordCodec(columns, BINARY).decode(record({**VALUES, **changed}), 5)


def test_a_record_becomes_a_request_without_its_truth_and_a_label_with_its_time() -> None:
    request, label = decode(COLUMNS)
    features = {"t": "1700000000000", "card": 12, "x": "0.5"}
    assert request == Request("7", features, 1_700_000_000_000, "12")
    assert label == Label("7", "yes", 1_700_000_001_000)
    assert VALUES["y"] == "yes"


def test_without_an_id_column_the_number_of_the_request_is_its_id() -> None:
    request, label = decode(Columns(target="y"))
    assert isinstance(request, Request)
    assert (request.event_id, request.time_ms, request.key) == (5, None, None)
    assert label == Label(5, "yes", None)


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_target_or_label_time_gives_no_label(blank: object) -> None:
    for column in ("y", "lt"):
        request, label = decode(COLUMNS, **{column: blank})
        assert isinstance(request, Request)
        assert label is None


def test_labels_from_elsewhere_leave_the_target_out_of_the_features_all_the_same() -> None:
    request, label = decode(Columns(target="y", labels_in_record=False))
    assert isinstance(request, Request)
    assert "y" not in request.features
    assert label is None


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("id", "", "missing_id"),
        ("id", None, "missing_id"),
        ("id", [1], "bad_id"),
        ("id", "x" * 513, "bad_id"),
        ("id", float("nan"), "bad_id"),
        ("t", "", "missing_time"),
        ("t", "yesterday", "bad_time"),
        ("card", {"a": 1}, "bad_id"),
    ],
)
def test_a_record_without_a_usable_id_or_time_is_refused_whole(column: str, value: object, reason: str) -> None:
    request, label = decode(COLUMNS, **{column: value})
    assert isinstance(request, Refused)
    assert (request.kind, request.stage, request.reason) == ("request", "decode", reason)
    assert label is None


def test_a_bad_label_time_costs_the_label_and_not_the_request() -> None:
    request, label = decode(COLUMNS, lt="soon")
    assert isinstance(request, Request)
    assert isinstance(label, Refused)
    assert (label.kind, label.stage, label.reason) == ("label", "decode", "bad_label_time")
    assert "'lt'" in label.detail


def test_what_a_source_refused_stays_refused_for_its_reason() -> None:
    refusal = MessageError("bad_utf8", "no text", stage="read")
    refused = Record("a.csv", 1, b"\xff", None, refusal)
    assert RecordCodec(COLUMNS, BINARY).decode(refused, 0) == (Refused("request", "read", "bad_utf8", "no text"), None)


@given(st.integers(-(2**53), 2**53))
def test_a_whole_number_is_one_id_however_it_is_written(number: int) -> None:
    assert spell_id(number, "id") == spell_id(float(number), "id") == spell_id(f" {number} ", "id") == str(number)


def test_columns_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ConfigError, match="'y' is the target and cannot also be"):
        Columns(target="y", id="y")
    with pytest.raises(ConfigError, match="needs a target"):
        Columns(label_time="lt")


def test_a_binary_answer_says_the_class_and_the_probability_of_the_positive_one() -> None:
    codec = RecordCodec(COLUMNS, BINARY)
    line = codec.prediction_line(Prediction(9, 4, "7", 1_000, "logistic", (True, 0.75)))
    expected = b'{"index":4,"id":"7","event_time_ms":1000,"model":"logistic","prediction":"yes","probability":0.75}\n'
    assert line == expected
    again = codec.prediction_line(Prediction(9, 4, 7, None, "m", (None, 0.5), 2))
    assert again == (
        b'{"index":4,"id":7,"event_time_ms":null,"model":"m","prediction":null,"probability":0.5,"duplicate_of":2}\n'
    )


def test_an_answer_of_the_ladders_says_its_rung() -> None:
    codec = RecordCodec(COLUMNS, BINARY)
    line = codec.prediction_line(Prediction(9, 4, 7, None, "understudy", (False, 0.5), 2, "understudy"))
    assert line == (
        b'{"index":4,"id":7,"event_time_ms":null,"model":"understudy","prediction":"no","probability":0.5,'
        b'"rung":"understudy","duplicate_of":2}\n'
    )


def test_a_multiclass_answer_says_the_probability_of_each_class() -> None:
    codec = RecordCodec(COLUMNS, Targets(Task.MULTICLASS, classes=[1, True, "b"]))
    line = codec.shadow_line(ShadowPrediction(4, "7", "tree", ("b", {2: 0.25, True: 0.0, "b": 0.75})))
    expected = b'{"2":0.25,"true":0.0,"b":0.75}'
    assert line == b'{"index":4,"id":"7","model":"tree","prediction":"b","probabilities":' + expected + b"}\n"


def test_a_regression_answer_is_its_value() -> None:
    codec = RecordCodec(COLUMNS, Targets(Task.REGRESSION))
    line = codec.shadow_line(ShadowPrediction(4, "7", "m", (1.5, 1.5)))
    assert line == b'{"index":4,"id":"7","model":"m","prediction":1.5}\n'


def test_the_ends_of_labels_and_requests_name_the_class_of_the_data() -> None:
    codec = RecordCodec(COLUMNS, BINARY)
    assert codec.label_line(LabelEnd(8, "7", False, 5, "learned", 4)) == (
        b'{"position":8,"id":"7","index":4,"target":"no","label_time_ms":5,"end":"learned"}\n'
    )
    line = codec.request_end_line(RequestEnd(8, 4, "7", "expired"))
    assert line == b'{"position":8,"index":4,"id":"7","end":"expired"}\n'


LETTER = DeadLetter(8, None, "request", "read", "bad_utf8", "no text")


def test_a_dead_letter_keeps_its_keys_in_order_and_its_bytes_as_text() -> None:
    line = dead_letter_line(LETTER, record(raw=b"caf\xc3\xa9\n"))
    digest = sha256(b"caf\xc3\xa9\n").hexdigest()
    assert line.decode() == (
        '{"position":8,"index":null,"kind":"request","source":"a.csv","row":3,"stage":"read","reason":"bad_utf8",'
        f'"detail":"no text","text":"café\\n","length":6,"sha256":"{digest}","truncated":false}}\n'
    )


def test_a_dead_letter_without_its_record_still_says_why() -> None:
    said = json.loads(dead_letter_line(LETTER, None))
    assert said["reason"] == "bad_utf8"
    assert said["source"] is None
    assert "length" not in said


@given(st.binary(max_size=40))
def test_the_bytes_of_a_dead_letter_can_be_had_back_exactly(raw: bytes) -> None:
    said = json.loads(dead_letter_line(LETTER, record(raw=raw)))
    back = said["text"].encode() if "text" in said else b64decode(said["base64"])
    assert back == raw
    assert said["length"] == len(raw)


@pytest.mark.parametrize("character", ["x", "é", "€", "😀", "\xff"])
def test_a_large_dead_letter_shows_its_first_64_kib_and_says_what_the_whole_was(character: str) -> None:
    raw = b"a" + character.encode("latin-1" if character == "\xff" else "utf-8") * RAW_BYTES_MAX
    said = json.loads(dead_letter_line(LETTER, record(raw=raw)))
    shown = said["text"].encode() if "text" in said else b64decode(said["base64"])
    assert raw.startswith(shown)
    assert RAW_BYTES_MAX - 3 <= len(shown) <= RAW_BYTES_MAX
    assert ("text" in said) == (character != "\xff")
    assert (said["length"], said["sha256"], said["truncated"]) == (len(raw), sha256(raw).hexdigest(), True)


def test_a_record_that_was_cut_at_the_source_keeps_the_length_and_digest_of_the_whole() -> None:
    said = json.loads(dead_letter_line(LETTER, record(raw=b"begin", cut=Cut(10**10, "ab" * 32))))
    assert (said["text"], said["length"], said["sha256"], said["truncated"]) == ("begin", 10**10, "ab" * 32, True)


def test_a_path_that_is_no_text_can_be_written() -> None:
    odd = Record("a\udcff.csv", 1, b"", {}, None)
    assert json.loads(dead_letter_line(LETTER, odd))["source"] == "a\\udcff.csv"

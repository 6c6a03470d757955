"""Command records: one spelling, and nothing but a command is taken for one."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError, MessageError
from streams.commands import (
    AT_MS_BELOW,
    BY_CHARS_MAX,
    COMMAND_BYTES_MAX,
    CONTENDER_CHARS_MAX,
    REASON_CHARS_MAX,
    START,
    CommandRecord,
    Verb,
    decode,
    encode,
)

PROMOTE = {"verb": "promote", "contender": "tree", "by": "ann@desk", "at_ms": 1_700_000_000_000, "reason": "better"}

printable = st.characters().filter(str.isprintable)


def records() -> st.SearchStrategy[CommandRecord]:
    def fields(verb: Verb | str, contender: st.SearchStrategy[str | None]) -> st.SearchStrategy[CommandRecord]:
        return st.builds(
            CommandRecord,
            st.just(verb),
            contender,
            st.text(printable, min_size=1, max_size=BY_CHARS_MAX),
            st.integers(0, AT_MS_BELOW - 1),
            st.text(printable, max_size=REASON_CHARS_MAX),
        )

    named = st.text(printable, min_size=1, max_size=CONTENDER_CHARS_MAX)
    return st.one_of(
        *(fields(verb, named) for verb in Verb if verb is not Verb.ROLLBACK),
        *(fields(verb, st.none()) for verb in (Verb.ROLLBACK, START)),
    )


@given(records())
def test_what_is_written_is_read_back_and_start_only_from_a_journal(record: CommandRecord) -> None:
    data = encode(record)
    assert b"\n" not in data
    assert len(data) <= COMMAND_BYTES_MAX
    assert decode(data, journalled=True) == record
    if record.verb == START:
        with pytest.raises(MessageError, match="said by workers alone") as refused:
            decode(data)
        assert (refused.value.reason, refused.value.stage) == ("bad_command", "decode")
    else:
        assert decode(data) == record


def test_a_command_may_be_written_by_hand_in_any_order_and_has_one_spelling() -> None:
    by_hand = json.dumps(dict(reversed(PROMOTE.items())), indent=2).encode()
    assert encode(decode(by_hand)) == json.dumps(PROMOTE, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"verb": "promot"}, "got 'promot'; did you mean 'promote'?"),
        (
            {"verb": "retire"},
            "verb must be one of promote, rollback, bench, restore, hold, allow, shed, resume, got 'retire'",
        ),
        ({"verb": 1}, "verb must be one of promote, rollback, bench, restore, hold, allow, shed, resume, got 1"),
        ({"verb": ["promote"]}, "got a list"),
        ({"verb": "rollback"}, "rollback takes no contender, got 'tree'"),
        ({"contender": None}, "contender must be text of 1 to 64 characters, got None"),
        ({"contender": ""}, "contender must be text of 1 to 64 characters, got ''"),
        ({"contender": "x" * 65}, "contender must be text of 1 to 64 characters"),
        ({"contender": "a\x1b[2J"}, "contender must be printable text on one line, got '\\x1b' as character 2"),
        ({"by": ""}, "by must be text of 1 to 200 characters"),
        ({"by": "x" * 201}, "by must be text of 1 to 200 characters"),
        ({"by": 7}, "by must be text of 1 to 200 characters, got 7"),
        ({"at_ms": -1}, "at_ms must be unix milliseconds before the year 10000, got -1"),
        ({"at_ms": AT_MS_BELOW}, "at_ms must be unix milliseconds"),
        ({"at_ms": True}, "at_ms must be unix milliseconds"),
        ({"at_ms": 1.0}, "at_ms must be unix milliseconds"),
        ({"at_ms": "2024-01-01"}, "at_ms must be unix milliseconds"),
        ({"reason": None}, "reason must be text of 0 to 1000 characters, got None"),
        ({"reason": "x" * 1_001}, "reason must be text of 0 to 1000 characters"),
        ({"reason": "a\nb"}, "reason must be printable text on one line, got '\\n' as character 2"),
        ({"reason": "\u202e"}, "reason must be printable text on one line"),
        ({"also": 1}, "a command is an object of verb, contender, by, at_ms, reason, got also, at_ms"),
    ],
)
def test_what_is_no_command_is_refused_and_says_why(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(MessageError) as refused:
        decode(json.dumps({**PROMOTE, **changed}).encode())
    assert (refused.value.reason, refused.value.stage) == ("bad_command", "decode")
    assert says in refused.value.detail


@pytest.mark.parametrize("name", list(PROMOTE))
def test_no_field_may_be_left_out(name: str) -> None:
    with pytest.raises(MessageError, match="a command is an object of"):
        decode(json.dumps({key: value for key, value in PROMOTE.items() if key != name}).encode())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_record"),
        (b"promote tree", "malformed_json"),
        (b"[]", "not_an_object"),
        (b"{}", "bad_command"),
        (b"\xff", "bad_utf8"),
        (encode(decode(json.dumps(PROMOTE).encode()))[:-1], "malformed_json"),
        (b'{"verb":"promote","verb":"bench"}', "duplicate_key"),
        (b"[" * 60_000, "too_deep"),
        (b" " * (COMMAND_BYTES_MAX + 1), "bad_command"),
    ],
)
def test_bytes_that_hold_no_command_are_refused_by_the_reason(data: bytes, reason: str) -> None:
    with pytest.raises(MessageError) as refused:
        decode(data)
    assert refused.value.reason == reason


@given(
    st.binary(max_size=200) | st.dictionaries(st.sampled_from(list(PROMOTE)), st.from_type(int) | st.text() | st.none())
)
def test_nothing_but_a_refusal_comes_of_anything_else(found: bytes | dict[str, object]) -> None:
    data = found if isinstance(found, bytes) else json.dumps(found).encode()
    with suppress(MessageError):
        assert decode(encode(decode(data))) == decode(data)


def test_who_asks_from_python_is_told_as_an_operator() -> None:
    with pytest.raises(ConfigError, match="contender must be text of 1 to 64"):
        CommandRecord(Verb.BENCH, None, "ann", 0, "")

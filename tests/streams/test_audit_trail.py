"""The audit trail: every way to tamper with a small one is tried, and none goes unseen."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.audit_trail import (
    DONE,
    NOTHING_BEFORE,
    STARTED,
    AuditEntry,
    AuditError,
    Chain,
    Where,
    line,
    read_line,
    refused,
    verify,
)
from streams.commands import START, CommandRecord, Verb
from tests.trails import WHOLE, trail


def test_a_trail_that_was_written_is_whole() -> None:
    lines, chain = trail()
    assert verify(lines) == chain == Chain(4, read_line(lines[-1]).hash)
    assert verify([]) == Chain(0, NOTHING_BEFORE)
    entries = list(map(read_line, lines))
    assert [entry.number for entry in entries] == [0, 1, 2, 3]
    assert [entry.effect for entry in entries] == ["started", "done", "refused: 'tree' is benched", "done"]
    assert [entry.is_refused for entry in entries] == [False, False, True, False]
    assert entries[0].previous == "0" * 64
    assert entries[1].at == "2023-11-14T22:13:20.123Z"


def test_the_hash_is_over_the_hash_before_and_the_line_without_the_two() -> None:
    lines, _ = trail()
    first, second = lines[:2]
    body, tail = second[: second.index(b',"previous"')] + b"}", json.loads(second)
    assert tail["previous"] == json.loads(first)["hash"]
    assert tail["hash"] == sha256(tail["previous"].encode() + body).hexdigest()


def test_every_flip_of_a_bit_is_refused_and_its_line_named() -> None:
    lines, _ = trail()
    for number, whole in enumerate(lines):
        for at in range(len(whole)):
            for bit in range(8):
                flipped = bytearray(whole)
                flipped[at] ^= 1 << bit
                with pytest.raises(AuditError):
                    read_line(bytes(flipped))
        with pytest.raises(AuditError, match=f"line {number + 1} of the audit trail cannot be trusted"):
            verify([*lines[:number], bytes(flipped), *lines[number + 1 :]])


def test_every_cut_of_a_line_and_every_byte_put_in_is_refused() -> None:
    lines, _ = trail()
    for whole in lines:
        for at in range(len(whole)):
            for changed in (whole[:at], whole[at + 1 :], whole[:at] + whole[at + 1 :]):
                with pytest.raises(AuditError):
                    read_line(changed)
            for inserted in (b" ", b"\n", b"0", b",", b"\0", whole[at : at + 1]):
                with pytest.raises(AuditError):
                    read_line(whole[:at] + inserted + whole[at:])


def test_every_other_order_and_every_line_taken_out_or_put_in_is_refused() -> None:
    lines, chain = trail()
    for order in permutations(lines):
        if list(order) != lines:
            with pytest.raises(AuditError):
                verify(order)
    for at in range(len(lines)):
        for repeated in lines:
            with pytest.raises(AuditError, match=r"reordered or repeated|is missing"):
                verify([*lines[:at], repeated, *lines[at:]])
    for at in range(len(lines) - 1):
        with pytest.raises(AuditError, match=f"line {at + 1} .*entry {at} is missing"):
            verify(lines[:at] + lines[at + 1 :])
    for at in range(len(lines)):
        assert verify(lines[:at]) != chain


def test_an_entry_that_was_replaced_by_one_with_a_right_hash_is_refused_at_the_next() -> None:
    lines, _ = trail()
    chain = verify(lines[:1])
    _, forged = chain.append(CommandRecord(Verb.ROLLBACK, None, "eve", 0, ""), DONE, Where(9, 9, 9))
    assert verify([lines[0], line(forged)]).number == 2
    with pytest.raises(AuditError, match=r"line 3 .*one of the two was replaced"):
        verify([lines[0], line(forged), *lines[2:]])


@pytest.mark.parametrize(
    "change",
    [
        {"number": -1},
        {"number": True},
        {"sequence": 1.0},
        {"position": "1"},
        {"offset": -1},
        {"verb": None},
        {"contender": 1},
        {"by": 1},
        {"at": 1},
        {"effect": None},
        {"detail": []},
        {"previous": "0"},
        {"hash": None},
    ],
)
def test_types_that_no_entry_has_are_refused_whatever_hash_they_carry(change: dict[str, object]) -> None:
    lines, _ = trail()
    body = {**json.loads(lines[1]), **change}
    draft = {name: value for name, value in body.items() if name not in {"previous", "hash"}}
    spelled = json.dumps(draft, ensure_ascii=False, separators=(",", ":")).encode()
    body = {**body, "hash": sha256(str(body["previous"]).encode() + spelled).hexdigest(), **change}
    with pytest.raises(AuditError, match=r"must be|hash"):
        read_line(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"{}", b"[" * 100_000, b'"\\ud800"', b"9" * 5_000, b"\xff"])
def test_what_is_no_entry_is_refused(data: bytes) -> None:
    with pytest.raises(AuditError):
        read_line(data)


def test_half_a_character_in_the_detail_is_refused() -> None:
    lines, _ = trail()
    with pytest.raises(AuditError, match="not spelled as sidestream spells"):
        read_line(lines[1].replace(b'"detail":{}', b'"detail":{"a":"\\ud800"}'))


printable = st.text(st.characters().filter(str.isprintable), min_size=1, max_size=30)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | printable,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(printable, inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.tuples(printable, printable, printable, st.dictionaries(printable, plain, max_size=3)), max_size=5))
def test_whatever_is_written_is_read_back(acts: list[tuple[str, str, str, dict[str, object]]]) -> None:
    chain, entries = Chain(), []
    for by, why, name, detail in acts:
        command = CommandRecord(Verb.BENCH, name, by, 0, why)
        chain, entry = chain.append(command, refused(why), Where(1, 2, 3), detail)
        entries.append(entry)
    lines = list(map(line, entries))
    assert list(map(read_line, lines)) == entries
    assert verify(lines) == chain


def test_a_start_has_its_details_and_no_offset() -> None:
    entry = read_line(trail()[0][0])
    expected = replace(WHOLE, hash=entry.hash)
    assert entry == expected
    assert isinstance(entry, AuditEntry)
    assert (entry.verb, entry.offset, entry.effect) == (START, None, STARTED)

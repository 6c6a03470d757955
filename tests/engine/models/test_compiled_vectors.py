"""From features by name to rows of numbers: which column a name has, which number a text, and two ways that agree."""

from __future__ import annotations

from math import isnan
from struct import unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ModelError, SnapshotError
from engine.messages import Features
from engine.models.compiled import vectors as compiled_vectors
from engine.models.compiled.vectors import HEAD_COUNT, UNKNOWN, Vectors

HEAD = (1.0, 2.0, 0.5)


def row(vectors: Vectors, x: Features) -> list[float | None]:
    """Return the row's features, None where one is missing."""
    buffer = bytearray(8 * (vectors.width + HEAD_COUNT) + 16)
    vectors.write(buffer, 8, HEAD, x)
    numbers = unpack(f"{HEAD_COUNT + vectors.width}d", buffer[8:-8])
    assert numbers[:HEAD_COUNT] == HEAD
    assert not any(buffer[:8] + buffer[-8:])
    return [None if isnan(number) else number for number in numbers[HEAD_COUNT:]]


def says_all(vectors: Vectors, x: Features) -> bool:
    return vectors.write(bytearray(vectors.row_bytes), 0, HEAD, x)


def learned(*examples: Features) -> Vectors:
    vectors = Vectors()
    for x in examples:
        vectors.admit(x)
    return vectors


def test_columns_and_texts_are_numbered_as_they_are_learned() -> None:
    vectors = learned({"b": 1.0, "word": "x"}, {"a": 2.0, "word": "y", "b": 0.0})
    assert vectors.names == ["b", "word", "a"]
    assert vectors.is_text == [False, True, False]
    assert vectors.text_counts() == [0, 2, 0]
    assert row(vectors, {"a": 3.0, "word": "y", "b": 4.0}) == [4.0, 1.0, 3.0]


def test_a_name_that_is_a_number_here_and_a_text_there_has_two_columns() -> None:
    vectors = learned({"hour": 12.0}, {"hour": "noon"})
    assert vectors.names == ["hour", "hour"]
    assert row(vectors, {"hour": 3.0}) == [3.0, None]
    assert row(vectors, {"hour": "noon"}) == [None, 0.0]


def test_what_was_never_learned_is_left_out_and_an_unknown_text_says_so() -> None:
    vectors = learned({"a": 1.0, "word": "x"})
    assert row(vectors, {"never": 1.0, "word": "never"}) == [None, UNKNOWN]
    assert not vectors.knows({"word": "never"})
    assert not vectors.knows({"never": 1.0})
    assert vectors.knows({"word": "x"})
    assert vectors.knows({})


def test_a_row_says_that_it_holds_all_only_where_it_does() -> None:
    vectors = learned({"a": 1.0, "b": 1.0, "word": "x"})
    assert says_all(vectors, {"a": 1.0, "b": 2.0, "word": "x"})
    assert not says_all(vectors, {"a": 1.0, "b": 2.0, "word": "new"})
    assert not says_all(vectors, {"a": 1.0, "b": 2.0, "word": "x", "new": 1.0})


NAMES = st.sampled_from(["a", "b", "c", "word", "unit"])
VALUES = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False), st.integers(-9, 9), st.booleans(), st.sampled_from(["x", "y", ""])
)
FEATURES = st.dictionaries(NAMES, VALUES, max_size=5)


@given(st.lists(FEATURES, max_size=4), FEATURES, st.booleans())
def test_the_short_way_writes_the_row_that_the_long_one_does(known: list[Features], x: Features, coded: bool) -> None:
    vectors = Vectors((lambda name, text: len(name + text)) if coded else None)
    for one in known:
        vectors.admit(one)
    expected: list[float | None] = [None] * vectors.width
    for column, (name, is_text) in enumerate(zip(vectors.names, vectors.is_text, strict=True)):
        value = x.get(name)
        if value is not None and is_text is isinstance(value, str):
            texts = dict.fromkeys(one[name] for one in known if isinstance(one.get(name), str))
            number = len(name + str(value)) if coded else list(texts).index(value) if value in texts else UNKNOWN
            expected[column] = float(number) if is_text else float(value)
    assert row(vectors, x) == expected
    if says_all(vectors, x):
        assert vectors.knows(x)


def test_with_a_code_texts_are_not_kept_and_all_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_vectors, "TEXTS_COUNT_MAX", 2)
    monkeypatch.setattr(compiled_vectors, "CODED_COUNT_MAX", 2)
    vectors = Vectors(lambda name, text: len(name) * 100 + len(text))
    vectors.admit({"word": "x", "a": 1.0})
    for text in ("", "xx", "xxx", "xx", "xxxx"):
        vectors.admit({"word": text})
        assert row(vectors, {"word": text, "a": 1.0}) == [400.0 + len(text), 1.0]
    assert vectors.knows({"word": "never"})
    assert vectors.snapshot() == {"columns": [["word", True], ["a", False]], "texts": []}
    assert len(vectors._coded[0]) <= 2


def test_a_bound_that_is_passed_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled_vectors, "COLUMNS_COUNT_MAX", 2)
    monkeypatch.setattr(compiled_vectors, "TEXTS_COUNT_MAX", 1)
    vectors = learned({"word": "x"})
    before = vectors.snapshot()
    with pytest.raises(ModelError, match="more than 2 features"):
        vectors.admit({"word": "x", "a": 1.0, "b": 1.0})
    with pytest.raises(ModelError, match="more than 1 texts of 'word'"):
        vectors.admit({"a": 1.0, "word": "y"})
    assert vectors.snapshot() == before
    assert vectors.width == 1


@given(st.lists(FEATURES, max_size=4), st.lists(FEATURES, max_size=4), FEATURES)
def test_what_is_restored_continues_alike(before: list[Features], after: list[Features], x: Features) -> None:
    original, restored = learned(*before), Vectors()
    restored.restore(original.snapshot())
    for one in after:
        original.admit(one)
        restored.admit(one)
    assert restored.snapshot() == original.snapshot()
    assert row(restored, x) == row(original, x)


@pytest.mark.parametrize("state", [None, {}, {"columns": [["a"]], "texts": []}, {"columns": [], "texts": [[0]]}])
def test_what_is_no_snapshot_is_refused(state: object) -> None:
    vectors = learned({"a": 1.0})
    with pytest.raises(SnapshotError, match="keeps its columns and texts"):
        vectors.restore(state)
    assert vectors.names == ["a"]

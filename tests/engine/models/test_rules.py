"""The rules' grammar and meaning: first match wins, the missing is never true, and a refusal points at its place."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import ConfigError
from engine.models.rules import Rules
from engine.targets import Task

EXAMPLE = (
    "amount > 220 -> 0.9; country in ['A1','T1'] -> 0.7;"
    " text matches 'win.*prize' and not (amount < 5 or vip == 'yes') -> 0.8; otherwise -> 0.01"
)


def holds(condition: str, **x: Any) -> bool:
    return Rules(f"{condition} -> 1", task=Task.BINARY).predict(x) == (True, 1.0)


@pytest.mark.parametrize(
    ("x", "score"),
    [
        ({"amount": 221.0}, 0.9),
        ({"amount": 220.0}, 0.01),
        ({"amount": 221.0, "country": "A1"}, 0.9),
        ({"country": "T1"}, 0.7),
        ({"country": "t1"}, 0.01),
        ({"text": "you win a prize", "amount": 10.0}, 0.8),
        ({"text": "you win a prize", "amount": 1.0}, 0.01),
        ({"text": "you win a prize", "vip": "yes"}, 0.01),
        ({"text": "You Win A Prize"}, 0.01),
        ({}, 0.01),
    ],
)
def test_the_first_rule_that_holds_decides(x: dict[str, Any], score: float) -> None:
    assert Rules(EXAMPLE, task=Task.BINARY).predict(x) == (score > 0.5, score)


@pytest.mark.parametrize("sign", ["<", "<=", ">", ">=", "==", "!="])
@given(value=st.floats(allow_nan=False, allow_infinity=False), bound=st.integers(-1000, 1000))
def test_a_comparison_means_what_python_means_by_it(sign: str, value: float, bound: int) -> None:
    assert holds(f"a {sign} {bound}", a=value) is eval(f"value {sign} bound")  # noqa: S307  (the oracle)


@pytest.mark.parametrize(
    "condition",
    ["a < 1", "a <= 1", "a > 1", "a >= 1", "a == 1", "a != 1", "a in [1]", "a not in [1]", "a matches 'x'",
     "a not matches 'x'", "a is not missing"],
)  # fmt: skip
def test_whatever_is_said_of_a_missing_feature_is_false_and_its_negation_true(condition: str) -> None:
    assert not holds(condition, b=1.0)
    assert holds(f"not ({condition})", b=1.0)
    assert holds("a is missing", b=1.0)


def test_text_and_numbers_are_never_equal_nor_ordered() -> None:
    assert not holds("a == '1'", a=1.0)
    assert holds("a != '1'", a=1.0)
    assert not holds("a in ['1', 2]", a=1.0)
    assert not holds("a > 0", a="1")
    assert not holds("a <= 0", a="1")
    assert not holds("a matches '1'", a=1.0)
    assert not holds("a not matches '2'", a=1.0)


def test_and_binds_tighter_than_or_and_not_tightest() -> None:
    for a, b, c in ((x, y, z) for x in (0, 1) for y in (0, 1) for z in (0, 1)):
        x = {"a": float(a), "b": float(b), "c": float(c)}
        assert holds("a > 0 or b > 0 and c > 0", **x) is bool(a or (b and c))
        assert holds("not a > 0 and b > 0", **x) is bool((not a) and b)
        assert holds("(a > 0 or b > 0) and not (c > 0)", **x) is bool((a or b) and not c)


def test_odd_names_and_odd_text_are_quoted() -> None:
    assert Rules("`the amount` > 1 -> 1", task=Task.BINARY).predict({"the amount": 2.0}) == (True, 1.0)
    assert Rules('"in" > 1 and card.type == 1 -> 1', task=Task.BINARY).predict({"in": 2.0, "card.type": 1})[0]
    assert holds(r"a == 'it\'s'", a="it's")
    assert holds(r"a matches '^\d+\.$'", a="12.")
    assert holds("a matches '(?i)PRIZE'", a="a prize")
    assert holds("größe >= -1.5e3", größe=0.0)


def test_what_no_rule_covers_is_answered_with_nothing() -> None:
    assert Rules("a > 1 -> 1", task=Task.BINARY).predict({}) == (False, 0.0)
    assert Rules("a > 1 -> 'x'", task=Task.MULTICLASS).predict({}) == (None, {})
    assert Rules("a > 1 -> 5;", task=Task.REGRESSION).predict({}) == (0.0, 0.0)


def test_a_value_is_what_the_task_says_it_is() -> None:
    for text, target in (("'x'", "x"), ("'1'", 1), ("2", 2), ("true", True), ("'false'", False)):
        assert Rules(f"otherwise -> {text}", task=Task.MULTICLASS).predict({}) == (target, {target: 1.0})
    assert Rules("otherwise -> -2.5", task=Task.REGRESSION).predict({}) == (-2.5, -2.5)
    assert Rules("otherwise -> 0.5", task=Task.BINARY).predict({}) == (False, 0.5)


@pytest.mark.parametrize(
    ("text", "task", "why", "at"),
    [
        ("", Task.BINARY, "expected a feature's name", 1),
        ("amount >", Task.BINARY, "> compares numbers", 9),
        ("a > 'x' -> 1", Task.BINARY, "> compares numbers", 5),
        ("a ~ 1 -> 1", Task.BINARY, "no word", 3),
        ("a = 1 -> 1", Task.BINARY, "no word", 3),
        ("a -> 1", Task.BINARY, "expected a comparison", 3),
        ("a in 1 -> 1", Task.BINARY, "expected '['", 6),
        ("a in [] -> 1", Task.BINARY, "expected a number", 7),
        ("a in [1 2] -> 1", Task.BINARY, "expected ',' or ']'", 9),
        ("a is 1 -> 1", Task.BINARY, "expected 'missing'", 6),
        ("a matches 1 -> 1", Task.BINARY, "expected a pattern", 11),
        ("a matches '(' -> 1", Task.BINARY, "no regular expression", 11),
        ("a matches 'x{9999999999999}' -> 1", Task.BINARY, "no regular expression", 11),
        (f"a matches '{'x' * 1001}' -> 1", Task.BINARY, "more than 1000 characters", 11),
        ("a == 'open -> 1", Task.BINARY, "no word", 6),
        ("(a > 1 -> 1", Task.BINARY, "expected ')'", 8),
        ("and > 1 -> 1", Task.BINARY, "expected a feature's name", 1),
        ("a > 1 -> 1 b > 1 -> 1", Task.BINARY, "expected ';'", 12),
        ("otherwise -> 1; a > 1 -> 1", Task.BINARY, "otherwise comes last", 17),
        ("a > 1e999 -> 1", Task.BINARY, "too large", 5),
        ("a > 1 -> 1.5", Task.BINARY, "a probability in [0, 1]", 10),
        ("a > 1 -> 'x'", Task.BINARY, "expected a number", 10),
        ("a > 1 -> 0.5", Task.MULTICLASS, "a class is text", 10),
        ("a > 1 -> ' '", Task.MULTICLASS, "a class is text", 10),
        ("a > 1 -> spam", Task.MULTICLASS, "expected a class", 10),
        ("(" * 25, Task.BINARY, "more than 20 deep", 21),
        ("not " * 25, Task.BINARY, "more than 20 deep", 81),
    ],
)
def test_a_refusal_says_why_and_points_at_the_place(text: str, task: Task, why: str, at: int) -> None:
    with pytest.raises(ConfigError) as caught:
        Rules(text, task=task)
    problem, shown, caret = str(caught.value).split("\n")
    assert why in problem
    assert problem.endswith(f"at character {at}")
    assert text[max(0, at - 51) : at - 1] == shown[2 : len(caret) - 1]


def test_rules_are_bounded_and_are_one_text() -> None:
    with pytest.raises(ConfigError, match="at most 10000"):
        Rules("a > 1 -> 1;" * 1000, task=Task.BINARY)
    with pytest.raises(ConfigError, match="one text"):
        Rules(["a > 1 -> 1"], task=Task.BINARY)  # type: ignore[arg-type]


def test_depth_is_counted_by_nesting_and_not_by_length() -> None:
    assert holds(" and ".join(["(a > 1)"] * 200), a=2.0)


words = st.sampled_from(
    ["a", "`b c`", "and", "or", "not", "in", "is", "missing", "matches", "otherwise", "true", "'x'", "'('", "1", "-2.5",
     "->", ";", ",", "(", ")", "[", "]", "<", "<=", "==", "!=", ">", "'", "`", '"', "\\", "\n"]
)  # fmt: skip


@given(st.lists(words, max_size=25).map(" ".join) | st.text(max_size=60), st.sampled_from(Task))
def test_no_text_makes_the_parser_raise_anything_but_a_config_error(text: str, task: Task) -> None:
    try:
        model = Rules(text, task=task)
    except ConfigError:
        return
    model.predict({"a": 1.0, "b c": "x"})


@st.composite
def conditions(draw: st.DrawFn, depth: int = 3) -> tuple[str, str]:
    """Return a condition in our grammar and the same one in Python."""
    kind = draw(st.sampled_from(["compare", "among", "not", "and", "or"] if depth else ["compare", "among"]))
    name = draw(st.sampled_from("abc"))
    if kind == "compare":
        sign, bound = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="])), draw(st.integers(-2, 2))
        return f"{name} {sign} {bound}", f"('{name}' in x and x['{name}'] {sign} {bound})"
    if kind == "among":
        values, sign = draw(st.lists(st.integers(-2, 2), min_size=1)), draw(st.sampled_from(["in", "not in"]))
        return f"{name} {sign} {values}", f"('{name}' in x and x['{name}'] {sign} {values})"
    left, right = draw(conditions(depth=depth - 1)), draw(conditions(depth=depth - 1))
    if kind == "not":
        return f"not ({left[0]})", f"(not {left[1]})"
    return f"({left[0]}) {kind} ({right[0]})", f"({left[1]} {kind} {right[1]})"


@given(conditions(), st.dictionaries(st.sampled_from("abc"), st.integers(-3, 3).map(float)))
def test_any_condition_means_what_the_same_words_mean_in_python(pair: tuple[str, str], x: dict[str, float]) -> None:
    ours, pythons = pair
    assert holds(ours, **x) is eval(pythons, {"x": x})  # noqa: S307  (the oracle)

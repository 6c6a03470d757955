r"""`rules("...")`: what a person knows, as a model: the first condition that holds decides.

Grammar, first match wins:

    rules       = rule { ";" rule } [ ";" ]
    rule        = condition "->" value
                | "otherwise" [ "->" ] value                         comes last
    condition   = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | "(" condition ")" | comparison
    comparison  = name ( "<" | "<=" | ">" | ">=" ) number
                | name ( "==" | "!=" ) literal
                | name [ "not" ] "in" "[" literal { "," literal } "]"
                | name [ "not" ] "matches" text
                | name "is" [ "not" ] "missing"
    literal     = number | text
    text        = 'in single quotes' or "in double quotes"; \' is a quote, every other backslash stays as it is
    name        = bare_word.with_dots | `anything` | "anything"

The parser is written by hand, so that nothing in the text is ever evaluated. It knows features by name only.
"""

from __future__ import annotations

import operator
import re
import warnings
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any, NamedTuple, NoReturn, TypeAlias

from engine.errors import ConfigError, MessageError, SnapshotError
from engine.messages import Answer, Features, Target
from engine.models.answers import certain, untrained
from engine.models.feature_view import Need
from engine.targets import Task, spell_class

TEXT_CHARS_MAX = 10_000
DEPTH_MAX = 20
PATTERN_CHARS_MAX = 1_000

_Condition: TypeAlias = Callable[[Features], bool]

_TOKEN = re.compile(
    r"""(?P<number>-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<text>'(?:[^'\\]|\\.)*')
      | (?P<quoted>`[^`]+`|"[^"]+")
      | (?P<word>[^\W\d]\w*(?:\.\w+)*)
      | (?P<sign>->|<=|>=|==|!=|[<>();,\[\]])""",
    re.VERBOSE | re.DOTALL,
)
_RESERVED = frozenset({"and", "or", "not", "in", "is", "matches", "missing", "otherwise", "true", "false"})
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Rules:
    r"""Conditions and values, in order; learns nothing.

    Parameters
    ----------
    text
        The rules, at most 10,000 characters and 20 levels of parentheses: see this module's grammar.
    task
        Decides what a value is. Binary: the probability of the positive class, in [0, 1]. Multiclass: a class.
        Regression: a number.

    Raises
    ------
    ConfigError
        The text is no rules; the message shows the place.

    Notes
    -----
    - A comparison of a missing feature is false, whatever its sign: `amount < 5`, `amount != 5` and
      `country not in ['A1']` are all false without the feature. `not (amount < 5)` is then true: `not` is plain
      negation, without a third truth value.
    - `<` and its kin are false of text, `matches` is false of a number; `==` and `in` never equate the two.
    - `matches` is Python's `re.search`: it finds the pattern anywhere, and minds case (begin with `(?i)` to not).
      A pattern with nested repeats can take very long on hostile text; write patterns as you would for a firewall.
    - Without `otherwise`, what no rule covers is answered 0.0 (binary: not positive; regression), or nothing at all
      (multiclass: no decision, no probabilities).
    - A binary decision is positive above 0.5, not at it.

    Examples
    --------
    >>> model = Rules(r"amount > 220 -> 0.9; country in ['A1', 'T1'] -> 0.7; otherwise -> 0.01", task=Task.BINARY)
    >>> model.predict({"amount": 300.0}), model.predict({"amount": 5.0, "country": "US"})
    ((True, 0.9), (False, 0.01))
    """

    tasks = frozenset(Task)

    def __init__(self, text: str, *, task: Task) -> None:
        if not isinstance(text, str):
            msg = f"rules takes its rules as one text, got {text!r:.80}"  # type: ignore[unreachable]
            raise ConfigError(msg)
        if len(text) > TEXT_CHARS_MAX:
            msg = f"rules has {len(text)} characters; at most {TEXT_CHARS_MAX} are read"
            raise ConfigError(msg)
        parser = _Parser(text, task)
        self._rules, self._otherwise = parser.rules()
        self.need: Need = "raw" if parser.reads_text else "either"

    def predict(self, x: Features) -> Answer:
        """Return the answer of the first rule that holds."""
        for holds, answer in self._rules:
            if holds(x):
                return answer
        return self._otherwise

    def learn(self, x: Features, target: Target, weight: float) -> None:
        """Do nothing: rules are written, not learned."""

    def snapshot(self) -> object:
        """Return None: the text is the whole model."""
        return None

    def restore(self, state: object) -> None:
        """Accept None."""
        if state is not None:
            msg = f"rules keep no state, got {state!r:.80}"
            raise SnapshotError(msg)


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _Parser:
    """Recursive descent over the tokens; every refusal points at a place in the text."""

    def __init__(self, text: str, task: Task) -> None:
        self._text = text
        self._task = task
        self._tokens = self._split()
        self._next = 0
        self._depth = 0
        self.reads_text = False

    def rules(self) -> tuple[list[tuple[_Condition, Answer]], Answer]:
        found: list[tuple[_Condition, Answer]] = []
        while True:
            if self._take("otherwise"):
                otherwise = self._value(arrow=False)
                self._take(";")
                if self._peek().kind != "end":
                    self._refuse("otherwise comes last; nothing may follow it")
                return found, otherwise
            found.append((self._condition(), self._value()))
            if not self._take(";") and self._peek().kind != "end":
                self._refuse("expected ';' before the next rule")
            if self._peek().kind == "end":
                return found, (False, 0.0) if self._task is Task.BINARY else untrained(self._task)

    def _value(self, *, arrow: bool = True) -> Answer:
        if not self._take("->") and arrow:
            self._refuse("expected '->' and a value")
        token = self._peek()
        if self._task is Task.MULTICLASS:
            if token.kind not in {"number", "text", "quoted"} and token.text not in {"true", "false"}:
                self._refuse("expected a class: text in quotes, a whole number, true or false")
            self._next += 1
            raw: object = float(token.text) if token.kind == "number" else self._unquote(token)
            try:
                return certain(self._task, spell_class(raw))
            except MessageError:
                problem = "a class is text in quotes, a whole number, true or false"
                self._refuse(problem, token)
        value = self._number("expected a number")
        if self._task is Task.REGRESSION:
            return value, value
        if not 0.0 <= value <= 1.0:
            self._refuse("a binary rule's value is a probability in [0, 1]", token)
        return value > 0.5, value

    def _condition(self) -> _Condition:
        parts = [self._conjunction()]
        while self._take("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else lambda x: any(part(x) for part in parts)

    def _conjunction(self) -> _Condition:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else lambda x: all(part(x) for part in parts)

    def _negation(self) -> _Condition:
        self._depth += 1
        if self._depth > DEPTH_MAX:
            self._refuse(f"nested more than {DEPTH_MAX} deep")
        if self._take("not"):
            inner = self._negation()
            result: _Condition = lambda x: not inner(x)  # noqa: E731  (closures are this parser's output)
        elif self._take("("):
            result = self._condition()
            if not self._take(")"):
                self._refuse("expected ')'")
        else:
            result = self._comparison()
        self._depth -= 1
        return result

    def _comparison(self) -> _Condition:
        name = self._name()
        sign = self._peek()
        if sign.text in _ORDER and sign.kind == "sign":
            self._next += 1
            return _ordered(name, _ORDER[sign.text], self._number(f"{sign.text} compares numbers; expected one"))
        if self._take("=="):
            return _among(name, (self._literal(),), among=True)
        if self._take("!="):
            return _among(name, (self._literal(),), among=False)
        if self._take("is"):
            missing = not self._take("not")
            if not self._take("missing"):
                self._refuse("expected 'missing'")
            self.reads_text = True  # a column of the one-hot view is missing in another sense
            return lambda x: (name not in x) is missing
        positive = not self._take("not")
        if self._take("in"):
            return _among(name, self._list(), among=positive)
        if not self._take("matches"):
            self._refuse("expected a comparison: < <= > >= == !=, in, not in, matches, not matches, is missing")
        return _matching(name, self._pattern(), found=positive)

    def _name(self) -> str:
        token = self._peek()
        if token.kind != "quoted" and (token.kind != "word" or token.text in _RESERVED):
            self._refuse("expected a feature's name (odd names go in `backticks`)")
        self._next += 1
        return token.text[1:-1] if token.kind == "quoted" else token.text

    def _list(self) -> tuple[float | str, ...]:
        if not self._take("["):
            self._refuse("expected '[' and a list of values")
        values = [self._literal()]
        while self._take(","):
            values.append(self._literal())
        if not self._take("]"):
            self._refuse("expected ',' or ']'")
        return tuple(values)

    def _literal(self) -> float | str:
        token = self._peek()
        if self._is_text(token):
            self._next += 1
            self.reads_text = True
            return self._unquote(token)
        return self._number("expected a number, or text in quotes")

    def _number(self, expected: str) -> float:
        token = self._peek()
        if token.kind != "number":
            self._refuse(expected)
        self._next += 1
        value = float(token.text)
        if not isfinite(value):
            self._refuse("the number is too large", token)
        return value

    def _pattern(self) -> re.Pattern[str]:
        token = self._peek()
        if not self._is_text(token):
            self._refuse("expected a pattern in quotes")
        self._next += 1
        self.reads_text = True
        pattern = self._unquote(token)
        if len(pattern) > PATTERN_CHARS_MAX:
            self._refuse(f"the pattern has more than {PATTERN_CHARS_MAX} characters", token)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            self._refuse(f"the pattern is no regular expression: {error}", token)

    @staticmethod
    def _unquote(token: _Token) -> str:
        if token.kind == "text":
            return token.text[1:-1].replace("\\'", "'")
        return token.text[1:-1] if token.kind == "quoted" else token.text

    @staticmethod
    def _is_text(token: _Token) -> bool:
        """Whether a token in the place of a value is text: in backticks it would be a name."""
        return token.kind == "text" or (token.kind == "quoted" and token.text[0] == '"')

    def _peek(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, text: str) -> bool:
        token = self._tokens[self._next]
        if token.text != text or token.kind not in {"word", "sign"}:
            return False
        self._next += 1
        return True

    def _split(self) -> list[_Token]:
        tokens: list[_Token] = []
        at = 0
        while at < len(self._text):
            if self._text[at].isspace():
                at += 1
                continue
            match = _TOKEN.match(self._text, at)
            if match is None or match.lastgroup is None:
                self._refuse("this is no word, number, quoted text or sign", _Token("", "", at))
            tokens.append(_Token(match.lastgroup, match.group(), at))
            at = match.end()
        tokens.append(_Token("end", "", len(self._text)))
        return tokens

    def _refuse(self, problem: str, token: _Token | None = None) -> NoReturn:
        at = (token or self._peek()).at
        first = max(0, at - 50)
        shown = "".join(" " if char.isspace() else char for char in self._text[first : at + 30])
        msg = f"rules: {problem}, at character {at + 1}\n  {shown}\n  {' ' * (at - first)}^"
        raise ConfigError(msg) from None


def _ordered(name: str, compare: Callable[[Any, Any], bool], bound: float) -> _Condition:
    def holds(x: Features) -> bool:
        value = x.get(name)
        return isinstance(value, int | float) and compare(value, bound)

    return holds


def _among(name: str, values: tuple[float | str, ...], *, among: bool) -> _Condition:
    members = frozenset(values)

    def holds(x: Features) -> bool:
        value = x.get(name)
        return value is not None and (value in members) is among

    return holds


def _matching(name: str, pattern: re.Pattern[str], *, found: bool) -> _Condition:
    def holds(x: Features) -> bool:
        value = x.get(name)
        return isinstance(value, str) and (pattern.search(value) is not None) is found

    return holds

"""From features by name to a row of numbers: which column a name has, and which number a text.

Names and texts get their numbers in the order in which they were first learned; a question adds none, so it changes no
later answer. A name that comes as a number at times and as a text at others has a column for each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import itemgetter
from struct import Struct
from struct import error as StructError  # noqa: N812 - the module's own name says nothing at a distance
from typing import Any, Final

from engine.errors import ModelError, SnapshotError
from engine.messages import Features

HEAD_COUNT: Final = 3
"""Numbers before the features in a row: what to do, the target, the weight."""

COLUMNS_COUNT_MAX: Final = 10_000
"""Names that get a column of their own; one more is refused."""

TEXTS_COUNT_MAX: Final = 100_000
"""Texts of one name that get a number of their own; one more is refused."""

CODED_COUNT_MAX: Final = 10_000
"""Texts of one name whose code is remembered, so that it is not computed again; one more and they are dropped."""

MISSING: Final = float("nan")
UNKNOWN: Final = -1.0
"""What stands for a text that was never learned."""


class Vectors:
    """Writes features as rows of float64.

    Parameters
    ----------
    code
        Gives the number of a text of a column, a pure function of (name, text). None numbers texts as they are learned.

    Attributes
    ----------
    is_text
        For each column whether its numbers stand for texts.
    row_bytes
        How long a row is.
    """

    def __init__(self, code: Callable[[str, str], int] | None = None) -> None:
        self._code = code
        self._columns: dict[tuple[str, bool], int] = {}
        self._texts: dict[int, dict[str, int]] = {}
        self._lay()

    def _lay(self) -> None:
        """Prepare the short way: a row in which each column is there, and what it was."""
        self.is_text = [is_text for _, is_text in self._columns]
        self.width = len(self.is_text)
        self.row_bytes = 8 * (HEAD_COUNT + self.width)
        self._pack_into = Struct(f"{HEAD_COUNT + self.width}d").pack_into
        names = self.names
        self._of_numbers = {name: column for (name, is_text), column in self._columns.items() if not is_text}
        self._of_texts = {name: column for (name, is_text), column in self._columns.items() if is_text}
        self._coded: dict[int, dict[str, float]] = {column: {} for column in self._of_texts.values()}
        # One name would give its value instead of a tuple; none is no call at all.
        self._values: Callable[[Features], Iterable[Any]] | None = None
        if self.width > 1 and len(set(names)) == self.width:
            self._values = itemgetter(*names)

    @property
    def names(self) -> list[str]:
        """The feature's name of each column."""
        return [name for name, _ in self._columns]

    def columns_of(self, names: Iterable[str]) -> list[int]:
        """Return the columns that hold the numbers of these names, which are known."""
        return [self._columns[name, False] for name in names]

    def text_counts(self) -> list[int]:
        """Return how many texts each column has numbered; 0 for a column of numbers."""
        return [len(self._texts.get(column, ())) for column in range(self.width)]

    def texts(self) -> list[list[str]]:
        """Return the texts of each column in the order of their numbers; none for a column of numbers."""
        return [list(self._texts.get(column, ())) for column in range(self.width)]

    def write(self, buffer: bytearray, offset: int, head: tuple[float, float, float], x: Features) -> bool:
        """Write a row, of what is known so far alone; say whether that surely is all. Cost: 0.5 us for 20 numbers."""
        if self._values is not None:
            try:
                if self._of_texts:
                    values = list(self._values(x))
                    known = self._number_texts(values)
                    self._pack_into(buffer, offset, *head, *values)
                    return known and len(x) == self.width
                self._pack_into(buffer, offset, *head, *self._values(x))
            except (KeyError, StructError):
                pass  # something is missing, or a text where there were numbers, or the reverse
            else:
                return len(x) == self.width
        numbers: list[Any] = [MISSING] * self.width
        of_numbers, of_texts = self._of_numbers, self._of_texts
        for name, value in x.items():
            if type(value) is str:
                if (column := of_texts.get(name)) is not None:
                    numbers[column] = self._number(column, name, value)
            elif (column := of_numbers.get(name)) is not None:
                numbers[column] = value
        self._pack_into(buffer, offset, *head, *numbers)
        return False

    def _number_texts(self, values: list[Any]) -> bool:
        """Put numbers in the place of texts; say whether all were known. A number among the texts is a `KeyError`."""
        known = True
        for name, column in self._of_texts.items():
            text = values[column]
            if type(text) is not str:
                raise KeyError(name)
            number = self._number(column, name, text)
            known = known and number != UNKNOWN
            values[column] = number
        return known

    def _number(self, column: int, name: str, text: str) -> float:
        if self._code is None:
            return self._texts[column].get(text, UNKNOWN)
        coded = self._coded[column]
        number = coded.get(text)
        if number is None:
            if len(coded) == CODED_COUNT_MAX:
                coded.clear()
            number = coded[text] = float(self._code(name, text))
        return number

    def knows(self, x: Features) -> bool:
        """Say whether there is nothing in the features that has no number yet."""
        for name, value in x.items():
            column = (self._of_texts if type(value) is str else self._of_numbers).get(name)
            if column is None or (column in self._texts and value not in self._texts[column]):
                return False
        return True

    def admit(self, x: Features) -> None:
        """Give what is new in the features its number.

        Raises
        ------
        ModelError
            A bound is passed. Nothing has changed then.
        """
        fresh = [key for name, value in x.items() if (key := (name, type(value) is str)) not in self._columns]
        if len(self._columns) + len(fresh) > COLUMNS_COUNT_MAX:
            msg = f"more than {COLUMNS_COUNT_MAX:,} features; a compiled model keeps a column for each"
            raise ModelError(msg)
        for name, value in x.items():
            texts = self._texts.get(self._columns.get((name, True), -1), {})
            if len(texts) >= TEXTS_COUNT_MAX and type(value) is str and value not in texts:
                msg = f"more than {TEXTS_COUNT_MAX:,} texts of {name!r}; a compiled model keeps a number for each"
                raise ModelError(msg)

        for key in fresh:
            if key[1] and self._code is None:
                self._texts[len(self._columns)] = {}
            self._columns[key] = len(self._columns)
        if self._code is None:
            for name, value in x.items():
                if type(value) is str:
                    texts = self._texts[self._columns[name, True]]
                    texts.setdefault(value, len(texts))
        if fresh:
            self._lay()

    def snapshot(self) -> dict[str, Any]:
        """Return the columns and texts as plain data."""
        return {
            "columns": [[name, is_text] for name, is_text in self._columns],
            "texts": [[column, list(texts)] for column, texts in self._texts.items()],
        }

    def restore(self, state: Any) -> None:
        """Take back what `snapshot` returned."""
        try:
            columns = {(str(name), bool(is_text)): place for place, (name, is_text) in enumerate(state["columns"])}
            texts = {
                int(column): {text: number for number, text in enumerate(known)} for column, known in state["texts"]
            }
        except (KeyError, TypeError, ValueError):
            msg = f"a compiled model keeps its columns and texts, got {state!r:.80}"
            raise SnapshotError(msg) from None
        self._columns, self._texts = columns, texts
        self._lay()

"""A model whose state is a few arrays and whose steps a kernel takes: what all of them share.

Here names become columns, classes become numbers, and arrays get more room; what is learned, and how, each kernel file
in `engine/kernels` says. A run of steps is one call of the kernel, and gives what as many calls of one step would.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar, Final, cast

import numpy as np
import numpy.typing as npt

from engine.errors import SnapshotError
from engine.kernels.loading import entry, load
from engine.messages import Answer, Features, Target
from engine.models.answers import untrained
from engine.models.compiled.vectors import HEAD_COUNT, Vectors
from engine.models.feature_view import Need
from engine.models.model import Act
from engine.targets import Task

RUN_COUNT: Final = 256
"""Steps handed to a kernel at once, at most: it bounds the longest unbroken work."""

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]

TABLE_COUNT: Final = 4_096
"""Rows of a table laid out at once: they stay in the processor's cache until the kernel has read them."""

LEARN: Final = 1.0
BOTH: Final = 2.0
ASKED: Final = (0.0, 0.0, 1.0)
"""What begins the row of an example, of both at once, and of a question: see `engine.kernels.ground`."""


class Compiled(ABC):
    """A compiled model for one task.

    Parameters
    ----------
    task
        What is predicted.
    code
        See `Vectors`.

    Notes
    -----
    A name that is not in the features is missing, and what that means each model says. One writer, and no reader beside
    it: whoever else wants to ask restores a snapshot into a model of their own. Equal steps give equal bytes, in one
    run or in many, in every process on machines of one kind.
    """

    kernel: ClassVar[str]
    """The file in `engine/kernels`, whose `take(*arrays, rows, answers, begin)` takes steps."""
    format: ClassVar[int] = 1
    """The version of the arrays' layout."""
    tasks: ClassVar[frozenset[Task]]
    need: ClassVar[Need] = "mixed"

    def __init__(self, task: Task, *, code: Callable[[str, str], int] | None = None) -> None:
        self._task = task
        self._is_binary = task is Task.BINARY
        self._vectors = Vectors(code)
        self._write = self._vectors.write
        self._classes: list[Target] = []
        self._numbers: dict[Target, int] = {}
        self._kernel = load(self.kernel)
        self._take_from = entry(self.kernel)
        self._arrays: tuple[Array, ...] = self._begin()
        self._lay()

    @abstractmethod
    def _begin(self) -> tuple[Array, ...]:
        """Return the arrays of a model that has learned nothing, and knows no column and no class."""

    @abstractmethod
    def _room(self) -> tuple[Array, ...]:
        """Return the arrays with room for the columns, texts and classes there are, and for what the kernel asked."""

    def _answer(self, row: Floats) -> Answer:
        """Return what a row of answers says: by default the probabilities of the classes, in their order."""
        classes = self._classes
        if not classes:
            return untrained(self._task)
        shares = row.tolist()
        best = shares.index(max(shares))
        if self._is_binary:
            number = self._numbers.get(True)
            return bool(classes[best]), 0.0 if number is None else shares[number]
        return classes[best], dict(zip(classes, shares, strict=True))

    def _target(self, target: Target) -> float:
        """Return the number that stands for a target: by default that of its class."""
        return float(self._numbers[target])

    def _unknown(self, targets: Sequence[Target]) -> set[Target]:
        """Return the targets for which the arrays have no room."""
        return set(targets) - self._numbers.keys()

    def _target_numbers(self, targets: Sequence[Target]) -> Sequence[float]:
        """Return the numbers that stand for targets which are known."""
        return list(map(self._numbers.__getitem__, targets))

    def _knows(self, target: Target) -> bool:
        """Say whether the arrays have room for the target."""
        return target in self._numbers

    @property
    def _answer_count(self) -> int:
        """How many numbers an answer has."""
        return max(1, len(self._classes))

    def _lay(self) -> None:
        """Make room for one step, so that steps cost no allocation."""
        width, answer_count = HEAD_COUNT + self._vectors.width, self._answer_count
        self._one = bytearray(8 * width)
        self._one_row = np.frombuffer(self._one, dtype=np.float64).reshape(1, width)
        self._one_answer = np.zeros((1, answer_count))
        self._said = self._one_answer[0]
        self._run = bytearray()

    def _lay_run(self) -> None:
        """Make room for a run of steps, where one is wanted."""
        width = HEAD_COUNT + self._vectors.width
        self._run = bytearray(8 * width * RUN_COUNT)
        self._run_rows = np.frombuffer(self._run, dtype=np.float64).reshape(RUN_COUNT, width)
        self._run_answers = np.zeros((RUN_COUNT, self._answer_count))

    def _take(self, rows: Floats, answers: Floats) -> None:
        taken, count = 0, len(rows)
        while (taken := self._take_from(*self._arrays, rows, answers, taken)) < count:
            self._arrays = self._room()

    def predict(self, x: Features) -> Answer:
        """Return (decision, score)."""
        self._write(self._one, 0, ASKED, x)
        if not self._take_from(*self._arrays, self._one_row, self._one_answer, 0):
            self._take(self._one_row, self._one_answer)
        return self._answer(self._said)

    def learn(self, x: Features, target: Target, weight: float) -> None:
        """Learn one example."""
        if not self._knows(target):
            self._admit(x, target)
        head = (LEARN, self._target(target), weight)
        if not self._write(self._one, 0, head, x) and not self._vectors.knows(x):
            self._admit(x, target)
            self._write(self._one, 0, head, x)
        if not self._take_from(*self._arrays, self._one_row, self._one_answer, 0):
            self._take(self._one_row, self._one_answer)

    def _admit(self, x: Features, target: Target) -> None:
        """Make room for what is new in an example."""
        self._admit_names(x)
        if not self._knows(target):
            self._numbers[target] = len(self._classes)
            self._classes.append(target)
        self._arrays = self._room()
        self._lay()

    def _admit_names(self, x: Features) -> None:
        """Give names and texts that are new their numbers; where a bound is passed, raise and change nothing."""
        self._vectors.admit(x)

    def run(self, acts: Iterable[Act], answers: list[Answer]) -> None:
        """Take steps in order, many in one call of the kernel: see `engine.models.model.Runs`."""
        asked: list[int] = []
        count = 0
        if not self._run:
            self._lay_run()
        try:
            for x, target, weight in acts:
                if count == RUN_COUNT:
                    count = self._flush(count, asked, answers)
                place = count * self._vectors.row_bytes
                if target is None:
                    self._write(self._run, place, ASKED, x)
                    asked.append(count)
                elif not self._fits(place, x, target, weight):
                    count = self._flush(count, asked, answers)
                    self._admit(x, target)
                    self._lay_run()
                    self._write(self._run, 0, (LEARN, self._target(target), weight), x)
                count += 1
        finally:
            self._flush(count, asked, answers)

    def _fits(self, place: int, x: Features, target: Target, weight: float) -> bool:
        """Write an example as a step of the run; say whether there is room for all that is in it."""
        if not self._knows(target):
            return False
        head = (LEARN, self._target(target), weight)
        return self._write(self._run, place, head, x) or self._vectors.knows(x)

    def _flush(self, count: int, asked: list[int], answers: list[Answer]) -> int:
        """Take the first steps written; return how many are left, which is none."""
        if count:
            self._take(self._run_rows[:count], self._run_answers)
        answers += [self._answer(self._run_answers[place]) for place in asked]
        asked.clear()
        return 0

    def _two(self, x: Features) -> tuple[int, int]:
        """Return the numbers of the two classes whose odds are explained: True and False, or the two best answers."""
        self.predict(x)
        if self._is_binary:
            return self._numbers[True], self._numbers[False]
        shares = self._one_answer[0].tolist()
        best, other = sorted(range(len(shares)), key=shares.__getitem__, reverse=True)[:2]
        return best, other

    def test_then_train(self, names: Sequence[str], table: Floats, targets: Sequence[Target]) -> Floats:
        """Answer each row of a table and then learn it, in order, without a dictionary for each.

        Parameters
        ----------
        names
            The features the table's columns are, all of them numbers.
        table
            Shape (n, len(names)); NaN where a value is missing.
        targets
            The n targets.

        Returns
        -------
        The numbers of the n answers: of each class in the order of `classes`, 0 where it had not been learned yet; for
        a model without classes one column.
        """
        self._admit_names(dict.fromkeys(names, 0.0))
        columns = self._vectors.columns_of(names)
        begins = sorted({0, *(targets.index(target) for target in self._unknown(targets))})
        found: list[Floats] = []
        for begin, end in zip(begins, [*begins[1:], len(targets)], strict=True):
            if begin < end:
                found.append(self._test_then_train(columns, table[begin:end], targets[begin:end]))
        answers = np.zeros((len(targets), self._answer_count))
        place = 0
        for part in found:
            answers[place : place + len(part), : part.shape[1]] = part
            place += len(part)
        return answers

    def _test_then_train(self, columns: list[int], table: Floats, targets: Sequence[Target]) -> Floats:
        """Take rows of which the first alone can have a target that is new."""
        if not self._knows(targets[0]) or self._one_row.shape[1] != HEAD_COUNT + self._vectors.width:
            self._admit({}, targets[0])
        answers = np.zeros((len(table), self._answer_count))
        rows = np.full((min(TABLE_COUNT, len(table)), HEAD_COUNT + self._vectors.width), np.nan)
        rows[:, 0], rows[:, 2] = BOTH, 1.0
        places = _places(columns)
        for begin in range(0, len(table), TABLE_COUNT):
            part = table[begin : begin + TABLE_COUNT]
            rows[: len(part), places] = part
            rows[: len(part), 1] = self._target_numbers(targets[begin : begin + TABLE_COUNT])
            self._take(rows[: len(part)], answers[begin : begin + TABLE_COUNT])
        return answers

    @property
    def classes(self) -> tuple[Target, ...]:
        """The classes, in the order in which they were first learned."""
        return tuple(self._classes)

    @property
    def memory_bytes(self) -> int:
        """How much the arrays take."""
        return sum(array.nbytes for array in self._arrays)

    def snapshot(self) -> object:
        """Return columns, classes and the arrays' bytes."""
        return {
            "kernel": self.kernel,
            "format": self.format,
            "vectors": self._vectors.snapshot(),
            "classes": list(self._classes),
            "arrays": [array.copy() for array in self._arrays],
        }

    def _check(self, arrays: Sequence[Array]) -> None:
        """Refuse a snapshot's arrays where they are none that this model could hold."""
        if [(each.dtype, each.ndim) for each in arrays] != [(each.dtype, each.ndim) for each in self._arrays]:
            msg = f"{self.kernel} keeps {len(self._arrays)} arrays of other kinds than the snapshot holds"
            raise SnapshotError(msg)

    def restore(self, state: object) -> None:
        """Take back what `snapshot` returned."""
        asked = {"kernel": self.kernel, "format": self.format}
        if not isinstance(state, dict) or {name: state.get(name) for name in asked} != asked:
            msg = f"{self.kernel} keeps arrays of format {self.format}, got {state!r:.80}"
            raise SnapshotError(msg)
        arrays = tuple(np.array(array, order="C") for array in state["arrays"])
        self._check(arrays)
        self._vectors.restore(state["vectors"])
        self._classes = list(state["classes"])
        self._numbers = {name: number for number, name in enumerate(self._classes)}
        self._arrays = arrays
        self._lay()


def _places(columns: list[int]) -> slice | list[int]:
    """Return where columns stand in a row: a slice, which is written at once, where they are neighbours in order."""
    places = [HEAD_COUNT + column for column in columns]
    if places and places == list(range(places[0], places[0] + len(places))):
        return slice(places[0], places[0] + len(places))
    return places


class CompiledNumber(Compiled):
    """A compiled model that answers with one number, which its kernel keeps finite, and has no classes to count."""

    def _answer(self, row: Floats) -> Answer:
        value = row.item(0)
        if self._is_binary:
            return value > 0.5, value
        return value, value

    def _target(self, target: Target) -> float:
        return float(target)

    def _unknown(self, targets: Sequence[Target]) -> set[Target]:  # noqa: ARG002 - the base class's signature
        return set()

    def _target_numbers(self, targets: Sequence[Target]) -> Sequence[float]:
        return cast("Sequence[float]", targets)

    def _knows(self, target: Target) -> bool:  # noqa: ARG002 - the base class's signature
        return True

"""What `logistic()`, `linear()` and `softmax()` share: names become features, features get weights, arrays get room."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Final, TypeAlias
from zlib import crc32

import numpy as np

from engine.errors import ConfigError, ModelError, SnapshotError
from engine.messages import Features
from engine.models.compiled.descent import Optimizer
from engine.models.compiled.model import Array, Compiled
from engine.models.compiled.part import expect_part
from engine.models.compiled.vectors import HEAD_COUNT
from engine.targets import Task

HASH_BITS_MAX: Final = 24
PAIRS_COUNT_MAX: Final = 10_000
"""Pairs of features that get a weight each; one more is refused."""

COUNT, MEAN, VARIANCE, SCALE, KEY = range(5)
KEY_OF_PAIR: Final = -2.0
NUMBER_MAX: Final = 1e100
STEPS, INTERCEPT, PENALTY, SEEN, SHARE = range(5)
ADAGRAD, ADAM, FTRL = 1.0, 2.0, 3.0
"""The kernel's: see `engine.kernels.scaling`, `descent` and `linear`."""

Pairs: TypeAlias = bool | Sequence[Sequence[str]]


class Glm(Compiled):
    """A weighted sum of features for each output.

    Parameters
    ----------
    task
        What is predicted.
    optimizer
        How weights move.
    hash_bits
        Texts, and pairs that have one, share 2^hash_bits weights; from 1 to 24. Kept from the first text on.
    pairs
        Products of two features beside these themselves: True for all, or a list of pairs of names; 10,000 at most.
    scaled
        Whether numbers are taken in standard deviations from their mean so far, or as they come.
    """

    kernel = "linear"
    loss_number: ClassVar[float]

    def __init__(self, task: Task, optimizer: Optimizer, *, hash_bits: int, pairs: Pairs, scaled: bool) -> None:
        if isinstance(hash_bits, bool) or not isinstance(hash_bits, int) or not 1 <= hash_bits <= HASH_BITS_MAX:
            msg = f"{self.spec_name}'s hash_bits must be a whole number from 1 to {HASH_BITS_MAX}, got {hash_bits!r}"
            raise ConfigError(msg)
        kinds = "sgd(), adagrad(), adam() or ftrl()"
        self._optimizer = expect_part(self.spec_name, "optimizer", optimizer, Optimizer, kinds)
        self._bucket_count = 1 << hash_bits
        self._pairs = _read_pairs(self.spec_name, pairs)
        self._scaled = expect_part(self.spec_name, "scaled", scaled, bool, "True or False")
        super().__init__(task, code=checksum)

    @property
    def spec_name(self) -> str:
        """The model's name in a spec."""
        return type(self).__name__.lower()

    @property
    def _loss(self) -> tuple[float, float]:
        """The loss's number in the kernel, and its parameter."""
        return self.loss_number, 0.0

    @property
    def _shares(self) -> list[float]:
        """What an example of each class weighs; for a number there is one class."""
        return [1.0]

    @property
    def _output_count(self) -> int:
        return 1

    @property
    def _print(self) -> object:
        """The parameters that arrays alone do not show, for a checksum."""
        pairs = self._pairs if isinstance(self._pairs, bool) else sorted(map(sorted, self._pairs))
        return [pairs, self._bucket_count]

    def _settings(self) -> list[float]:
        """Return the first row of the state."""
        checked = float(crc32(repr(self._print).encode(errors="surrogatepass")))
        optimizer = self._optimizer
        return [*optimizer.settings, *self._loss, float(optimizer.clip_gradient), float(self._scaled), checked]

    def _begin(self) -> tuple[Array, ...]:
        self._arrays = (
            np.zeros((0, 0, self._optimizer.cell_count)),
            np.zeros((0, 5)),
            np.array([self._settings()]),
        )
        return self._room()

    def _room(self) -> tuple[Array, ...]:
        weights, columns, state = self._arrays
        names, is_text = self._vectors.names, self._vectors.is_text
        pairs = list(self._pairs_of(list(zip(names, is_text, strict=True))))
        count, before = len(names), int(np.count_nonzero(columns[:, KEY] != KEY_OF_PAIR))
        laid = np.zeros((count + len(pairs), 5))
        laid[:before] = columns[:before]
        laid[before:count, SCALE] = not self._scaled
        laid[before:count, KEY] = [
            -1.0 if text else checksum(name, "") for name, text in list(zip(names, is_text, strict=True))[before:]
        ]
        laid[count:, KEY] = KEY_OF_PAIR
        if pairs:
            laid[count:, :2] = pairs
        buckets = self._bucket_count if any(is_text) else 0
        moved = np.zeros((self._output_count, len(laid) + buckets, self._optimizer.cell_count))
        known = len(weights)
        moved[:known, :before] = weights[:, :before]
        moved[:known, count : count + len(columns) - before] = weights[:, before : len(columns)]
        if weights.shape[1] > len(columns):
            moved[:known, len(laid) :] = weights[:, len(columns) :]
        return moved, laid, self._room_for_classes(state)

    def _room_for_classes(self, state: Array) -> Array:
        shares = self._shares
        laid = np.zeros((1 + len(shares), state.shape[1]))
        laid[: len(state)] = state
        laid[1:, SHARE] = shares
        return laid

    def _pairs_of(self, columns: Sequence[tuple[str, bool]]) -> Iterator[tuple[int, int]]:
        """Yield the pairs of columns that have a weight; those of more columns begin with those of fewer."""
        if not self._pairs:
            return
        for second, (name, _) in enumerate(columns):
            for first in range(second):
                other = columns[first][0]
                if other != name and (self._pairs is True or frozenset((other, name)) in self._pairs):
                    yield first, second

    def _admit_names(self, x: Features) -> None:
        columns = dict.fromkeys(zip(self._vectors.names, self._vectors.is_text, strict=True))
        columns.update(((name, type(value) is str), None) for name, value in x.items())
        if sum(1 for _ in self._pairs_of(list(columns))) > PAIRS_COUNT_MAX:
            msg = f"more than {PAIRS_COUNT_MAX:,} pairs of features; {self.spec_name} keeps a weight for each"
            raise ModelError(msg)
        super()._admit_names(x)

    def _check(self, arrays: Sequence[Array]) -> None:
        super()._check(arrays)
        if arrays[2].shape[1:] != (len(self._settings()),) or arrays[2][0].tolist() != self._settings():
            msg = f"the snapshot is that of a {self.kernel} model with other parameters"
            raise SnapshotError(msg)

    def forget(self, keep: float) -> None:
        """Have features say `keep` times as much as they did, and have what comes next count for more.

        Weights shrink by `keep`, and the intercept, the level, stays. Past gradients count in optimisers as if each had
        been `keep` times as large, past steps in schedules, past examples in the scaling and the balance of classes as
        if there had been `keep` times as many.
        """
        weights, columns, state = self._arrays
        columns[columns[:, KEY] >= 0.0, COUNT] *= keep
        state[1:, [STEPS, PENALTY, SEEN]] *= keep
        weights *= keep
        squares = {ADAGRAD: 1, ADAM: 2, FTRL: 2}.get(self._optimizer.number)
        if squares is not None:
            weights[:, :, squares] *= keep
        if self._optimizer.number == FTRL:
            self._pull_towards_weights()

    def _pull_towards_weights(self) -> None:
        """Give FTRL's z the value from which each weight follows, where it is not 0."""
        weights, ftrl = self._arrays[0], self._optimizer
        kept = weights[:, :, 0]
        rate = (ftrl.shape[2] + np.sqrt(weights[:, :, 2])) / ftrl.settings[1] + ftrl.l2
        weights[:, :, 1] = np.where(kept == 0.0, weights[:, :, 1], -kept * rate - np.sign(kept) * ftrl.l1)

    def _parts(self, x: Features, output: int) -> Iterator[tuple[str, float]]:
        """Yield the name of each feature there is, and what it adds to an output's sum, in the kernel's order."""
        weights, columns, _ = self._arrays
        self._vectors.write(self._one, 0, (0.0, 0.0, 1.0), x)
        row = self._one_row[0, HEAD_COUNT:].tolist()
        buckets = max(1, weights.shape[1] - len(columns))
        names = self._vectors.names
        for place, column in enumerate(columns.tolist()):
            members = [place] if place < len(row) else [int(column[0]), int(column[1])]
            if not all(abs(row[member]) <= NUMBER_MAX for member in members):
                continue
            value, keys, texts = 1.0, [], 0
            for member in members:
                _, mean, _, scale, key = columns[member].tolist()
                texts += key < 0.0
                keys.append(int(row[member]) if key < 0.0 else int(key))
                value *= 1.0 if key < 0.0 else _bounded((row[member] - mean) * scale)
            slot = place if not texts else len(columns) + (keys[0] if len(keys) == 1 else _crossed(*keys)) % buckets
            yield " * ".join(names[member] for member in members), float(weights[output, slot, 0]) * _bounded(value)


def checksum(name: str, text: str) -> int:
    """Return 32 bits that stand for a text of a feature, the same in every process.

    >>> checksum("country", "NL")
    1908362594
    """
    return crc32(text.encode(errors="surrogatepass"), crc32(name.encode(errors="surrogatepass") + b"\0"))


def _bounded(value: float) -> float:
    return min(max(value, -NUMBER_MAX), NUMBER_MAX)


def _crossed(first: int, second: int) -> int:
    """Return what the kernel's `crossed` does."""
    mixed = ((first * 0x5BD1E995) & 0xFFFFFFFF) ^ second
    mixed = (mixed * 0x5BD1E995) & 0xFFFFFFFF
    return mixed ^ (mixed >> 15)


def _read_pairs(name: str, pairs: Pairs) -> bool | frozenset[frozenset[str]]:
    """Return whether all pairs are wanted, or which."""
    if isinstance(pairs, bool):
        return pairs or frozenset()
    if isinstance(pairs, list | tuple):
        wanted = [frozenset(pair) for pair in pairs if isinstance(pair, list | tuple)]
        if len(wanted) == len(pairs) and all(
            len(pair) == 2 and all(isinstance(member, str) for member in pair) for pair in wanted
        ):
            return frozenset(wanted)
    msg = f"{name}'s pairs must be True, False or a list of pairs of two names, got {pairs!r:.80}"
    raise ConfigError(msg)

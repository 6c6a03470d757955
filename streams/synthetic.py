"""Card payments that never were, in which everything is known: two rings of fraud, and how each changes its ways.

The generator of `sidestream demo`: a source like a file, and it writes itself as one, from which the same is read. It
knows nothing of engines or settings.

Each day has 250 payments, more by day than by night. A card has its usual amount, and an honest payment is about that,
anywhere, now and then several within an hour. A ring of fraud makes one payment in each stretch of 50, so that 4 in 100
are fraud: more than in life, and steadier, for the changes to show within a minute. Each follows one pattern until its
change, and another one after; a few of its payments follow none. A fraud is reported days later, an honest payment
never is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count, islice
from random import Random
from typing import NamedTuple, TypeAlias

from streams.ports import Record

COLUMNS = (
    *("id", "at", "card", "merchant", "country", "hour", "amount", "times_usual", "last_hour"),
    *("fraud", "reported_at"),
)
PAYMENT_COUNT = 34_000
PER_DAY = 250
CARD_COUNT = 900
START = datetime(2025, 1, 1, tzinfo=UTC)

STRETCH = 50
"""A ring makes one payment in each stretch of so many."""

ODD_SHARE = 0.01
"""Share of a ring's payments that follow no pattern."""

STRAY_SHARE = 0.0003
"""Share of frauds by nobody in particular: they look like any honest payment."""

REPORT_DAYS = (0.5, 4.0)
"""A fraud is reported so many days later, at least and at most."""

_MERCHANTS = {
    "groceries": 32,
    "restaurant": 18,
    "fuel": 12,
    "clothes": 11,
    "pharmacy": 9,
    "travel": 7,
    "electronics": 7,
    "gift_cards": 4,
}
_COUNTRIES = {"A1": 62, "B2": 20, "C3": 12, "D4": 4, "E5": 2}
_HOURS = (1, 1, 1, 1, 1, 2, 4, 7, 9, 9, 9, 10, 12, 11, 9, 9, 10, 12, 13, 12, 9, 7, 4, 2)


class Change(NamedTuple):
    """A change of the fraud pattern: its kind, the payment at which it begins, and over how many it goes."""

    kind: str
    onset: int
    width: int

    def share(self, index: int) -> float:
        """Return the share of the ring's payments that follow its new pattern at an index."""
        if not self.width:
            return float(index >= self.onset)
        return min(1.0, max(0.0, (index - self.onset) / self.width))


class _Payment(NamedTuple):
    """What tells a fraud: `times_usual` is the amount in amounts that are usual for the card."""

    merchant: str
    country: str
    times_usual: float
    last_hour: int


_Pattern: TypeAlias = Callable[[Random, _Payment], _Payment]


def _many_times_usual(random: Random, honest: _Payment) -> _Payment:
    return honest._replace(times_usual=random.uniform(8.0, 20.0))


def _many_small_ones(random: Random, honest: _Payment) -> _Payment:
    return honest._replace(times_usual=random.uniform(0.05, 0.3), last_hour=random.randrange(4, 10))


def _gift_cards_abroad(random: Random, honest: _Payment) -> _Payment:  # noqa: ARG001 - patterns are called alike
    return honest._replace(merchant="gift_cards", country="E5")


def _travel_abroad(random: Random, honest: _Payment) -> _Payment:  # noqa: ARG001 - patterns are called alike
    return honest._replace(merchant="travel", country="D4")


_RINGS: tuple[tuple[Change, _Pattern, _Pattern], ...] = (
    (Change("sudden", 10_000, 0), _many_times_usual, _many_small_ones),
    (Change("gradual", 20_000, 5_000), _gift_cards_abroad, _travel_abroad),
)

CHANGES = tuple(change for change, _, _ in _RINGS)
"""The changes, in the order in which they begin."""

RULES = "times_usual > 8 -> 0.9; merchant == 'gift_cards' and country == 'E5' -> 0.9; otherwise 0.01"
"""What an analyst had found out about both rings before they changed."""


class CardPayments:
    """The payments in order of time, as records whose fields are text, as a file's would be.

    Parameters
    ----------
    seed
        Equal seeds, equal payments.

    Notes
    -----
    About 50 µs a payment; nothing but the cards is held.
    """

    def __init__(self, seed: int) -> None:
        self.name = f"payments of seed {seed}"
        self._seed = seed
        self._done = 0

    def fraction(self) -> float:
        """Return how much has been read."""
        return self._done / PAYMENT_COUNT

    def __iter__(self) -> Iterator[Record]:
        """Yield the records."""
        for row, fields in enumerate(self.rows(), 1):
            self._done = row
            raw = (",".join(fields) + "\n").encode()
            yield Record(self.name, row, raw, dict(zip(COLUMNS, fields, strict=True)), None)

    def rows(self, payment_count: int | None = PAYMENT_COUNT) -> Iterator[tuple[str, ...]]:
        """Yield the fields of so many payments, of None without end: the rings keep to their last ways."""
        random = Random(f"payments:{self._seed}")
        usual = [random.lognormvariate(3.6, 0.5) for _ in range(CARD_COUNT)]
        rings = [_Ring(Random(f"ring:{self._seed}:{at}"), *ring) for at, ring in enumerate(_RINGS)]
        for index in islice(count(), payment_count):
            if index % PER_DAY == 0:
                times = _times(random, START + timedelta(days=index // PER_DAY))
            at = times[index % PER_DAY]
            payment = _Payment(
                _drawn(random, _MERCHANTS),
                _drawn(random, _COUNTRIES),
                random.lognormvariate(-0.2, 0.6),
                int(random.random() ** 24 * 3.0),
            )
            card = random.randrange(CARD_COUNT)
            is_fraud = random.random() < STRAY_SHARE
            reported = at + timedelta(days=random.uniform(*REPORT_DAYS))
            for ring in rings:
                if ring.next_index <= index:
                    is_fraud, payment = True, ring.pay(payment)
                    break
            yield (
                *(f"p{index}", _written(at), f"c{card:03d}", payment.merchant, payment.country, str(at.hour)),
                *(f"{usual[card] * payment.times_usual:.2f}", f"{payment.times_usual:.2f}", str(payment.last_hour)),
                *(str(int(is_fraud)), _written(reported) if is_fraud else ""),
            )


class _Ring:
    """When a ring pays next, and how: a steady business, in its new way too."""

    def __init__(self, random: Random, change: Change, before: _Pattern, after: _Pattern) -> None:
        self._random = random
        self._change = change
        self._patterns = (before, after)
        self._stretch = 0
        self._leaning = 0.0
        self._look_ahead()

    def _look_ahead(self) -> None:
        self.next_index = int((self._stretch + self._random.random()) * STRETCH)
        self._stretch += 1

    def pay(self, honest: _Payment) -> _Payment:
        """Return the payment that an honest one becomes."""
        self._leaning += self._change.share(self.next_index)
        moved = self._leaning >= 1.0
        self._leaning -= moved
        self._look_ahead()
        if self._random.random() < ODD_SHARE:
            return honest
        return self._patterns[moved](self._random, honest)


def day_of(index: int) -> datetime:
    """Return the day of a payment."""
    return START + timedelta(days=index // PER_DAY)


def _times(random: Random, day: datetime) -> list[datetime]:
    hours = random.choices(range(24), _HOURS, k=PER_DAY)
    return sorted(day + timedelta(seconds=3_600 * hour + int(3_600 * random.random())) for hour in hours)


def _drawn(random: Random, weights: Mapping[str, int]) -> str:
    return random.choices(list(weights), list(weights.values()))[0]


def _written(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"

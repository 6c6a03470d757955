"""Sequential McNemar: evidence from who was right where only one of the two was.

It counts and nothing else, so its state is two numbers that a person can check by hand.
"""

from __future__ import annotations

from math import exp, lgamma, log, log1p

_LOG_2 = log(2.0)
_NEGLIGIBLE = 2.0**-60


class McNemar:
    """Whether, of the events on which only one was right, the challenger has more than a fair coin would give it.

    With a events that only the challenger got right and b that only the champion did, the evidence is the likelihood of
    a coin drawn evenly from those that favour the challenger, over that of a fair coin:

        E = 2 P(p > 1/2 | p ~ Beta(1 + a, 1 + b)) B(1 + a, 1 + b) 2^(a + b)

    As long as the challenger's chance of being the right one is at most a half, given the past, E is a supermartingale
    that starts at 1. Differences must be -1, 0 or 1: losses are 0/1.

    Notes
    -----
    Adding is O(1). Reading sums a series of positive, falling terms: about 8 sqrt(a + b) of them where a and b are
    close, a handful where they are not. Results do not depend on the order of the differences.

    Examples
    --------
    >>> evidence = McNemar()
    >>> for d in (1, 1, 0, -1, 1):
    ...     evidence.add(d)
    >>> evidence.wins, evidence.losses, round(exp(evidence.log_e), 6)
    (3, 1, 1.3)
    """

    __slots__ = ("_count", "losses", "wins")

    def __init__(self) -> None:
        self.restart()

    @property
    def count(self) -> int:
        """How many differences were taken since the last restart, ties among them."""
        return self._count

    @property
    def log_e(self) -> float:
        """The logarithm of the evidence."""
        a, b = self.wins, self.losses
        if a <= b:
            return _log_lower(a, b)
        # E(a, b) + E(b, a) is the whole beta integral; with a > b the part taken off is the smaller half.
        whole = (a + b + 1) * _LOG_2 + lgamma(a + 1) + lgamma(b + 1) - lgamma(a + b + 2)
        return whole + log1p(-exp(_log_lower(b, a) - whole))

    def add(self, d: float) -> None:
        """Take one difference, -1, 0 or 1, or raise `ValueError` and change nothing."""
        if d == 1:
            self.wins += 1
        elif d == -1:
            self.losses += 1
        elif d != 0:
            msg = f"mcnemar takes differences of 0/1 losses, -1, 0 or 1, got {d!r}: use betting for other losses"
            raise ValueError(msg)
        self._count += 1

    def restart(self) -> None:
        """Forget everything."""
        self._count = self.wins = self.losses = 0

    def snapshot(self) -> list[int]:
        """Return the count, the wins and the losses of the challenger."""
        return [self._count, self.wins, self.losses]

    def restore(self, state: list[int]) -> None:
        """Take back what `snapshot` returned."""
        self._count, self.wins, self.losses = state


def _log_lower(a: int, b: int) -> float:
    """Return log E(a, b) for a <= b.

    The beta tail is a binomial one, P(p > 1/2) = P(Bin(a + b + 1, 1/2) <= a); taken from its largest term down,

        E = (1 + a/(b+2) + a(a-1)/((b+2)(b+3)) + ...) / (b + 1)
    """
    total = term = 1.0
    for k in range(a):
        term *= (a - k) / (b + 2 + k)
        total += term
        if term < total * _NEGLIGIBLE:
            break
    return log(total) - log(b + 1)
